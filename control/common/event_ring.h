/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * event_ring: the latest events, in memory that is taken once. An event takes as many bytes as it
 * is long; the oldest ones make room, so that adding never fails. One thread.
 */
#pragma once

#include "common/events.h"

struct event_ring;

/* Keeps `kept` events in `bytes`, which are several of the longest at least. NULL: no memory. */
struct event_ring *event_ring_create(uint32_t kept, uint32_t bytes);
void event_ring_destroy(struct event_ring *ring); /* NULL is allowed */

/*
 * Copies the entry with its texts, whose bounds are those of events.h, and numbers it. Returns the
 * copy, which lives until it is the oldest and has to make room.
 */
const struct event_entry *event_ring_add(struct event_ring *ring, const struct event_entry *entry);

/* As events_first(), events_next(), events_find(). */
uint64_t event_ring_first(const struct event_ring *ring);
uint64_t event_ring_next(const struct event_ring *ring);
const struct event_entry *event_ring_find(const struct event_ring *ring, uint64_t number);
