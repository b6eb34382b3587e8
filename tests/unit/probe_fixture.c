/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe_fixture.h"

#include "unit.h"

#include <event2/event.h>
#include <sys/socket.h>

int probe_fixture_setup(void **state)
{
	struct probe_fixture *fixture = calloc(1, sizeof(*fixture));
	struct error error;

	assert_non_null(fixture);
	fixture->base = event_base_new();
	assert_non_null(fixture->base);
	fixture->prober = prober_create(fixture->base, &error);
	assert_non_null(fixture->prober);
	*state = fixture;
	return 0;
}

int probe_fixture_teardown(void **state)
{
	struct probe_fixture *fixture = *state;

	prober_destroy(fixture->prober);
	event_base_free(fixture->base);
	free(fixture);
	return 0;
}

static void on_done(void *context, const struct probe_result *result)
{
	struct probe_watch *watch = context;

	watch->probe = NULL;
	watch->done++;
	watch->result = *result;
}

void probe_watch_start_target(struct probe_fixture *fixture, const struct config_health *settings,
	struct probe_watch *watch)
{
	watch->done = 0;
	watch->probe = probe_start(fixture->prober, settings, &watch->target, on_done, watch);
	assert_non_null(watch->probe);
	assert_int_equal(watch->done, 0); /* never from within the call */
}

void probe_watch_start(struct probe_fixture *fixture, const struct config_health *settings,
	int family, uint16_t port, struct probe_watch *watch)
{
	memset(watch, 0, sizeof(*watch));
	watch->target.name = "pool/backend";
	watch->target.port = port;
	assert_int_equal(
		address_parse(family == AF_INET ? "127.0.0.1" : "::1", &watch->target.address), 0);
	probe_watch_start_target(fixture, settings, watch);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	*(bool *)context = true;
}

void probe_fixture_await(
	struct probe_fixture *fixture, const unsigned int *count, unsigned int wanted)
{
	const struct timeval deadline = { PROBE_FIXTURE_DEADLINE_S, 0 };
	bool is_over = false;
	struct event *timer = evtimer_new(fixture->base, on_deadline, &is_over);

	assert_non_null(timer);
	assert_int_equal(evtimer_add(timer, &deadline), 0);
	while (*count < wanted && !is_over)
		event_base_loop(fixture->base, EVLOOP_ONCE);
	event_free(timer);
	assert_false(is_over);
	assert_int_equal(*count, wanted);
}

struct probe_result probe_fixture_run(
	struct probe_fixture *fixture, const struct config_health *settings, uint16_t port)
{
	struct probe_watch watch;

	probe_watch_start(fixture, settings, AF_INET, port, &watch);
	probe_fixture_await(fixture, &watch.done, 1);
	return watch.result;
}

void probe_result_assert(
	const struct probe_result *result, enum probe_reason reason, const char *sentence)
{
	if (result->reason != reason)
		print_error("%s: %s\n", probe_reason_name(result->reason), result->sentence);
	assert_int_equal(result->reason, reason);
	assert_int_equal(result->passed, reason == PROBE_PASSED);
	if (sentence != NULL)
		assert_string_equal(result->sentence, sentence);
}

struct config_health probe_settings_http(void)
{
	return (struct config_health){
		.type = CONFIG_HEALTH_HTTP,
		.interval_ms = PROBE_FIXTURE_LONG_MS,
		.timeout_ms = PROBE_FIXTURE_LONG_MS,
		.path = (char *)"/",
		.expect_status = (char *)"200-299",
		.status_ranges = { { 200, 299 } },
		.status_range_count = 1,
		.verify = true,
	};
}
