/* SPDX-License-Identifier: BSD-3-Clause */
#include "state/state.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>

#include "state/arena.h"
#include "affinity/pins.h"
#include "encap/record.h"
#include "affinity/slots.h"
#include "state/state_reader.h"

#define SLOTS_PER_LINE 16 /* words of a cache line */
#define SLOT_WORDS_MAX UINT32_C(0xfffffff0)
/*
 * Bytes that are allocated or locked at a time: other users of the file or the mapping wait for one
 * piece at most.
 */
#define PIECE_BYTES UINT64_C(8388608)

static_assert(sizeof(struct backend_record) == STATE_RECORD_SIZE, "a record fills its cell");
static_assert(STATE_RECORD_NONE == RECORD_NONE, "the same cell means none");

struct state {
	struct state_file file;
	int old;                   /* descriptor of the replaced file; -1: none */
	struct state_header *base; /* of the mapping */
	struct state_header plan;  /* our own copy, which no other process can change */
	struct state_reader *before;
	enum state_start start;
	struct arena *slots;     /* in cache lines */
	_Atomic uint32_t backed; /* slot words, from the first on, that have space in the file */
	uint32_t adoptable;      /* slot words of pools that can be adopted */
	struct arena *records;
	pthread_mutex_t backing; /* held while space is given to slot words */
	_Atomic bool tidying_ends;
	struct state_pins pins;
	uint64_t pins_lost;
};

uint64_t state_memory(const struct state_layout *layout)
{
	struct state_header plan = { 0 };

	return state_header_lay_out(&plan, layout) == 0 ? plan.file_size : 0;
}

const char *state_start_text(enum state_start start)
{
	static const char *const texts[STATE_START_COUNT] = {
		[STATE_WARM] = "the state file of the process before is adopted",
		[STATE_COLD_ABSENT] = "there was no state file",
		[STATE_COLD_UNFINISHED] = "the state file is of a start that never came to its end",
		[STATE_COLD_DAMAGED] = "the state file is damaged",
		[STATE_COLD_VERSION] = "the state file has the layout of another version",
		[STATE_COLD_BOOT] = "the state file is from before the last boot",
		[STATE_COLD_BOOT_UNKNOWN] =
			("whether the state file is of this boot cannot be told: "
			 "/proc/sys/kernel/random/boot_id cannot be read, or could not"),
		[STATE_COLD_KEY] = "the state file was made with another hash key",
	};

	return texts[start];
}

/* Reads the existing file and says how to start; changes nothing. */
static enum state_start classify_start(const struct state *state, int result)
{
	const struct state_header *before;

	if (state->file.created)
		return STATE_COLD_ABSENT;
	if (result == -EAGAIN)
		return STATE_COLD_UNFINISHED;
	if (result == -EPROTONOSUPPORT)
		return STATE_COLD_VERSION;
	if (result != 0)
		return STATE_COLD_DAMAGED;
	before = state_reader_header(state->before);
	if (!state_header_knows_boot(before) || !state_header_knows_boot(&state->plan))
		return STATE_COLD_BOOT_UNKNOWN;
	if (!state_header_same_boot(before, &state->plan))
		return STATE_COLD_BOOT;
	if (before->key_fingerprint != state->plan.key_fingerprint)
		return STATE_COLD_KEY;
	return STATE_WARM;
}

static void look_at_before(struct state *state)
{
	int result = state_attach_file(state->file.descriptor, &state->before);

	state->start = classify_start(state, result);
	if (state->start == STATE_WARM)
		return;
	state_detach(state->before);
	state->before = NULL;
}

static int plan_layout(struct state *state, const struct state_layout *layout,
	uint64_t key_fingerprint, struct state_refusal *refusal)
{
	int result = state_header_lay_out(&state->plan, layout);

	state->file.directory = state->file.descriptor = -1;
	state->file.next = state->file.arbiter = state->old = -1;
	if (result != 0)
		return state_refuse(refusal, STATE_REFUSED_LAYOUT, result);
	state_header_describe(&state->plan, key_fingerprint);
	return 0;
}

/* Room for what is adopted and for what is new, which exist side by side for a while. */
static void add_pools(struct state_layout *layout, const struct state_reader *before)
{
	const struct state_layout *old = &state_reader_header(before)->layout;
	uint64_t words = layout->slot_words;

	for (uint32_t i = 0; i < old->pools; i++) {
		const struct identity_pool *row = state_reader_pool_row(before, i);

		if (!identity_pool_is_sound(row, old))
			continue;
		words += state_slots_room(row->slots);
		layout->pools++;
	}
	layout->slot_words = RTE_MIN(words, (uint64_t)SLOT_WORDS_MAX);
}

/* With more changes of the number than fit, the oldest table is dropped before it is empty. */
static void keep_pins(struct state_layout *layout, const struct state_reader *before)
{
	struct state_reader_pins tables[STATE_PIN_TABLES];

	if (state_reader_list_pins(before, tables) == STATE_PIN_TABLES)
		layout->pin_buckets = tables[0].bucket_count;
}

/* Lays out the new file with room for every number that is adopted. */
static int make_room(struct state *state, struct state_refusal *refusal)
{
	struct state_layout layout = state->plan.layout;
	const struct state_layout *before;
	int result;

	state->backed = layout.slot_words;
	if (state->before == NULL)
		return 0;
	before = &state_reader_header(state->before)->layout;
	layout.services = RTE_MAX(layout.services, before->services);
	layout.backends = RTE_MAX(layout.backends, before->backends);
	layout.records = RTE_MAX(layout.records, before->records);
	add_pools(&layout, state->before);
	state->adoptable = layout.slot_words - state->plan.layout.slot_words;
	state->backed = 0;
	keep_pins(&layout, state->before);
	result = state_header_lay_out(&state->plan, &layout);
	return result == 0 ? 0 : state_refuse(refusal, STATE_REFUSED_LAYOUT, result);
}

/* The range of pages of slot words that has no space in the file yet. */
static struct state_file_part find_unbacked(const struct state *state)
{
	uint64_t end = state->plan.regions[STATE_RECORDS].offset;
	uint64_t bytes = state->backed * sizeof(uint32_t);
	uint64_t first = state->plan.regions[STATE_SLOTS].offset +
			 (bytes + STATE_PAGE_SIZE - 1) / STATE_PAGE_SIZE * STATE_PAGE_SIZE;

	return (struct state_file_part){ first, end - first };
}

/* A warm start does not wait for the space of slot words, which are most of the file. */
static int prepare_file(struct state *state, struct state_refusal *refusal)
{
	struct state_file_part later = find_unbacked(state);

	return state_file_prepare(&state->file, state->plan.file_size, &later, refusal);
}

static int map_file(struct state *state, struct state_refusal *refusal)
{
	void *base = mmap(NULL, state->plan.file_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		state->file.next, 0);

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
	arena_take(state->records, RECORD_MODE_COUNT); /* STATE_RECORD_NONE */
	return 0;
}

static uint64_t count_pins(const struct state_reader_pins *table)
{
	const uint64_t *words = table->memory;
	uint64_t count = 0;

	for (uint64_t i = 0; i < (uint64_t)table->bucket_count * PINS_WAYS; i++)
		count += pin_class(words[i]) != PIN_EMPTY;
	return count;
}

static bool has_pins(const struct state_reader_pins *table)
{
	const uint64_t *words = table->memory;
	uint64_t count = (uint64_t)table->bucket_count * PINS_WAYS, i = 0;

	while (i < count && pin_class(words[i]) == PIN_EMPTY)
		i++;
	return i < count;
}

static int adopt_older(struct state *state, const struct state_reader_pins *from)
{
	struct state_pin_table table;
	int result;

	if (!has_pins(from))
		return 0;
	result = state_pins_append(&state->pins, from->bucket_count, &table);
	if (result != 0)
		return result;
	state_reader_copy_pins(state->before, from, table.memory);
	state_pins_add(&state->pins, &table);
	return 0;
}

/* No worker uses them yet. */
static void cancel_older(struct state *state)
{
	while (state->pins.count > 0)
		state_pins_cancel(&state->pins, &state->pins.tables[--state->pins.count]);
	while (state_pins_trim(&state->pins))
		continue;
	state->pins.end = state->plan.file_size;
}

static int adopt_older_from(
	struct state *state, const struct state_reader_pins *tables, int youngest, int count)
{
	int result = 0;

	for (int i = count - 1; i >= youngest && result == 0; i--)
		result = adopt_older(state, &tables[i]);
	/* must leave the space that was checked for later slot words */
	return result == 0 ? state_file_check_space(state->file.next, find_unbacked(state).length)
			   : result;
}

/*
 * Copies the tables from index `youngest` on, of which the last is the oldest. Without space for
 * all of them the oldest are given up: starting with fewer pins is better than not starting. But
 * the table in use may have the pins of all connections, so without space for it the start is
 * refused.
 */
static int adopt_all_older(
	struct state *state, const struct state_reader_pins *tables, int youngest, int count)
{
	int result = adopt_older_from(state, tables, youngest, count);

	while ((result == -ENOSPC || result == -EDQUOT) && count > 1) {
		cancel_older(state);
		state->pins_lost += count_pins(&tables[--count]);
		result = adopt_older_from(state, tables, youngest, count);
	}
	return result;
}

/* The previous table stays in use if its size is right; otherwise it empties beside the new one. */
static int adopt_pins(struct state *state, struct state_refusal *refusal)
{
	struct state_pin_table current = {
		.memory = state_header_region(&state->plan, state->base, STATE_PINS),
		.offset = state->plan.regions[STATE_PINS].offset,
		.bucket_count = state->plan.layout.pin_buckets,
	};
	struct state_reader_pins before[STATE_PIN_TABLES];
	int count = state->before == NULL ? 0 : state_reader_list_pins(state->before, before);
	int youngest = 0;
	int result;

	state->pins.descriptor = state->file.next;
	state->pins.header = state->base;
	state->pins.end = state->plan.file_size;
	if (count > 0 && before[0].bucket_count == current.bucket_count) {
		state_reader_copy_pins(state->before, &before[0], current.memory);
		youngest = 1;
	}
	result = adopt_all_older(state, before, youngest, count);
	if (result != 0) {
		cancel_older(state);
		refusal->bytes = state->plan.file_size;
		return state_refuse(refusal, STATE_REFUSED_SPACE, result);
	}
	state_pins_add(&state->pins, &current);
	return 0;
}

/* The file is new, so everything but our signature is zero. state_commit() writes `ready`. */
static int begin(struct state *state, struct state_refusal *refusal)
{
	uint64_t fingerprint = state->plan.key_fingerprint;

	state_header_describe(&state->plan, fingerprint);
	memcpy(state->base, &state->plan, STATE_HEADER_CONSTANT_SIZE);
	atomic_store_explicit(
		&state->base->reader_generation, state->plan.started_ns, memory_order_relaxed);
	return adopt_pins(state, refusal);
}

int state_open(const char *path, const struct state_layout *layout, uint64_t key_fingerprint,
	struct state **opened, struct state_refusal *refusal)
{
	struct state *state = calloc(1, sizeof(*state));
	int result;

	memset(refusal, 0, sizeof(*refusal));
	if (!state)
		return state_refuse(refusal, STATE_REFUSED_MEMORY, -ENOMEM);
	pthread_mutex_init(&state->backing, NULL);
	result = plan_layout(state, layout, key_fingerprint, refusal);
	if (result == 0)
		result = state_file_open(&state->file, path, refusal);
	if (result == 0) {
		look_at_before(state);
		result = make_room(state, refusal);
	}
	if (result == 0)
		result = prepare_file(state, refusal);
	if (result == 0)
		result = map_file(state, refusal);
	if (result == 0)
		result = open_books(state, refusal);
	if (result == 0)
		result = begin(state, refusal);
	if (result != 0) {
		state_discard(state);
		return result;
	}
	*opened = state;
	return 0;
}

int state_set_group(struct state *state, gid_t group)
{
	return state_file_set_group(&state->file, group);
}

enum state_start state_start(const struct state *state)
{
	return state->start;
}

uint64_t state_pins_lost(const struct state *state)
{
	return state->pins_lost;
}

const struct state_reader *state_before(const struct state *state)
{
	return state->before;
}

/*
 * Tells readers that have the old file mapped: generation 0 means "an owner is starting". Without
 * it they would go on reading a file that is no longer written, which is harmless. Returns the
 * previous generation.
 */
static uint64_t exchange_generation(int descriptor, uint64_t generation)
{
	const off_t offset = offsetof(struct state_header, reader_generation);
	uint64_t before = 0;

	if (pread(descriptor, &before, sizeof(before), offset) == sizeof(before) &&
		pwrite(descriptor, &generation, sizeof(generation), offset) != sizeof(generation))
		return 0;
	return before;
}

/* Invalidates readers before the rename: if we are killed after it, no one else would. */
int state_commit(struct state *state, struct state_refusal *refusal)
{
	int old = state->file.descriptor, result;
	uint64_t generation = exchange_generation(old, 0);

	memset(refusal, 0, sizeof(*refusal));
	atomic_store_explicit(&state->base->ready, STATE_READY, memory_order_release);
	result = state_file_replace(&state->file, &old, refusal);
	if (result != 0) {
		exchange_generation(old, generation);
		return result;
	}
	state->old = old;
	return 0;
}

void state_forget_before(struct state *state)
{
	state_detach(state->before);
	state->before = NULL;
	if (state->old >= 0)
		close(state->old);
	state->old = -1;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	state_forget_before(state);
	arena_destroy(state->slots);
	arena_destroy(state->records);
	state_pins_close(&state->pins);
	if (state->base)
		munmap(state->base, state->plan.file_size);
	state_file_close(&state->file);
	free(state);
}

void state_discard(struct state *state)
{
	if (!state)
		return;
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

static int own_file(const struct state *state)
{
	return state->file.next >= 0 ? state->file.next : state->file.descriptor;
}

/*
 * Allocates the space of all words below `words`. Under the lock, because a file system that fails
 * may release pages that another call for the same range has just got.
 */
static int back(struct state *state, uint32_t words)
{
	struct state_file_part part;
	int result = 0;

	pthread_mutex_lock(&state->backing);
	if (words > state->backed) {
		part = find_unbacked(state);
		part.length = RTE_MIN(
			part.length, RTE_ALIGN_CEIL((words - state->backed) * sizeof(uint32_t),
					     STATE_PAGE_SIZE));
		result = state_file_allocate(own_file(state), &part);
		if (result == 0)
			state->backed = words;
	}
	pthread_mutex_unlock(&state->backing);
	return result;
}

int state_allocate_adoptable(struct state *state)
{
	return back(state, state->adoptable);
}

void state_end_tidying(struct state *state)
{
	state->tidying_ends = true;
}

int state_allocate_rest(struct state *state)
{
	const uint32_t all = state->plan.layout.slot_words;
	int result = 0;

	while (result == 0 && state->backed < all) {
		if (state->tidying_ends)
			return -ECANCELED;
		result = back(state, RTE_MIN(state->backed + PIECE_BYTES / sizeof(uint32_t), all));
	}
	return result;
}

static int lock_part(struct state *state, uint64_t first, uint64_t end)
{
	for (; first < end; first += PIECE_BYTES) {
		if (state->tidying_ends)
			return -ECANCELED;
		if (mlock((uint8_t *)state->base + first, RTE_MIN(PIECE_BYTES, end - first)) != 0)
			return -errno;
	}
	return 0;
}

/* Skips words without space: reading them would allocate it. */
int state_lock(struct state *state)
{
	struct state_file_part unbacked = find_unbacked(state);
	int result = lock_part(state, 0, unbacked.offset);

	if (result != 0)
		return result;
	return lock_part(state, unbacked.offset + unbacked.length, state->plan.file_size);
}

int state_slots_allocate(struct state *state, uint32_t count, uint32_t *first)
{
	uint32_t line = arena_take(state->slots, lines_of(count));

	if (line == ARENA_FULL)
		return -ENOSPC;
	if (back(state, (line + lines_of(count)) * SLOTS_PER_LINE) != 0) {
		arena_give(state->slots, line, lines_of(count));
		return -ENOSPC;
	}
	*first = line * SLOTS_PER_LINE;
	return 0;
}

/* If the write falls short, stores the rest through the mapping, which cannot fail. */
void state_slots_write(struct state *state, uint32_t first, const uint32_t *words, uint32_t count)
{
	off_t offset = state->plan.regions[STATE_SLOTS].offset + first * sizeof(*words);
	_Atomic uint32_t *rest = state_slots(state, first);
	ssize_t written;
	uint32_t done;

	assert(count <= state->plan.layout.slot_words - first);
	written = pwrite(own_file(state), words, count * sizeof(*words), offset);
	done = written < 0 ? 0 : written / sizeof(*words);
	for (uint32_t i = done; i < count; i++)
		slot_store(&rest[i], words[i]);
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

uint32_t state_records_allocate(struct state *state)
{
	uint32_t first = arena_take(state->records, RECORD_MODE_COUNT);

	if (first == ARENA_FULL)
		return STATE_RECORD_NONE;
	memset(state_record(state, first), 0, RECORD_MODE_COUNT * STATE_RECORD_SIZE);
	return first;
}

void state_records_free(struct state *state, uint32_t first)
{
	assert(first != STATE_RECORD_NONE);
	arena_give(state->records, first, RECORD_MODE_COUNT);
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

uint64_t state_generation(const struct state *state)
{
	return atomic_load_explicit(&state->base->reader_generation, memory_order_relaxed);
}

void *state_pins(struct state *state)
{
	return state->pins.tables[state->pins.count - 1].memory;
}

struct state_pins *state_pin_tables(struct state *state)
{
	return &state->pins;
}

struct identity_pool *state_pool_row(struct state *state, uint32_t number)
{
	assert(number < state->plan.layout.pools);
	return (struct identity_pool *)state_header_region(
		       &state->plan, state->base, STATE_POOL_ROWS) +
	       number;
}

struct identity_backend *state_backend_row(struct state *state, uint32_t gid)
{
	assert(gid < state->plan.layout.backends);
	return (struct identity_backend *)state_header_region(
		       &state->plan, state->base, STATE_BACKEND_ROWS) +
	       gid;
}

struct identity_service *state_service_row(struct state *state, uint32_t cell)
{
	assert(cell < state->plan.layout.services);
	return (struct identity_service *)state_header_region(
		       &state->plan, state->base, STATE_SERVICE_ROWS) +
	       cell;
}

struct state_health *state_health_row(struct state *state, uint32_t gid)
{
	assert(gid < state->plan.layout.backends);
	return (struct state_health *)state_header_region(
		       &state->plan, state->base, STATE_HEALTH_ROWS) +
	       gid;
}

/* The fence: no later store may become visible before the odd number. */
void state_rows_begin(struct state *state)
{
	uint64_t sequence = atomic_load_explicit(&state->base->rows_sequence, memory_order_relaxed);

	assert(sequence % 2 == 0);
	atomic_store_explicit(&state->base->rows_sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

void state_rows_end(struct state *state)
{
	uint64_t sequence = atomic_load_explicit(&state->base->rows_sequence, memory_order_relaxed);

	assert(sequence % 2 == 1);
	atomic_store_explicit(&state->base->rows_sequence, sequence + 1, memory_order_release);
}

void state_name_port(struct state *state, uint32_t index, const char *name)
{
	assert(index < state->plan.layout.ports);
	state_rows_begin(state);
	snprintf(state->base->port_names[index], IDENTITY_NAME_SIZE, "%s", name);
	state_rows_end(state);
}

void state_name_lcore(struct state *state, uint32_t worker, uint32_t lcore)
{
	assert(worker < state->plan.layout.workers && lcore < UINT16_MAX);
	state_rows_begin(state);
	state->base->lcores[worker] = lcore + 1;
	state_rows_end(state);
}
