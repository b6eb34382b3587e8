/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "packet/address.h"

static void addresses_print_in_canonical_form(void **state)
{
	static const struct {
		const char *text;
		const char *canonical;
	} rows[] = {
		{ "203.0.113.10", "203.0.113.10" },
		{ "FD00:0002:0:0::0010", "fd00:2::10" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "::", "::" },
		{ "::ffff:10.0.0.1", "::ffff:10.0.0.1" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct address address;
		char text[ADDRESS_TEXT_SIZE];

		assert_int_equal(address_parse(rows[i].text, &address), 0);
		assert_string_equal(address_format(&address, text), rows[i].canonical);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = { "", "10.0.0", "10.0.0.256", "10.0.0.1/32",
		"fd00::1::2", "web-1", "010.0.0.1", " 10.0.0.1" };

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct address address;

		assert_int_equal(address_parse(texts[i], &address), -EINVAL);
		assert_int_equal(address.family, ADDRESS_NONE);
	}
}

static void ipv4_sorts_before_ipv6_and_then_by_bytes(void **state)
{
	struct address low, high, ipv6;

	address_parse("10.0.0.1", &low);
	address_parse("10.0.0.2", &high);
	address_parse("::", &ipv6);
	assert_true(address_compare(&low, &high) < 0);
	assert_true(address_compare(&high, &low) > 0);
	assert_true(address_compare(&high, &ipv6) < 0);
	assert_true(address_equal(&low, &low));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_in_canonical_form),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(ipv4_sorts_before_ipv6_and_then_by_bytes),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
