/* SPDX-License-Identifier: BSD-3-Clause */
#include "pin_tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pins_older.h"

struct pin_tables {
	struct state *state;
	struct publish *publish;
	struct pins *current;
	struct pins *prepared;        /* NULL: none */
	struct state_pin_table place; /* of the prepared one */
};

static struct pins *make_pins(const struct state_pin_table *place)
{
	struct pins *pins = calloc(1, sizeof(*pins));

	if (pins != NULL)
		pins_init(pins, place->memory, place->bucket_count);
	return pins;
}

struct pin_tables *pin_tables_create(struct state *state, struct publish *publish)
{
	const struct state_pins *places = state_pin_tables(state);
	struct pin_tables *tables = calloc(1, sizeof(*tables));

	if (tables == NULL)
		return NULL;
	tables->state = state;
	tables->publish = publish;
	for (uint32_t i = 0; i < places->count; i++) {
		struct pins *pins = make_pins(&places->tables[i]);

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

static uint64_t count_pins(const struct pins *pins)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < (uint64_t)pins->bucket_count * PINS_WAYS; i++)
		count += pin_class(pins_load(pins, i)) != PIN_EMPTY;
	return count;
}

static int refuse_second(const struct pin_tables *tables, struct error *error)
{
	uint64_t left = 0;

	for (struct pins *pins = pins_older(tables->current); pins != NULL; pins = pins_older(pins))
		left += count_pins(pins);
	return error_set(error, -EBUSY,
		"dataplane.pins: the change of it before is still under way: %" PRIu64
		" pins are in the table of then",
		left);
}

static int refuse_room(uint32_t bucket_count, int code, struct error *error)
{
	return error_set(error, code,
		"dataplane.pins: there is no room for another %" PRIu64
		" bytes of pins in the state file: %s",
		pins_memory(bucket_count), strerror(-code));
}

int pin_tables_prepare(struct pin_tables *tables, uint32_t bucket_count, struct error *error)
{
	int result;

	if (bucket_count <= tables->current->bucket_count)
		return 0;
	if (pins_older(tables->current) != NULL ||
		state_pin_tables(tables->state)->count == STATE_PIN_TABLES)
		return refuse_second(tables, error);
	result = state_pins_append(state_pin_tables(tables->state), bucket_count, &tables->place);
	if (result != 0)
		return refuse_room(bucket_count, result, error);
	tables->prepared = make_pins(&tables->place);
	if (tables->prepared != NULL)
		return 0;
	state_pins_cancel(state_pin_tables(tables->state), &tables->place);
	return error_set(error, -ENOMEM, "out of memory");
}

void pin_tables_abort(struct pin_tables *tables)
{
	if (tables->prepared == NULL)
		return;
	state_pins_cancel(state_pin_tables(tables->state), &tables->place);
	free(tables->prepared);
	tables->prepared = NULL;
}

/* The state file knows of the table before the first pin is in it. */
bool pin_tables_commit(struct pin_tables *tables)
{
	if (tables->prepared == NULL)
		return false;
	state_pins_add(state_pin_tables(tables->state), &tables->place);
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
