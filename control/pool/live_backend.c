/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/live_backend.h"

#include <string.h>

const char *live_backend_life_name(const struct live_backend *backend)
{
	if (live_backend_rests(backend))
		return "rests";
	if (backend->life.state != MEMBER_DEAD || !backend->facts.healthy)
		return member_state_name(backend->life.state);
	switch (backend->facts.wish) {
	case MEMBERSHIP_DISABLED: return "off";
	case MEMBERSHIP_REMOVED: return "removed";
	default: return "drained";
	}
}

void live_backend_init(struct live_backend *backend, const struct address *address, uint64_t now_ms)
{
	memset(backend, 0, sizeof(*backend));
	backend->address = *address;
	backend->facts.deadline_s = MEMBERSHIP_NO_DEADLINE;
	backend->facts.healthy = true;
	backend->facts.health_s = now_ms / 1000;
	backend->asked_share = FACTOR_ONE;
	backend->dynamic = (struct factor_dynamic){ FACTOR_ONE, now_ms };
}

void live_backend_inherit(struct live_backend *backend, const struct live_backend *own)
{
	backend->facts.healthy = own->facts.healthy;
	backend->facts.rests = own->facts.rests;
	backend->facts.health_s = own->facts.health_s;
	backend->facts.instance = own->facts.instance;
	backend->asked_share = own->asked_share;
	backend->dynamic = own->dynamic;
}

/* Whether it is the one that they were given for. In a derived pool, its name says where it is
 * from.
 */
static bool is_meant(const struct live_terms *terms, const struct config_pool *pool,
	const struct live_backend *backend)
{
	const char *slash = strchr(backend->name, '/');
	const char *own = slash == NULL ? pool->name : backend->name;
	size_t length = slash == NULL ? strlen(own) : (size_t)(slash - own);

	return terms->name != NULL &&
	       strcmp(terms->name, slash == NULL ? backend->name : slash + 1) == 0 &&
	       strlen(terms->pool) == length && memcmp(terms->pool, own, length) == 0;
}

static uint32_t drain_end(const struct config_pool *pool, const struct live_backend *backend,
	const struct live_terms *terms, uint32_t now_s)
{
	bool is_named = terms->name == NULL || is_meant(terms, pool, backend);

	return now_s +
	       (is_named && terms->deadline_s != 0 ? terms->deadline_s : pool->drain_deadline_s);
}

/* A drain that has begun has its end. Another one comes by name, never in passing. */
static bool gets_end(bool was_draining, const struct config_pool *pool,
	const struct live_backend *backend, const struct live_terms *terms)
{
	return !was_draining ||
	       ((terms->deadline_s != 0 || terms->again) && is_meant(terms, pool, backend));
}

static enum membership_wish wish_of(const struct config_backend *config)
{
	switch (config->state) {
	case CONFIG_BACKEND_DRAIN: return MEMBERSHIP_DRAIN;
	case CONFIG_BACKEND_DISABLED: return MEMBERSHIP_DISABLED;
	default: return MEMBERSHIP_ACTIVE;
	}
}

void live_backend_configure(struct live_backend *backend, const struct config_pool *pool,
	const struct config_backend *config, const struct live_terms *terms, uint32_t now_s)
{
	enum membership_wish before = backend->facts.wish;

	memcpy(backend->name, config->name, sizeof(backend->name));
	memcpy(backend->key, config->key, sizeof(backend->key));
	backend->weight = backend->facts.weight = config->weight;
	backend->facts.wish = wish_of(config);
	if (backend->facts.wish != MEMBERSHIP_DRAIN)
		backend->facts.deadline_s = MEMBERSHIP_NO_DEADLINE;
	else if (gets_end(before == MEMBERSHIP_DRAIN, pool, backend, terms))
		backend->facts.deadline_s = drain_end(pool, backend, terms, now_s);
}

/*
 * One that was draining already does not get more time by being removed. A weight of 0 drains
 * without an end, and that ends now.
 */
void live_backend_remove(struct live_backend *backend, const struct config_pool *pool,
	const struct live_terms *terms, uint32_t now_s)
{
	struct membership_facts *facts = &backend->facts;
	bool was_draining = facts->wish == MEMBERSHIP_DRAIN;

	if (live_backend_is_removed(backend))
		return; /* that was another change, on its own terms */
	if (terms->now || facts->wish == MEMBERSHIP_DISABLED) {
		facts->wish = MEMBERSHIP_REMOVED;
		return;
	}
	facts->wish = MEMBERSHIP_REMOVED_DRAIN;
	if (gets_end(was_draining, pool, backend, terms))
		facts->deadline_s = drain_end(pool, backend, terms, now_s);
}

static uint8_t moves_of(const struct config_unhealthy_flows *flows)
{
	return (flows->tcp == CONFIG_FLOWS_MOVE ? MEMBER_MOVES_TCP : 0) |
	       (flows->udp == CONFIG_FLOWS_MOVE ? MEMBER_MOVES_UDP : 0);
}

static struct membership_limits limits_of(const struct config_pool *pool)
{
	return (struct membership_limits){
		.fail_grace_s = pool->affinity.fail_grace_s,
		.hold_s = pool->affinity.hold_s,
		.moves = moves_of(&pool->unhealthy_flows),
	};
}

void live_backend_begin(struct live_backend *backend, const struct config_pool *pool,
	bool in_running_pool, uint32_t now_s)
{
	struct membership_limits limits = limits_of(pool);

	backend->life = membership_begin(&backend->facts, &limits, now_s);
	backend->joining = in_running_pool && pool->slow_start.duration_s != 0;
	if (backend->joining && backend->life.state == MEMBER_UP)
		backend->ramp_s = now_s;
}

void live_backend_begin_unchecked(
	struct live_backend *backend, const struct config_pool *pool, uint32_t now_s)
{
	backend->facts.healthy = false;
	backend->facts.health_s = now_s;
	backend->ramp_s = 0;
	live_backend_begin(backend, pool, true, now_s);
}

/* It comes to the pool, comes back after it was away, or is another process. */
static bool starts_anew(const struct live_backend *backend, const struct membership_life *next)
{
	const struct membership_life *last = &backend->life;

	if (next->state != MEMBER_UP)
		return false;
	if (last->state == MEMBER_ABSENT || last->state == MEMBER_DEAD)
		return true;
	if (last->state != MEMBER_UP && backend->joining && backend->ramp_s == 0)
		return true;
	return next->instance_s != last->instance_s;
}

static uint64_t ramped_ms(const struct live_backend *backend, uint64_t now_ms)
{
	return now_ms - backend->ramp_s * UINT64_C(1000);
}

void live_backend_go_on(
	struct live_backend *backend, const struct config_pool *pool, uint64_t now_ms)
{
	struct membership_limits limits = limits_of(pool);
	uint64_t duration_ms = pool->slow_start.duration_s * UINT64_C(1000);
	struct membership_life next;

	next = membership_continue(&backend->life, &backend->facts, &limits, now_ms / 1000);
	if (starts_anew(backend, &next))
		backend->ramp_s = now_ms / 1000;
	else if (backend->joining && backend->facts.rests)
		backend->ramp_s = 0; /* it begins when the rest is over */
	backend->life = next;
	if (duration_ms == 0 || (backend->ramp_s != 0 && next.state == MEMBER_UP &&
					ramped_ms(backend, now_ms) >= duration_ms)) {
		backend->ramp_s = 0;
		backend->joining = false;
	}
	backend->dynamic = factor_follow(backend->dynamic, backend->asked_share, now_ms);
}

void live_backend_catch_up(struct live_backend *backend, const struct live_backend *newer)
{
	backend->facts.healthy = newer->facts.healthy;
	backend->facts.rests = newer->facts.rests;
	backend->facts.health_s = newer->facts.health_s;
	backend->facts.instance = newer->facts.instance;
	backend->life = newer->life;
	backend->ramp_s = newer->ramp_s;
	backend->joining = newer->joining;
	backend->asked_share = newer->asked_share;
	backend->dynamic = newer->dynamic;
	if (!backend->has_new_records)
		backend->records = newer->records;
}

static bool same_facts(const struct membership_facts *a, const struct membership_facts *b)
{
	return a->wish == b->wish && a->weight == b->weight && a->deadline_s == b->deadline_s &&
	       a->healthy == b->healthy && a->rests == b->rests && a->health_s == b->health_s &&
	       a->instance == b->instance;
}

static bool same_life(const struct membership_life *a, const struct membership_life *b)
{
	return a->state == b->state && a->moves == b->moves && a->changed_s == b->changed_s &&
	       a->instance == b->instance && a->instance_s == b->instance_s;
}

static bool same_share(const struct live_backend *a, const struct live_backend *b)
{
	return a->ramp_s == b->ramp_s && a->joining == b->joining &&
	       a->asked_share == b->asked_share && a->dynamic.factor == b->dynamic.factor &&
	       a->dynamic.changed_ms == b->dynamic.changed_ms;
}

bool live_backend_lives_alike(const struct live_backend *a, const struct live_backend *b)
{
	return same_facts(&a->facts, &b->facts) && same_life(&a->life, &b->life) &&
	       same_share(a, b);
}

bool live_backend_is_alike(const struct live_backend *a, const struct live_backend *b)
{
	return live_backend_lives_alike(a, b) && a->weight == b->weight &&
	       a->records == b->records && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->key, b->key) == 0;
}

struct plan_share live_backend_share(
	const struct live_backend *backend, const struct config_pool *pool, uint64_t now_ms)
{
	struct plan_share share = {
		.share = backend->dynamic.factor,
		.joining = backend->joining,
		.holds = !member_state_is_final(backend->life.state),
	};

	if (backend->life.state != MEMBER_UP)
		share.share = 0;
	else if (backend->ramp_s != 0)
		share.share = factor_multiply(
			share.share, factor_of_slow_start(ramped_ms(backend, now_ms),
					     pool->slow_start.duration_s * UINT64_C(1000),
					     pool->slow_start.steps));
	return share;
}
