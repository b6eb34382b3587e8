/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "config/config_derive.h"
#include "small_config.h"

#define POOLS                                                                                         \
	"[{'name': 'web', 'slots': 251, 'slow_start': {'duration_s': 9}, 'max_disruption_percent': "  \
	"60, 'backends': [{'name': 'w1', 'address': '10.2.0.1', 'key': 'seat'}, {'name': 'w2', "      \
	"'address': '10.2.0.2', 'weight': 50, 'state': 'drain'}], 'vacant': [{'key': 'gone', "        \
	"'weight': 3}]}, {'name': 'canary', 'slots': 251, 'max_disruption_percent': 40, "             \
	"'drain_deadline_s': 5, 'backends': [{'name': 'w1', 'address': '10.2.0.3', 'key': 'seat'}], " \
	"'vacant': [{'key': 'gone', 'weight': 4}]}, {'name': 'alone', 'slots': 257, 'backends': []}]"
#define WWW(pools)                                                                              \
	"{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pools': " pools \
	", 'forward': 'ipip'}"
#define BOTH "[{'pool': 'web', 'weight': 95}, {'pool': 'canary', 'weight': 5, 'backup': 2}]"
#define ONE                                                                                       \
	"{'name': 'one', 'vip': '203.0.113.11', 'protocol': 'tcp', 'port': 80, 'pool': 'alone', " \
	"'forward': 'ipip'}"

static void a_service_with_several_pools_has_one_with_all_of_their_backends(void **state)
{
	struct config *config = small_config_read(POOLS, "[" ONE ", " WWW(BOTH) "]");
	const struct config_pool *pool = &config->pools[3];

	assert_int_equal(config->written_pool_count, 3);
	assert_int_equal(config->pool_count, 4);
	assert_int_equal(config->services[0].pool, 2);
	assert_int_equal(config->services[1].pool, 3);
	assert_string_equal(pool->name, "service:www");
	assert_string_equal(config_derive_service(pool->name), "www");
	assert_int_equal(pool->slots, 251);
	assert_int_equal(pool->backend_count, 3);
	assert_string_equal(pool->backends[0].name, "web/w1");
	assert_string_equal(pool->backends[1].name, "web/w2");
	assert_string_equal(pool->backends[2].name, "canary/w1");
	assert_string_equal(pool->backends[2].key, "seat");
	assert_int_equal(pool->backends[1].weight, 50);
	assert_int_equal(pool->backends[1].state, CONFIG_BACKEND_DRAIN);
	assert_int_equal(pool->vacant_count, 2);
	assert_string_equal(pool->vacant[1].key, "gone");
	assert_int_equal(pool->vacant[1].weight, 4);
	assert_int_equal(pool->part_count, 2);
	assert_int_equal(pool->parts[1].part.weight, 5);
	assert_int_equal(pool->parts[1].part.backup, 2);
	assert_int_equal(pool->parts[1].first_backend, 2);
	assert_int_equal(pool->parts[1].first_vacant, 1);
	assert_int_equal(pool->max_disruption_percent, 40);
	assert_int_equal(pool->slow_start.duration_s, 9);
	config_destroy(config);
}

static void a_backend_goes_by_the_options_of_its_own_pool(void **state)
{
	struct config *config = small_config_read(POOLS, "[" ONE ", " WWW(BOTH) "]");

	assert_ptr_equal(config_options_of(config, 3, 0), &config->pools[0]);
	assert_ptr_equal(config_options_of(config, 3, 1), &config->pools[0]);
	assert_ptr_equal(config_options_of(config, 3, 2), &config->pools[1]);
	assert_ptr_equal(config_options_of(config, 3, 3), &config->pools[3]); /* it is going */
	assert_ptr_equal(config_options_of(config, 0, 1), &config->pools[0]);
	config_destroy(config);
}

static void a_pool_knows_where_it_is_a_part(void **state)
{
	struct config *config = small_config_read(POOLS,
		"[" WWW(BOTH) ", " ONE ", {'name': 'six', 'vip': '2001:db8::1', 'protocol': 'tcp', "
			      "'port': 80, 'forward': 'ipip', 'pools': [{'pool': 'canary'}]}]");

	assert_int_equal(config->pool_count, 5);
	assert_int_equal(config->pools[0].use_count, 1);
	assert_int_equal(config->pools[1].use_count, 2);
	assert_int_equal(config->pools[1].uses[0].pool, 3);
	assert_int_equal(config->pools[1].uses[0].part, 1);
	assert_int_equal(config->pools[1].uses[1].pool, 4);
	assert_int_equal(config->pools[1].uses[1].part, 0);
	assert_int_equal(config->pools[2].use_count, 0);
	config_destroy(config);
}

static void what_is_derived_is_found_and_printed_by_no_name(void **state)
{
	struct config *config = small_config_read(POOLS, "[" WWW(BOTH) "]");
	json_t *printed = config_print(config);
	json_t *service = json_array_get(json_object_get(printed, "services"), 0);

	assert_int_equal(config_find_pool(config, "service:www"), -ENOENT);
	assert_int_equal(config_find_pool(config, "canary"), 1);
	assert_int_equal(json_array_size(json_object_get(printed, "pools")), 3);
	assert_null(json_object_get(service, "pool"));
	assert_int_equal(json_array_size(json_object_get(service, "pools")), 2);
	json_decref(printed);
	config_destroy(config);
}

static void it_is_derived_again_in_the_same_way(void **state)
{
	struct config *config = small_config_read(POOLS, "[" WWW(BOTH) "]");
	struct findings findings;

	findings_init(&findings, FINDINGS_MAX);
	config_derive_drop(config);
	assert_int_equal(config->pool_count, 3);
	assert_int_equal(config->services[0].pool, CONFIG_NO_POOL);
	assert_int_equal(config->pools[0].use_count, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(config_derive(config, &findings), 0);
		assert_int_equal(config->pool_count, 4);
		assert_int_equal(config->services[0].pool, 3);
		assert_int_equal(config->pools[1].use_count, 1);
	}
	assert_int_equal(findings.count, 0);
	config_destroy(config);
}

/* 32,768 backends, and all of them again for the service. */
static void memberships_are_counted_before_any_of_them_is_made(void **state)
{
	struct config *config = small_config_read(POOLS, "[" WWW(BOTH) "]");
	struct config_backend *many = calloc(CONFIG_MEMBERSHIPS_MAX, sizeof(*many));
	struct findings findings;

	assert_non_null(many);
	config_derive_drop(config);
	free(config->pools[1].backends);
	config->pools[1].backends = many;
	config->pools[1].backend_count = CONFIG_MEMBERSHIPS_MAX / 2 - 1;
	findings_init(&findings, FINDINGS_MAX);
	config_derive(config, &findings);
	assert_int_equal(findings.count, 1);
	assert_string_equal(findings.errors[0].message,
		"pools: 65536 backends in all, counted again for each service with several pools "
		"(0-65535 are allowed)");
	assert_int_equal(config->pool_count, 3);
	config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_with_several_pools_has_one_with_all_of_their_backends),
		cmocka_unit_test(a_backend_goes_by_the_options_of_its_own_pool),
		cmocka_unit_test(a_pool_knows_where_it_is_a_part),
		cmocka_unit_test(what_is_derived_is_found_and_printed_by_no_name),
		cmocka_unit_test(it_is_derived_again_in_the_same_way),
		cmocka_unit_test(memberships_are_counted_before_any_of_them_is_made),
	};

	return cmocka_run_group_tests_name("config_derive", tests, NULL, NULL);
}
