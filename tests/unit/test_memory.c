/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <malloc.h>

#include "forwarding.h"
#include "memory.h"
#include "service_lookup.h"
#include "small_config.h"

#define POOL(name, slots) "{'name': '" name "', 'slots': " slots ", 'backends': []}"

static uint64_t bytes_of(const struct config *config, const char *key)
{
	struct memory_part parts[MEMORY_PARTS_MAX];
	size_t count = memory_list(config, parts);

	for (size_t i = 0; i < count; i++)
		if (strcmp(parts[i].key, key) == 0)
			return parts[i].bytes;
	fail_msg("no part %s", key);
	return 0;
}

static void the_parts_of_the_state_file_add_up_to_it(void **state)
{
	struct config *config = small_config_web(1, 3, "ipip");
	struct state_layout layout = { 0 };

	forwarding_layout(config, config->dataplane.worker_count, &layout);
	assert_int_equal(bytes_of(config, "slots") + bytes_of(config, "pins") +
				 bytes_of(config, "records") + bytes_of(config, "counters"),
		state_memory(&layout));
	config_destroy(config);
}

static void pins_take_what_was_asked_for(void **state)
{
	struct config *config = small_config_web(1, 3, "ipip");

	config->dataplane.pins = 1000000;
	assert_in_range(bytes_of(config, "pins"), 10600000, 10700000);
	config_destroy(config);
}

static void a_larger_table_takes_more(void **state)
{
	struct config *small = small_config_read("[" POOL("a", "251") "]", "[]");
	struct config *large = small_config_read("[" POOL("a", "655373") "]", "[]");
	uint64_t more = bytes_of(large, "control") - bytes_of(small, "control");

	assert_in_range(more, 20 * 655000, 40 * 655373);
	config_destroy(small);
	config_destroy(large);
}

static void services_take_memory_of_their_own(void **state)
{
	struct config *one = small_config_web(1, 3, "ipip");
	struct config *none = small_config_read("[]", "[]");

	assert_true(bytes_of(one, "services") > bytes_of(none, "services"));
	config_destroy(one);
	config_destroy(none);
}

/* What the allocator really gave for one; it rounds small blocks up a little, and large ones, which
   are mappings of their own, to pages. */
static void a_table_of_services_takes_what_was_foretold(void **state)
{
	static const size_t counts[] = { 0, 1, 255, 256, 10000 };

	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		struct service_table *table = service_table_create(counts[i]);
		void *blocks[] = { table, table->rows, table->ipv4.services.places,
			table->ipv4.vips.places, table->ipv6.services.places,
			table->ipv6.vips.places };
		uint64_t taken = 0, rounding = 0;

		for (size_t block = 0; block < COUNT_OF(blocks); block++) {
			size_t size = malloc_usable_size(blocks[block]);

			taken += size;
			rounding += size < 65536 ? 64 : 2 * 4096;
		}
		assert_true(service_table_memory(counts[i]) + rounding >= taken);
		assert_true(service_table_memory(counts[i]) <= taken);
		service_table_destroy(table);
	}
}

static void numbers_are_printed_in_mebibytes(void **state)
{
	char text[16];

	assert_string_equal(memory_format(0, text), "0.0 MiB");
	assert_string_equal(memory_format(1572864, text), "1.5 MiB");
	assert_string_equal(memory_format(UINT64_C(1) << 42, text), "4194304.0 MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parts_of_the_state_file_add_up_to_it),
		cmocka_unit_test(pins_take_what_was_asked_for),
		cmocka_unit_test(a_larger_table_takes_more),
		cmocka_unit_test(services_take_memory_of_their_own),
		cmocka_unit_test(a_table_of_services_takes_what_was_foretold),
		cmocka_unit_test(numbers_are_printed_in_mebibytes),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
