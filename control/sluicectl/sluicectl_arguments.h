/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_arguments: which arguments a command takes: its own, and those of its method. */
#pragma once

#include "sluicectl/sluicectl_command.h"

#define ARGUMENTS_MAX 32

/*
 * Positional ones first, in their order; then options, in the order of the method's
 * parameters; then what is for sluicectl itself. A NULL name ends the list, of ARGUMENTS_MAX with
 * it at most. They live as long as the program.
 */
const struct argument *command_arguments(const struct command *command);

/* What names the value of an argument names; to be asked for while it is being typed. */
enum argument_names {
	ARGUMENT_NAMES_NOTHING, /* or what is not there yet */
	ARGUMENT_NAMES_POOL,
	ARGUMENT_NAMES_BACKEND,
	ARGUMENT_NAMES_SERVICE,
	ARGUMENT_NAMES_FORMER_VIP,
	ARGUMENT_NAMES_FILE,
};
enum argument_names command_argument_names(
	const struct command *command, const struct argument *argument);

/* What the command does, in a line. */
const char *command_summary(const struct command *command, char text[static METHOD_SUMMARY_SIZE]);
