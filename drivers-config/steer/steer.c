/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's driver owns the program and does not export its file descriptors, and opening a BPF object
 * by id needs CAP_SYS_ADMIN. But the driver's files are open in this process, and /proc/self/fd
 * shows the id of every BPF object. The interface has the id of its program, and the program has
 * the ids of its maps. So two ports of one process are never mixed up, although their maps have the
 * same names.
 */
#include "steer/steer.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/plural.h"
#include "steer/steer_loop.h"

#define PROGRAM_LINK     "anon_inode:bpf-prog"
#define MAP_LINK         "anon_inode:bpf-map"
#define PROGRAM_MAPS_MAX 16

enum map { MAP_VIPS, MAP_PORT, MAP_COUNTS, MAP_COUNT };

/* An object file of another version has other sizes. */
static const struct {
	const char *name;
	uint32_t key_size;
	uint32_t value_size;
} shapes[MAP_COUNT] = {
	[MAP_VIPS] = { STEER_VIPS_NAME, sizeof(struct steer_vip), sizeof(uint64_t) },
	[MAP_PORT] = { STEER_PORT_NAME, sizeof(uint32_t), sizeof(struct steer_port) },
	[MAP_COUNTS] = { STEER_COUNTS_NAME, sizeof(uint32_t), sizeof(uint64_t) },
};

static const struct {
	const char *name;
	const char *text;
} counts_table[STEER_COUNT_MAX] = {
#define COUNT_ROW(upper, lower, sentence) [STEER_COUNT_##upper] = { #lower, sentence },
	STEER_COUNT_TABLE(COUNT_ROW)
#undef COUNT_ROW
};

struct steer {
	char interface[IF_NAMESIZE];
	unsigned int ifindex;
	struct claim claim;
	uint8_t mac[NETDEV_MAC_SIZE]; /* these two as written to the map `port` */
	bool ready;
	uint32_t program_id; /* 0 until steer_attach() */
	uint32_t mode;       /* XDP_FLAGS_*_MODE in which it is attached */
	int program;         /* descriptors of our own, -1 until steer_attach() */
	int maps[MAP_COUNT];
	struct steer_loop *loop; /* from steer_prepare() on */
	unsigned int processors;
	uint64_t *by_processor; /* scratch of steer_count() */
};

/* An XDP program on an interface; id 0 where there is none. */
struct attachment {
	uint32_t id;
	uint32_t mode; /* XDP_FLAGS_*_MODE */
};

const char *steer_count_name(enum steer_count count)
{
	return counts_table[count].name;
}

const char *steer_count_text(enum steer_count count)
{
	return counts_table[count].text;
}

/* A device may have a program in its hardware and one in its driver: ours is in the driver. */
static int query_attachment(unsigned int ifindex, struct attachment *attachment)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int result = bpf_xdp_query((int)ifindex, 0, &query);

	*attachment = (struct attachment){ 0 };
	if (result < 0)
		return result;
	if (query.drv_prog_id != 0)
		*attachment = (struct attachment){ query.drv_prog_id, XDP_FLAGS_DRV_MODE };
	else if (query.skb_prog_id != 0)
		*attachment = (struct attachment){ query.skb_prog_id, XDP_FLAGS_SKB_MODE };
	else if (query.hw_prog_id != 0)
		*attachment = (struct attachment){ query.hw_prog_id, XDP_FLAGS_HW_MODE };
	return 0;
}

/* With `program`, a descriptor, the kernel refuses if another program is attached instead. */
static int detach(unsigned int ifindex, const struct attachment *attachment, int program)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = program);

	return bpf_xdp_detach((int)ifindex, attachment->mode, program < 0 ? NULL : &options);
}

static void forget_program(struct steer *steer)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		if (steer->maps[i] >= 0)
			close(steer->maps[i]);
		steer->maps[i] = -1;
	}
	if (steer->program >= 0)
		close(steer->program);
	steer->program = -1;
	steer->program_id = 0;
}

static struct steer *create_steer(const char *interface)
{
	struct steer *steer = calloc(1, sizeof(*steer));
	int processors = libbpf_num_possible_cpus();

	if (steer == NULL)
		return NULL;
	steer->claim.fd = -1;
	steer->program = -1;
	for (int i = 0; i < MAP_COUNT; i++)
		steer->maps[i] = -1;
	snprintf(steer->interface, sizeof(steer->interface), "%s", interface);
	steer->processors = processors < 1 ? 1 : (unsigned int)processors;
	steer->by_processor = calloc(steer->processors, sizeof(*steer->by_processor));
	if (steer->by_processor != NULL)
		return steer;
	free(steer);
	return NULL;
}

static int ask_queues(const char *interface, struct netdev_queues *queues, struct error *error)
{
	int result = netdev_rx_queues(interface, queues);

	if (result == 0)
		return 0;
	return error_set(error, result, "cannot tell how many receive queues %s has: %s", interface,
		strerror(-result));
}

/*
 * One socket serves one receive queue. The program drops packets for a VIP on a queue without a
 * socket, so with a queue too many a part of the flows would be lost silently.
 */
static int check_queues(const char *interface, unsigned int wanted, struct error *error)
{
	struct netdev_queues queues;
	int result = ask_queues(interface, &queues, error);

	if (result < 0 || queues.rx == wanted)
		return result;
	if (queues.channel == NULL || wanted > queues.rx_max)
		return error_set(error, -EINVAL,
			"%s has %u receive queue%s where %u %s needed, one per worker, and cannot "
			"have that many",
			interface, queues.rx, plural(queues.rx), wanted,
			wanted == 1 ? "is" : "are");
	return error_set(error, -EINVAL,
		"%s has %u receive queue%s where %u %s needed, one per worker; run: "
		"ethtool -L %s %s %u",
		interface, queues.rx, plural(queues.rx), wanted, wanted == 1 ? "is" : "are",
		interface, queues.channel, wanted);
}

/* The driver assumes that an interface without combined channels (veth) has one queue. */
int steer_check_interface_queues(const char *interface, unsigned int wanted, struct error *error)
{
	struct netdev_queues queues;
	int result = ask_queues(interface, &queues, error);

	if (result < 0)
		return result;
	if (wanted > 1 && (queues.channel == NULL || strcmp(queues.channel, "combined") != 0))
		return error_set(error, -EINVAL,
			"%u workers need as many receive queues of %s, which has %u, and DPDK's "
			"af_xdp driver serves but one of an interface without combined channels: "
			"configure one worker",
			wanted, interface, queues.rx);
	return check_queues(interface, wanted, error);
}

int steer_check_queues(const struct steer *steer, unsigned int wanted, struct error *error)
{
	return steer_check_interface_queues(steer->interface, wanted, error);
}

/*
 * A program is ours if it has our name. Without CAP_SYS_ADMIN the name is hidden (`name` is "?");
 * then the program is ours if our loop filter, or the claim file of the last holder, has its id.
 */
static bool is_our_program(
	const struct steer *steer, uint32_t id, char name[static BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int program = bpf_prog_get_fd_by_id(id);
	int result;

	strcpy(name, "?");
	if (program < 0)
		return id == steer->claim.program || steer_loop_is_beside((int)steer->ifindex, id);
	result = bpf_obj_get_info_by_fd(program, &info, &size);
	close(program);
	if (result < 0)
		return false;
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	return strcmp(name, STEER_PROGRAM_NAME) == 0;
}

/* Refuses a program that is not ours. `stale` is the program that is attached. */
static int check_program(const struct steer *steer, struct attachment *stale, struct error *error)
{
	char name[BPF_OBJ_NAME_LEN];
	int result = query_attachment(steer->ifindex, stale);

	if (result < 0)
		return error_set(error, result, "cannot ask %s for its XDP program: %s",
			steer->interface, strerror(-result));
	if (stale->id == 0 || is_our_program(steer, stale->id, name))
		return 0;
	return error_set(error, -EBUSY,
		"%s has another XDP program attached: %s (id %u); if nobody needs it, run: "
		"ip link set dev %s xdp off",
		steer->interface, name, stale->id, steer->interface);
}

/*
 * Checks for a foreign program before the driver begins: a driver that fails detaches any program
 * that it finds on the interface.
 */
int steer_claim(
	struct steer **steer, const char *interface, const char *directory, struct error *error)
{
	unsigned int ifindex = if_nametoindex(interface);
	struct attachment attachment;
	int result;

	*steer = NULL;
	if (ifindex == 0)
		return error_set(error, -ENODEV, "there is no interface %s", interface);
	*steer = create_steer(interface);
	if (*steer == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	(*steer)->ifindex = ifindex;
	result = claim_take(&(*steer)->claim, directory, ifindex, interface, error);
	if (result == 0)
		result = check_program(*steer, &attachment, error);
	if (result == 0)
		return 0;
	steer_destroy(*steer);
	*steer = NULL;
	return result;
}

/*
 * A killed process leaves its program attached. DPDK's driver never replaces a program, so it would
 * fail to attach a new one. We hold the claim, so no live process uses the old program.
 */
static int remove_stale_program(
	const struct steer *steer, const struct attachment *stale, struct error *error)
{
	int program, result;

	if (stale->id == 0)
		return 0;
	program = bpf_prog_get_fd_by_id(stale->id);
	result = detach(steer->ifindex, stale, program);
	if (program >= 0)
		close(program);
	if (result < 0)
		return error_set(error, result, "cannot take the old XDP program off %s: %s",
			steer->interface, strerror(-result));
	return 0;
}

/*
 * A NIC that strips the VLAN tag passes it beside the packet, where an XDP program does not see it.
 * Packets of all VLANs would look untagged, and so would the forwarded ones.
 */
static int stop_vlan_stripping(const struct steer *steer, struct error *error)
{
	int result = netdev_vlan_strip_off(steer->interface);

	if (result == -EOPNOTSUPP || result == -EINVAL)
		return error_set(error, -EOPNOTSUPP,
			"%s takes VLAN tags out of frames before XDP sees them, and its driver "
			"does not let this be switched off (rx-vlan-offload of ethtool -k)",
			steer->interface);
	if (result < 0)
		return error_set(error, result, "cannot switch VLAN stripping of %s off: %s",
			steer->interface, strerror(-result));
	return 0;
}

/* From here until the driver attaches its program there is none: close the gate first. */
static int close_gate(struct steer *steer, struct error *error)
{
	if (steer->loop == NULL)
		steer->loop = steer_loop_create(steer->interface, (int)steer->ifindex, error);
	return steer->loop == NULL ? -EIO : steer_loop_close(steer->loop, error);
}

/* All checks come first, so that a refusal leaves the interface unchanged. */
int steer_prepare(struct steer *steer, unsigned int queues, struct error *error)
{
	struct attachment stale;
	int result = check_queues(steer->interface, queues, error);

	if (result == 0)
		result = check_program(steer, &stale, error);
	if (result == 0)
		result = stop_vlan_stripping(steer, error);
	if (result == 0)
		result = close_gate(steer, error);
	if (result == 0)
		result = remove_stale_program(steer, &stale, error);
	return result;
}

/* The next open file whose link in /proc/self/fd is `link`, or -1. */
static int next_descriptor(DIR *directory, const char *link)
{
	struct dirent *entry;

	while ((entry = readdir(directory)) != NULL) {
		char target[64];
		ssize_t length;

		length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		if (strcmp(target, link) == 0)
			return atoi(entry->d_name);
	}
	return -1;
}

/* A new descriptor for the program of that id, and the ids of its maps; or -errno. */
static int open_program(uint32_t id, uint32_t map_ids[static PROGRAM_MAPS_MAX], uint32_t *map_count)
{
	DIR *directory = opendir("/proc/self/fd");
	int fd, result = -ENOENT;

	if (directory == NULL)
		return -errno;
	while (result == -ENOENT && (fd = next_descriptor(directory, PROGRAM_LINK)) >= 0) {
		struct bpf_prog_info info = { .nr_map_ids = PROGRAM_MAPS_MAX,
			.map_ids = (uintptr_t)map_ids };
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || info.id != id)
			continue;
		*map_count = info.nr_map_ids;
		result = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (result < 0)
			result = -errno;
	}
	closedir(directory);
	return result;
}

static bool contains(const uint32_t *ids, uint32_t count, uint32_t id)
{
	for (uint32_t i = 0; i < count && i < PROGRAM_MAPS_MAX; i++) {
		if (ids[i] == id)
			return true;
	}
	return false;
}

/* Keeps a new descriptor for the map if we write or read it. */
static void keep_map(struct steer *steer, int fd, const struct bpf_map_info *info)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		if (steer->maps[i] < 0 && strcmp(info->name, shapes[i].name) == 0 &&
			info->key_size == shapes[i].key_size &&
			info->value_size == shapes[i].value_size)
			steer->maps[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
}

static int open_maps(struct steer *steer, const uint32_t *ids, uint32_t count)
{
	DIR *directory = opendir("/proc/self/fd");
	int fd;

	if (directory == NULL)
		return -errno;
	while ((fd = next_descriptor(directory, MAP_LINK)) >= 0) {
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && contains(ids, count, info.id))
			keep_map(steer, fd, &info);
	}
	closedir(directory);
	for (int i = 0; i < MAP_COUNT; i++) {
		if (steer->maps[i] < 0)
			return -ENOENT;
	}
	return 0;
}

static int write_port(struct steer *steer)
{
	struct steer_port port = { .ready = steer->ready };
	uint32_t first = 0;

	memcpy(port.mac, steer->mac, sizeof(port.mac));
	return bpf_map_update_elem(steer->maps[MAP_PORT], &first, &port, BPF_ANY);
}

/* Opens program and maps. On error the caller closes what was opened. */
static int find_program(struct steer *steer, struct error *error)
{
	uint32_t map_ids[PROGRAM_MAPS_MAX], map_count = 0;
	struct attachment attachment;
	int result = query_attachment(steer->ifindex, &attachment);

	if (result < 0)
		return error_set(error, result, "cannot ask %s for its XDP program: %s",
			steer->interface, strerror(-result));
	if (attachment.id == 0)
		return error_set(
			error, -ENOENT, "no XDP program is attached to %s", steer->interface);
	steer->program = open_program(attachment.id, map_ids, &map_count);
	if (steer->program < 0)
		return error_set(error, steer->program,
			"the XDP program on %s (id %u) was not loaded by this process",
			steer->interface, attachment.id);
	steer->program_id = attachment.id;
	steer->mode = attachment.mode;
	result = open_maps(steer, map_ids, map_count);
	if (result < 0)
		return error_set(error, result,
			"the XDP program on %s lacks maps of this version of sluice",
			steer->interface);
	return 0;
}

int steer_attach(
	struct steer *steer, const uint8_t mac[static NETDEV_MAC_SIZE], struct error *error)
{
	int result;

	forget_program(steer);
	result = find_program(steer, error);
	if (result < 0)
		goto fail;
	memcpy(steer->mac, mac, sizeof(steer->mac));
	steer->ready = false;
	result = write_port(steer);
	steer->claim.program = steer->program_id;
	if (result == 0)
		result = claim_note(&steer->claim);
	if (result == 0)
		return 0;
	error_set(error, result, "cannot write to the XDP program of %s: %s", steer->interface,
		strerror(-result));
fail:
	forget_program(steer);
	return result;
}

static struct steer_vip make_vip(const uint8_t bytes[static 16], uint8_t family)
{
	struct steer_vip vip = { .family = family };

	assert(family == 4 || family == 6);
	memcpy(vip.bytes, bytes, sizeof(vip.bytes));
	return vip;
}

int steer_add(struct steer *steer, const uint8_t bytes[static 16], uint8_t family)
{
	struct steer_vip vip = make_vip(bytes, family);
	uint64_t unused = 0;
	int result = bpf_map_update_elem(steer->maps[MAP_VIPS], &vip, &unused, BPF_ANY);

	return result < 0 ? result : steer_loop_add(steer->loop, &vip);
}

int steer_remove(struct steer *steer, const uint8_t bytes[static 16], uint8_t family)
{
	struct steer_vip vip = make_vip(bytes, family);

	return bpf_map_delete_elem(steer->maps[MAP_VIPS], &vip);
}

int steer_add_former(struct steer *steer, const uint8_t bytes[static 16], uint8_t family)
{
	struct steer_vip vip = make_vip(bytes, family);

	return steer_loop_add(steer->loop, &vip);
}

int steer_release(struct steer *steer, const uint8_t bytes[static 16], uint8_t family)
{
	struct steer_vip vip = make_vip(bytes, family);

	return steer_loop_remove(steer->loop, &vip);
}

int steer_drops_of(
	const struct steer *steer, const uint8_t bytes[static 16], uint8_t family, uint64_t *drops)
{
	struct steer_vip vip = make_vip(bytes, family);

	return steer_loop_drops_of(steer->loop, &vip, drops);
}

int steer_set_ready(struct steer *steer)
{
	int result;

	steer->ready = true;
	result = write_port(steer);
	return result < 0 ? result : steer_loop_stand(steer->loop, steer->program_id);
}

int steer_follow_mac(struct steer *steer)
{
	uint8_t mac[NETDEV_MAC_SIZE], before[NETDEV_MAC_SIZE];
	int result = netdev_mac(steer->interface, mac);

	if (result < 0 || memcmp(mac, steer->mac, sizeof(mac)) == 0)
		return result;
	memcpy(before, steer->mac, sizeof(before));
	memcpy(steer->mac, mac, sizeof(mac));
	result = write_port(steer);
	if (result < 0)
		memcpy(steer->mac, before, sizeof(before)); /* to try again */
	return result < 0 ? result : 1;
}

static int sum_count(struct steer *steer, uint32_t count, uint64_t *sum)
{
	int result = bpf_map_lookup_elem(steer->maps[MAP_COUNTS], &count, steer->by_processor);

	*sum = 0;
	for (unsigned int i = 0; result == 0 && i < steer->processors; i++)
		*sum += steer->by_processor[i];
	return result;
}

int steer_count(struct steer *steer, uint64_t counts[static STEER_COUNT_MAX])
{
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < STEER_COUNT_MAX; i++)
		result = sum_count(steer, i, &counts[i]);
	counts[STEER_COUNT_FILTERED] = steer_loop_drops(steer->loop);
	return result;
}

bool steer_is_attached(const struct steer *steer)
{
	struct attachment attachment;

	return steer->program_id != 0 && query_attachment(steer->ifindex, &attachment) == 0 &&
	       attachment.id == steer->program_id;
}

/* Its maps and sockets are unchanged. The kernel refuses if another program was attached first. */
int steer_restore(struct steer *steer, struct error *error)
{
	struct attachment attachment;
	char name[BPF_OBJ_NAME_LEN];
	int result = query_attachment(steer->ifindex, &attachment);

	if (result == 0 && attachment.id == steer->program_id)
		return 0;
	if (result == 0 && attachment.id != 0) {
		is_our_program(steer, attachment.id, name);
		return error_set(error, -EBUSY, "another XDP program is in its place: %s (id %u)",
			name, attachment.id);
	}
	if (result == 0)
		result = bpf_xdp_attach((int)steer->ifindex, steer->program,
			steer->mode | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	if (result < 0)
		return error_set(error, result, "%s", strerror(-result));
	return 1;
}

int steer_find_filter(const struct steer *steer)
{
	return steer->ready ? steer_loop_find(steer->loop) : 0;
}

int steer_restore_filter(struct steer *steer)
{
	return steer->ready ? steer_loop_restore(steer->loop, steer->program_id) : 0;
}

void steer_destroy(struct steer *steer)
{
	struct attachment attachment;

	if (steer == NULL)
		return;
	if (steer->program_id != 0 && query_attachment(steer->ifindex, &attachment) == 0 &&
		attachment.id == steer->program_id)
		detach(steer->ifindex, &attachment, steer->program);
	forget_program(steer);
	steer_loop_destroy(steer->loop);
	claim_release(&steer->claim);
	free(steer->by_processor);
	free(steer);
}
