/* SPDX-License-Identifier: BSD-3-Clause */
/* The way to a backend changes: its gateway, or the MAC address of a port. */
#include "unit.h"

#include <rte_ethdev.h>

#include "forwarding_fixture.h"

static void another_gateway_is_taken_while_running(void **state)
{
	struct node *node = *state;
	struct config *next = small_config_read(BOTH_FAMILIES, EVERY_MODE);

	apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
	for (size_t i = 0; i < next->dataplane.port_count; i++) {
		struct config_port *port = &next->dataplane.ports[i];

		port->gateway_mac[5] ^= 1;
		for (size_t k = 0; k < port->neighbour_count; k++)
			port->neighbours[k].mac[5] ^= 1;
	}
	assert_int_equal(config_compare_restart(node->config, next, &(struct error){ "" }), 0);
	apply(node, next); /* and every record has its MAC address */
}

static void set_mac(const struct node *node, size_t port, uint8_t last)
{
	const struct rte_ether_addr mac = { { 2, 0, 0, 0, 9, last } };

	assert_int_equal(
		rte_eth_dev_default_mac_addr_set(port_id(node->host->ports[port]), (void *)&mac),
		0);
	assert_int_equal(port_follow_mac(node->host->ports[port]), 1);
	assert_int_equal(port_follow_mac(node->host->ports[port]), 0);
}

/* Of every backend of pool 0; returns how many records were made anew. */
static int refresh_all(const struct node *node)
{
	struct error error;
	size_t count;
	int fresh = 0;

	forwarding_backends(node->forwarding, 0, &count);
	for (size_t i = 0; i < count; i++)
		fresh += forwarding_refresh_backend(node->forwarding, 0, i, &error);
	return fresh;
}

static void the_way_to_a_backend_is_renewed_without_another_change(void **state)
{
	struct node *node = *state;
	const struct service *held;
	uint32_t index, before, after;

	apply(node, small_config_web(1, 3, IPIP));
	publish_reader_enter(node->publish, 0);
	held = find_service(node, 0);
	find_backend(node, "w1", &index, &before);
	assert_int_equal(refresh_all(node), 0);
	for (size_t i = 0; i < NODE_PORTS; i++)
		set_mac(node, i, 1);
	assert_int_equal(refresh_all(node), 3);
	assert_int_equal(refresh_all(node), 0);
	/* the worker finds the new record at once, and the old one stays until it has moved on */
	after = cell_of(held, index);
	assert_int_not_equal(after, before);
	assert_int_equal(forwarding_tables(node->forwarding)->records[after].source_mac[5], 1);
	assert_int_not_equal(forwarding_tables(node->forwarding)->records[before].mtu, 0);
	assert_true(publish_reclaim(node->publish) > 0);
	publish_reader_leave(node->publish, 0);
	release_retired(node);
	assert_follows_plan(node);
}

/* A change that was prepared before goes on with the records that came meanwhile. */
static void a_change_under_way_keeps_the_renewed_way(void **state)
{
	struct node *node = *state;
	struct config *next = small_config_web(1, 3, IPIP);
	struct forwarding_change *change;
	struct error error = { "" };

	apply(node, small_config_web(1, 3, IPIP));
	next->pools[0].backends[0].weight = 7;
	change = node_prepare(node, next, &error);
	assert_non_null(change);
	for (size_t i = 0; i < NODE_PORTS; i++)
		set_mac(node, i, 2);
	assert_int_equal(refresh_all(node), 3);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = next;
	release_retired(node);
	assert_follows_plan(node);
	assert_int_equal(refresh_all(node), 0);
}

/* What the change itself has made records for has the address that came meanwhile, too. */
static void a_change_under_way_takes_the_renewed_way_to_what_it_adds(void **state)
{
	struct node *node = *state;
	struct config *next = small_config_web(1, 4, IPIP);
	struct forwarding_change *change;
	struct error error = { "" };
	uint32_t index, cell;

	apply(node, small_config_web(1, 3, IPIP));
	change = node_prepare(node, next, &error);
	assert_non_null(change);
	for (size_t i = 0; i < NODE_PORTS; i++)
		set_mac(node, i, 3);
	assert_int_equal(refresh_all(node), 3);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = next;
	release_retired(node);
	find_backend(node, "w4", &index, &cell);
	assert_int_equal(forwarding_tables(node->forwarding)->records[cell].source_mac[5], 3);
	assert_follows_plan(node);
	assert_int_equal(refresh_all(node), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_node, close_node)
	const struct CMUnitTest tests[] = {
		TEST(another_gateway_is_taken_while_running),
		TEST(the_way_to_a_backend_is_renewed_without_another_change),
		TEST(a_change_under_way_keeps_the_renewed_way),
		TEST(a_change_under_way_takes_the_renewed_way_to_what_it_adds),
	};
#undef TEST

	return cmocka_run_group_tests_name(
		"forwarding_refresh", tests, node_host_start, node_host_stop);
}
