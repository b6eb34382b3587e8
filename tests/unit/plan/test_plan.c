/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <math.h>

#include "plan/plan.h"
#include "impact/plan_compare.h"
#include "small_config.h"

/* 10,007 slots: shares are then their weights to well within a percent. */
#define POOL  "{'name': 'web', 'slots': 10007, 'backends': [%s], 'vacant': [%s]}"
#define W1    "{'name': 'w1', 'address': '10.2.0.1'}"
#define W2    "{'name': 'w2', 'address': '10.2.0.2'}"
#define W3    "{'name': 'w3', 'address': 'fd00:2::3'}"
#define W4    "{'name': 'w4', 'address': '10.2.0.4'}"
#define THREE W1 ", " W2 ", " W3

struct planned {
	struct flow_secret *secret;
	struct planner *planner;
	struct config *config;
	struct plan *plan;
};

/* Active ones serve fully, others not at all. */
static struct plan_share share_of(void *context, size_t pool, size_t backend)
{
	const struct config *config = context;
	const struct config_backend *row = &config->pools[pool].backends[backend];
	bool serves = row->state == CONFIG_BACKEND_ACTIVE && row->weight != 0;

	return (struct plan_share){
		.share = serves ? FACTOR_ONE : 0,
		.holds = row->state != CONFIG_BACKEND_DISABLED,
	};
}

static struct planned plan_with(const char *pools, uint8_t key_byte, const struct plan *previous)
{
	const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = { key_byte };
	struct error error = { "" };
	struct planned planned;

	planned.secret = aligned_alloc(64, (sizeof(*planned.secret) + 63) / 64 * 64);
	assert_non_null(planned.secret);
	flow_secret_generate(planned.secret, hash_key);
	planned.config = small_config_read(pools, "[]");
	planned.planner = planner_create(planned.secret);
	assert_non_null(planned.planner);
	planned.plan = plan_create(
		planned.planner, planned.config, previous, share_of, planned.config, &error);
	if (planned.plan == NULL)
		fail_msg("%s", error.message);
	return planned;
}

/* One pool "web" with those backends and vacant seats, after another plan. */
static struct planned plan_seats_after(
	const struct planned *before, const char *backends, const char *vacant)
{
	char pools[1024];

	snprintf(pools, sizeof(pools), "[" POOL "]", backends, vacant);
	return plan_with(pools, 0, before == NULL ? NULL : before->plan);
}

static struct planned plan_web_after(const struct planned *before, const char *backends)
{
	return plan_seats_after(before, backends, "");
}

static struct planned plan_web(const char *backends)
{
	return plan_web_after(NULL, backends);
}

static void drop(struct planned *planned)
{
	plan_destroy(planned->plan);
	planner_destroy(planned->planner);
	free(planned->secret);
	config_destroy(planned->config);
}

static const struct plan_pool *web(const struct planned *planned)
{
	const struct plan_pool *pool = plan_find_pool(planned->plan, "web");

	assert_non_null(pool);
	return pool;
}

static const struct plan_seat *seat(const struct plan_pool *pool, const char *name)
{
	for (size_t i = 0; i < pool->backend_count; i++)
		if (strcmp(pool->seats[i].name, name) == 0)
			return &pool->seats[i];
	fail_msg("no seat of %s", name);
	return NULL;
}

/* That `owned` is what the table says, and that it makes up the table. */
static void assert_counted(const struct plan_pool *pool)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < pool->backend_count; i++) {
		uint32_t owned = 0;

		for (uint32_t slot = 0; slot < pool->slots; slot++)
			owned += pool->table->seats[slot] == i;
		assert_int_equal(owned, pool->seats[i].owned);
		sum += owned;
	}
	assert_int_equal(sum, pool->slots);
}

static void assert_share(const struct plan_pool *pool, const char *name, double share)
{
	double owned = (double)seat(pool, name)->owned / pool->slots;

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

	assert_int_equal(seat(web(&planned), "w1")->owned, 0);
	assert_int_equal(seat(web(&planned), "w1")->share, 0);
	assert_int_equal(seat(web(&planned), "w2")->owned, 10007);
	drop(&planned);
}

#define W2_DISABLED   "{'name': 'w2', 'address': '10.2.0.2', 'state': 'disabled'}"
#define W2_WEIGHTLESS "{'name': 'w2', 'address': '10.2.0.2', 'weight': 0}"
#define W2_KEPT       "{'name': 'w2', 'address': '10.2.0.2', 'weight': 0, 'seat_weight': 100}"
#define W2_SEAT       "{'key': '10.2.0.2', 'weight': 100}"
#define OTHER_SEAT    "{'key': 'elsewhere', 'weight': 50}"

/* Its slots alone move, to the others; and back to it when it comes back. */
static void a_backend_that_does_not_serve_gives_up_its_slots_alone(void **state)
{
	struct planned all = plan_web(THREE);
	uint32_t owned = seat(web(&all), "w2")->owned;
	struct planned disabled = plan_web_after(&all, W1 ", " W2_DISABLED ", " W3);
	struct planned weightless = plan_web_after(&all, W1 ", " W2_KEPT ", " W3);
	struct planned again = plan_web_after(&weightless, THREE);

	assert_int_equal(plan_slots_moved(web(&all), web(&disabled)), owned);
	assert_int_equal(plan_slots_moved(web(&disabled), web(&weightless)), 0);
	assert_int_equal(plan_slots_moved(web(&all), web(&again)), 0);
	drop(&all);
	drop(&disabled);
	drop(&weightless);
	drop(&again);
}

/* A vacant seat keeps the base as it was. */
static void removing_a_backend_that_does_not_serve_moves_nothing_more(void **state)
{
	struct planned all = plan_web(THREE);
	struct planned disabled = plan_web_after(&all, W1 ", " W2_DISABLED ", " W3);
	struct planned gone = plan_seats_after(&disabled, W1 ", " W3, W2_SEAT);
	struct planned reordered = plan_seats_after(&gone, W3 ", " W1, W2_SEAT);
	struct planned back = plan_web_after(&reordered, THREE);

	assert_int_equal(plan_slots_moved(web(&disabled), web(&gone)), 0);
	assert_int_equal(plan_slots_moved(web(&gone), web(&reordered)), 0);
	assert_int_equal(web(&reordered)->seat_count, 3);
	assert_int_equal(plan_slots_moved(web(&all), web(&back)), 0);
	assert_counted(web(&reordered));
	drop(&all);
	drop(&disabled);
	drop(&gone);
	drop(&reordered);
	drop(&back);
}

/* Whatever was planned before: the same slots have the same owners, and the digest says so. */
static void assert_without_history(
	const struct planned *before, const char *backends, const char *vacant)
{
	struct planned warm = plan_seats_after(before, backends, vacant);
	struct planned cold = plan_seats_after(NULL, backends, vacant);

	assert_int_equal(plan_slots_moved(web(&cold), web(&warm)), 0);
	assert_int_equal(web(&cold)->digest, web(&warm)->digest);
	assert_int_equal(cold.plan->digest, warm.plan->digest);
	drop(&warm);
	drop(&cold);
}

static void a_table_remembers_nothing_of_the_one_before(void **state)
{
	struct planned all = plan_web(THREE);
	struct planned kept = plan_seats_after(&all, W1 ", " W2_KEPT, OTHER_SEAT);

	assert_without_history(&all, W1 ", " W3, "");
	assert_without_history(&all, W1 ", " W3, W2_SEAT);
	assert_without_history(&all, W1 ", " W2_WEIGHTLESS ", " W3, "");
	assert_without_history(&all, W1 ", " W2_KEPT ", " W3, "");
	assert_without_history(&all, W3 ", " W2 ", " W1, "");
	assert_without_history(&all, THREE ", " W4, "");
	assert_without_history(&kept, W1 ", " W2_KEPT, "");
	assert_without_history(&kept, W1, OTHER_SEAT ", " W2_SEAT);
	assert_without_history(&kept, W1 ", " W2_WEIGHTLESS, OTHER_SEAT);
	drop(&all);
	drop(&kept);
}

/* With the same key another address takes over the very slots. */
static void a_seat_goes_to_another_backend_whole(void **state)
{
	struct planned before = plan_web(W1 ", {'name': 'w2', 'address': '10.2.0.2', 'key': 's'}");
	struct planned after =
		plan_web_after(&before, W1 ", {'name': 'w5', 'address': '10.2.0.5', 'key': 's'}");
	uint32_t owned = seat(web(&before), "w2")->owned;

	assert_int_equal(seat(web(&after), "w5")->owned, owned);
	assert_int_equal(plan_slots_moved(web(&before), web(&after)), owned);
	assert_int_equal(seat(web(&after), "w1")->owned, seat(web(&before), "w1")->owned);
	drop(&before);
	drop(&after);
}

/* In slow start a new backend takes its slots from those that had them, and from no others. */
static void a_backend_that_joins_takes_its_slots_by_and_by(void **state)
{
	const struct plan_share half = { .share = FACTOR_ONE / 2, .joining = true, .holds = true };
	const struct plan_share whole = { .share = FACTOR_ONE, .holds = true };
	struct planned before = plan_web(THREE), after = plan_web_after(&before, THREE ", " W4);
	struct plan_share shares[4] = { whole, whole, whole, half };
	uint32_t owned = seat(web(&after), "w4")->owned;
	struct plan_pool ramping;

	assert_int_equal(plan_pool_follow(after.planner, web(&after), shares, &ramping), 0);
	assert_in_range(seat(&ramping, "w4")->owned, owned / 2, owned / 2 + 1);
	assert_in_range(plan_slots_moved(&ramping, web(&after)), owned - owned / 2 - 1,
		plan_slots_moved(web(&before), web(&after)));
	assert_counted(&ramping);
	plan_replace_pool(after.plan, 0, &ramping);
	shares[3] = whole;
	assert_int_equal(plan_pool_follow(after.planner, web(&after), shares, &ramping), 0);
	assert_int_equal(seat(&ramping, "w4")->owned, owned);
	plan_pool_destroy(&ramping);
	drop(&before);
	drop(&after);
}

#define RENDEZVOUS "[{'name': 'web', 'slots': 10007, 'builder': 'rendezvous', 'backends': [%s]}]"

static struct planned plan_rendezvous(const char *backends)
{
	char pools[1024];

	snprintf(pools, sizeof(pools), RENDEZVOUS, backends);
	return plan_with(pools, 0, NULL);
}

/* Without a base there are no vacant seats. */
static void rendezvous_moves_no_slot_of_others(void **state)
{
	struct planned three = plan_rendezvous(THREE), four = plan_rendezvous(THREE ", " W4);
	struct planned disabled = plan_rendezvous(W1 ", " W2_DISABLED ", " W3);
	struct planned gone = plan_rendezvous(W1 ", " W3);

	assert_int_equal(plan_slots_moved(web(&three), web(&four)), seat(web(&four), "w4")->owned);
	assert_int_equal(plan_slots_moved(web(&disabled), web(&gone)), 0);
	assert_int_equal(web(&disabled)->digest, web(&gone)->digest);
	assert_counted(web(&three));
	drop(&three);
	drop(&four);
	drop(&disabled);
	drop(&gone);
}

static void what_has_to_be_pinned_are_the_slots_of_those_who_hold_on(void **state)
{
	struct planned all = plan_web(THREE);
	struct planned drained = plan_web_after(&all, W1 ", " W2_KEPT ", " W3);
	struct planned disabled = plan_web_after(&all, W1 ", " W2_DISABLED ", " W3);
	struct planned gone = plan_seats_after(&all, W1 ", " W3, W2_SEAT);
	uint32_t owned = seat(web(&all), "w2")->owned;

	assert_int_equal(plan_slots_pinned(web(&all), web(&drained), false), owned);
	assert_int_equal(plan_slots_pinned(web(&all), web(&disabled), false), 0);
	assert_int_equal(plan_slots_pinned(web(&all), web(&gone), false), owned);
	assert_int_equal(plan_slots_pinned(web(&all), web(&gone), true), 0);
	assert_int_equal(plan_slots_pinned(web(&all), web(&all), false), 0);
	assert_int_equal(plan_slots_cut(web(&all), web(&drained), false), 0);
	assert_int_equal(plan_slots_cut(web(&all), web(&disabled), false), owned);
	assert_int_equal(plan_slots_cut(web(&all), web(&gone), false), 0);
	assert_int_equal(plan_slots_cut(web(&all), web(&gone), true), owned);
	drop(&all);
	drop(&drained);
	drop(&disabled);
	drop(&gone);
}

static void the_largest_load_change_is_of_a_backend_that_stays(void **state)
{
	struct planned all = plan_web(THREE), gone = plan_web_after(&all, W1 ", " W3);
	struct plan_load_change change = plan_largest_load_change(web(&all), web(&gone));

	assert_non_null(change.after);
	assert_string_not_equal(change.after->name, "w2");
	assert_true(change.percent > 45 && change.percent < 55);
	change = plan_largest_load_change(web(&all), web(&all));
	assert_null(change.after);
	drop(&all);
	drop(&gone);
}

static void assert_needs_force(
	const struct planned *before, const struct planned *after, const char *sentence)
{
	struct error error = { "" };
	int code = plan_check(after->config, before->plan, after->plan, NULL, &error);

	assert_int_equal(code, sentence == NULL ? 0 : -EPERM);
	assert_string_equal(error.message, sentence == NULL ? "" : sentence);
}

#define BUDGET                                                                                    \
	"[{'name': 'web', 'slots': 10007, 'max_disruption_percent': %s, 'backends': [" W1 ", " W2 \
	"%s]}]"

static struct planned plan_budget(
	const struct planned *before, const char *percent, const char *more)
{
	char pools[1024];

	snprintf(pools, sizeof(pools), BUDGET, percent, more);
	return plan_with(pools, 0, before == NULL ? NULL : before->plan);
}

static void a_change_beyond_the_budget_needs_force(void **state)
{
	struct planned before = plan_budget(NULL, "20", "");
	struct planned after = plan_budget(&before, "20", ", " W3);
	struct planned allowed = plan_budget(&before, "100", ", " W3);
	struct planned small = plan_with(
		"[{'name': 'web', 'slots': 251, 'backends': [" W1 ", " W2 "]}]", 0, before.plan);
	struct error error = { "" };

	assert_int_equal(plan_check(after.config, before.plan, after.plan, NULL, &error), -EPERM);
	assert_non_null(strstr(error.message, "max_disruption_percent is 20: needs force"));
	assert_needs_force(&before, &allowed, NULL);
	assert_needs_force(&before, &small,
		"pool \"web\": another number of slots moves every flow and breaks its "
		"connections (100 %): needs force");
	drop(&before);
	drop(&after);
	drop(&allowed);
	drop(&small);
}

#define LOADED                                                                                  \
	"[{'name': 'web', 'slots': 10007, 'max_load_percent': %s, 'backends': [%s], 'vacant': " \
	"[%s]}]"
#define W1_DRAIN    "{'name': 'w1', 'address': '10.2.0.1', 'state': 'drain'}"
#define W1_LIGHT    "{'name': 'w1', 'address': '10.2.0.1', 'weight': 10}"
#define W2_LIGHT    "{'name': 'w2', 'address': '10.2.0.2', 'weight': 10}"
#define W3_LIGHT    "{'name': 'w3', 'address': 'fd00:2::3', 'weight': 10}"
#define W4_DISABLED "{'name': 'w4', 'address': '10.2.0.4', 'state': 'disabled'}"

static struct planned plan_loaded(
	const struct planned *before, const char *percent, const char *backends, const char *vacant)
{
	char pools[1024];

	snprintf(pools, sizeof(pools), LOADED, percent, backends, vacant);
	return plan_with(pools, 0, before == NULL ? NULL : before->plan);
}

/* From three or four backends of the same weight, what they carry of their share. */
static void a_change_needs_force_that_leaves_others_with_too_much(void **state)
{
	static const struct {
		const char *name, *before, *after, *vacant;
		double load; /* of the one that has most, in percent of its share */
	} changes[] = {
		{ "nothing", THREE, THREE, "", 100 },
		{ "a drain", THREE, W1 ", " W2_KEPT ", " W3, "", 150 },
		{ "a removal", THREE, W1 ", " W3, W2_SEAT, 150 },
		{ "a removal without a seat", THREE, W1 ", " W3, "", 150 },
		{ "two drains", THREE, W1_DRAIN ", " W2_KEPT ", " W3, "", 300 },
		{ "the second drain", W1_DRAIN ", " W2 ", " W3, W1_DRAIN ", " W2_KEPT ", " W3, "",
			300 },
		{ "a drain is over", W1 ", " W2_KEPT ", " W3, THREE, "", 100 },
		{ "one more", THREE, THREE ", " W4, "", 100 },
		{ "one for one", THREE, W1 ", " W3 ", " W4, "", 100 },
		{ "a lower weight", THREE, W1 ", " W2_LIGHT ", " W3, "", 143 },
		{ "a higher weight", W1 ", " W2_LIGHT ", " W3, THREE, "", 100 },
		{ "all weights, lower", THREE, W1_LIGHT ", " W2_LIGHT ", " W3_LIGHT, "", 100 },
		{ "one that was off goes", THREE ", " W4_DISABLED, THREE, "", 100 },
		{ "a drain beside one that is off", THREE ", " W4_DISABLED,
			W1 ", " W2_KEPT ", " W3 ", " W4_DISABLED, "", 150 },
	};

	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		struct planned before = plan_loaded(NULL, "100", changes[i].before, "");
		struct planned after =
			plan_loaded(&before, "120", changes[i].after, changes[i].vacant);
		double load =
			plan_highest_load(after.config->pools, web(&before), web(&after)).percent;
		bool is_sound = changes[i].load == 100
					? load < 103
					: fabs(load - changes[i].load) < 0.03 * changes[i].load;
		struct error error = { "" };
		int code = plan_check(after.config, before.plan, after.plan, NULL, &error);

		if (!is_sound || (code != 0) != (changes[i].load > 120))
			fail_msg("%s: %.1f %%, \"%s\"", changes[i].name, load, error.message);
		if (code != 0)
			assert_non_null(strstr(error.message,
				" % of its share, and max_load_percent is 120: needs force"));
		drop(&before);
		drop(&after);
	}
}

static void without_a_limit_a_backend_may_be_left_with_all(void **state)
{
	struct planned before = plan_web(THREE), after = plan_web_after(&before, W1);

	assert_needs_force(&before, &after, NULL);
	drop(&before);
	drop(&after);
}

/* Seats that stand elsewhere are found as those that stay, each by its owner. */
static void a_list_in_another_order_is_compared_by_owner(void **state)
{
	char forth[1000] = "", back[1000] = "", one[128];
	struct planned before, after;
	struct plan_load_change change;

	for (int i = 1; i <= 15; i++) {
		snprintf(one, sizeof(one), "%s{'name': 'b%d', 'address': '10.2.0.%d'}",
			i == 1 ? "" : ", ", i, i);
		strcat(forth, one);
		snprintf(one, sizeof(one), "%s{'name': 'b%d', 'address': '10.2.0.%d'%s}",
			i == 1 ? "" : ", ", 16 - i, 16 - i, i == 7 ? ", 'state': 'drain'" : "");
		strcat(back, one);
	}
	before = plan_web(forth);
	after = plan_web_after(&before, back);
	assert_int_equal(plan_slots_pinned(web(&before), web(&after), false),
		seat(web(&before), "b9")->owned);
	assert_int_equal(plan_slots_cut(web(&before), web(&after), false), 0);
	change = plan_largest_load_change(web(&before), web(&after));
	assert_non_null(change.before);
	assert_string_equal(change.before->name, change.after->name);
	drop(&before);
	drop(&after);
}

static void assert_no_slot_has_an_owner(const char *backends)
{
	struct planned planned = plan_web(backends);

	for (uint32_t slot = 0; slot < web(&planned)->slots; slot++)
		assert_int_equal(web(&planned)->table->seats[slot], PLAN_NO_BACKEND);
	assert_int_equal(web(&planned)->digest, 0);
	drop(&planned);
}

static void no_slot_of_a_pool_without_active_backends_has_an_owner(void **state)
{
	assert_no_slot_has_an_owner("");
	assert_no_slot_has_an_owner("{'name': 'w1', 'address': '10.2.0.1', 'state': 'disabled'}");
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
	uint32_t owned = seat(web(&before), "w4")->owned;
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

static void a_pool_of_the_same_members_shares_the_table_of_the_plan_before(void **state)
{
	struct planned before = plan_web(THREE), same = plan_web_after(&before, THREE);
	struct planned heavier = plan_web_after(
		&before, W1 ", " W2 ", {'name': 'w3', 'address': 'fd00:2::3', 'weight': 101}");

	assert_ptr_equal(web(&same)->table, web(&before)->table);
	assert_ptr_not_equal(web(&heavier)->table, web(&before)->table);
	drop(&before);
	assert_share(web(&same), "w1", 1.0 / 3);
	assert_share(web(&heavier), "w1", 1.0 / 3);
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
		cmocka_unit_test(a_backend_that_does_not_serve_gives_up_its_slots_alone),
		cmocka_unit_test(removing_a_backend_that_does_not_serve_moves_nothing_more),
		cmocka_unit_test(a_seat_goes_to_another_backend_whole),
		cmocka_unit_test(a_backend_that_joins_takes_its_slots_by_and_by),
		cmocka_unit_test(rendezvous_moves_no_slot_of_others),
		cmocka_unit_test(a_table_remembers_nothing_of_the_one_before),
		cmocka_unit_test(what_has_to_be_pinned_are_the_slots_of_those_who_hold_on),
		cmocka_unit_test(the_largest_load_change_is_of_a_backend_that_stays),
		cmocka_unit_test(a_change_beyond_the_budget_needs_force),
		cmocka_unit_test(a_change_needs_force_that_leaves_others_with_too_much),
		cmocka_unit_test(without_a_limit_a_backend_may_be_left_with_all),
		cmocka_unit_test(a_list_in_another_order_is_compared_by_owner),
		cmocka_unit_test(no_slot_of_a_pool_without_active_backends_has_an_owner),
		cmocka_unit_test(reordering_and_renaming_move_no_slot),
		cmocka_unit_test(removing_a_backend_moves_its_slots_and_few_others),
		cmocka_unit_test(emptying_a_pool_moves_all_of_its_slots),
		cmocka_unit_test(another_number_of_slots_moves_all_of_them),
		cmocka_unit_test(a_pool_that_comes_or_goes_moves_nothing),
		cmocka_unit_test(a_pool_of_the_same_members_shares_the_table_of_the_plan_before),
		cmocka_unit_test(the_digest_depends_on_every_pool_but_not_on_their_order),
		cmocka_unit_test(pools_of_equal_tables_under_exchanged_names_have_another_digest),
		cmocka_unit_test(another_hash_key_gives_another_table),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
