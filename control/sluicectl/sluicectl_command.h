/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sluicectl_command: the commands there are (sluicectl_table.h), found by name, and their help;
 * what they take is in sluicectl_arguments.h.
 */
#pragma once

#include <stdio.h>

#include "sluicectl/sluicectl_argument.h"
#include "sluicectl/sluicectl_method.h"

#define COMMAND_SOCKET_DEFAULT "/run/sluice/control.sock"

struct command {
	const char *name; /* one word or two */
	const char *method;
	const char *positionals;    /* its positional parameters, in order; or NULL */
	const char *without;        /* those that it does not take; or NULL */
	const char *summary;        /* NULL: what its method says */
	const struct argument *own; /* in place of the parameter `member`; or switches */
	bool needs_option;          /* one of its options with a value must be given */
	const char *state;          /* the parameter `state` that its name says; or NULL */
	void (*report)(const json_t *result, FILE *out);
	void (*report_all)(const json_t *result, FILE *out); /* for --all; or NULL */
};

/*
 * The command that the `count` words begin with and, in `used`, how many of them are its name.
 * NULL with a sentence that names what may have been meant.
 */
const struct command *command_find(
	char *const *words, size_t count, size_t *used, struct error *error);

/* The option of a command by its name, NULL where it has none such. */
const struct argument *command_find_option(const struct command *command, const char *name);

/* Another command of the same first word that has the option; or NULL. */
const struct command *command_find_beside(const struct command *command, const char *option);

/* The positional argument of that index, counted from 0; NULL: there is none. */
const struct argument *command_find_positional(const struct command *command, size_t index);

/* Whether it is the first word of commands of two, and none by itself. */
bool command_is_group(const char *word);

/* The commands that begin with it. */
void command_print_group(const char *word, FILE *out);

/* `usage: sluicectl …` in a line; for all commands where `command` is NULL. */
void command_print_usage(const struct command *command, FILE *out);

void command_print_help(const struct command *command, FILE *out);
