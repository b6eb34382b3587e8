/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/forwarding_losses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/slots.h"
#include "forwarding/forwarding_change.h"

/* A drain that ends sooner than its flows can be seen to end breaks what is left. */
#define SHORT_DRAIN_S TRACKING_WINDOW_S

/* By index in slot words. */
struct census {
	bool is_lost[SLOT_NO_BACKEND + 1];
	uint32_t slots[SLOT_NO_BACKEND + 1];
};

static bool drain_is_cut_short(
	const struct live_backend *before, const struct live_backend *after, uint32_t now_s)
{
	uint32_t deadline_s = after->facts.deadline_s;

	if (deadline_s == MEMBERSHIP_NO_DEADLINE || after->life.state == MEMBER_UP)
		return false;
	if (before->facts.deadline_s != MEMBERSHIP_NO_DEADLINE)
		return deadline_s < before->facts.deadline_s;
	return deadline_s < now_s + SHORT_DRAIN_S;
}

/* Whether flows that live on it now are given up, and in how many seconds. */
static bool gives_up(const struct live_backend *before, const struct live_backend *after,
	uint32_t now_s, uint32_t *in_s)
{
	*in_s = 0;
	if (!member_state_is_usable(before->life.state))
		return false; /* they have been given up already */
	if (member_state_is_final(after->life.state))
		return true;
	if (!drain_is_cut_short(before, after, now_s))
		return false;
	*in_s = after->facts.deadline_s > now_s ? after->facts.deadline_s - now_s : 0;
	return true;
}

static int add_backend(const struct forwarding *forwarding, const struct pool_state *pool,
	const struct live_backend *backend, uint32_t in_s, struct impact *impact)
{
	struct impact_backend *lost = impact_add_backend(impact);

	if (lost == NULL)
		return -ENOMEM;
	memcpy(lost->pool, pool->name, sizeof(lost->pool));
	memcpy(lost->name, backend->name, sizeof(lost->name));
	lost->in_s = in_s;
	lost->flows_known = tracking_flows_left(forwarding->tracking, backend->gid, &lost->flows);
	lost->flows_complete = tracking_flows_are_all(forwarding->tracking, backend->gid);
	return 0;
}

/* Each slot's flows live on its home, and on its cur where that is another. */
static void count_slots(
	const struct live_pool *live, struct census *census, struct impact_pool *pool)
{
	const _Atomic uint32_t *words = live_pool_words(live);

	for (uint32_t slot = 0; slot < live->slots; slot++) {
		uint32_t word = slot_load(&words[slot]);
		uint16_t cur = slot_cur(word), home = slot_home(word);

		census->slots[home]++;
		census->slots[cur] += cur != home;
		pool->cut += census->is_lost[home] || census->is_lost[cur];
		pool->cut_still += census->is_lost[home] && !census->is_lost[cur];
	}
}

/* With the pins, of which its slot words say nothing. */
static void begin_pool(const struct forwarding *forwarding, const struct pool_state *pool,
	struct impact_pool *lost)
{
	struct tracking_pool_report report;

	tracking_report_pool(forwarding->tracking, pool->live->number, &report);
	memcpy(lost->name, pool->name, sizeof(lost->name));
	lost->pins = report.pins;
}

/* The backends of `before` stand in `after` with a pointer to what they were. */
static int find_lost(const struct forwarding *forwarding, const struct pool_state *after,
	uint32_t now_s, struct census *census, struct impact *impact)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < after->backend_count; i++) {
		const struct live_backend *backend = &after->backends[i];
		uint32_t in_s;

		if (backend->before == NULL || !gives_up(backend->before, backend, now_s, &in_s))
			continue;
		census->is_lost[backend->index] = true;
		code = add_backend(forwarding, after->before, backend->before, in_s, impact);
	}
	return code;
}

static void note_slots(const struct pool_state *pool, const struct census *census,
	struct impact *impact, size_t first)
{
	for (size_t i = 0; i < pool->backend_count && first < impact->backend_count; i++)
		if (census->is_lost[pool->backends[i].index])
			impact->backends[first++].slots = census->slots[pool->backends[i].index];
}

static bool loses_any(const struct pool_state *after, uint32_t now_s)
{
	uint32_t in_s;

	for (size_t i = 0; i < after->backend_count; i++)
		if (after->backends[i].before != NULL &&
			gives_up(after->backends[i].before, &after->backends[i], now_s, &in_s))
			return true;
	return false;
}

static int find_in_pool(const struct forwarding *forwarding, const struct pool_state *after,
	uint32_t now_s, struct impact *impact)
{
	size_t first = impact->backend_count;
	struct impact_pool *pool;
	struct census *census;
	int code;

	if (!loses_any(after, now_s))
		return 0;
	pool = impact_add_pool(impact);
	census = calloc(1, sizeof(*census));
	if (pool == NULL || census == NULL) {
		free(census);
		return -ENOMEM;
	}
	begin_pool(forwarding, after, pool);
	code = find_lost(forwarding, after, now_s, census, impact);
	count_slots(after->live, census, pool);
	note_slots(after, census, impact, first);
	free(census);
	return code;
}

struct impact *forwarding_find_loss(const struct forwarding *forwarding, size_t number,
	size_t index, const struct live_backend *next, uint32_t now_s)
{
	const struct pool_state *pool = &forwarding->pools[number];
	const struct live_backend *before = &pool->backends[index];
	struct impact_pool *lost = NULL;
	struct impact *impact = NULL;
	struct census *census;
	uint32_t in_s;

	if (!gives_up(before, next, now_s, &in_s))
		return NULL;
	census = calloc(1, sizeof(*census));
	if (census != NULL)
		impact = impact_create();
	if (impact != NULL && add_backend(forwarding, pool, before, in_s, impact) == 0)
		lost = impact_add_pool(impact);
	if (lost == NULL) {
		impact_destroy(impact);
		free(census);
		return NULL;
	}
	begin_pool(forwarding, pool, lost);
	census->is_lost[before->index] = true;
	count_slots(pool->live, census, lost);
	note_slots(pool, census, impact, 0);
	free(census);
	if (impact_make_index(impact) == 0)
		return impact;
	impact_destroy(impact);
	return NULL;
}

/* The services of a pool, and what they have had. */
struct pool_traffic {
	uint64_t packets;
	size_t services;
};

/* By pool; NULL without memory. */
static struct pool_traffic *count_traffic(const struct forwarding *forwarding)
{
	const struct config *config = forwarding->config;
	struct pool_traffic *traffic = calloc(config->pool_count + 1, sizeof(*traffic));

	for (size_t i = 0; traffic != NULL && i < config->service_count; i++) {
		struct pool_traffic *of_pool = &traffic[config->services[i].pool];
		struct counter counted;

		forwarding_count_service(forwarding, i, &counted);
		of_pool->packets += counted.packets;
		of_pool->services++;
	}
	return traffic;
}

/* A service's part of the packets of its pool: all have the same where there were none. */
static double share_of(const struct counter *counted, const struct pool_traffic *of_pool)
{
	return of_pool->packets == 0 ? 1.0 / of_pool->services
				     : (double)counted->packets / of_pool->packets;
}

static int add_service(const struct forwarding *forwarding, const struct config *new, size_t number,
	const struct claim *claim, const struct pool_traffic *of_pool, struct impact *impact)
{
	const struct config_service *service = &forwarding->config->services[number];
	const struct config_pool *pool = &forwarding->config->pools[service->pool];
	struct impact_service *lost = impact_add_service(impact);

	if (lost == NULL)
		return -ENOMEM;
	memcpy(lost->name, service->name, sizeof(lost->name));
	memcpy(lost->pool, pool->name, sizeof(lost->pool));
	claim_format(service, lost->claim);
	lost->change = claim->change;
	if (claim->taker != CLAIM_NO_TAKER)
		memcpy(lost->taker, new->services[claim->taker].name, sizeof(lost->taker));
	forwarding_count_service(forwarding, number, &lost->counted);
	lost->pool_share = share_of(&lost->counted, of_pool);
	return 0;
}

static int find_services(
	const struct forwarding *forwarding, const struct config *new, struct impact *impact)
{
	const struct config *old = forwarding->config;
	struct claim *claims = calloc(old->service_count + 1, sizeof(*claims));
	struct pool_traffic *traffic = NULL;
	int code = claims == NULL ? -ENOMEM : 0;
	bool any = code == 0 && claims_compare(old, new, claims) != 0;

	if (any && (traffic = count_traffic(forwarding)) == NULL)
		code = -ENOMEM;
	for (size_t i = 0; any && code == 0 && i < old->service_count; i++)
		if (claims[i].change != CLAIM_KEPT)
			code = add_service(forwarding, new, i, &claims[i],
				&traffic[old->services[i].pool], impact);
	free(traffic);
	free(claims);
	return code;
}

struct impact *forwarding_find_losses(
	const struct forwarding *forwarding, const struct forwarding_change *change)
{
	struct impact *impact = impact_create();
	int code = impact == NULL ? -ENOMEM : 0;

	if (code == 0 && forwarding->config != NULL)
		code = find_services(forwarding, change->config, impact);
	for (size_t i = 0; code == 0 && i < change->pool_count; i++)
		if (change->pools[i].before != NULL && !change->pools[i].is_left_alone)
			code = find_in_pool(
				forwarding, &change->pools[i], change->now_ms / 1000, impact);
	if (code == 0)
		code = impact_make_index(impact);
	if (code == 0)
		return impact;
	impact_destroy(impact);
	return NULL;
}
