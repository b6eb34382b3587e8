/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "state/health_row.h"

static struct health_change change_at(int64_t time_ms)
{
	return (struct health_change){
		.time_ms = time_ms,
		.duration_us = time_ms * 10,
		.detail = -time_ms,
		.reason = time_ms % 200,
		.status = 1 + time_ms % 2,
	};
}

static void add(struct state_health *row, int64_t first, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct health_change change = change_at(first + i);

		health_row_add(row, &change);
	}
}

static void assert_shows(const struct state_health *row, int64_t first, size_t count)
{
	struct health_change shown[HEALTH_CHANGES_MAX];

	assert_true(health_row_is_sound(row));
	assert_int_equal(health_row_list(row, shown), count);
	for (size_t i = 0; i < count; i++) {
		const struct health_change wanted = change_at(first + i);

		assert_memory_equal(&shown[i], &wanted, sizeof(wanted));
	}
}

static void a_row_of_zeroes_was_never_checked(void **state)
{
	struct state_health row = { 0 };

	assert_shows(&row, 0, 0);
	assert_int_equal(row.status, HEALTH_INITIAL);
	assert_int_equal(row.override, HEALTH_OVERRIDE_NONE);
}

static void the_last_changes_are_kept_the_oldest_first(void **state)
{
	struct state_health row = { 0 };

	for (size_t count = 1; count <= 200; count++) {
		size_t shown = count < HEALTH_CHANGES_MAX ? count : HEALTH_CHANGES_MAX;

		add(&row, count, 1);
		assert_shows(&row, count + 1 - shown, shown);
		assert_int_equal(row.status, 1 + count % 2);
	}
}

/* Each moment of an addition at which the process can be killed. */
static void a_change_that_is_cut_short_leaves_the_others_as_they_were(void **state)
{
	for (size_t count = 0; count < 3 * HEALTH_CHANGE_CELLS; count++) {
		size_t kept = count < HEALTH_CHANGES_MAX ? count : HEALTH_CHANGES_MAX;
		struct state_health row = { 0 };
		struct state_health later;

		add(&row, 1, count);
		memcpy(&later, &row, sizeof(later));
		add(&later, 1 + count, 1);
		memcpy(row.ring, later.ring, sizeof(row.ring));
		assert_shows(&row, 1 + count - kept, kept);
	}
}

static void a_row_with_any_number_out_of_range_is_unsound(void **state)
{
	struct state_health sound = { 0 }, row;

	add(&sound, 1, 20);
	memcpy(&row, &sound, sizeof(row));
	row.status = HEALTH_STATUS_COUNT;
	assert_false(health_row_is_sound(&row));
	memcpy(&row, &sound, sizeof(row));
	row.override = HEALTH_OVERRIDE_COUNT;
	assert_false(health_row_is_sound(&row));
	memcpy(&row, &sound, sizeof(row));
	row.ring[19 % HEALTH_CHANGE_CELLS].status = HEALTH_STATUS_COUNT;
	assert_false(health_row_is_sound(&row));
	memcpy(&row, &sound, sizeof(row));
	row.ring[19 % HEALTH_CHANGE_CELLS].time_ms = -1;
	assert_false(health_row_is_sound(&row));
}

/* Of any bytes at all, a sound row has only numbers that can be used, and goes on as any other. */
static void any_bytes_can_be_judged(void **state)
{
	unsigned int random = 1;
	size_t sound = 0;

	for (int i = 0; i < 50000; i++) {
		struct health_change shown[HEALTH_CHANGES_MAX];
		struct state_health row = { 0 };
		size_t count;

		add(&row, 1, rand_r(&random) % 40);
		for (int flips = rand_r(&random) % 8; flips > 0; flips--)
			((uint8_t *)&row)[rand_r(&random) % sizeof(row)] = rand_r(&random);
		if (rand_r(&random) % 4 == 0)
			row.changes = rand_r(&random) | UINT32_C(0xfffffff0);
		if (!health_row_is_sound(&row))
			continue;
		sound++;
		count = health_row_list(&row, shown);
		assert_true(count <= HEALTH_CHANGES_MAX);
		for (size_t k = 0; k < count; k++)
			assert_true(shown[k].status < HEALTH_STATUS_COUNT);
		add(&row, 5000, HEALTH_CHANGES_MAX);
		assert_shows(&row, 5000, HEALTH_CHANGES_MAX);
	}
	assert_in_range(sound, 1000, 49999);
}

static void each_status_has_its_name(void **state)
{
	assert_string_equal(health_status_name(HEALTH_INITIAL), "initial");
	assert_string_equal(health_status_name(HEALTH_UP), "up");
	assert_string_equal(health_status_name(HEALTH_DOWN), "down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_of_zeroes_was_never_checked),
		cmocka_unit_test(the_last_changes_are_kept_the_oldest_first),
		cmocka_unit_test(a_change_that_is_cut_short_leaves_the_others_as_they_were),
		cmocka_unit_test(a_row_with_any_number_out_of_range_is_unsound),
		cmocka_unit_test(any_bytes_can_be_judged),
		cmocka_unit_test(each_status_has_its_name),
	};

	return cmocka_run_group_tests_name("health_row", tests, NULL, NULL);
}
