/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl: a command line for the control socket. */
#include <errno.h>
#include <stdio.h>

#include "sluicectl_invocation.h"
#include "sluicectl_link.h"
#include "sluicectl_report.h"
#include "table.h"
#include "version.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_REFUSED = 1, /* or not reached: nothing was changed */
	EXIT_USAGE = 2,
	EXIT_UNKNOWN = 3, /* a change was asked for, and whether it was made did not get through */
};

static int complain(struct error *error)
{
	fprintf(stderr, "sluicectl: %s\n", table_text_clean(error->message));
	return EXIT_REFUSED;
}

static int complain_about_usage(const struct command *command, struct error *error)
{
	complain(error);
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

static int print_result(const struct invocation *invocation, const json_t *result)
{
	struct error error = { "the change was made" };
	int status;

	if (invocation->json)
		report_document(result, stdout);
	else
		invocation->command->report(result, stdout);
	status = finish_output();
	if (status == EXIT_OK && json_is_string(json_object_get(result, "needs_force")))
		return EXIT_REFUSED; /* a dry run of what would be */
	if (status == EXIT_OK || !invocation_changes(invocation))
		return status;
	complain(&error);
	return EXIT_UNKNOWN;
}

static int complain_about_loss(const struct invocation *invocation, struct error *error)
{
	struct error advice = { "the change may have been made: see sluicectl status" };

	complain(error);
	if (!invocation_changes(invocation))
		return EXIT_REFUSED;
	complain(&advice);
	return EXIT_UNKNOWN;
}

static int run(const struct invocation *invocation)
{
	const char *method = invocation->command->method;
	struct error error = { "" };
	json_t *result;
	int status = EXIT_REFUSED;

	switch (link_ask(invocation->socket, method, invocation->params, &result, &error)) {
	case LINK_ANSWERED: status = print_result(invocation, result); break;
	case LINK_REFUSED: status = complain(&error); break;
	case LINK_LOST: status = complain_about_loss(invocation, &error); break;
	}
	json_decref(result);
	return status;
}

static int grant(const struct invocation *invocation)
{
	switch (invocation->wish) {
	case INVOCATION_HELP: command_print_help(invocation->command, stdout); break;
	case INVOCATION_VERSION: puts("sluicectl " SLUICE_VERSION); break;
	case INVOCATION_RUN: return run(invocation);
	}
	return finish_output();
}

int main(int argc, char **argv)
{
	struct invocation invocation;
	struct error error = { "" };
	int code, status;

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
