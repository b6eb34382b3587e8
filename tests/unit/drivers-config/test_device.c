/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "device.h"

static void the_name_ends_at_the_first_comma(void **state)
{
	char name[16];

	device_name("net_null0,size=64", name, sizeof(name));
	assert_string_equal(name, "net_null0");
	device_name("0000:3b:00.0", name, sizeof(name));
	assert_string_equal(name, "0000:3b:00.0");
}

static void a_name_that_is_too_long_is_cut_off(void **state)
{
	char name[8];

	device_name("net_af_xdp0,iface=eth1", name, sizeof(name));
	assert_string_equal(name, "net_af_");
}

static void an_argument_is_found_by_its_whole_key(void **state)
{
	static const char device[] = "net_af_xdp0,xiface=a,iface=eth1,iface=eth2";
	char value[16];

	assert_true(device_argument(device, "iface=", value, sizeof(value)));
	assert_string_equal(value, "eth1");
	assert_false(device_argument(device, "queue_count=", value, sizeof(value)));
	assert_false(device_argument("iface=eth1", "iface=", value, sizeof(value)));
}

static void an_argument_is_lacking_whatever_its_value(void **state)
{
	assert_false(device_lacks("net_af_xdp0,busy_budget=64", "busy_budget=0"));
	assert_true(device_lacks("net_af_xdp0,budget=64", "busy_budget=0"));
}

/* A device string of `length` bytes in a buffer with nothing but '#' behind it. */
static void fill_device(char *buffer, size_t size, size_t length)
{
	memset(buffer, '#', size);
	memset(buffer, 'x', length);
	buffer[length] = '\0';
}

/* Each length around the end of a buffer, also those that two appended arguments pass together. */
static void no_device_string_is_written_past_its_end(void **state)
{
	enum { ROOM = 1024, BEHIND = 64 };
	char buffer[ROOM + BEHIND];

	for (size_t length = 980; length < ROOM; length++) {
		bool first, second;

		fill_device(buffer, sizeof(buffer), length);
		first = device_append(buffer, ROOM, "busy_budget=0") == 0;
		second = device_append(buffer, ROOM, "queue_count=2") == 0;
		assert_int_equal(first, length + 14 < ROOM);
		assert_int_equal(second, length + 28 < ROOM);
		assert_int_equal(strlen(buffer), length + 14 * first + 14 * second);
		for (size_t i = ROOM; i < sizeof(buffer); i++)
			assert_int_equal(buffer[i], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_ends_at_the_first_comma),
		cmocka_unit_test(a_name_that_is_too_long_is_cut_off),
		cmocka_unit_test(an_argument_is_found_by_its_whole_key),
		cmocka_unit_test(an_argument_is_lacking_whatever_its_value),
		cmocka_unit_test(no_device_string_is_written_past_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
