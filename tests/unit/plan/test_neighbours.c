/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "plan/neighbours.h"
#include "small_config.h"

enum port { LEFT, RIGHT };

static int find(
	const struct config *config, const char *text, bool on_link, struct neighbour_route *route)
{
	struct neighbours *neighbours = neighbours_create(config);
	struct address address;
	int code;

	assert_non_null(neighbours);
	assert_int_equal(address_parse(text, &address), 0);
	code = on_link ? neighbours_find_on_link(neighbours, &address, route)
		       : neighbours_find(neighbours, &address, route);
	neighbours_destroy(neighbours);
	return code;
}

static void assert_found(
	const struct config *config, const char *text, bool on_link, size_t port, const char *mac)
{
	struct neighbour_route route;
	char seen[18];

	assert_int_equal(find(config, text, on_link, &route), 0);
	assert_int_equal(route.port, port);
	snprintf(seen, sizeof(seen), "%02x:%02x:%02x:%02x:%02x:%02x", route.mac[0], route.mac[1],
		route.mac[2], route.mac[3], route.mac[4], route.mac[5]);
	assert_string_equal(seen, mac);
}

static void a_neighbour_is_reached_by_its_own_port_and_mac(void **state)
{
	struct config *config = small_config_read("[]", "[]");

	assert_found(config, "10.2.0.1", true, LEFT, "02:00:0a:02:00:01");
	assert_found(config, "10.2.0.30", false, LEFT, "02:00:0a:02:00:1e");
	assert_found(config, "fd00:2::9", true, RIGHT, "02:00:fd:00:02:09");
	assert_found(config, "fd00:2::1", false, RIGHT, "02:00:fd:00:02:01");
	config_destroy(config);
}

static void everybody_else_is_behind_the_gateway(void **state)
{
	struct config *config = small_config_read("[]", "[]");

	assert_found(config, "10.2.0.31", false, LEFT, SMALL_CONFIG_GATEWAY_MAC);
	assert_found(config, "fd00:2::a", false, LEFT, SMALL_CONFIG_GATEWAY_MAC);
	config_destroy(config);
}

static void a_gateway_is_no_way_to_somebody_on_the_link(void **state)
{
	struct config *config = small_config_read("[]", "[]");
	struct neighbour_route route;

	assert_int_equal(find(config, "10.2.0.31", true, &route), -ENOENT);
	assert_int_equal(find(config, "fd00:2::a", true, &route), -ENOENT);
	config_destroy(config);
}

static void without_a_gateway_only_neighbours_are_reached(void **state)
{
	json_t *document = small_config_document("[]", "[]");
	json_t *ports = json_object_get(json_object_get(document, "dataplane"), "ports");
	struct neighbour_route route;
	struct error error;
	struct config *config;

	json_object_del(json_array_get(ports, LEFT), "gateway_mac");
	config = config_read(document, NULL, &error);
	assert_non_null(config);
	assert_found(config, "10.2.0.1", false, LEFT, "02:00:0a:02:00:01");
	assert_int_equal(find(config, "10.2.0.31", false, &route), -ENOENT);
	json_decref(document);
	config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_neighbour_is_reached_by_its_own_port_and_mac),
		cmocka_unit_test(everybody_else_is_behind_the_gateway),
		cmocka_unit_test(a_gateway_is_no_way_to_somebody_on_the_link),
		cmocka_unit_test(without_a_gateway_only_neighbours_are_reached),
	};

	return cmocka_run_group_tests_name("neighbours", tests, NULL, NULL);
}
