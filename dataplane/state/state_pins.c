/* SPDX-License-Identifier: BSD-3-Clause */
#include "state/state_pins.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "affinity/pins.h"
#include "state/state_file.h"

#define FILL_BYTES UINT64_C(4194304) /* at a time */
#define TRIM_BYTES UINT64_C(4194304)

static uint64_t size_of(uint32_t bucket_count)
{
	return (pins_memory(bucket_count) + STATE_PAGE_SIZE - 1) / STATE_PAGE_SIZE *
	       STATE_PAGE_SIZE;
}

/*
 * Punches a hole instead of shortening the file, which a reader may have mapped. If the file system
 * has no holes, the space stays.
 */
static void give_back(const struct state_pins *pins, uint64_t offset, uint64_t length)
{
	fallocate(pins->descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

static uint64_t end_of(const struct state_pin_table *table)
{
	return table->offset + size_of(table->bucket_count);
}

void state_pins_reserve(
	struct state_pins *pins, uint32_t bucket_count, struct state_pin_table *table)
{
	*table = (struct state_pin_table){ .offset = pins->end, .bucket_count = bucket_count };
	pins->end = end_of(table);
}

void state_pins_end(struct state_pins *pins)
{
	pins->ending = true;
}

/* Maps the pages before a worker reads them. */
static int populate(const struct state_pins *pins, const struct state_pin_table *table,
	uint64_t first, uint64_t length)
{
	void *piece = mmap((uint8_t *)table->memory + first, length, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE | MAP_FIXED, pins->descriptor, table->offset + first);

	if (piece == MAP_FAILED)
		return -errno;
	mlock(piece, length); /* a failure is reported by state_lock() */
	return 0;
}

/* In pieces: other users of the file or its mappings wait for one piece at most. */
static int fill_pieces(const struct state_pins *pins, struct state_pin_table *table)
{
	uint64_t size = size_of(table->bucket_count);
	int result = 0;

	for (uint64_t first = 0; result == 0 && first < size; first += FILL_BYTES) {
		uint64_t length = size - first < FILL_BYTES ? size - first : FILL_BYTES;
		struct state_file_part part = { table->offset + first, length };

		if (pins->ending)
			return -ECANCELED;
		result = state_file_allocate(pins->descriptor, &part);
		if (result == 0)
			result = populate(pins, table, first, length);
	}
	return result;
}

int state_pins_fill(const struct state_pins *pins, struct state_pin_table *table)
{
	uint64_t size = size_of(table->bucket_count);
	int result;

	table->memory = mmap(NULL, size, PROT_NONE, MAP_SHARED, pins->descriptor, table->offset);
	if (table->memory == MAP_FAILED) {
		table->memory = NULL;
		return -errno;
	}
	result = fill_pieces(pins, table);
	if (result == 0)
		return 0;
	munmap(table->memory, size);
	table->memory = NULL;
	give_back(pins, table->offset, size);
	return result;
}

int state_pins_append(struct state_pins *pins, uint32_t bucket_count, struct state_pin_table *table)
{
	int result;

	state_pins_reserve(pins, bucket_count, table);
	result = state_pins_fill(pins, table);
	if (result != 0)
		state_pins_cancel(pins, table);
	return result;
}

/* If this table is the last in the file, the next one may reuse its room. */
static void give_room_back(struct state_pins *pins, const struct state_pin_table *table)
{
	if (pins->end == end_of(table))
		pins->end = table->offset;
}

/* Frees the end first, so that the rest is a smaller table. A table of the layout stays mapped. */
static bool trim_first(struct state_pins *pins)
{
	struct state_pin_table *table = &pins->leaving[0];
	uint64_t first = pins->left > TRIM_BYTES ? pins->left - TRIM_BYTES : 0;

	if (table->offset >= pins->header->file_size)
		munmap((uint8_t *)table->memory + first, pins->left - first);
	give_back(pins, table->offset + first, pins->left - first);
	pins->left = first;
	return first != 0;
}

static void take_up_first(struct state_pins *pins)
{
	if (pins->leaving_count > 0)
		pins->left = size_of(pins->leaving[0].bucket_count);
}

bool state_pins_trim(struct state_pins *pins)
{
	if (pins->leaving_count == 0)
		return false;
	if (trim_first(pins))
		return true;
	give_room_back(pins, &pins->leaving[0]);
	pins->leaving_count--;
	memmove(&pins->leaving[0], &pins->leaving[1],
		pins->leaving_count * sizeof(pins->leaving[0]));
	take_up_first(pins);
	return true;
}

static void leave(struct state_pins *pins, const struct state_pin_table *table)
{
	while (pins->leaving_count == STATE_PINS_LEAVING)
		state_pins_trim(pins);
	pins->leaving[pins->leaving_count++] = *table;
	if (pins->leaving_count == 1)
		take_up_first(pins);
}

void state_pins_cancel(struct state_pins *pins, const struct state_pin_table *table)
{
	if (table->memory == NULL)
		give_room_back(pins, table);
	else
		leave(pins, table);
}

/* Starts with the oldest, so that each table is listed at every moment. */
static void write_names(struct state_pins *pins)
{
	for (uint32_t i = 0; i < STATE_PIN_TABLES; i++) {
		const struct state_pin_table *table = &pins->tables[i];
		uint64_t name =
			i < pins->count ? state_pins_name(table->offset, table->bucket_count) : 0;

		atomic_store_explicit(&pins->header->pin_tables[i], name, memory_order_release);
	}
}

void state_pins_add(struct state_pins *pins, const struct state_pin_table *table)
{
	assert(pins->count < STATE_PIN_TABLES);
	pins->tables[pins->count++] = *table;
	if (pins->end < end_of(table)) /* the table of the layout */
		pins->end = end_of(table);
	write_names(pins);
}

static void unmap(const struct state_pins *pins, const struct state_pin_table *table)
{
	if (table->offset >= pins->header->file_size)
		munmap(table->memory, size_of(table->bucket_count));
}

void state_pins_drop(struct state_pins *pins, const void *memory)
{
	struct state_pin_table table = { 0 };
	uint32_t kept = 0;

	assert(pins->count > 1);
	for (uint32_t i = 0; i < pins->count; i++)
		if (pins->tables[i].memory == memory)
			table = pins->tables[i];
		else
			pins->tables[kept++] = pins->tables[i];
	assert(kept + 1 == pins->count);
	pins->count = kept;
	write_names(pins);
	leave(pins, &table);
}

void state_pins_close(struct state_pins *pins)
{
	while (state_pins_trim(pins))
		continue;
	for (uint32_t i = 0; i < pins->count; i++)
		unmap(pins, &pins->tables[i]);
	pins->count = 0;
}
