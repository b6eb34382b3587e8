/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any calls with any parameters reach the methods of the control socket, as from an operator, on a
 * small node whose time goes by. Each is answered, once, by JSON-RPC; memory is the only thing that
 * may be short. What is refused has changed nothing, and the configuration in use can be applied
 * again, which changes nothing either.
 *
 * The input: steps of one byte. A call has the number of its method (1 byte) and for each of its
 * parameters that of a value (1 byte; 0: it is left out). A wait has its seconds, a line its length
 * (1 byte) and so many bytes. Whatever an input leaves is undone after it.
 */
#include "unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "api/api_methods.h"
#include "common/events.h"
#include "common/loop.h"
#include "config/config_digest.h"
#include "desired/desired.h"
#include "host/host_watch.h"
#include "host/workers.h"
#include "node_fixture.h"
#include "require.h"

#define STEPS_MAX   16 /* of an input: a change takes a millisecond */
#define WAIT_MAX    90 /* seconds */
#define ANSWER_SIZE (1 << 20)

/* A list without entries is where only its end is known, which looks lost to LeakSanitizer. */
#define POOLS                                                                                    \
	"[{'name': 'web', 'slots': 251, 'drain_deadline_s': 600, 'affinity': {'observe_s': 90, " \
	"'settle_s': 6, 'hold_s': 60, 'fail_grace_s': 10, 'guard_s': 4}, 'backends': ["          \
	"{'name': 'w1', 'address': '10.2.0.1'}, {'name': 'w2', 'address': '10.2.0.2'}, "         \
	"{'name': 'w3', 'address': '10.2.0.3'}]}, {'name': 'idle', 'slots': 251, "               \
	"'backends': [{'name': 'w1', 'address': '10.2.0.1', 'state': 'disabled'}]}]"
#define SERVICES                                                                          \
	"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': " \
	"'web', 'forward': 'ipip'}]"

/* Of parameters. The corpus has their numbers: new ones are added at the end. */
static const char *const values[] = {
	"true", "false", "null", "0", "1", "50", "100", "-1", "65536", "0.5", "\"\"", "\"web\"",
	"\"idle\"", "\"w1\"", "\"w2\"", "\"w9\"", "\"www\"", "\"active\"", "\"drain\"",
	"\"disabled\"", "\"up\"", "\"down\"", "\"tcp\"", "\"udp\"", "\"hash\"", "\"ipip\"",
	"\"l2dsr\"", "\"any\"", "\"203.0.113.10\"", "\"203.0.113.11\"", "\"10.2.0.9\"",
	"\"2001:db8::1\"", "\"0123456789abcdef\"", "[]", "{}", "[[[[]]]]",
	"{\"name\":\"w9\",\"address\":\"10.2.0.9\"}",
	"{\"name\":\"w9\",\"address\":\"10.2.0.9\",\"weight\":0,\"seat_weight\":7}",
	"{\"name\":\"w1\",\"address\":\"10.2.0.1\",\"key\":\"seat\"}",
	"{\"name\":\"w9\",\"address\":\"fd00:2::9\",\"state\":\"drain\",\"port\":1}",
	"{\"name\":\"dns\",\"vip\":\"203.0.113.11\",\"protocol\":\"udp\",\"port\":\"any\","
	"\"pool\":\"web\",\"forward\":\"ipip\",\"udp\":\"quic\"}",
	"{\"name\":\"www\",\"vip\":\"203.0.113.10\",\"protocol\":\"tcp\",\"port\":443,"
	"\"pool\":\"idle\",\"forward\":\"l2dsr\"}",
	"{\"name\":\"more\",\"slots\":257,\"builder\":\"rendezvous\"}",
	"{\"name\":\"more\",\"slots\":256,\"backends\":[{}]}", "{\"pools\":[],\"services\":[]}",
	NULL, /* the configuration in use */
	NULL, /* its revision */
};

#define VALUES         (sizeof(values) / sizeof(values[0]))
#define VALUE_CONFIG   (VALUES - 2)
#define VALUE_REVISION (VALUES - 1)

static struct {
	char directory[32];
	char socket[64], path[64];
	struct event_base *base;
	struct background *work, *disk;
	void *host;
	struct node *node;
	struct health *health;
	struct desired *desired;
	struct workers *workers;
	struct host_watch *host_watch;
	struct api *api;
	json_t *original; /* the document that each input begins with */
	int client;
	char answer[ANSWER_SIZE];
	size_t length;
} server;

static void end(void)
{
	close(server.client);
	desired_finish(server.desired);
	background_finish(server.work);
	api_destroy(server.api);
	workers_stop(server.workers);
	host_watch_destroy(server.host_watch);
	desired_destroy(server.desired);
	background_destroy(server.disk);
	background_destroy(server.work);
	events_close();
	event_base_free(server.base);
	json_decref(server.original);
	unlink(server.path);
	rmdir(server.directory);
	node_destroy(server.node);
	node_host_stop(&server.host);
}

/* ---- the node ---------------------------------------------------------------------------------
 */

/* EAL takes no other CPU, so that there is no worker, which would take frames of net_null. */
static void start_node(void)
{
	cpu_set_t all, one;

	CPU_ZERO(&one);
	require(sched_getaffinity(0, sizeof(all), &all) == 0);
	for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	require(sched_setaffinity(0, sizeof(one), &one) == 0);
	require(node_host_start(&server.host) == 0);
	require(sched_setaffinity(0, sizeof(all), &all) == 0);
	server.node = node_create(server.host, &node_layout, 1);
}

/* Where there is no disk to wait for. */
static void write_configuration(void)
{
	json_t *document = small_config_document(POOLS, SERVICES);

	strcpy(server.directory, "/dev/shm/sluice-fuzz-XXXXXX");
	require(mkdtemp(server.directory) != NULL);
	snprintf(server.path, sizeof(server.path), "%s/sluice.json", server.directory);
	snprintf(server.socket, sizeof(server.socket), "%s/socket", server.directory);
	json_object_set_new(document, "control", json_pack("{s:s}", "socket", server.socket));
	require(json_dump_file(document, server.path, 0) == 0);
	server.original = document;
}

/* Without probes: what is to be sent, and to whom, would be the fuzzer's choice. */
static void start_health(void)
{
	const struct health_context context = {
		.base = server.base,
		.forwarding = server.node->forwarding,
		.state = server.node->state,
	};
	struct error error = { "" };

	server.health = health_create(&context, &error);
	require(server.health != NULL);
}

static void start_desired(void)
{
	struct config_file_version version;
	struct error error = { "" };
	json_t *document = config_file_load(server.path, &version, &error);
	struct config *config = config_read(document, NULL, &error);
	struct desired_context context = {
		.path = server.path,
		.forwarding = server.node->forwarding,
		.health = server.health,
		.ports = server.node->host->ports,
		.work = server.work,
		.disk = server.disk,
	};

	require(config != NULL);
	json_decref(document);
	server.desired = desired_create(&context, config, &version, &error);
	require(server.desired != NULL);
	server.workers = workers_start(desired_config(server.desired), context.ports,
		server.node->publish, server.node->state, &error);
	server.host_watch = host_watch_create(context.ports, NODE_PORTS, server.path);
	require(server.workers != NULL && server.host_watch != NULL);
}

static void connect_client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	server.client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, server.socket, sizeof(server.socket));
	require(connect(server.client, (struct sockaddr *)&address, sizeof(address)) == 0);
	require(fcntl(server.client, F_SETFL, O_NONBLOCK) == 0);
}

static void start_api(void)
{
	struct api_context context = {
		.desired = server.desired,
		.forwarding = server.node->forwarding,
		.health = server.health,
		.workers = server.workers,
		.ports = server.node->host->ports,
		.state = server.node->state,
		.work = server.work,
		.host_watch = server.host_watch,
		.group = GROUP_NONE,
	};
	struct error error = { "" };

	server.api = api_create(server.base, &context, &error);
	require(server.api != NULL);
	connect_client();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct error error = { "" };

	write_configuration();
	start_node();
	server.base = loop_create();
	require(server.base != NULL);
	server.work = background_create(server.base, &error);
	server.disk = background_create(server.base, &error);
	require(server.work != NULL && server.disk != NULL);
	require(events_open(server.base, &error) == 0);
	start_health();
	start_desired();
	start_api();
	atexit(end);
	return 0;
}

/* ---- calls ------------------------------------------------------------------------------------
 */

static void send_all(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(server.client, bytes, length, MSG_NOSIGNAL);

		require(sent > 0 || errno == EAGAIN);
		if (sent <= 0) {
			event_base_loop(server.base, EVLOOP_NONBLOCK);
			continue;
		}
		bytes += sent;
		length -= sent;
	}
}

/* The next line: there is none behind it but of a stream, for nothing else was asked. */
static json_t *read_answer(bool is_stream)
{
	json_t *answer;
	char *end;

	server.length = 0;
	while ((end = memchr(server.answer, '\n', server.length)) == NULL) {
		ssize_t got = recv(server.client, server.answer + server.length,
			sizeof(server.answer) - server.length, 0);

		require(got > 0 || (got < 0 && errno == EAGAIN));
		if (got > 0)
			server.length += got;
		else
			event_base_loop(server.base, EVLOOP_ONCE);
		require(server.length < sizeof(server.answer));
	}
	require(is_stream || end == server.answer + server.length - 1);
	answer = json_loadb(server.answer, end - server.answer, JSON_REJECT_DUPLICATES, NULL);
	require(json_is_object(answer) && json_object_size(answer) == 3);
	return answer;
}

/* A new reference to the answer, with its error judged. */
static json_t *ask(const char *line, size_t length)
{
	static const char subscribe[] = "\"method\":\"events.subscribe\"";
	bool is_stream = memmem(line, length, subscribe, strlen(subscribe)) != NULL;
	uint64_t revision = desired_revision(server.desired);
	const json_t *error;
	json_t *answer;

	send_all(line, length);
	send_all("\n", 1);
	answer = read_answer(is_stream);
	error = json_object_get(answer, "error");
	if (is_stream) { /* it serves no other call */
		close(server.client);
		connect_client();
	}
	require((error == NULL) != (json_object_get(answer, "result") == NULL));
	if (error == NULL)
		return answer;
	require(json_string_length(json_object_get(error, "message")) > 0);
	require(json_integer_value(json_object_get(error, "code")) != RPC_INTERNAL_ERROR);
	require(desired_revision(server.desired) == revision);
	return answer;
}

static json_t *call(const char *method, json_t *params)
{
	json_t *message = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method",
		method, "params", params);
	char *line = json_dumps(message, JSON_COMPACT);
	json_t *answer;

	require(line != NULL);
	answer = ask(line, strlen(line));
	free(line);
	json_decref(message);
	return answer;
}

/* The part of an answer that must be there; a new reference. */
static json_t *call_granted(const char *method, json_t *params)
{
	json_t *answer = call(method, params);
	json_t *result = json_incref(json_object_get(answer, "result"));

	require(result != NULL);
	json_decref(answer);
	return result;
}

static json_t *make_value(size_t number)
{
	if (number == VALUE_CONFIG)
		return call_granted("config.get", json_object());
	if (number == VALUE_REVISION)
		return json_sprintf(
			"%016llx", (unsigned long long)desired_revision(server.desired));
	return json_loads(values[number], JSON_DECODE_ANY, NULL);
}

static void call_any(struct input *input)
{
	const struct api_method *method = &api_methods[input_take8(input) % api_method_count];
	json_t *params = json_object();

	for (const struct json_key *param = method->params; param->name != NULL; param++) {
		size_t number = input_take8(input) % (VALUES + 1);

		if (number > 0)
			json_object_set_new(params, param->name, make_value(number - 1));
	}
	json_decref(call(method->name, params));
}

/* What has no id is a notification, and a line of nothing is no question. */
static void send_line(struct input *input)
{
	size_t length;
	const uint8_t *bytes = input_take(input, input_take8(input), &length);
	char line[512];
	int used = snprintf(line, sizeof(line),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\","
		"\"params\":",
		api_methods[input_take8(input) % api_method_count].name);

	for (size_t i = 0; i < length; i++)
		if (bytes[i] != '\n' && bytes[i] != '\0' && bytes[i] != '\r')
			line[used++] = (char)bytes[i];
	line[used++] = '}';
	json_decref(ask(line, used));
}

static void take_step(struct input *input)
{
	switch (input_take8(input) % 8) {
	case 6: node_wait(server.node, input_take8(input) % WAIT_MAX); break;
	case 7: send_line(input); break;
	default: call_any(input); break;
	}
}

/* ---- afterwards -------------------------------------------------------------------------------
 */

static void apply(json_t *document)
{
	json_decref(
		call_granted("config.apply", json_pack("{s:o, s:b, s:b, s:b}", "config", document,
						     "now", 1, "force", 1, "overwrite", 1)));
}

static void apply_again(void)
{
	json_t *config = call_granted("config.get", json_object());
	json_t *report = call_granted(
		"config.apply", json_pack("{s:o, s:b}", "config", config, "dry_run", 1));

	require(json_is_false(json_object_get(report, "changed")));
	json_decref(report);
}

/* By way of a node without backends, so that updates of them are forgotten. */
static void reset(void)
{
	json_t *empty = json_copy(server.original);

	json_object_set_new(empty, "pools", json_array());
	json_object_set_new(empty, "services", json_array());
	apply(empty);
	node_wait(server.node, 1);
	apply(json_incref(server.original));
	node_wait(server.node, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	for (unsigned int steps = 0; input.left > 0 && steps < STEPS_MAX; steps++)
		take_step(&input);
	apply_again();
	json_decref(call_granted("status", json_object()));
	reset();
	return 0;
}
