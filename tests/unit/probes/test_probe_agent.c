/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "probes/probe_agent.h"

static void words_and_percentages_are_understood(void **state)
{
	static const struct {
		const char *line;
		enum probe_word word;
		int percent; /* -1: none */
	} cases[] = {
		{ "ready", PROBE_WORD_READY, -1 },
		{ "READY\r\n", PROBE_WORD_READY, -1 },
		{ " drain\t\n", PROBE_WORD_DRAIN, -1 },
		{ "maint", PROBE_WORD_MAINT, -1 },
		{ "75%", PROBE_WORD_NONE, 75 },
		{ "ready 0%\nand more", PROBE_WORD_READY, 0 },
		{ "1000%,drain", PROBE_WORD_DRAIN, 1000 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct probe_result result = { .word = PROBE_WORD_NONE };

		assert_int_equal(probe_agent_read(cases[i].line, strlen(cases[i].line), &result),
			AGENT_UNDERSTOOD);
		assert_int_equal(result.word, cases[i].word);
		assert_int_equal(result.has_weight_percent, cases[i].percent >= 0);
		if (cases[i].percent >= 0)
			assert_int_equal(result.weight_percent, cases[i].percent);
	}
}

static void a_line_with_anything_else_is_senseless_as_a_whole(void **state)
{
	static const char *const lines[] = { "up", "ready up", "ready drain", "ready ready",
		"50% 60%", "50", "%", "-5%", "1001%", "99999999999999999999%", "5 %", "readyx",
		"read", "<html>ready" };

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct probe_result result = { .word = PROBE_WORD_NONE };

		assert_int_equal(
			probe_agent_read(lines[i], strlen(lines[i]), &result), AGENT_SENSELESS);
		assert_int_equal(result.word, PROBE_WORD_NONE);
		assert_false(result.has_weight_percent);
	}
}

static void an_empty_line_says_nothing(void **state)
{
	static const char *const lines[] = { "", "\n", "\r\nready", " , \t" };

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct probe_result result = { .word = PROBE_WORD_NONE };

		assert_int_equal(
			probe_agent_read(lines[i], strlen(lines[i]), &result), AGENT_MISSING);
	}
	assert_int_equal(probe_agent_read(NULL, 0, &(struct probe_result){ 0 }), AGENT_MISSING);
}

static void a_long_line_is_senseless(void **state)
{
	struct probe_result result = { .word = PROBE_WORD_NONE };
	char line[PROBE_AGENT_LINE_MAX + 1];

	memset(line, ' ', sizeof(line));
	memcpy(line, "ready", 5);
	assert_int_equal(probe_agent_read(line, PROBE_AGENT_LINE_MAX, &result), AGENT_UNDERSTOOD);
	assert_int_equal(
		probe_agent_read(line, PROBE_AGENT_LINE_MAX + 1, &result), AGENT_SENSELESS);
}

static void a_weight_is_a_number_up_to_1000(void **state)
{
	static const struct {
		const char *value;
		enum agent_finding finding;
		uint32_t weight;
	} cases[] = {
		{ "0", AGENT_UNDERSTOOD, 0 },
		{ " 1000\t", AGENT_UNDERSTOOD, 1000 },
		{ "007", AGENT_UNDERSTOOD, 7 },
		{ "", AGENT_MISSING, 0 },
		{ "  ", AGENT_MISSING, 0 },
		{ "1001", AGENT_SENSELESS, 0 },
		{ "4294967297", AGENT_SENSELESS, 0 },
		{ "-1", AGENT_SENSELESS, 0 },
		{ "1.5", AGENT_SENSELESS, 0 },
		{ "10 20", AGENT_SENSELESS, 0 },
		{ "50%", AGENT_SENSELESS, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct probe_result result = { .has_weight = false };

		assert_int_equal(probe_weight_read(cases[i].value, strlen(cases[i].value), &result),
			cases[i].finding);
		assert_int_equal(result.has_weight, cases[i].finding == AGENT_UNDERSTOOD);
		assert_int_equal(result.weight, cases[i].weight);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_percentages_are_understood),
		cmocka_unit_test(a_line_with_anything_else_is_senseless_as_a_whole),
		cmocka_unit_test(an_empty_line_says_nothing),
		cmocka_unit_test(a_long_line_is_senseless),
		cmocka_unit_test(a_weight_is_a_number_up_to_1000),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
