/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines become requests, or are refused with a hint. */
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#include "sluicectl_fixture.h"

static void command_lines_become_requests(void **state)
{
	static const struct {
		const char *line;
		const char *method;
		const char *params;
	} rows[] = {
		{ "status", "status", "{}" },
		{ "config", "config.get", "{}" },
		{ "services", "service.list", "{}" },
		{ "pools", "pool.list", "{}" },
		{ "stats", "stats.get", "{}" },
		{ "pins", "pins.list", "{}" },
		{ "events", "events.list", "{}" },
		{ "events --since 5000000000 --limit 7 --kind health,port --level warning "
		  "--name web --follow",
			"events.list",
			"{\"kinds\":[\"health\",\"port\"],\"level\":\"warning\",\"limit\":7,"
			"\"name\":\"web\",\"since\":5000000000}" },
		{ "backends", "backend.list", "{}" },
		{ "backends web", "backend.list", "{\"pool\":\"web\"}" },
		{ "service add www --vip 203.0.113.10 --protocol tcp --port 80 --pool web "
		  "--forward ipip",
			"service.add",
			"{\"dry_run\":false,\"service\":{\"forward\":\"ipip\",\"name\":\"www\","
			"\"pool\":\"web\",\"port\":80,\"protocol\":\"tcp\","
			"\"vip\":\"203.0.113.10\"}}" },
		{ "service add dns --port=any --vip=2001:db8::53 --protocol=udp --pool=dns "
		  "--forward=l2dsr --dry-run",
			"service.add",
			"{\"dry_run\":true,\"service\":{\"forward\":\"l2dsr\",\"name\":\"dns\","
			"\"pool\":\"dns\",\"port\":\"any\",\"protocol\":\"udp\","
			"\"vip\":\"2001:db8::53\"}}" },
		{ "service add dns --port 53 --vip 203.0.113.53 --protocol udp --pool dns "
		  "--forward ipip --udp hash --force",
			"service.add",
			"{\"dry_run\":false,\"force\":true,\"service\":{\"forward\":\"ipip\","
			"\"name\":\"dns\",\"pool\":\"dns\",\"port\":53,\"protocol\":\"udp\","
			"\"udp\":\"hash\",\"vip\":\"203.0.113.53\"}}" },
		{ "service set www --pools web=95,canary=5", "service.set",
			"{\"dry_run\":false,\"name\":\"www\",\"pools\":[{\"pool\":\"web\",\"weight\":95},"
			"{\"pool\":\"canary\",\"weight\":5}]}" },
		{ "service set www --pools web,spare=7:2,last:15:50%,one:3:4", "service.set",
			"{\"dry_run\":false,\"name\":\"www\",\"pools\":[{\"pool\":\"web\"},"
			"{\"backup\":2,\"pool\":\"spare\",\"weight\":7},{\"backup\":15,\"below\":"
			"\"50%\",\"pool\":\"last\"},{\"backup\":3,\"below\":4,\"pool\":\"one\"}]}" },
		{ "service set www --pools web=90,canary=10,spare:1", "service.set",
			"{\"dry_run\":false,\"name\":\"www\",\"pools\":[{\"pool\":\"web\",\"weight\":90},"
			"{\"pool\":\"canary\",\"weight\":10},{\"backup\":1,\"pool\":\"spare\"}]}" },
		{ "service set www --pools web,canary", "service.set",
			"{\"dry_run\":false,\"name\":\"www\",\"pools\":[{\"pool\":\"web\"},"
			"{\"pool\":\"canary\"}]}" },
		{ "service remove www", "service.remove", "{\"dry_run\":false,\"name\":\"www\"}" },
		{ "backend add web web-1 --address 10.2.0.21", "backend.add",
			"{\"backend\":{\"address\":\"10.2.0.21\",\"name\":\"web-1\"},"
			"\"dry_run\":false,\"pool\":\"web\"}" },
		{ "backend add web web-1 --weight 5 --state disabled --address 10.2.0.21",
			"backend.add",
			"{\"backend\":{\"address\":\"10.2.0.21\",\"name\":\"web-1\","
			"\"state\":\"disabled\",\"weight\":5},\"dry_run\":false,\"pool\":\"web\"}" },
		{ "backend add web web-1 --address 10.2.0.21 --key seat:1", "backend.add",
			"{\"backend\":{\"address\":\"10.2.0.21\",\"key\":\"seat:1\","
			"\"name\":\"web-1\"},\"dry_run\":false,\"pool\":\"web\"}" },
		{ "backend remove web web-1 --dry-run", "backend.remove",
			"{\"dry_run\":true,\"name\":\"web-1\",\"pool\":\"web\"}" },
		{ "backend remove web web-1 --now --force", "backend.remove",
			"{\"dry_run\":false,\"force\":true,\"name\":\"web-1\",\"now\":true,"
			"\"pool\":\"web\"}" },
		{ "backend remove web web-1 --deadline 2h", "backend.remove",
			"{\"deadline_s\":7200,\"dry_run\":false,\"name\":\"web-1\","
			"\"pool\":\"web\"}" },
		{ "zone drain ams1 --force", "zone.drain",
			"{\"dry_run\":false,\"force\":true,\"name\":\"ams1\"}" },
		{ "zone rehearse ams1", "zone.rehearse", "{\"name\":\"ams1\"}" },
		{ "vip release 203.0.113.10", "vip.release", "{\"vip\":\"203.0.113.10\"}" },
		{ "backend drain web web-1", "backend.set",
			"{\"dry_run\":false,\"name\":\"web-1\",\"pool\":\"web\","
			"\"state\":\"drain\"}" },
		{ "backend drain web web-1 --deadline 10m --dry-run", "backend.set",
			"{\"deadline_s\":600,\"dry_run\":true,\"name\":\"web-1\","
			"\"pool\":\"web\",\"state\":\"drain\"}" },
		{ "backend activate web web-1", "backend.set",
			"{\"dry_run\":false,\"name\":\"web-1\",\"pool\":\"web\","
			"\"state\":\"active\"}" },
		{ "backend set web web-1 --state drain --deadline=90", "backend.set",
			"{\"deadline_s\":90,\"dry_run\":false,\"name\":\"web-1\","
			"\"pool\":\"web\",\"state\":\"drain\"}" },
		{ "backend set web web-1 --weight 50%", "backend.set",
			"{\"dry_run\":false,\"name\":\"web-1\",\"pool\":\"web\","
			"\"weight_percent\":50}" },
		{ "backend set web web-1 --health down --instance 7f3a", "backend.set",
			"{\"dry_run\":false,\"health\":\"down\",\"instance\":\"7f3a\","
			"\"name\":\"web-1\",\"pool\":\"web\"}" },
		{ "backend set web web-1 --weight 0", "backend.set",
			"{\"dry_run\":false,\"name\":\"web-1\",\"pool\":\"web\",\"weight\":0}" },
		{ "backend set --state active web web-1", "backend.set",
			"{\"dry_run\":false,\"name\":\"web-1\",\"pool\":\"web\","
			"\"state\":\"active\"}" },
		{ "backend set --state active -- --web -1", "backend.set",
			"{\"dry_run\":false,\"name\":\"-1\",\"pool\":\"--web\","
			"\"state\":\"active\"}" },
		{ "explain --from 198.51.100.7:4242 --to 203.0.113.10:80", "explain",
			"{\"destination\":\"203.0.113.10\",\"destination_port\":80,"
			"\"source\":\"198.51.100.7\",\"source_port\":4242}" },
		{ "explain --protocol udp --from [2001:db8::7]:0 --to [2001:db8::53]:53", "explain",
			"{\"destination\":\"2001:db8::53\",\"destination_port\":53,"
			"\"protocol\":\"udp\",\"source\":\"2001:db8::7\",\"source_port\":0}" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct invocation invocation;
		struct error error = { "" };
		char line[256], *params;

		assert_int_equal(parse(&invocation, rows[i].line, line, &error), 0);
		assert_string_equal(error.message, "");
		assert_string_equal(invocation.command->method, rows[i].method);
		params = json_dumps(invocation.params, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(params, rows[i].params);
		free(params);
		invocation_release(&invocation);
	}
}

static void wrong_uses_are_refused_with_a_hint(void **state)
{
	static const struct {
		const char *line;
		const char *sentence;
	} rows[] = {
		{ "", "which command?" },
		{ "--json", "which command?" },
		{ "statu", "\"statu\" is not a command; did you mean \"status\"?" },
		{ "frobnicate", "\"frobnicate\" is not a command" },
		{ "backend", "\"backend\" is not a command; backend goes with add, remove, "
			     "drain, activate, set" },
		{ "service ad x",
			"\"service ad\" is not a command; did you mean \"service add\"?" },
		{ "backend drian web web-1",
			"\"backend drian\" is not a command; did you mean \"backend drain\"?" },
		{ "pool web", "\"pool web\" is not a command; pool goes with add, remove" },
		{ "backend drain web web-1 --now",
			"backend drain has no option --now, backend remove has" },
		{ "backend drain web web-1 --deadline 0",
			"--deadline: \"0\" is no time: a second is the least" },
		{ "backend set web web-1 --deadline 5s",
			"backend set wants --weight or --state or --health or --instance" },
		{ "events --kind healht",
			"--kind: \"healht\" is not one of node, configuration, publish, health, "
			"drain, backend, pool, port, worker, pins, steering, memory, socket; did you "
			"mean health?" },
		{ "events --kind health,,port",
			"--kind: \"\" is not one of node, configuration, publish, health, drain, "
			"backend, pool, port, worker, pins, steering, memory, socket" },
		{ "events --follow=1", "--follow takes no value" },
		{ "status now", "status has no use for \"now\"" },
		{ "status --jsno", "status has no option --jsno; did you mean --json?" },
		{ "--frobnicate", "sluicectl has no option --frobnicate" },
		{ "status --json=yes", "--json takes no value" },
		{ "status --socket", "--socket wants a value" },
		{ "service remove", "service remove wants NAME" },
		{ "backend add web", "backend add wants NAME" },
		{ "backend add web web-1", "backend add wants --address" },
		{ "backend add web web-1 --address --weight 3", "--address wants a value" },
		{ "backend add web web-1 --address=", "--address is empty" },
		{ "backend set web web-1",
			"backend set wants --weight or --state or --health or --instance" },
		{ "backend set web web-1 --dry-run",
			"backend set wants --weight or --state or --health or --instance" },
		{ "backend add web web-1 --weight x", "--weight: \"x\" is not a number" },
		{ "backend add web web-1 --weight -1", "--weight: \"-1\" is not a number" },
		{ "backend add web web-1 --weight 1.5", "--weight: \"1.5\" is not a number" },
		{ "backend add web web-1 --weight 99999999999999999999",
			"--weight: \"99999999999999999999\" is not a number" },
		{ "backend set web web-1 --weight 65536",
			"--weight: \"65536\" is neither a weight (0-65535) nor a share of it (1%-100%)" },
		{ "backend set web web-1 --wieght 1",
			"backend set has no option --wieght; did you mean --weight?" },
		{ "backend set web web-1 --weight 1 --weight 2", "--weight is given twice" },
		{ "backend set web web-1 --state disable",
			"--state: \"disable\" is not one of active, drain, disabled; did you mean "
			"disabled?" },
		{ "backend set web web-1 --state x",
			"--state: \"x\" is not one of active, drain, disabled" },
		{ "backend drain web", "backend drain wants NAME" },
		{ "backend drain web web-1 --now",
			"backend drain has no option --now, backend remove has" },
		{ "backend set web web-1 --now",
			"backend set has no option --now, backend remove has" },
		{ "backend remove web web-1 --now=yes", "--now takes no value" },
		{ "service add x --port 0", "--port: \"0\" is not a port (1-65535) or any" },
		{ "service add x --port 65536",
			"--port: \"65536\" is not a port (1-65535) or any" },
		{ "service set www --pools web=80,canary",
			"--pools: pool canary wants a weight, too (canary=N)" },
		{ "service set www --pools web,spare=5:1,canary=80",
			"--pools: pool web wants a weight, too (web=N)" },
		{ "explain --from 10.0.0.1", "--from: \"10.0.0.1\" is not ADDRESS:PORT or "
					     "[IPV6]:PORT" },
		{ "explain --from fd00::1:80", "--from: \"fd00::1:80\" is not ADDRESS:PORT or "
					       "[IPV6]:PORT" },
		{ "explain --from 10.0.0.1:99999", "--from: \"10.0.0.1:99999\" is not "
						   "ADDRESS:PORT or [IPV6]:PORT" },
		{ "explain --from :80", "--from: \":80\" is not ADDRESS:PORT or [IPV6]:PORT" },
		{ "explain --from []:80", "--from: \"[]:80\" is not ADDRESS:PORT or [IPV6]:PORT" },
		{ "explain --from [:80", "--from: \"[:80\" is not ADDRESS:PORT or [IPV6]:PORT" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct invocation invocation;
		struct error error = { "" };
		char line[256];

		assert_int_equal(parse(&invocation, rows[i].line, line, &error), -EINVAL);
		assert_string_equal(error.message, rows[i].sentence);
		invocation_release(&invocation);
	}
}

static void what_is_no_weight_or_share_is_refused(void **state)
{
	static const char *const rows[] = { "x", "-1", "1.5", "", "%", "0%", "101%", "1000%",
		"50%%", "5 %", "+5%", "1e1%", "99999999999999999999" };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *words[] = { "backend", "set", "web", "web-1", "--weight", (char *)rows[i] };
		struct invocation invocation;
		struct error error = { "" };

		assert_int_equal(
			invocation_parse(&invocation, COUNT_OF(words), words, &error), -EINVAL);
		assert_memory_equal(error.message, "--weight", strlen("--weight"));
		invocation_release(&invocation);
	}
}

static void durations_are_read_in_every_unit(void **state)
{
	static const struct {
		const char *text;
		json_int_t seconds; /* -1: refused */
	} rows[] = { { "1", 1 }, { "90", 90 }, { "90s", 90 }, { "10m", 600 }, { "2h", 7200 },
		{ "1d", 86400 }, { "4294967295", 4294967295 }, { "4294967296", -1 },
		{ "49710d", 4294944000 }, { "49711d", -1 }, { "99999999999999999999d", -1 },
		{ "m", -1 }, { "-1m", -1 }, { "1.5h", -1 }, { "10 m", -1 }, { "10min", -1 },
		{ "10M", -1 }, { "1h30m", -1 }, { "1w", -1 } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *words[] = { "backend", "drain", "web", "web-1", "--deadline",
			(char *)rows[i].text };
		struct invocation invocation;
		struct error error = { "" };
		char sentence[128];
		const json_t *seconds;

		assert_int_equal(invocation_parse(&invocation, COUNT_OF(words), words, &error),
			rows[i].seconds < 0 ? -EINVAL : 0);
		seconds = json_object_get(invocation.params, "deadline_s");
		snprintf(sentence, sizeof(sentence),
			"--deadline: \"%s\" is not a duration (as 90, 90s, 10m, 2h or 1d)",
			rows[i].text);
		if (rows[i].seconds < 0)
			assert_string_equal(error.message, sentence);
		else
			assert_int_equal(json_integer_value(seconds), rows[i].seconds);
		invocation_release(&invocation);
	}
}

static void options_of_every_command_may_stand_anywhere(void **state)
{
	static const char *const lines[] = { "--socket /tmp/s --json status",
		"status --json --socket=/tmp/s", "--json status --socket /tmp/s" };
	struct invocation invocation;
	char line[256];

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		assert_int_equal(parse(&invocation, lines[i], line, NULL), 0);
		assert_true(invocation.json);
		assert_string_equal(invocation.socket, "/tmp/s");
		invocation_release(&invocation);
	}
	assert_int_equal(parse(&invocation, "status", line, NULL), 0);
	assert_false(invocation.json);
	assert_string_equal(invocation.socket, "/run/sluice/control.sock");
	invocation_release(&invocation);
}

static void a_file_that_cannot_be_read_is_no_wrong_use(void **state)
{
	char path[] = "/tmp/sluicectl-XXXXXX", line[256], text[256];
	int fd = mkstemp(path);
	struct invocation invocation;
	struct error error;

	assert_int_equal(write(fd, "{\"a\":1,\n\"a\":2}", 15 - 1), 14);
	close(fd);
	snprintf(text, sizeof(text), "apply %s", path);
	assert_int_equal(parse(&invocation, text, line, &error), -EBADMSG);
	assert_non_null(strstr(error.message, "line 2 column"));
	assert_non_null(strstr(error.message, path));
	invocation_release(&invocation);

	unlink(path);
	assert_int_equal(parse(&invocation, text, line, &error), -ENOENT);
	assert_non_null(strstr(error.message, "No such file or directory"));
	invocation_release(&invocation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines_become_requests),
		cmocka_unit_test(wrong_uses_are_refused_with_a_hint),
		cmocka_unit_test(what_is_no_weight_or_share_is_refused),
		cmocka_unit_test(durations_are_read_in_every_unit),
		cmocka_unit_test(options_of_every_command_may_stand_anywhere),
		cmocka_unit_test(a_file_that_cannot_be_read_is_no_wrong_use),
	};

	return cmocka_run_group_tests_name("sluicectl_arguments", tests, NULL, NULL);
}
