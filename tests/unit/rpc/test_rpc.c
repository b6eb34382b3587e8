/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and answers, and what clients may do to each other. */
#include "unit.h"

#include <event2/event.h>
#include <jansson.h>
#include <sys/socket.h>

#include "rpc_fixture.h"
#include "rpc/rpc_message.h"

#define PATIENCE_MS   40
#define MUTATION_SEED 20231105u

static void a_request_is_answered_on_its_own_line(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\","
			    "\"params\":{\"pool\":\"web\"}}\n");
	expect_result(fixture, client, "1", "{\"pool\":\"web\"}");
	assert_int_equal(client->length, 0);
}

static void string_number_and_null_ids_are_echoed(void **state)
{
	static const char *const ids[] = { "\"a b\"", "\"\"", "0", "-7", "1.5", "null" };
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		char line[128];

		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"echo\"}\n", ids[i]);
		client_send(client, line);
		expect_result(fixture, client, ids[i], "{}");
	}
}

static void bad_requests_are_answered_with_what_is_wrong(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *id;
		const char *part;
	} rows[] = {
		{ "{", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "hello", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{} {}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{\"id\":1,\"id\":2}", RPC_PARSE_ERROR, "null", "duplicate" },
		{ "{\"id\":\"\\u0000\"}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{\"id\":\"\xff\"}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{\"id\":\"\xc0\xaf\"}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{\"id\":123456789012345678901234567890}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "3", RPC_INVALID_REQUEST, "null", "not an object" },
		{ "null", RPC_INVALID_REQUEST, "null", "not an object" },
		{ "[]", RPC_INVALID_REQUEST, "null", "batches are not supported" },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}]", RPC_INVALID_REQUEST,
			"null", "batches are not supported" },
		{ "{}", RPC_INVALID_REQUEST, "null", "\"jsonrpc\" is not \"2.0\"" },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"echo\"}", RPC_INVALID_REQUEST, "1",
			"\"jsonrpc\" is not \"2.0\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST, "1", "\"method\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":4}", RPC_INVALID_REQUEST, "1",
			"\"method\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"echo\"}", RPC_INVALID_REQUEST,
			"null", "\"id\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"echo\"}", RPC_INVALID_REQUEST,
			"null", "\"id\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"parameters\":{}}",
			RPC_INVALID_REQUEST, "1", "\"parameters\" is not a member" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[1]}",
			RPC_INVALID_PARAMS, "1", "\"params\" is not an object" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":null}",
			RPC_INVALID_PARAMS, "1", "\"params\" is not an object" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ecko\"}", RPC_METHOD_NOT_FOUND, "1",
			"no method \"ecko\"; there are echo, refuse, keep, change" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}", RPC_NOT_FOUND, "1",
			"there is no pool \"web-9\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nothing\"}", RPC_INTERNAL_ERROR, "1",
			"could not be made" },
	};
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		client_send(client, rows[i].line);
		client_send(client, "\n");
		expect_error(fixture, client, rows[i].code, rows[i].id, rows[i].part);
	}
	expect_service(fixture, client);
}

static void a_method_name_cut_within_a_character_is_still_answered(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	char line[512] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a";

	for (int i = 0; i < 60; i++)
		strcat(line, "\xc3\xa4");
	strcat(line, "\"}\n");
	client_send(client, line);
	expect_error(fixture, client, RPC_METHOD_NOT_FOUND, "1", "there is no method \"a?");
}

static void nesting_is_bounded_and_brackets_in_strings_do_not_count(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	char deep[256] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"a\":";
	size_t start = strlen(deep);

	for (int i = 0; i < RPC_NESTING_MAX - 2; i++)
		strcat(deep, "[");
	for (int i = 0; i < RPC_NESTING_MAX - 2; i++)
		strcat(deep, "]");
	strcat(deep, "}}\n");
	client_send(client, deep);
	json_decref(client_next(fixture, client));
	assert_int_equal(fixture->called, 1);

	memset(deep + start, '[', RPC_NESTING_MAX - 1);
	client_send(client, deep);
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "nested 33 deep, 32 at most");
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\",\"params\":{\"a\":"
			    "\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}}\n");
	json_decref(client_next(fixture, client));
	assert_int_equal(fixture->called, 2);
}

static void a_line_of_empty_arrays_is_refused_before_it_eats_memory(void **state)
{
	size_t count = RPC_VALUES_MAX + 1;
	char *line = malloc(3 * count + 2);
	struct rpc_request request;
	struct error error;

	line[0] = '[';
	for (size_t i = 0; i < count; i++)
		memcpy(line + 1 + 3 * i, "[],", 3);
	line[3 * count] = ']';
	assert_int_equal(rpc_request_parse(&request, line, 3 * count + 1, &error), RPC_PARSE_ERROR);
	assert_non_null(strstr(error.message, "values"));
	rpc_request_release(&request);
	free(line);
}

static void a_notification_is_carried_out_and_not_answered(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"change\"}\n"
			    "{\"jsonrpc\":\"2.0\",\"method\":\"unheard-of\"}\n"
			    "{\"jsonrpc\":\"2.0\",\"method\":\"refuse\"}\n"
			    "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":3}\n");
	expect_service(fixture, client);
	assert_int_equal(fixture->changed, 1);
	assert_int_equal(client->length, 0);
}

static void requests_of_one_client_are_answered_in_their_order(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n"
			    "\n"
			    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}\r\n"
			    "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"refuse\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	for (int i = 0; i < 5; i++)
		event_base_loop(fixture->base, EVLOOP_ONCE);
	client_receive(client);
	assert_int_equal(fixture->called, 0); /* the second waits for the first */
	assert_int_equal(client->length, 0);

	rpc_call_result(fixture->kept, json_true());
	fixture->kept = NULL;
	expect_result(fixture, client, "1", "true");
	expect_result(fixture, client, "2", "{}");
	expect_error(fixture, client, RPC_NOT_FOUND, "3", "web-9");
}

static void many_clients_are_served_at_once(void **state)
{
	struct fixture *fixture = *state;
	char id[16], line[128];

	for (size_t i = 0; i < 20; i++)
		client_connect(fixture, i);
	for (size_t round = 0; round < 10; round++) {
		for (size_t i = 0; i < 20; i++) {
			snprintf(line, sizeof(line),
				"{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"echo\"}\n",
				100 * i + round);
			client_send(&fixture->clients[i], line);
		}
	}
	for (size_t i = 0; i < 20; i++) {
		for (size_t round = 0; round < 10; round++) {
			snprintf(id, sizeof(id), "%zu", 100 * i + round);
			expect_result(fixture, &fixture->clients[i], id, "{}");
		}
	}
	assert_int_equal(fixture->called, 200);
}

static void a_client_gets_one_request_per_pass_of_the_loop(void **state)
{
	struct fixture *fixture = *state;
	struct client *greedy = client_connect(fixture, 0);
	struct client *modest = client_connect(fixture, 1);

	wait_for_clients(fixture, 2);
	for (int i = 0; i < 50; i++)
		client_send(greedy, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n");
	client_send(modest, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
	expect_result(fixture, modest, "1", "{}");
	assert_true(fixture->called < 10);
}

static void a_half_written_line_is_given_up_in_time(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *half, *good;

	limits.line_timeout_ms = PATIENCE_MS;
	rpc_server_set_limits(fixture->server, &limits);
	half = client_connect(fixture, 0);
	good = client_connect(fixture, 1);
	client_send(half, "{\"jsonrpc\":\"2.0\",");
	expect_service(fixture, good);
	expect_error(fixture, half, RPC_INVALID_REQUEST, "null", "not ended within 40 ms");
	turn_until(fixture, has_ended, half);
	wait_for_clients(fixture, 1);
	expect_service(fixture, good); /* who says nothing may stay */
}

static void dripping_bytes_does_not_renew_the_time_for_a_line(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client;
	long long deadline = now_ms() + DEADLINE_MS;

	limits.line_timeout_ms = PATIENCE_MS;
	limits.line_bytes = 1 << 20; /* so that time is up first */
	rpc_server_set_limits(fixture->server, &limits);
	client = client_connect(fixture, 0);
	while (!client->ended) {
		assert_true(now_ms() < deadline);
		send(client->fd, " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		event_base_loop(fixture->base, EVLOOP_ONCE);
		client_receive(client);
	}
	assert_non_null(strstr(client->received, "not ended within"));
}

static void the_longest_line_is_served_and_a_longer_one_refused(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	struct client *good = client_connect(fixture, 1);
	char line[SMALL_LINE + 2];

	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}", 40);
	line[SMALL_LINE] = '\n';
	client_send_bytes(client, line, SMALL_LINE + 1);
	expect_result(fixture, client, "1", "{}");

	line[SMALL_LINE] = ' ';
	line[SMALL_LINE + 1] = '\n';
	client_send_bytes(client, line, SMALL_LINE + 2);
	expect_error(fixture, client, RPC_INVALID_REQUEST, "null", "longer than 4096 bytes");
	turn_until(fixture, has_ended, client);
	expect_service(fixture, good);
}

static void a_line_without_end_is_not_kept_in_memory(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	struct client *good = client_connect(fixture, 1);
	char block[4096];
	size_t sent = 0;

	memset(block, 'x', sizeof(block));
	while (!client->ended && sent < (16u << 20)) {
		ssize_t went = send(client->fd, block, sizeof(block), MSG_NOSIGNAL);

		sent += went > 0 ? went : 0;
		event_base_loop(fixture->base, EVLOOP_ONCE);
		client_receive(client);
	}
	assert_true(client->ended);
	assert_non_null(strstr(client->received, "longer than 4096 bytes"));
	expect_service(fixture, good);
}

static void a_full_buffer_behind_a_call_under_way_costs_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	unsigned int before, passes = 0;

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	for (int i = 0; i < 200; i++)
		client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n");
	for (int i = 0; i < 20; i++)
		event_base_loop(fixture->base, EVLOOP_NONBLOCK);
	before = fixture->ticks;
	for (; fixture->ticks < before + 10; passes++)
		event_base_loop(fixture->base, EVLOOP_ONCE);
	assert_true(passes <= 10); /* the loop woke up for its ticks and nothing else */

	rpc_call_result(fixture->kept, json_true());
	fixture->kept = NULL;
	expect_result(fixture, client, "1", "true");
	expect_service(fixture, client);
	assert_int_equal(fixture->called, 201);
}

static void a_reader_who_does_not_read_is_not_listened_to(void **state)
{
	struct fixture *fixture = *state;
	struct client *slow = client_connect(fixture, 0);
	struct client *good = client_connect(fixture, 1);
	unsigned int served;

	for (int i = 0; i < 40; i++)
		client_send(slow, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	for (int i = 0; i < 20; i++)
		expect_service(fixture, good);
	served = fixture->called - 20;
	assert_true(served < 10); /* what the socket holds, and one answer above the bound */
	for (int i = 0; i < 40; i++) {
		json_t *answer = client_next(fixture, slow);

		assert_int_equal(
			json_string_length(json_object_get(answer, "result")), ANSWER_BYTES);
		json_decref(answer);
	}
	assert_int_equal(fixture->called, 40 + 20);
}

static void a_reader_who_never_reads_is_disconnected_in_time(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *slow, *good;

	limits.write_timeout_ms = PATIENCE_MS;
	rpc_server_set_limits(fixture->server, &limits);
	good = client_connect(fixture, 1);
	slow = client_connect(fixture, 0);
	wait_for_clients(fixture, 2);
	for (int i = 0; i < 10; i++)
		client_send(slow, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	wait_for_clients(fixture, 1);
	expect_service(fixture, good);
}

static void an_answer_beyond_the_bound_ends_the_connection(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client, *good;

	limits.output_bytes = ANSWER_BYTES / 2;
	rpc_server_set_limits(fixture->server, &limits);
	client = client_connect(fixture, 0);
	good = client_connect(fixture, 1);
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	turn_until(fixture, has_ended, client);
	expect_service(fixture, good);
}

static void binary_garbage_is_answered_and_harms_nobody(void **state)
{
	static const char garbage[] = "\x16\x03\x01\x00\xff\xfe\x00{}\n"
				      "\x00\x00\x00\x00\n"
				      "GET / HTTP/1.1\n";
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	struct client *good = client_connect(fixture, 1);

	client_send_bytes(client, garbage, sizeof(garbage) - 1);
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "NUL byte");
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "NUL byte");
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "not JSON");
	expect_service(fixture, client);
	expect_service(fixture, good);
}

/* xorshift32 (Marsaglia 2003): the same mutations in every run */
static uint32_t draw(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static size_t mutate(char *line, size_t length, uint32_t *seed)
{
	for (uint32_t count = 1 + draw(seed) % 4; count > 0 && length > 1; count--) {
		size_t at = draw(seed) % length;

		switch (draw(seed) % 3) {
		case 0: line[at] = draw(seed); break;
		case 1: memmove(line + at, line + at + 1, --length - at); break;
		case 2: line[at] = "{}[]\",:\\\n0e-"[draw(seed) % 12]; break;
		}
	}
	return length;
}

static void mutated_requests_are_all_survived(void **state)
{
	static const char good_line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\","
					"\"params\":{\"a\":[1,2.5,\"\\u00e4\",{\"b\":null}]}}";
	struct fixture *fixture = *state;
	struct client *good = client_connect(fixture, 1);
	uint32_t seed = MUTATION_SEED;

	for (int round = 0; round < 50; round++) {
		struct client *client = client_connect(fixture, 0);

		for (int i = 0; i < 40; i++) {
			char line[sizeof(good_line)];
			size_t length;

			memcpy(line, good_line, sizeof(line));
			length = mutate(line, sizeof(line) - 1, &seed);
			client_send_bytes(client, line, length);
			client_send(client, "\n");
		}
		shutdown(client->fd, SHUT_WR);
		turn_until(fixture, has_ended, client);
		assert_non_null(strstr(client->received, "jsonrpc"));
		wait_for_clients(fixture, 1);
	}
	expect_service(fixture, good);
}

static void a_client_that_leaves_in_the_middle_of_a_line_is_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"meth");
	wait_for_clients(fixture, 1);
	client_close(client);
	wait_for_clients(fixture, 0);
	expect_service(fixture, client_connect(fixture, 1));
}

static void a_client_that_stops_sending_still_gets_its_answers(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n"
			    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}\n"
			    "{\"jsonrpc\"");
	shutdown(client->fd, SHUT_WR);
	turn_until(fixture, has_kept_a_call, NULL);
	rpc_call_result(fixture->kept, json_null());
	fixture->kept = NULL;
	expect_result(fixture, client, "1", "null");
	expect_result(fixture, client, "2", "{}");
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "the last line has no end");
	turn_until(fixture, has_ended, client);
	wait_for_clients(fixture, 0);
}

static void an_answer_after_the_client_left_is_harmless(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	client_close(client);
	for (int i = 0; i < 5; i++)
		event_base_loop(fixture->base, EVLOOP_ONCE);
	rpc_call_result(fixture->kept, json_string("too late"));
	fixture->kept = NULL;
	wait_for_clients(fixture, 0);
	expect_service(fixture, client_connect(fixture, 1));
}

static void an_answer_after_the_client_was_disconnected_is_harmless(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client;

	limits.write_timeout_ms = PATIENCE_MS;
	limits.output_pause_bytes = 16 << 20;
	limits.output_bytes = 16 << 20;
	rpc_server_set_limits(fixture->server, &limits);
	client = client_connect(fixture, 0);
	for (int i = 0; i < 5; i++)
		client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	wait_for_clients(fixture, 0); /* it did not read, so it went, its call still open */
	rpc_call_error(fixture->kept, RPC_REFUSED, "too late");
	fixture->kept = NULL;
	expect_service(fixture, client_connect(fixture, 1));
}

static void an_answer_after_the_server_went_is_harmless(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	rpc_server_destroy(fixture->server);
	fixture->server = NULL;
	rpc_call_result(fixture->kept, json_true());
	fixture->kept = NULL;
	turn_until(fixture, has_ended, client);
	assert_int_equal(client->length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(a_request_is_answered_on_its_own_line),
		with_server(string_number_and_null_ids_are_echoed),
		with_server(bad_requests_are_answered_with_what_is_wrong),
		with_server(a_method_name_cut_within_a_character_is_still_answered),
		with_server(nesting_is_bounded_and_brackets_in_strings_do_not_count),
		cmocka_unit_test(a_line_of_empty_arrays_is_refused_before_it_eats_memory),
		with_server(a_notification_is_carried_out_and_not_answered),
		with_server(requests_of_one_client_are_answered_in_their_order),
		with_server(many_clients_are_served_at_once),
		with_server(a_client_gets_one_request_per_pass_of_the_loop),
		with_server(a_half_written_line_is_given_up_in_time),
		with_server(dripping_bytes_does_not_renew_the_time_for_a_line),
		with_server(the_longest_line_is_served_and_a_longer_one_refused),
		with_server(a_line_without_end_is_not_kept_in_memory),
		with_server(a_full_buffer_behind_a_call_under_way_costs_nothing),
		with_server(a_reader_who_does_not_read_is_not_listened_to),
		with_server(a_reader_who_never_reads_is_disconnected_in_time),
		with_server(an_answer_beyond_the_bound_ends_the_connection),
		with_server(binary_garbage_is_answered_and_harms_nobody),
		with_server(mutated_requests_are_all_survived),
		with_server(a_client_that_leaves_in_the_middle_of_a_line_is_forgotten),
		with_server(a_client_that_stops_sending_still_gets_its_answers),
		with_server(an_answer_after_the_client_left_is_harmless),
		with_server(an_answer_after_the_client_was_disconnected_is_harmless),
		with_server(an_answer_after_the_server_went_is_harmless),
	};

	return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
