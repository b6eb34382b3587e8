/* SPDX-License-Identifier: BSD-3-Clause */
#include "state/health_row.h"

const char *health_status_name(enum health_status status)
{
	static const char *const names[HEALTH_STATUS_COUNT] = {
#define HEALTH_STATUS_NAME(upper, lower) [HEALTH_##upper] = #lower,
		HEALTH_STATUS_TABLE(HEALTH_STATUS_NAME)
#undef HEALTH_STATUS_NAME
	};

	return names[status];
}

static uint32_t count_changes(const struct state_health *row)
{
	return atomic_load_explicit(&row->changes, memory_order_acquire);
}

static uint32_t first_shown(uint32_t changes)
{
	return changes > HEALTH_CHANGES_MAX ? changes - HEALTH_CHANGES_MAX : 0;
}

bool health_row_is_sound(const struct state_health *row)
{
	uint32_t changes = count_changes(row);

	if (row->status >= HEALTH_STATUS_COUNT || row->override >= HEALTH_OVERRIDE_COUNT ||
		(row->asked & ~(HEALTH_ASKED_REST | HEALTH_ASKED_OFF)) != 0)
		return false;
	for (uint32_t i = first_shown(changes); i != changes; i++) {
		const struct health_change *change = &row->ring[i % HEALTH_CHANGE_CELLS];

		if (change->status >= HEALTH_STATUS_COUNT || change->time_ms < 0)
			return false;
	}
	return true;
}

void health_row_add(struct state_health *row, const struct health_change *change)
{
	uint32_t changes = count_changes(row);

	if (changes >= 2 * HEALTH_CHANGE_CELLS) /* the same cell, and still as many to show */
		changes = changes % HEALTH_CHANGE_CELLS + HEALTH_CHANGE_CELLS;
	row->ring[changes % HEALTH_CHANGE_CELLS] = *change;
	atomic_store_explicit(&row->changes, changes + 1, memory_order_release);
	row->status = change->status;
}

size_t health_row_list(
	const struct state_health *row, struct health_change changes[static HEALTH_CHANGES_MAX])
{
	uint32_t end = count_changes(row), count = 0;

	for (uint32_t i = first_shown(end); i != end; i++)
		changes[count++] = row->ring[i % HEALTH_CHANGE_CELLS];
	return count;
}
