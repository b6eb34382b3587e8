/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/pin_tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/pins_older.h"
#include "common/memory_left.h"
#include "common/state_error.h"

struct pin_tables {
	struct state *state;
	struct publish *publish;
	struct pins *current;
	struct pins *prepared;           /* NULL: none; without memory until it is filled */
	struct state_pin_table reserved; /* of that */
};

static struct pins *make_pins(const struct state_pin_table *reserved)
{
	struct pins *pins = calloc(1, sizeof(*pins));

	if (pins != NULL)
		pins_init(pins, reserved->memory, reserved->bucket_count);
	return pins;
}

struct pin_tables *pin_tables_create(struct state *state, struct publish *publish)
{
	const struct state_pins *found = state_pin_tables(state);
	struct pin_tables *tables = calloc(1, sizeof(*tables));

	if (tables == NULL)
		return NULL;
	tables->state = state;
	tables->publish = publish;
	for (uint32_t i = 0; i < found->count; i++) {
		struct pins *pins = make_pins(&found->tables[i]);

		if (pins == NULL) {
			pin_tables_destroy(tables);
			return NULL;
		}
		atomic_store_explicit(&pins->older, tables->current, memory_order_relaxed);
		tables->current = pins;
	}
	return tables;
}

void pin_tables_destroy(struct pin_tables *tables)
{
	struct pins *pins, *older;

	if (tables == NULL)
		return;
	pin_tables_abort(tables);
	for (pins = tables->current; pins != NULL; pins = older) {
		older = pins_older(pins);
		free(pins);
	}
	free(tables);
}

struct pins *pin_tables_current(const struct pin_tables *tables)
{
	return tables->current;
}

struct pins *pin_tables_oldest(const struct pin_tables *tables)
{
	struct pins *pins = tables->current;

	while (pins_older(pins) != NULL)
		pins = pins_older(pins);
	return pins;
}

struct pins *pin_tables_younger(const struct pin_tables *tables, const struct pins *pins)
{
	struct pins *younger = NULL;

	for (struct pins *at = tables->current; at != pins; at = pins_older(at))
		younger = at;
	return younger;
}

static int refuse_room(uint32_t bucket_count, int code, struct error *error)
{
	return error_set(error, code,
		"dataplane.pins: there is no room for another %" PRIu64
		" bytes of pins in the state file: %s",
		pins_memory(bucket_count), state_error_text(code));
}

int pin_tables_prepare(
	struct pin_tables *tables, uint32_t bucket_count, uint64_t left, struct error *error)
{
	struct state_pins *pins = state_pin_tables(tables->state);

	if (bucket_count <= tables->current->bucket_count)
		return 0;
	if (pins_older(tables->current) != NULL || pins->count == STATE_PIN_TABLES)
		return error_set(error, -EBUSY,
			"dataplane.pins: the change of it before is still under way: %" PRIu64
			" pins are in the table of then",
			left);
	if (memory_left_check("/proc", pins_memory(bucket_count), error) != 0)
		return error_wrap(error, -ENOMEM, "dataplane.pins");
	tables->prepared = calloc(1, sizeof(*tables->prepared));
	if (tables->prepared == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	state_pins_reserve(pins, bucket_count, &tables->reserved);
	return 0;
}

int pin_tables_fill(struct pin_tables *tables, struct error *error)
{
	struct state_pin_table *reserved = &tables->reserved;
	int result;

	if (tables->prepared == NULL)
		return 0;
	result = state_pins_fill(state_pin_tables(tables->state), reserved);
	if (result == -ECANCELED)
		return error_set(error, result, "sluiced is stopping");
	if (result != 0)
		return refuse_room(reserved->bucket_count, result, error);
	pins_init(tables->prepared, reserved->memory, reserved->bucket_count);
	return 0;
}

void pin_tables_end(struct pin_tables *tables)
{
	state_pins_end(state_pin_tables(tables->state));
}

bool pin_tables_trim(struct pin_tables *tables)
{
	return state_pins_trim(state_pin_tables(tables->state));
}

void pin_tables_abort(struct pin_tables *tables)
{
	if (tables->prepared == NULL)
		return;
	state_pins_cancel(state_pin_tables(tables->state), &tables->reserved);
	free(tables->prepared);
	tables->prepared = NULL;
}

/* The state file knows of the table before the first pin is in it. */
bool pin_tables_commit(struct pin_tables *tables)
{
	if (tables->prepared == NULL)
		return false;
	state_pins_add(state_pin_tables(tables->state), &tables->reserved);
	atomic_store_explicit(&tables->prepared->older, tables->current, memory_order_release);
	tables->current = tables->prepared;
	tables->prepared = NULL;
	return true;
}

static void release(void *context, uint64_t value)
{
	struct state *state = context;
	struct pins *pins = (struct pins *)(uintptr_t)value;

	state_pins_drop(state_pin_tables(state), (const void *)pins->words);
	free(pins);
}

/* Without memory it stays, for the next sweep. */
void pin_tables_retire(struct pin_tables *tables, struct pins *pins)
{
	struct pins *younger = pin_tables_younger(tables, pins);

	atomic_store_explicit(&younger->older, pins_older(pins), memory_order_release);
	if (publish_retire(tables->publish, release, tables->state, (uintptr_t)pins) != 0)
		atomic_store_explicit(&younger->older, pins, memory_order_release);
}
