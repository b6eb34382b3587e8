/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * external: a program is run for the backend, and its exit status is the result. Time counts from
 * when it begins, because it may have to wait for others: so not probe.c keeps it, but program.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "probes/probe_type.h"
#include "probes/program.h"

#define VARIABLES     4
#define VARIABLE_SIZE 320 /* two names of the configuration, and their own */

struct external_attempt {
	struct program *program; /* NULL: none, or no more */
	char variables[VARIABLES][VARIABLE_SIZE];
	const char *environment[VARIABLES + 1];
};

static struct external_attempt *attempt_of(struct probe *probe)
{
	return (struct external_attempt *)probe->attempt;
}

static void fill_environment(struct probe *probe)
{
	const struct probe_target *target = probe->target;
	struct external_attempt *attempt = attempt_of(probe);
	const char *name = target->name == NULL ? "" : target->name;
	const char *slash = strchrnul(name, '/');
	char address[ADDRESS_TEXT_SIZE];

	snprintf(attempt->variables[0], VARIABLE_SIZE, "SLUICE_POOL=%.*s", (int)(slash - name),
		name);
	snprintf(attempt->variables[1], VARIABLE_SIZE, "SLUICE_BACKEND=%s",
		*slash == '\0' ? slash : slash + 1);
	snprintf(attempt->variables[2], VARIABLE_SIZE, "SLUICE_ADDRESS=%s",
		address_format(&target->address, address));
	snprintf(attempt->variables[3], VARIABLE_SIZE, "SLUICE_PORT=%u", target->port);
	for (size_t i = 0; i < VARIABLES; i++)
		attempt->environment[i] = attempt->variables[i];
}

/* What has ended it, and what it has said first. */
static void finish(
	struct probe *probe, enum probe_reason reason, int code, const char *how, const char *line)
{
	probe_finish(probe, reason, code, "%s%s%s", how, line[0] == '\0' ? "" : ": ", line);
}

static void on_ended(void *context, const struct program_end *end)
{
	struct probe *probe = context;
	uint32_t timeout_ms = probe->settings->timeout_ms;
	char how[PROBE_SENTENCE_SIZE];

	attempt_of(probe)->program = NULL;
	probe->start_ns = end->begun_ns;
	switch (end->fate) {
	case PROGRAM_EXITED:
		snprintf(how, sizeof(how), "exit status %d", end->code);
		finish(probe, end->code == 0 ? PROBE_PASSED : PROBE_EXIT, end->code, how,
			end->line);
		break;
	case PROGRAM_SIGNALLED:
		snprintf(how, sizeof(how), "ended by signal %d (%s)", end->code,
			strsignal(end->code));
		finish(probe, PROBE_SIGNAL, end->code, how, end->line);
		break;
	case PROGRAM_LATE:
		snprintf(how, sizeof(how), "still running after %u ms", timeout_ms);
		finish(probe, PROBE_TIMEOUT, (int)timeout_ms, how, end->line);
		break;
	case PROGRAM_TALKATIVE:
		snprintf(how, sizeof(how), "wrote more than %d MB", PROGRAM_OUTPUT_MAX >> 20);
		finish(probe, PROBE_PROTOCOL, 0, how, end->line);
		break;
	case PROGRAM_NOT_BEGUN:
		finish(probe, PROBE_LOCAL, end->code, "this node could not probe", end->line);
		break;
	}
}

static struct programs *find_programs(struct prober *prober)
{
	if (prober->programs == NULL)
		prober->programs = programs_create(prober->base);
	return prober->programs;
}

static void start(struct probe *probe)
{
	const struct config_health *settings = probe->settings;
	struct external_attempt *attempt = attempt_of(probe);
	struct programs *programs = find_programs(probe->prober);
	const struct program_order order = {
		.arguments = settings->command,
		.count = settings->command_count,
		.environment = attempt->environment,
		.user = settings->user,
		.timeout_ms = settings->timeout_ms,
	};

	event_del(&probe->timer);
	fill_environment(probe);
	if (programs != NULL)
		attempt->program = program_start(programs, &order, on_ended, probe);
	if (attempt->program == NULL)
		probe_finish_errno(probe, "program", ENOMEM);
}

static void stop(struct probe *probe)
{
	struct external_attempt *attempt = attempt_of(probe);

	if (attempt->program != NULL)
		program_cancel(attempt->program);
}

const struct probe_type probe_type_external = {
	.attempt_size = sizeof(struct external_attempt),
	.more_descriptors = 1, /* a pipe, and one for the process */
	.start = start,
	.stop = stop,
};
