/* SPDX-License-Identifier: BSD-3-Clause */
#include "state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"
#include "record.h"
#include "slots.h"

#define SLOTS_PER_LINE 16 /* words of a cache line */

static_assert(sizeof(struct backend_record) == STATE_RECORD_SIZE, "a record fills its cell");
static_assert(STATE_RECORD_NONE == RECORD_NONE, "the same cell means none");

struct state {
	struct state_file file;
	struct state_header *base; /* of the mapping */
	struct state_header plan;  /* our own copy, which nobody else can change */
	struct arena *slots;       /* in cache lines */
	struct arena *records;
};

uint64_t state_memory(const struct state_layout *layout)
{
	struct state_header plan = { 0 };

	return state_header_lay_out(&plan, layout) == 0 ? plan.file_size : 0;
}

static int plan_layout(
	struct state *state, const struct state_layout *layout, struct state_refusal *refusal)
{
	int result = state_header_lay_out(&state->plan, layout);

	state->file.directory = state->file.descriptor = -1;
	return result == 0 ? 0 : state_refuse(refusal, STATE_REFUSED_LAYOUT, result);
}

static int map_file(struct state *state, struct state_refusal *refusal)
{
	void *base = mmap(NULL, state->plan.file_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		state->file.descriptor, 0);

	if (base == MAP_FAILED)
		return state_refuse(refusal, STATE_REFUSED_MEMORY, -errno);
	state->base = base;
	return 0;
}

static int open_books(struct state *state, struct state_refusal *refusal)
{
	state->slots = arena_create(state->plan.layout.slot_words / SLOTS_PER_LINE);
	state->records = arena_create(state->plan.layout.records);
	if (!state->slots || !state->records)
		return state_refuse(refusal, STATE_REFUSED_MEMORY, -ENOMEM);
	arena_take(state->records, 1); /* STATE_RECORD_NONE */
	return 0;
}

/*
 * Our signature (state_file_allocate) stays readable throughout; everything else becomes zero, then
 * the header is written, and `ready` last.
 */
static void start_cold(struct state *state)
{
	uint8_t *bytes = (uint8_t *)state->base;

	memset(bytes + sizeof(*state->base), 0, state->plan.file_size - sizeof(*state->base));
	state_header_describe(&state->plan);
	memcpy(bytes, &state->plan, STATE_HEADER_CONSTANT_SIZE);
	atomic_store_explicit(
		&state->base->reader_generation, state->plan.started_ns, memory_order_relaxed);
	atomic_store_explicit(&state->base->ready, STATE_READY, memory_order_release);
}

/* Undoes a start at any point of it. A file that we made but another locked first is theirs. */
static void abandon(struct state *state)
{
	if (state->file.created && state->file.locked)
		state_file_remove(&state->file);
	state_close(state);
}

int state_open(const char *path, const struct state_layout *layout, struct state **opened,
	struct state_refusal *refusal)
{
	struct state *state = calloc(1, sizeof(*state));
	int result;

	memset(refusal, 0, sizeof(*refusal));
	if (!state)
		return state_refuse(refusal, STATE_REFUSED_MEMORY, -ENOMEM);
	result = plan_layout(state, layout, refusal);
	if (result == 0)
		result = state_file_open(&state->file, path, refusal);
	if (result == 0)
		result = state_file_allocate(&state->file, state->plan.file_size, refusal);
	if (result == 0)
		result = map_file(state, refusal);
	if (result == 0)
		result = open_books(state, refusal);
	if (result != 0) {
		abandon(state);
		return result;
	}
	start_cold(state);
	*opened = state;
	return 0;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	arena_destroy(state->slots);
	arena_destroy(state->records);
	if (state->base)
		munmap(state->base, state->plan.file_size);
	state_file_close(&state->file);
	free(state);
}

void state_discard(struct state *state)
{
	state_file_remove(&state->file);
	state_close(state);
}

const struct state_layout *state_layout(const struct state *state)
{
	return &state->plan.layout;
}

static uint32_t lines_of(uint32_t count)
{
	return state_slots_room(count) / SLOTS_PER_LINE;
}

int state_slots_allocate(struct state *state, uint32_t count, uint32_t *first)
{
	uint32_t line = arena_take(state->slots, lines_of(count));
	_Atomic uint32_t *words;

	if (line == ARENA_FULL)
		return -ENOSPC;
	*first = line * SLOTS_PER_LINE;
	words = state_slots(state, *first);
	for (uint32_t i = 0; i < count; i++)
		slot_store(&words[i], slot_pack(SLOT_NO_BACKEND, SLOT_NO_BACKEND));
	return 0;
}

void state_slots_free(struct state *state, uint32_t first, uint32_t count)
{
	assert(first % SLOTS_PER_LINE == 0);
	arena_give(state->slots, first / SLOTS_PER_LINE, lines_of(count));
}

_Atomic uint32_t *state_slots(struct state *state, uint32_t first)
{
	assert(first < state->plan.layout.slot_words);
	return (_Atomic uint32_t *)state_header_region(&state->plan, state->base, STATE_SLOTS) +
	       first;
}

uint32_t state_record_allocate(struct state *state)
{
	uint32_t record = arena_take(state->records, 1);

	if (record == ARENA_FULL)
		return STATE_RECORD_NONE;
	memset(state_record(state, record), 0, STATE_RECORD_SIZE);
	return record;
}

void state_record_free(struct state *state, uint32_t record)
{
	assert(record != STATE_RECORD_NONE);
	arena_give(state->records, record, 1);
}

struct backend_record *state_record(struct state *state, uint32_t record)
{
	assert(record < state->plan.layout.records);
	return (struct backend_record *)state_header_region(
		       &state->plan, state->base, STATE_RECORDS) +
	       record;
}

struct worker_counters *state_counters(struct state *state, uint32_t worker)
{
	uint8_t *blocks = state_header_region(&state->plan, state->base, STATE_COUNTERS);

	assert(worker < state->plan.layout.workers);
	return (struct worker_counters *)(blocks + worker * state->plan.worker_stride);
}

void state_generation_advance(struct state *state)
{
	atomic_fetch_add_explicit(&state->base->reader_generation, 1, memory_order_acq_rel);
}
