/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events lie one behind the other, each with its texts behind it. The next one is written behind
 * the last; where the rest of the bytes is too short for it, at the beginning, and that rest stays
 * empty. So the oldest event is always the first one from the place of writing on, and those that
 * are overwritten are the oldest.
 */
#include "common/event_ring.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct event_ring {
	char *bytes;
	uint32_t size;
	uint32_t write; /* where the next event begins */
	uint32_t kept;
	uint32_t count;
	uint64_t next;     /* number of the next event */
	uint32_t starts[]; /* by number modulo `kept` */
};

struct event_ring *event_ring_create(uint32_t kept, uint32_t bytes)
{
	struct event_ring *ring = calloc(1, sizeof(*ring) + kept * sizeof(ring->starts[0]));

	if (ring == NULL)
		return NULL;
	ring->kept = kept;
	ring->size = bytes;
	ring->next = 1;
	ring->bytes = malloc(bytes);
	if (ring->bytes != NULL)
		return ring;
	free(ring);
	return NULL;
}

void event_ring_destroy(struct event_ring *ring)
{
	if (ring == NULL)
		return;
	free(ring->bytes);
	free(ring);
}

static uint32_t *start_of(struct event_ring *ring, uint64_t number)
{
	return &ring->starts[number % ring->kept];
}

/* Whether the oldest event begins in these bytes. */
static bool oldest_is_in(struct event_ring *ring, uint32_t begin, uint32_t end)
{
	uint32_t start;

	if (ring->count == 0)
		return false;
	start = *start_of(ring, event_ring_first(ring));
	return start >= begin && start < end;
}

/* Where `size` bytes are free, once the oldest events have made room. */
static uint32_t make_room(struct event_ring *ring, uint32_t size)
{
	uint32_t begin = ring->write;

	assert(size <= ring->size);
	if (begin + size > ring->size) {
		while (oldest_is_in(ring, begin, ring->size))
			ring->count--;
		begin = 0;
	}
	while (oldest_is_in(ring, begin, begin + size))
		ring->count--;
	if (ring->count == ring->kept)
		ring->count--;
	return begin;
}

static const char *copy_text(char **to, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = memcpy(*to, text, size);

	*to += size;
	return copy;
}

static uint32_t size_of(const struct event_entry *entry)
{
	size_t size = sizeof(*entry) + strlen(entry->name) + strlen(entry->cause) +
		      strlen(entry->sentence) + 3;

	return (size + alignof(struct event_entry) - 1) & -alignof(struct event_entry);
}

const struct event_entry *event_ring_add(struct event_ring *ring, const struct event_entry *entry)
{
	uint32_t size = size_of(entry), begin = make_room(ring, size);
	struct event_entry *copy = (struct event_entry *)(ring->bytes + begin);
	char *texts = (char *)(copy + 1);

	*copy = *entry;
	copy->number = ring->next;
	copy->name = copy_text(&texts, entry->name);
	copy->cause = copy_text(&texts, entry->cause);
	copy->sentence = copy_text(&texts, entry->sentence);
	*start_of(ring, ring->next++) = begin;
	ring->count++;
	ring->write = begin + size;
	return copy;
}

uint64_t event_ring_first(const struct event_ring *ring)
{
	return ring->next - ring->count;
}

uint64_t event_ring_next(const struct event_ring *ring)
{
	return ring->next;
}

const struct event_entry *event_ring_find(const struct event_ring *ring, uint64_t number)
{
	if (number < event_ring_first(ring) || number >= ring->next)
		return NULL;
	return (const struct event_entry *)(ring->bytes + ring->starts[number % ring->kept]);
}
