/* SPDX-License-Identifier: BSD-3-Clause */
/* What a change moves, in the words of the socket, of events and `status`. */
#include <inttypes.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api_internal.h"
#include "json/json_build.h"
#include "plan/finder.h"
#include "common/events.h"
#include "impact/plan_compare.h"

#define SLOTS_SIZE (CONFIG_NAME_SIZE + 40)
#define MOVES_MAX  50                   /* events of pools whose slots one change moves */
#define WHAT_MAX   700                  /* bytes of what a change is, so that the rest is not cut */
#define WHO_SIZE   (WHAT_MAX + 64 + 64) /* with the method and API_PEER_SIZE */

/* The pool that has it worst: pools with and without traffic add up to no share of the flows. */
struct worst {
	double percent;
	const char *pool; /* NULL: none has any */
	json_int_t count; /* of pools that have any */
};

/* What all pools come to. */
struct report {
	json_t *pools;
	json_int_t moved, total;
	struct worst pinned, cut_off;
	json_int_t cut_pins; /* of the pools that lose flows */
	json_t *warnings;
	const char *largest_pool; /* NULL: no backend has more or less to do */
	struct plan_load_change largest;
	bool cut;                    /* what is removed does not see its flows out */
	const struct impact *impact; /* whose connections break; NULL: see plan_slots_cut() */
	const struct config *config; /* of the plan `after`; NULL: loads are not asked for */
};

static void seat_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	strcpy(key, ((const struct plan_seat *)list)[index].name);
}

static struct finder find_in(const struct plan_pool *pool)
{
	return (struct finder){
		.list = pool == NULL ? NULL : pool->seats,
		.count = pool == NULL ? 0 : pool->backend_count,
		.key_at = seat_key,
	};
}

static const struct plan_seat *find_seat(
	const struct plan_pool *pool, struct finder *finder, const char *name, size_t hint)
{
	size_t index = finder_find(finder, name, hint);

	return index == FINDER_NONE ? NULL : &pool->seats[index];
}

static void add_share(json_t *list, const char *name, const struct plan_seat *before,
	const struct plan_seat *after)
{
	struct json_build share = json_build_begin();

	json_build_text(&share, "name", name);
	json_build_integer(&share, "slots_before", before == NULL ? 0 : before->owned);
	json_build_integer(&share, "slots_after", after == NULL ? 0 : after->owned);
	json_array_append_new(list, json_build_end(&share));
}

/* The backends as they will be, then those that go. */
static json_t *pool_shares(const struct plan_pool *before, const struct plan_pool *after)
{
	struct finder in_before = find_in(before), in_after = find_in(after);
	json_t *list = json_array();

	for (size_t i = 0; i < in_after.count; i++) {
		const struct plan_seat *seat = &after->seats[i];

		add_share(list, seat->name, find_seat(before, &in_before, seat->name, i), seat);
	}
	for (size_t i = 0; i < in_before.count; i++) {
		const struct plan_seat *seat = &before->seats[i];

		if (find_seat(after, &in_after, seat->name, i) == NULL)
			add_share(list, seat->name, seat, NULL);
	}
	finder_fini(&in_before);
	finder_fini(&in_after);
	return list;
}

static bool pool_differs(const struct plan_pool *before, const struct plan_pool *after)
{
	if (before == NULL || after == NULL)
		return true;
	return before->digest != after->digest || before->slots != after->slots ||
	       before->backend_count != after->backend_count;
}

/* Slots whose flows are given up by their backends, or lost with the services that had them. */
static uint32_t count_cut(
	const struct report *report, const struct plan_pool *before, const struct plan_pool *after)
{
	const struct impact_pool *lost;
	uint32_t by_services, by_backends;

	if (before == NULL || report->impact == NULL ||
		(after != NULL && before->slots != after->slots))
		return plan_slots_cut(before, after, report->cut);
	lost = impact_find_pool(report->impact, before->name);
	by_backends = lost == NULL ? 0 : lost->cut;
	by_services = impact_pool_share(report->impact, before->name) * before->slots;
	return by_services > by_backends ? by_services : by_backends;
}

static void note_worst(struct worst *worst, const char *pool, uint32_t part, uint32_t slots)
{
	double percent = slots == 0 ? 0 : 100.0 * part / slots;

	if (part == 0)
		return;
	worst->count++;
	if (percent <= worst->percent)
		return;
	worst->percent = percent;
	worst->pool = pool;
}

/* Flows that may live on a backend that gives them up although their slots do not say so. */
static uint32_t count_cut_pins(const struct report *report, const char *pool)
{
	const struct impact_pool *lost = impact_find_pool(report->impact, pool);

	return lost == NULL ? 0 : lost->pins;
}

/* Which backend would have most in proportion to its share, of those that get more. */
static json_t *json_highest_load(
	const struct report *report, const struct plan_pool *before, const struct plan_pool *after)
{
	int pool = report->config == NULL || after == NULL
			   ? -ENOENT
			   : config_find_pool(report->config, after->name);
	struct plan_load load = { 0 };
	struct json_build object;

	if (pool >= 0)
		load = plan_highest_load(&report->config->pools[pool], before, after);
	if (load.seat == NULL)
		return json_null();
	object = json_build_begin();
	json_build_text(&object, "backend", load.seat->name);
	json_build_value(&object, "percent", api_json_tenths(load.percent));
	return json_build_end(&object);
}

/* A pool that stays as it is is left out. */
static void add_pool(
	struct report *report, const struct plan_pool *before, const struct plan_pool *after)
{
	const struct plan_pool *any = after != NULL ? after : before;
	struct plan_load_change load;
	struct json_build object;
	uint32_t moved, cut_off = count_cut(report, before, after);

	if (!pool_differs(before, after) && cut_off == 0)
		return;
	load = plan_largest_load_change(before, after);
	moved = plan_slots_moved(before, after);
	report->moved += moved;
	note_worst(&report->pinned, any->name, plan_slots_pinned(before, after, report->cut),
		any->slots);
	note_worst(&report->cut_off, any->name, cut_off, any->slots);
	if (cut_off != 0)
		report->cut_pins += count_cut_pins(report, any->name);
	if (after != NULL && plan_pool_serves(before) && !plan_pool_serves(after))
		json_array_append_new(report->warnings,
			json_sprintf("pool %s: no backend takes new flows any more", any->name));
	if (fabs(load.percent) > fabs(report->largest.percent)) {
		report->largest = load;
		report->largest_pool = any->name;
	}
	object = json_build_begin();
	json_build_text(&object, "name", any->name);
	json_build_integer(&object, "slots_moved", moved);
	json_build_integer(&object, "slots_cut", cut_off);
	json_build_integer(&object, "slots", any->slots);
	json_build_integer(&object, "slots_before", before == NULL ? 0 : before->slots);
	json_build_value(&object, "digest", api_json_pool_digest(after));
	json_build_value(&object, "highest_load", json_highest_load(report, before, after));
	json_build_value(&object, "backends", pool_shares(before, after));
	json_array_append_new(report->pools, json_build_end(&object));
}

static json_t *json_largest(const struct report *report)
{
	struct json_build object;

	if (report->largest_pool == NULL)
		return json_null();
	object = json_build_begin();
	json_build_text(&object, "pool", report->largest_pool);
	json_build_text(&object, "backend", report->largest.after->name);
	json_build_integer(&object, "slots_before", report->largest.before->owned);
	json_build_integer(&object, "slots_after", report->largest.after->owned);
	json_build_value(&object, "percent", api_json_tenths(report->largest.percent));
	return json_build_end(&object);
}

static json_t *json_worst(const struct worst *worst)
{
	struct json_build object;

	if (worst->pool == NULL)
		return json_null();
	object = json_build_begin();
	json_build_text(&object, "pool", worst->pool);
	json_build_integer(&object, "pools", worst->count);
	return json_build_end(&object);
}

/* What is added to it comes behind. */
static struct json_build begin(
	const struct report *report, bool changed, bool dry_run, uint64_t digest)
{
	struct json_build object = json_build_begin();

	json_build_flag(&object, "changed", changed);
	json_build_flag(&object, "dry_run", dry_run);
	json_build_integer(&object, "slots_moved", report->moved);
	json_build_integer(&object, "slots_total", report->total);
	json_build_value(&object, "moved_percent",
		api_json_tenths(report->total == 0 ? 0 : 100.0 * report->moved / report->total));
	json_build_value(&object, "pinned_percent", api_json_tenths(report->pinned.percent));
	json_build_value(&object, "pinned", json_worst(&report->pinned));
	json_build_value(&object, "cut_percent", api_json_tenths(report->cut_off.percent));
	json_build_value(&object, "cut", json_worst(&report->cut_off));
	json_build_integer(&object, "cut_pins", report->cut_pins);
	json_build_integer(&object, "cut_in_s", impact_in_s(report->impact));
	json_build_value(&object, "warnings", report->warnings);
	json_build_value(&object, "largest_load_change", json_largest(report));
	json_build_value(&object, "table_digest", api_json_digest(digest));
	json_build_value(&object, "services_cut", api_json_services_cut(report->impact));
	json_build_value(&object, "backends_cut", api_json_backends_cut(report->impact));
	json_build_value(&object, "pools", report->pools);
	return object;
}

json_t *api_report_change(const struct desired_outcome *outcome)
{
	const struct plan *before = outcome->before, *after = outcome->after;
	struct report report = {
		.pools = json_array(),
		.warnings = json_array(),
		.cut = outcome->terms.now,
		.impact = outcome->impact,
		.config = outcome->config_after,
	};
	struct json_build object;

	for (size_t i = 0; i < after->pool_count; i++) {
		const struct plan_pool *pool = &after->pools[i];

		report.total += pool->slots;
		add_pool(&report, plan_find_pool(before, pool->name), pool);
	}
	for (size_t i = 0; i < before->pool_count; i++)
		if (plan_find_pool(after, before->pools[i].name) == NULL) {
			report.total += before->pools[i].slots;
			add_pool(&report, &before->pools[i], NULL);
		}
	object = begin(&report, outcome->changed, outcome->dry_run, after->digest);
	json_build_flag(&object, "forced", outcome->terms.force);
	json_build_flag(&object, "volatile", outcome->volatile_only);
	json_build_flag(&object, "written", outcome->written);
	json_build_value(&object, "revision", api_json_digest(outcome->revision));
	if (outcome->dry_run)
		json_build_text(&object, "needs_force", outcome->needs_force);
	return json_build_end(&object);
}

json_t *api_report_pool(const struct plan_pool *before, const struct plan_pool *after,
	const struct impact *impact, bool dry_run)
{
	struct report report = {
		.pools = json_array(),
		.warnings = json_array(),
		.total = after->slots,
		.impact = impact,
	};
	struct json_build object;

	add_pool(&report, before, after);
	object = begin(&report, true, dry_run, after->digest);
	return json_build_end(&object);
}

static void add_number(json_t *report, const json_t *more, const char *key)
{
	json_object_set_new(report, key,
		json_integer(json_integer_value(json_object_get(report, key)) +
			     json_integer_value(json_object_get(more, key))));
}

static bool is_larger(const json_t *a, const json_t *b, const char *key)
{
	return fabs(json_number_value(json_object_get(a, key))) >
	       fabs(json_number_value(json_object_get(b, key)));
}

static void take(json_t *report, const json_t *more, const char *key)
{
	json_object_set(report, key, json_object_get(more, key));
}

void api_report_merge(json_t *report, json_t *more)
{
	static const char *const sums[] = { "slots_moved", "slots_total", "cut_pins" };
	static const char *const lists[] = { "warnings", "services_cut", "backends_cut", "pools" };
	double total;

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		add_number(report, more, sums[i]);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		json_array_extend(
			json_object_get(report, lists[i]), json_object_get(more, lists[i]));
	total = json_number_value(json_object_get(report, "slots_total"));
	json_object_set_new(report, "moved_percent",
		api_json_tenths(total == 0 ? 0
					   : 100.0 *
						     json_number_value(json_object_get(
							     report, "slots_moved")) /
						     total));
	if (is_larger(more, report, "pinned_percent")) {
		take(report, more, "pinned_percent");
		take(report, more, "pinned");
	}
	if (is_larger(more, report, "cut_percent")) {
		take(report, more, "cut_percent");
		take(report, more, "cut");
		take(report, more, "cut_in_s");
	}
	if (is_larger(json_object_get(more, "largest_load_change"),
		    json_object_get(report, "largest_load_change"), "percent"))
		take(report, more, "largest_load_change");
	if (is_larger(more, report, "pending_ms"))
		take(report, more, "pending_ms");
	json_decref(more);
}

static json_t *json_now(void)
{
	return api_json_time(time(NULL));
}

const char *api_describe_peer(const struct origin *origin, char text[static API_PEER_SIZE])
{
	text[0] = '\0';
	if (origin->has_peer)
		snprintf(text, API_PEER_SIZE, " by uid %u, pid %d", (unsigned int)origin->uid,
			(int)origin->pid);
	return text;
}

const char *api_describe_cause(const struct origin *origin, char text[static EVENT_CAUSE_SIZE])
{
	char peer[API_PEER_SIZE];

	snprintf(text, EVENT_CAUSE_SIZE, "%s%s", origin->method, api_describe_peer(origin, peer));
	return text;
}

static uint64_t number_of(const json_t *report, const char *key)
{
	return json_integer_value(json_object_get(report, key));
}

/* Of a whole, `total` is the key of its slots. */
static struct event_move read_move(const json_t *report, const char *total, const char *digest)
{
	const char *text = json_string_value(json_object_get(report, digest));

	return (struct event_move){
		.moved = number_of(report, "slots_moved"),
		.slots = number_of(report, total),
		.digest = text == NULL ? 0 : strtoull(text, NULL, 16),
	};
}

/* Each pool whose slots moved has an event of its own; of very many, the first. */
static void publish_moves(const char *cause, const json_t *pools)
{
	size_t index, count = 0;
	json_t *pool;

	json_array_foreach (pools, index, pool) {
		const char *name = json_string_value(json_object_get(pool, "name"));
		struct event_move move = read_move(pool, "slots", "digest");

		if (move.moved == 0 || count++ >= MOVES_MAX)
			continue;
		events_publish(EVENT(PUBLISH, INFO, POOL, name, .cause = cause, .move = move),
			"pool %s: moved %" PRIu64 " of %" PRIu64 " slots: %s", name, move.moved,
			move.slots, cause);
	}
	if (count > MOVES_MAX)
		events_publish(EVENT(PUBLISH, INFO, NODE, NULL, .cause = cause),
			"slots of %zu more pools moved: %s", count - MOVES_MAX, cause);
}

static void publish_cut(enum event_kind kind, const char *who, const char *cause,
	const json_t *report, const json_t *cut)
{
	const char *pool = json_string_value(json_object_get(cut, "pool"));
	uint64_t in_s = number_of(report, "cut_in_s");
	char when[64] = "";

	if (in_s > 0)
		snprintf(when, sizeof(when), " at the deadline, in %" PRIu64 " s", in_s);
	events_publish(&(struct event_about){ kind, EVENT_LEVEL_WARNING, EVENT_OBJECT_POOL, pool,
			       .cause = cause },
		"%s: %s the connections of about %.1f %% of the flows of pool %s%s%s", who,
		in_s > 0 ? "will break" : "broke",
		json_number_value(json_object_get(report, "cut_percent")), pool,
		number_of(cut, "pools") > 1 ? " and others" : "", when);
}

/* "65537 slots of pool web" where only one pool moves, as sluicectl has it; else of all pools. */
static void describe_slots(
	const json_t *report, const struct event_move *move, char text[static SLOTS_SIZE])
{
	const json_t *pools = json_object_get(report, "pools"), *pool = json_array_get(pools, 0);

	if (move->moved > 0 && json_array_size(pools) == 1)
		snprintf(text, SLOTS_SIZE, "%" PRIu64 " slots of pool %s", number_of(pool, "slots"),
			json_string_value(json_object_get(pool, "name")));
	else
		snprintf(text, SLOTS_SIZE, "%" PRIu64 " slots of all pools", move->slots);
}

static void publish_change(enum event_kind kind, const struct origin *origin, const json_t *report)
{
	const char *what = origin->what, *space = what[0] == '\0' ? "" : " ";
	struct event_move move = read_move(report, "slots_total", "table_digest");
	const json_t *cut = json_object_get(report, "cut");
	char peer[API_PEER_SIZE], who[WHO_SIZE], cause[EVENT_CAUSE_SIZE], slots[SLOTS_SIZE];

	api_describe_cause(origin, cause);
	api_describe_peer(origin, peer);
	snprintf(who, sizeof(who), "%s%s%.*s%s", origin->method, space, WHAT_MAX, what, peer);
	if (json_is_object(cut))
		publish_cut(kind, who, cause, report, cut);
	describe_slots(report, &move, slots);
	events_publish(&(struct event_about){ kind, EVENT_LEVEL_INFO, EVENT_OBJECT_NODE,
			       .cause = cause, .move = move },
		"%s: moved %" PRIu64 " of %s", who, move.moved, slots);
	publish_moves(cause, json_object_get(report, "pools"));
}

void api_report_note(
	struct api *api, enum event_kind kind, const struct origin *origin, json_t *report)
{
	json_t *parameters = json_loads(origin->what, 0, NULL);
	struct json_build change = json_build_begin();

	publish_change(kind, origin, report);
	json_build_text(&change, "method", origin->method);
	json_build_value(
		&change, "parameters", parameters == NULL ? json_string(origin->what) : parameters);
	json_build_value(
		&change, "uid", origin->has_peer ? json_integer(origin->uid) : json_null());
	json_build_value(
		&change, "pid", origin->has_peer ? json_integer(origin->pid) : json_null());
	json_build_value(&change, "time", json_now());
	json_build_value(&change, "report", json_incref(report));
	json_decref(api->last_change);
	api->last_change = json_build_end(&change);
}

static void add_service_rates(const struct api *api, json_t *services)
{
	size_t index;
	json_t *service;

	json_array_foreach (services, index, service) {
		const struct rate *rate = watch_service(
			api->watch, json_string_value(json_object_get(service, "service")), index);

		if (rate == NULL)
			continue;
		json_object_set_new(
			service, "packets_per_second", json_integer(rate->packets_per_second));
		json_object_set_new(
			service, "new_flows_per_second", json_integer(rate->new_flows_per_second));
	}
}

/* The configured backend that a change names; NULL where it names none, or it is no more. */
static const struct live_backend *find_named(const struct api *api, const struct live_terms *terms)
{
	const struct config *config = desired_config(api->running.desired);
	int pool = terms->name == NULL ? -1 : config_find_pool(config, terms->pool);
	int number = pool < 0 ? -1 : config_find_backend(&config->pools[pool], terms->name);
	size_t count;

	if (number < 0)
		return NULL;
	return &forwarding_backends(api->running.forwarding, pool, &count)[number];
}

uint32_t api_drain_deadline(const struct api *api, const struct live_terms *terms)
{
	const struct live_backend *backend = find_named(api, terms);

	return backend == NULL || backend->facts.wish != MEMBERSHIP_DRAIN ||
			       !live_backend_drains(backend)
		       ? 0
		       : backend->facts.deadline_s;
}

/* A drain that went on has another end now, be it the pool's: which it was, nobody sees any more.
 */
static void warn_of_deadline(const struct api *api, const struct desired_outcome *outcome,
	const struct live_backend *backend, uint32_t before_s, json_t *warnings)
{
	const struct config *config = desired_config(api->running.desired);
	const struct live_terms *terms = &outcome->terms;
	uint32_t now_s = forwarding_now_s(api->running.forwarding);
	uint32_t next_s = terms->deadline_s;

	if (!terms->again || before_s <= now_s)
		return;
	if (next_s == 0)
		next_s = config->pools[config_find_pool(config, terms->pool)].drain_deadline_s;
	json_array_append_new(warnings,
		json_sprintf("backend %s/%s: it drained already, for %u s more; %s %u s from now%s",
			terms->pool, backend->name, before_s - now_s,
			outcome->dry_run ? "it would have" : "it has", next_s,
			terms->deadline_s == 0 ? ", the pool's drain_deadline_s" : ""));
}

/* A backend that is to take flows again and whose check says no is easily taken for back. */
static void warn_of_failed_check(
	const struct live_terms *terms, const struct live_backend *backend, json_t *warnings)
{
	if (backend->facts.wish == MEMBERSHIP_ACTIVE && !backend->facts.healthy)
		json_array_append_new(warnings,
			json_sprintf("backend %s/%s: its check has failed (health is down): it "
				     "takes no new flows",
				terms->pool, backend->name));
}

void api_report_complete(const struct api *api, const struct desired_outcome *outcome,
	uint32_t drain_deadline_s, json_t *report)
{
	const struct live_backend *backend = find_named(api, &outcome->terms);
	json_t *warnings = json_object_get(report, "warnings");

	add_service_rates(api, json_object_get(report, "services_cut"));
	if (backend == NULL)
		return;
	warn_of_deadline(api, outcome, backend, drain_deadline_s, warnings);
	if (!outcome->dry_run)
		warn_of_failed_check(&outcome->terms, backend, warnings);
}

void api_note_refused_reload(struct api *api, const struct desired_outcome *outcome)
{
	const char *sentence = outcome->error->message;
	size_t more = outcome->findings == NULL ? 0 : outcome->findings->count - 1;
	json_t *now = json_now();

	events_publish(EVENT(CONFIGURATION, ERROR, NODE, NULL, .cause = "SIGHUP"),
		"reload refused, nothing changed: %s", sentence);
	for (size_t i = 1; i <= more; i++)
		events_publish(EVENT(CONFIGURATION, ERROR, NODE, NULL, .cause = "SIGHUP"),
			"reload refused, too: %s", outcome->findings->errors[i].message);
	snprintf(api->refused_reload, sizeof(api->refused_reload),
		"the file on disk is not what runs, its reload was refused at %s: %s%s",
		json_string_value(now), sentence,
		more > 0 ? " (and more: sluiced --check names all)" : "");
	json_decref(now);
}

void api_note_reload(struct api *api, const struct desired_outcome *outcome)
{
	json_t *report = api_report_change(outcome);
	struct origin origin = { .method = "SIGHUP" };

	snprintf(origin.what, sizeof(origin.what), "%s", outcome->changes);
	api_warn_of_removed_vips(api, outcome, report);
	api_report_complete(api, outcome, 0, report);
	api->refused_reload[0] = '\0';
	if (outcome->changed)
		api_report_note(api, EVENT_KIND_CONFIGURATION, &origin, report);
	else
		events_publish(EVENT(CONFIGURATION, INFO, NODE, NULL, .cause = "SIGHUP"),
			"SIGHUP: no change");
	json_decref(report);
}
