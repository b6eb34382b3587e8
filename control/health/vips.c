/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/vips.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct vip {
	TAILQ_ENTRY(vip) turn;
	struct address address;
	unsigned int ifindex;
	uint64_t looked_ms, asked_ms;
	struct probe_answer_route route;
};

struct vips {
	void *tree;                    /* of tsearch(3), by address and interface */
	TAILQ_HEAD(turns, vip) by_age; /* first the one that was looked at longest ago */
	size_t count;
	size_t doubted; /* so many of the first are old, whatever their age */
};

static int compare(const void *a, const void *b)
{
	const struct vip *first = a, *second = b;

	if (first->ifindex != second->ifindex)
		return first->ifindex < second->ifindex ? -1 : 1;
	if (first->address.family != second->address.family)
		return first->address.family < second->address.family ? -1 : 1;
	return memcmp(first->address.bytes, second->address.bytes, sizeof(first->address.bytes));
}

static int look_at(struct vip *vip, struct probe_answer_route *route)
{
	const uint8_t family = vip->address.family == ADDRESS_IPV4 ? 4 : 6;

	return probe_answer_find_route(vip->ifindex, family, vip->address.bytes, route);
}

struct vips *vips_create(void)
{
	struct vips *vips = calloc(1, sizeof(*vips));

	if (vips != NULL)
		TAILQ_INIT(&vips->by_age);
	return vips;
}

static void forget(struct vips *vips, struct vip *vip)
{
	tdelete(vip, &vips->tree, compare);
	TAILQ_REMOVE(&vips->by_age, vip, turn);
	vips->count--;
	free(vip);
}

void vips_destroy(struct vips *vips)
{
	struct vip *vip;

	if (vips == NULL)
		return;
	while ((vip = TAILQ_FIRST(&vips->by_age)) != NULL)
		forget(vips, vip);
	free(vips);
}

/* `vip` was looked at, and is copied. NULL: no memory. */
static struct vip *learn(struct vips *vips, const struct vip *vip)
{
	struct vip *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *vip;
	if (tsearch(copy, &vips->tree, compare) == NULL) {
		free(copy);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&vips->by_age, copy, turn);
	vips->count++;
	return copy;
}

int vips_check(struct vips *vips, const struct vips_interface *interface,
	const struct address *address, uint64_t now_ms, struct error *error)
{
	struct vip wanted = {
		.address = *address, .ifindex = interface->ifindex, .looked_ms = now_ms
	};
	struct vip *const *found = tfind(&wanted, &vips->tree, compare);
	struct vip *vip = found == NULL ? NULL : *found;
	int code;

	if (vip == NULL) {
		code = look_at(&wanted, &wanted.route);
		if (code < 0)
			return error_set(error, code, "cannot ask for the route to the VIP: %s",
				strerror(-code));
		vip = learn(vips, &wanted);
	}
	if (vip == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	vip->asked_ms = now_ms;
	return probe_answer_judge(interface->name, interface->reverse_path,
		address->family == ADDRESS_IPV4 ? 4 : 6, address->bytes, &vip->route, error);
}

/* What the kernel does not say now stays as it was. */
static void look_again(struct vips *vips, struct vip *vip, uint64_t now_ms)
{
	struct probe_answer_route route;

	if (look_at(vip, &route) == 0)
		vip->route = route;
	vip->looked_ms = now_ms;
	TAILQ_REMOVE(&vips->by_age, vip, turn);
	TAILQ_INSERT_TAIL(&vips->by_age, vip, turn);
}

void vips_look(struct vips *vips, uint64_t now_ms)
{
	for (unsigned int i = 0; i < VIPS_A_LOOK; i++) {
		struct vip *vip = TAILQ_FIRST(&vips->by_age);

		if (vip == NULL || (vips->doubted == 0 && now_ms - vip->looked_ms < VIPS_AGE_MS))
			return;
		vips->doubted -= vips->doubted > 0;
		if (now_ms - vip->asked_ms >= VIPS_FORGET_MS)
			forget(vips, vip);
		else
			look_again(vips, vip, now_ms);
	}
}

void vips_doubt(struct vips *vips)
{
	vips->doubted = vips->count;
}

size_t vips_count(const struct vips *vips)
{
	return vips->count;
}
