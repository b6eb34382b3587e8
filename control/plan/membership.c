/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/membership.h"

static bool is_removed(const struct membership_facts *facts)
{
	return facts->wish == MEMBERSHIP_REMOVED || facts->wish == MEMBERSHIP_REMOVED_DRAIN;
}

static bool is_drained(const struct membership_facts *facts)
{
	return facts->wish == MEMBERSHIP_DRAIN || facts->wish == MEMBERSHIP_REMOVED_DRAIN ||
	       facts->weight == 0 || facts->rests;
}

/* Whether the operator ended it, whatever its health. */
static bool is_ended(const struct membership_facts *facts, uint32_t now_s)
{
	if (facts->wish == MEMBERSHIP_DISABLED || facts->wish == MEMBERSHIP_REMOVED)
		return true;
	if (facts->wish != MEMBERSHIP_DRAIN && facts->wish != MEMBERSHIP_REMOVED_DRAIN)
		return false;
	return facts->deadline_s != MEMBERSHIP_NO_DEADLINE && now_s >= facts->deadline_s;
}

static enum member_state classify_failed(const struct membership_facts *facts,
	const struct membership_limits *limits, uint32_t now_s)
{
	uint32_t failed_s = now_s - facts->health_s;

	if (failed_s < limits->fail_grace_s && limits->moves != MEMBER_MOVES_ALL)
		return MEMBER_SUSPECT;
	if (is_removed(facts) || failed_s >= limits->hold_s)
		return MEMBER_DEAD;
	return MEMBER_ABSENT;
}

static enum member_state classify(const struct membership_facts *facts,
	const struct membership_limits *limits, uint32_t now_s)
{
	if (is_ended(facts, now_s))
		return MEMBER_DEAD;
	if (!facts->healthy)
		return classify_failed(facts, limits, now_s);
	return is_drained(facts) ? MEMBER_DRAIN : MEMBER_UP;
}

struct membership_life membership_begin(const struct membership_facts *facts,
	const struct membership_limits *limits, uint32_t now_s)
{
	return (struct membership_life){
		.state = classify(facts, limits, now_s),
		.moves = limits->moves,
		.changed_s = now_s,
		.instance = facts->instance,
	};
}

struct membership_life membership_continue(const struct membership_life *life,
	const struct membership_facts *facts, const struct membership_limits *limits,
	uint32_t now_s)
{
	struct membership_life next = *life;

	next.state = classify(facts, limits, now_s);
	next.moves = limits->moves;
	if (life->state == MEMBER_DEAD && is_removed(facts))
		next.state = MEMBER_DEAD;
	if (next.state != life->state) {
		next.changed_s = now_s;
		if (life->state == MEMBER_DEAD) /* its flows were given up when it died */
			next.instance_s = now_s;
	}
	if (facts->instance == MEMBERSHIP_NO_INSTANCE)
		return next;
	if (life->instance != MEMBERSHIP_NO_INSTANCE && facts->instance != life->instance)
		next.instance_s = now_s;
	next.instance = facts->instance;
	return next;
}

void membership_store(const struct membership_life *life, struct member *member)
{
	atomic_store_explicit(&member->instance_s, life->instance_s, memory_order_relaxed);
	atomic_store_explicit(&member->changed_s, life->changed_s, memory_order_relaxed);
	atomic_store_explicit(&member->moves, life->moves, memory_order_relaxed);
	atomic_store_explicit(&member->state, life->state, memory_order_release);
}
