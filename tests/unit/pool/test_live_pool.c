/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <unistd.h>

#include "pool/live_pool.h"
#include "encap/record.h"
#include "affinity/slots.h"

/* Room for two pools of 251 slots. */
static const struct state_layout layout = {
	.workers = 1,
	.ports = 1,
	.services = 1,
	.backends = 1,
	.slot_words = 2 * 256,
	.records = RECORD_MODE_COUNT,
	.pools = 3,
	.pin_buckets = 64,
};

struct fixture {
	char directory[32];
	struct state *state;
	struct arena *numbers;
};

static int open_fixture(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct state_refusal refusal;
	char path[64];

	strcpy(fixture->directory, "/tmp/sluice-unit-XXXXXX");
	if (mkdtemp(fixture->directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/state", fixture->directory);
	*state = fixture;
	fixture->numbers = arena_create(layout.pools);
	if (state_open(path, &layout, 0, &fixture->state, &refusal) != 0)
		return -1;
	return state_commit(fixture->state, &refusal);
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;
	int result;

	arena_destroy(fixture->numbers);
	state_discard(fixture->state);
	result = rmdir(fixture->directory);
	free(fixture);
	return result;
}

static struct live_pool *create(struct fixture *fixture)
{
	struct error error = { "" };
	struct live_pool *pool = live_pool_create(fixture->state, fixture->numbers, 251, 1, &error);

	if (pool == NULL)
		fail_msg("%s", error.message);
	return pool;
}

static void no_index_of_a_new_pool_has_a_record(void **state)
{
	struct fixture *fixture = *state;
	struct live_pool *pool = create(fixture);

	assert_int_equal(pool->slots, 251);
	for (uint32_t index = 0; index < SLOT_BACKEND_MAX; index++)
		assert_int_equal(pool->record_of[index], RECORD_NONE);
	live_pool_destroy(pool);
}

static void a_pool_that_does_not_fit_is_refused_with_the_remedy(void **state)
{
	struct fixture *fixture = *state;
	struct live_pool *one = create(fixture), *two = create(fixture);
	struct error error = { "" };

	assert_null(live_pool_create(fixture->state, fixture->numbers, 251, 1, &error));
	assert_string_equal(error.message,
		"the state file has no room left for the slots of another pool; a restart makes "
		"room for twice the configuration, up to the limits of a state file");
	assert_null(live_pool_create(fixture->state, fixture->numbers, 251, 1, NULL));
	live_pool_destroy(one);
	one = create(fixture);
	live_pool_destroy(one);
	live_pool_destroy(two);
}

static void a_released_pool_gives_its_slots_back(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < 100; i++) {
		struct live_pool *one = create(fixture), *two = create(fixture);

		assert_int_not_equal(one->first_word, two->first_word);
		live_pool_release(one, 0);
		live_pool_release(two, 0);
	}
}

static void a_released_index_has_no_record_and_is_handed_out_again(void **state)
{
	struct live_pool *pool = create(*state);

	assert_int_equal(arena_take(pool->indices, 1), 0);
	assert_int_equal(arena_take(pool->indices, 1), 1);
	pool->record_of[0] = pool->record_of[1] = 77;
	live_pool_release_index(pool, 0);
	assert_int_equal(pool->record_of[0], RECORD_NONE);
	assert_int_equal(pool->record_of[1], 77);
	assert_int_equal(arena_take(pool->indices, 1), 0);
	live_pool_destroy(pool);
}

static void a_pool_numbers_as_many_backends_as_a_slot_word_can_name(void **state)
{
	struct live_pool *pool = create(*state);

	for (uint32_t index = 0; index < SLOT_BACKEND_MAX; index++)
		assert_int_equal(arena_take(pool->indices, 1), index);
	assert_int_equal(arena_take(pool->indices, 1), ARENA_FULL);
	live_pool_destroy(pool);
}

/* What a refused creation returns may be destroyed: that takes nothing from the other pools. */
static void destroying_no_pool_changes_no_other(void **state)
{
	struct fixture *fixture = *state;
	struct live_pool *one = create(fixture), *two = create(fixture);

	live_pool_destroy(live_pool_create(fixture->state, fixture->numbers, 251, 1, NULL));
	assert_null(live_pool_create(fixture->state, fixture->numbers, 251, 1, NULL));
	live_pool_destroy(one);
	one = create(fixture);
	assert_int_not_equal(one->first_word, two->first_word);
	assert_null(live_pool_create(fixture->state, fixture->numbers, 251, 1, NULL));
	live_pool_destroy(one);
	live_pool_destroy(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_index_of_a_new_pool_has_a_record),
		cmocka_unit_test(a_pool_that_does_not_fit_is_refused_with_the_remedy),
		cmocka_unit_test(a_released_pool_gives_its_slots_back),
		cmocka_unit_test(a_released_index_has_no_record_and_is_handed_out_again),
		cmocka_unit_test(a_pool_numbers_as_many_backends_as_a_slot_word_can_name),
		cmocka_unit_test(destroying_no_pool_changes_no_other),
	};

	return cmocka_run_group_tests_name("live_pool", tests, open_fixture, close_fixture);
}
