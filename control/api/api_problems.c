/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is wrong with the node, the most important first: for `status`. All pools are looked at once
 * and by what is counted of each, so that the answer is as long, and takes as long, with ten
 * thousand backends that are down as with ten.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/api_internal.h"
#include "base/plural.h"
#include "config/config_derive.h"
#include "config/config_health.h"
#include "json/json_build.h"

#define POOLS_SHOWN   20 /* of each kind of problem */
#define ZONES_SHOWN   20
#define NAMES_SHOWN   3 /* backends of each of them */
#define SENTENCE_SIZE 1280
#define LATE_MS       500 /* a probe that begins later than that is late */
#define UNTRIED_S     60  /* for so long a probe that could not be made is a problem */

/* Pools that have one problem. */
struct sick_pools {
	size_t shown[POOLS_SHOWN];
	size_t count;
};

/* Pools by what is wrong with them. One may be in several of these. */
struct sickness {
	struct sick_pools by_mode[SERVING_MODE_COUNT];
	struct sick_pools withdrawn; /* although its mode is no other */
	struct sick_pools down, overridden, senseless;
};

/* Who has it. */
struct problem {
	enum event_level level;
	const char *object; /* as events have it, and "zone" */
	const char *name;   /* NULL: the node */
	int64_t since_ms;   /* CLOCK_REALTIME; 0: not known */
};

static void add(json_t *list, const struct problem *problem, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(json_t *list, const struct problem *problem, const char *format, ...)
{
	struct json_build object = json_build_begin();
	char sentence[SENTENCE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	json_build_text(&object, "level", event_level_name(problem->level));
	json_build_text(&object, "object", problem->object);
	json_build_text(&object, "name", problem->name);
	json_build_value(&object, "since",
		problem->since_ms == 0 ? json_null() : api_json_time(problem->since_ms / 1000));
	json_build_text(&object, "sentence", sentence);
	json_array_append_new(list, json_build_end(&object));
}

static struct problem node_has(enum event_level level)
{
	return (struct problem){ .level = level, .object = event_object_name(EVENT_OBJECT_NODE) };
}

/* A derived pool is the service that it is of. */
static struct problem pool_has(const struct api *api, size_t pool, enum event_level level)
{
	const struct config_pool *config = &desired_config(api->running.desired)->pools[pool];
	bool is_derived = config->part_count != 0;

	return (struct problem){
		.level = level,
		.object = event_object_name(is_derived ? EVENT_OBJECT_SERVICE : EVENT_OBJECT_POOL),
		.name = is_derived ? config_derive_service(config->name) : config->name,
	};
}

/* which pools */

static void note(struct sick_pools *pools, size_t pool)
{
	if (pools->count < POOLS_SHOWN)
		pools->shown[pools->count] = pool;
	pools->count++;
}

static size_t shown_of(const struct sick_pools *pools)
{
	return pools->count < POOLS_SHOWN ? pools->count : POOLS_SHOWN;
}

static void note_mode(
	struct sickness *sickness, size_t pool, const struct health_pool_report *report)
{
	note(&sickness->by_mode[report->outcome.mode], pool);
	if (report->outcome.mode == SERVING_MODE_NORMAL && report->outcome.withdrawn)
		note(&sickness->withdrawn, pool);
}

static void note_backends(struct sickness *sickness, const struct config *config, size_t pool,
	const struct health_pool_report *report)
{
	if (report->by_status[HEALTH_DOWN] != 0)
		note(&sickness->down, pool);
	/* without checks an operator's word is all there is, and stands above nothing */
	if (report->overridden != 0 && config_health_checks(config->pools[pool].health))
		note(&sickness->overridden, pool);
	if (report->senseless != 0)
		note(&sickness->senseless, pool);
}

/*
 * Which pools serve by themselves: who takes new flows of a pool that is only a part of others is
 * decided for these. NULL: no memory. To be freed by free().
 */
static bool *find_serving(const struct config *config)
{
	bool *serves = calloc(config->pool_count + 1, sizeof(*serves));

	for (size_t i = 0; serves != NULL && i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		serves[service->pool] = true;
		for (size_t n = 0; n < service->split_count; n++)
			serves[service->splits[n].pool] = true;
	}
	return serves;
}

/* Backends are of the pools that an operator has written, wherever they serve. */
static void examine(const struct api *api, struct sickness *sickness)
{
	const struct config *config = desired_config(api->running.desired);
	bool *serves = find_serving(config);
	struct health_pool_report report;

	for (size_t i = 0; i < config->pool_count; i++) {
		health_describe_pool(api->running.health, i, &report);
		if (serves == NULL || serves[i])
			note_mode(sickness, i, &report);
		if (i < config->written_pool_count)
			note_backends(sickness, config, i, &report);
	}
	free(serves);
}

static void add_rest(
	json_t *list, const struct sick_pools *pools, enum event_level level, const char *what)
{
	const struct problem problem = node_has(level);

	if (pools->count > POOLS_SHOWN)
		add(list, &problem, "%zu more pools %s", pools->count - POOLS_SHOWN, what);
}

/* who serves */

static void add_mode(
	const struct api *api, json_t *list, size_t pool, enum event_level level, const char *what)
{
	struct problem problem = pool_has(api, pool, level);
	struct health_pool_report report;

	health_describe_pool(api->running.health, pool, &report);
	problem.since_ms = report.since_ms;
	add(list, &problem, "%s %s: %s%s", problem.object, problem.name, report.sentence, what);
}

static void add_modes(const struct api *api, json_t *list, const struct sickness *sickness)
{
	static const char withdrawn[] = ": this node is not to announce its VIPs (withdraw_below)";
	static const struct {
		enum serving_mode mode;
		enum event_level level;
		const char *rest;
	} modes[] = {
		{ SERVING_MODE_ALL_DOWN, EVENT_LEVEL_ERROR, "have no backend that is up" },
		{ SERVING_MODE_FAIL_OPEN, EVENT_LEVEL_WARNING, "have too few that are up" },
		{ SERVING_MODE_UNCHECKED, EVENT_LEVEL_WARNING, "have none that is known to be up" },
		{ SERVING_MODE_DRAINED_ZONE, EVENT_LEVEL_WARNING, "are served by drained zones" },
		{ SERVING_MODE_BACKUP, EVENT_LEVEL_WARNING, "are served by a backup" },
		{ SERVING_MODE_ZONE_FAILOVER, EVENT_LEVEL_WARNING, "are helped by other zones" },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const struct sick_pools *pools = &sickness->by_mode[modes[i].mode];

		for (size_t n = 0; n < shown_of(pools); n++)
			add_mode(api, list, pools->shown[n], modes[i].level, "");
		add_rest(list, pools, modes[i].level, modes[i].rest);
	}
	for (size_t n = 0; n < shown_of(&sickness->withdrawn); n++)
		add_mode(api, list, sickness->withdrawn.shown[n], EVENT_LEVEL_WARNING, withdrawn);
	add_rest(list, &sickness->withdrawn, EVENT_LEVEL_WARNING, "are not to be announced");
}

/* backends */

/* "web-1 (connect refused, since 2026-01-31T12:00:00Z)" */
static void write_backend(FILE *out, const char *name, const char *what, int64_t since_ms)
{
	json_t *since = since_ms == 0 ? NULL : api_json_time(since_ms / 1000);

	fprintf(out, "%s (%s%s%s)", name, what, since == NULL ? "" : ", since ",
		since == NULL ? "" : json_string_value(since));
	json_decref(since);
}

/* What there is to say of one that has this. */
static const char *describe(
	enum health_trait trait, const struct health_report *report, const char *sentence)
{
	switch (trait) {
	case HEALTH_HAS_OVERRIDE: return report->override == HEALTH_OVERRIDE_UP ? "up" : "down";
	case HEALTH_IS_SENSELESS: return report->has_result ? report->view.result.sentence : "";
	default: return sentence;
	}
}

/*
 * The first of a pool that have this, and how many more do. Returns since when the one has it that
 * has had it longest of these; 0: not known.
 */
static int64_t write_backends(
	const struct api *api, FILE *out, size_t pool, enum health_trait trait, uint32_t total)
{
	const struct config *config = desired_config(api->running.desired);
	int64_t earliest_ms = 0;
	uint32_t shown = 0;

	for (size_t i = 0; shown < NAMES_SHOWN && health_find(api->running.health, pool, trait, &i);
		i++, shown++) {
		struct health_report report;
		struct health_cause cause;

		health_describe(api->running.health, pool, i, &report);
		cause = api_health_cause(&report);
		if (trait == HEALTH_IS_SENSELESS)
			cause.since_ms = 0; /* it is of the status */
		fputs(shown == 0 ? "" : ", ", out);
		write_backend(out, config->pools[pool].backends[i].name,
			describe(trait, &report, cause.sentence), cause.since_ms);
		if (cause.since_ms != 0 && (earliest_ms == 0 || cause.since_ms < earliest_ms))
			earliest_ms = cause.since_ms;
	}
	if (total > shown)
		fprintf(out, ", and %" PRIu32 " more", total - shown);
	return earliest_ms;
}

/* How many of a pool have it, in words. */
static uint32_t write_figures(
	FILE *out, enum health_trait trait, const struct health_pool_report *report)
{
	uint32_t down = report->by_status[HEALTH_DOWN];
	uint32_t active = down + report->by_status[HEALTH_UP] + report->by_status[HEALTH_INITIAL];

	switch (trait) {
	case HEALTH_HAS_OVERRIDE:
		fprintf(out,
			"an operator's word stands above %" PRIu32 " check%s: ", report->overridden,
			plural(report->overridden));
		return report->overridden;
	case HEALTH_IS_SENSELESS:
		fprintf(out, "%" PRIu32 " backend%s for what makes no sense: ", report->senseless,
			report->senseless == 1 ? " asks" : "s ask");
		return report->senseless;
	default:
		fprintf(out, "%" PRIu32 " of %" PRIu32 " backend%s %s down: ", down, active,
			plural(active), down == 1 ? "is" : "are");
		return down;
	}
}

static void add_backends(const struct api *api, json_t *list, size_t pool, enum health_trait trait,
	enum event_level level)
{
	struct problem problem = pool_has(api, pool, level);
	struct health_pool_report report;
	char text[SENTENCE_SIZE] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	if (out == NULL)
		return; /* no memory */
	health_describe_pool(api->running.health, pool, &report);
	problem.since_ms =
		write_backends(api, out, pool, trait, write_figures(out, trait, &report));
	fclose(out);
	text[sizeof(text) - 1] = '\0';
	add(list, &problem, "pool %s: %s", problem.name, text);
}

static void add_all_backends(const struct api *api, json_t *list, const struct sick_pools *pools,
	enum health_trait trait, enum event_level level, const char *rest)
{
	for (size_t i = 0; i < shown_of(pools); i++)
		add_backends(api, list, pools->shown[i], trait, level);
	add_rest(list, pools, level, rest);
}

/* the rest */

static void add_reasons(json_t *list, const json_t *reasons)
{
	const struct problem problem = node_has(EVENT_LEVEL_ERROR);
	size_t index;
	json_t *reason;

	json_array_foreach (reasons, index, reason)
		add(list, &problem, "%s", json_string_value(reason));
}

static void add_zones(const struct api *api, json_t *list)
{
	const struct config *config = desired_config(api->running.desired);
	const struct problem all = node_has(EVENT_LEVEL_INFO);
	size_t count = 0;

	for (size_t i = 0; i < config->zone_count; i++) {
		const struct config_zone *zone = &config->zones[i];
		const struct problem problem = {
			.level = EVENT_LEVEL_INFO, .object = "zone", .name = zone->name
		};

		if (zone->state == CONFIG_ZONE_DRAIN && count++ < ZONES_SHOWN)
			add(list, &problem, "zone %s is drained: its backends take no new flows",
				zone->name);
	}
	if (count > ZONES_SHOWN)
		add(list, &all, "%zu more zones are drained", count - ZONES_SHOWN);
}

static void add_load(const struct api *api, json_t *list)
{
	const struct checker_load load = health_load(api->running.health);
	struct problem problem = node_has(EVENT_LEVEL_WARNING);
	int64_t untried_s = watch_untried_s(api->watch);

	if (load.late_ms >= LATE_MS || load.waiting != 0)
		add(list, &problem,
			"checks are late: probes of the last 10 s began up to %" PRIu32
			" ms after they were due, and %" PRIu32 " wait for others to end",
			load.late_ms, load.waiting);
	if (untried_s == 0 || time(NULL) - untried_s > UNTRIED_S)
		return;
	problem.since_ms = untried_s * 1000;
	add(list, &problem,
		"this node could not make some probes, %" PRIu64 " since its start, which say "
		"nothing of the backends: `health` says why",
		load.untried);
}

json_t *api_json_problems(const struct api *api, const json_t *reasons)
{
	struct sickness sickness = { 0 };
	json_t *list = json_array();

	examine(api, &sickness);
	add_reasons(list, reasons);
	add_modes(api, list, &sickness);
	add_all_backends(api, list, &sickness.down, HEALTH_COUNTS_AS_DOWN, EVENT_LEVEL_WARNING,
		"have backends that are down");
	add_all_backends(api, list, &sickness.overridden, HEALTH_HAS_OVERRIDE, EVENT_LEVEL_INFO,
		"have an operator's word above checks");
	add_zones(api, list);
	add_load(api, list);
	add_all_backends(api, list, &sickness.senseless, HEALTH_IS_SENSELESS, EVENT_LEVEL_WARNING,
		"have backends that ask for what makes no sense");
	return list;
}
