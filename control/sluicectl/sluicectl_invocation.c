/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_invocation.h"

#include <err.h>
#include <errno.h>
#include <string.h>

#include "common/suggestion.h"
#include "sluicectl/sluicectl_arguments.h"

#define OPTION_SIZE 64

/* The words not yet read, and what of the command was given so far. */
struct reader {
	struct invocation *invocation;
	char *const *words;
	size_t count;
	size_t next;
	size_t positional;         /* how many positional arguments were read */
	bool only_positionals;     /* after -- */
	bool given[ARGUMENTS_MAX]; /* by index into the command's arguments */
	bool option_given;         /* one with a value */
};

struct common_option {
	const char *name;
	bool takes_value;
	void (*set)(struct invocation *invocation, const char *value);
};

static void set_socket(struct invocation *invocation, const char *value)
{
	invocation->socket = value;
}

static void set_json(struct invocation *invocation, const char *value)
{
	invocation->json = true;
}

static void set_help(struct invocation *invocation, const char *value)
{
	invocation->wish = INVOCATION_HELP;
}

static void set_version(struct invocation *invocation, const char *value)
{
	invocation->wish = INVOCATION_VERSION;
}

static const struct common_option common_options[] = {
	{ "--socket", true, set_socket },
	{ "--json", false, set_json },
	{ "--help", false, set_help },
	{ "-h", false, set_help },
	{ "--version", false, set_version },
};

#define COMMON_COUNT (sizeof(common_options) / sizeof(common_options[0]))

static const struct common_option *find_common(const char *name)
{
	for (size_t i = 0; i < COMMON_COUNT; i++)
		if (strcmp(common_options[i].name, name) == 0)
			return &common_options[i];
	return NULL;
}

static int refuse_unknown_option(
	const struct command *command, const char *name, struct error *error)
{
	struct suggestion suggestion = { 0 };
	const char *owner = command != NULL ? command->name : "sluicectl";
	const struct command *other;

	for (size_t i = 0; i < COMMON_COUNT; i++)
		suggestion_offer(&suggestion, name, common_options[i].name);
	for (const struct argument *each = command != NULL ? command_arguments(command) : NULL;
		each != NULL && each->name != NULL; each++)
		if (argument_is_option(each))
			suggestion_offer(&suggestion, name, each->name);
	if (suggestion.meant != NULL)
		return error_set(error, -EINVAL, "%s has no option %s; did you mean %s?", owner,
			name, suggestion.meant);
	other = command == NULL ? NULL : command_find_beside(command, name);
	if (other != NULL)
		return error_set(
			error, -EINVAL, "%s has no option %s, %s has", owner, name, other->name);
	return error_set(error, -EINVAL, "%s has no option %s", owner, name);
}

/*
 * Splits `--name=value`, or takes the next word as the value. `value` is NULL where the option
 * takes none. Returns 0 or -EINVAL.
 */
static int take_value(struct reader *reader, const char *name, const char *attached,
	bool takes_value, const char **value, struct error *error)
{
	*value = NULL;
	if (!takes_value)
		return attached == NULL ? 0 : error_set(error, -EINVAL, "%s takes no value", name);
	if (attached != NULL) {
		*value = attached;
		return 0;
	}
	if (reader->next >= reader->count || strncmp(reader->words[reader->next], "--", 2) == 0)
		return error_set(error, -EINVAL, "%s wants a value", name);
	*value = reader->words[reader->next++];
	return 0;
}

/* Whether an option says what is to be done, and not only under which terms. */
static bool says_what(const struct argument *argument)
{
	return argument_is_option(argument) && argument_takes_value(argument) &&
	       strcmp(argument->name, "--if-revision") != 0 &&
	       strcmp(argument->name, "--deadline") != 0;
}

static void set_switch(struct invocation *invocation, const char *name)
{
	struct {
		const char *name;
		bool *flag;
	} switches[] = {
		{ "--all", &invocation->all },
		{ "--quiet", &invocation->quiet },
		{ "--wait", &invocation->wait },
		{ "--follow", &invocation->follow },
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (strcmp(switches[i].name, name) == 0)
			*switches[i].flag = true;
}

static int store_argument(struct reader *reader, const struct argument *argument, const char *text,
	struct error *error)
{
	size_t index = argument - command_arguments(reader->invocation->command);

	if (reader->given[index])
		return error_set(error, -EINVAL, "%s is given twice", argument->name);
	if (text != NULL && text[0] == '\0')
		return error_set(error, -EINVAL, "%s is empty", argument->name);
	reader->given[index] = true;
	if (says_what(argument))
		reader->option_given = true;
	if (argument->kind == ARGUMENT_SWITCH) {
		set_switch(reader->invocation, argument->name);
		return 0;
	}
	return argument_store(argument, text, reader->invocation->params, error);
}

static int read_option(struct reader *reader, const char *word, struct error *error)
{
	const struct command *command = reader->invocation->command;
	const char *equals = strchr(word, '=');
	const char *attached = equals != NULL ? equals + 1 : NULL;
	const struct common_option *common;
	const struct argument *argument;
	const char *value;
	char name[OPTION_SIZE];
	int code;

	snprintf(name, sizeof(name), "%.*s",
		(int)(equals != NULL ? equals - word : (ptrdiff_t)strlen(word)), word);
	common = find_common(name);
	argument = command != NULL ? command_find_option(command, name) : NULL;
	if (common == NULL && argument == NULL)
		return refuse_unknown_option(command, name, error);
	code = take_value(reader, name, attached,
		common != NULL ? common->takes_value : argument_takes_value(argument), &value,
		error);
	if (code != 0)
		return code;
	if (common == NULL)
		return store_argument(reader, argument, value, error);
	common->set(reader->invocation, value);
	return 0;
}

static bool asks_for_help(const struct reader *reader)
{
	for (size_t i = reader->next; i < reader->count; i++)
		if (strcmp(reader->words[i], "--help") == 0 || strcmp(reader->words[i], "-h") == 0)
			return true;
	return false;
}

static int find_command(struct reader *reader, size_t first, struct error *error)
{
	struct invocation *invocation = reader->invocation;
	size_t used;

	invocation->command =
		command_find(reader->words + first, reader->count - first, &used, error);
	if (invocation->command == NULL)
		return -EINVAL;
	reader->next = first + used;
	return 0;
}

/* `help`, `help backend`, `help backend drain`, `help backend.set`; `help status` is both */
static int read_help(struct reader *reader, struct error *error)
{
	struct invocation *invocation = reader->invocation;

	invocation->wish = INVOCATION_HELP;
	if (reader->next == reader->count)
		return 0;
	if (reader->next + 1 == reader->count)
		invocation->method = method_find(reader->words[reader->next]);
	if (invocation->method != NULL && strchr(invocation->method->name, '.') != NULL)
		return 0;
	if (reader->next + 1 == reader->count && command_is_group(reader->words[reader->next])) {
		invocation->group = reader->words[reader->next];
		return 0;
	}
	return find_command(reader, reader->next, error);
}

static int read_command(struct reader *reader, struct error *error)
{
	const char *word = reader->words[reader->next - 1];
	int code;

	if (strcmp(word, "help") == 0)
		return read_help(reader, error);
	code = find_command(reader, reader->next - 1, error);
	if (code == 0 || !command_is_group(word) || !asks_for_help(reader))
		return code;
	reader->invocation->wish = INVOCATION_HELP;
	reader->invocation->group = word;
	return 0;
}

static int read_positional(struct reader *reader, const char *word, struct error *error)
{
	const struct command *command = reader->invocation->command;
	const struct argument *argument = command_find_positional(command, reader->positional++);

	if (argument == NULL)
		return error_set(error, -EINVAL, "%s has no use for \"%s\"", command->name, word);
	return store_argument(reader, argument, word, error);
}

static int read_word(struct reader *reader, struct error *error)
{
	const char *word = reader->words[reader->next++];

	if (!reader->only_positionals && strcmp(word, "--") == 0) {
		reader->only_positionals = true;
		return 0;
	}
	/* "-" alone is a file name */
	if (!reader->only_positionals && word[0] == '-' && word[1] != '\0')
		return read_option(reader, word, error);
	if (reader->invocation->command == NULL)
		return read_command(reader, error);
	return read_positional(reader, word, error);
}

/* The command does nothing by itself: names the options that would say what. */
static int refuse_without_option(const struct command *command, struct error *error)
{
	char list[128] = "";
	size_t used = 0;

	for (const struct argument *each = command_arguments(command); each->name != NULL; each++)
		if (says_what(each) && used < sizeof(list))
			used += snprintf(list + used, sizeof(list) - used, "%s%s",
				used > 0 ? " or " : "", each->name);
	return error_set(error, -EINVAL, "%s wants %s", command->name, list);
}

static int complete_arguments(struct reader *reader, struct error *error)
{
	const struct command *command = reader->invocation->command;
	const struct argument *list = command_arguments(command);

	for (const struct argument *each = list; each->name != NULL; each++) {
		if (reader->given[each - list])
			continue;
		if (each->required)
			return error_set(error, -EINVAL, "%s wants %s", command->name, each->name);
		argument_store_absent(each, reader->invocation->params);
	}
	if (command->needs_option && !reader->option_given)
		return refuse_without_option(command, error);
	if (command->state != NULL && json_object_set_new(reader->invocation->params, "state",
					      json_string(command->state)) != 0)
		errx(1, "out of memory");
	return 0;
}

int invocation_parse(
	struct invocation *invocation, size_t count, char *const *words, struct error *error)
{
	struct reader reader = { .invocation = invocation, .words = words, .count = count };
	int code = 0;

	*invocation = (struct invocation){ .socket = COMMAND_SOCKET_DEFAULT };
	invocation->params = json_object();
	if (invocation->params == NULL)
		errx(1, "out of memory");
	while (code == 0 && reader.next < reader.count && invocation->wish == INVOCATION_RUN)
		code = read_word(&reader, error);
	if (code != 0 || invocation->wish != INVOCATION_RUN)
		return code;
	if (invocation->command == NULL)
		return error_set(error, -EINVAL, "which command?");
	return complete_arguments(&reader, error);
}

void invocation_release(struct invocation *invocation)
{
	json_decref(invocation->params);
	invocation->params = NULL;
}

bool invocation_changes(const struct invocation *invocation)
{
	return json_is_false(json_object_get(invocation->params, "dry_run"));
}
