/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_completion.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sluicectl/sluicectl_arguments.h"
#include "sluicectl/sluicectl_table.h"

/* In single quotes, which hold no apostrophe. */
static void write_offer(const char *word, const char *summary)
{
	printf("'%s:", word);
	for (; *summary != '\0'; summary++)
		if (*summary == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*summary);
	fputs("'", stdout);
}

static void write_options_of(const struct command *command)
{
	const char *separator = "printf '%s\\n' ";

	printf("\t'%s')\n\t\t", command->name);
	for (const struct argument *each = command_arguments(command); each->name != NULL; each++) {
		if (!argument_is_option(each))
			continue;
		fputs(separator, stdout);
		write_offer(each->name, each->summary);
		separator = " \\\n\t\t\t";
	}
	fputs(separator[0] == 'p' ? ":\n\t\t;;\n" : "\n\t\t;;\n", stdout);
}

static void write_options(void)
{
	fputs("# Prints the options of command $1, each with a colon and what it is for.\n"
	      "_sluicectl_options()\n{\n\tcase $1 in\n",
		stdout);
	for (size_t i = 0; i < command_table_size; i++)
		write_options_of(&command_table[i]);
	fputs("\tesac\n\tprintf '%s\\n' '--json:print the answer as JSON' "
	      "'--socket:the control socket' '--help:tell about it'\n}\n\n",
		stdout);
}

/* Characters of the first of two words, with the blank; 0 where there is one. */
static size_t group_length(const struct command *command)
{
	const char *space = strchr(command->name, ' ');

	return space == NULL ? 0 : (size_t)(space - command->name) + 1;
}

static bool is_of_group(const struct command *command, const struct command *other)
{
	return group_length(other) > 0 &&
	       strncmp(command->name, other->name, group_length(other)) == 0;
}

static bool begins_group(const struct command *command)
{
	for (const struct command *each = command_table; each < command; each++)
		if (is_of_group(each, command))
			return false;
	return group_length(command) > 0;
}

static void write_group(const struct command *first)
{
	char summary[METHOD_SUMMARY_SIZE];

	printf("\t'%.*s')\n\t\tprintf '%%s\\n'", (int)group_length(first) - 1, first->name);
	for (size_t i = 0; i < command_table_size; i++) {
		if (!is_of_group(&command_table[i], first))
			continue;
		putchar(' ');
		write_offer(command_table[i].name + group_length(first),
			command_summary(&command_table[i], summary));
	}
	fputs("\n\t\t;;\n", stdout);
}

/* Whether the first of its words is a command by itself, as config is. */
static bool is_command(const struct command *command)
{
	size_t length = group_length(command) - 1;

	for (size_t i = 0; i < command_table_size; i++)
		if (strlen(command_table[i].name) == length &&
			strncmp(command_table[i].name, command->name, length) == 0)
			return true;
	return false;
}

static void write_first_words(void)
{
	char text[METHOD_SUMMARY_SIZE];

	fputs("\t'')\n\t\tprintf '%s\\n'", stdout);
	for (size_t i = 0; i < command_table_size; i++) {
		const struct command *command = &command_table[i];

		if (group_length(command) == 0) {
			putchar(' ');
			write_offer(command->name, command_summary(command, text));
		} else if (begins_group(command) && !is_command(command)) {
			snprintf(text, sizeof(text), "%.*s", (int)group_length(command) - 1,
				command->name);
			putchar(' ');
			write_offer(text, "several commands");
		}
	}
	fputs(" 'help:tell about a command' '--version:the version of sluicectl'\n\t\t;;\n",
		stdout);
}

static void write_words(void)
{
	fputs("# Prints the words that may come first, or behind the first word $1, like "
	      "options.\n_sluicectl_words()\n{\n\tcase $1 in\n",
		stdout);
	for (size_t i = 0; i < command_table_size; i++)
		if (begins_group(&command_table[i]))
			write_group(&command_table[i]);
	write_first_words();
	fputs("\tesac\n}\n\n", stdout);
}

static const char *name_names(enum argument_names names)
{
	static const char *const words[] = {
		[ARGUMENT_NAMES_NOTHING] = "nothing",
		[ARGUMENT_NAMES_POOL] = "pools",
		[ARGUMENT_NAMES_BACKEND] = "backends",
		[ARGUMENT_NAMES_SERVICE] = "services",
		[ARGUMENT_NAMES_FORMER_VIP] = "former_vips",
		[ARGUMENT_NAMES_FILE] = "files",
	};

	return words[names];
}

static void write_words_of(const struct argument *argument)
{
	fputs("words", stdout);
	for (size_t i = 0; argument->words[i] != NULL; i++)
		printf(" %s", argument->words[i]);
}

static void write_values(void)
{
	fputs("# Prints what the value of option $2 of command $1 is: words and which, or whose "
	      "name.\n"
	      "_sluicectl_value()\n{\n\tcase \"$1 $2\" in\n\t*' --socket') echo files ;;\n",
		stdout);
	for (size_t i = 0; i < command_table_size; i++)
		for (const struct argument *each = command_arguments(&command_table[i]);
			each->name != NULL; each++) {
			if (!argument_is_option(each) || !argument_takes_value(each))
				continue;
			printf("\t'%s %s') echo ", command_table[i].name, each->name);
			if (each->kind == ARGUMENT_CHOICE || each->kind == ARGUMENT_WORDS)
				write_words_of(each);
			else if (each->kind == ARGUMENT_YES_NO)
				fputs("words true false", stdout);
			else if (each->kind == ARGUMENT_FLOWS)
				fputs("words keep move", stdout);
			else if (each->kind == ARGUMENT_PORT)
				fputs("words any", stdout);
			else
				fputs(name_names(command_argument_names(&command_table[i], each)),
					stdout);
			fputs(" ;;\n", stdout);
		}
	fputs("\tesac\n}\n\n", stdout);
}

static void write_positionals(void)
{
	fputs("# Prints whose name stands behind command $1 and $2 more words.\n"
	      "_sluicectl_place()\n{\n\tcase \"$1/$2\" in\n",
		stdout);
	for (size_t i = 0; i < command_table_size; i++) {
		const struct argument *argument;

		for (size_t index = 0;
			(argument = command_find_positional(&command_table[i], index)) != NULL;
			index++)
			printf("\t'%s/%zu') echo %s ;;\n", command_table[i].name, index,
				name_names(command_argument_names(&command_table[i], argument)));
	}
	fputs("\tesac\n}\n\n", stdout);
}

/* Those whose first word is none by itself too: its second word may be the command's. */
static void write_groups(void)
{
	fputs("# Whether command $1 may go on with word $2.\n_sluicectl_goes_on()\n{\n"
	      "\tcase \"$1 $2\" in\n\t",
		stdout);
	for (size_t i = 0, count = 0; i < command_table_size; i++)
		if (strchr(command_table[i].name, ' ') != NULL)
			printf("%s'%s'", count++ > 0 ? " | " : "", command_table[i].name);
	fputs(") return 0 ;;\n\tesac\n\treturn 1\n}\n", stdout);
}

/* But for what stands on top of it: a comment about the file itself. */
static int write_names(const char *path)
{
	FILE *file = path == NULL ? NULL : fopen(path, "r");
	char line[1024];
	bool has_begun = false;

	if (file == NULL)
		return -1;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (has_begun)
			fputs(line, stdout);
		has_begun |= line[0] == '\n';
	}
	fclose(file);
	putchar('\n');
	return 0;
}

int completion_write(const char *names)
{
	if (write_names(names) != 0)
		return -1;
	write_options();
	write_words();
	write_values();
	write_positionals();
	write_groups();
	return 0;
}
