/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <malloc.h>

#include "forwarding/forwarding.h"
#include "host/memory.h"
#include "service/service_lookup.h"
#include "node_fixture.h"

/* Which allocator has an account: mallinfo2() knows nothing of that of AddressSanitizer. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(SANITIZED)
size_t __sanitizer_get_current_allocated_bytes(void); /* gcc brings no header for it */
#define allocated() __sanitizer_get_current_allocated_bytes()
#else
static size_t allocated(void)
{
	struct mallinfo2 account = mallinfo2();

	return account.uordblks + account.hblkhd;
}
#endif

#define LARGE      655373
#define LARGE_TEXT "655373"

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

/* A pool of so many slots, with backends that own them. */
static struct config *read_pool(const char *slots)
{
	char pools[256];

	snprintf(pools, sizeof(pools),
		"[{'name': 'web', 'slots': %s, 'backends': [{'name': 'a', 'address': '10.2.0.1'}, "
		"{'name': 'b', 'address': '10.2.0.2'}]}]",
		slots);
	return small_config_read(pools,
		"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': "
		"'web', 'forward': 'ipip'}]");
}

/* What the allocator gives for a pool, from before its first table until a backend has left. */
static size_t bytes_allocated(const struct node_host *host, const char *slots)
{
	struct state_layout layout = node_layout;
	struct node *node;
	size_t before, taken;

	layout.slot_words = 2 * state_slots_room(LARGE);
	node = node_create(host, &layout, 1);
	before = allocated();
	node_apply(node, read_pool(slots));
	node_build(node);
	taken = allocated() - before;
	node_destroy(node);
	return taken;
}

static void a_larger_table_takes_what_was_foretold(void **state)
{
	const struct node_host *host = *state;
	struct config *small = read_pool("251"), *large = read_pool(LARGE_TEXT);
	uint64_t foretold = bytes_of(large, "control") - bytes_of(small, "control");
	uint64_t taken = bytes_allocated(host, LARGE_TEXT) - bytes_allocated(host, "251");

	assert_in_range(taken, foretold * 7 / 10, foretold); /* at most, and not by much */
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
		void *blocks[] = { table, table->rows, table->ipv4.services.cells,
			table->ipv4.vips.cells, table->ipv6.services.cells,
			table->ipv6.vips.cells };
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
		cmocka_unit_test(a_larger_table_takes_what_was_foretold),
		cmocka_unit_test(services_take_memory_of_their_own),
		cmocka_unit_test(a_table_of_services_takes_what_was_foretold),
		cmocka_unit_test(numbers_are_printed_in_mebibytes),
	};

	return cmocka_run_group_tests_name("memory", tests, node_host_start, node_host_stop);
}
