/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/forwarding_foresee.h"

#include <stdlib.h>

static void follow_verdict(struct live_backend *backend, const struct config_pool *config,
	enum serving_verdict verdict, bool in_running_pool, uint64_t now_ms)
{
	bool healthy = verdict != SERVING_FAILED, rests = verdict == SERVING_RESTS;
	struct membership_facts *facts = &backend->facts;

	if (facts->healthy == healthy && facts->rests == rests)
		return;
	if (facts->healthy != healthy)
		facts->health_s = now_ms / 1000;
	facts->healthy = healthy;
	facts->rests = rests;
	if (backend->before != NULL) {
		live_backend_go_on(backend, config, now_ms);
		return;
	}
	backend->ramp_s = 0;
	live_backend_begin(backend, config, in_running_pool, now_ms / 1000);
}

/*
 * A derived pool is decided by itself after the change. What the change makes of a backend in its
 * own pool, which comes first, is foreseen for its other places, too.
 */
static void follow_own(const struct forwarding_change *change, size_t number)
{
	struct pool_state *pool = &change->pools[number];

	for (size_t i = 0; i < pool->configured_count; i++) {
		const struct live_backend *own = forwarding_change_own(change, number, i);
		enum serving_verdict verdict = SERVING_SERVES;

		if (own->before == NULL || (own->facts.healthy == own->before->facts.healthy &&
						   own->facts.rests == own->before->facts.rests))
			continue;
		if (!own->facts.healthy)
			verdict = SERVING_FAILED;
		else if (own->facts.rests)
			verdict = SERVING_RESTS;
		follow_verdict(&pool->backends[i], config_options_of(change->config, number, i),
			verdict, pool->before != NULL, change->now_ms);
	}
}

void forwarding_foresee_pool(
	struct forwarding *forwarding, struct forwarding_change *change, size_t number)
{
	struct pool_state *pool = &change->pools[number];
	const struct forwarding_foreseen foreseen = {
		.config = change->config,
		.zones = change->zones,
		.pool = number,
		.backends = pool->backends,
	};
	enum serving_verdict *verdicts;

	if (forwarding->foresee == NULL)
		return;
	if (change->config->pools[number].part_count != 0) {
		follow_own(change, number);
		return;
	}
	verdicts = calloc(pool->configured_count + 1, sizeof(*verdicts));
	if (verdicts != NULL &&
		forwarding->foresee(forwarding->foresee_context, &foreseen, verdicts))
		for (size_t i = 0; i < pool->configured_count; i++)
			follow_verdict(&pool->backends[i], &change->config->pools[number],
				verdicts[i], pool->before != NULL, change->now_ms);
	free(verdicts);
}
