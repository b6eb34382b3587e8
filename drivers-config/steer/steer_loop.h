/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer_loop: a filter at the ingress of an interface (tc, clsact) that drops what the kernel
 * would route away again, for when the XDP program is not there to do it (steer_loop.bpf.c).
 *
 * It has two places, side by side. In the gate it stands while a process starts and drops whatever
 * would be forwarded, because the VIPs are not known yet. At its post it drops what is for a VIP
 * alone; it stays there when the process ends, until the next one puts its own in its place. So a
 * start that fails leaves the filter of its predecessor at work. Filters of others are left alone.
 *
 * Control thread; needs CAP_NET_ADMIN and CAP_BPF. All that return int return -errno
 * where they fail.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "steer/steer_maps.h"

struct steer_loop;

/* Loads the program for an interface. NULL on error. */
struct steer_loop *steer_loop_create(const char *interface, int ifindex, struct error *error);

/*
 * Closes the gate; one that is closed already is no error. Makes clsact where it is missing. -EBUSY
 * where somebody else's filter has one of our places.
 */
int steer_loop_close(struct steer_loop *loop, struct error *error);

/*
 * Takes its post, with the VIPs added so far, and opens the gate. Its name tells a later process
 * the id of the XDP program that stands in front of it, `beside`.
 */
int steer_loop_stand(struct steer_loop *loop, uint32_t beside);

/*
 * Takes its post again where somebody removed the filter, or clsact with it: 1; 0 where it stands
 * there; -EBUSY where another filter has taken its place.
 */
int steer_loop_restore(struct steer_loop *loop, uint32_t beside);

/* Whether it stands at its post: 0; -ENOENT, or -EBUSY where another filter does. */
int steer_loop_find(const struct steer_loop *loop);

/* Whether a filter of ours is at its post on the interface and names this XDP program. */
bool steer_loop_is_beside(int ifindex, uint32_t program);

/* Adding one twice is no error, and keeps its count; -ENOENT where there is none to remove. */
int steer_loop_add(struct steer_loop *loop, const struct steer_vip *vip);
int steer_loop_remove(struct steer_loop *loop, const struct steer_vip *vip);

/* Packets for this VIP that were dropped since it was added. -ENOENT where it was not. */
int steer_loop_drops_of(
	const struct steer_loop *loop, const struct steer_vip *vip, uint64_t *drops);

/* Packets dropped since it was loaded, in both places. */
uint64_t steer_loop_drops(const struct steer_loop *loop);

/* Opens the gate; what stands at the post stays. NULL allowed. */
void steer_loop_destroy(struct steer_loop *loop);
