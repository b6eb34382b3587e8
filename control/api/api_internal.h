/* SPDX-License-Identifier: BSD-3-Clause */
/* api_internal: what the files of api share. */
#pragma once

#include <jansson.h>
#include <sys/queue.h>

#include "api/api.h"
#include "api/api_params.h"
#include "api/api_watch.h"
#include "common/background.h"
#include "common/events.h"
#include "desired/origin.h"
#include "json/json_build.h"
#include "rpc/rpc.h"

/* As struct api_method's handle(). */
typedef void api_method_t(struct api *api, const struct api_params *params, struct rpc_call *call);

STAILQ_HEAD(api_reader_list, api_reader);

/* The document of a configuration, and who waits for it. */
struct api_printing {
	struct api *api;
	struct background_job job;
	struct config *config;         /* while it is being printed, else NULL */
	struct api_document *document; /* of `revision`, or NULL */
	uint64_t revision;
	struct api_reader_list readers;
};

struct api {
	struct api_context running;
	struct rpc_server *server;
	struct rpc_method *methods; /* of `server` */
	struct watch *watch;
	int64_t started_s;   /* CLOCK_MONOTONIC */
	json_t *last_change; /* the answer to the latest change made, or NULL */
	struct api_printing printing;
	char refused_reload[1024]; /* a sentence: the file on disk is not what runs; or "" */
};

/* api_status.c */
api_method_t api_status;
api_method_t api_stats_get;

/* api_config.c */
api_method_t api_config_get;
json_t *api_json_configuration(const struct api *api);   /* for `status` */
void api_forget_document(struct api_printing *printing); /* answers under way keep it */
void api_warn_of_file(const struct api *api, json_t *list);

/* api_list.c */
api_method_t api_service_list;
api_method_t api_pool_list;
api_method_t api_backend_list;

/* api_change.c */
api_method_t api_config_save;
api_method_t api_config_apply;
api_method_t api_service_add;
api_method_t api_service_remove;
api_method_t api_service_set;
api_method_t api_pool_add;
api_method_t api_pool_remove;
api_method_t api_config_reload;
api_method_t api_backend_add;
api_method_t api_backend_remove;
api_method_t api_backend_set;
api_method_t api_zone_drain;
api_method_t api_zone_restore;
api_method_t api_zone_rehearse;

/* api_update.c: whether parameters of backend.set update its health, instance or share; does so. */
bool api_has_update(const struct api_params *params);
api_method_t api_backend_update;

/*
 * Also in api_update.c: whether backend.remove names a backend that is removed already and still
 * drains; ends that drain.
 */
bool api_is_going(const struct api *api, const struct api_params *params);
api_method_t api_backend_end;

/* api_pins.c */
api_method_t api_pins_list;
json_t *api_json_pins(const struct api *api); /* the part of it that is to be watched */
/* Of a pool whose table is being rebuilt, whose slots say nothing yet: null. */
json_t *api_json_unresolved(
	const struct transitions_summary *summary, const struct plan_pool *pool);
const char *api_pin_class_name(unsigned int class); /* of enum pin_class */

/* api_report.c: new references; and a report becomes events of that kind, and the last change. */
json_t *api_report_change(const struct desired_outcome *outcome);
json_t *api_report_pool(const struct plan_pool *before, const struct plan_pool *after,
	const struct impact *impact, bool dry_run);

/* Adds the report of another pool that the same update is about, and releases it. */
void api_report_merge(json_t *report, json_t *more);
#define API_PEER_SIZE 64

/* " by uid 0, pid 77", or "" for what did not come by the control socket. Returns `text`. */
const char *api_describe_peer(const struct origin *origin, char text[static API_PEER_SIZE]);

/* "backend.set by uid 0, pid 77", or "SIGHUP": the cause of its events. Returns `text`. */
const char *api_describe_cause(const struct origin *origin, char text[static EVENT_CAUSE_SIZE]);

void api_report_note(
	struct api *api, enum event_kind kind, const struct origin *origin, json_t *report);

/* Adds to a report of a change what only the node knows: rates, and a backend that stays away. */
void api_report_complete(const struct api *api, const struct desired_outcome *outcome,
	uint32_t drain_deadline_s, json_t *report);

/* When the drain of the backend that these name ends, in seconds of forwarding_now_s(); 0: none. */
uint32_t api_drain_deadline(const struct api *api, const struct live_terms *terms);

/* api_impact.c: whose connections break; of NULL the lists are empty. New references. */
json_t *api_json_services_cut(const struct impact *impact);
json_t *api_json_backends_cut(const struct impact *impact);

/* Who calls, and with which parameters in short: `object`, NULL: none. */
struct origin api_origin(
	const struct api_method *method, const json_t *object, const struct rpc_call *call);

/*
 * api_vips.c: the former VIPs; warnings of a change that makes some, in its report and as events
 * once it is made; and warnings of those that are filtered.
 */
api_method_t api_vip_release;
json_t *api_json_former_vips(const struct api *api);
void api_warn_of_removed_vips(
	const struct api *api, const struct desired_outcome *outcome, json_t *report);
void api_warn_of_former_vips(const struct api *api, json_t *warnings);

/* api_events.c */
api_method_t api_events_list;
api_method_t api_events_subscribe;

/* api_discover.c */
api_method_t api_discover;

/* api_health.c */
api_method_t api_health_list;

#define HEALTH_SENTENCE_SIZE (PROBE_SENTENCE_SIZE + 128)

/* Why a backend is as it is: by the latest result, where there is one. */
struct health_cause {
	enum probe_reason reason;
	int64_t since_ms; /* CLOCK_REALTIME; 0: not known */
	char sentence[HEALTH_SENTENCE_SIZE];
};

struct health_cause api_health_cause(const struct health_report *report);

/* health ("up", "down", "initial"), role, override, since, reason and sentence of a backend. */
void api_add_health(struct json_build *row, const struct live_backend *backend,
	const struct health_report *report);

/* New references: who serves of a pool and why; and only how many are up, down and initial. */
json_t *api_json_pool_health(const struct api *api, size_t pool);
json_t *api_json_pool_counts(const struct health_pool_report *report);

/*
 * api_problems.c: what is wrong, the most important first. `reasons` are those for which the node
 * is not ready. A new reference.
 */
json_t *api_json_problems(const struct api *api, const json_t *reasons);

/* api_explain.c */
api_method_t api_explain;

/* api_json.c: small shapes that several methods answer with. New references. */
json_t *api_json_digest(uint64_t digest); /* 16 hexadecimal digits */
/* Of a table, or of all; null while it is being rebuilt, and for no pool. */
json_t *api_json_pool_digest(const struct plan_pool *pool);
json_t *api_json_table_digest(const struct plan *plan);
json_t *api_json_address(const struct address *address);
json_t *api_json_mac(const uint8_t mac[6]);
json_t *api_json_time(int64_t seconds); /* of CLOCK_REALTIME, as 2026-01-31T12:00:00Z */
json_t *api_json_counter(const struct counter *counter); /* packets, bytes, new_flows */
json_t *api_json_pool(const struct plan_pool *pool);     /* name, slots, digest, backends, active */
json_t *api_json_tenths(double number);                  /* rounded to one decimal */
