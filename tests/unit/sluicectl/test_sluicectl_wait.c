/* SPDX-License-Identifier: BSD-3-Clause */
/* What sluicectl does by itself: waiting for a drain, help, switches, and what others are left out.
 */
#include "unit.h"

#include "sluicectl/sluicectl_change.h"
#include "sluicectl/sluicectl_invocation.h"
#include "sluicectl/sluicectl_report.h"
#include "sluicectl/sluicectl_wait.h"

static enum wait_state judge(const char *backends)
{
	json_t *list = json_loads(backends, JSON_DECODE_ANY, NULL);
	const json_t *flows;
	enum wait_state state;

	assert_non_null(list);
	state = wait_classify(list, "web-1", &flows);
	json_decref(list);
	return state;
}

static void a_drain_goes_on_while_flows_are_left(void **state)
{
	assert_int_equal(judge("[{\"name\":\"web-2\",\"life\":\"up\"},{\"name\":\"web-1\",\"life\":"
			       "\"drain\",\"flows_left\":{\"estimate\":3,\"complete\":true}}]"),
		WAIT_GOES_ON);
	assert_int_equal(judge("[{\"name\":\"web-1\",\"life\":\"drain\",\"flows_left\":null}]"),
		WAIT_GOES_ON);
	/* it has only just begun to count */
	assert_int_equal(judge("[{\"name\":\"web-1\",\"life\":\"drain\",\"flows_left\":"
			       "{\"estimate\":0,\"complete\":false}}]"),
		WAIT_GOES_ON);
}

static void a_drain_ends_with_its_last_flow_or_its_deadline(void **state)
{
	assert_int_equal(judge("[{\"name\":\"web-1\",\"life\":\"drain\",\"flows_left\":"
			       "{\"estimate\":0,\"complete\":true}}]"),
		WAIT_NO_FLOWS);
	assert_int_equal(judge("[{\"name\":\"web-1\",\"life\":\"drained\"}]"), WAIT_DEADLINE);
}

static void each_other_end_of_a_drain_is_known(void **state)
{
	static const struct {
		const char *state, *life;
		int weight;
		enum wait_state end;
	} rows[] = {
		{ "active", "up", 100, WAIT_WITHDRAWN },
		{ "active", "suspect", 100, WAIT_WITHDRAWN },
		{ "active", "drain", 0, WAIT_GOES_ON },
		{ "drain", "suspect", 100, WAIT_GOES_ON },
		{ "drain", "absent", 100, WAIT_FAILED },
		{ "drain", "dead", 100, WAIT_FAILED },
		{ "disabled", "off", 100, WAIT_DISABLED },
		{ "disabled", "dead", 100, WAIT_DISABLED },
		{ "removed", "drain", 100, WAIT_GOES_ON },
		{ "removed", "removed", 100, WAIT_REMOVED },
	};
	char text[160];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(text, sizeof(text),
			"[{\"name\":\"web-1\",\"state\":\"%s\",\"life\":\"%s\",\"weight\":%d}]",
			rows[i].state, rows[i].life, rows[i].weight);
		assert_int_equal(judge(text), rows[i].end);
	}
	assert_int_equal(judge("[]"), WAIT_REMOVED);
	assert_int_equal(judge("{}"), WAIT_REMOVED);
}

static void each_end_of_a_drain_has_its_sentence(void **state)
{
	static const struct {
		struct wait_result result;
		const char *sentence;
	} rows[] = {
		{ { WAIT_NO_FLOWS, true, true, 0, 3 }, "w: no flow is left after 3 s" },
		{ { WAIT_DEADLINE, true, true, 1, 3 },
			"w: the deadline has come after 3 s; about 1 flow was cut off" },
		{ { WAIT_DEADLINE, true, false, 7, 3 },
			"w: the deadline has come after 3 s; at least 7 flows were cut off" },
		{ { WAIT_DEADLINE, true, false, 0, 3 },
			"w: the deadline has come after 3 s; how many flows were cut off is not "
			"known" },
		{ { WAIT_DEADLINE, false, false, 0, 3 },
			"w: the deadline has come after 3 s; how many flows were cut off is not "
			"known" },
		{ { WAIT_WITHDRAWN, true, true, 7, 3 },
			"w: the drain was withdrawn after 3 s: it takes new flows again and keeps "
			"its own" },
		{ { WAIT_FAILED, true, true, 7, 3 },
			"w: it failed after 3 s of draining, and its flows have left it; about 7 "
			"flows were cut off" },
		{ { WAIT_DISABLED, true, true, 7, 3 },
			"w: it was disabled after 3 s of draining; about 7 flows were cut off" },
		{ { WAIT_REMOVED, false, false, 0, 3 },
			"w: it is not there any more after 3 s of draining; how many flows were cut "
			"off is not known" },
	};
	char text[320];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		wait_describe("w", &rows[i].result, text, sizeof(text));
		assert_string_equal(text, rows[i].sentence);
	}
}

static struct invocation parse(const char *const *words, size_t count)
{
	struct invocation invocation;
	struct error error = { "" };

	if (invocation_parse(&invocation, count, (char *const *)words, &error) != 0)
		fail_msg("%s", error.message);
	return invocation;
}

static void help_is_had_by_every_name(void **state)
{
	static const char *const all[] = { "help" };
	static const char *const group[] = { "help", "backend" };
	static const char *const command[] = { "help", "backend", "drain" };
	static const char *const option[] = { "backend", "--help" };
	struct invocation invocation = parse(all, 1);

	assert_int_equal(invocation.wish, INVOCATION_HELP);
	assert_null(invocation.command);
	assert_null(invocation.group);
	invocation_release(&invocation);
	invocation = parse(group, 2);
	assert_int_equal(invocation.wish, INVOCATION_HELP);
	assert_string_equal(invocation.group, "backend");
	invocation_release(&invocation);
	invocation = parse(command, 3);
	assert_int_equal(invocation.wish, INVOCATION_HELP);
	assert_string_equal(invocation.command->name, "backend drain");
	invocation_release(&invocation);
	invocation = parse(option, 2);
	assert_int_equal(invocation.wish, INVOCATION_HELP);
	assert_string_equal(invocation.group, "backend");
	invocation_release(&invocation);
}

static void switches_are_not_sent(void **state)
{
	static const char *const drain[] = { "backend", "drain", "web", "web-1", "--wait",
		"--all" };
	static const char *const quiet[] = { "status", "--quiet" };
	struct invocation invocation = parse(drain, 6);

	assert_true(invocation.wait);
	assert_true(invocation.all);
	assert_null(json_object_get(invocation.params, "wait"));
	assert_int_equal(json_object_size(invocation.params), 4);
	invocation_release(&invocation);
	invocation = parse(quiet, 2);
	assert_true(invocation.quiet);
	assert_int_equal(json_object_size(invocation.params), 0);
	invocation_release(&invocation);
}

static void expect(
	void (*report)(const json_t *result, FILE *out), const char *result, const char *golden)
{
	json_t *value = json_loads(result, JSON_DECODE_ANY, NULL);
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(value);
	report(value, out);
	fclose(out);
	assert_string_equal(text, golden);
	free(text);
	json_decref(value);
}

#define MOVED                                                                                     \
	"{\"changed\":true,\"dry_run\":false,\"slots_moved\":10,\"slots_total\":251,\"pools\":[{" \
	"\"name\":\"web\",\"slots\":251,\"slots_moved\":10,\"backends\":["                        \
	"{\"name\":\"w1\",\"slots_before\":100,\"slots_after\":90},"                              \
	"{\"name\":\"w2\",\"slots_before\":51,\"slots_after\":61},"                               \
	"{\"name\":\"w3\",\"slots_before\":100,\"slots_after\":100}]}]}"

static void backends_that_do_not_change_are_counted(void **state)
{
	expect(change_report, MOVED,
		"moved 10 of 251 slots of pool web (4.0 %)\n\n"
		"pool  backend  slots before  slots after  share % before  share % after\n"
		"web   w1                100           90            39.8           35.9\n"
		"web   w2                 51           61            20.3           24.3\n"
		"and 1 other, unchanged (--all shows it)\n");
	expect(change_report_all, MOVED,
		"moved 10 of 251 slots of pool web (4.0 %)\n\n"
		"pool  backend  slots before  slots after  share % before  share % after\n"
		"web   w1                100           90            39.8           35.9\n"
		"web   w2                 51           61            20.3           24.3\n"
		"web   w3                100          100            39.8           39.8\n");
}

static void an_explanation_tells_old_from_new(void **state)
{
	expect(report_explanation,
		"{\"verdict\":\"no_backend\",\"why\":\"no one\",\"service\":\"www\",\"current\":null,"
		"\"established\":{\"verdict\":\"forwarded\",\"why\":\"sent\",\"backend\":\"web-1\","
		"\"reason_text\":\"an old flow\"}}",
		"verdict         no_backend\n"
		"why             no one\n"
		"old connection  forwarded to web-1: an old flow\n"
		"service         www\n"
		"current         none: no backend takes new flows\n");
}

static void progress_names_flows_and_deadline(void **state)
{
	static const struct {
		const char *backend, *sentence;
	} rows[] = {
		{ "{\"flows_left\":{\"estimate\":0,\"complete\":false},\"deadline_s\":54}",
			"w: the flows left are not known yet, the deadline is in 54 s" },
		{ "{\"flows_left\":{\"estimate\":1,\"complete\":false},\"deadline_s\":9}",
			"w: at least 1 flow left, the deadline is in 9 s" },
		{ "{\"flows_left\":{\"estimate\":21,\"complete\":true},\"deadline_s\":null}",
			"w: 21 flows left, there is no deadline" },
		{ "{\"flows_left\":null}",
			"w: the flows left are not counted, there is no deadline" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *backend = json_loads(rows[i].backend, 0, NULL);
		char text[128];

		assert_non_null(backend);
		wait_describe_progress("w", backend, text, sizeof(text));
		assert_string_equal(text, rows[i].sentence);
		json_decref(backend);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(progress_names_flows_and_deadline),
		cmocka_unit_test(a_drain_goes_on_while_flows_are_left),
		cmocka_unit_test(a_drain_ends_with_its_last_flow_or_its_deadline),
		cmocka_unit_test(each_other_end_of_a_drain_is_known),
		cmocka_unit_test(each_end_of_a_drain_has_its_sentence),
		cmocka_unit_test(help_is_had_by_every_name),
		cmocka_unit_test(switches_are_not_sent),
		cmocka_unit_test(backends_that_do_not_change_are_counted),
		cmocka_unit_test(an_explanation_tells_old_from_new),
	};

	return cmocka_run_group_tests_name("sluicectl_wait", tests, NULL, NULL);
}
