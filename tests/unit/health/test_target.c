/* SPDX-License-Identifier: BSD-3-Clause */
/* What is probed of a backend, on a node whose ports the kernel does not have. Needs root. */
#include "unit.h"

#include "config/config_health.h"
#include "config/config_via.h"
#include "health/target.h"
#include "netns.h"
#include "node_fixture.h"

#define POOL(backend)                                                    \
	"[{'name': 'web', 'slots': 251, 'health': {'type': 'tcp'}, "     \
	"'backends': [{'name': 'w1', 'address': '10.2.0.1'" backend "}]" \
	"}]"
#define SERVICE(forward)                                                          \
	"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, " \
	"'pool': 'web', 'forward': '" forward "'}]"

/* The target of the only backend, of a node that follows `config`. */
static bool find_of(struct node *node, const struct config *config, struct checker_target *target,
	struct error *detour)
{
	struct ways *ways = ways_create(node->host->ports, NODE_PORTS);
	size_t *services = config_health_services(config);
	size_t *vias = config_via_services(config, services);
	const struct target_source source = { config, services, vias, node->forwarding, node->state,
		ways };
	bool found;

	assert_non_null(ways);
	assert_non_null(vias);
	*target = (struct checker_target){ .number = 1 };
	found = target_find(&source, 0, 0, target, detour);
	ways_destroy(ways);
	free(vias);
	free(services);
	return found;
}

/* The node takes `config` over. */
static bool find(struct node *node, struct config *config, struct checker_target *target,
	struct error *detour)
{
	node_apply(node, config);
	return find_of(node, config, target, detour);
}

static void assert_address(const struct address *address, const char *text)
{
	struct address expected;

	assert_int_equal(address_parse(text, &expected), 0);
	assert_true(address_equal(address, &expected));
}

static struct node *open(void **state)
{
	return node_create(*state, &node_layout, 1);
}

static void where_the_vip_cannot_be_probed_the_backend_is(void **state)
{
	struct node *node = open(state);
	struct checker_target target;
	struct error detour;

	assert_true(find(node, small_config_read(POOL(""), SERVICE("ipip")), &target, &detour));
	assert_address(&target.address, "10.2.0.1");
	assert_int_equal(target.port, 80);
	assert_string_equal(target.name, "web/w1");
	assert_int_equal(target.mark, 0);
	assert_int_equal(target.hindrance, PROBE_NONE);
	assert_string_equal(detour.message, "");
	node_destroy(node);
}

static void a_backend_may_be_probed_elsewhere(void **state)
{
	struct node *node = open(state);
	struct checker_target target;
	struct error detour;

	assert_true(find(node,
		small_config_read(
			POOL(", 'health': {'address': '10.3.0.1', 'port': 8081}"), SERVICE("ipip")),
		&target, &detour));
	assert_address(&target.address, "10.3.0.1");
	assert_int_equal(target.port, 8081);
	node_destroy(node);
}

static void without_a_port_nothing_is_probed(void **state)
{
	struct node *node = open(state);
	struct checker_target target;
	struct error detour;

	assert_false(find(node, small_config_read(POOL(""), "[]"), &target, &detour));
	node_destroy(node);
}

/* As a document for another node would have it; this node refuses such a document. */
static struct config *by_vip(const char *address)
{
	char pools[256];
	struct config *config;

	snprintf(pools, sizeof(pools),
		"[{'name': 'web', 'slots': 251, 'health': {'type': 'tcp'}, "
		"'backends': [{'name': 'w1', 'address': '%s'}]}]",
		address);
	config = small_config_read(pools, SERVICE("ipip"));
	config->pools[0].health->via = CONFIG_HEALTH_VIA_VIP;
	return config;
}

static void what_this_node_cannot_do_says_nothing_of_the_backend(void **state)
{
	struct node *node = open(state);
	struct checker_target target;
	struct error detour;

	assert_true(find(node, by_vip("10.2.0.1"), &target, &detour));
	assert_address(&target.address, "203.0.113.10");
	assert_int_equal(target.hindrance, PROBE_LOCAL);
	assert_non_null(strstr(target.why, "interface"));
	assert_string_equal(detour.message, "");
	node_destroy(node);
}

/* 192.0.2.1 is behind the gateway: new MAC addresses do not lead there. */
static void a_backend_that_packets_do_not_reach_fails(void **state)
{
	struct config *config = by_vip("192.0.2.1");
	struct node *node = open(state);
	struct checker_target target;
	struct error detour;

	assert_true(find(node, config, &target, &detour));
	assert_int_equal(target.hindrance, PROBE_LOCAL);
	config->services[0].forward = CONFIG_FORWARD_L2DSR;
	assert_true(find_of(node, config, &target, &detour));
	assert_int_equal(target.hindrance, PROBE_PATH);
	assert_true(strlen(target.why) > 0);
	node_destroy(node);
}

static void a_target_is_another_one_where_any_of_it_is(void **state)
{
	const struct config_health one = { .digest = 1 }, other = { .digest = 2 };
	const struct checker_target target = { .health = (struct config_health *)&one,
		.name = "web/w1" };
	struct checker_target changed[8];

	for (size_t i = 0; i < COUNT_OF(changed); i++)
		changed[i] = target;
	assert_true(target_is_same(&target, &changed[0]));
	changed[0].health = (struct config_health *)&other;
	changed[1].mark = 7;
	changed[2].mtu = 1480;
	changed[3].hindrance = PROBE_LOCAL;
	strcpy(changed[4].why, "another");
	changed[5].port = 80;
	changed[6].address.bytes[15] = 1;
	changed[7].source.family = ADDRESS_IPV6;
	for (size_t i = 0; i < COUNT_OF(changed); i++)
		assert_false(target_is_same(&target, &changed[i]));
}

static int start(void **state)
{
	return netns_enter() < 0 ? -1 : node_host_start(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_the_vip_cannot_be_probed_the_backend_is),
		cmocka_unit_test(a_backend_may_be_probed_elsewhere),
		cmocka_unit_test(without_a_port_nothing_is_probed),
		cmocka_unit_test(what_this_node_cannot_do_says_nothing_of_the_backend),
		cmocka_unit_test(a_backend_that_packets_do_not_reach_fails),
		cmocka_unit_test(a_target_is_another_one_where_any_of_it_is),
	};

	return cmocka_run_group_tests(tests, start, node_host_stop);
}
