/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_page.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sluicectl/sluicectl_arguments.h"
#include "sluicectl/sluicectl_table.h"

#define COMMON_MIN 3 /* methods that take the same parameter: it is described once */

static bool is_written[COMMAND_COUNT];

/* A dot or an apostrophe at the start of a line would be a request. */
static void write_roff(const char *text)
{
	if (text[0] == '.' || text[0] == '\'')
		fputs("\\&", stdout);
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
}

static void write_in(char font, const char *text)
{
	printf("\\f%c", font);
	write_roff(text);
	fputs("\\fP", stdout);
}

/* The options of every change are described once, in the description. */
static bool is_of_all_changes(const struct argument *argument)
{
	static const char *const names[] = { "force", "volatile", "if_revision", "dry_run" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (argument->member != NULL && strcmp(argument->member, names[i]) == 0)
			return true;
	return false;
}

static bool is_shown(const struct command *command, const struct argument *argument)
{
	bool is_change = command_find_option(command, "--dry-run") != NULL;

	return !is_change || (!is_of_all_changes(argument) && strcmp(argument->name, "--all") != 0);
}

/* Words to be typed as they are in bold, what stands for others in italics. */
static void write_value(const char *value)
{
	for (size_t length; *value != '\0'; value += length) {
		char part[64];
		bool is_name = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") > 0;

		length = strcspn(value, "|:");
		if (length == 0) {
			length = 1;
			putchar(*value);
			continue;
		}
		snprintf(part, sizeof(part), "%.*s", (int)length, value);
		write_in(is_name ? 'I' : 'B', part);
	}
}

static void write_argument(const struct argument *argument)
{
	bool is_option = argument_is_option(argument);

	fputs(argument->required ? " " : " [", stdout);
	write_in(is_option ? 'B' : 'I', argument->name);
	if (is_option && argument_takes_value(argument)) {
		putchar(' ');
		write_value(argument->value);
	}
	if (!argument->required)
		putchar(']');
}

static void write_command(const struct command *command)
{
	fputs(".TP\n", stdout);
	write_in('B', command->name);
	for (const struct argument *each = command_arguments(command); each->name != NULL; each++)
		if (is_shown(command, each))
			write_argument(each);
	putchar('\n');
	is_written[command - command_table] = true;
}

int page_write_command(const char *name, size_t length)
{
	for (size_t i = 0; i < command_table_size; i++)
		if (strlen(command_table[i].name) == length &&
			strncmp(command_table[i].name, name, length) == 0) {
			write_command(&command_table[i]);
			return 0;
		}
	fprintf(stderr, "there is no command %.*s\n", (int)length, name);
	return -1;
}

static bool is_same(const struct param *one, const struct param *other)
{
	return strcmp(one->name, other->name) == 0 && strcmp(one->summary, other->summary) == 0;
}

static bool is_common(const struct param *param)
{
	size_t count = 0;

	for (size_t i = 0; i < method_count; i++) {
		const char *name = param->name;
		const struct param *found = method_find_param(&method_table[i], name, strlen(name));

		count += found != NULL && is_same(found, param);
	}
	return count >= COMMON_MIN;
}

/* Keys of an object are those of sluice.json(5). */
static bool is_inside(const struct param *param)
{
	return strchr(param->name, '.') != NULL;
}

static void write_param(const struct param *param)
{
	write_in('I', param->name);
	fputs(" (", stdout);
	write_roff(param->values);
	if (param->fallback != NULL) {
		fputs("; default ", stdout);
		write_roff(param->fallback);
	}
	putchar(')');
}

static void write_params_in_short(const struct method *method)
{
	const char *separator = " {";

	for (const struct param *param = method->params; param->name != NULL; param++) {
		if (is_inside(param))
			continue;
		fputs(separator, stdout);
		if (!param->required)
			putchar('[');
		write_in('I', param->name);
		if (!param->required)
			putchar(']');
		separator = ", ";
	}
	fputs(method->params->name == NULL ? "\n" : "}\n", stdout);
}

static void write_methods(void)
{
	for (size_t i = 0; i < method_count; i++) {
		const struct method *method = &method_table[i];

		fputs(".TP\n", stdout);
		write_in('B', method->name);
		write_params_in_short(method);
		write_roff(method->summary);
		putchar('\n');
		for (const struct param *param = method->params; param->name != NULL; param++)
			if (!is_inside(param) && !is_common(param)) {
				fputs(".br\n", stdout);
				write_param(param);
				fputs(": ", stdout);
				write_roff(param->summary);
				putchar('\n');
			}
	}
}

/* Whether it is the first of the options that are described once. */
static bool is_first(const struct method *method, const struct param *param)
{
	for (const struct method *each = method_table; each < method; each++) {
		const struct param *found =
			method_find_param(each, param->name, strlen(param->name));

		if (found != NULL && is_same(found, param))
			return false;
	}
	return is_common(param);
}

static void write_common_params(void)
{
	fputs(".PP\nSeveral methods have these parameters:\n", stdout);
	for (size_t i = 0; i < method_count; i++)
		for (const struct param *param = method_table[i].params; param->name != NULL;
			param++)
			if (is_first(&method_table[i], param)) {
				fputs(".TP\n", stdout);
				write_param(param);
				putchar('\n');
				write_roff(param->summary);
				putchar('\n');
			}
}

void page_write_methods(void)
{
	write_methods();
	write_common_params();
}

int page_check(void)
{
	size_t count = 0;

	for (size_t i = 0; i < command_table_size; i++)
		count += is_written[i];
	if (count == 0 || count == command_table_size)
		return 0;
	for (size_t i = 0; i < command_table_size; i++)
		if (!is_written[i])
			fprintf(stderr, "missing: @COMMAND %s@\n", command_table[i].name);
	return -1;
}
