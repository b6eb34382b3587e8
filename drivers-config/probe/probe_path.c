/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe/probe_path.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/probe_device.h"
#include "probe_path.skel.h"

#define FILTER_HANDLE     1
#define FILTER_PREFERENCE 1

struct probe_path {
	struct probe_device device;
	struct path_bpf *bpf;
	uint32_t program_id;
	unsigned int processors;
	uint64_t *by_processor; /* one value of each, for probe_path_count() */
};

static struct bpf_tc_hook egress_hook(const struct probe_path *path)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)path->device.ifindex,
		.attach_point = BPF_TC_EGRESS);

	return hook;
}

/* libbpf complains of a clsact that exists, which is none. */
static int make_clsact(const struct probe_path *path)
{
	struct bpf_tc_hook hook = egress_hook(path);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int result = bpf_tc_hook_create(&hook);

	libbpf_set_print(print);
	return result == -EEXIST ? 0 : result;
}

static int attach_program(const struct probe_path *path, struct error *error)
{
	struct bpf_tc_hook hook = egress_hook(path);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PREFERENCE,
		.prog_fd = bpf_program__fd(path->bpf->progs.sluice_probe),
		.flags = BPF_TC_F_REPLACE);
	int result = make_clsact(path);

	if (result == 0)
		result = bpf_tc_attach(&hook, &options);
	if (result < 0)
		return error_set(error, result, "cannot put the program on %s: %s",
			path->device.name, strerror(-result));
	return 0;
}

static bool is_attached(const struct probe_path *path)
{
	struct bpf_tc_hook hook = egress_hook(path);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PREFERENCE);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int result = bpf_tc_query(&hook, &options);

	libbpf_set_print(print);
	return result == 0 && options.prog_id == path->program_id;
}

static int load(struct probe_path *path, uint32_t entries)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int result;

	path->bpf = path_bpf__open();
	if (path->bpf == NULL)
		return -errno;
	result = bpf_map__set_max_entries(path->bpf->maps.entries, entries);
	if (result == 0)
		result = path_bpf__load(path->bpf);
	if (result == 0)
		result = bpf_obj_get_info_by_fd(
			bpf_program__fd(path->bpf->progs.sluice_probe), &info, &size);
	path->program_id = info.id;
	return result;
}

static int load_program(struct probe_path *path, uint32_t entries, struct error *error)
{
	int result = libbpf_num_possible_cpus();

	if (result > 0) {
		path->processors = (unsigned int)result;
		path->by_processor = calloc(path->processors, sizeof(*path->by_processor));
		result = path->by_processor == NULL ? -ENOMEM : load(path, entries);
	}
	if (result < 0)
		return error_set(error, result,
			"cannot load the program that sends probes to the VIP: %s",
			strerror(-result));
	return 0;
}

int probe_path_open(
	struct probe_path **path, const struct probe_path_options *options, struct error *error)
{
	int result;

	assert(options->entries > 0 && options->entries <= PROBE_NUMBERS_MAX);
	*path = calloc(1, sizeof(**path));
	if (*path == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	(*path)->device.fd = -1;
	result = load_program(*path, options->entries, error);
	if (result == 0)
		result = probe_device_open(&(*path)->device, options->mtu, options->least, error);
	if (result == 0)
		result = attach_program(*path, error);
	if (result == 0)
		return 0;
	probe_path_close(*path);
	*path = NULL;
	return result;
}

void probe_path_close(struct probe_path *path)
{
	if (path == NULL)
		return;
	probe_device_close(&path->device);
	path_bpf__destroy(path->bpf);
	free(path->by_processor);
	free(path);
}

uint32_t probe_path_mark(const struct probe_path *path, uint32_t number)
{
	assert(number < PROBE_NUMBERS_MAX);
	return PROBE_MARK_BASE | path->device.number << PROBE_MARK_DEVICE | (number >> 8) << 20 |
	       (number & 0xff);
}

int probe_path_set(struct probe_path *path, uint32_t number, const struct probe_entry *entry)
{
	uint32_t mark = probe_path_mark(path, number);

	assert(entry->outer_size <= PROBE_OUTER_MAX);
	return bpf_map_update_elem(bpf_map__fd(path->bpf->maps.entries), &mark, entry, BPF_ANY);
}

int probe_path_remove(struct probe_path *path, uint32_t number)
{
	uint32_t mark = probe_path_mark(path, number);

	return bpf_map_delete_elem(bpf_map__fd(path->bpf->maps.entries), &mark);
}

const char *probe_path_device(const struct probe_path *path)
{
	return path->device.name;
}

bool probe_path_has_ipv6(const struct probe_path *path)
{
	return path->device.has_ipv6;
}

int probe_path_count(struct probe_path *path, uint64_t counts[static PROBE_COUNT_MAX])
{
	const int map = bpf_map__fd(path->bpf->maps.probe_counts);

	for (uint32_t count = 0; count < PROBE_COUNT_MAX; count++) {
		int result = bpf_map_lookup_elem(map, &count, path->by_processor);

		if (result < 0)
			return result;
		counts[count] = 0;
		for (unsigned int i = 0; i < path->processors; i++)
			counts[count] += path->by_processor[i];
	}
	return 0;
}

static const struct {
	const char *name;
	const char *text;
} words[PROBE_COUNT_MAX] = {
#define PROBE_COUNT_WORDS(upper, lower, phrase) [PROBE_COUNT_##upper] = { #lower, phrase },
	PROBE_COUNT_TABLE(PROBE_COUNT_WORDS)
#undef PROBE_COUNT_WORDS
};

const char *probe_count_name(enum probe_count count)
{
	return words[count].name;
}

const char *probe_count_text(enum probe_count count)
{
	return words[count].text;
}

int probe_path_restore(struct probe_path *path, struct error *error)
{
	int mended = probe_device_restore(&path->device, error);
	int result;

	if (mended < 0 || is_attached(path))
		return mended;
	result = attach_program(path, error);
	return result < 0 ? result : 1;
}
