/* SPDX-License-Identifier: BSD-3-Clause */
/* What a change moves, in the words of the socket, the log and `status`. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/api_internal.h"
#include "plan/finder.h"
#include "common/log.h"
#include "impact/plan_compare.h"

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
};

static void seat_key(const void *list, size_t place, char key[static FINDER_KEY_SIZE])
{
	strcpy(key, ((const struct plan_seat *)list)[place].name);
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
	size_t place = finder_find(finder, name, hint);

	return place == FINDER_NONE ? NULL : &pool->seats[place];
}

static void add_share(json_t *list, const char *name, const struct plan_seat *before,
	const struct plan_seat *after)
{
	json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "name", name, "slots_before",
					    before == NULL ? 0 : before->owned, "slots_after",
					    after == NULL ? 0 : after->owned));
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

/* A pool that stays as it is is left out. */
static void add_pool(
	struct report *report, const struct plan_pool *before, const struct plan_pool *after)
{
	const struct plan_pool *any = after != NULL ? after : before;
	struct plan_load_change load;
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
	json_array_append_new(report->pools,
		json_pack("{s:s, s:i, s:i, s:i, s:i, s:o, s:o}", "name", any->name, "slots_moved",
			moved, "slots_cut", cut_off, "slots", any->slots, "slots_before",
			before == NULL ? 0 : before->slots, "digest",
			api_json_digest(after == NULL ? 0 : after->digest), "backends",
			pool_shares(before, after)));
}

static json_t *json_largest(const struct report *report)
{
	if (report->largest_pool == NULL)
		return json_null();
	return json_pack("{s:s, s:s, s:i, s:i, s:o}", "pool", report->largest_pool, "backend",
		report->largest.after->name, "slots_before", report->largest.before->owned,
		"slots_after", report->largest.after->owned, "percent",
		api_json_tenths(report->largest.percent));
}

static double percent_of(json_int_t part, json_int_t whole)
{
	return whole == 0 ? 0 : 100.0 * part / whole;
}

static json_t *json_worst(const struct worst *worst)
{
	if (worst->pool == NULL)
		return json_null();
	return json_pack("{s:s, s:I}", "pool", worst->pool, "pools", worst->count);
}

static json_t *finish(const struct report *report, bool changed, bool dry_run, uint64_t digest)
{
	return json_pack("{s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:i, s:o, s:o, s:o, "
			 "s:o, s:o, s:o}",
		"changed", changed, "dry_run", dry_run, "slots_moved", report->moved, "slots_total",
		report->total, "moved_percent",
		api_json_tenths(percent_of(report->moved, report->total)), "pinned_percent",
		api_json_tenths(report->pinned.percent), "pinned", json_worst(&report->pinned),
		"cut_percent", api_json_tenths(report->cut_off.percent), "cut",
		json_worst(&report->cut_off), "cut_pins", report->cut_pins, "cut_in_s",
		impact_in_s(report->impact), "warnings", report->warnings, "largest_load_change",
		json_largest(report), "table_digest", api_json_digest(digest), "services_cut",
		api_json_services_cut(report->impact), "backends_cut",
		api_json_backends_cut(report->impact), "pools", report->pools);
}

json_t *api_report_change(const struct desired_outcome *outcome)
{
	const struct plan *before = outcome->before, *after = outcome->after;
	struct report report = {
		.pools = json_array(),
		.warnings = json_array(),
		.cut = outcome->terms.now,
		.impact = outcome->impact,
	};
	json_t *object;

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
	object = finish(&report, outcome->changed, outcome->dry_run, after->digest);
	json_object_set_new(object, "forced", json_boolean(outcome->terms.force));
	json_object_set_new(object, "volatile", json_boolean(outcome->volatile_only));
	json_object_set_new(object, "revision", api_json_digest(outcome->revision));
	if (outcome->dry_run)
		json_object_set_new(object, "needs_force",
			outcome->needs_force == NULL ? json_null()
						     : json_string(outcome->needs_force));
	return object;
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

	add_pool(&report, before, after);
	return finish(&report, true, dry_run, after->digest);
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

static void log_change(const struct origin *origin, const json_t *report)
{
	const char *what = origin->what, *space = what[0] == '\0' ? "" : " ";
	const json_t *cut = json_object_get(report, "cut");
	json_int_t in_s = json_integer_value(json_object_get(report, "cut_in_s"));
	char peer[API_PEER_SIZE], when[64] = "";

	api_describe_peer(origin, peer);
	if (in_s > 0)
		snprintf(when, sizeof(when), " at the deadline, in %lld s", (long long)in_s);
	if (json_is_object(cut))
		log_warning("%s%s%s%s: %s the connections of about %.1f %% of the flows of pool "
			    "%s%s%s",
			origin->method, space, what, peer, in_s > 0 ? "will break" : "broke",
			json_number_value(json_object_get(report, "cut_percent")),
			json_string_value(json_object_get(cut, "pool")),
			json_integer_value(json_object_get(cut, "pools")) > 1 ? " and others" : "",
			when);
	log_info("%s%s%s%s: moved %lld of %lld slots", origin->method, space, what, peer,
		(long long)json_integer_value(json_object_get(report, "slots_moved")),
		(long long)json_integer_value(json_object_get(report, "slots_total")));
}

void api_report_note(struct api *api, const struct origin *origin, json_t *report)
{
	json_t *parameters = json_loads(origin->what, 0, NULL);

	log_change(origin, report);
	json_decref(api->last_change);
	api->last_change = json_pack("{s:s, s:o, s:o, s:o, s:o, s:O}", "method", origin->method,
		"parameters", parameters == NULL ? json_string(origin->what) : parameters, "uid",
		origin->has_peer ? json_integer(origin->uid) : json_null(), "pid",
		origin->has_peer ? json_integer(origin->pid) : json_null(), "time", json_now(),
		"report", report);
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

/* A backend that is to take flows again and whose check says no is easily taken for back. */
static void warn_of_failed_check(
	const struct api *api, const struct live_terms *terms, json_t *warnings)
{
	const struct config *config = desired_config(api->running.desired);
	int pool = terms->name == NULL ? -1 : config_find_pool(config, terms->pool);
	int number = pool < 0 ? -1 : config_find_backend(&config->pools[pool], terms->name);
	const struct live_backend *backend;
	size_t count;

	if (number < 0)
		return;
	backend = &forwarding_backends(api->running.forwarding, pool, &count)[number];
	if (backend->facts.wish == MEMBERSHIP_ACTIVE && !backend->facts.healthy)
		json_array_append_new(warnings,
			json_sprintf("backend %s/%s: its check has failed (health is down): it "
				     "takes no new flows",
				terms->pool, backend->name));
}

void api_report_complete(
	const struct api *api, const struct desired_outcome *outcome, json_t *report)
{
	add_service_rates(api, json_object_get(report, "services_cut"));
	if (!outcome->dry_run)
		warn_of_failed_check(api, &outcome->terms, json_object_get(report, "warnings"));
}

void api_note_refused_reload(struct api *api, const struct desired_outcome *outcome)
{
	const char *sentence = outcome->error->message;
	size_t more = outcome->findings == NULL ? 0 : outcome->findings->count - 1;
	json_t *now = json_now();

	log_error("reload refused, nothing changed: %s", sentence);
	for (size_t i = 1; i <= more; i++)
		log_error("reload refused, too: %s", outcome->findings->errors[i].message);
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
	api_report_complete(api, outcome, report);
	api->refused_reload[0] = '\0';
	if (outcome->changed)
		api_report_note(api, &origin, report);
	else
		log_info("SIGHUP: no change");
	json_decref(report);
}
