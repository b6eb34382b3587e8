/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "common/background.h"

#define JOBS       100
#define DEADLINE_S 60

struct fixture {
	struct event_base *base;
	struct background *background;
	struct background_job jobs[JOBS];
	pthread_t loop;
	unsigned int worked[JOBS], finished[JOBS]; /* the jobs, in order */
	unsigned int worked_count, finished_count;
	unsigned int again; /* how often the first job is still to be handed over again */
	unsigned int expected;
};

static int open_fixture(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct error error = { "" };

	fixture->base = event_base_new();
	fixture->loop = pthread_self();
	fixture->background = background_create(fixture->base, &error);
	if (fixture->background == NULL)
		fail_msg("%s", error.message);
	*state = fixture;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;

	background_destroy(fixture->background);
	event_base_free(fixture->base);
	free(fixture);
	return 0;
}

static void work(struct background_job *job)
{
	struct fixture *fixture = job->context;

	if (!pthread_equal(pthread_self(), fixture->loop))
		fixture->worked[fixture->worked_count++] = job - fixture->jobs;
}

static void done(struct background_job *job)
{
	struct fixture *fixture = job->context;

	assert_true(pthread_equal(pthread_self(), fixture->loop));
	if (fixture->again > 0) {
		fixture->again--;
		background_run(fixture->background, job);
		return;
	}
	fixture->finished[fixture->finished_count++] = job - fixture->jobs;
	if (fixture->finished_count == fixture->expected)
		event_base_loopbreak(fixture->base);
}

static void run(struct fixture *fixture, unsigned int count)
{
	fixture->expected = count;
	for (unsigned int i = 0; i < count; i++) {
		fixture->jobs[i] =
			(struct background_job){ .work = work, .done = done, .context = fixture };
		background_run(fixture->background, &fixture->jobs[i]);
	}
}

static void assert_in_order(const struct fixture *fixture, unsigned int count)
{
	assert_int_equal(fixture->worked_count, count);
	assert_int_equal(fixture->finished_count, count);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(fixture->worked[i], i);
		assert_int_equal(fixture->finished[i], i);
	}
}

static void jobs_are_done_in_their_order_and_end_in_the_event_loop(void **state)
{
	const struct timeval deadline = { .tv_sec = DEADLINE_S };
	struct fixture *fixture = *state;

	run(fixture, JOBS);
	assert_int_equal(fixture->finished_count, 0);
	event_base_loopexit(fixture->base, &deadline);
	event_base_dispatch(fixture->base);
	assert_in_order(fixture, JOBS);
}

static void all_jobs_can_be_waited_for_without_the_event_loop(void **state)
{
	struct fixture *fixture = *state;

	background_finish(fixture->background); /* there is none */
	run(fixture, JOBS);
	background_finish(fixture->background);
	assert_in_order(fixture, JOBS);
}

static void a_job_that_is_handed_over_again_is_waited_for_too(void **state)
{
	struct fixture *fixture = *state;

	fixture->again = 5;
	run(fixture, 1);
	background_finish(fixture->background);
	assert_int_equal(fixture->worked_count, 6);
	assert_int_equal(fixture->finished_count, 1);
}

static void the_end_waits_for_all_jobs(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, JOBS);
	background_destroy(fixture->background);
	fixture->background = NULL;
	background_destroy(NULL);
	assert_in_order(fixture, JOBS);
}

static atomic_bool begun;

static void note_begun(struct background_job *job)
{
	atomic_store(&begun, true);
}

static void count_done(struct background_job *job)
{
	struct fixture *fixture = job->context;

	fixture->finished_count++;
}

/* Hands over two more, and returns when the first of these has been worked on. */
static void hand_over(struct background_job *job)
{
	struct fixture *fixture = job->context;

	fixture->finished_count++;
	fixture->jobs[1] = (struct background_job){ work, count_done, fixture, { NULL } };
	fixture->jobs[2] = (struct background_job){ note_begun, count_done, fixture, { NULL } };
	background_run(fixture->background, &fixture->jobs[1]);
	background_run(fixture->background, &fixture->jobs[2]);
	while (!atomic_load(&begun))
		sched_yield();
}

static void what_a_job_hands_over_is_for_another_turn_of_the_loop(void **state)
{
	struct fixture *fixture = *state;

	fixture->jobs[0] = (struct background_job){ work, hand_over, fixture, { NULL } };
	background_run(fixture->background, &fixture->jobs[0]);
	event_base_loop(fixture->base, EVLOOP_ONCE);
	assert_int_equal(fixture->finished_count, 1);
	background_finish(fixture->background);
	assert_int_equal(fixture->finished_count, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
	const struct CMUnitTest tests[] = {
		TEST(jobs_are_done_in_their_order_and_end_in_the_event_loop),
		TEST(all_jobs_can_be_waited_for_without_the_event_loop),
		TEST(a_job_that_is_handed_over_again_is_waited_for_too),
		TEST(the_end_waits_for_all_jobs),
		TEST(what_a_job_hands_over_is_for_another_turn_of_the_loop),
	};
#undef TEST

	return cmocka_run_group_tests_name("background", tests, NULL, NULL);
}
