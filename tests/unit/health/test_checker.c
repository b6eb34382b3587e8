/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "health/checker.h"

#define DEADLINE_S 60 /* for what comes in milliseconds on a machine that is not busy */
#define MANY       300
#define FEW_FILES  512 /* that the process may open: the checker then has the least */
#define TOO_MANY   80  /* probes for that */
#define DAY_MS     86400000

/* Memory of the control thread, and of libevent in the other one. */
static _Thread_local bool has_no_memory;
static atomic_bool events_have_no_memory;
static atomic_uint events_refused;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
	return has_no_memory ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return has_no_memory ? NULL : __real_calloc(count, size);
}

static void *reallocate_for_events(void *bytes, size_t size)
{
	if (!atomic_load(&events_have_no_memory))
		return realloc(bytes, size);
	atomic_fetch_add(&events_refused, 1);
	return NULL;
}

/* A server that answers each request with the same status. */
static struct {
	int fd;
	uint16_t port;
	pthread_t thread;
	atomic_uint requests;
	atomic_bool is_failing;
	atomic_bool asks;      /* for half its weight, where it does not fail */
	atomic_bool is_silent; /* connections are held, and not answered */
	int held[MANY];
	atomic_uint held_count;
} server;

static void answer(int fd)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	static const char failing[] =
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
	static const char asking[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
				     "X-Load-Balancing-Endpoint-Weight: 50\r\n\r\n";
	const char *answer = ok;
	char request[4096];

	if (read(fd, request, sizeof(request)) > 0) {
		atomic_fetch_add(&server.requests, 1);
		if (atomic_load(&server.is_failing))
			answer = failing;
		else if (atomic_load(&server.asks))
			answer = asking;
		/* a probe that was ended meanwhile takes no answer */
		send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	}
	close(fd);
}

static void *serve(void *unused)
{
	int fd;

	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		if (atomic_load(&server.is_silent)) {
			assert_true(atomic_load(&server.held_count) < MANY);
			server.held[atomic_load(&server.held_count)] = fd;
			atomic_fetch_add(&server.held_count, 1);
		} else {
			answer(fd);
		}
	}
	return NULL;
}

static void start_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server.fd, 2 * MANY), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &size), 0);
	server.port = ntohs(address.sin_port);
	atomic_store(&server.is_failing, false);
	atomic_store(&server.asks, false);
	atomic_store(&server.is_silent, false);
	atomic_store(&server.held_count, 0);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop_server(void)
{
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	for (unsigned int i = 0; i < atomic_load(&server.held_count); i++)
		close(server.held[i]);
	close(server.fd);
}

/* The control thread's side. */
struct fixture {
	struct event_base *base;
	struct checker *checker;
	size_t count; /* of the changes so far */
	struct checker_change changes[2 * MANY];
};

#define REFERENCES (1u << 30) /* of its own: it is never freed */

static struct config_health settings = {
	.references = REFERENCES,
	.type = CONFIG_HEALTH_HTTP,
	.interval_ms = 200,
	.fast_interval_ms = 20,
	.timeout_ms = 20000,
	.rise = 2,
	.fall = 3,
	.path = "/",
	.expect_status = "200-299",
	.status_ranges = { { 200, 299 } },
	.status_range_count = 1,
};

static void on_change(void *context)
{
	struct fixture *fixture = context;

	while (fixture->count < COUNT_OF(fixture->changes) &&
		checker_take(fixture->checker, &fixture->changes[fixture->count]))
		fixture->count++;
}

static int open_fixture(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct error error;

	start_server();
	fixture->base = event_base_new();
	fixture->checker = checker_create(fixture->base, on_change, fixture, &error);
	assert_non_null(fixture->checker);
	*state = fixture;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;

	checker_destroy(fixture->checker);
	event_base_free(fixture->base);
	free(fixture);
	stop_server();
	assert_int_equal(atomic_load(&settings.references), REFERENCES); /* none is left */
	return 0;
}

/* Where the checker may open few files. */
static int open_fixture_of_few(void **state)
{
	struct rlimit files, few;
	int code;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	few = (struct rlimit){ .rlim_cur = FEW_FILES, .rlim_max = files.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	code = open_fixture(state);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	return code;
}

static struct checker_target make_target(uint32_t number, uint32_t generation)
{
	struct checker_target target = {
		.number = number,
		.generation = generation,
		.health = &settings,
		.port = server.port,
		.is_due = true,
	};

	assert_int_equal(address_parse("127.0.0.1", &target.address), 0);
	snprintf(target.name, sizeof(target.name), "web/web-%u", number);
	return target;
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	fail_msg("nothing came of it");
}

/* Runs the loop until so many changes have come in all. */
static void wait_for(struct fixture *fixture, size_t count)
{
	struct event *deadline = evtimer_new(fixture->base, on_deadline, NULL);

	event_add(deadline, &(struct timeval){ .tv_sec = DEADLINE_S });
	while (fixture->count < count)
		event_base_loop(fixture->base, EVLOOP_ONCE);
	event_free(deadline);
}

/* The first change of that number since the start of the test. */
static const struct checker_change *wait_for_number(struct fixture *fixture, uint32_t number)
{
	for (size_t i = 0;; i++) {
		wait_for(fixture, i + 1);
		if (fixture->changes[i].number == number)
			return &fixture->changes[i];
	}
}

static void wait_for_requests(unsigned int count)
{
	time_t deadline = time(NULL) + DEADLINE_S;

	while (atomic_load(&server.requests) < count) {
		assert_true(time(NULL) < deadline);
		usleep(1000);
	}
}

static void a_new_target_is_probed_at_once_and_up_with_its_first_success(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);

	assert_int_equal(checker_put(fixture->checker, &target), 0);
	wait_for(fixture, 1);
	assert_int_equal(fixture->changes[0].number, 7);
	assert_int_equal(fixture->changes[0].generation, 1);
	assert_int_equal(fixture->changes[0].before, HEALTH_INITIAL);
	assert_int_equal(fixture->changes[0].state.status, HEALTH_UP);
	assert_true(fixture->changes[0].result.passed);
	assert_true(fixture->changes[0].time_ms > 0);
}

static void a_target_that_fails_is_down_after_so_many_failures_and_says_why(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);

	checker_put(fixture->checker, &target);
	wait_for(fixture, 1);
	atomic_store(&server.is_failing, true);
	wait_for(fixture, 2);
	assert_int_equal(fixture->changes[1].before, HEALTH_UP);
	assert_int_equal(fixture->changes[1].state.status, HEALTH_DOWN);
	assert_int_equal(fixture->changes[1].state.failed, settings.fall);
	assert_int_equal(fixture->changes[1].result.reason, PROBE_STATUS);
	assert_string_equal(fixture->changes[1].result.sentence, "status 503, expected 200-299");
	atomic_store(&server.is_failing, false);
	wait_for(fixture, 3);
	assert_int_equal(fixture->changes[2].state.status, HEALTH_UP);
	assert_int_equal(fixture->changes[2].state.passed, settings.rise);
}

static void the_first_result_of_a_target_that_fails_is_handed_over(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);

	atomic_store(&server.is_failing, true);
	checker_put(fixture->checker, &target);
	wait_for(fixture, 1);
	assert_int_equal(fixture->changes[0].state.status, HEALTH_INITIAL);
	assert_int_equal(fixture->changes[0].state.failed, 1);
}

static void what_is_known_of_a_target_is_where_it_goes_on_from(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);
	struct checker_view view;

	target.state.status = HEALTH_DOWN;
	checker_put(fixture->checker, &target);
	wait_for(fixture, 2);
	assert_int_equal(fixture->changes[0].state.status, HEALTH_DOWN); /* the first result */
	assert_int_equal(fixture->changes[1].before, HEALTH_DOWN);
	assert_int_equal(fixture->changes[1].state.status, HEALTH_UP);
	assert_int_equal(fixture->changes[1].state.passed, settings.rise);
	assert_true(checker_view(fixture->checker, 7, &view));
	assert_int_equal(view.state.status, HEALTH_UP);
	assert_true(view.probes >= settings.rise);
}

static void a_target_that_is_put_again_keeps_what_is_known_of_it(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);
	struct checker_view view;

	checker_put(fixture->checker, &target);
	wait_for(fixture, 1);
	target.state.status = HEALTH_INITIAL; /* as the caller knew it at first */
	strcpy(target.name, "web/renamed");
	checker_put(fixture->checker, &target);
	wait_for_requests(atomic_load(&server.requests) + 2);
	assert_true(checker_view(fixture->checker, 7, &view));
	assert_int_equal(view.state.status, HEALTH_UP);
	assert_int_equal(fixture->count, 1);
}

/* Who has corrected the check waits for it no longer than for a new one. */
static void what_is_checked_in_another_way_counts_anew(void **state)
{
	static struct config_health before, now;
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);

	before = now = settings;
	before.rise = 10000; /* more than there is time for */
	now.digest = before.digest + 1;
	target.health = &before;
	target.state = (struct check_state){
		.status = HEALTH_DOWN, .returns = 4, .returned_ms = clock_ms()
	};
	checker_put(fixture->checker, &target);
	wait_for(fixture, 1);
	wait_for_requests(atomic_load(&server.requests) + now.rise + 1);
	target.health = &now;
	checker_put(fixture->checker, &target);
	wait_for(fixture, 2);
	assert_int_equal(fixture->changes[1].before, HEALTH_DOWN);
	assert_int_equal(fixture->changes[1].state.status, HEALTH_UP);
	assert_int_equal(fixture->changes[1].state.passed, now.rise);
	assert_int_equal(fixture->changes[1].state.returns, 1);
	checker_remove(fixture->checker, 7);
}

static void wait_for_reason(struct fixture *fixture, uint32_t number, enum probe_reason reason)
{
	time_t deadline = time(NULL) + DEADLINE_S;
	struct checker_view view = { 0 };

	while (view.result.reason != reason) {
		assert_true(time(NULL) < deadline);
		assert_true(checker_view(fixture->checker, number, &view));
		usleep(1000);
	}
}

static void who_asks_for_nothing_any_more_after_a_failure_is_heard(void **state)
{
	static struct config_health asking;
	struct checker_target target = make_target(7, 1);
	struct fixture *fixture = *state;

	asking = settings;
	asking.weight_header = true;
	asking.fall = 1000;
	target.health = &asking;
	atomic_store(&server.asks, true);
	checker_put(fixture->checker, &target);
	wait_for(fixture, 1);
	assert_true(fixture->changes[0].result.has_weight);
	atomic_store(&server.is_failing, true);
	wait_for_reason(fixture, 7, PROBE_STATUS);
	atomic_store(&server.asks, false);
	atomic_store(&server.is_failing, false);
	wait_for(fixture, 2);
	assert_true(fixture->changes[1].result.passed);
	assert_false(fixture->changes[1].result.has_weight);
	checker_remove(fixture->checker, 7);
}

static void a_number_that_somebody_else_has_begins_anew(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);

	checker_put(fixture->checker, &target);
	wait_for(fixture, 1);
	target = make_target(7, 2);
	checker_put(fixture->checker, &target);
	wait_for(fixture, 2);
	assert_int_equal(fixture->changes[1].generation, 2);
	assert_int_equal(fixture->changes[1].before, HEALTH_INITIAL);
}

static void a_removed_target_is_probed_no_more(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target first = make_target(7, 1), second = make_target(8, 1);
	struct checker_view view;

	checker_put(fixture->checker, &first);
	wait_for(fixture, 1);
	checker_remove(fixture->checker, 7);
	checker_put(fixture->checker, &second);
	wait_for(fixture, 2);
	assert_int_equal(fixture->changes[1].number, 8);
	assert_false(checker_view(fixture->checker, 7, &view)); /* orders are taken in order */
	assert_int_equal(checker_load(fixture->checker).targets, 1);
}

/* What packets do not reach fails; what this node cannot probe is as it was. */
static void what_hinders_probes_fails_the_target_or_says_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);
	const time_t deadline = time(NULL) + DEADLINE_S;
	struct checker_view view;

	checker_put(fixture->checker, &target);
	wait_for(fixture, 1);
	target.hindrance = PROBE_LOCAL;
	strcpy(target.why, "this node cannot");
	checker_put(fixture->checker, &target);
	do {
		usleep(1000);
		assert_true(time(NULL) < deadline);
		assert_true(checker_view(fixture->checker, 7, &view));
	} while (view.result.reason != PROBE_LOCAL || checker_load(fixture->checker).untried < 5);
	assert_string_equal(view.result.sentence, "this node cannot");
	assert_int_equal(view.state.status, HEALTH_UP);
	target.hindrance = PROBE_PATH;
	strcpy(target.why, "packets have no way to it");
	checker_put(fixture->checker, &target);
	wait_for(fixture, 2);
	assert_int_equal(fixture->changes[1].state.status, HEALTH_DOWN);
	assert_string_equal(fixture->changes[1].result.sentence, "packets have no way to it");
	target.hindrance = PROBE_NONE;
	checker_put(fixture->checker, &target);
	wait_for(fixture, 3);
	assert_int_equal(fixture->changes[2].state.status, HEALTH_UP);
}

/* A failure that answers is another than one that does not. */
static void what_is_down_says_when_it_fails_in_another_way(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);

	atomic_store(&server.is_failing, true);
	target.state.status = HEALTH_DOWN;
	checker_put(fixture->checker, &target);
	wait_for(fixture, 1);
	assert_int_equal(fixture->changes[0].result.reason, PROBE_STATUS);
	target.hindrance = PROBE_PATH;
	strcpy(target.why, "packets have no way to it");
	checker_put(fixture->checker, &target);
	wait_for(fixture, 2);
	assert_int_equal(fixture->changes[1].before, HEALTH_DOWN);
	assert_int_equal(fixture->changes[1].state.status, HEALTH_DOWN);
	assert_int_equal(fixture->changes[1].result.reason, PROBE_PATH);
	target.hindrance = PROBE_NONE;
	checker_put(fixture->checker, &target);
	wait_for(fixture, 3);
	assert_int_equal(fixture->changes[2].result.reason, PROBE_STATUS);
}

static void many_targets_are_all_probed(void **state)
{
	struct fixture *fixture = *state;
	bool is_up[MANY] = { false };

	for (uint32_t i = 0; i < MANY; i++) {
		struct checker_target target = make_target(i, 1);

		assert_int_equal(checker_put(fixture->checker, &target), 0);
	}
	wait_for(fixture, MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_false(is_up[fixture->changes[i].number]);
		is_up[fixture->changes[i].number] = true;
		assert_int_equal(fixture->changes[i].state.status, HEALTH_UP);
	}
	assert_int_equal(checker_load(fixture->checker).targets, MANY);
}

static void a_checker_ends_while_probes_are_under_way(void **state)
{
	struct fixture *fixture = *state;

	for (uint32_t i = 0; i < MANY; i++) {
		struct checker_target target = make_target(i, 1);

		checker_put(fixture->checker, &target);
	}
	wait_for(fixture, 1); /* and the others? close_fixture() ends them */
}

/* Has every place taken by probes that come to no end. */
static void fill(struct fixture *fixture)
{
	time_t deadline = time(NULL) + DEADLINE_S;

	atomic_store(&server.is_silent, true);
	for (uint32_t i = 0; i < TOO_MANY; i++) {
		struct checker_target target = make_target(i, 1);

		assert_int_equal(checker_put(fixture->checker, &target), 0);
	}
	for (;;) {
		struct checker_load load = checker_load(fixture->checker);

		if (load.waiting > 0 && load.flights + load.waiting == TOO_MANY)
			break;
		assert_true(time(NULL) < deadline);
		usleep(1000);
	}
}

/* One whose probes need no server. */
static struct checker_target make_hindered(uint32_t number)
{
	struct checker_target target = make_target(number, 1);

	target.hindrance = PROBE_PATH;
	strcpy(target.why, "packets have no way to it");
	return target;
}

static void programs_that_take_long_hold_up_no_others(void **state)
{
	static char *command[] = { "/bin/sleep", "600", NULL };
	static struct config_health program = {
		.references = REFERENCES,
		.type = CONFIG_HEALTH_EXTERNAL,
		.interval_ms = 600000,
		.fast_interval_ms = 600000,
		.timeout_ms = 600000,
		.rise = 1,
		.fall = 1,
		.command = command,
		.command_count = 2,
		.user = "root",
	};
	struct fixture *fixture = *state;
	time_t deadline = time(NULL) + DEADLINE_S;
	struct checker_target target;

	for (uint32_t i = 0; i < TOO_MANY; i++) {
		target = make_target(i, 1);
		target.health = &program;
		checker_put(fixture->checker, &target);
	}
	/* without root, none of them can be started, and none waits */
	while (checker_load(fixture->checker).waiting == 0 &&
		checker_load(fixture->checker).untried < TOO_MANY) {
		assert_true(time(NULL) < deadline);
		usleep(1000);
	}
	target = make_target(TOO_MANY, 1);
	checker_put(fixture->checker, &target);
	assert_true(wait_for_number(fixture, TOO_MANY)->result.passed);
}

static void gateways_are_asked_while_all_backends_wait(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target gateway = make_hindered(CHECKER_BACKENDS_MAX + 1);

	fill(fixture);
	checker_put(fixture->checker, &gateway);
	wait_for(fixture, 1);
	assert_int_equal(fixture->changes[0].number, CHECKER_BACKENDS_MAX + 1);
	assert_int_not_equal(checker_load(fixture->checker).waiting, 0);
}

/* Its probe stands for all those that it was too late for. */
static void what_waits_is_late_and_begins_when_others_are_removed(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_hindered(TOO_MANY);
	time_t deadline = time(NULL) + DEADLINE_S;

	fill(fixture);
	checker_put(fixture->checker, &target);
	while (checker_load(fixture->checker).late_ms <= 2 * settings.interval_ms) {
		assert_true(time(NULL) < deadline);
		usleep(1000);
	}
	assert_true(checker_load(fixture->checker).waiting <= TOO_MANY);
	for (uint32_t i = 0; i < TOO_MANY; i++)
		checker_remove(fixture->checker, i);
	wait_for(fixture, 1);
	assert_int_equal(fixture->changes[0].number, TOO_MANY);
	assert_int_equal(checker_load(fixture->checker).targets, 1);
	assert_true(checker_load(fixture->checker).overdue >= 1);
}

static void without_memory_nothing_changes_but_targets_can_be_removed(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);
	struct checker_target next = make_target(7, 2), other = make_target(8, 1);
	struct checker_view view;
	unsigned int references;

	checker_put(fixture->checker, &target);
	wait_for(fixture, 1);
	references = atomic_load(&settings.references);
	has_no_memory = true;
	assert_int_equal(checker_put(fixture->checker, &target), -ENOMEM);
	assert_int_equal(checker_put(fixture->checker, &next), -ENOMEM);
	assert_int_equal(checker_put(fixture->checker, &other), -ENOMEM);
	assert_int_equal(atomic_load(&settings.references), references);
	assert_true(checker_view(fixture->checker, 7, &view));
	assert_false(checker_view(fixture->checker, 8, &view));
	checker_remove(fixture->checker, 7);
	has_no_memory = false;
	assert_false(checker_view(fixture->checker, 7, &view));
	checker_put(fixture->checker, &other);
	wait_for_number(fixture, 8);
	assert_int_equal(atomic_load(&settings.references), references);
}

static void targets_without_memory_for_their_timer_are_probed_later(void **state)
{
	struct fixture *fixture = *state;
	time_t deadline = time(NULL) + DEADLINE_S;

	atomic_store(&events_refused, 0);
	atomic_store(&events_have_no_memory, true);
	for (uint32_t i = 0; i < MANY; i++) {
		struct checker_target target = make_hindered(i);

		assert_int_equal(checker_put(fixture->checker, &target), 0);
	}
	while (atomic_load(&events_refused) < MANY / 2) {
		assert_true(time(NULL) < deadline);
		usleep(1000);
	}
	atomic_store(&events_have_no_memory, false);
	for (uint32_t i = 0; i < MANY; i++) {
		struct checker_view view;

		while (assert_true(checker_view(fixture->checker, i, &view)), view.probes == 0) {
			assert_true(time(NULL) < deadline);
			usleep(1000);
		}
	}
}

static void a_probe_under_way_goes_on_where_only_the_name_changes(void **state)
{
	struct fixture *fixture = *state;
	struct checker_target target = make_target(7, 1);
	struct checker_target gateway = make_hindered(CHECKER_BACKENDS_MAX);
	time_t deadline = time(NULL) + DEADLINE_S;

	atomic_store(&server.is_silent, true);
	checker_put(fixture->checker, &target);
	while (atomic_load(&server.held_count) < 1) {
		assert_true(time(NULL) < deadline);
		usleep(1000);
	}
	strcpy(target.name, "web/renamed");
	checker_put(fixture->checker, &target);
	checker_put(fixture->checker, &gateway);
	wait_for_number(fixture, gateway.number); /* so the name has been taken */
	answer(server.held[0]);
	server.held[0] = -1;
	assert_true(wait_for_number(fixture, 7)->result.passed);
}

/* All together they would be a burst of connections. */
static void targets_that_go_on_otherwise_are_not_probed_all_at_once(void **state)
{
	static struct config_health before, after;
	struct fixture *fixture = *state;
	struct checker_target target;
	unsigned int requests;

	before = settings;
	before.digest = 1;
	before.interval_ms = before.fast_interval_ms = DAY_MS;
	after = before;
	after.digest = 2;
	for (uint32_t i = 0; i < MANY; i++) {
		target = make_target(i, 1);
		target.health = &before;
		checker_put(fixture->checker, &target);
	}
	wait_for(fixture, MANY);
	requests = atomic_load(&server.requests);
	for (uint32_t i = 0; i < MANY; i++) {
		target = make_target(i, 1);
		target.health = &after;
		checker_put(fixture->checker, &target);
	}
	for (uint32_t i = 0; i < 2; i++) { /* the second is due a turn of the loop later */
		target = make_target(MANY + i, 1);
		checker_put(fixture->checker, &target);
		wait_for(fixture, MANY + 1 + i);
		assert_int_equal(fixture->changes[MANY + i].number, MANY + i);
	}
	/* a few may have been due by chance */
	assert_true(atomic_load(&server.requests) - requests < MANY / 2);
}

#define TEST(name)        cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
#define TEST_OF_FEW(name) cmocka_unit_test_setup_teardown(name, open_fixture_of_few, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_target_is_probed_at_once_and_up_with_its_first_success),
		TEST(a_target_that_fails_is_down_after_so_many_failures_and_says_why),
		TEST(the_first_result_of_a_target_that_fails_is_handed_over),
		TEST(what_is_known_of_a_target_is_where_it_goes_on_from),
		TEST(a_target_that_is_put_again_keeps_what_is_known_of_it),
		TEST(what_is_checked_in_another_way_counts_anew),
		TEST(who_asks_for_nothing_any_more_after_a_failure_is_heard),
		TEST(a_number_that_somebody_else_has_begins_anew),
		TEST(a_removed_target_is_probed_no_more),
		TEST(what_hinders_probes_fails_the_target_or_says_nothing),
		TEST(what_is_down_says_when_it_fails_in_another_way),
		TEST(many_targets_are_all_probed),
		TEST(a_checker_ends_while_probes_are_under_way),
		TEST_OF_FEW(programs_that_take_long_hold_up_no_others),
		TEST_OF_FEW(gateways_are_asked_while_all_backends_wait),
		TEST_OF_FEW(what_waits_is_late_and_begins_when_others_are_removed),
		TEST(without_memory_nothing_changes_but_targets_can_be_removed),
		TEST(targets_without_memory_for_their_timer_are_probed_later),
		TEST(a_probe_under_way_goes_on_where_only_the_name_changes),
		TEST(targets_that_go_on_otherwise_are_not_probed_all_at_once),
	};

	event_set_mem_functions(malloc, reallocate_for_events, free);
	return cmocka_run_group_tests_name("checker", tests, NULL, NULL);
}
