/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines become requests, or are refused with a hint. */
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sluicectl/sluicectl_arguments.h"
#include "sluicectl/sluicectl_table.h"
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
		{ "pool add web --unhealthy-flows move --cross-zone true --zone-below 100% "
		  "--fail-open-below 65535 --withdraw-below 0%",
			"pool.add",
			"{\"dry_run\":false,\"pool\":{\"cross_zone\":true,\"fail_open_below\":65535,"
			"\"name\":\"web\",\"unhealthy_flows\":\"move\",\"withdraw_below\":\"0%\","
			"\"zone_below\":\"100%\"}}" },
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

#define DOCUMENT_FD 200

/* A value of each argument, NULL where it takes none, and what the request has of it. */
static const struct sample {
	const char *member;
	const char *text;
	const char *part;
} samples[] = {
	{ "name", "web", "{\"name\":\"web\"}" },
	{ "pool", "web", "{\"pool\":\"web\"}" },
	{ "vip", "203.0.113.10", "{\"vip\":\"203.0.113.10\"}" },
	{ "if_revision", "00000000000000ab", "{\"if_revision\":\"00000000000000ab\"}" },
	{ "dry_run", NULL, "{\"dry_run\":true}" },
	{ "force", NULL, "{\"force\":true}" },
	{ "volatile", NULL, "{\"volatile\":true}" },
	{ "overwrite", NULL, "{\"overwrite\":true}" },
	{ "revision", NULL, "{\"revision\":true}" },
	{ "now", NULL, "{\"now\":true}" },
	{ "deadline_s", "2m", "{\"deadline_s\":120}" },
	{ "weight", "7", "{\"weight\":7}" },
	{ "state", "drain", "{\"state\":\"drain\"}" },
	{ "health", "down", "{\"health\":\"down\"}" },
	{ "instance", "7f3a", "{\"instance\":\"7f3a\"}" },
	{ "pools", "web=90,spare:1",
		"{\"pools\":[{\"pool\":\"web\",\"weight\":90},{\"pool\":\"spare\",\"backup\":1}]}" },
	{ "since", "5", "{\"since\":5}" },
	{ "limit", "9", "{\"limit\":9}" },
	{ "kinds", "health,port", "{\"kinds\":[\"health\",\"port\"]}" },
	{ "level", "warning", "{\"level\":\"warning\"}" },
	{ "protocol", "udp", "{\"protocol\":\"udp\"}" },
	{ "problems", NULL, "{\"problems\":true}" },
	{ "length", "1500", "{\"length\":1500}" },
	{ "icmp_error", NULL, "{\"icmp_error\":true}" },
	{ "port", "any", "{\"port\":\"any\"}" },
	{ "forward", "l2dsr", "{\"forward\":\"l2dsr\"}" },
	{ "udp", "hash", "{\"udp\":\"hash\"}" },
	{ "config", "/proc/self/fd/200", "{\"config\":{\"a\":1}}" },
	{ "service.name", "www", "{\"service\":{\"name\":\"www\"}}" },
	{ "service.vip", "203.0.113.10", "{\"service\":{\"vip\":\"203.0.113.10\"}}" },
	{ "service.protocol", "tcp", "{\"service\":{\"protocol\":\"tcp\"}}" },
	{ "service.port", "80", "{\"service\":{\"port\":80}}" },
	{ "service.pool", "web", "{\"service\":{\"pool\":\"web\"}}" },
	{ "service.pools", "web,spare:1",
		"{\"service\":{\"pools\":[{\"pool\":\"web\"},{\"pool\":\"spare\",\"backup\":1}]}}" },
	{ "service.forward", "ipip", "{\"service\":{\"forward\":\"ipip\"}}" },
	{ "service.udp", "hash", "{\"service\":{\"udp\":\"hash\"}}" },
	{ "pool.name", "web", "{\"pool\":{\"name\":\"web\"}}" },
	{ "pool.slots", "251", "{\"pool\":{\"slots\":251}}" },
	{ "pool.builder", "rendezvous", "{\"pool\":{\"builder\":\"rendezvous\"}}" },
	{ "pool.affinity", "{\"guard_s\":7}", "{\"pool\":{\"affinity\":{\"guard_s\":7}}}" },
	{ "pool.slow_start", "{\"duration_s\":60,\"steps\":6}",
		"{\"pool\":{\"slow_start\":{\"duration_s\":60,\"steps\":6}}}" },
	{ "pool.drain_deadline_s", "1h", "{\"pool\":{\"drain_deadline_s\":3600}}" },
	{ "pool.max_disruption_percent", "40", "{\"pool\":{\"max_disruption_percent\":40}}" },
	{ "pool.health", "{\"type\":\"tcp\"}", "{\"pool\":{\"health\":{\"type\":\"tcp\"}}}" },
	{ "pool.fail_open_below", "1", "{\"pool\":{\"fail_open_below\":1}}" },
	{ "pool.withdraw_below", "50%", "{\"pool\":{\"withdraw_below\":\"50%\"}}" },
	{ "pool.all_down", "drop", "{\"pool\":{\"all_down\":\"drop\"}}" },
	{ "pool.unhealthy_flows", "{\"tcp\":\"move\",\"udp\":\"keep\"}",
		"{\"pool\":{\"unhealthy_flows\":{\"tcp\":\"move\",\"udp\":\"keep\"}}}" },
	{ "pool.cross_zone", "false", "{\"pool\":{\"cross_zone\":false}}" },
	{ "pool.zone_below", "0", "{\"pool\":{\"zone_below\":0}}" },
	{ "pool.max_load_percent", "150", "{\"pool\":{\"max_load_percent\":150}}" },
	{ "backend.name", "web-1", "{\"backend\":{\"name\":\"web-1\"}}" },
	{ "backend.address", "10.2.0.21", "{\"backend\":{\"address\":\"10.2.0.21\"}}" },
	{ "backend.key", "seat:1", "{\"backend\":{\"key\":\"seat:1\"}}" },
	{ "backend.weight", "0", "{\"backend\":{\"weight\":0}}" },
	{ "backend.seat_weight", "5", "{\"backend\":{\"seat_weight\":5}}" },
	{ "backend.state", "disabled", "{\"backend\":{\"state\":\"disabled\"}}" },
	{ "backend.health", "{\"port\":8080}", "{\"backend\":{\"health\":{\"port\":8080}}}" },
	{ "backend.zone", "ams1", "{\"backend\":{\"zone\":\"ams1\"}}" },
	{ "source", "[fd00::7]:7", "{\"source\":\"fd00::7\",\"source_port\":7}" },
	{ "destination", "10.0.0.1:80", "{\"destination\":\"10.0.0.1\",\"destination_port\":80}" },
};

static const struct sample *find_sample(const struct argument *argument)
{
	for (size_t i = 0; i < COUNT_OF(samples); i++)
		if (strcmp(samples[i].member, argument->member) == 0)
			return &samples[i];
	fail_msg("no sample of %s (%s)", argument->name, argument->member);
	return NULL;
}

static void add_part(json_t *request, const char *text)
{
	json_t *part = json_loads(text, 0, NULL);

	assert_non_null(part);
	assert_int_equal(json_object_update_recursive(request, part), 0);
	json_decref(part);
}

/* A command line, and the request that it should become. */
struct wanted {
	char line[512];
	json_t *request;
};

static void add_argument(struct wanted *wanted, const struct argument *argument)
{
	const struct sample *sample = find_sample(argument);
	size_t used = strlen(wanted->line);

	assert_int_equal(sample->text != NULL, argument_takes_value(argument));
	snprintf(wanted->line + used, sizeof(wanted->line) - used, " %s%s%s",
		argument_is_option(argument) ? argument->name : "",
		argument_is_option(argument) && sample->text != NULL ? " " : "",
		sample->text != NULL ? sample->text : "");
	add_part(wanted->request, sample->part);
}

/* An option with a value, as a command with needs_option has to have one. */
static const struct argument *find_companion(const struct command *command)
{
	const struct argument *each = command_arguments(command);

	while (!argument_is_option(each) || !argument_takes_value(each))
		each++;
	return each;
}

/* What must be there anyhow, and one more. */
static void add_arguments(
	struct wanted *wanted, const struct command *command, const struct argument *one)
{
	const struct argument *companion = command->needs_option ? find_companion(command) : one;

	for (const struct argument *each = command_arguments(command); each->name != NULL; each++) {
		if (each->kind == ARGUMENT_FLAG)
			add_part(wanted->request, "{\"dry_run\":false}");
		if (each == one || each == companion || each->required)
			add_argument(wanted, each);
	}
	if (command->state != NULL)
		json_object_set_new(wanted->request, "state", json_string(command->state));
}

static void expect_wanted(const struct wanted *wanted)
{
	struct invocation invocation;
	struct error error = { "" };
	char line[512];

	if (parse(&invocation, wanted->line, line, &error) != 0)
		fail_msg("%s: %s", wanted->line, error.message);
	if (!json_equal(invocation.params, wanted->request))
		fail_msg("%s: %s", wanted->line,
			json_dumps(invocation.params, JSON_COMPACT | JSON_SORT_KEYS));
	invocation_release(&invocation);
}

static void each_option_of_each_command_becomes_what_the_method_takes(void **state)
{
	int document = memfd_create("document", 0);
	size_t count = 0;

	/* its place is the one that the sample of a file names */
	assert_int_equal(dup2(document, DOCUMENT_FD), DOCUMENT_FD);
	assert_int_equal(write(DOCUMENT_FD, "{\"a\":1}", 7), 7);
	close(document);
	for (size_t i = 0; i < command_table_size; i++) {
		const struct command *command = &command_table[i];
		const struct argument *each = command_arguments(command);

		for (; each->name != NULL; each++) {
			struct wanted wanted = { "", json_object() };

			if (each->kind != ARGUMENT_SWITCH) { /* those are not sent */
				snprintf(wanted.line, sizeof(wanted.line), "%s", command->name);
				add_arguments(&wanted, command, each);
				expect_wanted(&wanted);
				count++;
			}
			json_decref(wanted.request);
		}
	}
	assert_true(count >= COUNT_OF(samples));
	close(DOCUMENT_FD);
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
		{ "pool add web --health tcp", "--health: \"tcp\" is not an object in JSON "
					       "(as '{\"key\": \"value\"}')" },
		{ "pool add web --health [1]", "--health: \"[1]\" is not an object in JSON "
					       "(as '{\"key\": \"value\"}')" },
		{ "pool add web --health {\"a\":1,\"a\":2}",
			"--health: line 1 column 10: duplicate object key near '\"a\"'" },
		{ "pool add web --unhealthy-flows {\"tcp\"}",
			"--unhealthy-flows: line 1 column 7: ':' expected near '}'" },
		{ "pool add web --cross-zone", "--cross-zone wants a value" },
		{ "pool add web --cross-zone no",
			"--cross-zone: \"no\" is neither true nor false" },
		{ "pool add web --zone-below 101%",
			"--zone-below: \"101%\" is neither a number (0-65535) nor a percentage "
			"(0%-100%)" },
		{ "pool add web --fail-open-below 65536",
			"--fail-open-below: \"65536\" is neither a number (0-65535) nor a "
			"percentage (0%-100%)" },
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
		cmocka_unit_test(each_option_of_each_command_becomes_what_the_method_takes),
		cmocka_unit_test(wrong_uses_are_refused_with_a_hint),
		cmocka_unit_test(what_is_no_weight_or_share_is_refused),
		cmocka_unit_test(durations_are_read_in_every_unit),
		cmocka_unit_test(options_of_every_command_may_stand_anywhere),
		cmocka_unit_test(a_file_that_cannot_be_read_is_no_wrong_use),
	};

	return cmocka_run_group_tests_name("sluicectl_arguments", tests, NULL, NULL);
}
