/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of commands agrees with that of methods, and help shows both. */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>

#include "sluicectl_fixture.h"
#include "sluicectl/sluicectl_arguments.h"
#include "sluicectl/sluicectl_method.h"
#include "sluicectl/sluicectl_table.h"

static void help_needs_no_complete_command(void **state)
{
	struct invocation invocation;
	char line[256];

	assert_int_equal(parse(&invocation, "--help", line, NULL), 0);
	assert_int_equal(invocation.wish, INVOCATION_HELP);
	assert_null(invocation.command);
	invocation_release(&invocation);
	assert_int_equal(parse(&invocation, "backend add --help", line, NULL), 0);
	assert_int_equal(invocation.wish, INVOCATION_HELP);
	assert_string_equal(invocation.command->name, "backend add");
	invocation_release(&invocation);
}

static void help_is_there_for_methods_too(void **state)
{
	struct invocation invocation;
	struct error error;
	char line[256];

	assert_int_equal(parse(&invocation, "help backend.set", line, NULL), 0);
	assert_int_equal(invocation.wish, INVOCATION_HELP);
	assert_null(invocation.command);
	assert_string_equal(invocation.method->name, "backend.set");
	invocation_release(&invocation);
	assert_int_equal(parse(&invocation, "help explain", line, NULL), 0);
	assert_string_equal(invocation.command->name, "explain");
	assert_string_equal(invocation.method->name, "explain");
	invocation_release(&invocation);
	assert_int_equal(parse(&invocation, "help backend.sett", line, &error), -EINVAL);
	invocation_release(&invocation);
}

static void help_of_a_method_names_its_parameters(void **state)
{
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	method_print_help(method_find("explain"), out);
	fclose(out);
	assert_non_null(strstr(text, "What would happen to a packet, and why.\n"));
	assert_non_null(strstr(text, "\n  source_port       0-65535; required"));
	assert_non_null(strstr(text, "\n  protocol          tcp, udp; default tcp"));
	free(text);
}

static void help_tells_the_exit_status(void **state)
{
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	command_print_help(NULL, out);
	fclose(out);
	assert_non_null(strstr(text, "  3  sent, and the answer was lost"));
	assert_non_null(strstr(text, "  8  backend drain --wait"));
	free(text);
}

static const struct argument *find_argument(const struct command *command, const char *member)
{
	const struct argument *each = command_arguments(command);

	for (; each->name != NULL; each++)
		if (each->member != NULL && strcmp(each->member, member) == 0)
			return each;
	return NULL;
}

/* Those that an argument of another name stands for. */
static bool is_covered(const char *member)
{
	static const char *const members[] = { "weight_percent", "source_port",
		"destination_port" };

	for (size_t i = 0; i < COUNT_OF(members); i++)
		if (strcmp(members[i], member) == 0)
			return true;
	return false;
}

/* Whether any command that calls the method takes it. */
static bool is_taken(const struct method *method, const struct param *param, bool *is_called)
{
	for (size_t i = 0; i < command_table_size; i++) {
		if (strcmp(command_table[i].method, method->name) != 0)
			continue;
		*is_called = true;
		if (find_argument(&command_table[i], param->name) != NULL)
			return true;
	}
	return false;
}

static void every_parameter_of_a_called_method_has_an_argument(void **state)
{
	for (size_t i = 0; i < method_count; i++) {
		const struct method *method = &method_table[i];

		for (const struct param *param = method->params; param->name != NULL; param++) {
			bool is_called = false, taken = is_taken(method, param, &is_called);

			if (is_called && !taken && !is_covered(param->name) &&
				param->kind != PARAM_DOCUMENT)
				fail_msg("no command takes %s of %s", param->name, method->name);
		}
	}
}

static void arguments_differ_and_say_what_they_are(void **state)
{
	for (size_t i = 0; i < command_table_size; i++) {
		const struct argument *list = command_arguments(&command_table[i]);

		for (const struct argument *each = list; each->name != NULL; each++) {
			assert_int_not_equal(strlen(each->summary), 0);
			for (const struct argument *other = list; other < each; other++)
				assert_string_not_equal(each->name, other->name);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_needs_no_complete_command),
		cmocka_unit_test(help_is_there_for_methods_too),
		cmocka_unit_test(help_of_a_method_names_its_parameters),
		cmocka_unit_test(help_tells_the_exit_status),
		cmocka_unit_test(every_parameter_of_a_called_method_has_an_argument),
		cmocka_unit_test(arguments_differ_and_say_what_they_are),
	};

	return cmocka_run_group_tests_name("sluicectl_help", tests, NULL, NULL);
}
