/* SPDX-License-Identifier: BSD-3-Clause */
#include "impact/plan_compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "plan/finder.h"

/* Where a seat of one plan stands in another, by its owner: found once for all of them. */
#define NOWHERE UINT32_MAX

static uint32_t *index_owners(const struct plan_pool *pool, uint32_t *mask)
{
	uint32_t size = 16;
	uint32_t *cells;

	while (size < 2 * pool->seat_count)
		size *= 2;
	*mask = size - 1;
	cells = malloc(size * sizeof(*cells));
	if (cells == NULL)
		return NULL;
	memset(cells, 0xff, size * sizeof(*cells));
	for (size_t i = pool->seat_count; i-- > 0;) { /* the first of equal ones wins */
		uint32_t cell = pool->seats[i].owner_hash & *mask;

		while (cells[cell] != NOWHERE &&
			pool->seats[cells[cell]].owner_hash != pool->seats[i].owner_hash)
			cell = (cell + 1) & *mask;
		cells[cell] = i;
	}
	return cells;
}

static uint32_t find_owner(
	const struct plan_pool *pool, const uint32_t *cells, uint32_t mask, uint64_t owner_hash)
{
	uint32_t cell = owner_hash & mask;

	while (cells[cell] != NOWHERE && pool->seats[cells[cell]].owner_hash != owner_hash)
		cell = (cell + 1) & mask;
	return cells[cell];
}

/* By seat of `before`: the seat of the same owner in `after`, or NOWHERE. NULL: no memory. */
static uint32_t *map_seats(const struct plan_pool *before, const struct plan_pool *after)
{
	uint32_t *map = malloc((before->seat_count + 1) * sizeof(*map));
	uint32_t *cells = NULL;
	uint32_t mask;

	for (size_t i = 0; map != NULL && i < before->seat_count; i++) {
		uint64_t owner_hash = before->seats[i].owner_hash;

		if (i < after->seat_count && after->seats[i].owner_hash == owner_hash) {
			map[i] = i; /* most stand where they stood */
			continue;
		}
		if (cells == NULL)
			cells = index_owners(after, &mask);
		if (cells == NULL) {
			free(map);
			return NULL;
		}
		map[i] = find_owner(after, cells, mask, owner_hash);
	}
	free(cells);
	return map;
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
	const struct plan_pool *after, const struct plan_seat *seat, uint32_t index, bool cut)
{
	if (index >= after->backend_count)
		return seat->holds && !cut;
	return after->seats[index].holds;
}

uint32_t plan_slots_pinned(const struct plan_pool *before, const struct plan_pool *after, bool cut)
{
	uint32_t pinned = 0;
	uint32_t *indices;

	if (before == NULL || after == NULL || before->slots != after->slots ||
		share_a_table(before, after))
		return 0;
	indices = map_seats(before, after);
	if (indices == NULL)
		return plan_slots_moved(before, after); /* it cannot be more */
	for (uint32_t slot = 0; slot < after->slots; slot++) {
		uint16_t seat = before->table->seats[slot];

		pinned += seat != PLAN_NO_BACKEND && owner(before, slot) != owner(after, slot) &&
			  holds_on(after, &before->seats[seat], indices[seat], cut);
	}
	free(indices);
	return pinned;
}

uint32_t plan_slots_cut(const struct plan_pool *before, const struct plan_pool *after, bool cut)
{
	uint32_t slots = 0;
	uint32_t *indices;

	if (before == NULL || after == NULL)
		return 0;
	if (before->slots != after->slots)
		return after->slots;
	indices = map_seats(before, after);
	if (indices == NULL)
		return plan_slots_moved(before, after);
	for (size_t i = 0; i < before->seat_count; i++) {
		const struct plan_seat *seat = &before->seats[i];

		if (seat->holds && !holds_on(after, seat, indices[i], cut))
			slots += seat->owned;
	}
	free(indices);
	return slots;
}

struct plan_load_change plan_largest_load_change(
	const struct plan_pool *before, const struct plan_pool *after)
{
	struct plan_load_change largest = { 0 };
	uint32_t *indices;

	if (before == NULL || after == NULL || before->slots != after->slots)
		return largest;
	indices = map_seats(before, after);
	for (size_t i = 0; indices != NULL && i < before->seat_count; i++) {
		const struct plan_seat *seat = &before->seats[i];
		const struct plan_seat *same = &after->seats[indices[i]];
		double percent;

		if (indices[i] == NOWHERE || same->owned == 0 || seat->owned == 0)
			continue;
		percent = 100.0 * ((double)same->owned - seat->owned) / seat->owned;
		if (fabs(percent) > fabs(largest.percent))
			largest = (struct plan_load_change){ seat, same, percent };
	}
	free(indices);
	return largest;
}

/* What the backends of a pool can bear, in weight; by number in `after`. */
struct capacities {
	const struct plan_seat **before; /* where they stood; NULL for new ones */
	double *weights;
	double total; /* of all before or after, whichever is more */
};

/* One that is off, and was before, is no backend to count on. */
static double weigh(const struct config_backend *config, const struct plan_seat *before,
	const struct plan_seat *after)
{
	bool was_off = before == NULL || (before->share == 0 && !before->holds);

	if (config->state == CONFIG_BACKEND_DISABLED && was_off)
		return 0;
	return before == NULL ? after->weight : RTE_MAX(before->weight, after->weight);
}

static void fill_capacities(struct capacities *capacities, const struct config_pool *config,
	const struct plan_pool *before, const struct plan_pool *after, const uint32_t *indices)
{
	double gone = 0, stay = 0, new = 0;

	for (size_t i = 0; i < before->backend_count; i++) {
		const struct plan_seat *seat = &before->seats[i];

		if (indices[i] < after->backend_count)
			capacities->before[indices[i]] = seat;
		else if (seat->share != 0 || seat->holds)
			gone += seat->weight;
	}
	for (size_t i = 0; i < after->backend_count; i++) {
		const struct plan_seat *was = capacities->before[i];

		capacities->weights[i] = weigh(&config->backends[i], was, &after->seats[i]);
		*(was == NULL ? &new : &stay) += capacities->weights[i];
	}
	capacities->total = stay + RTE_MAX(gone, new);
}

/* A slot is the least that a load can differ by. */
static double load_of(const struct capacities *capacities, const struct plan_pool *after, size_t i)
{
	return 100.0 * (after->seats[i].owned - 1.0) * capacities->total /
	       (after->slots * capacities->weights[i]);
}

static struct plan_load find_highest(
	const struct capacities *capacities, const struct plan_pool *after)
{
	struct plan_load highest = { 0 };

	for (size_t i = 0; i < after->backend_count; i++) {
		const struct plan_seat *was = capacities->before[i], *seat = &after->seats[i];

		if (was == NULL || seat->owned <= was->owned || capacities->weights[i] == 0 ||
			load_of(capacities, after, i) <= highest.percent)
			continue;
		highest = (struct plan_load){ seat, load_of(capacities, after, i) };
	}
	return highest;
}

struct plan_load plan_highest_load(const struct config_pool *config, const struct plan_pool *before,
	const struct plan_pool *after)
{
	struct capacities capacities = { 0 };
	struct plan_load highest = { 0 };
	uint32_t *indices = NULL;

	if (before == NULL || before->slots != after->slots || share_a_table(before, after))
		return highest;
	capacities.before = calloc(after->backend_count + 1, sizeof(*capacities.before));
	capacities.weights = calloc(after->backend_count + 1, sizeof(*capacities.weights));
	if (capacities.before != NULL && capacities.weights != NULL)
		indices = map_seats(before, after);
	if (indices != NULL) {
		fill_capacities(&capacities, config, before, after, indices);
		highest = find_highest(&capacities, after);
	}
	free(indices);
	free(capacities.before);
	free(capacities.weights);
	return highest;
}

static int check_load(const struct config_pool *config, const struct plan_pool *before,
	const struct plan_pool *after, struct error *error)
{
	struct plan_load highest;

	if (config->max_load_percent == 0)
		return 0;
	highest = plan_highest_load(config, before, after);
	if (highest.seat == NULL || highest.percent <= config->max_load_percent)
		return 0;
	return error_set(error, -EPERM,
		"pool \"%s\": backend \"%s\" would have %.1f %% of its share, and max_load_percent "
		"is %u: needs force",
		config->name, highest.seat->name, highest.percent, config->max_load_percent);
}

int plan_check_pool(const struct config_pool *config, const struct plan_pool *before,
	const struct plan_pool *after, const struct impact *impact, struct error *error)
{
	const struct impact_pool *lost = impact_find_pool(impact, config->name);
	uint32_t still = lost == NULL ? 0 : lost->cut_still;
	uint32_t moved;

	if (before == NULL)
		return 0;
	if (before->slots != after->slots)
		return error_set(error, -EPERM,
			"pool \"%s\": another number of slots moves every flow and breaks its "
			"connections (100 %%): needs force",
			config->name);
	moved = plan_slots_moved(before, after);
	still = RTE_MIN(still, after->slots - moved); /* some may move as well */
	if ((moved + still) * 100.0 <= (double)config->max_disruption_percent * after->slots)
		return check_load(config, before, after, error);
	if (still != 0)
		return error_set(error, -EPERM,
			"pool \"%s\": would move %.1f %% of the slots and break the connections of "
			"another %.1f %%, and max_disruption_percent is %u: needs force",
			config->name, 100.0 * moved / after->slots, 100.0 * still / after->slots,
			config->max_disruption_percent);
	return error_set(error, -EPERM,
		"pool \"%s\": would move %.1f %% of the slots, and max_disruption_percent is %u: "
		"needs force",
		config->name, 100.0 * moved / after->slots, config->max_disruption_percent);
}

bool plan_pool_serves(const struct plan_pool *pool)
{
	return pool != NULL && pool->slots != 0 && pool->table != NULL &&
	       pool->table->seats[0] != PLAN_NO_BACKEND;
}

static void service_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	strcpy(key, ((const struct config_service *)list)[index].name);
}

/* The n-th of the pools that a service has: its own, then those of its split. */
static const struct plan_pool *pool_at(
	const struct plan *plan, const struct config_service *service, size_t index)
{
	return &plan->pools[index == 0 ? service->pool : service->splits[index - 1].pool];
}

/* Whether clients of a service are served now, each as well as the others. */
static bool serves_all(const struct plan *plan, const struct config_service *service)
{
	for (size_t i = 0; i <= service->split_count; i++)
		if (!plan_pool_serves(pool_at(plan, service, i)))
			return false;
	return true;
}

static int check_service(
	const struct config_service *service, const struct plan *after, struct error *error)
{
	size_t index = 0;

	while (plan_pool_serves(pool_at(after, service, index)))
		index++;
	return error_set(error, -EPERM,
		"service \"%s\" would be left without a backend that takes new flows (pool "
		"\"%s\"): needs force",
		service->name, pool_at(after, service, index)->name);
}

int plan_check_services(const struct config *old, const struct config *new,
	const struct plan *before, const struct plan *after, struct error *error)
{
	struct finder finder = { old->services, old->service_count, service_key, NULL };
	int code = 0;

	for (size_t i = 0; code == 0 && i < new->service_count; i++) {
		const struct config_service *service = &new->services[i];
		size_t index;

		if (serves_all(after, service))
			continue;
		index = finder_find(&finder, service->name, i);
		if (index != FINDER_NONE && serves_all(before, &old->services[index]))
			code = check_service(service, after, error);
	}
	finder_fini(&finder);
	return code;
}

int plan_check(const struct config *new, const struct plan *before, const struct plan *after,
	const struct impact *impact, struct error *error)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < after->pool_count; i++)
		code = plan_check_pool(&new->pools[i], plan_find_pool(before, after->pools[i].name),
			&after->pools[i], impact, error);
	return code;
}
