/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines to requests, results to text, and what is said when nobody, or nonsense, answers.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluicectl/sluicectl_arguments.h"
#include "sluicectl/sluicectl_backends.h"
#include "sluicectl/sluicectl_change.h"
#include "sluicectl/sluicectl_invocation.h"
#include "sluicectl/sluicectl_link.h"
#include "sluicectl/sluicectl_pins.h"
#include "sluicectl/sluicectl_report.h"
#include "sluicectl/sluicectl_table.h"

#define WORDS_MAX 24

/* Splits at single blanks; the words lie in `line`. */
static size_t split(char *line, char **words)
{
	size_t count = 0;

	for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
		words[count++] = word;
	return count;
}

static int parse(struct invocation *invocation, const char *text, char *line, struct error *error)
{
	char *words[WORDS_MAX];

	strcpy(line, text);
	return invocation_parse(invocation, split(line, words), words, error);
}

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

static void expect_report(
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

static void the_status_begins_with_whether_the_node_is_ready(void **state)
{
	expect_report(report_status,
		"{\"node\":\"edge-1\",\"version\":\"0.1.0\",\"pid\":77,\"uptime_s\":3723,"
		"\"ready\":false,\"reasons\":[\"worker 2 has stalled\"],"
		"\"configuration\":{\"revision\":\"fedcba9876543210\",\"file\":\"/etc/sluice.json\","
		"\"file_state\":\"edited\",\"unsaved_since\":null},"
		"\"state\":{\"file\":\"/run/sluice/state\",\"start\":\"cold\","
		"\"reason\":\"no state file\"},\"table_digest\":\"0123456789abcdef\","
		"\"workers\":[{\"lcore\":1,\"cpu\":0,\"state\":\"running\",\"packets\":123456,"
		"\"busy_percent\":12.34,\"cycles_per_packet\":61.7}],"
		"\"ports\":[{\"name\":\"edge\",\"device\":\"net_af_xdp0,iface=l0\","
		"\"driver\":\"net_af_xdp\",\"host_path\":\"xdp\",\"mtu\":1500,"
		"\"mac\":\"02:00:00:00:00:01\",\"link\":\"up\"}],"
		"\"pools\":[{\"name\":\"web\",\"slots\":65537,\"digest\":\"0123456789abcdef\","
		"\"backends\":3,\"active\":2}],\"warnings\":[\"no gateway\"],"
		"\"last_change\":{\"method\":\"backend.set\",\"report\":{\"slots_moved\":3277,\"slots_total\":65537}}}",
		"edge-1 is not ready\n"
		"  worker 2 has stalled\n"
		"warning: no gateway\n"
		"\n"
		"version        0.1.0\n"
		"pid            77\n"
		"uptime, s      3723\n"
		"table digest   0123456789abcdef\n"
		"revision       fedcba9876543210\n"
		"configuration  /etc/sluice.json\n"
		"which is       edited\n"
		"state file     /run/sluice/state\n"
		"start          cold\n"
		"because        no state file\n"
		"last change    backend.set moved 3277 of 65537 slots\n"
		"\n"
		"workers\n"
		"lcore  cpu  state    packets  busy %  cycles/packet\n"
		"    1    0  running   123456    12.3           61.7\n"
		"\n"
		"ports\n"
		"name  link  mac                 mtu  host path  driver      device\n"
		"edge  up    02:00:00:00:00:01  1500  xdp        net_af_xdp  "
		"net_af_xdp0,iface=l0\n"
		"\n"
		"pools\n"
		"name  slots  digest            backends  active\n"
		"web   65537  0123456789abcdef         3       2\n");
}

static void lists_are_tables(void **state)
{
	expect_report(report_services,
		"[{\"name\":\"www\",\"vip\":\"203.0.113.10\",\"protocol\":\"tcp\",\"port\":80,"
		"\"pool\":\"web\",\"forward\":\"ipip\",\"packets\":12,\"bytes\":3456,"
		"\"new_flows\":3},{\"name\":\"dns\",\"vip\":\"2001:db8::53\","
		"\"protocol\":\"udp\",\"port\":\"any\",\"pool\":\"dns\",\"forward\":\"l2dsr\","
		"\"packets\":1234567,\"bytes\":0,\"new_flows\":0}]",
		"name  vip           protocol  port  pool  forward  packets  bytes  new flows\n"
		"www   203.0.113.10  tcp         80  web   ipip          12   3456          3\n"
		"dns   2001:db8::53  udp        any  dns   l2dsr    1234567      0          0\n");
	expect_report(report_pools,
		"[{\"name\":\"web\",\"slots\":65537,\"digest\":\"0123456789abcdef\","
		"\"backends\":3,\"active\":2,\"services\":[\"www\",\"www6\"]},"
		"{\"name\":\"dns\",\"slots\":251,\"digest\":\"fedcba9876543210\","
		"\"backends\":1,\"active\":1,\"services\":[]}]",
		"name  slots  digest            backends  active  services\n"
		"web   65537  0123456789abcdef         3       2  www,www6\n"
		"dns     251  fedcba9876543210         1       1  -\n");
}

static void backends_tell_how_they_live_and_what_a_drain_has_left(void **state)
{
	expect_report(backends_report_all,
		"[{\"pool\":\"web\",\"name\":\"web-1\",\"address\":\"10.2.0.21\",\"weight\":100,"
		"\"key\":\"10.2.0.21\",\"state\":\"active\",\"life\":\"suspect\",\"health\":\"down\","
		"\"flows_left\":null,\"slots\":32769,\"share_percent\":50.0008,\"packets\":1,"
		"\"packets_per_second\":12.34,\"bytes\":2,\"new_flows\":3},"
		"{\"pool\":\"web\",\"name\":\"web-2\",\"address\":\"10.2.0.22\",\"weight\":100,"
		"\"state\":\"drain\",\"life\":\"drain\",\"deadline_s\":598,\"flows_left\":"
		"{\"estimate\":120,\"error_percent\":8.8,\"window_s\":30},\"slots\":0,"
		"\"share_percent\":0,\"packets\":5,\"bytes\":6,\"new_flows\":0},"
		"{\"pool\":\"web\",\"name\":\"web-3\",\"address\":\"10.2.0.23\",\"removed\":true,"
		"\"life\":\"drain\",\"deadline_s\":9,\"flows_left\":{\"estimate\":7}}]",
		"pool  name   address    weight  state    life      left    flows  slots  share %  "
		"packets  packets/s  bytes  new flows  new/s\n"
		"web   web-1  10.2.0.21     100  active   suspect      -        -  32769     50.0  "
		"      1       12.3      2          3      -\n"
		"web   web-2  10.2.0.22     100  drain    drain    9m58s  120+-9%      0        0  "
		"      5          -      6          0      -\n"
		"web   web-3  10.2.0.23       -  removed  drain       9s        7      -        -  "
		"      -          -      -          -      -\n");
}

static void backends_of_an_older_daemon_are_shown_with_dashes(void **state)
{
	expect_report(backends_report_all,
		"[{\"pool\":\"web\",\"name\":\"web-1\",\"address\":\"10.2.0.21\",\"weight\":100,"
		"\"state\":\"active\",\"slots\":32769,\"share_percent\":50.0008,\"packets\":1,"
		"\"bytes\":2,\"new_flows\":3}]",
		"pool  name   address    weight  state   life  left  flows  slots  share %  "
		"packets  packets/s  bytes  new flows  new/s\n"
		"web   web-1  10.2.0.21     100  active  -        -      -  32769     50.0  "
		"      1          -      2          3      -\n");
}

static void what_a_drain_has_left_is_shown_in_two_units(void **state)
{
	static const struct {
		json_int_t seconds;
		const char *text;
	} rows[] = { { -1, " -1s " }, { 0, " 0s " }, { 59, " 59s " }, { 60, " 1m0s " },
		{ 3599, " 59m59s " }, { 3600, " 1h0m " }, { 86399, " 23h59m " },
		{ 86400, " 1d0h " }, { 604800, " 7d0h " } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *list = json_pack("[{s:I}]", "deadline_s", rows[i].seconds);
		size_t length;
		char *text;
		FILE *out = open_memstream(&text, &length);

		backends_report(list, out);
		fclose(out);
		assert_non_null(strstr(text, rows[i].text));
		free(text);
		json_decref(list);
	}
}

static void pins_are_shown_whole_by_class_and_by_pool(void **state)
{
	expect_report(pins_report,
		"{\"capacity\":786432,\"used\":1234,\"older_used\":7,\"fill_percent\":0.157,\"classes\":"
		"{\"probation\":34,\"established\":1200},\"inserts\":5000,\"refused\":1,"
		"\"evicted\":{\"probation\":2},\"flood\":false,\"crowded\":true,"
		"\"memory_bytes\":8388608,"
		"\"last_sweep_ms\":2.25,\"swept\":3763,\"unpinned\":0,\"pools\":["
		"{\"name\":\"web\",\"slots\":65537,\"pins\":1200,\"flood\":false,\"unresolved\":3277,"
		"\"reasons\":"
		"{\"settling\":3000,\"observing\":200,\"away\":70,\"pinned\":7},"
		"\"longest_wait_s\":912}]}",
		"capacity                         786432\n"
		"used                             1234\n"
		"in older tables                  7\n"
		"fill %                           0.2\n"
		"memory, bytes                    8388608\n"
		"inserts                          5000\n"
		"refused                          1\n"
		"flows without the pin they need  0\n"
		"flood                            no\n"
		"crowded                          yes\n"
		"last sweep, ms                   2.2\n"
		"swept                            3763\n"
		"\n"
		"classes\n"
		"class        pins  evicted\n"
		"probation      34        2\n"
		"established  1200        -\n"
		"\n"
		"pools\n"
		"name  slots  pins  flood  unresolved  settling  observing  away  pinned  longest "
		"wait, s\n"
		"web   65537  1200     no        3277      3000        200    70       7              "
		"912\n");
}

static void empty_lists_say_so(void **state)
{
	expect_report(report_services, "[]", "no services\n");
	expect_report(report_pools, "[]", "no pools\n");
	expect_report(backends_report, "[]", "no backends\n");
}

static void an_explanation_shows_what_it_has(void **state)
{
	expect_report(report_explanation,
		"{\"verdict\":\"forwarded\",\"why\":\"service www claims it\",\"service\":\"www\","
		"\"slot\":123,\"outer_destination\":\"10.2.0.21\",\"mtu\":1500}",
		"verdict            forwarded\n"
		"why                service www claims it\n"
		"service            www\n"
		"slot               123\n"
		"outer destination  10.2.0.21\n"
		"mtu                1500\n");
}

static void an_explanation_says_why_a_flow_is_where_it_is(void **state)
{
	expect_report(report_explanation,
		"{\"verdict\":\"forwarded\",\"slot\":123,\"slot_state\":\"tracked\","
		"\"reason\":\"pin\",\"reason_text\":\"a pin remembers its backend\","
		"\"home\":\"web-1\",\"current\":\"web-2\",\"pin\":{\"backend\":\"web-1\","
		"\"class\":\"established\",\"age_s\":12},\"backend\":\"web-1\"}",
		"verdict     forwarded\n"
		"slot        123\n"
		"slot state  tracked\n"
		"home        web-1\n"
		"current     web-2\n"
		"reason      pin\n"
		"that is     a pin remembers its backend\n"
		"pin         web-1, established, 12 s old\n"
		"backend     web-1\n");
	expect_report(report_explanation,
		"{\"slot_state\":\"quiet\",\"home\":null,\"pin\":null,\"backend\":\"web-1\"}",
		"slot state  quiet\n"
		"backend     web-1\n");
}

static void statistics_leave_out_what_drivers_count_as_zero(void **state)
{
	expect_report(report_statistics,
		"{\"ports\":{\"edge\":{\"rx_packets\":10,\"rx_bytes\":600,\"tx_packets\":9,"
		"\"tx_bytes\":720,\"rx_missed\":0,\"driver\":{\"rx_good\":10,\"rx_bad\":0},"
		"\"steer\":{\"to_worker\":0}}},\"verdicts\":{\"forwarded\":9,\"malformed\":0},"
		"\"services\":{\"www\":{\"packets\":9,\"bytes\":540,\"new_flows\":1}},"
		"\"backends\":{\"web/web-1\":{\"packets\":9,\"bytes\":540,\"new_flows\":1}},"
		"\"workers\":[{\"lcore\":1,\"packets\":10,\"busy_percent\":0.5,"
		"\"cycles_per_packet\":61.7}]}",
		"ports\n"
		"name  rx packets  rx bytes  tx packets  tx bytes  rx missed\n"
		"edge          10       600           9       720          0\n"
		"\n"
		"driver of port edge\n"
		"rx_good  10\n"
		"\n"
		"verdicts\n"
		"forwarded  9\n"
		"malformed  0\n"
		"\n"
		"services\n"
		"name  packets  bytes  new flows\n"
		"www         9    540          1\n"
		"\n"
		"backends\n"
		"name       packets  bytes  new flows\n"
		"web/web-1        9    540          1\n"
		"\n"
		"workers\n"
		"lcore  packets  busy %  cycles/packet\n"
		"    1       10     0.5           61.7\n");
}

static void the_last_change_says_what_differed(void **state)
{
	expect_report(report_status,
		"{\"node\":\"edge-1\",\"ready\":true,\"last_change\":{\"method\":\"SIGHUP\",\"parameters\":"
		"\"backends changed web/web-1\",\"time\":\"2026-11-30T09:30:31Z\",\"report\":{"
		"\"slots_moved\":3678,\"slots_total\":65537}}}",
		"edge-1 is ready\n"
		"\n"
		"last change  SIGHUP backends changed web/web-1 moved 3678 of 65537 slots, "
		"2026-11-30T09:30:31Z\n");
}

static void a_change_says_what_it_moved(void **state)
{
	static const char moved[] =
		"{\"changed\":%s,\"dry_run\":%s,\"slots_moved\":3277,\"slots_total\":65788,"
		"\"moved_percent\":4.98,\"table_digest\":\"0123456789abcdef\",\"pools\":["
		"{\"name\":\"web\",\"slots_moved\":3277,\"slots\":65537,\"digest\":\"00\","
		"\"backends\":[{\"name\":\"web-1\",\"slots_before\":32769,\"slots_after\":29492},"
		"{\"name\":\"web-2\",\"slots_before\":32768,\"slots_after\":36045}]},"
		"{\"name\":\"dns\",\"slots_moved\":0,\"slots\":251,\"digest\":\"00\","
		"\"backends\":[{\"name\":\"dns-1\",\"slots_before\":251,\"slots_after\":251}]}]}";
	static const char table[] =
		"%s 3,277 of 65,788 slots (5.0 %%)\n"
		"\n"
		"pool  backend  slots before  slots after  share %% before  share %% after\n"
		"web   web-1           32769        29492            50.0           45.0\n"
		"web   web-2           32768        36045            50.0           55.0\n";
	char result[1024], golden[1024];

	snprintf(result, sizeof(result), moved, "true", "false");
	snprintf(golden, sizeof(golden), table, "moved");
	expect_report(change_report, result, golden);
	snprintf(result, sizeof(result), moved, "false", "true");
	snprintf(golden, sizeof(golden), table, "would move");
	expect_report(change_report, result, golden);
}

static void a_document_says_what_differs_in_it(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251,"
		"\"changes\":\"services added www6; backends changed web/web-1\"}",
		"would change, no slot would move\n"
		"services added www6; backends changed web/web-1\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251,"
		"\"changes\":\"services added www6\",\"differences\":{\"keys\":["
		"{\"path\":\"pools[web].backends[web-1].weight\",\"before\":100,\"after\":50},"
		"{\"path\":\"pools[web].backends[web-2]\",\"before\":{}},"
		"{\"path\":\"pools[web].backends[web-3].address\",\"before\":\"10.2.0.1\","
		"\"after\":\"10.2.0.2\"},"
		"{\"path\":\"services[www6]\",\"after\":{}},"
		"{\"path\":\"x\\u001b\",\"before\":\"\\u001b[0m\",\"after\":["
		"\"1234567890\",\"1234567890\",\"1234567890\",\"1234567890\",\"1234567890\"]},"
		"{\"path\":\"seat\",\"before\":5}],\"left_out\":1}}",
		"would change, no slot would move\n"
		"services added www6\n"
		"  pools[web].backends[web-1].weight: 100 -> 50\n"
		"  pools[web].backends[web-2]: removed\n"
		"  pools[web].backends[web-3].address: \"10.2.0.1\" -> \"10.2.0.2\"\n"
		"    another address is another backend: the former drains, as one that is removed\n"
		"  services[www6]: added\n"
		"  x?: \"\\u001B[0m\" -> "
		"[\"1234567890\",\"1234567890\",\"1234567890\",\"1234567890\",\"123...\n"
		"  seat: 5 -> -\n"
		"  and 1 more key\n");
}

static void a_dynamic_weight_says_what_it_comes_to_and_when(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"dynamic_weight\":{\"asked_percent\":1,\"percent\":6.25,\"percent_before\":100.0,"
		"\"weight\":100,\"in_s\":7,\"slots_to_move\":11169}}",
		"changed, no slot moved\n"
		"weight is 6.25 % of 100, in 7 s (11,169 slots move then)\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251,"
		"\"dynamic_weight\":{\"asked_percent\":5,\"percent\":6.25,\"percent_before\":6.25,"
		"\"weight\":100,\"in_s\":0,\"slots_to_move\":0}}",
		"would change, no slot would move\n"
		"weight stays 6.25 % of 100\n");
}

static void a_change_that_moves_nothing_says_so(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251}",
		"changed, no slot moved\n");
	expect_report(change_report,
		"{\"changed\":false,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251}",
		"nothing to change\n");
	expect_report(change_report,
		"{\"changed\":false,\"dry_run\":false,\"written\":true,\"slots_moved\":0,"
		"\"slots_total\":251}",
		"the file is written; nothing else to change\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251}",
		"would change, no slot would move\n");
	expect_report(change_report,
		"{\"changed\":false,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251}",
		"nothing to change\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":1000000,"
		"\"slots_total\":5000011,\"moved_percent\":19.99}",
		"moved 1,000,000 of 5,000,011 slots (20.0 %)\n");
}

/* News that come thick and fast are built together: what moves is not known when it is answered. */
static void a_change_that_waits_for_the_next_build_says_so(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"pinned_percent\":0.0,\"pending_ms\":60}",
		"changed; slots move with the next build of the table, in 60 ms at most\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"pending_ms\":0}",
		"changed, no slot moved\n");
}

static void a_change_says_what_it_costs_in_a_line_each(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":3277,\"slots_total\":65537,"
		"\"moved_percent\":5.0,\"pinned_percent\":4.62,"
		"\"pinned\":{\"pool\":\"web\",\"pools\":3},\"forced\":true,"
		"\"largest_load_change\":{\"pool\":\"web\",\"backend\":\"web-2\","
		"\"slots_before\":32768,\"slots_after\":36045,\"percent\":10.0}}",
		"would move 3,277 of 65,537 slots (5.0 %)\n"
		"would pin about 4.6 % of the flows of pool web, and up to as many of 2 other "
		"pools\n"
		"largest change of load: web/web-2 from 32,768 to 36,045 slots (+10.0 %)\n"
		"would be forced\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":3277,\"slots_total\":65537,"
		"\"moved_percent\":5.0,\"pinned_percent\":0,\"forced\":true,"
		"\"largest_load_change\":{\"pool\":\"web\",\"backend\":\"web-2\","
		"\"slots_before\":32768,\"slots_after\":0,\"percent\":-100}}",
		"moved 3,277 of 65,537 slots (5.0 %)\n"
		"pins about 0.0 % of the flows\n"
		"largest change of load: web/web-2 from 32,768 to 0 slots (-100.0 %)\n"
		"forced\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"largest_load_change\":null,\"forced\":false}",
		"changed, no slot moved\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"largest_load_change\":{\"pool\":\"web\",\"backend\":\"new\","
		"\"slots_before\":0,\"slots_after\":251,\"percent\":null}}",
		"changed, no slot moved\n"
		"largest change of load: web/new from 0 to 251 slots\n");
}

static void a_change_names_whose_connections_it_breaks(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251,"
		"\"cut_percent\":43.3,\"cut\":{\"pool\":\"web\",\"pools\":1},\"cut_pins\":1200,"
		"\"services_cut\":[{\"service\":\"www\",\"text\":\"gone\"}],"
		"\"backends_cut\":[{\"pool\":\"web\",\"backend\":\"web-1\",\"slots\":28400,"
		"\"in_s\":0,\"flows_left\":{\"estimate\":1204,\"complete\":false}}]}",
		"would change, no slot would move\n"
		"WOULD BREAK the connections of about 43.3 % of the flows of pool web, and of "
		"those among 1,200 pinned flows that live there\n"
		"  service www: gone\n"
		"  backend web/web-1: the flows of 28,400 slots, at least 1,204 flows left\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"cut_percent\":43.3,\"cut\":{\"pool\":\"web\",\"pools\":1},\"cut_in_s\":5,"
		"\"backends_cut\":[{\"pool\":\"web\",\"backend\":\"web-1\","
		"\"slots\":109,\"in_s\":5,\"flows_left\":null}]}",
		"changed, no slot moved\n"
		"WILL BREAK the connections of about 43.3 % of the flows of pool web\n"
		"  backend web/web-1: the flows of 109 slots, in 5 s\n");
}

static void results_of_another_shape_are_survived(void **state)
{
	static void (*const reports[])(const json_t *, FILE *) = { report_status, report_services,
		report_pools, backends_report, pins_report, report_explanation, report_statistics,
		change_report, report_document };
	static const char *const results[] = {
		"null", "3", "\"x\"", "[]", "{}", "[1,null,[]]",
		"{\"ports\":3,\"verdicts\":[],\"workers\":{\"a\":1},\"state\":7,\"pools\":[{}]}",
		"[{\"flows_left\":7,\"deadline_s\":\"x\",\"removed\":3,\"state\":{}},[]]",
		"{\"classes\":{\"a\":null},\"evicted\":[1],\"pools\":[{\"reasons\":3}]}",
		"{\"pin\":{\"backend\":[],\"age_s\":{}},\"largest_load_change\":{\"pool\":7}}",
		"{\"cut_percent\":7,\"services_cut\":[3,{}],\"backends_cut\":[null,{\"flows_left\":3}]}"
	};

	for (size_t i = 0; i < COUNT_OF(reports); i++) {
		for (size_t j = 0; j < COUNT_OF(results); j++) {
			json_t *value = json_loads(results[j], JSON_DECODE_ANY, NULL);
			size_t length;
			char *text;
			FILE *out = open_memstream(&text, &length);

			reports[i](value, out);
			assert_int_equal(fclose(out), 0);
			free(text);
			json_decref(value);
		}
	}
}

/* A stand-in for sluiced: reads a line of each client in turn and says what is for that one. */
struct stand_in {
	char path[64];
	pid_t pid;
};

static void answer_once(int listener, const char *answer, bool read_first)
{
	int fd = accept(listener, NULL, NULL);
	char byte = 0;

	while (read_first && byte != '\n')
		if (read(fd, &byte, 1) != 1)
			_exit(1);
	if (write(fd, answer, strlen(answer)) != (ssize_t)strlen(answer))
		_exit(1);
	close(fd);
}

static void start_with(
	struct stand_in *stand_in, const char *const *answers, size_t count, bool read_first)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(stand_in->path, sizeof(stand_in->path), "/tmp/sluicectl-%d.sock", (int)getpid());
	strcpy(address.sun_path, stand_in->path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	stand_in->pid = fork();
	if (stand_in->pid == 0) {
		for (size_t i = 0; i < count; i++)
			answer_once(listener, answers[i], read_first);
		_exit(0);
	}
	close(listener);
}

static void start(struct stand_in *stand_in, const char *answer, bool read_first)
{
	start_with(stand_in, &answer, 1, read_first);
}

static void stop(struct stand_in *stand_in)
{
	int status;

	assert_int_equal(waitpid(stand_in->pid, &status, 0), stand_in->pid);
	assert_int_equal(status, 0);
	unlink(stand_in->path);
}

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

/* The program, with its messages in `said`; returns its exit status. `output` is its stdout. */
static int run_program(const char *program, const char *socket, const char *line, int output,
	char said[static 512])
{
	char *words[WORDS_MAX] = { (char *)program, "--socket", (char *)socket };
	char copy[256];
	int ends[2], status;
	ssize_t got, length = 0;
	pid_t child;

	strcpy(copy, line);
	words[3 + split(copy, words + 3)] = NULL;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		dup2(output, STDOUT_FILENO);
		close(ends[0]);
		execv(program, words);
		_exit(127);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + length, 511 - length)) > 0)
		length += got;
	said[length] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define GRANTED                                                                                  \
	"{\"jsonrpc\":\"2.0\",\"result\":{\"changed\":true,\"dry_run\":false,\"slots_moved\":0," \
	"\"slots_total\":251},\"id\":1}\n"
#define REFUSED "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"no\"},\"id\":1}\n"
#define REFUSED_TWICE                                                                              \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"no\",\"data\":{\"errors\":" \
	"[\"no\",\"nor that\"],\"complete\":false}},\"id\":1}\n"
#define CHANGE "backend set web web-1 --state disabled"

static void the_exit_status_says_what_became_of_a_change(void **state)
{
	static const struct {
		const char *line;
		const char *answer; /* NULL where nothing is asked */
		const char *output;
		int status;
		const char *said;
	} rows[] = {
		{ CHANGE, GRANTED, "/dev/null", 0, "" },
		{ CHANGE, REFUSED, "/dev/null", 1, "sluicectl: no\n" },
		{ CHANGE, REFUSED_TWICE, "/dev/null", 1,
			"sluicectl: no\nsluicectl: nor that\n"
			"sluicectl: there may be more, which shows when these are mended\n" },
		{ CHANGE " --json", REFUSED_TWICE, "/dev/null", 1,
			"{\"error\":{\"message\":\"no\",\"status\":1,\"errors\":[\"no\",\"nor that\"],"
			"\"complete\":false}}\n" },
		{ CHANGE, "", "/dev/null", 3,
			"sluicectl: sluiced hung up without an answer\n"
			"sluicectl: the change may have been made: see sluicectl status\n" },
		{ CHANGE, "{\"jsonrpc\":\"2.0\",\"result\":{\"cha", "/dev/null", 3,
			"sluicectl: sluiced hung up without an answer\n"
			"sluicectl: the change may have been made: see sluicectl status\n" },
		{ CHANGE, GRANTED, "/dev/full", 3,
			"sluicectl: writing the answer: No space left on device\n"
			"sluicectl: the change was made\n" },
		{ CHANGE " --dry-run", "", "/dev/null", 1,
			"sluicectl: sluiced hung up without an answer\n" },
		{ "status", "", "/dev/null", 1, "sluicectl: sluiced hung up without an answer\n" },
		{ CHANGE, NULL, "/dev/null", 1, "sluicectl: cannot reach sluiced at " },
		{ "backend set web", NULL, "/dev/null", 2, "sluicectl: backend set wants NAME\n" },
	};
	const char *program = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int output = open(rows[i].output, O_WRONLY);
		struct stand_in stand_in = { "/nowhere/socket", 0 };
		char said[512];

		if (rows[i].answer != NULL)
			start(&stand_in, rows[i].answer, true);
		assert_int_equal(run_program(program, stand_in.path, rows[i].line, output, said),
			rows[i].status);
		assert_memory_equal(said, rows[i].said, strlen(rows[i].said));
		assert_int_equal(said[0] == '\0', rows[i].said[0] == '\0');
		if (rows[i].answer != NULL)
			stop(&stand_in);
		close(output);
	}
}

#define BACKEND(state, life, flows)                                                              \
	"{\"jsonrpc\":\"2.0\",\"result\":[{\"name\":\"web-1\",\"weight\":100,\"state\":\"" state \
	"\",\"life\":\"" life "\",\"flows_left\":" flows "}],\"id\":1}\n"
#define COUNTED(flows) "{\"estimate\":" flows ",\"complete\":true}"

static void the_exit_status_says_how_a_drain_ended(void **state)
{
	static const struct {
		const char *seen, *then; /* NULL: it has ended when it is seen first */
		int status;
	} rows[] = {
		{ BACKEND("drain", "drain", COUNTED("0")), NULL, 0 },
		{ BACKEND("drain", "drain", COUNTED("4")), BACKEND("drain", "drained", "null"), 5 },
		{ BACKEND("drain", "drain", COUNTED("4")), BACKEND("active", "up", "null"), 6 },
		{ BACKEND("drain", "drain", COUNTED("4")), BACKEND("drain", "absent", "null"), 7 },
		{ BACKEND("drain", "drain", COUNTED("4")), BACKEND("disabled", "off", "null"), 7 },
		{ BACKEND("drain", "drain", "null"), BACKEND("drain", "drained", "null"), 8 },
		{ BACKEND("drain", "drained", "null"), NULL, 8 },
		{ "{\"jsonrpc\":\"2.0\",\"result\":[],\"id\":1}\n", NULL, 7 },
		{ "", NULL, 3 },
	};
	const char *program = *state;
	int output = open("/dev/null", O_WRONLY);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *answers[] = { GRANTED, rows[i].seen, rows[i].then };
		struct stand_in stand_in;
		char said[512];

		start_with(&stand_in, answers, rows[i].then == NULL ? 2 : 3, true);
		assert_int_equal(run_program(program, stand_in.path,
					 "backend drain web web-1 --wait", output, said),
			rows[i].status);
		stop(&stand_in);
	}
	close(output);
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines_become_requests),
		cmocka_unit_test(wrong_uses_are_refused_with_a_hint),
		cmocka_unit_test(what_is_no_weight_or_share_is_refused),
		cmocka_unit_test(durations_are_read_in_every_unit),
		cmocka_unit_test(options_of_every_command_may_stand_anywhere),
		cmocka_unit_test(help_needs_no_complete_command),
		cmocka_unit_test(help_is_there_for_methods_too),
		cmocka_unit_test(help_of_a_method_names_its_parameters),
		cmocka_unit_test(every_parameter_of_a_called_method_has_an_argument),
		cmocka_unit_test(arguments_differ_and_say_what_they_are),
		cmocka_unit_test(a_file_that_cannot_be_read_is_no_wrong_use),
		cmocka_unit_test(the_status_begins_with_whether_the_node_is_ready),
		cmocka_unit_test(lists_are_tables),
		cmocka_unit_test(backends_tell_how_they_live_and_what_a_drain_has_left),
		cmocka_unit_test(backends_of_an_older_daemon_are_shown_with_dashes),
		cmocka_unit_test(what_a_drain_has_left_is_shown_in_two_units),
		cmocka_unit_test(pins_are_shown_whole_by_class_and_by_pool),
		cmocka_unit_test(empty_lists_say_so),
		cmocka_unit_test(an_explanation_shows_what_it_has),
		cmocka_unit_test(an_explanation_says_why_a_flow_is_where_it_is),
		cmocka_unit_test(statistics_leave_out_what_drivers_count_as_zero),
		cmocka_unit_test(the_last_change_says_what_differed),
		cmocka_unit_test(a_change_says_what_it_moved),
		cmocka_unit_test(a_document_says_what_differs_in_it),
		cmocka_unit_test(a_dynamic_weight_says_what_it_comes_to_and_when),
		cmocka_unit_test(a_change_that_moves_nothing_says_so),
		cmocka_unit_test(a_change_that_waits_for_the_next_build_says_so),
		cmocka_unit_test(a_change_says_what_it_costs_in_a_line_each),
		cmocka_unit_test(a_change_names_whose_connections_it_breaks),
		cmocka_unit_test(results_of_another_shape_are_survived),
		cmocka_unit_test(answers_are_opened_and_nonsense_is_called_so),
		cmocka_unit_test(a_refusal_before_the_end_of_a_long_question_is_still_heard),
		cmocka_unit_test(a_question_that_was_cut_off_was_never_asked),
		cmocka_unit_test(a_daemon_that_is_not_there_is_named),
		cmocka_unit_test_prestate(the_exit_status_says_what_became_of_a_change, argv[1]),
		cmocka_unit_test_prestate(the_exit_status_says_how_a_drain_ended, argv[1]),
		cmocka_unit_test(help_tells_the_exit_status),
	};

	return cmocka_run_group_tests_name("sluicectl", tests, NULL, NULL);
}
