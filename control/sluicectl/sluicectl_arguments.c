/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rule: a parameter of a method is an option of its commands, deadline_s as --deadline
 * DURATION, backend.weight as --weight N; a positional one is written in capitals.
 * An object in another, pool.health, is written as JSON. What is longer is no argument, except a
 * positional document.
 */
#include "sluicectl/sluicectl_arguments.h"

#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "sluicectl/sluicectl_table.h"

#define NAME_SIZE 32

/* The arguments of a command, and the texts that they consist of. */
struct made {
	bool is_made;
	size_t count;
	struct argument list[ARGUMENTS_MAX];
	struct {
		char name[NAME_SIZE];
		char value[2 * NAME_SIZE];
		char summary[METHOD_SUMMARY_SIZE];
	} texts[ARGUMENTS_MAX];
};

static struct made all[COMMAND_COUNT];

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Whether a word is in a list of them with blanks between. */
static bool is_listed(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at != NULL && *at != '\0'; at += strspn(at, " ")) {
		size_t next = strcspn(at, " ");

		if (next == length && strncmp(at, word, length) == 0)
			return true;
		at += next;
	}
	return false;
}

static const char *last_part(const char *name, char separator)
{
	const char *last = strrchr(name, separator);

	return last == NULL ? name : last + 1;
}

static void write_capitals(const char *word, char *text, size_t size)
{
	snprintf(text, size, "%s", word);
	for (; *text != '\0'; text++)
		*text = (char)toupper((unsigned char)*text);
}

/* backend.drain_deadline_s becomes --drain-deadline. */
static void write_option(const struct param *param, char name[static NAME_SIZE])
{
	static const char *const units[] = { "_s", "_percent" };

	snprintf(name, NAME_SIZE, "--%s", last_part(param->name, '.'));
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ends_with(name, units[i]))
			name[strlen(name) - strlen(units[i])] = '\0';
	for (char *at = name; *at != '\0'; at++)
		if (*at == '_')
			*at = '-';
}

static void join_words(const char *const *words, char *text, size_t size)
{
	size_t used = 0;

	for (; *words != NULL && used < size; words++)
		used += snprintf(text + used, size - used, "%s%s", used > 0 ? "|" : "", *words);
}

/* What its value is called: "DURATION", "ADDRESS", "tcp|udp"; if_revision has a REVISION. */
static void write_value(const struct param *param, char *text, size_t size)
{
	static const char *const names[] = {
		[PARAM_ADDRESS] = "ADDRESS",
		[PARAM_NUMBER] = "N",
		[PARAM_SECONDS] = "DURATION",
		[PARAM_PORT] = "N|any",
		[PARAM_FLAG] = "",
		[PARAM_YES_NO] = "true|false",
		[PARAM_THRESHOLD] = "N|N%",
		[PARAM_OBJECT] = "JSON",
		[PARAM_FLOWS] = "keep|move|JSON",
		[PARAM_DOCUMENT] = "FILE",
	};

	if (param->kind == PARAM_WORD)
		join_words(param->words, text, size);
	else if (param->kind == PARAM_TEXT || param->kind == PARAM_WORDS)
		write_capitals(last_part(last_part(param->name, '.'), '_'), text, size);
	else
		snprintf(text, size, "%s", names[param->kind]);
}

static enum argument_kind kind_of(const struct param *param)
{
	static const enum argument_kind kinds[] = {
		[PARAM_TEXT] = ARGUMENT_TEXT,
		[PARAM_ADDRESS] = ARGUMENT_TEXT,
		[PARAM_NUMBER] = ARGUMENT_NUMBER,
		[PARAM_SECONDS] = ARGUMENT_DURATION,
		[PARAM_PORT] = ARGUMENT_PORT,
		[PARAM_WORD] = ARGUMENT_CHOICE,
		[PARAM_WORDS] = ARGUMENT_WORDS,
		[PARAM_FLAG] = ARGUMENT_MARK,
		[PARAM_YES_NO] = ARGUMENT_YES_NO,
		[PARAM_THRESHOLD] = ARGUMENT_THRESHOLD,
		[PARAM_OBJECT] = ARGUMENT_OBJECT,
		[PARAM_FLOWS] = ARGUMENT_FLOWS,
		[PARAM_DOCUMENT] = ARGUMENT_DOCUMENT,
	};

	/* always sent, also as false: each change says whether it is meant */
	return strcmp(param->name, "dry_run") == 0 ? ARGUMENT_FLAG : kinds[param->kind];
}

static void add(struct made *made, const struct argument *argument)
{
	if (made->count + 1 == ARGUMENTS_MAX)
		errx(1, "more than %d arguments of one command", ARGUMENTS_MAX - 1);
	made->list[made->count++] = *argument;
}

/* As the rule has it, but for what `own` says otherwise; NULL: nothing. */
static void add_param(struct made *made, const struct param *param, const struct argument *own,
	bool is_positional)
{
	char *name = made->texts[made->count].name, *value = made->texts[made->count].value;
	char *summary = made->texts[made->count].summary;
	struct argument argument = {
		.name = name,
		.value = value,
		.kind = kind_of(param),
		.member = param->name,
		.words = param->words,
		.summary = summary,
	};

	write_value(param, value, sizeof(made->texts[0].value));
	if (is_positional)
		snprintf(name, NAME_SIZE, "%.*s", NAME_SIZE - 1, value);
	else
		write_option(param, name);
	method_shorten(param->summary, summary);
	if (own != NULL) {
		argument = *own;
		argument.words = own->words != NULL ? own->words : param->words;
	}
	argument.required = param->required;
	add(made, &argument);
}

static const struct argument *find_own(const struct command *command, const struct param *param)
{
	for (const struct argument *own = command->own; own->name != NULL; own++)
		if (own->member != NULL && strcmp(own->member, param->name) == 0)
			return own;
	return NULL;
}

static void add_positionals(
	struct made *made, const struct command *command, const struct method *method)
{
	const char *at = command->positionals;

	while (at != NULL && *at != '\0') {
		size_t length = strcspn(at, " ");
		const struct param *param = method_find_param(method, at, length);

		if (param == NULL)
			errx(1, "%s has no parameter %s", method->name, at);
		add_param(made, param, find_own(command, param), true);
		at += length;
		at += strspn(at, " ");
	}
}

static void make(struct made *made, const struct command *command)
{
	const struct method *method = method_find(command->method);

	if (method == NULL)
		errx(1, "there is no method %s", command->method);
	add_positionals(made, command, method);
	for (const struct param *param = method->params; param->name != NULL; param++)
		if ((param->kind != PARAM_DOCUMENT || find_own(command, param) != NULL) &&
			!is_listed(command->positionals, param->name) &&
			!is_listed(command->without, param->name))
			add_param(made, param, find_own(command, param), false);
	for (const struct argument *own = command->own; own->name != NULL; own++)
		if (own->member == NULL)
			add(made, own);
	made->is_made = true;
}

const struct argument *command_arguments(const struct command *command)
{
	struct made *made = &all[command - command_table];

	if (!made->is_made)
		make(made, command);
	return made->list;
}

enum argument_names command_argument_names(
	const struct command *command, const struct argument *argument)
{
	const char *member = argument->member == NULL ? "" : argument->member;

	if (argument->kind == ARGUMENT_DOCUMENT)
		return ARGUMENT_NAMES_FILE;
	if (strcmp(command->method, "vip.release") == 0)
		return ARGUMENT_NAMES_FORMER_VIP;
	if (strcmp(last_part(member, '.'), "pool") == 0)
		return ARGUMENT_NAMES_POOL;
	if (strcmp(member, "name") != 0)
		return ARGUMENT_NAMES_NOTHING;
	if (strncmp(command->method, "pool.", strlen("pool.")) == 0 ||
		strncmp(command->method, "events.", strlen("events.")) == 0)
		return ARGUMENT_NAMES_POOL;
	if (strncmp(command->method, "zone.", strlen("zone.")) == 0)
		return ARGUMENT_NAMES_NOTHING;
	return strncmp(command->method, "backend.", strlen("backend.")) == 0
		       ? ARGUMENT_NAMES_BACKEND
		       : ARGUMENT_NAMES_SERVICE;
}

const char *command_summary(const struct command *command, char text[static METHOD_SUMMARY_SIZE])
{
	if (command->summary == NULL)
		return method_shorten(method_find(command->method)->summary, text);
	snprintf(text, METHOD_SUMMARY_SIZE, "%s", command->summary);
	return text;
}
