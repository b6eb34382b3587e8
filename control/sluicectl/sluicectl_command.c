/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_command.h"

#include <errno.h>
#include <string.h>

#include "sluicectl/sluicectl_arguments.h"
#include "sluicectl/sluicectl_table.h"
#include "common/suggestion.h"
#include "sluicectl/table.h"

static const struct command *find_exact(const char *name)
{
	for (size_t i = 0; i < command_table_size; i++)
		if (strcmp(command_table[i].name, name) == 0)
			return &command_table[i];
	return NULL;
}

/* "backend" alone begins several names: then those are what may be meant. */
static void list_beginning_with(const char *word, char *list, size_t size)
{
	size_t length = strlen(word), used = 0;

	list[0] = '\0';
	for (size_t i = 0; i < command_table_size && used < size; i++)
		if (strncmp(command_table[i].name, word, length) == 0 &&
			command_table[i].name[length] == ' ')
			used += snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "",
				command_table[i].name + length + 1);
}

static void refuse_unknown(const char *one, const char *two, struct error *error)
{
	struct suggestion suggestion = { 0 }, second = { 0 };
	size_t length = strlen(one);
	char list[256];

	for (size_t i = 0; i < command_table_size; i++) {
		suggestion_offer(&suggestion, two, command_table[i].name);
		suggestion_offer(&suggestion, one, command_table[i].name);
		if (strlen(two) > length && strncmp(command_table[i].name, two, length + 1) == 0)
			suggestion_offer(
				&second, two + length + 1, command_table[i].name + length + 1);
	}
	list_beginning_with(one, list, sizeof(list));
	if (list[0] != '\0' && second.meant != NULL)
		error_set(error, -EINVAL, "\"%s\" is not a command; did you mean \"%s %s\"?", two,
			one, second.meant);
	else if (list[0] != '\0')
		error_set(
			error, -EINVAL, "\"%s\" is not a command; %s goes with %s", two, one, list);
	else if (suggestion.meant != NULL)
		error_set(error, -EINVAL, "\"%s\" is not a command; did you mean \"%s\"?", one,
			suggestion.meant);
	else
		error_set(error, -EINVAL, "\"%s\" is not a command", one);
}

const struct command *command_find(
	char *const *words, size_t count, size_t *used, struct error *error)
{
	const struct command *command;
	char both[64];

	if (count == 0) {
		error_set(error, -EINVAL, "which command?");
		return NULL;
	}
	snprintf(both, sizeof(both), "%s%s%s", words[0], count > 1 ? " " : "",
		count > 1 ? words[1] : "");
	*used = 2;
	command = find_exact(both);
	if (command != NULL && count > 1)
		return command;
	*used = 1;
	command = find_exact(words[0]);
	if (command == NULL)
		refuse_unknown(words[0], both, error);
	return command;
}

const struct argument *command_find_option(const struct command *command, const char *name)
{
	for (const struct argument *each = command_arguments(command); each->name != NULL; each++)
		if (argument_is_option(each) && strcmp(each->name, name) == 0)
			return each;
	return NULL;
}

const struct command *command_find_beside(const struct command *command, const char *option)
{
	size_t length = strcspn(command->name, " ");

	for (size_t i = 0; i < command_table_size; i++)
		if (strncmp(command_table[i].name, command->name, length) == 0 &&
			command_table[i].name[length] == ' ' &&
			command_find_option(&command_table[i], option) != NULL)
			return &command_table[i];
	return NULL;
}

const struct argument *command_find_positional(const struct command *command, size_t index)
{
	const struct argument *argument = command_arguments(command);

	for (; argument->name != NULL && !argument_is_option(argument); argument++)
		if (index-- == 0)
			return argument;
	return NULL;
}

void command_print_usage(const struct command *command, FILE *out)
{
	if (command == NULL) {
		fputs("usage: sluicectl [--socket PATH] [--json] COMMAND\n", out);
		return;
	}
	fprintf(out, "usage: sluicectl %s", command->name);
	for (const struct argument *each = command_arguments(command); each->name != NULL; each++) {
		fputc(' ', out);
		argument_print_usage(each, out);
	}
	fputc('\n', out);
}

static const struct table_column help_columns[] = { { NULL, TABLE_LEFT }, { NULL, TABLE_LEFT } };

bool command_is_group(const char *word)
{
	char list[256];

	list_beginning_with(word, list, sizeof(list));
	return list[0] != '\0' && find_exact(word) == NULL;
}

/* Those whose first word is `group`; NULL: all. */
static void print_commands(const char *group, FILE *out)
{
	struct table *table = table_create(help_columns, 2);
	size_t length = group == NULL ? 0 : strlen(group);
	char summary[METHOD_SUMMARY_SIZE];

	for (size_t i = 0; i < command_table_size; i++) {
		if (group != NULL && (strncmp(command_table[i].name, group, length) != 0 ||
					     command_table[i].name[length] != ' '))
			continue;
		table_add(table, "  %s", command_table[i].name);
		table_add(table, "%s", command_summary(&command_table[i], summary));
	}
	table_print(table, out);
	table_destroy(table);
}

static void print_arguments(const struct command *command, FILE *out)
{
	struct table *table = table_create(help_columns, 2);

	for (const struct argument *each = command_arguments(command); each->name != NULL; each++) {
		bool value = argument_is_option(each) && argument_takes_value(each);

		table_add(
			table, "  %s%s%s", each->name, value ? " " : "", value ? each->value : "");
		table_add(table, "%s", each->summary);
	}
	table_print(table, out);
	table_destroy(table);
}

static void print_exit_status(FILE *out)
{
	fputs("exit status:\n"
	      "  0  granted\n"
	      "  1  refused, or sluiced was not reached; nothing was changed\n"
	      "  2  wrong use; nothing was sent\n"
	      "  3  sent, and the answer was lost: a change may have been made\n"
	      "  4  status: the node is not ready\n"
	      "  5  backend drain --wait: flows were cut off at the deadline\n"
	      "  6  backend drain --wait: the drain was withdrawn, the backend keeps its flows\n"
	      "  7  backend drain --wait: the backend failed, was disabled or removed\n"
	      "  8  backend drain --wait: the deadline came, flows left are not known\n",
		out);
}

static void print_common_options(FILE *out)
{
	fputs("options of every command:\n"
	      "  --socket PATH  the control socket (" COMMAND_SOCKET_DEFAULT ")\n"
	      "  --json         print the answer as JSON, an error as JSON on stderr\n"
	      "  --help         this text, or that of a command\n"
	      "  --version      the version of sluicectl\n",
		out);
}

void command_print_group(const char *word, FILE *out)
{
	fprintf(out, "usage: sluicectl %s COMMAND\n\ncommands:\n", word);
	print_commands(word, out);
	fprintf(out, "\nsluicectl %s COMMAND --help tells more\n", word);
}

void command_print_help(const struct command *command, FILE *out)
{
	char summary[METHOD_SUMMARY_SIZE];

	command_print_usage(command, out);
	if (command == NULL) {
		fputs("\nAsks and steers sluiced while it runs.\n\ncommands (help COMMAND tells more, help METHOD of the control socket):\n",
			out);
		print_commands(NULL, out);
		fputc('\n', out);
		print_common_options(out);
		fputc('\n', out);
		print_exit_status(out);
		return;
	}
	fprintf(out, "\n%s\n", command_summary(command, summary));
	if (command_arguments(command)->name != NULL)
		fputc('\n', out);
	print_arguments(command, out);
}
