/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "common/event_ring.h"

#define KEPT  8
#define BYTES 4096

static int create(void **state)
{
	*state = event_ring_create(KEPT, BYTES);
	return *state == NULL;
}

static int destroy(void **state)
{
	event_ring_destroy(*state);
	return 0;
}

/* An event with a sentence of `length` bytes that all depend on its number. */
static void add(struct event_ring *ring, uint64_t number, size_t length)
{
	char sentence[EVENT_SENTENCE_SIZE], name[16];
	const struct event_entry *entry;

	memset(sentence, 'a' + (int)(number % 26), length);
	sentence[length] = '\0';
	snprintf(name, sizeof(name), "web-%d", (int)(number % 1000));
	entry = event_ring_add(ring, &(struct event_entry){ .number = 77,
					     .time_ms = (int64_t)number * 10,
					     .kind = EVENT_KIND_HEALTH,
					     .name = name,
					     .cause = "check",
					     .sentence = sentence });
	assert_int_equal(entry->number, number);
}

/* All that is kept is whole; returns how many that are. */
static unsigned int check_kept(const struct event_ring *ring)
{
	unsigned int count = 0;

	for (uint64_t number = event_ring_first(ring); number < event_ring_next(ring); number++) {
		const struct event_entry *entry = event_ring_find(ring, number);
		char name[16];

		assert_non_null(entry);
		assert_int_equal(entry->number, number);
		assert_int_equal(entry->time_ms, number * 10);
		snprintf(name, sizeof(name), "web-%d", (int)(number % 1000));
		assert_string_equal(entry->name, name);
		assert_string_equal(entry->cause, "check");
		for (const char *at = entry->sentence; *at != '\0'; at++)
			assert_int_equal(*at, 'a' + (int)(number % 26));
		count++;
	}
	return count;
}

static void an_empty_ring_has_nothing(void **state)
{
	assert_int_equal(event_ring_first(*state), 1);
	assert_int_equal(event_ring_next(*state), 1);
	assert_null(event_ring_find(*state, 0));
	assert_null(event_ring_find(*state, 1));
}

static void the_last_ones_are_kept_and_older_ones_are_gone(void **state)
{
	for (uint64_t number = 1; number <= 3 * KEPT; number++) {
		add(*state, number, 20);
		assert_int_equal(check_kept(*state), number < KEPT ? number : KEPT);
	}
	assert_int_equal(event_ring_first(*state), 2 * KEPT + 1);
	assert_null(event_ring_find(*state, 2 * KEPT));
	assert_null(event_ring_find(*state, 3 * KEPT + 1));
}

static void long_ones_take_the_room_of_several(void **state)
{
	for (uint64_t number = 1; number <= KEPT; number++)
		add(*state, number, 20);
	for (uint64_t number = KEPT + 1; number <= 3 * KEPT; number++)
		add(*state, number, EVENT_SENTENCE_SIZE - 1);
	assert_in_range(check_kept(*state), BYTES / (2 * EVENT_SENTENCE_SIZE), KEPT - 1);
}

/* In whatever order they come, nothing is overwritten that is still said to be kept. */
static void any_lengths_leave_the_kept_ones_whole(void **state)
{
	unsigned int random = 1;

	for (uint64_t number = 1; number <= 20000; number++) {
		random = random * 1103515245 + 12345;
		add(*state, number, (random >> 16) % EVENT_SENTENCE_SIZE);
		assert_in_range(check_kept(*state), 1, KEPT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_ring_has_nothing, create, destroy),
		cmocka_unit_test_setup_teardown(
			the_last_ones_are_kept_and_older_ones_are_gone, create, destroy),
		cmocka_unit_test_setup_teardown(
			long_ones_take_the_room_of_several, create, destroy),
		cmocka_unit_test_setup_teardown(
			any_lengths_leave_the_kept_ones_whole, create, destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
