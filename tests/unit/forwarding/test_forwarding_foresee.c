/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What follows from zones and thresholds is in the tables of the change that brings them, and in
 * what is told of it beforehand.
 */
#include "unit.h"

#include "impact/plan_compare.h"
#include "life_fixture.h"

#define A1 "{'name': 'w1', 'address': '10.2.0.1', 'zone': 'a'}"
#define A2 "{'name': 'w2', 'address': '10.2.0.2', 'zone': 'a'}"
#define B3 "{'name': 'w3', 'address': '10.2.0.3', 'zone': 'b'}"

#define B_ACTIVE "[]"
#define B_DRAIN  "[{'name': 'b', 'state': 'drain'}]"

/* Who is up, as checks would know it. */
struct checks {
	const char *down; /* NULL: none is */
	bool unknown;     /* nothing can be said */
	unsigned int asked;
};

static bool foresee(
	void *context, const struct forwarding_foreseen *pool, enum serving_verdict *verdicts)
{
	const struct config_pool *config = &pool->config->pools[pool->pool];
	const struct serving_policy policy = serving_policy_of(config, pool->zones);
	struct serving_backend backends[8] = { 0 };
	struct checks *checks = context;

	checks->asked++;
	assert_true(config->backend_count <= COUNT_OF(backends));
	for (size_t i = 0; i < config->backend_count; i++) {
		bool is_down =
			checks->down != NULL && strcmp(checks->down, config->backends[i].name) == 0;

		assert_string_equal(pool->backends[i].name, config->backends[i].name);
		backends[i] = (struct serving_backend){
			.active = config->backends[i].state == CONFIG_BACKEND_ACTIVE,
			.status = is_down                            ? HEALTH_DOWN
				  : pool->backends[i].before == NULL ? HEALTH_INITIAL
								     : HEALTH_UP,
			.zone = zones_find(pool->zones, config->backends[i].zone),
			.weight = config->backends[i].weight,
		};
	}
	if (!checks->unknown)
		serving_decide(&policy, backends, config->backend_count, verdicts);
	return !checks->unknown;
}

static struct config *zonal_config(const char *options, const char *backends, const char *zones)
{
	char pools[1024], quoted[128];
	struct config *config;
	struct error error = { "" };
	json_t *document;

	snprintf(pools, sizeof(pools), "[{'name': 'web', 'slots': 251, %s 'backends': [%s]}]",
		options, backends);
	document = small_config_document(pools,
		"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': "
		"'web', 'forward': 'ipip'}]");
	snprintf(quoted, sizeof(quoted), "%s", zones);
	for (char *at = quoted; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	json_object_set_new(document, "zones", json_loads(quoted, 0, NULL));
	json_object_set_new(json_object_get(document, "node"), "zone", json_string("a"));
	config = config_read(document, NULL, &error);
	if (config == NULL)
		fail_msg("%s", error.message);
	json_decref(document);
	return config;
}

static void a_drained_zone_is_in_the_tables_of_the_change(void **state)
{
	struct checks checks = { 0 };
	struct node *node = *state;
	struct life_share before;
	uint64_t number;

	forwarding_set_foresee(node->forwarding, foresee, &checks);
	node_apply(node, zonal_config("", A1 ", " A2 ", " B3, B_ACTIVE));
	before = life_share(node, "w3");
	assert_true(before.cur > 60);
	number = forwarding_plan(node->forwarding)->pools[0].table->number;
	node_apply(node, zonal_config("", A1 ", " A2 ", " B3, B_DRAIN));
	assert_int_equal(forwarding_plan(node->forwarding)->pools[0].table->number, number + 1);
	assert_string_equal(live_backend_life_name(life_find(node, "w3")), "rests");
	assert_int_equal(life_share(node, "w3").cur, 0);
	assert_int_equal(life_share(node, "w3").home, before.home);
	node_apply(node, zonal_config("", A1 ", " A2 ", " B3, B_ACTIVE));
	assert_int_equal(life_of(node, "w3"), MEMBER_UP);
	assert_int_equal(life_share(node, "w3").cur, before.cur);
}

static void what_a_drain_of_a_zone_would_move_is_known_beforehand(void **state)
{
	static const char options[] = "'max_load_percent': 120,";
	struct checks checks = { 0 };
	struct node *node = *state;
	struct config *drained = zonal_config(options, A1 ", " A2 ", " B3, B_DRAIN);
	struct forwarding_change *change;
	struct error error = { "" };
	const struct plan *before, *after;

	forwarding_set_foresee(node->forwarding, foresee, &checks);
	node_apply(node, zonal_config(options, A1 ", " A2 ", " B3, B_ACTIVE));
	change = node_prepare(node, drained, &error);
	assert_non_null(change);
	before = forwarding_plan(node->forwarding);
	after = forwarding_change_plan(change);
	assert_int_equal(plan_slots_moved(&before->pools[0], &after->pools[0]),
		before->pools[0].seats[2].owned);
	assert_true(plan_check(drained, before, after, NULL, &error) != 0);
	assert_non_null(strstr(error.message, "of its share, and max_load_percent is 120"));
	forwarding_abort(node->forwarding, change);
	config_destroy(drained);
	assert_int_equal(life_of(node, "w3"), MEMBER_UP);
}

static void what_checks_find_before_the_commit_counts(void **state)
{
	struct checks checks = { 0 };
	struct node *node = *state;
	struct config *drained = zonal_config("", A1 ", " A2 ", " B3, B_DRAIN);
	const struct forwarding_update down = { .has_health = true };
	struct forwarding_handle handle;
	struct forwarding_change *change;
	struct error error = { "" };

	forwarding_set_foresee(node->forwarding, foresee, &checks);
	node_apply(node, zonal_config("", A1 ", " A2 ", " B3, B_ACTIVE));
	handle = life_handle(node, 1);
	change = node_prepare(node, drained, &error);
	assert_non_null(change);
	checks.down = "w2";
	assert_int_equal(forwarding_update(node->forwarding, &handle, &down, false, NULL, NULL), 0);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = drained;
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	assert_int_equal(life_of(node, "w3"), MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w1").cur, LIFE_SLOTS);
}

static void where_nothing_is_known_all_stay_as_they_are(void **state)
{
	struct checks checks = { .unknown = true };
	struct node *node = *state;

	forwarding_set_foresee(node->forwarding, foresee, &checks);
	node_apply(node, zonal_config("", A1 ", " B3, B_ACTIVE));
	node_apply(node, zonal_config("", A1 ", " B3, B_DRAIN));
	assert_true(checks.asked > 0);
	assert_int_equal(life_of(node, "w3"), MEMBER_UP);
}

static void a_backend_that_joins_rests_until_it_is_known(void **state)
{
	struct checks checks = { 0 };
	struct node *node = *state;

	forwarding_set_foresee(node->forwarding, foresee, &checks);
	node_apply(node, zonal_config("", A1 ", " A2, B_ACTIVE));
	assert_int_equal(life_of(node, "w1"), MEMBER_UP);
	node_apply(node, zonal_config("", A1 ", " A2 ", " B3, B_ACTIVE));
	assert_int_equal(life_of(node, "w3"), MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w3").cur, 0);
}

static void the_nodes_own_zone_comes_first_from_the_start(void **state)
{
	struct checks checks = { 0 };
	struct node *node = *state;

	forwarding_set_foresee(node->forwarding, foresee, &checks);
	node_apply(node, zonal_config("", A1 ", " A2 ", " B3, B_ACTIVE));
	node_apply(node, zonal_config("'cross_zone': false,", A1 ", " A2 ", " B3, B_ACTIVE));
	assert_int_equal(life_share(node, "w3").cur, 0);
	assert_int_equal(life_of(node, "w3"), MEMBER_DRAIN);
	checks.down = "w1";
	node_apply(node, zonal_config("'cross_zone': false, 'zone_below': '60%',",
				 A1 ", " A2 ", " B3, B_ACTIVE));
	assert_int_equal(life_of(node, "w3"), MEMBER_UP);
	assert_true(life_share(node, "w3").cur > 60);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_open, life_close)
	const struct CMUnitTest tests[] = {
		TEST(a_drained_zone_is_in_the_tables_of_the_change),
		TEST(what_a_drain_of_a_zone_would_move_is_known_beforehand),
		TEST(what_checks_find_before_the_commit_counts),
		TEST(where_nothing_is_known_all_stay_as_they_are),
		TEST(a_backend_that_joins_rests_until_it_is_known),
		TEST(the_nodes_own_zone_comes_first_from_the_start),
	};

	return cmocka_run_group_tests_name(
		"forwarding_foresee", tests, node_host_start, node_host_stop);
}
