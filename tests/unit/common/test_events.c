/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "common/events.h"
#include "common/loop.h"

#define SEEN_MAX   16
#define DEADLINE_S 60

/* A subscriber that notes what it sees. */
struct reader {
	struct events_subscriber subscriber;
	uint64_t seen[SEEN_MAX];
	size_t count;
	struct events_subscriber *leaves; /* whom it takes off at its first event */
	struct reader *comes;             /* whom it adds then */
	unsigned int more;                /* events that it publishes itself then */
};

#define READS .subscriber.published = note

static struct event_base *base;

static int open_stream(void **state)
{
	struct error error = { "" };

	base = loop_create();
	return base == NULL || events_open(base, &error) != 0;
}

static int close_stream(void **state)
{
	events_close();
	event_base_free(base);
	return 0;
}

static void publish(const char *sentence)
{
	events_publish(EVENT(NODE, INFO, NODE, NULL), "%s", sentence);
}

static void note(struct events_subscriber *subscriber, const struct event_entry *entry)
{
	struct reader *reader = (struct reader *)subscriber;
	bool is_first = reader->count == 0;

	assert_in_range(reader->count, 0, SEEN_MAX - 1);
	reader->seen[reader->count++] = entry->number;
	if (!is_first)
		return;
	if (reader->leaves != NULL)
		events_unsubscribe(reader->leaves);
	if (reader->comes != NULL)
		events_subscribe(&reader->comes->subscriber);
	for (unsigned int i = 0; i < reader->more; i++)
		publish("more");
}

static void expect_seen(const struct reader *reader, const char *numbers)
{
	char text[128] = "";

	for (size_t i = 0; i < reader->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d",
			i == 0 ? "" : " ", (int)reader->seen[i]);
	assert_string_equal(text, numbers);
}

static void an_event_has_all_that_was_said_of_it(void **state)
{
	struct timespec before, after;
	const struct event_entry *entry;

	clock_gettime(CLOCK_REALTIME, &before);
	events_publish(EVENT(PUBLISH, WARNING, BACKEND, "web", .backend = "web-1", .cause = "check",
			       .move = { 5, 1000, 0xabc }),
		"moved %d slots", 5);
	clock_gettime(CLOCK_REALTIME, &after);
	entry = events_find(1);
	assert_non_null(entry);
	assert_int_equal(entry->number, 1);
	assert_in_range(entry->time_ms, before.tv_sec * 1000, after.tv_sec * 1000 + 999);
	assert_string_equal(event_kind_name(entry->kind), "publish");
	assert_string_equal(event_level_name(entry->level), "warning");
	assert_string_equal(event_object_name(entry->object), "backend");
	assert_string_equal(entry->name, "web/web-1");
	assert_string_equal(entry->cause, "check");
	assert_string_equal(entry->sentence, "moved 5 slots");
	assert_int_equal(entry->move.moved, 5);
	assert_int_equal(entry->move.slots, 1000);
	assert_int_equal(entry->move.digest, 0xabc);
}

static void what_is_too_long_is_cut_and_what_is_no_text_is_made_one(void **state)
{
	char text[4 * EVENT_SENTENCE_SIZE];
	const struct event_entry *entry;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	events_publish(
		EVENT(POOL, INFO, BACKEND, text, .backend = text, .cause = text), "%s", text);
	events_publish(EVENT(POOL, INFO, POOL, "a\nb"), "two\nlines \xff");
	entry = events_find(1);
	assert_int_equal(strlen(entry->name), EVENT_NAME_SIZE - 1);
	assert_int_equal(strlen(entry->cause), EVENT_CAUSE_SIZE - 1);
	assert_int_equal(strlen(entry->sentence), EVENT_SENTENCE_SIZE - 1);
	entry = events_find(2);
	assert_string_equal(entry->name, "a?b");
	assert_string_equal(entry->sentence, "two?lines ?");
}

static void a_subscriber_sees_each_event_from_now_on(void **state)
{
	struct reader reader = { READS };

	publish("before");
	events_subscribe(&reader.subscriber);
	publish("one");
	publish("two");
	events_unsubscribe(&reader.subscriber);
	publish("after");
	expect_seen(&reader, "2 3");
}

static void whoever_comes_while_one_is_told_sees_the_next(void **state)
{
	struct reader late = { READS }, host = { READS, .comes = &late };

	events_subscribe(&host.subscriber);
	publish("one");
	publish("two");
	expect_seen(&host, "1 2");
	expect_seen(&late, "2");
	events_unsubscribe(&host.subscriber);
	events_unsubscribe(&late.subscriber);
}

static void one_may_leave_while_one_is_told(void **state)
{
	struct reader self = { READS };

	self.leaves = &self.subscriber;
	events_subscribe(&self.subscriber);
	publish("one");
	publish("two");
	expect_seen(&self, "1");
}

/* The victim stands behind, and would have been next; or before, and was told already. */
static void one_may_take_off_another_while_one_is_told(void **state)
{
	struct reader earlier = { READS }, later = { READS }, last = { READS };
	struct reader culprit = { READS, .leaves = &later.subscriber };
	struct reader second = { READS, .leaves = &earlier.subscriber };

	events_subscribe(&earlier.subscriber);
	events_subscribe(&culprit.subscriber);
	events_subscribe(&later.subscriber);
	events_subscribe(&second.subscriber);
	events_subscribe(&last.subscriber);
	publish("one");
	publish("two");
	expect_seen(&earlier, "1");
	expect_seen(&culprit, "1 2");
	expect_seen(&later, "");
	expect_seen(&second, "1 2");
	expect_seen(&last, "1 2");
	events_unsubscribe(&culprit.subscriber);
	events_unsubscribe(&second.subscriber);
	events_unsubscribe(&last.subscriber);
}

static void what_a_subscriber_publishes_comes_after_for_everybody(void **state)
{
	struct reader author = { READS, .more = 2 }, other = { READS };

	events_subscribe(&author.subscriber);
	events_subscribe(&other.subscriber);
	publish("one");
	expect_seen(&author, "1 2 3");
	expect_seen(&other, "1 2 3");
	events_unsubscribe(&author.subscriber);
	events_unsubscribe(&other.subscriber);
}

static void the_last_ten_thousand_are_kept(void **state)
{
	int before = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(nowhere, STDERR_FILENO); /* of so many lines */
	for (unsigned int i = 0; i < EVENTS_KEPT + 5; i++)
		publish("pool web: moved 5 of 65537 slots: backend.set by uid 0, pid 4711");
	dup2(before, STDERR_FILENO);
	close(before);
	close(nowhere);
	assert_int_equal(events_first(), 6);
	assert_int_equal(events_next(), EVENTS_KEPT + 6);
	assert_null(events_find(5));
	assert_int_equal(events_find(6)->number, 6);
	assert_null(events_find(EVENTS_KEPT + 6));
}

static void each_stream_has_an_epoch_and_numbers_from_one(void **state)
{
	struct error error = { "" };
	uint64_t epoch = events_epoch();

	publish("one");
	events_close();
	assert_int_equal(events_epoch(), 0);
	assert_int_equal(events_next(), 1);
	assert_null(events_find(1));
	publish("while there is no stream");
	assert_int_equal(events_open(base, &error), 0);
	assert_int_not_equal(events_epoch(), epoch);
	assert_int_equal(events_next(), 1);
}

static void *publish_beside(void *argument)
{
	for (int i = 0; i < 100; i++)
		events_publish(EVENT(MEMORY, INFO, POOL, "web", .cause = "beside"), "number %d", i);
	return NULL;
}

static void what_other_threads_publish_is_numbered_in_the_loop(void **state)
{
	time_t deadline = time(NULL) + DEADLINE_S;
	pthread_t threads[2];
	int next = 0;

	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, publish_beside, NULL), 0);
	while (events_next() < 201 && time(NULL) < deadline)
		event_base_loop(base, EVLOOP_ONCE);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(events_next(), 201);
	for (uint64_t number = 1; number < 201; number++) {
		const struct event_entry *entry = events_find(number);
		int counted;

		assert_string_equal(entry->name, "web");
		assert_string_equal(entry->cause, "beside");
		assert_int_equal(sscanf(entry->sentence, "number %d", &counted), 1);
		next += counted;
	}
	assert_int_equal(next, 2 * 99 * 100 / 2);
}

static void what_is_handed_over_last_is_in_the_log_at_the_end(void **state)
{
	int before = dup(STDERR_FILENO), ends[2];
	struct error error = { "" };
	char text[16 << 10] = "";
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, publish_beside, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(events_next(), 1);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	events_close();
	dup2(before, STDERR_FILENO);
	close(before);
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	close(ends[0]);
	assert_non_null(strstr(text, "Z number 0\n"));
	assert_non_null(strstr(text, "Z number 99\n"));
	assert_int_equal(events_open(base, &error), 0);
}

#define with_stream(name) cmocka_unit_test_setup_teardown(name, open_stream, close_stream)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_stream(an_event_has_all_that_was_said_of_it),
		with_stream(what_is_too_long_is_cut_and_what_is_no_text_is_made_one),
		with_stream(a_subscriber_sees_each_event_from_now_on),
		with_stream(whoever_comes_while_one_is_told_sees_the_next),
		with_stream(one_may_leave_while_one_is_told),
		with_stream(one_may_take_off_another_while_one_is_told),
		with_stream(what_a_subscriber_publishes_comes_after_for_everybody),
		with_stream(the_last_ten_thousand_are_kept),
		with_stream(each_stream_has_an_epoch_and_numbers_from_one),
		with_stream(what_other_threads_publish_is_numbered_in_the_loop),
		with_stream(what_is_handed_over_last_is_in_the_log_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
