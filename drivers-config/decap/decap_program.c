/* SPDX-License-Identifier: BSD-3-Clause */
#include "decap/decap_program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>

#include "decap.skel.h"

#define PROBE_FRAME_SIZE (ETH_HLEN + 60) /* an IPv4 header, and after it one of IPv6 */

struct decap_program {
	struct decap_bpf *bpf;
};

const char *decap_verdict_name(enum decap_verdict verdict)
{
	static const char *const names[] = {
#define DECAP_VERDICT_STRING(upper, lower, text) #lower,
		DECAP_VERDICT_TABLE(DECAP_VERDICT_STRING)
#undef DECAP_VERDICT_STRING
	};

	return names[verdict];
}

const char *decap_verdict_text(enum decap_verdict verdict)
{
	static const char *const texts[] = {
#define DECAP_VERDICT_TEXT(upper, lower, text) text,
		DECAP_VERDICT_TABLE(DECAP_VERDICT_TEXT)
#undef DECAP_VERDICT_TEXT
	};

	return texts[verdict];
}

/* Members of a set: the key is all there is to know. */
static int fill_set(const struct bpf_map *map, const void *keys, size_t key_size, size_t count)
{
	const uint8_t member = 1;

	for (size_t i = 0; i < count; i++) {
		const char *key = (const char *)keys + i * key_size;
		int result =
			bpf_map__update_elem(map, key, key_size, &member, sizeof(member), BPF_ANY);

		if (result < 0)
			return result;
	}
	return 0;
}

static int fill_maps(const struct decap_bpf *bpf, const struct decap_rules *rules,
	const uint8_t mac[DECAP_MAC_SIZE])
{
	struct decap_config config = {
		.magic = DECAP_MAGIC,
		.version = DECAP_VERSION,
		.locals = (__u32)rules->local_count,
		.pass_unknown = rules->pass_unknown,
	};
	const __u32 zero = 0;
	int result;

	memcpy(config.mac, mac, sizeof(config.mac));
	result = fill_set(bpf->maps.decap_sources, rules->sources, sizeof(rules->sources[0]),
		rules->source_count);
	if (result == 0)
		result = fill_set(bpf->maps.decap_vips, rules->vips, sizeof(rules->vips[0]),
			rules->vip_count);
	if (result == 0)
		result = fill_set(bpf->maps.decap_locals, rules->locals, sizeof(rules->locals[0]),
			rules->local_count);
	if (result == 0)
		result = bpf_map__update_elem(bpf->maps.decap_config, &zero, sizeof(zero), &config,
			sizeof(config), BPF_ANY);
	return result;
}

struct decap_program *decap_program_create(
	const struct decap_rules *rules, const uint8_t mac[DECAP_MAC_SIZE], struct error *error)
{
	struct decap_program *program = calloc(1, sizeof(*program));
	int result;

	if (program == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	program->bpf = decap_bpf__open_and_load();
	if (program->bpf == NULL) {
		error_set(error, -errno, "loading the BPF programs: %s", strerror(errno));
		goto fail;
	}
	result = fill_maps(program->bpf, rules, mac);
	if (result < 0) {
		error_set(error, result, "filling the BPF maps: %s", strerror(-result));
		goto fail;
	}
	return program;
fail:
	decap_program_destroy(program);
	return NULL;
}

void decap_program_destroy(struct decap_program *program)
{
	if (program == NULL)
		return;
	decap_bpf__destroy(program->bpf);
	free(program);
}

int decap_program_fd(const struct decap_program *program, enum decap_mode mode)
{
	if (mode == DECAP_MODE_TC)
		return bpf_program__fd(program->bpf->progs.sluice_decap_tc);
	return bpf_program__fd(program->bpf->progs.sluice_decap);
}

/* The map of that name among those of the program; its descriptor is the caller's. */
static int open_map(int program_fd, const char *name)
{
	__u32 ids[16] = { 0 };
	struct bpf_prog_info program = { .map_ids = (uintptr_t)ids, .nr_map_ids = 16 };
	__u32 size = sizeof(program);

	if (bpf_obj_get_info_by_fd(program_fd, &program, &size) < 0)
		return -errno;
	for (__u32 i = 0; i < program.nr_map_ids && i < 16; i++) {
		struct bpf_map_info map = { 0 };
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			return -errno;
		size = sizeof(map);
		if (bpf_obj_get_info_by_fd(fd, &map, &size) == 0 && strcmp(map.name, name) == 0)
			return fd;
		close(fd);
	}
	return -ENOENT;
}

/* The values are copied by the kernel, so a map of other sizes than ours must not get that far. */
static int open_map_like(
	int program_fd, const char *name, __u32 key_size, __u32 value_size, __u32 max_entries)
{
	struct bpf_map_info map = { 0 };
	__u32 size = sizeof(map);
	int fd = open_map(program_fd, name);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &map, &size) == 0 && map.key_size == key_size &&
		map.value_size == value_size && map.max_entries == max_entries)
		return fd;
	close(fd);
	return -ENOENT;
}

static int read_config(int program_fd, struct decap_config *config)
{
	const __u32 zero = 0;
	int fd = open_map_like(program_fd, DECAP_CONFIG_NAME, sizeof(zero), sizeof(*config), 1);
	int result;

	if (fd < 0)
		return fd;
	result = bpf_map_lookup_elem(fd, &zero, config);
	close(fd);
	return result < 0 || config->magic != DECAP_MAGIC ? -ENOENT : 0;
}

static int read_set(
	int program_fd, const char *name, void *keys, size_t key_size, size_t max, size_t *count)
{
	int fd = open_map_like(program_fd, name, (__u32)key_size, 1, (__u32)max);
	const void *last = NULL;
	char *key = keys;

	if (fd < 0)
		return fd;
	for (*count = 0; *count < max; (*count)++, key += key_size) {
		if (bpf_map_get_next_key(fd, last, key) < 0)
			break;
		last = key;
	}
	close(fd);
	return 0;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct decap_address *left = a, *right = b;

	if (left->family != right->family)
		return left->family < right->family ? -1 : 1;
	return memcmp(left->bytes, right->bytes, sizeof(left->bytes));
}

static int compare_prefixes(const void *a, const void *b)
{
	const struct decap_prefix *left = a, *right = b;
	int order = compare_addresses(&left->address, &right->address);

	return order != 0 ? order : (left->bits > right->bits) - (left->bits < right->bits);
}

static int read_rules(int program_fd, struct decap_rules *rules)
{
	int result = read_set(program_fd, DECAP_SOURCES_NAME, rules->sources,
		sizeof(rules->sources[0]), DECAP_SOURCES_MAX, &rules->source_count);

	if (result == 0)
		result = read_set(program_fd, DECAP_VIPS_NAME, rules->vips, sizeof(rules->vips[0]),
			DECAP_VIPS_MAX, &rules->vip_count);
	if (result == 0)
		result = read_set(program_fd, DECAP_LOCALS_NAME, rules->locals,
			sizeof(rules->locals[0]), DECAP_LOCALS_MAX, &rules->local_count);
	if (result < 0)
		return result;
	qsort(rules->sources, rules->source_count, sizeof(rules->sources[0]), compare_prefixes);
	qsort(rules->vips, rules->vip_count, sizeof(rules->vips[0]), compare_addresses);
	qsort(rules->locals, rules->local_count, sizeof(rules->locals[0]), compare_addresses);
	return 0;
}

static int read_verdicts(int program_fd, uint64_t verdicts[DECAP_VERDICT_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *shares;
	int fd, result = 0;

	if (cpus < 0)
		return cpus;
	fd = open_map_like(program_fd, DECAP_VERDICTS_NAME, sizeof(__u32), sizeof(*shares),
		DECAP_VERDICT_COUNT);
	if (fd < 0)
		return fd;
	shares = calloc((size_t)cpus, sizeof(*shares));
	if (shares == NULL)
		result = -ENOMEM;
	for (__u32 verdict = 0; result == 0 && verdict < DECAP_VERDICT_COUNT; verdict++) {
		verdicts[verdict] = 0;
		result = bpf_map_lookup_elem(fd, &verdict, shares);
		for (int cpu = 0; result == 0 && cpu < cpus; cpu++)
			verdicts[verdict] += shares[cpu];
	}
	free(shares);
	close(fd);
	return result;
}

bool decap_program_is_ours(int program_fd)
{
	struct decap_config config;

	return read_config(program_fd, &config) == 0;
}

int decap_program_describe(
	int program_fd, struct decap_description *description, struct error *error)
{
	struct decap_config config;
	int result = read_config(program_fd, &config);

	if (result < 0)
		return error_set(error, result, "the program is not one of sluice-decap");
	if (config.version != DECAP_VERSION)
		return error_set(error, -EPROTO,
			"the program was attached by another version of sluice-decap (%u, this is %u)",
			config.version, DECAP_VERSION);
	memcpy(description->mac, config.mac, sizeof(description->mac));
	description->rules.pass_unknown = config.pass_unknown != 0;
	result = read_rules(program_fd, &description->rules);
	if (result == 0)
		result = read_verdicts(program_fd, description->verdicts);
	if (result < 0)
		return error_set(error, result, "reading the BPF maps: %s", strerror(-result));
	return 0;
}

static bool has_family(const struct decap_rules *rules, __u32 source_family, __u32 vip_family)
{
	bool source = false, vip = false;

	for (size_t i = 0; i < rules->source_count; i++)
		source |= rules->sources[i].address.family == source_family;
	for (size_t i = 0; i < rules->vip_count; i++)
		vip |= rules->vips[i].family == vip_family;
	return source && vip;
}

/* Kernels before 6.3 cannot turn IPv4 into IPv6 in tc; they say so only when a packet is there. */
int decap_program_check_tc(
	const struct decap_program *program, const struct decap_rules *rules, struct error *error)
{
	unsigned char frame[PROBE_FRAME_SIZE] = { [12] = 0x08, [14] = 0x45 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame));
	int result;

	if (!has_family(rules, 4, 6) && !has_family(rules, 6, 4))
		return 0;
	result = bpf_prog_test_run_opts(bpf_program__fd(program->bpf->progs.sluice_probe_tc), &run);
	if (result < 0)
		return error_set(error, result, "trying the tc program: %s", strerror(-result));
	if (run.retval != 0)
		return error_set(error, -EOPNOTSUPP,
			"in tc this kernel cannot take IPv6 out of IPv4 or the other way round "
			"(Linux 6.3 can): use --mode xdp or --mode xdpgeneric");
	return 0;
}
