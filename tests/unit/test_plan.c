/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "plan.h"
#include "small_config.h"

/* 10,007 slots: shares are then their weights to well within a percent. */
#define POOL  "{'name': 'web', 'slots': 10007, 'backends': [%s]}"
#define W1    "{'name': 'w1', 'address': '10.2.0.1'}"
#define W2    "{'name': 'w2', 'address': '10.2.0.2'}"
#define W3    "{'name': 'w3', 'address': 'fd00:2::3'}"
#define W4    "{'name': 'w4', 'address': '10.2.0.4'}"
#define THREE W1 ", " W2 ", " W3

struct planned {
	struct flow_secret secret;
	struct config *config;
	struct plan *plan;
};

static struct planned plan_with(const char *pools, uint8_t key_byte, const struct plan *previous)
{
	const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = { key_byte };
	struct error error = { "" };
	struct planned planned;

	flow_secret_generate(&planned.secret, hash_key);
	planned.config = small_config_read(pools, "[]");
	planned.plan = plan_create(planned.config, &planned.secret, previous, &error);
	if (planned.plan == NULL)
		fail_msg("%s", error.message);
	return planned;
}

/* One pool "web" with those backends. */
static struct planned plan_web(const char *backends)
{
	char pools[1024];

	snprintf(pools, sizeof(pools), "[" POOL "]", backends);
	return plan_with(pools, 0, NULL);
}

static void drop(struct planned *planned)
{
	plan_destroy(planned->plan);
	config_destroy(planned->config);
}

static const struct plan_pool *web(const struct planned *planned)
{
	const struct plan_pool *pool = plan_find_pool(planned->plan, "web");

	assert_non_null(pool);
	return pool;
}

static const struct plan_member *member(const struct plan_pool *pool, const char *name)
{
	for (size_t i = 0; i < pool->backend_count; i++)
		if (strcmp(pool->members[i].name, name) == 0)
			return &pool->members[i];
	fail_msg("no member %s", name);
	return NULL;
}

/* That `owned` is what the table says, and that it makes up the table. */
static void assert_counted(const struct plan_pool *pool)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < pool->backend_count; i++) {
		uint32_t owned = 0;

		for (uint32_t slot = 0; slot < pool->slots; slot++)
			owned += pool->table[slot] == i;
		assert_int_equal(owned, pool->members[i].owned);
		sum += owned;
	}
	assert_int_equal(sum, pool->slots);
}

static void assert_share(const struct plan_pool *pool, const char *name, double share)
{
	double owned = (double)member(pool, name)->owned / pool->slots;

	if (owned < share - 0.005 || owned > share + 0.005)
		fail_msg("%s owns %.3f instead of %.3f", name, owned, share);
}

static void equal_weights_share_the_slots_equally(void **state)
{
	struct planned planned = plan_web(THREE);

	assert_int_equal(web(&planned)->slots, 10007);
	assert_counted(web(&planned));
	assert_share(web(&planned), "w1", 1.0 / 3);
	assert_share(web(&planned), "w2", 1.0 / 3);
	assert_share(web(&planned), "w3", 1.0 / 3);
	drop(&planned);
}

static void weights_change_the_shares(void **state)
{
	struct planned planned = plan_web("{'name': 'w1', 'address': '10.2.0.1', 'weight': 10}, "
					  "{'name': 'w2', 'address': '10.2.0.2', 'weight': 30}, "
					  "{'name': 'w3', 'address': 'fd00:2::3', 'weight': 60}");

	assert_counted(web(&planned));
	assert_share(web(&planned), "w1", 0.1);
	assert_share(web(&planned), "w2", 0.3);
	assert_share(web(&planned), "w3", 0.6);
	drop(&planned);
}

static void a_disabled_backend_owns_no_slot(void **state)
{
	struct planned planned =
		plan_web("{'name': 'w1', 'address': '10.2.0.1', 'state': 'disabled'}, " W2);

	assert_int_equal(member(web(&planned), "w1")->owned, 0);
	assert_int_equal(member(web(&planned), "w1")->weight, 0);
	assert_int_equal(member(web(&planned), "w2")->owned, 10007);
	drop(&planned);
}

/* For flows it makes no difference which of the two an operator does. */
static void a_disabled_backend_and_one_that_is_gone_leave_the_same_table(void **state)
{
	struct planned disabled =
		plan_web(W1 ", {'name': 'w2', 'address': '10.2.0.2', 'state': 'disabled'}, " W3);
	struct planned gone = plan_web(W1 ", " W3);

	assert_int_equal(plan_slots_moved(web(&disabled), web(&gone)), 0);
	assert_int_equal(web(&disabled)->digest, web(&gone)->digest);
	drop(&disabled);
	drop(&gone);
}

static void assert_nobody_owns_anything(const char *backends)
{
	struct planned planned = plan_web(backends);

	for (uint32_t slot = 0; slot < web(&planned)->slots; slot++)
		assert_int_equal(web(&planned)->table[slot], PLAN_NO_BACKEND);
	assert_int_equal(web(&planned)->digest, 0);
	drop(&planned);
}

static void nobody_owns_the_slots_of_a_pool_without_active_backends(void **state)
{
	assert_nobody_owns_anything("");
	assert_nobody_owns_anything("{'name': 'w1', 'address': '10.2.0.1', 'state': 'disabled'}");
}

static void reordering_and_renaming_move_no_slot(void **state)
{
	struct planned before = plan_web(THREE);
	struct planned reordered = plan_web(W3 ", " W1 ", " W2);
	struct planned renamed = plan_web(W1 ", {'name': 'new', 'address': '10.2.0.2'}, "
					     "{'name': 'w3', 'address': 'FD00:2:0:0::3'}");

	assert_int_equal(plan_slots_moved(web(&before), web(&reordered)), 0);
	assert_int_equal(plan_slots_moved(web(&before), web(&renamed)), 0);
	assert_int_equal(web(&before)->digest, web(&reordered)->digest);
	assert_int_equal(web(&before)->digest, web(&renamed)->digest);
	assert_counted(web(&reordered));
	drop(&before);
	drop(&reordered);
	drop(&renamed);
}

static void removing_a_backend_moves_its_slots_and_few_others(void **state)
{
	struct planned before = plan_web(THREE ", " W4), after = plan_web(THREE);
	uint32_t owned = member(web(&before), "w4")->owned;
	uint32_t moved = plan_slots_moved(web(&before), web(&after));

	assert_in_range(moved, owned, owned * 16 / 10);
	assert_int_equal(plan_slots_moved(web(&after), web(&before)), moved);
	assert_int_not_equal(web(&before)->digest, web(&after)->digest);
	drop(&before);
	drop(&after);
}

static void emptying_a_pool_moves_all_of_its_slots(void **state)
{
	struct planned full = plan_web(THREE), empty = plan_web("");

	assert_int_equal(plan_slots_moved(web(&full), web(&empty)), 10007);
	assert_int_equal(plan_slots_moved(web(&empty), web(&full)), 10007);
	assert_int_equal(plan_slots_moved(web(&empty), web(&empty)), 0);
	drop(&full);
	drop(&empty);
}

static void another_number_of_slots_moves_all_of_them(void **state)
{
	struct planned large = plan_web(THREE);
	struct planned small = plan_with(
		"[{'name': 'web', 'slots': 251, 'backends': [" THREE "]}]", 0, large.plan);

	assert_int_equal(plan_slots_moved(web(&large), web(&small)), 251);
	assert_int_equal(plan_slots_moved(web(&small), web(&large)), 10007);
	assert_counted(web(&small));
	drop(&large);
	drop(&small);
}

static void a_pool_that_comes_or_goes_moves_nothing(void **state)
{
	struct planned planned = plan_web(THREE);

	assert_int_equal(plan_slots_moved(NULL, web(&planned)), 0);
	assert_int_equal(plan_slots_moved(web(&planned), NULL), 0);
	assert_null(plan_find_pool(planned.plan, "other"));
	assert_null(plan_find_pool(NULL, "web"));
	drop(&planned);
}

/* Told by a table that no builder would have made. */
static void a_pool_of_the_same_members_takes_its_table_from_the_plan_before(void **state)
{
	struct planned before = plan_web(THREE), same, heavier;
	char pools[512];

	memset(before.plan->pools[0].table, 0, 10007 * sizeof(uint16_t));
	snprintf(pools, sizeof(pools), "[" POOL "]", THREE);
	same = plan_with(pools, 0, before.plan);
	assert_int_equal(member(web(&same), "w1")->owned, 10007);
	snprintf(pools, sizeof(pools), "[" POOL "]",
		W1 ", " W2 ", {'name': 'w3', 'address': 'fd00:2::3', 'weight': 101}");
	heavier = plan_with(pools, 0, before.plan);
	assert_share(web(&heavier), "w1", 1.0 / 3);
	drop(&before);
	drop(&same);
	drop(&heavier);
}

#define OTHER "{'name': 'other', 'slots': 251, 'backends': [" W1 ", " W4 "]}"
#define WEB   "{'name': 'web', 'slots': 10007, 'backends': [" THREE "]}"

static void the_digest_depends_on_every_pool_but_not_on_their_order(void **state)
{
	struct planned one = plan_with("[" WEB ", " OTHER "]", 0, NULL);
	struct planned two = plan_with("[" OTHER ", " WEB "]", 0, NULL);
	struct planned less = plan_with("[" WEB "]", 0, NULL);

	assert_int_equal(one.plan->digest, two.plan->digest);
	assert_int_not_equal(one.plan->digest, less.plan->digest);
	drop(&one);
	drop(&two);
	drop(&less);
}

static void pools_of_equal_tables_under_exchanged_names_have_another_digest(void **state)
{
	struct planned one = plan_with("[{'name': 'a', 'slots': 251, 'backends': [" W1 "]}, "
				       "{'name': 'b', 'slots': 251, 'backends': [" W2 "]}]",
		0, NULL);
	struct planned two = plan_with("[{'name': 'b', 'slots': 251, 'backends': [" W1 "]}, "
				       "{'name': 'a', 'slots': 251, 'backends': [" W2 "]}]",
		0, NULL);

	assert_int_not_equal(one.plan->digest, two.plan->digest);
	drop(&one);
	drop(&two);
}

static void another_hash_key_gives_another_table(void **state)
{
	struct planned one = plan_with("[" WEB "]", 0, NULL);
	struct planned two = plan_with("[" WEB "]", 1, NULL);

	assert_int_not_equal(one.plan->digest, two.plan->digest);
	drop(&one);
	drop(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_weights_share_the_slots_equally),
		cmocka_unit_test(weights_change_the_shares),
		cmocka_unit_test(a_disabled_backend_owns_no_slot),
		cmocka_unit_test(a_disabled_backend_and_one_that_is_gone_leave_the_same_table),
		cmocka_unit_test(nobody_owns_the_slots_of_a_pool_without_active_backends),
		cmocka_unit_test(reordering_and_renaming_move_no_slot),
		cmocka_unit_test(removing_a_backend_moves_its_slots_and_few_others),
		cmocka_unit_test(emptying_a_pool_moves_all_of_its_slots),
		cmocka_unit_test(another_number_of_slots_moves_all_of_them),
		cmocka_unit_test(a_pool_that_comes_or_goes_moves_nothing),
		cmocka_unit_test(a_pool_of_the_same_members_takes_its_table_from_the_plan_before),
		cmocka_unit_test(the_digest_depends_on_every_pool_but_not_on_their_order),
		cmocka_unit_test(pools_of_equal_tables_under_exchanged_names_have_another_digest),
		cmocka_unit_test(another_hash_key_gives_another_table),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
