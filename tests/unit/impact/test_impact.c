/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "impact/impact.h"
#include "life_fixture.h"
#include "impact/plan_compare.h"

#define W2_DISABLED "{'name': 'w2', 'address': '10.2.0.2', 'state': 'disabled'}"
#define BUDGET      "'max_disruption_percent': 40, "

/* A change that is prepared, judged and dropped. */
struct tried {
	struct impact *impact;
	int code; /* of the judgement, with the sentence */
	struct error error;
};

static struct tried try_by(struct node *node, struct config *config, const struct live_terms *terms)
{
	struct tried tried = { .error = { "" } };
	struct forwarding_change *change =
		forwarding_prepare(node->forwarding, config, terms, &tried.error);

	if (change == NULL)
		fail_msg("%s", tried.error.message);
	tried.impact = forwarding_find_losses(node->forwarding, change);
	assert_non_null(tried.impact);
	tried.code = impact_check(tried.impact, &tried.error);
	if (tried.code == 0)
		tried.code = plan_check(config, forwarding_plan(node->forwarding),
			forwarding_change_plan(change), tried.impact, &tried.error);
	forwarding_abort(node->forwarding, change);
	config_destroy(config);
	return tried;
}

static struct tried try_change(struct node *node, const char *backends)
{
	static const struct live_terms terms = { .force = false };

	return try_by(node, life_config(BUDGET, backends), &terms);
}

static void assert_no_backend_loses(struct tried *tried)
{
	assert_int_equal(tried->impact->backend_count, 0);
	assert_int_equal(tried->impact->pool_count, 0);
	impact_destroy(tried->impact);
}

/* That w2 alone gives up its flows, and those are at home in `slots`. */
static void assert_w2_loses(const struct tried *tried, uint32_t slots, uint32_t in_s)
{
	assert_int_equal(tried->impact->backend_count, 1);
	assert_string_equal(tried->impact->backends[0].pool, "web");
	assert_string_equal(tried->impact->backends[0].name, "w2");
	assert_int_equal(tried->impact->backends[0].slots, slots);
	assert_int_equal(tried->impact->backends[0].in_s, in_s);
	assert_int_equal(impact_find_pool(tried->impact, "web")->cut, slots);
}

static void what_moves_without_breaking_has_no_impact(void **state)
{
	struct node *node = *state;
	struct tried tried;

	life_apply(node, W1 ", " W2 ", " W3);
	tried = try_change(node, W1 ", " W2_DRAIN ", " W3);
	assert_no_backend_loses(&tried);
	tried = try_change(node, W1 ", " W3);
	assert_no_backend_loses(&tried);
	life_fail(node, 1);
	tried = try_change(node, W1 ", " W2 ", " W3);
	assert_no_backend_loses(&tried);
}

static void a_backend_that_is_disabled_gives_up_its_flows(void **state)
{
	struct node *node = *state;
	uint32_t home;
	struct tried tried;

	life_apply(node, W1 ", " W2 ", " W3);
	home = life_share(node, "w2").home;
	tried = try_change(node, W1 ", " W2_DISABLED ", " W3);
	assert_w2_loses(&tried, home, 0);
	assert_false(tried.impact->backends[0].flows_known);
	assert_int_equal(tried.impact->pools[0].cut_still, 0); /* they move, too */
	impact_destroy(tried.impact);
}

static void pins_are_told_of_a_pool_that_gives_up_flows(void **state)
{
	struct affinity_counters counters = { 0 };
	struct node *node = *state;
	struct tried tried;

	life_apply(node, W1 ", " W2 ", " W3);
	tried = try_change(node, W1 ", " W2_DISABLED ", " W3);
	assert_int_equal(tried.impact->pools[0].pins, 0);
	impact_destroy(tried.impact);
	life_apply(node, W1 ", " W2_DRAIN ", " W3);
	life_begin_flows(node, &counters);
	node_wait(node, 11);
	tried = try_change(node, W1 ", " W2_DISABLED ", " W3);
	assert_true(tried.impact->pools[0].pins > 0);
	assert_true(tried.impact->pools[0].pins <= LIFE_SLOTS);
	impact_destroy(tried.impact);
}

/* No slot's current changes any more, and all that live on it are cut off. */
static void a_draining_backend_that_is_disabled_gives_up_what_is_left(void **state)
{
	struct node *node = *state;
	uint32_t home;
	struct tried tried;

	life_apply(node, W1 ", " W2 ", " W3);
	life_apply(node, W1 ", " W2_DRAIN ", " W3);
	home = life_share(node, "w2").home;
	assert_int_equal(life_share(node, "w2").cur, 0);
	tried = try_change(node, W1 ", " W2_DISABLED ", " W3);
	assert_w2_loses(&tried, home, 0);
	assert_true(tried.impact->backends[0].flows_known);
	assert_false(tried.impact->backends[0].flows_complete); /* it has only just begun */
	assert_int_equal(tried.impact->pools[0].cut_still, home);
	assert_int_equal(tried.code, 0);
	impact_destroy(tried.impact);
}

static void a_suspect_backend_that_is_disabled_gives_up_what_is_in_its_grace(void **state)
{
	struct node *node = *state;
	uint32_t home;
	struct tried tried;

	life_apply(node, W1 ", " W2 ", " W3);
	life_fail(node, 1);
	home = life_share(node, "w2").home;
	assert_true(home > 0);
	tried = try_change(node, W1 ", " W2_DISABLED ", " W3);
	assert_w2_loses(&tried, home, 0);
	impact_destroy(tried.impact);
	node_wait(node, 11); /* its flows have been given up by then */
	assert_int_equal(life_of(node, "w2"), MEMBER_ABSENT);
	tried = try_change(node, W1 ", " W2_DISABLED ", " W3);
	assert_no_backend_loses(&tried);
}

static void a_removal_at_once_gives_up_what_is_left_of_a_drain(void **state)
{
	static const struct live_terms now = { .now = true, .pool = "web", .name = "w2" };
	struct node *node = *state;
	uint32_t home;
	struct tried tried;

	life_apply(node, W1 ", " W2 ", " W3);
	life_apply(node, W1 ", " W2_DRAIN ", " W3);
	home = life_share(node, "w2").home;
	tried = try_by(node, life_config("", W1 ", " W3), &now);
	assert_w2_loses(&tried, home, 0);
	impact_destroy(tried.impact);
}

static void a_drain_that_is_cut_short_gives_up_what_is_left_at_its_end(void **state)
{
	static const struct live_terms sooner = { .deadline_s = 7, .pool = "web", .name = "w2" };
	static const struct live_terms later = { .deadline_s = 900, .pool = "web", .name = "w2" };
	struct node *node = *state;
	uint32_t home;
	struct tried tried;

	life_apply(node, W1 ", " W2 ", " W3);
	home = life_share(node, "w2").home;
	tried = try_by(node, life_config("", W1 ", " W2_DRAIN ", " W3), &sooner);
	assert_w2_loses(&tried, home, 7); /* shorter than anybody could see it through */
	impact_destroy(tried.impact);
	life_apply(node, W1 ", " W2_DRAIN ", " W3);
	tried = try_by(node, life_config("", W1 ", " W2_DRAIN ", " W3), &sooner);
	assert_w2_loses(&tried, home, 7);
	impact_destroy(tried.impact);
	tried = try_by(node, life_config("", W1 ", " W2_DRAIN ", " W3), &later);
	assert_no_backend_loses(&tried);
}

/* Two backends of three, of which one drains: another third moves by disabling the other. */
static void what_is_given_up_counts_in_the_budget(void **state)
{
	struct node *node = *state;
	struct tried tried;

	life_apply(node, W1 ", " W2 ", " W3);
	life_apply(node, W1 ", " W2_DRAIN ", " W3);
	tried = try_by(node,
		life_config("'max_disruption_percent': 20, ", W1 ", " W2_DISABLED ", " W3),
		&(const struct live_terms){ .force = false });
	assert_int_equal(tried.code, -EPERM);
	assert_non_null(strstr(tried.error.message,
		"would move 0.0 % of the slots and break the connections of another 33."));
	assert_non_null(strstr(tried.error.message, "max_disruption_percent is 20: needs force"));
	impact_destroy(tried.impact);
}

/* Services. */

static struct config *with_services(const char *services)
{
	return small_config_read("[{'name': 'web', 'slots': 251, 'backends': [" W1
				 "]}, {'name': 'other', 'slots': 251, 'backends': [" W2 "]}]",
		services);
}

#define SERVICE(name, port, pool)                                                      \
	"{'name': '" name "', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': " port \
	", 'pool': '" pool "', 'forward': 'ipip'}"

static void count_packets(struct node *node, const char *name, uint64_t packets)
{
	int service = config_find_service(node->config, name);
	struct counter *counters = state_counters(node->state, 0)->counters;

	/* the only services that this node ever had stand in their order */
	counters[counters_service_cell(service)].packets += packets;
	counters[counters_service_cell(service)].new_flows += packets / 10;
}

static struct tried try_services(struct node *node, const char *services)
{
	static const struct live_terms terms = { .force = false };

	return try_by(node, with_services(services), &terms);
}

static void a_service_with_packets_is_not_removed_without_force(void **state)
{
	struct node *node = *state;
	struct tried tried;

	node_apply(node, with_services("[" SERVICE("www", "80", "web") "]"));
	tried = try_services(node, "[]");
	assert_int_equal(tried.code, 0); /* it never had a packet */
	assert_int_equal(tried.impact->service_count, 1);
	impact_destroy(tried.impact);
	count_packets(node, "www", 120);
	tried = try_services(node, "[]");
	assert_int_equal(tried.code, -EPERM);
	assert_string_equal(tried.error.message,
		"service \"www\" would lose its connections: no service claims 203.0.113.10 tcp 80 "
		"any more; it has had 120 packets and 12 new flows so far: needs force");
	assert_string_equal(tried.impact->services[0].name, "www");
	assert_true(impact_pool_share(tried.impact, "web") == 1);
	assert_true(impact_pool_share(tried.impact, "other") == 0);
	impact_destroy(tried.impact);
}

static void a_part_that_another_service_takes_is_not_given_without_force(void **state)
{
	struct node *node = *state;
	struct tried tried;

	node_apply(node, with_services("[" SERVICE("wide", "'any'", "web") "]"));
	count_packets(node, "wide", 50);
	tried = try_services(
		node, "[" SERVICE("wide", "'any'", "web") ", " SERVICE("www", "80", "web") "]");
	assert_int_equal(tried.code, 0);
	assert_int_equal(tried.impact->service_count, 0);
	impact_destroy(tried.impact);
	tried = try_services(
		node, "[" SERVICE("wide", "'any'", "web") ", " SERVICE("www", "80", "other") "]");
	assert_int_equal(tried.code, -EPERM);
	assert_non_null(strstr(tried.error.message,
		"service www takes a part of 203.0.113.10 tcp any to other backends"));
	impact_destroy(tried.impact);
}

static void a_service_weighs_what_it_carries(void **state)
{
	struct node *node = *state;
	struct tried tried;

	node_apply(node, with_services("[" SERVICE("www", "80", "web") ", " SERVICE(
				 "tls", "443", "web") "]"));
	count_packets(node, "www", 9999);
	count_packets(node, "tls", 89999);
	tried = try_services(node, "[" SERVICE("tls", "443", "web") "]");
	assert_in_range(impact_pool_share(tried.impact, "web") * 1000, 99, 101);
	impact_destroy(tried.impact);
}

/* ---- services without a backend for new flows */

static int check_services(struct node *node, struct config *config, char sentence[static 256])
{
	static const struct live_terms terms = { .force = false };
	struct error error = { "" };
	struct forwarding_change *change =
		forwarding_prepare(node->forwarding, config, &terms, &error);
	int code;

	if (change == NULL)
		fail_msg("%s", error.message);
	code = plan_check_services(node->config, config, forwarding_plan(node->forwarding),
		forwarding_change_plan(change), &error);
	snprintf(sentence, 256, "%s", error.message);
	forwarding_abort(node->forwarding, change);
	config_destroy(config);
	return code;
}

#define W1_DRAIN    "{'name': 'w1', 'address': '10.2.0.1', 'state': 'drain'}"
#define W1_DISABLED "{'name': 'w1', 'address': '10.2.0.1', 'state': 'disabled'}"
#define W1_ZERO     "{'name': 'w1', 'address': '10.2.0.1', 'weight': 0}"

static void the_last_backend_of_a_service_is_not_taken_out_without_force(void **state)
{
	static const char *const lists[] = { W1_DRAIN, W1_DISABLED, W1_ZERO, "",
		W1_DRAIN ", " W2_DISABLED };
	struct node *node = *state;
	char sentence[256];

	life_apply(node, W1);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_equal(check_services(node, life_config("", lists[i]), sentence), -EPERM);
		assert_string_equal(sentence,
			"service \"www\" would be left without a backend that takes new flows "
			"(pool \"web\"): needs force");
	}
	assert_int_equal(check_services(node, life_config("", W1_DRAIN ", " W2), sentence), 0);
	assert_int_equal(check_services(node, with_services("[]"), sentence), 0);
}

static void a_backend_that_is_down_is_none_that_is_left(void **state)
{
	struct node *node = *state;
	char sentence[256];

	life_apply(node, W1 ", " W2);
	assert_int_equal(check_services(node, life_config("", W1_DRAIN ", " W2), sentence), 0);
	life_fail(node, 1);
	assert_int_equal(check_services(node, life_config("", W1_DRAIN ", " W2), sentence), -EPERM);
	life_fail(node, 0); /* nothing is left by now that a change could take */
	assert_int_equal(check_services(node, life_config("", W1_DRAIN ", " W2), sentence), 0);
	assert_int_equal(check_services(node, life_config("", ""), sentence), 0);
}

static void a_pool_that_no_service_uses_loses_its_last_backend_freely(void **state)
{
	struct node *node = *state;
	char sentence[256];

	node_apply(node, with_services("[" SERVICE("www", "80", "other") "]"));
	assert_int_equal(
		check_services(node,
			small_config_read("[{'name': 'web', 'slots': 251, 'backends': []}, "
					  "{'name': 'other', 'slots': 251, 'backends': [" W2 "]}]",
				"[" SERVICE("new", "90", "web") ", " SERVICE(
					"www", "80", "other") "]"),
			sentence),
		0);
	assert_int_equal(
		check_services(node,
			small_config_read("[{'name': 'web', 'slots': 251, 'backends': []}, "
					  "{'name': 'other', 'slots': 251, 'backends': [" W2 "]}]",
				"[" SERVICE("new", "90", "other") ", " SERVICE(
					"www", "80", "web") "]"),
			sentence),
		-EPERM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_open, life_close)
	const struct CMUnitTest tests[] = {
		TEST(what_moves_without_breaking_has_no_impact),
		TEST(a_backend_that_is_disabled_gives_up_its_flows),
		TEST(pins_are_told_of_a_pool_that_gives_up_flows),
		TEST(a_draining_backend_that_is_disabled_gives_up_what_is_left),
		TEST(a_suspect_backend_that_is_disabled_gives_up_what_is_in_its_grace),
		TEST(a_removal_at_once_gives_up_what_is_left_of_a_drain),
		TEST(a_drain_that_is_cut_short_gives_up_what_is_left_at_its_end),
		TEST(what_is_given_up_counts_in_the_budget),
		TEST(a_service_with_packets_is_not_removed_without_force),
		TEST(a_part_that_another_service_takes_is_not_given_without_force),
		TEST(a_service_weighs_what_it_carries),
		TEST(the_last_backend_of_a_service_is_not_taken_out_without_force),
		TEST(a_backend_that_is_down_is_none_that_is_left),
		TEST(a_pool_that_no_service_uses_loses_its_last_backend_freely),
	};
#undef TEST

	return cmocka_run_group_tests_name("impact", tests, node_host_start, node_host_stop);
}
