/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "impact/removals.h"
#include "small_config.h"

#define W(n)      "{'name': 'w" #n "', 'address': '10.2.0." #n "'}"
#define WEB(list) "{'name': 'web', 'slots': 251, 'backends': [" list "]}"
#define OTHER     "{'name': 'other', 'slots': 251, 'backends': [" W(1) "]}"
#define S(n)                                                                             \
	"{'name': 's" #n "', 'vip': '203.0.113." #n "', 'protocol': 'tcp', 'port': 80, " \
	"'pool': 'web', 'forward': 'ipip'}"

#define FOUR  W(1) ", " W(2) ", " W(3) ", " W(4)
#define FIVE  "[" WEB(FOUR) ", " OTHER "]"
#define THREE "[" S(11) ", " S(12) ", " S(13) "]"

/* The limit is that of the configuration in force, whatever the new one says. */
static const char *check(uint32_t limit, const char *pools, const char *services)
{
	static struct error error;
	struct config *old = small_config_read(FIVE, THREE);
	struct config *new = small_config_read(pools, services);
	int code;

	error = (struct error){ "" };
	old->max_removed_percent = limit;
	new->max_removed_percent = 1;
	code = removals_check(old, new, &error);
	assert_int_equal(code, error.message[0] == '\0' ? 0 : -EPERM);
	config_destroy(old);
	config_destroy(new);
	return error.message;
}

static void a_document_that_removes_nothing_is_allowed(void **state)
{
	assert_string_equal(check(1, FIVE, THREE), "");
	assert_string_equal(
		check(1, "[" OTHER ", " WEB(W(4) ", " W(9) ", " W(1) ", " W(3) ", " W(2)) "]",
			THREE),
		"");
}

static void backends_are_counted_over_all_pools(void **state)
{
	assert_string_equal(check(20, "[" WEB(W(4) ", " W(2) ", " W(1)) ", " OTHER "]", THREE), "");
	assert_string_equal(check(19, "[" WEB(W(4) ", " W(2) ", " W(1)) ", " OTHER "]", THREE),
		"would remove 1 of 5 backends (20.0 %), and control.max_removed_percent is 19: needs "
		"force");
	assert_string_equal(check(50, "[" WEB(W(1)) ", " OTHER "]", THREE),
		"would remove 3 of 5 backends (60.0 %), and control.max_removed_percent is 50: needs "
		"force");
}

static void a_pool_that_goes_takes_its_backends_along(void **state)
{
	assert_string_equal(check(20, "[" WEB(FOUR) "]", THREE), "");
	assert_string_equal(check(19, "[" WEB(FOUR) "]", THREE),
		"would remove 1 of 5 backends (20.0 %), and control.max_removed_percent is 19: needs "
		"force");
}

static void services_are_counted_by_name(void **state)
{
	assert_string_equal(check(34, FIVE, "[" S(13) ", " S(11) "]"), "");
	assert_string_equal(check(33, FIVE, "[" S(13) ", " S(11) "]"),
		"would remove 1 of 3 services (33.3 %), and control.max_removed_percent is 33: needs "
		"force");
	assert_string_equal(check(99, FIVE, "[]"),
		"would remove 3 of 3 services (100.0 %), and control.max_removed_percent is 99: "
		"needs force");
}

static void a_limit_of_all_is_none(void **state)
{
	assert_string_equal(check(100, "[]", "[]"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_that_removes_nothing_is_allowed),
		cmocka_unit_test(backends_are_counted_over_all_pools),
		cmocka_unit_test(a_pool_that_goes_takes_its_backends_along),
		cmocka_unit_test(services_are_counted_by_name),
		cmocka_unit_test(a_limit_of_all_is_none),
	};

	return cmocka_run_group_tests_name("removals", tests, NULL, NULL);
}
