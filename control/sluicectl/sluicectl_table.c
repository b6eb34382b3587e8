/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which command calls which method, and the arguments that differ from what sluicectl_arguments.c
 * derives from the method's parameters.
 */
#include "sluicectl/sluicectl_table.h"

#include "sluicectl/sluicectl_backends.h"
#include "sluicectl/sluicectl_change.h"
#include "sluicectl/sluicectl_events.h"
#include "sluicectl/sluicectl_health.h"
#include "sluicectl/sluicectl_pins.h"
#include "sluicectl/sluicectl_report.h"

#define SWITCH(option, what)                                                 \
	{                                                                    \
		.name = (option), .kind = ARGUMENT_SWITCH, .summary = (what) \
	}
#define EVERY_BACKEND SWITCH("--all", "show every backend of a pool that changes")
#define END                  \
	{                    \
		.name = NULL \
	}
#define CHANGE .own = change_arguments, .report = change_report, .report_all = change_report_all

static const struct argument no_arguments[] = { END };

static const struct argument change_arguments[] = { EVERY_BACKEND, END };

static const struct argument apply_arguments[] = {
	{ "FILE", NULL, ARGUMENT_DOCUMENT, "config",
		.summary = "the whole configuration; - reads standard input" },
	EVERY_BACKEND,
	END,
};

static const struct argument status_arguments[] = {
	SWITCH("--quiet", "print nothing: the exit status is 0 if the node is ready, else 4"),
	END,
};

static const struct argument backends_arguments[] = { SWITCH("--all", "show every column"), END };

static const struct argument health_arguments[] = {
	SWITCH("--all", "show the last changes of each backend, too"),
	END,
};

static const struct argument drain_arguments[] = {
	SWITCH("--wait", "wait until no flows are left, or until the deadline"),
	EVERY_BACKEND,
	END,
};

static const struct argument backend_set_arguments[] = {
	{ "--weight", "N|N%", ARGUMENT_WEIGHT, "weight",
		.summary = "its weight; N% is a part of that weight until the next update" },
	EVERY_BACKEND,
	END,
};

#define POOLS(parameter)                                                                          \
	{                                                                                         \
		"--pools", "POOL=N,POOL=N,POOL:N", ARGUMENT_SHARES, (parameter),                  \
			.summary =                                                                \
				"instead of one pool: several with their weights; POOL:N is the " \
				"N-th backup"                                                     \
	}

static const struct argument service_add_arguments[] = {
	POOLS("service.pools"),
	EVERY_BACKEND,
	END,
};

static const struct argument service_set_arguments[] = { POOLS("pools"), EVERY_BACKEND, END };

static const struct argument explain_arguments[] = {
	{ "--from", "ADDRESS:PORT", ARGUMENT_ENDPOINT, "source",
		.summary = "the client; IPv6 as [ADDRESS]:PORT" },
	{ "--to", "ADDRESS:PORT", ARGUMENT_ENDPOINT, "destination",
		.summary = "the VIP; IPv6 as [ADDRESS]:PORT" },
	END,
};

static const struct argument events_arguments[] = {
	{ "--kind", "KIND[,KIND...]", ARGUMENT_WORDS, "kinds",
		.summary = "only events of these kinds" },
	SWITCH("--follow", "print events as they happen, until it is interrupted"),
	END,
};

const struct command command_table[] = {
	{ "status", "status", .own = status_arguments, .report = report_status,
		.summary = "show the state of the node" },
	{ "config", "config.get", .own = no_arguments, .report = report_document },
	{ "config save", "config.save", CHANGE },
	{ "apply", "config.apply", "config", .own = apply_arguments, .report = change_report,
		.report_all = change_report_all },
	{ "reload", "config.reload", CHANGE },
	{ "services", "service.list", .own = no_arguments, .report = report_services },
	{ "service add", "service.add", "service.name", .own = service_add_arguments,
		.report = change_report, .report_all = change_report_all },
	{ "service set", "service.set", "name", .needs_option = true, .own = service_set_arguments,
		.report = change_report, .report_all = change_report_all },
	{ "service remove", "service.remove", "name", CHANGE },
	{ "vip release", "vip.release", "vip", .own = no_arguments, .report = report_released },
	{ "pools", "pool.list", .own = no_arguments, .report = report_pools },
	{ "pool add", "pool.add", "pool.name", CHANGE, .summary = "add a pool, without backends" },
	{ "pool remove", "pool.remove", "name", CHANGE },
	{ "backends", "backend.list", "pool", .own = backends_arguments, .report = backends_report,
		.report_all = backends_report_all },
	{ "backend add", "backend.add", "pool backend.name", CHANGE },
	{ "backend remove", "backend.remove", "pool name", CHANGE },
	{ "backend drain", "backend.set", "pool name",
		.without = "weight weight_percent state health instance", .state = "drain",
		.own = drain_arguments, .report = change_report, .report_all = change_report_all,
		.summary = "give a backend no new flows; its existing flows go on" },
	{ "backend activate", "backend.set", "pool name",
		.without = "weight weight_percent state health instance deadline_s",
		.state = "active", CHANGE, .summary = "give a backend new flows again" },
	{ "backend set", "backend.set", "pool name", .without = "weight_percent",
		.needs_option = true, .own = backend_set_arguments, .report = change_report,
		.report_all = change_report_all,
		.summary = "change the weight, state or health of a backend" },
	{ "health", "health.list", "pool", .own = health_arguments, .report = health_report,
		.report_all = health_report_all },
	{ "zone drain", "zone.drain", "name", CHANGE },
	{ "zone restore", "zone.restore", "name", CHANGE },
	{ "zone rehearse", "zone.rehearse", "name", CHANGE },
	{ "explain", "explain", .without = "source_port destination_port", .own = explain_arguments,
		.report = report_explanation },
	{ "pins", "pins.list", .own = no_arguments, .report = pins_report },
	{ "events", "events.list", .own = events_arguments, .report = events_report,
		.summary = "show what has happened, and what happens" },
	{ "stats", "stats.get", .own = no_arguments, .report = report_statistics },
};

const size_t command_table_size = COMMAND_COUNT;
_Static_assert(
	sizeof(command_table) / sizeof(command_table[0]) == COMMAND_COUNT, "all are counted");
