/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "impact/claims.h"
#include "small_config.h"

#define POOLS                                                                                   \
	"[{'name': 'web', 'slots': 251, 'backends': [{'name': 'w1', 'address': '10.2.0.1'}]}, " \
	"{'name': 'other', 'slots': 251, 'backends': [{'name': 'o1', 'address': '10.2.0.2'}]}]"
#define SERVICE(name, vip, protocol, port, pool, forward)                                  \
	"{'name': '" name "', 'vip': '" vip "', 'protocol': '" protocol "', 'port': " port \
	", 'pool': '" pool "', 'forward': '" forward "'}"
#define WWW       SERVICE("www", "203.0.113.10", "tcp", "80", "web", "ipip")
#define WIDE      SERVICE("wide", "203.0.113.10", "tcp", "'any'", "web", "ipip")
#define ELSEWHERE SERVICE("www", "203.0.113.10", "tcp", "80", "other", "ipip")

/* What becomes of the first service of `before`, and by which service, where `after` follows. */
static void assert_claim(
	const char *before, const char *after, enum claim_change change, const char *taker)
{
	struct config *old = small_config_read(POOLS, before);
	struct config *new = small_config_read(POOLS, after);
	struct claim claims[4];
	int lost = claims_compare(old, new, claims);

	assert_int_equal(claims[0].change, change);
	if (change != CLAIM_KEPT) {
		assert_true(lost >= 1);
		if (taker == NULL)
			assert_int_equal(claims[0].taker, CLAIM_NO_TAKER);
		else
			assert_string_equal(new->services[claims[0].taker].name, taker);
	}
	config_destroy(old);
	config_destroy(new);
}

static void a_service_that_stays_keeps_its_claim(void **state)
{
	assert_claim("[" WWW "]", "[" WWW "]", CLAIM_KEPT, NULL);
	assert_claim("[" WWW "]",
		"[" SERVICE("new", "203.0.113.10", "tcp", "80", "web", "ipip") "]", CLAIM_KEPT,
		NULL);
	assert_claim("[" WWW "]",
		"[" SERVICE("dns", "203.0.113.9", "udp", "53", "web", "ipip") ", " WWW "]",
		CLAIM_KEPT, NULL);
}

static void what_no_service_claims_any_more_is_gone(void **state)
{
	assert_claim("[" WWW "]", "[]", CLAIM_GONE, NULL);
	assert_claim("[" WWW "]",
		"[" SERVICE("www", "203.0.113.99", "tcp", "80", "web", "ipip") "]", CLAIM_GONE,
		NULL);
	assert_claim("[" WWW "]",
		"[" SERVICE("www", "203.0.113.10", "tcp", "8080", "web", "ipip") "]", CLAIM_GONE,
		NULL);
	assert_claim("[" WWW "]",
		"[" SERVICE("www", "203.0.113.10", "udp", "80", "web", "ipip") "]", CLAIM_GONE,
		NULL);
	assert_claim("[" WIDE "]", "[" WWW "]", CLAIM_GONE, NULL);
}

static void another_pool_or_mode_takes_the_flows_elsewhere(void **state)
{
	assert_claim("[" WWW "]", "[" ELSEWHERE "]", CLAIM_POOL, "www");
	assert_claim("[" WWW "]",
		"[" SERVICE("dsr", "203.0.113.10", "tcp", "80", "web", "l2dsr") "]", CLAIM_FORWARD,
		"dsr");
}

#define WITH(members)                                                                        \
	"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'forward': " \
	"'ipip', " members "}]"

static void another_split_takes_some_clients_elsewhere(void **state)
{
	static const char with_two[] =
		WITH("'pool': 'web', 'split': [{'from': '10.0.0.0/8', 'pool': 'other'}, {'from': "
		     "'10.1.0.0/16', 'pool': 'web'}]");
	static const char reordered[] =
		WITH("'pool': 'web', 'split': [{'from': '10.1.0.0/16', 'pool': 'web'}, {'from': "
		     "'10.0.0.0/8', 'pool': 'other'}]");

	assert_claim("[" WWW "]", with_two, CLAIM_CLIENTS, "www");
	assert_claim(with_two, "[" WWW "]", CLAIM_CLIENTS, "www");
	assert_claim(with_two, reordered, CLAIM_KEPT, NULL);
	assert_claim(WITH("'pool': 'web', 'split': [{'family': 'ipv4', 'pool': 'web'}]"),
		WITH("'pool': 'web', 'split': [{'family': 'ipv4', 'pool': 'other'}]"),
		CLAIM_CLIENTS, "www");
	assert_claim(WITH("'pool': 'web', 'split': [{'from': '10.0.0.0/8', 'pool': 'other'}]"),
		WITH("'pool': 'web', 'split': [{'from': '10.0.0.0/9', 'pool': 'other'}]"),
		CLAIM_CLIENTS, "www");
}

static void another_list_of_pools_keeps_flows_and_one_in_the_place_of_a_pool_does_not(void **state)
{
	static const char shared[] =
		WITH("'pools': [{'pool': 'web', 'weight': 95}, {'pool': 'other', 'weight': 5}]");

	assert_claim(shared, WITH("'pools': [{'pool': 'web'}, {'pool': 'other', 'backup': 1}]"),
		CLAIM_KEPT, NULL);
	assert_claim(WITH("'pools': [{'pool': 'web'}]"), shared, CLAIM_KEPT, NULL);
	assert_claim("[" WWW "]", shared, CLAIM_POOL, "www");
	assert_claim(shared, "[" WWW "]", CLAIM_POOL, "www");
}

static void an_exact_claim_falls_to_a_wider_one(void **state)
{
	assert_claim("[" WWW ", " WIDE "]", "[" WIDE "]", CLAIM_KEPT, NULL);
	assert_claim("[" ELSEWHERE ", " WIDE "]", "[" WIDE "]", CLAIM_POOL, "wide");
}

static void an_exact_claim_that_is_added_takes_a_part_of_a_wider_one(void **state)
{
	assert_claim("[" WIDE "]", "[" WIDE ", " WWW "]", CLAIM_KEPT, NULL);
	assert_claim("[" WIDE "]", "[" WIDE ", " ELSEWHERE "]", CLAIM_PART, "www");
	assert_claim("[" WIDE ", " ELSEWHERE "]", "[" WIDE ", " ELSEWHERE "]", CLAIM_KEPT, NULL);
	/* another protocol, or another VIP, is no part of it */
	assert_claim("[" WIDE "]",
		"[" WIDE ", " SERVICE("dns", "203.0.113.10", "udp", "80", "other", "ipip") "]",
		CLAIM_KEPT, NULL);
	assert_claim("[" WIDE "]",
		"[" WIDE ", " SERVICE("www", "203.0.113.11", "tcp", "80", "other", "ipip") "]",
		CLAIM_KEPT, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_that_stays_keeps_its_claim),
		cmocka_unit_test(what_no_service_claims_any_more_is_gone),
		cmocka_unit_test(another_pool_or_mode_takes_the_flows_elsewhere),
		cmocka_unit_test(another_split_takes_some_clients_elsewhere),
		cmocka_unit_test(
			another_list_of_pools_keeps_flows_and_one_in_the_place_of_a_pool_does_not),
		cmocka_unit_test(an_exact_claim_falls_to_a_wider_one),
		cmocka_unit_test(an_exact_claim_that_is_added_takes_a_part_of_a_wider_one),
	};

	return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
