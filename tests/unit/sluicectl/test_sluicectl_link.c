/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said when sluiced answers, when another program does, and when none does. */
#include "unit.h"

#include <unistd.h>

#include "sluicectl_fixture.h"
#include "sluicectl/sluicectl_link.h"

static void answers_are_opened_and_nonsense_is_called_so(void **state)
{
	static const struct {
		const char *answer;
		enum link_end end;
		const char *sentence; /* "" where the result is 7 */
	} rows[] = {
		{ "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":1}\n", LINK_ANSWERED, "" },
		{ "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32001,\"message\":\"pool \\\"web\\\" has "
		  "no backend \\\"web-9\\\"\"},\"id\":1}\n",
			LINK_REFUSED, "pool \"web\" has no backend \"web-9\"" },
		{ "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":2}\n", LINK_LOST,
			"what answers is not sluiced" },
		{ "HTTP/1.1 400 Bad Request\r\n", LINK_LOST, "what answers is not sluiced" },
		{ "\n", LINK_LOST, "what answers is not sluiced" },
		{ "{\"jsonrpc\":\"2.0\",\"res", LINK_LOST, "sluiced hung up without an answer" },
		{ "", LINK_LOST, "sluiced hung up without an answer" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *params = json_object(), *result;
		struct error error = { "" };
		struct stand_in stand_in;

		start(&stand_in, rows[i].answer, true);
		assert_int_equal(
			link_ask(stand_in.path, "status", params, &result, &error), rows[i].end);
		assert_string_equal(error.message, rows[i].sentence);
		assert_int_equal(json_integer_value(result), rows[i].sentence[0] == '\0' ? 7 : 0);
		json_decref(result);
		json_decref(params);
		stop(&stand_in);
	}
}

static void a_refusal_before_the_end_of_a_long_question_is_still_heard(void **state)
{
	size_t size = 8 << 20;
	char *text = malloc(size);
	struct error error = { "" };
	struct stand_in stand_in;
	json_t *params, *result;

	memset(text, 'x', size);
	params = json_pack("{s:s%}", "config", text, size);
	start(&stand_in,
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"too long\"},"
		"\"id\":null}\n",
		false);
	assert_int_equal(
		link_ask(stand_in.path, "config.apply", params, &result, &error), LINK_REFUSED);
	assert_null(result);
	assert_string_equal(error.message, "too long");
	stop(&stand_in);
	json_decref(params);
	free(text);
}

static void a_question_that_was_cut_off_was_never_asked(void **state)
{
	size_t size = 8 << 20;
	char *text = malloc(size);
	struct error error = { "" };
	struct stand_in stand_in;
	json_t *params, *result;

	memset(text, 'x', size);
	params = json_pack("{s:s%}", "config", text, size);
	start(&stand_in, "", false);
	assert_int_equal(
		link_ask(stand_in.path, "config.apply", params, &result, &error), LINK_REFUSED);
	assert_null(result);
	stop(&stand_in);
	json_decref(params);
	free(text);
}

static void a_daemon_that_is_not_there_is_named(void **state)
{
	json_t *params = json_object(), *result;
	struct error error = { "" };
	char path[160];

	assert_int_equal(
		link_ask("/nowhere/socket", "status", params, &result, &error), LINK_REFUSED);
	assert_null(result);
	assert_string_equal(error.message,
		"cannot reach sluiced at /nowhere/socket: No such file or directory; "
		"is it running?");
	memset(path, 'x', sizeof(path));
	path[120] = '\0';
	assert_int_equal(link_ask(path, "status", params, &result, &error), LINK_REFUSED);
	assert_non_null(strstr(error.message, "a socket path has at most 107 bytes"));
	json_decref(params);
}

/* What was received with the answer comes first, whole or not. */
static void messages_that_follow_an_answer_are_taken_one_by_one(void **state)
{
	static const char sent[] = "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":1}\n"
				   "{\"params\":{\"number\":1}}\n{\"params\":{\"number\":2}}\n";
	json_t *params = json_object(), *result, *message;
	struct error error = { "" };
	struct stand_in stand_in;
	struct link *link;

	start(&stand_in, sent, true);
	assert_int_equal(
		link_open(stand_in.path, "events.subscribe", params, &link, &result, &error),
		LINK_ANSWERED);
	assert_int_equal(json_integer_value(result), 7);
	for (int number = 1; number <= 2; number++) {
		assert_int_equal(link_next(link, STDOUT_FILENO, &message, &error), LINK_MESSAGE);
		assert_int_equal(json_integer_value(json_object_get(
					 json_object_get(message, "params"), "number")),
			number);
		json_decref(message);
	}
	assert_false(link_has_next(link));
	assert_int_equal(link_next(link, STDOUT_FILENO, &message, &error), LINK_HUNG_UP);
	assert_null(message);
	link_close(link);
	json_decref(result);
	json_decref(params);
	stop(&stand_in);
}

static void a_message_that_is_none_ends_the_connection(void **state)
{
	json_t *params = json_object(), *result, *message;
	struct error error = { "" };
	struct stand_in stand_in;
	struct link *link;

	start(&stand_in, "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":1}\nnonsense\n", true);
	assert_int_equal(
		link_open(stand_in.path, "events.subscribe", params, &link, &result, &error),
		LINK_ANSWERED);
	assert_int_equal(link_next(link, STDOUT_FILENO, &message, &error), LINK_HUNG_UP);
	assert_string_equal(error.message, "what sends this is not sluiced");
	link_close(link);
	json_decref(result);
	json_decref(params);
	stop(&stand_in);
}

/* `sluicectl events --follow | head -1` ends when head does, and not with the next event. */
static void messages_are_not_waited_for_where_nobody_reads_them(void **state)
{
	json_t *params = json_object(), *result, *message;
	struct error error = { "" };
	struct stand_in stand_in;
	struct link *link;
	int output[2];

	start(&stand_in, "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":1}\n", true);
	assert_int_equal(pipe(output), 0); /* which the stand-in does not hold */
	assert_int_equal(
		link_open(stand_in.path, "events.subscribe", params, &link, &result, &error),
		LINK_ANSWERED);
	close(output[0]);
	assert_int_equal(link_next(link, output[1], &message, &error), LINK_NO_READER);
	close(output[1]);
	link_close(link);
	json_decref(result);
	json_decref(params);
	stop(&stand_in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_opened_and_nonsense_is_called_so),
		cmocka_unit_test(a_refusal_before_the_end_of_a_long_question_is_still_heard),
		cmocka_unit_test(a_question_that_was_cut_off_was_never_asked),
		cmocka_unit_test(a_daemon_that_is_not_there_is_named),
		cmocka_unit_test(messages_that_follow_an_answer_are_taken_one_by_one),
		cmocka_unit_test(a_message_that_is_none_ends_the_connection),
		cmocka_unit_test(messages_are_not_waited_for_where_nobody_reads_them),
	};

	return cmocka_run_group_tests_name("sluicectl_link", tests, NULL, NULL);
}
