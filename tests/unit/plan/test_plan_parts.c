/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of services that have several pools: what each of them gets, and what a change moves. */
#include "unit.h"

#include <math.h>

#include "impact/plan_compare.h"
#include "plan/plan.h"
#include "small_config.h"

#define SLOTS 65537
/* Ten backends of web, two of canary, one of spare. */
#define B(name, number) "{'name': '" name #number "', 'address': '10.2.0." #number "'}"
#define WEB                                                                                \
	B("w", 1)                                                                          \
	", " B("w", 2) ", " B("w", 3) ", " B("w", 4) ", " B("w", 5) ", " B("w", 6) ", " B( \
		"w", 7) ", " B("w", 8) ", " B("w", 9) ", " B("w", 10)
#define CANARY B("c", 11) ", " B("c", 12)
#define SPARE  B("s", 13)

struct planned {
	struct flow_secret *secret;
	struct planner *planner;
	struct config *config;
	struct plan *plan;
};

/* Who is down, by address: bit n of the mask for 10.2.0.n. */
struct view {
	const struct config *config;
	uint32_t down;
};

static struct plan_share share_of(void *context, size_t pool, size_t backend)
{
	const struct view *view = context;
	const struct config_backend *row = &view->config->pools[pool].backends[backend];
	bool serves = row->state == CONFIG_BACKEND_ACTIVE && row->weight != 0 &&
		      (view->down >> row->address.bytes[3] & 1) == 0;

	return (struct plan_share){ .share = serves ? FACTOR_ONE : 0, .holds = true };
}

static struct planned plan_of(
	const char *web, const char *parts, uint32_t down, const struct planned *before)
{
	const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = { 7 };
	struct planned planned;
	struct error error = { "" };
	struct view view = { .down = down };
	char pools[2048], services[512];

	planned.secret = aligned_alloc(64, (sizeof(*planned.secret) + 63) / 64 * 64);
	assert_non_null(planned.secret);
	flow_secret_generate(planned.secret, hash_key);
	snprintf(pools, sizeof(pools),
		"[{'name': 'web', 'slots': 65537, %s}, {'name': 'canary', 'slots': 65537, 'backends': "
		"[" CANARY "]}, {'name': 'spare', 'slots': 65537, 'backends': [" SPARE "]}]",
		web);
	snprintf(services, sizeof(services),
		"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'forward': "
		"'ipip', 'pools': [%s]}]",
		parts);
	view.config = planned.config = small_config_read(pools, services);
	planned.planner = planner_create(planned.secret);
	assert_non_null(planned.planner);
	planned.plan = plan_create(planned.planner, planned.config,
		before == NULL ? NULL : before->plan, share_of, &view, &error);
	if (planned.plan == NULL)
		fail_msg("%s", error.message);
	return planned;
}

#define ALL "'backends': [" WEB "]"
#define SHARED(web, canary) \
	"{'pool': 'web', 'weight': " #web "}, {'pool': 'canary', 'weight': " #canary "}"
#define BACKED "{'pool': 'web'}, {'pool': 'spare', 'backup': 2}, {'pool': 'canary', 'backup': 1}"

static void drop(struct planned *planned)
{
	plan_destroy(planned->plan);
	planner_destroy(planned->planner);
	free(planned->secret);
	config_destroy(planned->config);
}

static const struct plan_pool *www(const struct planned *planned)
{
	const struct plan_pool *pool = plan_find_pool(planned->plan, "service:www");

	assert_non_null(pool);
	assert_int_equal(pool->slots, SLOTS);
	return pool;
}

/* Slots of all backends of that pool, whose names begin with its own. */
static uint32_t slots_of(const struct planned *planned, const char *pool)
{
	const struct plan_pool *plan = www(planned);
	uint32_t slots = 0;

	for (size_t i = 0; i < plan->backend_count; i++)
		if (strncmp(plan->seats[i].name, pool, strlen(pool)) == 0 &&
			plan->seats[i].name[strlen(pool)] == '/')
			slots += plan->seats[i].owned;
	return slots;
}

/* Within five standard deviations of what chance does. */
static void assert_near(double slots, double wanted)
{
	if (fabs(slots - wanted) > 5 * sqrt(wanted))
		fail_msg("%.0f slots instead of %.0f", slots, wanted);
}

static void pools_share_the_slots_by_their_weights_whatever_their_backends_weigh(void **state)
{
	static const struct {
		const char *parts;
		double canary; /* of all */
	} rows[] = {
		{ SHARED(95, 5), 0.05 },
		{ SHARED(90, 10), 0.1 },
		{ SHARED(1, 1), 0.5 },
		{ SHARED(99, 1), 0.01 },
		{ SHARED(0, 3), 1 },
		{ SHARED(9, 0), 0 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct planned planned = plan_of(ALL, rows[i].parts, 0, NULL);
		uint32_t canary = slots_of(&planned, "canary");

		assert_near(canary, rows[i].canary * SLOTS);
		assert_int_equal(canary + slots_of(&planned, "web"), SLOTS);
		drop(&planned);
	}
}

static void in_a_pool_backends_share_its_slots_by_their_weights(void **state)
{
	struct planned planned = plan_of("'backends': [{'name': 'a', 'address': '10.2.0.1', "
					 "'weight': 30}, {'name': 'b', 'address': '10.2.0.2', "
					 "'weight': 10}]",
		SHARED(60, 40), 0, NULL);
	const struct plan_pool *pool = www(&planned);

	assert_near(pool->seats[0].owned, 0.45 * SLOTS);
	assert_near(pool->seats[1].owned, 0.15 * SLOTS);
	assert_near(pool->seats[2].owned, 0.2 * SLOTS);
	assert_near(pool->seats[3].owned, 0.2 * SLOTS);
	drop(&planned);
}

/* What moves between two plans is what canary gains: not a slot more. */
static void assert_minimal(const struct planned *before, const struct planned *after)
{
	assert_int_equal(plan_slots_moved(www(before), www(after)),
		abs((int)slots_of(after, "canary") - (int)slots_of(before, "canary")));
}

static void another_weight_of_a_pool_moves_no_more_slots_than_it_must(void **state)
{
	static const char *const weights[] = { SHARED(95, 5), SHARED(90, 10), SHARED(50, 50),
		SHARED(1, 99), SHARED(0, 1), SHARED(100, 1), SHARED(1, 0) };
	struct planned before = plan_of(ALL, weights[0], 0, NULL);

	for (size_t i = 1; i < COUNT_OF(weights); i++) {
		struct planned after = plan_of(ALL, weights[i], 0, &before);

		assert_minimal(&before, &after);
		assert_int_not_equal(www(&before)->digest, www(&after)->digest);
		drop(&before);
		before = after;
	}
	drop(&before);
}

/* A third pool takes from both others, and nothing moves between these. */
static void a_pool_that_is_added_takes_slots_for_itself_alone(void **state)
{
	struct planned before = plan_of(ALL, SHARED(60, 40), 0, NULL);
	struct planned after =
		plan_of(ALL, SHARED(60, 40) ", {'pool': 'spare', 'weight': 25}", 0, &before);

	assert_int_equal(plan_slots_moved(www(&before), www(&after)), slots_of(&after, "spare"));
	assert_near(slots_of(&after, "spare"), 0.2 * SLOTS);
	drop(&after);
	drop(&before);
}

static void a_backend_that_fails_leaves_its_slots_to_its_own_pool(void **state)
{
	struct planned before = plan_of(ALL, SHARED(80, 20), 0, NULL);
	struct planned after = plan_of(ALL, SHARED(80, 20), 1 << 11, &before);

	assert_int_equal(slots_of(&after, "canary"), slots_of(&before, "canary"));
	assert_int_equal(plan_slots_moved(www(&before), www(&after)),
		www(&before)->seats[10].owned); /* c11 */
	drop(&after);
	drop(&before);
}

static void a_pool_in_which_none_serves_leaves_its_slots_to_the_others(void **state)
{
	struct planned before = plan_of(ALL, SHARED(80, 20), 0, NULL);
	struct planned after = plan_of(ALL, SHARED(80, 20), 3 << 11, &before);

	assert_int_equal(slots_of(&after, "web"), SLOTS);
	assert_minimal(&before, &after);
	drop(&after);
	drop(&before);
}

static void a_backup_takes_over_when_none_before_it_serves(void **state)
{
	static const struct {
		uint32_t down;
		const char *pool;
	} rows[] = {
		{ 0, "web" },
		{ 0x7fe & ~(1 << 4), "web" }, /* one of ten is left */
		{ 0x7fe, "canary" },
		{ 0x7fe | 3 << 11, "spare" },
		{ 3 << 11, "web" },
		{ 0x7fe | 1 << 13, "canary" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct planned planned = plan_of(ALL, BACKED, rows[i].down, NULL);

		assert_int_equal(slots_of(&planned, rows[i].pool), SLOTS);
		drop(&planned);
	}
}

static void without_any_backend_no_slot_has_an_owner(void **state)
{
	struct planned planned = plan_of(ALL, BACKED, ~0u, NULL);

	assert_false(plan_pool_serves(www(&planned)));
	assert_int_equal(www(&planned)->table->seats[SLOTS - 1], PLAN_NO_BACKEND);
	drop(&planned);
}

/* Where the one pool that a service begins with has a slot, it has it among others, too. */
static void slots_that_stay_in_a_pool_stay_with_their_backends(void **state)
{
	struct planned planned = plan_of(ALL, SHARED(70, 30), 0, NULL);
	const struct plan_pool *web = plan_find_pool(planned.plan, "web");
	const struct plan_pool *pool = www(&planned);
	uint32_t stay = 0;

	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		uint16_t seat = pool->table->seats[slot];

		stay += seat < 10 && web->table->seats[slot] == seat;
	}
	assert_int_equal(stay, slots_of(&planned, "web"));
	drop(&planned);
}

/* Whatever was before, in whatever order, and by whatever way. */
static void the_table_is_a_function_of_document_and_view(void **state)
{
	static const char reordered[] =
		"{'pool': 'canary', 'weight': 30}, {'pool': 'web', 'weight': 70}";
	struct planned first = plan_of(ALL, BACKED, 1 << 3, NULL);
	struct planned second = plan_of(ALL, SHARED(1, 1), 0, &first);
	struct planned third = plan_of(ALL, SHARED(70, 30), 1 << 5 | 1 << 12, &second);
	struct planned cold = plan_of(ALL, reordered, 1 << 5 | 1 << 12, NULL);

	assert_int_equal(www(&third)->digest, www(&cold)->digest);
	assert_int_equal(third.plan->digest, cold.plan->digest);
	drop(&cold);
	drop(&third);
	drop(&second);
	drop(&first);
}

/* As an update does it, against a plan from the beginning. */
static void shares_are_followed_as_a_new_plan_would_have_them(void **state)
{
	struct planned before = plan_of(ALL, SHARED(80, 20), 0, NULL);
	struct planned wanted = plan_of(ALL, SHARED(80, 20), 1 << 2 | 1 << 12, NULL);
	struct view view = { before.config, 1 << 2 | 1 << 12 };
	struct plan_share shares[13];
	struct plan_pool next;

	for (size_t i = 0; i < 12; i++)
		shares[i] = share_of(&view, 3, i);
	assert_int_equal(plan_pool_follow(before.planner, www(&before), shares, &next), 0);
	assert_int_equal(next.digest, www(&wanted)->digest);
	plan_pool_destroy(&next);
	drop(&wanted);
	drop(&before);
}

static void a_plan_shares_what_has_not_changed(void **state)
{
	struct planned before = plan_of(ALL, SHARED(80, 20), 0, NULL);
	struct planned same = plan_of(ALL, SHARED(80, 20), 0, &before);
	struct planned other = plan_of(ALL, SHARED(80, 21), 0, &before);

	assert_ptr_equal(www(&same)->table, www(&before)->table);
	assert_ptr_not_equal(www(&other)->table, www(&before)->table);
	drop(&before);
	assert_int_equal(slots_of(&same, "canary") + slots_of(&same, "web"), SLOTS);
	drop(&other);
	drop(&same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			pools_share_the_slots_by_their_weights_whatever_their_backends_weigh),
		cmocka_unit_test(in_a_pool_backends_share_its_slots_by_their_weights),
		cmocka_unit_test(another_weight_of_a_pool_moves_no_more_slots_than_it_must),
		cmocka_unit_test(a_pool_that_is_added_takes_slots_for_itself_alone),
		cmocka_unit_test(a_backend_that_fails_leaves_its_slots_to_its_own_pool),
		cmocka_unit_test(a_pool_in_which_none_serves_leaves_its_slots_to_the_others),
		cmocka_unit_test(a_backup_takes_over_when_none_before_it_serves),
		cmocka_unit_test(without_any_backend_no_slot_has_an_owner),
		cmocka_unit_test(slots_that_stay_in_a_pool_stay_with_their_backends),
		cmocka_unit_test(the_table_is_a_function_of_document_and_view),
		cmocka_unit_test(shares_are_followed_as_a_new_plan_would_have_them),
		cmocka_unit_test(a_plan_shares_what_has_not_changed),
	};

	return cmocka_run_group_tests_name("plan_parts", tests, NULL, NULL);
}
