/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/serving.h"

#include <stdio.h>

#include "base/plural.h"

/* Active backends of a group in one kind of zone. */
struct tally {
	uint32_t status[HEALTH_STATUS_COUNT];
};

enum zone_kind { ZONE_OPEN, ZONE_DRAINED, ZONE_KINDS };

/* Backends of the node's own zone among those that may serve, where it has one. */
struct own_zone {
	uint32_t backends, up, known;
	uint64_t weight_up, weight_known;
};

struct decision {
	const struct serving_policy *policy;
	struct tally tallies[SERVING_GROUPS_MAX][ZONE_KINDS];
	uint8_t group;
	bool takes[HEALTH_STATUS_COUNT]; /* which statuses are candidates */
	bool takes_zone[ZONE_KINDS];     /* and which zones */
	bool own_only;
	struct serving_outcome outcome;
};

static enum zone_kind zone_kind_of(
	const struct serving_policy *policy, const struct serving_backend *backend)
{
	return backend->zone != ZONES_NONE && policy->drained != NULL &&
			       policy->drained[backend->zone]
		       ? ZONE_DRAINED
		       : ZONE_OPEN;
}

static bool is_near(const struct serving_policy *policy, const struct serving_backend *backend)
{
	return policy->own_zone == ZONES_NONE || backend->zone == ZONES_NONE ||
	       backend->zone == policy->own_zone;
}

static bool has_own_zone(const struct serving_policy *policy)
{
	return !policy->cross_zone && policy->own_zone != ZONES_NONE;
}

static uint32_t known_of(const struct tally *tally)
{
	return tally->status[HEALTH_UP] + tally->status[HEALTH_DOWN];
}

static uint32_t active_of(const struct tally *tally)
{
	return known_of(tally) + tally->status[HEALTH_INITIAL];
}

/* How many of `known` must be up; never more than there are. */
static uint32_t needed_of(const struct config_threshold *threshold, uint32_t known)
{
	if (threshold->is_percent)
		return ((uint64_t)threshold->number * known + 99) / 100;
	return threshold->number < known ? threshold->number : known;
}

static void count_backends(
	struct decision *decision, const struct serving_backend *backends, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct serving_backend *backend = &backends[i];

		if (backend->active)
			decision->tallies[backend->group][zone_kind_of(decision->policy, backend)]
				.status[backend->status]++;
	}
}

/* The first group with such backends; SERVING_GROUPS_MAX: none has any. */
static uint8_t find_group(
	const struct decision *decision, enum zone_kind zone, enum health_status status)
{
	uint8_t group = 0;

	while (group < decision->policy->group_count &&
		decision->tallies[group][zone].status[status] == 0)
		group++;
	return group < decision->policy->group_count ? group : SERVING_GROUPS_MAX;
}

/* Whether so many of a group are up that the next one need not step in. */
static bool is_enough(const struct decision *decision, uint8_t group)
{
	const struct tally *tally = &decision->tallies[group][ZONE_OPEN];
	uint32_t up = tally->status[HEALTH_UP];

	if (up == 0)
		return false;
	return group + 1 == decision->policy->group_count ||
	       up >= needed_of(&decision->policy->group_below[group], known_of(tally));
}

/* The group that takes the new flows as long as any backend is up. */
static uint8_t choose_group(const struct decision *decision)
{
	for (uint8_t group = 0; group < decision->policy->group_count; group++)
		if (is_enough(decision, group))
			return group;
	return find_group(decision, ZONE_OPEN, HEALTH_UP);
}

static void take(struct decision *decision, uint8_t group, enum zone_kind zone,
	enum health_status status, enum serving_mode mode)
{
	decision->group = group;
	decision->takes_zone[zone] = true;
	decision->takes[status] = true;
	decision->outcome.mode = mode;
}

static void take_all(struct decision *decision)
{
	for (enum health_status status = 0; status < HEALTH_STATUS_COUNT; status++)
		decision->takes[status] = true;
}

/* Too few of the group are up: drained zones help first, then all that there are. */
static void open_up(struct decision *decision)
{
	const struct config_threshold *threshold = &decision->policy->fail_open_below;
	const struct tally *open = &decision->tallies[decision->group][ZONE_OPEN];
	const struct tally *drained = &decision->tallies[decision->group][ZONE_DRAINED];
	uint32_t up = open->status[HEALTH_UP], known = known_of(open);

	decision->outcome.needed = needed_of(threshold, known);
	if (up >= decision->outcome.needed)
		return;
	if (drained->status[HEALTH_UP] > 0) {
		decision->takes_zone[ZONE_DRAINED] = true;
		decision->outcome.mode = SERVING_MODE_DRAINED_ZONE;
		up += drained->status[HEALTH_UP];
		decision->outcome.needed = needed_of(threshold, known + known_of(drained));
		if (up >= decision->outcome.needed)
			return;
	}
	take_all(decision);
	decision->outcome.mode = SERVING_MODE_FAIL_OPEN;
}

static bool has_active(const struct decision *decision, uint8_t group, enum zone_kind zone)
{
	return active_of(&decision->tallies[group][zone]) > 0;
}

/* The first group with an active backend, outside of drained zones where there is one. */
static void meet_all_down(struct decision *decision)
{
	for (enum zone_kind zone = 0; zone < ZONE_KINDS; zone++) {
		for (uint8_t group = 0; group < decision->policy->group_count; group++) {
			if (!has_active(decision, group, zone))
				continue;
			decision->group = group;
			decision->takes_zone[zone] = true;
			decision->outcome.mode = SERVING_MODE_ALL_DOWN;
			if (decision->policy->all_down == CONFIG_ALL_DOWN_ALL)
				take_all(decision);
			return;
		}
	}
	decision->outcome.mode = SERVING_MODE_EMPTY;
	take_all(decision); /* what is not active would serve if it were */
	decision->takes_zone[ZONE_OPEN] = true;
}

/* Which of the four kinds of candidates there are. */
static void choose_candidates(struct decision *decision)
{
	uint8_t group = choose_group(decision);

	if (group < SERVING_GROUPS_MAX) {
		take(decision, group, ZONE_OPEN, HEALTH_UP,
			group == 0 ? SERVING_MODE_NORMAL : SERVING_MODE_BACKUP);
		open_up(decision);
		return;
	}
	group = find_group(decision, ZONE_DRAINED, HEALTH_UP);
	if (group < SERVING_GROUPS_MAX) {
		take(decision, group, ZONE_DRAINED, HEALTH_UP, SERVING_MODE_DRAINED_ZONE);
		return;
	}
	for (enum zone_kind zone = 0; zone < ZONE_KINDS; zone++) {
		group = find_group(decision, zone, HEALTH_INITIAL);
		if (group == SERVING_GROUPS_MAX)
			continue;
		take(decision, group, zone, HEALTH_INITIAL, SERVING_MODE_UNCHECKED);
		return;
	}
	meet_all_down(decision);
}

static bool is_candidate(const struct decision *decision, const struct serving_backend *backend)
{
	return backend->group == decision->group && decision->takes[backend->status] &&
	       decision->takes_zone[zone_kind_of(decision->policy, backend)];
}

static struct own_zone count_own(
	const struct decision *decision, const struct serving_backend *backends, size_t count)
{
	struct own_zone own = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct serving_backend *backend = &backends[i];
		enum health_status status = backend->status;
		bool is_up = status == HEALTH_UP, is_known = status != HEALTH_INITIAL;

		if (!backend->active || backend->group != decision->group ||
			!is_near(decision->policy, backend) ||
			!decision->takes_zone[zone_kind_of(decision->policy, backend)])
			continue;
		own.backends++;
		own.up += is_up;
		own.known += is_known;
		own.weight_up += is_up ? backend->weight : 0;
		own.weight_known += is_known ? backend->weight : 0;
	}
	return own;
}

static bool is_own_enough(const struct config_threshold *threshold, const struct own_zone *own)
{
	if (own->up == 0)
		return false;
	if (threshold->is_percent)
		return own->weight_up * 100 >= own->weight_known * threshold->number;
	return own->up >= needed_of(threshold, own->known);
}

/*
 * The node's own zone first. What serves because too little is known or up serves wherever it is.
 */
static void prefer_own_zone(
	struct decision *decision, const struct serving_backend *backends, size_t count)
{
	struct serving_outcome *outcome = &decision->outcome;
	struct own_zone own;

	if (!has_own_zone(decision->policy) || outcome->mode > SERVING_MODE_DRAINED_ZONE)
		return;
	own = count_own(decision, backends, count);
	decision->own_only = is_own_enough(&decision->policy->zone_below, &own);
	if (!decision->own_only && own.backends > 0 && outcome->mode == SERVING_MODE_NORMAL)
		outcome->mode = SERVING_MODE_ZONE_FAILOVER;
}

static enum serving_verdict judge(
	const struct decision *decision, const struct serving_backend *backend)
{
	bool is_down = backend->status == HEALTH_DOWN;

	/* one that is not active has old flows at most, and these gain nothing by failing open */
	if (is_candidate(decision, backend) && (backend->active || !is_down) &&
		(!decision->own_only || is_near(decision->policy, backend)))
		return SERVING_SERVES;
	return is_down ? SERVING_FAILED : SERVING_RESTS;
}

/* Whether the VIPs are to be withdrawn: of what serves, whatever the other groups have. */
static bool is_withdrawn(const struct decision *decision)
{
	const struct serving_policy *policy = decision->policy;
	const struct serving_outcome *outcome = &decision->outcome;
	uint32_t needed = needed_of(&policy->withdraw_below, outcome->known);

	if (outcome->mode >= SERVING_MODE_ALL_DOWN && policy->all_down == CONFIG_ALL_DOWN_WITHDRAW)
		return true; /* one that has no active backend has none that is up, either */
	if (policy->withdraw_below.number == 0)
		return false;
	return outcome->up < (needed > 0 ? needed : 1);
}

static void note_figures(struct decision *decision)
{
	struct serving_outcome *outcome = &decision->outcome;

	outcome->group = decision->group;
	for (enum zone_kind zone = 0; zone < ZONE_KINDS; zone++) {
		const struct tally *tally = &decision->tallies[decision->group][zone];

		if (zone == ZONE_DRAINED)
			outcome->drained = active_of(tally);
		if (zone == ZONE_DRAINED && !decision->takes_zone[ZONE_DRAINED])
			continue;
		outcome->up += tally->status[HEALTH_UP];
		outcome->known += known_of(tally);
		outcome->active += active_of(tally);
	}
}

struct serving_outcome serving_decide(const struct serving_policy *policy,
	const struct serving_backend *backends, size_t count, enum serving_verdict *verdicts)
{
	struct decision decision = { .policy = policy };

	count_backends(&decision, backends, count);
	choose_candidates(&decision);
	note_figures(&decision);
	prefer_own_zone(&decision, backends, count);
	for (size_t i = 0; i < count; i++) {
		verdicts[i] = judge(&decision, &backends[i]);
		decision.outcome.serving += backends[i].active && verdicts[i] == SERVING_SERVES;
	}
	decision.outcome.withdrawn = is_withdrawn(&decision);
	return decision.outcome;
}

struct serving_policy serving_policy_of(const struct config_pool *pool, const struct zones *zones)
{
	return (struct serving_policy){
		.fail_open_below = pool->fail_open_below,
		.withdraw_below = pool->withdraw_below,
		.all_down = pool->all_down,
		.cross_zone = pool->cross_zone,
		.zone_below = pool->zone_below,
		.own_zone = zones_own(zones),
		.drained = zones_drained(zones),
		.group_count = 1,
	};
}

const char *serving_mode_name(enum serving_mode mode)
{
	static const char *const names[SERVING_MODE_COUNT] = {
#define SERVING_MODE_NAME(upper, lower) [SERVING_MODE_##upper] = #lower,
		SERVING_MODE_TABLE(SERVING_MODE_NAME)
#undef SERVING_MODE_NAME
	};

	return names[mode];
}

/* What follows from the mode, behind the figures. */
static const char *describe_mode(
	const struct serving_policy *policy, const struct serving_outcome *outcome)
{
	static const char *const all_down[] = {
		[CONFIG_ALL_DOWN_ALL] = ": all take new flows (all_down is all)",
		[CONFIG_ALL_DOWN_DROP] = ": new flows are dropped (all_down is drop)",
		[CONFIG_ALL_DOWN_WITHDRAW] =
			(": new flows are dropped, and this node is not to announce its VIPs "
			 "(all_down is withdraw)"),
	};
	static const char *const modes[SERVING_MODE_COUNT] = {
		[SERVING_MODE_NORMAL] = "",
		[SERVING_MODE_ZONE_FAILOVER] =
			(", too few of them in the zone of this node (zone_below): other zones "
			 "take new flows, too"),
		[SERVING_MODE_BACKUP] = ", of a backup: those before it have too few",
		[SERVING_MODE_DRAINED_ZONE] =
			", and without drained zones too few: these take new flows, too",
		[SERVING_MODE_UNCHECKED] =
			" yet: those that are not known to be down take new flows",
		[SERVING_MODE_FAIL_OPEN] = " (fail_open_below): all take new flows",
	};

	return outcome->mode == SERVING_MODE_ALL_DOWN ? all_down[policy->all_down]
						      : modes[outcome->mode];
}

const char *serving_describe(const struct serving_policy *policy,
	const struct serving_outcome *outcome, char text[static SERVING_SENTENCE_SIZE])
{
	char wanted[32] = "";

	if (outcome->mode == SERVING_MODE_EMPTY) {
		snprintf(text, SERVING_SENTENCE_SIZE, "it has no active backend");
		return text;
	}
	if (outcome->mode == SERVING_MODE_FAIL_OPEN)
		snprintf(wanted, sizeof(wanted), ", fewer than %u", outcome->needed);
	snprintf(text, SERVING_SENTENCE_SIZE, "%u of %u backend%s %s up%s%s", outcome->up,
		outcome->active, plural(outcome->active),
		outcome->up == 1 || outcome->active == 1 ? "is" : "are", wanted,
		describe_mode(policy, outcome));
	return text;
}
