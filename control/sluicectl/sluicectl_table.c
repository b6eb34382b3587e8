/* SPDX-License-Identifier: BSD-3-Clause */
/* What an argument is called, where its value goes, and which of them each command takes. */
#include "sluicectl/sluicectl_table.h"

#include "sluicectl/sluicectl_backends.h"
#include "sluicectl/sluicectl_change.h"
#include "sluicectl/sluicectl_pins.h"
#include "sluicectl/sluicectl_report.h"

#define DRY_RUN                                                                  \
	{                                                                        \
		"--dry-run", NULL, ARGUMENT_FLAG, "dry_run", false, NULL, { 0 }, \
			"only say what would move"                               \
	}
#define FORCE                                                                \
	{                                                                    \
		"--force", NULL, ARGUMENT_MARK, "force", false, NULL, { 0 }, \
			"also where the rules of the pool would refuse it"   \
	}
#define VOLATILE                                                                   \
	{                                                                          \
		"--volatile", NULL, ARGUMENT_MARK, "volatile", false, NULL, { 0 }, \
			"leave the configuration file as it is"                    \
	}
#define OVERWRITE                                                                    \
	{                                                                            \
		"--overwrite", NULL, ARGUMENT_MARK, "overwrite", false, NULL, { 0 }, \
			"whatever the configuration file holds now"                  \
	}
#define IF_REVISION                                                                            \
	{                                                                                      \
		"--if-revision", "REVISION", ARGUMENT_TEXT, "if_revision", false, NULL, { 0 }, \
			"only where that is in force: see sluicectl status"                    \
	}
#define NOW                                                                \
	{                                                                  \
		"--now", NULL, ARGUMENT_MARK, "now", false, NULL, { 0 },   \
			"do not let what goes drain first: its flows move" \
	}
#define DEADLINE                                                                               \
	{                                                                                      \
		"--deadline", "DURATION", ARGUMENT_DURATION, "deadline_s", false, NULL, { 0 }, \
			"how long a drain lasts, as 90s, 10m, 2h or 1d"                        \
	}
#define STATE(where)                                                             \
	{                                                                        \
		"--state", "STATE", ARGUMENT_CHOICE, where, false, NULL,         \
			{ "active", "drain", "disabled" }, "which flows it gets" \
	}
#define NAME                                                                                  \
	{                                                                                     \
		"NAME", NULL, ARGUMENT_TEXT, "name", true, NULL, { 0 }, "name of the backend" \
	}
#define POOL                                                                               \
	{                                                                                  \
		"POOL", NULL, ARGUMENT_TEXT, "pool", true, NULL, { 0 }, "name of the pool" \
	}
#define ALL(what)                                                              \
	{                                                                      \
		"--all", NULL, ARGUMENT_SWITCH, NULL, false, NULL, { 0 }, what \
	}
#define EVERY_BACKEND ALL("show every backend of a pool that changes")
#define END       \
	{         \
		0 \
	}

static const struct argument no_arguments[] = { END };

static const struct argument apply_arguments[] = {
	{ "FILE", NULL, ARGUMENT_DOCUMENT, "config", true, NULL, { 0 },
		"the whole configuration; - reads standard input" },
	NOW,
	DEADLINE,
	FORCE,
	VOLATILE,
	OVERWRITE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument reload_arguments[] = {
	FORCE,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument save_arguments[] = { OVERWRITE, IF_REVISION, DRY_RUN, END };

static const struct argument service_add_arguments[] = {
	{ "NAME", NULL, ARGUMENT_TEXT, "service.name", true, NULL, { 0 }, "name of the service" },
	{ "--vip", "ADDRESS", ARGUMENT_TEXT, "service.vip", true, NULL, { 0 },
		"the address that clients use" },
	{ "--protocol", "PROTOCOL", ARGUMENT_CHOICE, "service.protocol", true, NULL,
		{ "tcp", "udp" }, "transport protocol" },
	{ "--port", "N|any", ARGUMENT_PORT, "service.port", true, NULL, { 0 },
		"the port that clients use" },
	{ "--pool", "POOL", ARGUMENT_TEXT, "service.pool", true, NULL, { 0 },
		"the pool that serves it" },
	{ "--forward", "MODE", ARGUMENT_CHOICE, "service.forward", true, NULL, { "ipip", "l2dsr" },
		"how packets reach a backend" },
	{ "--udp", "WAY", ARGUMENT_CHOICE, "service.udp", false, NULL, { "pin", "hash", "quic" },
		"how packets of udp find their flow" },
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument service_set_arguments[] = {
	{ "NAME", NULL, ARGUMENT_TEXT, "name", true, NULL, { 0 }, "name of the service" },
	{ "--vip", "ADDRESS", ARGUMENT_TEXT, "vip", false, NULL, { 0 },
		"the address that clients use" },
	{ "--protocol", "PROTOCOL", ARGUMENT_CHOICE, "protocol", false, NULL, { "tcp", "udp" },
		"transport protocol" },
	{ "--port", "N|any", ARGUMENT_PORT, "port", false, NULL, { 0 },
		"the port that clients use" },
	{ "--pool", "POOL", ARGUMENT_TEXT, "pool", false, NULL, { 0 }, "the pool that serves it" },
	{ "--forward", "MODE", ARGUMENT_CHOICE, "forward", false, NULL, { "ipip", "l2dsr" },
		"how packets reach a backend" },
	{ "--udp", "WAY", ARGUMENT_CHOICE, "udp", false, NULL, { "pin", "hash", "quic" },
		"how packets of udp find their flow" },
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument pool_add_arguments[] = {
	{ "NAME", NULL, ARGUMENT_TEXT, "pool.name", true, NULL, { 0 }, "name of the pool" },
	{ "--slots", "N", ARGUMENT_NUMBER, "pool.slots", false, NULL, { 0 },
		"size of its table, a prime" },
	{ "--builder", "BUILDER", ARGUMENT_CHOICE, "pool.builder", false, NULL,
		{ "maglev", "rendezvous" }, "how the table is made" },
	{ "--drain-deadline", "DURATION", ARGUMENT_DURATION, "pool.drain_deadline_s", false, NULL,
		{ 0 }, "how long drains last that do not say otherwise" },
	{ "--max-disruption", "N", ARGUMENT_NUMBER, "pool.max_disruption_percent", false, NULL,
		{ 0 }, "the most of its slots that one change may move, in %" },
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument pool_remove_arguments[] = {
	{ "NAME", NULL, ARGUMENT_TEXT, "name", true, NULL, { 0 }, "name of the pool" },
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument status_arguments[] = {
	{ "--quiet", NULL, ARGUMENT_SWITCH, NULL, false, NULL, { 0 },
		"print nothing: the exit status is 0 where the node is ready, else 4" },
	END,
};

static const struct argument service_remove_arguments[] = {
	{ "NAME", NULL, ARGUMENT_TEXT, "name", true, NULL, { 0 }, "name of the service" },
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument vip_release_arguments[] = {
	{ "ADDRESS", NULL, ARGUMENT_TEXT, "vip", true, NULL, { 0 },
		"the former VIP, whose route is withdrawn" },
	END,
};

static const struct argument backends_arguments[] = {
	{ "POOL", NULL, ARGUMENT_TEXT, "pool", false, NULL, { 0 }, "only those of this pool" },
	ALL("show every column"),
	END,
};

static const struct argument backend_add_arguments[] = {
	POOL,
	{ "NAME", NULL, ARGUMENT_TEXT, "backend.name", true, NULL, { 0 }, "name of the backend" },
	{ "--address", "ADDRESS", ARGUMENT_TEXT, "backend.address", true, NULL, { 0 },
		"its own address" },
	{ "--key", "KEY", ARGUMENT_TEXT, "backend.key", false, NULL, { 0 },
		"its seat in the table; its address unless given" },
	{ "--weight", "N", ARGUMENT_NUMBER, "backend.weight", false, NULL, { 0 },
		"its share, beside the weights of the others" },
	STATE("backend.state"),
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument backend_remove_arguments[] = {
	POOL,
	NAME,
	NOW,
	DEADLINE,
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument backend_drain_arguments[] = {
	POOL,
	NAME,
	DEADLINE,
	{ "--wait", NULL, ARGUMENT_SWITCH, NULL, false, NULL, { 0 },
		"wait until no flows are left, or until the deadline" },
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument backend_activate_arguments[] = {
	POOL,
	NAME,
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument backend_set_arguments[] = {
	POOL,
	NAME,
	{ "--weight", "N|N%", ARGUMENT_WEIGHT, "weight", false, NULL, { 0 },
		"its share, beside the weights of the others; in % of it, for the time being" },
	STATE("state"),
	{ "--health", "HEALTH", ARGUMENT_CHOICE, "health", false, NULL, { "up", "down" },
		"what a check of yours has found" },
	{ "--instance", "ID", ARGUMENT_TEXT, "instance", false, NULL, { 0 },
		"another than before says that its process, and its flows, are new" },
	DEADLINE,
	FORCE,
	VOLATILE,
	IF_REVISION,
	DRY_RUN,
	EVERY_BACKEND,
	END,
};

static const struct argument explain_arguments[] = {
	{ "--from", "ADDRESS:PORT", ARGUMENT_ENDPOINT, "source", true, NULL, { 0 },
		"the client; IPv6 as [ADDRESS]:PORT" },
	{ "--to", "ADDRESS:PORT", ARGUMENT_ENDPOINT, "destination", true, NULL, { 0 },
		"the VIP; IPv6 as [ADDRESS]:PORT" },
	{ "--protocol", "PROTOCOL", ARGUMENT_CHOICE, "protocol", false, "tcp", { "tcp", "udp" },
		"transport protocol; tcp unless given" },
	{ "--length", "N", ARGUMENT_NUMBER, "length", false, NULL, { 0 },
		"bytes of the IP packet; as short as can be unless given" },
	{ "--icmp-error", NULL, ARGUMENT_MARK, "icmp_error", false, NULL, { 0 },
		"an ICMP error about a packet that the client got from the VIP" },
	END,
};

const struct command command_table[] = {
	{ "status", "status", "how the node is", status_arguments, false, NULL, report_status,
		NULL },
	{ "config", "config.get", "the configuration in use, without its secret", no_arguments,
		false, NULL, report_document, NULL },
	{ "config save", "config.save", "write the configuration in use to its file",
		save_arguments, false, NULL, change_report, change_report_all },
	{ "apply", "config.apply", "replace the configuration, all or nothing", apply_arguments,
		false, NULL, change_report, change_report_all },
	{ "reload", "config.reload", "replace the configuration by the file, as SIGHUP does",
		reload_arguments, false, NULL, change_report, change_report_all },
	{ "services", "service.list", "the services and their counters", no_arguments, false, NULL,
		report_services, NULL },
	{ "service add", "service.add", "add a service", service_add_arguments, false, NULL,
		change_report, change_report_all },
	{ "service remove", "service.remove", "remove a service", service_remove_arguments, false,
		NULL, change_report, change_report_all },
	{ "vip release", "vip.release", "guard a former VIP no longer", vip_release_arguments,
		false, NULL, report_released, NULL },
	{ "service set", "service.set", "change what a service claims, or who serves it",
		service_set_arguments, true, NULL, change_report, change_report_all },
	{ "pools", "pool.list", "the pools and their tables", no_arguments, false, NULL,
		report_pools, NULL },
	{ "pool add", "pool.add", "add a pool, without backends", pool_add_arguments, false, NULL,
		change_report, change_report_all },
	{ "pool remove", "pool.remove", "remove a pool that no service uses", pool_remove_arguments,
		false, NULL, change_report, change_report_all },
	{ "backends", "backend.list", "the backends, their shares and counters", backends_arguments,
		false, NULL, backends_report, backends_report_all },
	{ "backend add", "backend.add", "add a backend to a pool", backend_add_arguments, false,
		NULL, change_report, change_report_all },
	{ "backend remove", "backend.remove", "remove a backend from a pool",
		backend_remove_arguments, false, NULL, change_report, change_report_all },
	{ "backend drain", "backend.set",
		"give a backend no new flows, and let it end those it has", backend_drain_arguments,
		false, "drain", change_report, change_report_all },
	{ "backend activate", "backend.set", "give a backend new flows again",
		backend_activate_arguments, false, "active", change_report, change_report_all },
	{ "backend set", "backend.set", "change the weight, state or health of a backend",
		backend_set_arguments, true, NULL, change_report, change_report_all },
	{ "explain", "explain", "what would happen to a packet, and why", explain_arguments, false,
		NULL, report_explanation, NULL },
	{ "pins", "pins.list", "the flows that are remembered while slots move", no_arguments,
		false, NULL, pins_report, NULL },
	{ "stats", "stats.get", "all counters", no_arguments, false, NULL, report_statistics,
		NULL },
};

const size_t command_table_size = sizeof(command_table) / sizeof(command_table[0]);
