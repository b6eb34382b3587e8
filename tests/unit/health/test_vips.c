/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of VIPs, in a network namespace of the test's own. Needs root. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>

#include "health/vips.h"
#include "netns.h"

#define MANY 5000
#define LATE (VIPS_AGE_MS + 1) /* ms after 0: all that is known of then is old */

static struct vips_interface port = { .name = "port0" };

static void run(const char *line)
{
	assert_int_equal(netns_run(line), 0);
}

/* Number 0 is 203.0.113.0. */
static int check(struct vips *vips, uint32_t number, uint64_t now_ms)
{
	const uint32_t ipv4 = htonl(0xcb007100u + number);
	struct address address = { .family = ADDRESS_IPV4 };
	struct error error = { "" };
	int code;

	memcpy(address.bytes, &ipv4, sizeof(ipv4));
	code = vips_check(vips, &port, &address, now_ms, &error);
	assert_int_equal(error.message[0] != '\0', code != 0);
	return code;
}

static void check_all(struct vips *vips, uint64_t now_ms, int expected)
{
	for (uint32_t number = 0; number < MANY; number++)
		if (check(vips, number, now_ms) != expected)
			fail_msg("%u at %llu is not %d", number, (unsigned long long)now_ms,
				expected);
	assert_int_equal(vips_count(vips), MANY);
}

static struct vips *create(enum probe_reverse_path reverse_path)
{
	struct vips *vips = vips_create();

	assert_non_null(vips);
	port.ifindex = if_nametoindex(port.name);
	port.reverse_path = reverse_path;
	return vips;
}

/* There is no route to any: a strict filter drops what they answer. */
static void what_is_known_of_many_does_not_change_from_look_to_look(void **state)
{
	struct vips *vips = create(PROBE_REVERSE_PATH_STRICT);

	for (uint64_t now_ms = 0; now_ms <= LATE + 3000; now_ms += 1000) {
		check_all(vips, now_ms, -EXDEV);
		vips_look(vips, now_ms);
	}
	vips_destroy(vips);
}

static void another_setting_of_the_filter_holds_for_all_at_once(void **state)
{
	struct vips *vips = create(PROBE_REVERSE_PATH_STRICT);

	check_all(vips, 0, -EXDEV);
	port.reverse_path = PROBE_REVERSE_PATH_OFF;
	check_all(vips, 1, 0);
	port.reverse_path = PROBE_REVERSE_PATH_LOOSE;
	check_all(vips, 2, -EXDEV);
	vips_destroy(vips);
}

static void each_has_its_turn_and_is_as_before_until_then(void **state)
{
	struct vips *vips = create(PROBE_REVERSE_PATH_STRICT);
	unsigned int looks = 0;

	check_all(vips, 0, -EXDEV);
	run("ip route add 203.0.0.0/8 dev port0");
	vips_look(vips, 1);
	check_all(vips, 1, -EXDEV); /* it is too early */
	do {
		vips_look(vips, LATE);
		looks++;
		assert_int_equal(check(vips, looks * VIPS_A_LOOK - 1, LATE), 0);
		if (looks < MANY / VIPS_A_LOOK)
			assert_int_equal(check(vips, looks * VIPS_A_LOOK, LATE), -EXDEV);
	} while (looks < MANY / VIPS_A_LOOK);
	check_all(vips, LATE, 0);
	run("ip route del 203.0.0.0/8 dev port0");
	vips_destroy(vips);
}

static void those_in_doubt_are_looked_at_whatever_their_age(void **state)
{
	struct vips *vips = create(PROBE_REVERSE_PATH_STRICT);

	check_all(vips, 0, -EXDEV);
	run("ip route add 203.0.0.0/8 dev port0");
	vips_doubt(vips);
	check_all(vips, 0, -EXDEV);
	for (unsigned int looks = 0; looks < MANY / VIPS_A_LOOK; looks++)
		vips_look(vips, 0);
	check_all(vips, 0, 0);
	run("ip route del 203.0.0.0/8 dev port0");
	vips_look(vips, 0);
	check_all(vips, 0, 0); /* none is in doubt any more */
	vips_destroy(vips);
}

static void a_new_one_is_looked_at_at_once(void **state)
{
	struct vips *vips = create(PROBE_REVERSE_PATH_OFF);

	check_all(vips, 0, 0);
	run("ip addr add 203.0.114.255/32 dev lo && ip addr add 203.0.133.0/32 dev lo");
	assert_int_equal(check(vips, 511, 1), 0); /* known, and as before */
	assert_int_equal(check(vips, 0x1400, 1), -EADDRINUSE);
	run("ip addr del 203.0.114.255/32 dev lo && ip addr del 203.0.133.0/32 dev lo");
	vips_destroy(vips);
}

static void one_that_nobody_asks_for_is_forgotten(void **state)
{
	struct vips *vips = create(PROBE_REVERSE_PATH_OFF);

	check(vips, 0, 0);
	check(vips, 1, 0);
	check(vips, 1, VIPS_FORGET_MS);
	vips_look(vips, VIPS_FORGET_MS);
	assert_int_equal(vips_count(vips), 1);
	assert_int_equal(check(vips, 1, VIPS_FORGET_MS), 0);
	assert_int_equal(vips_count(vips), 1);
	vips_destroy(vips);
}

static int start(void **state)
{
	return netns_enter() < 0 || netns_run("set -e\n"
					      "ip link add port0 type veth peer name wire0\n"
					      "for i in lo port0 wire0; do\n"
					      "	ip link set $i up\n"
					      "done\n") < 0
		       ? -1
		       : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_of_many_does_not_change_from_look_to_look),
		cmocka_unit_test(another_setting_of_the_filter_holds_for_all_at_once),
		cmocka_unit_test(each_has_its_turn_and_is_as_before_until_then),
		cmocka_unit_test(those_in_doubt_are_looked_at_whatever_their_age),
		cmocka_unit_test(a_new_one_is_looked_at_at_once),
		cmocka_unit_test(one_that_nobody_asks_for_is_forgotten),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
