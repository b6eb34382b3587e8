/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/clock.h"
#include "config/config_health.h"
#include "health/health_known.h"

#define LOOKS_MS 2000 /* that a witness which has just failed may be found late */

/* What falls in this time falls together. */
static uint32_t window_ms(const struct config_health *settings)
{
	return settings->interval_ms + settings->timeout_ms;
}

/* From the moment that a backend stops answering until it is found down, at most. */
static uint64_t detection_ms(const struct config_health *settings)
{
	uint64_t round_ms = (uint64_t)settings->fast_interval_ms + settings->timeout_ms;

	return 2 * (uint64_t)settings->interval_ms + settings->fall * round_ms + LOOKS_MS;
}

/* All zeroes for a pool without checks. */
static struct doubt_pace pace_of(const struct health *health, size_t pool)
{
	const struct config_health *settings = health->config->pools[pool].health;

	if (!config_health_checks(settings))
		return (struct doubt_pace){ 0 };
	return (struct doubt_pace){
		.timeout_ms = settings->timeout_ms,
		.recovery_ms = settings->interval_ms +
			       (uint64_t)settings->rise * settings->fast_interval_ms,
	};
}

/* Where more than half of the pool, or of the node, falls silent at once, it suspects itself. */
void health_note_fall(struct health *health, struct checked_backend *backend,
	const struct checker_change *change, uint32_t up, uint64_t now_ms)
{
	const struct config_health *settings = health->config->pools[backend->pool].health;
	struct suspicion *pool = &health->pools[backend->pool].suspicion;
	struct suspicion *node = &health->suspicion;
	uint64_t since_ms = now_ms, reach_ms;
	bool in_pool, in_node;

	if (!config_health_checks(settings))
		return;
	if (suspicion_arises(&health->pools[backend->pool].astray, up, window_ms(settings), now_ms))
		ways_doubt(health->ways);
	if (!probe_reason_is_silence(change->result.reason))
		return;
	backend->silent_ms = now_ms;
	in_pool = suspicion_arises(pool, up, window_ms(settings), now_ms);
	/* this one is not up any more */
	in_node = suspicion_arises(node, health->up + 1, window_ms(settings), now_ms);
	if (!in_pool && !in_node)
		return;
	if (in_pool)
		since_ms = pool->since_ms;
	if (in_node && node->since_ms < since_ms)
		since_ms = node->since_ms;
	reach_ms = detection_ms(settings);
	doubt_raise(health->doubt, since_ms, since_ms > reach_ms ? since_ms - reach_ms : 1, now_ms);
}

bool health_is_doubted(const struct health *health, const struct checked_backend *backend)
{
	struct doubt_pace pace;

	if (health->doubt == NULL || backend->state.status != HEALTH_DOWN ||
		backend->silent_ms == 0)
		return false;
	pace = pace_of(health, backend->pool);
	return doubt_covers(health->doubt, &pace, backend->silent_ms, clock_ms());
}

/* How long the slowest checks need to find that all is well again. */
static uint64_t longest_recovery_ms(const struct health *health)
{
	uint64_t longest_ms = 0;

	for (size_t i = 0; i < health->pool_count; i++) {
		uint64_t recovery_ms = pace_of(health, i).recovery_ms;

		if (recovery_ms > longest_ms)
			longest_ms = recovery_ms;
	}
	return longest_ms;
}

static void tell_pool(struct health *health, size_t pool, bool is_calm, uint64_t now_ms)
{
	const struct doubt_pace pace = pace_of(health, pool);
	struct checked_pool *checked = &health->pools[pool];
	bool is_doubted = doubt_holds(health->doubt, &pace, now_ms);

	if (is_calm)
		suspicion_dispel(&checked->suspicion, now_ms);
	if (is_doubted == checked->is_doubted)
		return;
	checked->is_doubted = is_doubted;
	health_mark_dirty(health, pool);
}

static void tell_pools(struct health *health, uint64_t now_ms)
{
	bool is_calm = !doubt_is_asking(health->doubt) && doubt_sentence(health->doubt)[0] == '\0';

	for (size_t i = 0; i < health->pool_count; i++)
		tell_pool(health, i, is_calm, now_ms);
	if (is_calm)
		suspicion_dispel(&health->suspicion, now_ms);
	health->doubt_turns = doubt_turns(health->doubt);
}

void health_follow_doubt(struct health *health, uint64_t now_ms)
{
	if (doubt_turns(health->doubt) != health->doubt_turns)
		tell_pools(health, now_ms);
}

void health_look_at_doubt(struct health *health, uint64_t now_ms)
{
	if (health->doubt == NULL)
		return;
	doubt_look(health->doubt, longest_recovery_ms(health), now_ms);
	tell_pools(health, now_ms);
}
