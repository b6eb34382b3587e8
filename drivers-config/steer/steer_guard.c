/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer/steer_guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_filter.h"
#include "steer_guard.skel.h"

enum place { PLACE_POST, PLACE_GATE, PLACE_COUNT };

struct steer_guard {
	char interface[IF_NAMESIZE];
	int ifindex;
	struct guard_bpf *bpf;
	uint32_t id;
	bool closed; /* stands in the gate */
};

struct steer_guard *steer_guard_create(const char *interface, int ifindex, struct error *error)
{
	struct steer_guard *guard = calloc(1, sizeof(*guard));
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (guard == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	snprintf(guard->interface, sizeof(guard->interface), "%s", interface);
	guard->ifindex = ifindex;
	guard->bpf = guard_bpf__open_and_load();
	if (guard->bpf != NULL &&
		bpf_obj_get_info_by_fd(
			bpf_program__fd(guard->bpf->progs.sluice_guard), &info, &size) == 0) {
		guard->id = info.id;
		return guard;
	}
	error_set(error, -errno, "cannot load the filter that keeps VIPs from looping: %s",
		strerror(errno));
	steer_guard_destroy(guard);
	return NULL;
}

/* The handle is the place. */
static struct bpf_tc_opts place_options(enum place place)
{
	LIBBPF_OPTS(bpf_tc_opts, options, .priority = STEER_GUARD_PREFERENCE,
		.handle = (uint32_t)place + 1);

	return options;
}

static struct bpf_tc_hook ingress_hook(const struct steer_guard *guard)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = guard->ifindex, .attach_point = BPF_TC_INGRESS);

	return hook;
}

static int query_place(
	const struct steer_guard *guard, enum place place, struct steer_filter *filter)
{
	return steer_filter_query(guard->ifindex, (uint32_t)place + 1, filter);
}

static int make_clsact(const struct steer_guard *guard)
{
	struct bpf_tc_hook hook = ingress_hook(guard);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int result = bpf_tc_hook_create(&hook);

	libbpf_set_print(print);
	return result == -EEXIST ? 0 : result;
}

/* By its name, whoever put it there and whatever has become of the files in /run/sluice. */
static bool is_ours(const struct steer_filter *filter)
{
	return strncmp(filter->name, STEER_GUARD_NAME ":", sizeof(STEER_GUARD_NAME)) == 0;
}

static int refuse_foreign(const struct steer_guard *guard, uint32_t id, struct error *error)
{
	return error_set(error, -EBUSY,
		"%s has another tc filter in our place (program id %u); if nobody needs it, run: "
		"tc filter del dev %s ingress pref %d",
		guard->interface, id, guard->interface, STEER_GUARD_PREFERENCE);
}

/* Leaves the ids of what stands there in `ids`, 0 for nobody. */
static int look_at_places(
	const struct steer_guard *guard, uint32_t ids[static PLACE_COUNT], struct error *error)
{
	for (int place = 0; place < PLACE_COUNT; place++) {
		struct steer_filter filter;
		int result = query_place(guard, (enum place)place, &filter);

		if (result < 0)
			return error_set(error, result, "cannot ask %s for its tc filters: %s",
				guard->interface, strerror(-result));
		if (filter.id != 0 && !is_ours(&filter))
			return refuse_foreign(guard, filter.id, error);
		ids[place] = filter.id;
	}
	return 0;
}

/* In place of whoever is there, with no packet in between. */
static int attach(const struct steer_guard *guard, enum place place, uint32_t beside)
{
	char name[STEER_FILTER_NAME_SIZE];

	snprintf(name, sizeof(name), STEER_GUARD_NAME ":xdp:%u", beside);
	return steer_filter_attach(guard->ifindex, (uint32_t)place + 1,
		bpf_program__fd(guard->bpf->progs.sluice_guard), name);
}

static int attach_gate(const struct steer_guard *guard)
{
	int result = make_clsact(guard);

	return result < 0 ? result : attach(guard, PLACE_GATE, 0);
}

int steer_guard_close(struct steer_guard *guard, struct error *error)
{
	uint32_t ids[PLACE_COUNT];
	int result = look_at_places(guard, ids, error);

	if (result < 0)
		return result;
	if (ids[PLACE_GATE] == guard->id)
		return 0;
	result = attach_gate(guard);
	if (result < 0)
		return error_set(error, result,
			"cannot put the tc filter on %s that keeps VIPs from looping: %s",
			guard->interface, strerror(-result));
	guard->closed = true;
	return 0;
}

/* Only if it is still ours that is there. */
static int open_gate(struct steer_guard *guard)
{
	struct bpf_tc_opts options = place_options(PLACE_GATE);
	struct bpf_tc_hook hook = ingress_hook(guard);
	struct steer_filter filter;
	int result = query_place(guard, PLACE_GATE, &filter);

	guard->closed = false;
	if (result < 0 || filter.id != guard->id)
		return result;
	return bpf_tc_detach(&hook, &options);
}

int steer_guard_stand(struct steer_guard *guard, uint32_t beside)
{
	int result = attach(guard, PLACE_POST, beside);

	if (result < 0)
		return result;
	guard->bpf->bss->guard_knows_vips = 1;
	return open_gate(guard);
}

int steer_guard_find(const struct steer_guard *guard)
{
	struct steer_filter filter;
	int result = query_place(guard, PLACE_POST, &filter);

	if (result < 0 || filter.id == guard->id)
		return result;
	return filter.id != 0 ? -EBUSY : -ENOENT;
}

int steer_guard_restore(struct steer_guard *guard, uint32_t beside)
{
	int result = steer_guard_find(guard);

	if (result != -ENOENT)
		return result;
	result = make_clsact(guard);
	if (result == 0)
		result = attach(guard, PLACE_POST, beside);
	return result < 0 ? result : 1;
}

int steer_guard_add(struct steer_guard *guard, const struct steer_vip *vip)
{
	const uint64_t drops = 0;
	int result =
		bpf_map_update_elem(bpf_map__fd(guard->bpf->maps.vips), vip, &drops, BPF_NOEXIST);

	return result == -EEXIST ? 0 : result;
}

int steer_guard_remove(struct steer_guard *guard, const struct steer_vip *vip)
{
	return bpf_map_delete_elem(bpf_map__fd(guard->bpf->maps.vips), vip);
}

int steer_guard_drops_of(
	const struct steer_guard *guard, const struct steer_vip *vip, uint64_t *drops)
{
	return bpf_map_lookup_elem(bpf_map__fd(guard->bpf->maps.vips), vip, drops);
}

bool steer_guard_is_beside(int ifindex, uint32_t program)
{
	struct steer_filter filter;
	uint32_t beside;

	return steer_filter_query(ifindex, PLACE_POST + 1, &filter) == 0 && filter.id != 0 &&
	       sscanf(filter.name, STEER_GUARD_NAME ":xdp:%u", &beside) == 1 && beside == program;
}

uint64_t steer_guard_drops(const struct steer_guard *guard)
{
	return __atomic_load_n(&guard->bpf->bss->guard_drops, __ATOMIC_RELAXED);
}

void steer_guard_destroy(struct steer_guard *guard)
{
	if (guard == NULL)
		return;
	if (guard->closed)
		open_gate(guard);
	guard_bpf__destroy(guard->bpf);
	free(guard);
}
