/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Order of parameters: what the change is about, its new values, how to apply it. Commands of
 * sluicectl show them in the same order.
 */
#include "api/api_methods.h"

#include <netinet/in.h>
#include <string.h>

#include "api/api_internal.h"
#include "api/api_kinds.h"
#include "common/events.h"
#include "config/config_keys.h"

#define AT(field)   .offset = offsetof(struct api_params, field)
#define FLAG(field) .kind = &json_kind_flag, AT(field)
#define INTEGER(field) \
	.kind = &json_kind_integer, AT(field), .width = sizeof(((struct api_params *)0)->field)
#define RANGE(from, to) .least = (from), .most = (to)
#define REQUIRED        .presence = JSON_KEY_REQUIRED
#define END                  \
	{                    \
		.name = NULL \
	}

/* What a change is about. */
#define NAME(sentence)                                                            \
	{                                                                         \
		"name", &api_kind_text, REQUIRED, AT(name), .summary = (sentence) \
	}
#define POOL                                                                               \
	{                                                                                  \
		"pool", &api_kind_text, REQUIRED, AT(pool), .summary = "Name of the pool." \
	}

/* New values: keys of the configuration, as config_keys.c describes them. */
#define KEY_OF(table, key)                                                               \
	{                                                                                \
		(key), .kind = &api_kind_key, AT(value), .keys = (config_##table##_keys) \
	}
#define WHOLE(table, sentence)                                                                  \
	{                                                                                       \
#table, &api_kind_object, REQUIRED, AT(value), .keys = (config_##table##_keys), \
							       .summary = (sentence)            \
	}

/* How to apply it. */
#define NOW                                                                                \
	{                                                                                  \
		"now", FLAG(terms.now),                                                    \
			.summary = "Do not drain what is removed: its flows move at once." \
	}
#define DEADLINE                                                                              \
	{                                                                                     \
		"deadline_s", INTEGER(terms.deadline_s), RANGE(1, 604800),                    \
			.what = "seconds", .unit = "s",                                       \
			.summary = "How long a drain lasts; the default is that of the pool." \
	}
#define FORCE                                                                                    \
	{                                                                                        \
		"force", FLAG(terms.force),                                                      \
			.summary =                                                               \
				"Make the change even if the rules of the pool refuse it, if a " \
				"service that had packets loses what it claims, or if no "       \
				"backend of a service is left that takes new flows."             \
	}
#define VOLATILE                                                                           \
	{                                                                                  \
		"volatile", FLAG(volatile_only),                                           \
			.summary = "Do not write the configuration file. The next change " \
				   "without this writes everything."                       \
	}
#define OVERWRITE                                                                      \
	{                                                                              \
		"overwrite", FLAG(overwrite),                                          \
			.summary = "Write the file even if it was changed or removed " \
				   "meanwhile."                                        \
	}
#define IF_REVISION                                                                          \
	{                                                                                    \
		"if_revision", &api_kind_revision, AT(if_revision),                          \
			.summary = "Refuse unless this revision of the configuration is in " \
				   "use. status and every answer to a change show it."       \
	}
#define DRY_RUN                                                                           \
	{                                                                                 \
		"dry_run", FLAG(dry_run),                                                 \
			.summary = "Only check the change and report what it would move." \
	}
#define HOW FORCE, VOLATILE, IF_REVISION, DRY_RUN, END

static const struct json_key no_params[] = { END };

static const struct json_key config_get_params[] = {
	{ "revision", FLAG(with_revision),
		.summary = "Answer with an object that holds the revision and the configuration." },
	END,
};

static const struct json_key config_save_params[] = { OVERWRITE, IF_REVISION, DRY_RUN, END };

static const struct json_key config_apply_params[] = {
	{ "config", &api_kind_document, REQUIRED, AT(value), .keys = config_keys,
		.summary = "The whole configuration. Without a hash key, the one in use stays." },
	NOW,
	DEADLINE,
	FORCE,
	VOLATILE,
	OVERWRITE,
	IF_REVISION,
	DRY_RUN,
	END,
};

static const struct json_key config_reload_params[] = { FORCE, DRY_RUN, END };

static const struct json_key service_add_params[] = { WHOLE(service, "The service."), HOW };

#define SERVICE_NAME NAME("Name of the service.")

static const struct json_key service_set_params[] = {
	SERVICE_NAME,
	KEY_OF(service, "vip"),
	KEY_OF(service, "protocol"),
	KEY_OF(service, "port"),
	KEY_OF(service, "pool"),
	KEY_OF(service, "pools"),
	KEY_OF(service, "split"),
	KEY_OF(service, "forward"),
	KEY_OF(service, "udp"),
	HOW,
};

static const struct json_key service_remove_params[] = { SERVICE_NAME, HOW };

static const struct json_key vip_release_params[] = {
	{ "vip", &api_kind_address, REQUIRED, AT(vip),
		.summary = "The former VIP, whose route is withdrawn." },
	END,
};

static const struct json_key pool_add_params[] = {
	{ "pool", &api_kind_pool, REQUIRED, AT(value), .keys = config_pool_keys,
		.summary = "The pool; it may have no backends yet." },
	HOW,
};

static const struct json_key pool_remove_params[] = { NAME("Name of the pool."), HOW };

static const struct json_key backend_list_params[] = {
	{ "pool", &api_kind_text, AT(pool), .summary = "Only those of this pool." },
	END,
};

static const struct json_key backend_add_params[] = { POOL, WHOLE(backend, "The backend."), HOW };

static const struct json_key health_list_params[] = {
	{ "pool", &api_kind_text, AT(pool), .summary = "Only those of this pool." },
	{ "problems", FLAG(problems),
		.summary = "Only those that are not up, have an override, or ask for no new flows "
			   "or for what makes no sense." },
	END,
};

#define BACKEND_NAME NAME("Name of the backend.")

static const struct json_choice healths[] = {
	{ "up", API_HEALTH_UP },
	{ "down", API_HEALTH_DOWN },
	{ "auto", API_HEALTH_AUTO },
	{ NULL, 0 },
};

static const struct json_key backend_set_params[] = {
	POOL,
	BACKEND_NAME,
	KEY_OF(backend, "weight"),
	{ "weight_percent", INTEGER(weight_percent), RANGE(1, 100), .what = "a share of the weight",
		.unit = "percent",
		.summary = "The part of its weight that it gets until the next update." },
	KEY_OF(backend, "state"),
	{ "health", &json_kind_word, AT(health), .words = healths,
		.what = "\"up\", \"down\" or \"auto\"",
		.summary = "Whether it is healthy, whatever its check says. auto: as its check "
			   "says." },
	{ "instance", &api_kind_instance, AT(instance),
		.summary = "Names the process that answers. A new name means that the flows of the "
			   "previous process are gone." },
	DEADLINE,
	HOW,
};

static const struct json_key backend_remove_params[] = { POOL, BACKEND_NAME, NOW, DEADLINE, HOW };

#define ZONE_NAME NAME("Name of the zone.")

static const struct json_key zone_params[] = { ZONE_NAME, HOW };
static const struct json_key zone_rehearse_params[] = { ZONE_NAME, END };

static const struct json_choice protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ NULL, 0 },
};

static const struct json_key explain_params[] = {
	{ "source", &api_kind_address, REQUIRED, AT(question.source), .summary = "The client." },
	{ "source_port", INTEGER(question.source_port), REQUIRED, RANGE(0, 65535), .what = "a port",
		.summary = "Its port." },
	{ "destination", &api_kind_address, REQUIRED, AT(question.destination),
		.summary = "The VIP." },
	{ "destination_port", INTEGER(question.destination_port), REQUIRED, RANGE(0, 65535),
		.what = "a port", .summary = "The port of the service." },
	{ "protocol", &json_kind_word, AT(question.protocol), .words = protocols,
		.what = "\"tcp\" or \"udp\"", .text = "tcp", .summary = "Protocol of the packet." },
	{ "length", INTEGER(question.length), RANGE(1, PROBE_LENGTH_MAX),
		.what = "a length of an IP packet", .unit = "bytes",
		.summary = "Length of the IP packet; by default the shortest possible." },
	{ "icmp_error", FLAG(question.icmp_error),
		.summary = "Ask about an ICMP error that quotes a packet from the VIP to the "
			   "client." },
	END,
};

static const struct json_choice event_kinds[] = {
#define KIND_CHOICE(upper, json) { #json, EVENT_KIND_##upper },
	EVENT_KIND_TABLE(KIND_CHOICE)
#undef KIND_CHOICE
		{ NULL, 0 },
};

static const struct json_choice event_levels[] = {
	{ "info", EVENT_LEVEL_INFO },
	{ "warning", EVENT_LEVEL_WARNING },
	{ "error", EVENT_LEVEL_ERROR },
	{ NULL, 0 },
};

#define NUMBER_MAX INT64_C(9007199254740991) /* all integers that JSON is sure to carry */

#define SINCE(sentence)                                                                        \
	{                                                                                      \
		"since", INTEGER(since), RANGE(1, NUMBER_MAX), .what = "a number of an event", \
							       .summary = (sentence)           \
	}
#define SELECTION                                                                                 \
	{ "kinds", &api_kind_words, AT(kinds), .words = event_kinds, .what = "a kind of event",   \
		.summary = "Only events of these kinds." },                                       \
		{ "level", &json_kind_word, AT(level), .words = event_levels,                     \
			.what = "\"info\", \"warning\" or \"error\"", .text = "info",             \
			.summary = "Only events of this level, or of a more serious one." },      \
	{                                                                                         \
		"name", &api_kind_text, AT(name),                                                 \
			.summary = "Only events about the object of this name. Those of a pool "  \
				   "include its backends'; a backend is POOL/BACKEND or, in any " \
				   "pool, its own name."                                          \
	}

static const struct json_key events_list_params[] = {
	SINCE("Begin with the event of this number; by default with the last ones."),
	{ "limit", INTEGER(limit), RANGE(1, EVENTS_KEPT), .has_default = true, .number = 100,
		.what = "a number of events", .summary = "At most so many." },
	SELECTION,
	END,
};

static const struct json_key events_subscribe_params[] = {
	SINCE("Begin with the event of this number; by default with the next one."),
	{ "epoch", &api_kind_revision, AT(epoch),
		.summary = "Whose number that is, as an earlier answer had it. Of another process "
			   "all events are sent." },
	{ "last", INTEGER(last), RANGE(0, EVENTS_KEPT), .has_default = true, .number = 0,
		.what = "a number of events",
		.summary = "Without a number, begin with so many that have been already." },
	SELECTION,
	END,
};

const struct api_method api_methods[] = {
	{ "status", .handle = api_status, .params = no_params,
		.summary = "Whether the node is ready, and what is wrong; its workers, ports and "
			   "pools; the last change." },
	{ "config.get", .handle = api_config_get, .params = config_get_params,
		.summary = "The configuration in use, in canonical form, without its secret." },
	{ "config.save", true, .handle = api_config_save, .params = config_save_params,
		.summary = "Write the configuration in use, its secret included, to its "
			   "file." },
	{ "config.apply", true, .handle = api_config_apply, .params = config_apply_params,
		.summary =
			"Replace the configuration, all or nothing. Backends that are not in the "
			"new one drain first." },
	{ "config.reload", true, .handle = api_config_reload, .params = config_reload_params,
		.summary = "Replace the configuration with that of the file, as SIGHUP does." },
	{ "service.list", false, true, .handle = api_service_list, .params = no_params,
		.summary = "The services with their counters." },
	{ "service.add", true, .handle = api_service_add, .params = service_add_params,
		.summary = "Add a service." },
	{ "service.set", true, .handle = api_service_set, .params = service_set_params,
		.summary = "Change the addresses and ports that a service claims, or its pool." },
	{ "service.remove", true, .handle = api_service_remove, .params = service_remove_params,
		.summary = "Remove a service." },
	{ "vip.release", true, .handle = api_vip_release, .params = vip_release_params,
		.summary = "Stop filtering a former VIP, once its route is withdrawn." },
	{ "pool.list", false, true, .handle = api_pool_list, .params = no_params,
		.summary = "The pools with the digests of their tables." },
	{ "pool.add", true, .handle = api_pool_add, .params = pool_add_params,
		.summary = "Add a pool." },
	{ "pool.remove", true, .handle = api_pool_remove, .params = pool_remove_params,
		.summary = "Remove a pool that no service uses." },
	{ "backend.list", false, true, .handle = api_backend_list, .params = backend_list_params,
		.summary = "The backends with their shares, rates and counters." },
	{ "backend.add", true, .handle = api_backend_add, .params = backend_add_params,
		.summary = "Add a backend to a pool." },
	{ "backend.set", true, .handle = api_backend_set, .params = backend_set_params,
		.summary = "Change the weight or the state of a backend; or update its health, "
			   "instance or weight_percent." },
	{ "backend.remove", true, .handle = api_backend_remove, .params = backend_remove_params,
		.summary = "Remove a backend from a pool. It drains first." },
	{ "health.list", false, true, .handle = api_health_list, .params = health_list_params,
		.summary = "What the checks of backends have found, and since when." },
	{ "zone.drain", true, .handle = api_zone_drain, .params = zone_params,
		.summary = "Give the backends of a zone no new flows as long as others can take "
			   "them. Their existing flows stay." },
	{ "zone.restore", true, .handle = api_zone_restore, .params = zone_params,
		.summary = "Give the backends of a drained zone new flows again." },
	{ "zone.rehearse", .handle = api_zone_rehearse, .params = zone_rehearse_params,
		.summary = "What a drain of the zone would move, and how much the other backends "
			   "would have to bear." },
	{ "pins.list", .handle = api_pins_list, .params = no_params,
		.summary = "The flows that are remembered while slots move." },
	{ "explain", .handle = api_explain, .params = explain_params,
		.summary = "What would happen to a packet, and why." },
	{ "stats.get", .handle = api_stats_get, .params = no_params, .summary = "All counters." },
	{ "events.list", .handle = api_events_list, .params = events_list_params,
		.summary = "What has happened: the last events, or those from a number on." },
	{ "events.subscribe", .handle = api_events_subscribe, .params = events_subscribe_params,
		.summary =
			"Send events as they happen. The answer is followed by notifications until "
			"the client ends the connection, which serves no other call any more." },
	{ "rpc.discover", .handle = api_discover, .params = no_params,
		.summary = "These methods with their parameters, as OpenRPC." },
};

const size_t api_method_count = sizeof(api_methods) / sizeof(api_methods[0]);

const struct api_method *api_method_find(const char *name)
{
	for (size_t i = 0; i < api_method_count; i++)
		if (strcmp(api_methods[i].name, name) == 0)
			return &api_methods[i];
	return NULL;
}

const struct json_key *api_method_row(const struct json_key *param)
{
	return param->kind == &api_kind_key ? json_key_find(param->keys, param->name) : param;
}
