/* SPDX-License-Identifier: BSD-3-Clause */
/* The two methods that tell of events, called over a socket. */
#include "unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <unistd.h>

#include "api/api_internal.h"
#include "api/api_methods.h"
#include "common/events.h"
#include "rpc_fixture.h"

/* As api.c calls a method: by the table of its parameters. The node has no part in events. */
static void call_method(void *context, const json_t *object, struct rpc_call *call)
{
	struct api_params params = {
		.method = api_method_find(rpc_call_method(call)),
		.object = object,
	};
	struct json_path path = json_path_root(object);
	struct error error = { "" };

	assert_int_equal(json_keys_init(params.method->params, &params, &error), 0);
	if (json_keys_read(params.method->params, &path, &params, &error) != 0)
		rpc_call_error(call, RPC_INVALID_PARAMS, "%s", error.message);
	else
		params.method->handle(NULL, &params, call);
}

static const struct rpc_method event_methods[] = {
	{ "events.list", false, call_method },
	{ "events.subscribe", false, call_method },
};

static int stderr_before;

/* The log of thousands of events is of no interest. */
static int set_up(void **state)
{
	struct error error = { "" };
	struct fixture *fixture;
	int nowhere;

	if (rpc_set_up(state) != 0)
		return -1;
	fixture = *state;
	rpc_server_destroy(fixture->server);
	fixture->methods = event_methods;
	fixture->method_count = COUNT_OF(event_methods);
	start_server(fixture);
	stderr_before = dup(STDERR_FILENO);
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(nowhere, STDERR_FILENO);
	close(nowhere);
	return events_open(fixture->base, &error);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	dup2(stderr_before, STDERR_FILENO);
	close(stderr_before);
	rpc_server_destroy(fixture->server);
	fixture->server = NULL;
	events_close();
	return rpc_tear_down(state);
}

static void publish_some(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		events_publish(EVENT(PUBLISH, INFO, POOL, "web", .cause = "a test",
				       .move = { i, 1000, 0xabcdef }),
			"pool web: moved %u of 1000 slots", i);
}

/* One event of each of some kinds. */
static void publish_mixture(void)
{
	events_publish(EVENT(NODE, INFO, NODE, NULL), "ready");
	events_publish(EVENT(HEALTH, WARNING, BACKEND, "web", .backend = "web-1"), "web-1 is down");
	events_publish(EVENT(PORT, ERROR, PORT, "edge"), "the program is gone");
	events_publish(EVENT(HEALTH, INFO, BACKEND, "web-more", .backend = "web-1"), "it is up");
	events_publish(EVENT(POOL, WARNING, POOL, "web"), "nobody is left");
}

static void ask(struct client *client, const char *method, const char *params)
{
	char request[512];

	snprintf(request, sizeof(request),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n", method, params);
	client_send(client, request);
}

static json_int_t number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static json_t *result_of(struct fixture *fixture, struct client *client)
{
	json_t *answer = client_next(fixture, client);
	json_t *result = json_incref(json_object_get(answer, "result"));

	if (result == NULL)
		fail_msg("%s", json_dumps(answer, 0));
	json_decref(answer);
	return result;
}

static json_t *list(struct fixture *fixture, const char *params)
{
	struct client *client = client_connect(fixture, 0);

	ask(client, "events.list", params);
	return result_of(fixture, client);
}

/* "1 2 3", and where the next call goes on. */
static void expect_listed(struct fixture *fixture, const char *params, const char *numbers,
	json_int_t next, json_int_t lost)
{
	json_t *result = list(fixture, params), *event;
	char text[256] = "";
	size_t index;

	json_array_foreach (json_object_get(result, "events"), index, event)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lld",
			index == 0 ? "" : " ", (long long)number_of(event, "number"));
	assert_string_equal(text, numbers);
	assert_int_equal(number_of(result, "next"), next);
	assert_int_equal(number_of(result, "lost"), lost);
	assert_int_equal(number_of(result, "first"), events_first());
	json_decref(result);
}

static void begin(struct fixture *fixture, struct client *client, const char *params,
	json_int_t next, json_int_t lost)
{
	json_t *result;

	ask(client, "events.subscribe", params);
	result = result_of(fixture, client);
	assert_int_equal(number_of(result, "next"), next);
	assert_int_equal(number_of(result, "lost"), lost);
	assert_int_equal(number_of(result, "first"), events_first());
	assert_int_equal(json_string_length(json_object_get(result, "epoch")), 16);
	json_decref(result);
}

static void expect_event(struct fixture *fixture, struct client *client, json_int_t number)
{
	json_t *message = client_next(fixture, client);

	assert_string_equal(json_string_value(json_object_get(message, "method")), "event");
	assert_int_equal(number_of(json_object_get(message, "params"), "number"), number);
	json_decref(message);
}

static void expect_text(const json_t *event, const char *key, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(event, key)), text);
}

static void an_event_is_told_with_all_that_is_known_of_it(void **state)
{
	json_t *result, *event, *plain;

	publish_some(6);
	publish_mixture();
	result = list(*state, "{\"since\":6,\"limit\":2}");
	event = json_array_get(json_object_get(result, "events"), 0);
	plain = json_array_get(json_object_get(result, "events"), 1);
	assert_int_equal(json_string_length(json_object_get(event, "time")),
		strlen("2026-01-31T12:00:00.123Z"));
	expect_text(event, "kind", "publish");
	expect_text(event, "level", "info");
	expect_text(event, "object", "pool");
	expect_text(event, "name", "web");
	expect_text(event, "cause", "a test");
	expect_text(event, "sentence", "pool web: moved 5 of 1000 slots");
	expect_text(event, "digest", "0000000000abcdef");
	assert_int_equal(number_of(event, "slots_moved"), 5);
	assert_int_equal(number_of(event, "slots"), 1000);
	expect_text(plain, "object", "node");
	assert_true(json_is_null(json_object_get(plain, "name")));
	assert_true(json_is_null(json_object_get(plain, "cause")));
	assert_null(json_object_get(plain, "slots"));
	json_decref(result);
}

static void a_list_has_the_last_events_or_those_from_a_number_on(void **state)
{
	expect_listed(*state, "{}", "", 1, 0);
	publish_some(5);
	expect_listed(*state, "{}", "1 2 3 4 5", 6, 0);
	expect_listed(*state, "{\"limit\":2}", "4 5", 6, 0);
	expect_listed(*state, "{\"since\":2,\"limit\":3}", "2 3 4", 5, 0);
	expect_listed(*state, "{\"since\":5}", "5", 6, 0);
	expect_listed(*state, "{\"since\":6}", "", 6, 0);
	expect_listed(*state, "{\"since\":900}", "", 6, 0);
}

static void a_list_has_only_what_is_selected(void **state)
{
	publish_mixture();
	expect_listed(*state, "{\"kinds\":[\"health\"]}", "2 4", 6, 0);
	expect_listed(*state, "{\"kinds\":[\"node\",\"port\"]}", "1 3", 6, 0);
	expect_listed(*state, "{\"level\":\"warning\"}", "2 3 5", 6, 0);
	expect_listed(*state, "{\"level\":\"error\",\"kinds\":[\"health\"]}", "", 6, 0);
	expect_listed(*state, "{\"name\":\"web\"}", "2 5", 6, 0);
	expect_listed(*state, "{\"name\":\"web/web-1\"}", "2", 6, 0);
	expect_listed(*state, "{\"name\":\"edge\"}", "3", 6, 0);
	/* a backend by its own name, in whichever pool it is; but not by a part of a name */
	expect_listed(*state, "{\"name\":\"web-1\"}", "2 4", 6, 0);
	expect_listed(*state, "{\"name\":\"1\"}", "", 6, 0);
	expect_listed(*state, "{\"name\":\"web-\"}", "", 6, 0);
	expect_listed(*state, "{\"name\":\"web/web\"}", "", 6, 0);
	/* the last ones that are selected, not those selected of the last */
	expect_listed(*state, "{\"level\":\"error\",\"limit\":1}", "3", 4, 0);
}

static void what_is_no_selection_is_refused(void **state)
{
	static const struct {
		const char *params, *sentence;
	} wrong[] = {
		{ "{\"kinds\":[\"healht\"]}", "kinds[0]" },
		{ "{\"kinds\":\"health\"}", "kinds" },
		{ "{\"kinds\":[]}", "kinds" },
		{ "{\"level\":\"debug\"}", "level" },
		{ "{\"since\":0}", "since" },
		{ "{\"since\":1.5}", "since" },
		{ "{\"limit\":10001}", "limit" },
		{ "{\"epoch\":\"0123456789abcdef\"}", "epoch" },
	};
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		ask(client, "events.list", wrong[i].params);
		expect_error(fixture, client, RPC_INVALID_PARAMS, "1", wrong[i].sentence);
	}
}

static void a_subscriber_is_sent_what_happens_from_now_on(void **state)
{
	struct client *client = client_connect(*state, 0);

	publish_some(3);
	begin(*state, client, "{}", 4, 0);
	publish_some(2);
	expect_event(*state, client, 4);
	expect_event(*state, client, 5);
}

static void a_subscriber_may_begin_at_any_number(void **state)
{
	struct client *client = client_connect(*state, 0);

	publish_some(5);
	begin(*state, client, "{\"since\":2}", 2, 0);
	for (json_int_t number = 2; number <= 5; number++)
		expect_event(*state, client, number);
	client = client_connect(*state, 0);
	begin(*state, client, "{\"last\":2}", 4, 0);
	publish_some(1);
	for (json_int_t number = 4; number <= 6; number++)
		expect_event(*state, client, number);
	client = client_connect(*state, 0);
	begin(*state, client, "{\"since\":1000000}", 7, 0);
	publish_some(1);
	expect_event(*state, client, 7);
}

static void a_subscriber_is_sent_only_what_is_selected(void **state)
{
	struct client *client = client_connect(*state, 0);

	begin(*state, client, "{\"kinds\":[\"health\"],\"level\":\"warning\"}", 1, 0);
	publish_mixture();
	publish_mixture();
	expect_event(*state, client, 2);
	expect_event(*state, client, 7);
}

static void numbers_of_another_process_begin_anew(void **state)
{
	struct client *client = client_connect(*state, 0);
	char params[128];

	publish_some(3);
	begin(*state, client, "{\"since\":3,\"epoch\":\"0123456789abcdef\"}", 1, 0);
	for (json_int_t number = 1; number <= 3; number++)
		expect_event(*state, client, number);
	client = client_connect(*state, 0);
	snprintf(params, sizeof(params), "{\"since\":3,\"epoch\":\"%016llx\"}",
		(unsigned long long)events_epoch());
	begin(*state, client, params, 3, 0);
	expect_event(*state, client, 3);
}

static void who_asks_for_too_old_events_is_told_how_many_are_lost(void **state)
{
	struct client *client = client_connect(*state, 0);

	publish_some(EVENTS_KEPT + 50);
	expect_listed(*state, "{\"since\":20,\"limit\":1}", "51", 52, 31);
	client = client_connect(*state, 0);
	begin(*state, client, "{\"since\":20}", 51, 31);
	for (json_int_t number = 51; number <= EVENTS_KEPT + 50; number++)
		expect_event(*state, client, number);
}

/* It does not read while more happens than is kept, and then is told how much it has missed. */
static void a_subscriber_that_reads_too_slowly_is_told_how_many_it_has_missed(void **state)
{
	enum { ALL = 3 * EVENTS_KEPT };
	struct client *client = client_connect(*state, 0);
	json_int_t next = 1, lost = 0;
	unsigned int tellings = 0;

	begin(*state, client, "{}", 1, 0);
	publish_some(ALL);
	while (next <= ALL) {
		json_t *message = client_next(*state, client);
		const json_t *params = json_object_get(message, "params");

		if (strcmp(json_string_value(json_object_get(message, "method")), "lost") == 0) {
			assert_int_equal(
				number_of(params, "next"), next + number_of(params, "lost"));
			lost += number_of(params, "lost");
			next = number_of(params, "next");
			tellings++;
		} else {
			assert_int_equal(number_of(params, "number"), next);
			next++;
		}
		json_decref(message);
	}
	assert_int_equal(tellings, 1);
	assert_int_equal(lost, ALL - EVENTS_KEPT);
}

/* A change is answered long before ten thousand events are listed, and sent, to eight clients. */
static void many_events_hold_up_no_other_call(void **state)
{
	enum { READERS = 8 };
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client;
	unsigned int whole = 0;
	json_t *result;

	limits.output_bytes = 16 << 20;
	rpc_server_set_limits(fixture->server, &limits);
	publish_some(EVENTS_KEPT);
	for (size_t i = 1; i <= READERS; i++) {
		client = client_connect(fixture, i);
		ask(client, i % 2 ? "events.list" : "events.subscribe",
			i % 2 ? "{\"limit\":10000}" : "{\"since\":1}");
	}
	wait_for_clients(fixture, READERS);
	client = client_connect(fixture, 0);
	ask(client, "events.list", "{\"limit\":1}");
	result = result_of(fixture, client);
	assert_int_equal(json_array_size(json_object_get(result, "events")), 1);
	json_decref(result);
	for (size_t i = 1; i <= READERS; i += 2) {
		client_receive(&fixture->clients[i]);
		whole += strchr(fixture->clients[i].received, '\n') != NULL;
	}
	assert_int_equal(whole, 0);
	for (size_t i = 1; i <= READERS; i += 2) {
		result = result_of(fixture, &fixture->clients[i]);
		assert_int_equal(json_array_size(json_object_get(result, "events")), EVENTS_KEPT);
		json_decref(result);
	}
}

#define with_events(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_events(an_event_is_told_with_all_that_is_known_of_it),
		with_events(a_list_has_the_last_events_or_those_from_a_number_on),
		with_events(a_list_has_only_what_is_selected),
		with_events(what_is_no_selection_is_refused),
		with_events(a_subscriber_is_sent_what_happens_from_now_on),
		with_events(a_subscriber_may_begin_at_any_number),
		with_events(a_subscriber_is_sent_only_what_is_selected),
		with_events(numbers_of_another_process_begin_anew),
		with_events(who_asks_for_too_old_events_is_told_how_many_are_lost),
		with_events(a_subscriber_that_reads_too_slowly_is_told_how_many_it_has_missed),
		with_events(many_events_hold_up_no_other_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
