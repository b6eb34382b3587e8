/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer/steer_loop.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_filter.h"
#include "steer_loop.skel.h"

enum position { POSITION_POST, POSITION_GATE, POSITION_COUNT };

struct steer_loop {
	char interface[IF_NAMESIZE];
	int ifindex;
	struct loop_bpf *bpf;
	uint32_t id;
	bool closed; /* our filter is at the gate */
};

struct steer_loop *steer_loop_create(const char *interface, int ifindex, struct error *error)
{
	struct steer_loop *loop = calloc(1, sizeof(*loop));
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (loop == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	snprintf(loop->interface, sizeof(loop->interface), "%s", interface);
	loop->ifindex = ifindex;
	loop->bpf = loop_bpf__open_and_load();
	if (loop->bpf != NULL &&
		bpf_obj_get_info_by_fd(
			bpf_program__fd(loop->bpf->progs.sluice_loop), &info, &size) == 0) {
		loop->id = info.id;
		return loop;
	}
	error_set(error, -errno, "cannot load the filter that keeps VIPs from looping: %s",
		strerror(errno));
	steer_loop_destroy(loop);
	return NULL;
}

/* The handles of the gate and of the post. */
static struct bpf_tc_opts tc_options(enum position position)
{
	LIBBPF_OPTS(bpf_tc_opts, options, .priority = STEER_LOOP_PREFERENCE,
		.handle = (uint32_t)position + 1);

	return options;
}

static struct bpf_tc_hook ingress_hook(const struct steer_loop *loop)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = loop->ifindex, .attach_point = BPF_TC_INGRESS);

	return hook;
}

static int query_position(
	const struct steer_loop *loop, enum position position, struct steer_filter *filter)
{
	return steer_filter_query(loop->ifindex, (uint32_t)position + 1, filter);
}

static int make_clsact(const struct steer_loop *loop)
{
	struct bpf_tc_hook hook = ingress_hook(loop);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int result = bpf_tc_hook_create(&hook);

	libbpf_set_print(print);
	return result == -EEXIST ? 0 : result;
}

/* Recognised by its name: the files in /run/sluice may be gone. */
static bool is_ours(const struct steer_filter *filter)
{
	return strncmp(filter->name, STEER_LOOP_NAME ":", sizeof(STEER_LOOP_NAME)) == 0;
}

static int refuse_foreign(const struct steer_loop *loop, uint32_t id, struct error *error)
{
	return error_set(error, -EBUSY,
		"%s has another tc filter in our place (program id %u); if nobody needs it, run: "
		"tc filter del dev %s ingress pref %d",
		loop->interface, id, loop->interface, STEER_LOOP_PREFERENCE);
}

/* Stores the ids of the filters there in `ids`; 0: there is none. */
static int query_positions(
	const struct steer_loop *loop, uint32_t ids[static POSITION_COUNT], struct error *error)
{
	for (int position = 0; position < POSITION_COUNT; position++) {
		struct steer_filter filter;
		int result = query_position(loop, (enum position)position, &filter);

		if (result < 0)
			return error_set(error, result, "cannot ask %s for its tc filters: %s",
				loop->interface, strerror(-result));
		if (filter.id != 0 && !is_ours(&filter))
			return refuse_foreign(loop, filter.id, error);
		ids[position] = filter.id;
	}
	return 0;
}

/* Replaces the filter that is there without missing a packet. */
static int attach(const struct steer_loop *loop, enum position position, uint32_t beside)
{
	char name[STEER_FILTER_NAME_SIZE];

	snprintf(name, sizeof(name), STEER_LOOP_NAME ":xdp:%u", beside);
	return steer_filter_attach(loop->ifindex, (uint32_t)position + 1,
		bpf_program__fd(loop->bpf->progs.sluice_loop), name);
}

static int attach_gate(const struct steer_loop *loop)
{
	int result = make_clsact(loop);

	return result < 0 ? result : attach(loop, POSITION_GATE, 0);
}

int steer_loop_close(struct steer_loop *loop, struct error *error)
{
	uint32_t ids[POSITION_COUNT];
	int result = query_positions(loop, ids, error);

	if (result < 0)
		return result;
	if (ids[POSITION_GATE] == loop->id)
		return 0;
	result = attach_gate(loop);
	if (result < 0)
		return error_set(error, result,
			"cannot put the tc filter on %s that keeps VIPs from looping: %s",
			loop->interface, strerror(-result));
	loop->closed = true;
	return 0;
}

/* Only if the filter there is still ours. */
static int open_gate(struct steer_loop *loop)
{
	struct bpf_tc_opts options = tc_options(POSITION_GATE);
	struct bpf_tc_hook hook = ingress_hook(loop);
	struct steer_filter filter;
	int result = query_position(loop, POSITION_GATE, &filter);

	loop->closed = false;
	if (result < 0 || filter.id != loop->id)
		return result;
	return bpf_tc_detach(&hook, &options);
}

int steer_loop_stand(struct steer_loop *loop, uint32_t beside)
{
	int result = attach(loop, POSITION_POST, beside);

	if (result < 0)
		return result;
	loop->bpf->bss->vips_known = 1;
	return open_gate(loop);
}

int steer_loop_find(const struct steer_loop *loop)
{
	struct steer_filter filter;
	int result = query_position(loop, POSITION_POST, &filter);

	if (result < 0 || filter.id == loop->id)
		return result;
	return filter.id != 0 ? -EBUSY : -ENOENT;
}

int steer_loop_restore(struct steer_loop *loop, uint32_t beside)
{
	int result = steer_loop_find(loop);

	if (result != -ENOENT)
		return result;
	result = make_clsact(loop);
	if (result == 0)
		result = attach(loop, POSITION_POST, beside);
	return result < 0 ? result : 1;
}

int steer_loop_add(struct steer_loop *loop, const struct steer_vip *vip)
{
	const uint64_t drops = 0;
	int result =
		bpf_map_update_elem(bpf_map__fd(loop->bpf->maps.vips), vip, &drops, BPF_NOEXIST);

	return result == -EEXIST ? 0 : result;
}

int steer_loop_remove(struct steer_loop *loop, const struct steer_vip *vip)
{
	return bpf_map_delete_elem(bpf_map__fd(loop->bpf->maps.vips), vip);
}

int steer_loop_drops_of(const struct steer_loop *loop, const struct steer_vip *vip, uint64_t *drops)
{
	return bpf_map_lookup_elem(bpf_map__fd(loop->bpf->maps.vips), vip, drops);
}

bool steer_loop_is_beside(int ifindex, uint32_t program)
{
	struct steer_filter filter;
	uint32_t beside;

	return steer_filter_query(ifindex, POSITION_POST + 1, &filter) == 0 && filter.id != 0 &&
	       sscanf(filter.name, STEER_LOOP_NAME ":xdp:%u", &beside) == 1 && beside == program;
}

uint64_t steer_loop_drops(const struct steer_loop *loop)
{
	return __atomic_load_n(&loop->bpf->bss->drop_count, __ATOMIC_RELAXED);
}

void steer_loop_destroy(struct steer_loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->closed)
		open_gate(loop);
	loop_bpf__destroy(loop->bpf);
	free(loop);
}
