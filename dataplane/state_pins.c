/* SPDX-License-Identifier: BSD-3-Clause */
#include "state_pins.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "pins.h"

static uint64_t size_of(uint32_t bucket_count)
{
	return (pins_memory(bucket_count) + STATE_PAGE_SIZE - 1) / STATE_PAGE_SIZE *
	       STATE_PAGE_SIZE;
}

/* A hole, and not a shorter file: a reader may have it mapped. Where none can be made it stays. */
static void give_back(const struct state_pins *pins, uint64_t offset, uint32_t bucket_count)
{
	fallocate(pins->descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
		size_of(bucket_count));
}

static int allocate(const struct state_pins *pins, uint64_t size)
{
	int code;

	do
		code = posix_fallocate(pins->descriptor, pins->end, size);
	while (code == EINTR);
	return -code;
}

/* The pages are there before a worker looks into them. */
int state_pins_append(struct state_pins *pins, uint32_t bucket_count, struct state_pin_table *table)
{
	uint64_t size = size_of(bucket_count);
	int result = allocate(pins, size);

	table->offset = pins->end;
	table->bucket_count = bucket_count;
	if (result == 0) {
		table->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			pins->descriptor, pins->end);
		if (table->memory != MAP_FAILED) {
			mlock(table->memory, size); /* state_lock() says why it cannot be */
			return 0;
		}
		result = -errno;
	}
	give_back(pins, table->offset, bucket_count);
	return result;
}

void state_pins_cancel(struct state_pins *pins, const struct state_pin_table *table)
{
	munmap(table->memory, size_of(table->bucket_count));
	give_back(pins, table->offset, table->bucket_count);
}

/* From the oldest on, so that at every moment each of them is named. */
static void write_names(struct state_pins *pins)
{
	for (uint32_t i = 0; i < STATE_PIN_TABLES; i++) {
		const struct state_pin_table *table = &pins->tables[i];
		uint64_t name =
			i < pins->count ? state_pins_name(table->offset, table->bucket_count) : 0;

		atomic_store_explicit(&pins->header->pin_tables[i], name, memory_order_release);
	}
}

static uint64_t end_of(const struct state_pin_table *table)
{
	return table->offset + size_of(table->bucket_count);
}

void state_pins_add(struct state_pins *pins, const struct state_pin_table *table)
{
	assert(pins->count < STATE_PIN_TABLES);
	pins->tables[pins->count++] = *table;
	if (pins->end < end_of(table))
		pins->end = end_of(table);
	write_names(pins);
}

/* What is laid out stays mapped with all else. */
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
	unmap(pins, &table);
	give_back(pins, table.offset, table.bucket_count);
}

void state_pins_close(struct state_pins *pins)
{
	for (uint32_t i = 0; i < pins->count; i++)
		unmap(pins, &pins->tables[i]);
	pins->count = 0;
}
