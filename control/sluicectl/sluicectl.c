/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl: a command line for the control socket. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sluicectl/sluicectl_events.h"
#include "sluicectl/sluicectl_invocation.h"
#include "sluicectl/sluicectl_link.h"
#include "sluicectl/sluicectl_report.h"
#include "sluicectl/sluicectl_wait.h"
#include "sluicectl/table.h"
#include "version.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_REFUSED = 1, /* or not reached: nothing was changed */
	EXIT_USAGE = 2,
	EXIT_UNKNOWN = 3, /* a change was asked for, and whether it was made did not get through */
	EXIT_NOT_READY = 4, /* status */
	/* how a drain ended that was waited for */
	EXIT_CUT_OFF = 5,   /* at its deadline, with flows left */
	EXIT_WITHDRAWN = 6, /* by somebody who wants the backend back */
	EXIT_GONE = 7,      /* the backend failed, was disabled or removed */
	EXIT_UNCOUNTED = 8, /* at its deadline, and how many flows were left is not known */
};

static bool as_json; /* also errors: a program reads them */

/* One line on stderr: a sentence, or `{"error": {"message": SENTENCE, "status": N}}`. */
static int complain_with(struct error *error, int status)
{
	json_t *object;

	if (!as_json) {
		fprintf(stderr, "sluicectl: %s\n", table_text_clean(error->message));
		return status;
	}
	object = json_pack("{s:{s:s, s:i}}", "error", "message", error->message, "status", status);
	json_dumpf(object, stderr, JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(object);
	return status;
}

static int complain(struct error *error)
{
	return complain_with(error, EXIT_REFUSED);
}

/* All that is wrong with a document, a line each; in JSON, `errors` beside the first one. */
static int complain_of_all(struct error *error, const json_t *data)
{
	const json_t *errors = json_object_get(data, "errors");
	size_t index;
	json_t *sentence, *object;

	if (json_array_size(errors) == 0)
		return complain(error);
	if (as_json) {
		object = json_pack("{s:{s:s, s:i, s:O, s:O?}}", "error", "message", error->message,
			"status", EXIT_REFUSED, "errors", errors, "complete",
			json_object_get(data, "complete"));
		json_dumpf(object, stderr, JSON_COMPACT);
		fputc('\n', stderr);
		json_decref(object);
		return EXIT_REFUSED;
	}
	json_array_foreach (errors, index, sentence) {
		error_set(error, -EPERM, "%s",
			json_is_string(sentence) ? json_string_value(sentence) : "");
		complain(error);
	}
	if (json_is_false(json_object_get(data, "complete"))) {
		error_set(error, -EPERM, "there may be more, which shows when these are mended");
		complain(error);
	}
	return EXIT_REFUSED;
}

static int complain_about_usage(const struct command *command, struct error *error)
{
	complain_with(error, EXIT_USAGE);
	if (as_json)
		return EXIT_USAGE;
	command_print_usage(command, stderr);
	fprintf(stderr, "sluicectl%s%s --help tells more\n", command != NULL ? " " : "",
		command != NULL ? command->name : "");
	return EXIT_USAGE;
}

/* An answer that did not reach its reader (a full disk, a closed pipe) is no success. */
static int finish_output(void)
{
	struct error error;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_OK;
	error_set(&error, -EIO, "writing the answer: %m");
	return complain(&error);
}

static void print_report(const struct invocation *invocation, const json_t *result)
{
	const struct command *command = invocation->command;

	if (invocation->quiet)
		return;
	if (invocation->json)
		report_document(result, stdout);
	else if (invocation->all && command->report_all != NULL)
		command->report_all(result, stdout);
	else
		command->report(result, stdout);
}

/* What an answer that was printed comes to. */
static int status_of_result(const struct invocation *invocation, const json_t *result)
{
	if (json_is_string(json_object_get(result, "needs_force")))
		return EXIT_REFUSED; /* a dry run of what would be */
	if (strcmp(invocation->command->method, "status") == 0 &&
		!json_is_true(json_object_get(result, "ready")))
		return EXIT_NOT_READY;
	return EXIT_OK;
}

static int print_result(const struct invocation *invocation, const json_t *result)
{
	struct error error = { "the change was made" };
	int status;

	print_report(invocation, result);
	status = finish_output();
	if (status == EXIT_OK)
		return status_of_result(invocation, result);
	if (!invocation_changes(invocation))
		return status;
	return complain_with(&error, EXIT_UNKNOWN);
}

static int status_of_wait(const struct wait_result *waited)
{
	switch (waited->end) {
	case WAIT_GOES_ON:
	case WAIT_NO_FLOWS: return EXIT_OK;
	case WAIT_DEADLINE: break;
	case WAIT_WITHDRAWN: return EXIT_WITHDRAWN;
	case WAIT_FAILED:
	case WAIT_DISABLED:
	case WAIT_REMOVED: return EXIT_GONE;
	}
	if (!wait_is_counted(waited))
		return EXIT_UNCOUNTED;
	return waited->flows != 0 ? EXIT_CUT_OFF : EXIT_OK;
}

/* What came of the wait, beside the answer to the drain. */
static void add_wait(json_t *result, const struct wait_result *waited)
{
	bool kept = waited->end == WAIT_NO_FLOWS || waited->end == WAIT_WITHDRAWN;

	json_object_set_new(result, "waited_s", json_integer(waited->in_s));
	json_object_set_new(result, "drain_end", json_string(wait_state_name(waited->end)));
	json_object_set_new(result, "flows_cut",
		kept                      ? json_integer(0)
		: wait_is_counted(waited) ? json_integer(waited->flows)
					  : json_null());
}

/* With --json there is one document, at the end: the answer with what came of the wait. */
static int wait_and_print(const struct invocation *invocation, json_t *result)
{
	const char *pool = json_string_value(json_object_get(invocation->params, "pool"));
	const char *name = json_string_value(json_object_get(invocation->params, "name"));
	struct error error = { "" };
	struct wait_result waited;
	enum link_end end;
	int status = EXIT_OK;

	if (!invocation->json)
		status = print_result(invocation, result);
	if (status != EXIT_OK)
		return status;
	end = wait_for_drain(
		invocation->socket, pool, name, invocation->json ? NULL : stdout, &waited, &error);
	if (end != LINK_ANSWERED)
		return complain_with(&error, EXIT_UNKNOWN);
	add_wait(result, &waited);
	status = invocation->json ? print_result(invocation, result) : finish_output();
	return status == EXIT_OK ? status_of_wait(&waited) : status;
}

static int complain_about_loss(const struct invocation *invocation, struct error *error)
{
	struct error advice = { "the change may have been made: see sluicectl status" };

	if (!invocation_changes(invocation))
		return complain(error);
	if (!as_json)
		complain(error);
	return complain_with(&advice, EXIT_UNKNOWN);
}

static int run(const struct invocation *invocation)
{
	const char *method = invocation->command->method;
	struct error error = { "" };
	json_t *result;
	int status = EXIT_REFUSED;

	switch (link_ask(invocation->socket, method, invocation->params, &result, &error)) {
	case LINK_ANSWERED:
		status = invocation->wait && invocation_changes(invocation)
				 ? wait_and_print(invocation, result)
				 : print_result(invocation, result);
		break;
	case LINK_REFUSED: status = complain_of_all(&error, result); break;
	case LINK_LOST: status = complain_about_loss(invocation, &error); break;
	}
	json_decref(result);
	return status;
}

/* Ends with an interrupt, with its reader, or where sluiced refuses or was never there. */
static int follow(const struct invocation *invocation)
{
	struct error error = { "" };

	if (events_follow(invocation->socket, invocation->params, invocation->json, &error) != 0)
		return complain(&error);
	return finish_output();
}

static int grant(const struct invocation *invocation)
{
	switch (invocation->wish) {
	case INVOCATION_HELP:
		if (invocation->group != NULL)
			command_print_group(invocation->group, stdout);
		else if (invocation->command != NULL || invocation->method == NULL)
			command_print_help(invocation->command, stdout);
		if (invocation->command != NULL && invocation->method != NULL)
			putchar('\n');
		if (invocation->method != NULL)
			method_print_help(invocation->method, stdout);
		break;
	case INVOCATION_VERSION: puts("sluicectl " SLUICE_VERSION); break;
	case INVOCATION_RUN: return invocation->follow ? follow(invocation) : run(invocation);
	}
	return finish_output();
}

int main(int argc, char **argv)
{
	struct invocation invocation;
	struct error error = { "" };
	int code, status;

	for (int i = 1; i < argc; i++)
		as_json |= strcmp(argv[i], "--json") == 0;
	code = invocation_parse(&invocation, argc > 0 ? argc - 1 : 0, argv + 1, &error);
	if (code == 0)
		status = grant(&invocation);
	else if (code == -EINVAL)
		status = complain_about_usage(invocation.command, &error);
	else
		status = complain(&error);
	invocation_release(&invocation);
	return status;
}
