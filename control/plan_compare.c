/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan_compare.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "finder.h"

/* Seats are by the owner's hash, which tells addresses apart; most stand where they stood. */
static const struct plan_seat *find_owner(
	const struct plan_pool *pool, uint64_t owner_hash, size_t hint)
{
	size_t first = hint == 0 ? 0 : hint - 1;

	for (size_t i = first; i < hint + 2 && i < pool->seat_count; i++)
		if (pool->seats[i].owner_hash == owner_hash)
			return &pool->seats[i];
	for (size_t i = 0; i < pool->seat_count; i++)
		if (pool->seats[i].owner_hash == owner_hash)
			return &pool->seats[i];
	return NULL;
}

static uint64_t owner(const struct plan_pool *pool, uint32_t slot)
{
	uint16_t seat = pool->table->seats[slot];

	return seat == PLAN_NO_BACKEND ? 0 : pool->seats[seat].owner_hash;
}

/* Plans share a table where its seats have the same owners. */
static bool share_a_table(const struct plan_pool *before, const struct plan_pool *after)
{
	return before->table == after->table;
}

uint32_t plan_slots_moved(const struct plan_pool *before, const struct plan_pool *after)
{
	uint32_t moved = 0;

	if (before == NULL || after == NULL || share_a_table(before, after))
		return 0;
	if (before->slots != after->slots)
		return after->slots;
	for (uint32_t slot = 0; slot < after->slots; slot++)
		moved += owner(before, slot) != owner(after, slot);
	return moved;
}

static bool holds_on(
	const struct plan_pool *after, const struct plan_seat *seat, size_t hint, bool cut)
{
	const struct plan_seat *same = find_owner(after, seat->owner_hash, hint);

	if (same == NULL || (size_t)(same - after->seats) >= after->backend_count)
		return seat->holds && !cut;
	return same->holds;
}

uint32_t plan_slots_pinned(const struct plan_pool *before, const struct plan_pool *after, bool cut)
{
	uint32_t pinned = 0;
	bool *holds;

	if (before == NULL || after == NULL || before->slots != after->slots ||
		share_a_table(before, after))
		return 0;
	holds = calloc(before->seat_count + 1, sizeof(*holds));
	if (holds == NULL)
		return plan_slots_moved(before, after); /* it cannot be more */
	for (size_t i = 0; i < before->seat_count; i++)
		holds[i] = holds_on(after, &before->seats[i], i, cut);
	for (uint32_t slot = 0; slot < after->slots; slot++)
		pinned += before->table->seats[slot] != PLAN_NO_BACKEND &&
			  holds[before->table->seats[slot]] &&
			  owner(before, slot) != owner(after, slot);
	free(holds);
	return pinned;
}

uint32_t plan_slots_cut(const struct plan_pool *before, const struct plan_pool *after, bool cut)
{
	uint32_t slots = 0;

	if (before == NULL || after == NULL)
		return 0;
	if (before->slots != after->slots)
		return after->slots;
	for (size_t i = 0; i < before->seat_count; i++) {
		const struct plan_seat *seat = &before->seats[i];

		if (seat->holds && !holds_on(after, seat, i, cut))
			slots += seat->owned;
	}
	return slots;
}

struct plan_load_change plan_largest_load_change(
	const struct plan_pool *before, const struct plan_pool *after)
{
	struct plan_load_change largest = { 0 };

	if (before == NULL || after == NULL || before->slots != after->slots)
		return largest;
	for (size_t i = 0; i < before->seat_count; i++) {
		const struct plan_seat *seat = &before->seats[i];
		const struct plan_seat *same = find_owner(after, seat->owner_hash, i);
		double percent;

		if (same == NULL || same->owned == 0 || seat->owned == 0)
			continue;
		percent = 100.0 * ((double)same->owned - seat->owned) / seat->owned;
		if (fabs(percent) > fabs(largest.percent))
			largest = (struct plan_load_change){ seat, same, percent };
	}
	return largest;
}

static int judge_pool(const struct config_pool *config, const struct plan_pool *before,
	const struct plan_pool *after, struct error *error)
{
	uint32_t moved;

	if (before == NULL)
		return 0;
	if (before->slots != after->slots)
		return error_set(error, -EPERM,
			"pool \"%s\": another number of slots moves every flow and breaks its "
			"connections: needs force",
			config->name);
	moved = plan_slots_moved(before, after);
	if (moved * 100.0 <= (double)config->max_disruption_percent * after->slots)
		return 0;
	return error_set(error, -EPERM,
		"pool \"%s\": would move %.1f %% of the slots, and max_disruption_percent is %u: "
		"needs force",
		config->name, 100.0 * moved / after->slots, config->max_disruption_percent);
}

/* By what it claims: that is what clients know, and a new name moves nobody. */
static void service_key(const void *list, size_t place, char key[static FINDER_KEY_SIZE])
{
	const struct config_service *service = (const struct config_service *)list + place;
	char vip[ADDRESS_TEXT_SIZE];

	address_format(&service->vip, vip);
	snprintf(key, FINDER_KEY_SIZE, "%s %d %u", vip, service->protocol, service->port);
}

static int judge_services(const struct config *old, const struct config *new, struct error *error)
{
	struct finder finder = { old->services, old->service_count, service_key, NULL };
	int code = 0;

	for (size_t i = 0; code == 0 && i < new->service_count; i++) {
		const struct config_service *service = &new->services[i];
		char key[FINDER_KEY_SIZE];
		size_t place;

		service_key(new->services, i, key);
		place = finder_find(&finder, key, i);
		if (place == FINDER_NONE || strcmp(old->pools[old->services[place].pool].name,
						    new->pools[service->pool].name) == 0)
			continue;
		code = error_set(error, -EPERM,
			"service \"%s\": another pool moves every flow and breaks its connections: "
			"needs force",
			service->name);
	}
	finder_fini(&finder);
	return code;
}

int plan_judge(const struct config *old, const struct config *new, const struct plan *before,
	const struct plan *after, struct error *error)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < after->pool_count; i++)
		code = judge_pool(&new->pools[i], plan_find_pool(before, after->pools[i].name),
			&after->pools[i], error);
	return code != 0 ? code : judge_services(old, new, error);
}
