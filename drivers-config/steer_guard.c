/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer_guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "steer_guard.skel.h"

enum place { PLACE_POST, PLACE_GATE, PLACE_COUNT };

struct steer_guard {
	char interface[IF_NAMESIZE];
	int ifindex;
	struct claim *claim;
	struct guard_bpf *bpf;
	uint32_t id;
	bool closed; /* stands in the gate */
};

struct steer_guard *steer_guard_create(
	const char *interface, int ifindex, struct claim *claim, struct error *error)
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
	guard->claim = claim;
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

/* libbpf writes to stderr what the kernel says to a question whose answer is "not there". */
static int query_place(const struct steer_guard *guard, enum place place, uint32_t *id)
{
	struct bpf_tc_opts options = place_options(place);
	struct bpf_tc_hook hook = ingress_hook(guard);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int result = bpf_tc_query(&hook, &options);

	libbpf_set_print(print);
	*id = 0;
	if (result == -ENOENT || result == -EINVAL) /* no such filter; no clsact */
		return 0;
	if (result == 0)
		*id = options.prog_id;
	return result;
}

static int make_clsact(const struct steer_guard *guard)
{
	struct bpf_tc_hook hook = ingress_hook(guard);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int result = bpf_tc_hook_create(&hook);

	libbpf_set_print(print);
	return result == -EEXIST ? 0 : result;
}

static bool is_noted(const struct claim *claim, uint32_t id)
{
	for (size_t i = 0; i < CLAIM_GUARDS; i++) {
		if (claim->guards[i] == id)
			return true;
	}
	return false;
}

/* By the name, or where we may not open programs by id (no CAP_SYS_ADMIN), by what was noted. */
static bool is_our_program(const struct steer_guard *guard, uint32_t id)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int program = bpf_prog_get_fd_by_id(id);
	int result;

	if (program < 0)
		return is_noted(guard->claim, id);
	result = bpf_obj_get_info_by_fd(program, &info, &size);
	close(program);
	return result == 0 && strcmp(info.name, STEER_GUARD_NAME) == 0;
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
		int result = query_place(guard, (enum place)place, &ids[place]);

		if (result < 0)
			return error_set(error, result, "cannot ask %s for its tc filters: %s",
				guard->interface, strerror(-result));
		if (ids[place] != 0 && !is_our_program(guard, ids[place]))
			return refuse_foreign(guard, ids[place], error);
	}
	return 0;
}

/* In place of whoever is there, with no packet in between. */
static int attach(const struct steer_guard *guard, enum place place)
{
	struct bpf_tc_opts options = place_options(place);
	struct bpf_tc_hook hook = ingress_hook(guard);

	options.prog_fd = bpf_program__fd(guard->bpf->progs.sluice_guard);
	options.flags = BPF_TC_F_REPLACE;
	return bpf_tc_attach(&hook, &options);
}

/* Noted before it is done: whenever we are killed, the note covers all that may be there. */
static int note_and_attach(struct steer_guard *guard, const uint32_t ids[static PLACE_COUNT])
{
	int result;

	guard->claim->guards[0] = guard->id;
	for (size_t place = 0; place < PLACE_COUNT; place++)
		guard->claim->guards[1 + place] = ids[place];
	result = claim_note(guard->claim);
	if (result == 0)
		result = make_clsact(guard);
	if (result == 0)
		result = attach(guard, PLACE_GATE);
	return result;
}

int steer_guard_close(struct steer_guard *guard, struct error *error)
{
	uint32_t ids[PLACE_COUNT];
	int result = look_at_places(guard, ids, error);

	if (result < 0)
		return result;
	if (ids[PLACE_GATE] == guard->id)
		return 0;
	result = note_and_attach(guard, ids);
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
	uint32_t id;
	int result = query_place(guard, PLACE_GATE, &id);

	guard->closed = false;
	if (result < 0 || id != guard->id)
		return result;
	return bpf_tc_detach(&hook, &options);
}

int steer_guard_stand(struct steer_guard *guard)
{
	int result = attach(guard, PLACE_POST);

	if (result < 0)
		return result;
	guard->bpf->bss->guard_knows_vips = 1;
	return open_gate(guard);
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
