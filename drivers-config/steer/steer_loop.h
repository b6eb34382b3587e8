/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer_loop: a filter at the ingress of an interface (tc, clsact) that drops what the kernel
 * would route away again, for when the XDP program is not there to do it (steer_loop.bpf.c).
 *
 * It uses two handles. While a process starts, the filter at the gate drops every packet that would
 * be forwarded, because the VIPs are not known yet. The filter at the post drops only packets for a
 * VIP. It stays when the process ends, until the next process replaces it. So a start that fails
 * leaves the filter of the previous process at work. Filters of others are left alone.
 *
 * Control thread; needs CAP_NET_ADMIN and CAP_BPF. All that return int return -errno on error.
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
 * Closes the gate; closing it twice is no error. Makes clsact if it is missing. -EBUSY: another
 * filter has one of our handles.
 */
int steer_loop_close(struct steer_loop *loop, struct error *error);

/*
 * Attaches the filter at the post, with the VIPs added so far, and opens the gate. The name of the
 * filter holds `beside`, the id of the XDP program in front of it, for a later process.
 */
int steer_loop_stand(struct steer_loop *loop, uint32_t beside);

/*
 * Attaches the filter at the post again if it was removed, or clsact with it: 1; 0 if it is
 * attached; -EBUSY if another filter has its handle.
 */
int steer_loop_restore(struct steer_loop *loop, uint32_t beside);

/* 0: the filter is at the post. -ENOENT: it is missing. -EBUSY: another filter is there. */
int steer_loop_find(const struct steer_loop *loop);

/* Whether a filter of ours is at the post of the interface and names this XDP program. */
bool steer_loop_is_beside(int ifindex, uint32_t program);

/* Adding one twice is no error and keeps its count. -ENOENT: there is none to remove. */
int steer_loop_add(struct steer_loop *loop, const struct steer_vip *vip);
int steer_loop_remove(struct steer_loop *loop, const struct steer_vip *vip);

/* Packets for this VIP that were dropped since it was added. -ENOENT: it was not added. */
int steer_loop_drops_of(
	const struct steer_loop *loop, const struct steer_vip *vip, uint64_t *drops);

/* Packets dropped since the filter was loaded, at the gate and at the post. */
uint64_t steer_loop_drops(const struct steer_loop *loop);

/* Opens the gate; the filter at the post stays. NULL is allowed. */
void steer_loop_destroy(struct steer_loop *loop);
