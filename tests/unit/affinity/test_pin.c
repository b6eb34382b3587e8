/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "affinity/pin.h"

#define HASH UINT64_C(0x89abcdef01234567)

static void a_pin_says_what_it_was_made_of(void **state)
{
	uint64_t pin = pin_pack(HASH, 0xfedc, PIN_QUIC, 0x1abc);

	assert_int_equal(pin, UINT64_C(0x89abcdeffedcabcc));
	assert_int_equal(pin_tag(pin), 0x89abcdef);
	assert_int_equal(pin_gid(pin), 0xfedc);
	assert_int_equal(pin_class(pin), PIN_QUIC);
	assert_int_equal(pin_stamp(pin), 0xabc);
	assert_int_equal(pin & PIN_REMOTE, 0);
}

static void a_pin_tells_the_slot_of_its_flow(void **state)
{
	static const uint32_t slot_counts[] = { 1, 251, 65537, 5000011 };
	static const uint64_t hashes[] = { 0, 1, HASH, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX };

	for (size_t i = 0; i < COUNT_OF(slot_counts); i++)
		for (size_t j = 0; j < COUNT_OF(hashes); j++) {
			uint64_t pin = pin_pack(hashes[j], 0xffff, PIN_TRIAL, 0xfff) | PIN_REMOTE;

			assert_int_equal(pin_slot(pin, slot_counts[i]),
				flow_slot(hashes[j], slot_counts[i]));
		}
}

static void an_age_is_counted_across_the_wrap_of_the_clock(void **state)
{
	static const struct {
		uint16_t stamp;
		uint16_t now;
		uint32_t age;
	} cases[] = {
		{ 0, 0, 0 },
		{ 0, 1, 1 },
		{ 4095, 0, 1 },
		{ 4095, 4096, 1 },
		{ 4000, 65535, 95 },
		{ 1, PIN_AGE_MAX, PIN_AGE_MAX - 1 },
		{ 300, 299 + PIN_AGE_AHEAD, PIN_AGE_AHEAD - 1 },
		{ 300, 300 + PIN_AGE_AHEAD, 0 }, /* as far ahead as can be told */
		{ 1, 0, 0 },
		{ 0, 4095, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t pin = pin_pack(HASH, 7, PIN_ESTABLISHED, cases[i].stamp);

		assert_int_equal(pin_age(pin, cases[i].now), cases[i].age);
	}
}

static void probation_is_counted_in_two_minutes(void **state)
{
	for (uint32_t stamp = 0; stamp < 64; stamp++)
		for (uint32_t age = 0; age <= PIN_PROBATION_TICK_MASK; age++) {
			uint64_t pin = pin_expect(
				pin_pack(HASH, 7, PIN_PROBATION, stamp), stamp * 0x10000001);
			uint32_t expected = age < PIN_PROBATION_AGE_AHEAD ? age : 0;

			assert_int_equal(pin_age(pin, stamp + age), expected);
		}
}

static void every_class_has_a_byte_of_its_own_in_a_sum(void **state)
{
	for (unsigned int one = 0; one < PIN_CLASS_COUNT; one++) {
		uint64_t units = 0;

		for (unsigned int i = 0; i < 255; i++)
			units += pin_class_unit(pin_pack(HASH, 0xffff, one, 0xfff));
		for (unsigned int other = 0; other < PIN_CLASS_COUNT; other++)
			assert_int_equal(pin_class_sum(units, other), one == other ? 255 : 0);
	}
}

enum event {
	CONTINUE,
	CONTINUE_IN_FLOOD,
	FINISH,
	FINISH_IN_FLOOD,
};

/* Settled as is the protocol that the row is about; TCP where it makes no difference. */
static const struct {
	enum pin_class before;
	uint64_t bit_before;
	uint32_t age;
	enum event event;
	enum pin_class established;
	enum pin_class after;
	uint64_t bit_after;
	uint32_t age_after;
} life[] = {
	/* calm */
	{ PIN_PROBATION, 0, 0, CONTINUE, PIN_ESTABLISHED, PIN_ESTABLISHED, 0, 0 },
	{ PIN_PROBATION, 0, 3, CONTINUE, PIN_UDP, PIN_UDP, 0, 0 },
	{ PIN_PROBATION, PIN_NOTED, 2, CONTINUE, PIN_QUIC, PIN_QUIC, 0, 0 },
	{ PIN_OBSERVED, 0, 0, CONTINUE, PIN_ESTABLISHED, PIN_OBSERVED, 0, 0 },
	{ PIN_OBSERVED, 0, 1, CONTINUE, PIN_ESTABLISHED, PIN_ESTABLISHED, 0, 0 },
	{ PIN_OBSERVED, 0, 1, CONTINUE, PIN_QUIC, PIN_QUIC, 0, 0 },
	{ PIN_ESTABLISHED, 0, 0, CONTINUE, PIN_ESTABLISHED, PIN_ESTABLISHED, 0, 0 },
	{ PIN_ESTABLISHED, PIN_REMOTE, 9, CONTINUE, PIN_ESTABLISHED, PIN_ESTABLISHED, PIN_REMOTE,
		0 },
	{ PIN_UDP, 0, 14, CONTINUE, PIN_UDP, PIN_UDP, 0, 0 },
	{ PIN_QUIC, 0, 70, CONTINUE, PIN_QUIC, PIN_QUIC, 0, 0 },
	{ PIN_TRIAL, 0, 0, CONTINUE, PIN_ESTABLISHED, PIN_ESTABLISHED, 0, 0 },
	{ PIN_TRIAL, 0, 5, CONTINUE, PIN_UDP, PIN_UDP, 0, 0 },
	{ PIN_FINISHED, 0, 0, CONTINUE, PIN_ESTABLISHED, PIN_FINISHED, 0, 0 },
	{ PIN_FINISHED, 0, 1, CONTINUE, PIN_ESTABLISHED, PIN_FINISHED, 0, 1 },
	{ PIN_FINISHED, 0, 2, CONTINUE, PIN_ESTABLISHED, PIN_ESTABLISHED, 0, 0 },
	{ PIN_FINISHED, PIN_REMOTE, 14, CONTINUE, PIN_ESTABLISHED, PIN_ESTABLISHED, PIN_REMOTE, 0 },
	{ PIN_PROBATION, PIN_NOTED, 0, FINISH, 0, PIN_FINISHED, 0, 0 },
	{ PIN_OBSERVED, 0, 1, FINISH, 0, PIN_FINISHED, 0, 0 },
	{ PIN_ESTABLISHED, 0, 7, FINISH, 0, PIN_FINISHED, 0, 0 },
	{ PIN_ESTABLISHED, PIN_REMOTE, 0, FINISH, 0, PIN_FINISHED, PIN_REMOTE, 0 },
	{ PIN_TRIAL, 0, 2, FINISH, 0, PIN_FINISHED, 0, 0 },
	{ PIN_FINISHED, 0, 5, FINISH, 0, PIN_FINISHED, 0, 5 },
	{ PIN_UDP, 0, 5, FINISH, 0, PIN_UDP, 0, 5 },
	/* a flood: SYN and ACK together confirm nothing, and neither does a FIN in between */
	{ PIN_PROBATION, 0, 0, CONTINUE_IN_FLOOD, PIN_ESTABLISHED, PIN_PROBATION, PIN_NOTED, 0 },
	{ PIN_PROBATION, 0, 3, CONTINUE_IN_FLOOD, PIN_ESTABLISHED, PIN_PROBATION, PIN_NOTED, 0 },
	{ PIN_PROBATION, PIN_NOTED, 0, CONTINUE_IN_FLOOD, PIN_UDP, PIN_PROBATION, PIN_NOTED, 0 },
	{ PIN_PROBATION, PIN_NOTED, 1, CONTINUE_IN_FLOOD, PIN_UDP, PIN_TRIAL, 0, 0 },
	{ PIN_OBSERVED, 0, 0, CONTINUE_IN_FLOOD, PIN_ESTABLISHED, PIN_OBSERVED, 0, 0 },
	{ PIN_OBSERVED, 0, 1, CONTINUE_IN_FLOOD, PIN_ESTABLISHED, PIN_TRIAL, 0, 0 },
	{ PIN_TRIAL, 0, 0, CONTINUE_IN_FLOOD, PIN_ESTABLISHED, PIN_TRIAL, 0, 0 },
	{ PIN_TRIAL, 0, 8, CONTINUE_IN_FLOOD, PIN_ESTABLISHED, PIN_TRIAL, 0, 0 },
	{ PIN_ESTABLISHED, 0, 8, CONTINUE_IN_FLOOD, PIN_ESTABLISHED, PIN_ESTABLISHED, 0, 0 },
	{ PIN_FINISHED, 0, 1, CONTINUE_IN_FLOOD, PIN_ESTABLISHED, PIN_FINISHED, 0, 1 },
	{ PIN_FINISHED, 0, 2, CONTINUE_IN_FLOOD, PIN_ESTABLISHED, PIN_ESTABLISHED, 0, 0 },
	{ PIN_PROBATION, 0, 2, FINISH_IN_FLOOD, 0, PIN_PROBATION, 0, 2 },
	{ PIN_PROBATION, PIN_NOTED, 2, FINISH_IN_FLOOD, 0, PIN_PROBATION, PIN_NOTED, 2 },
	{ PIN_OBSERVED, 0, 2, FINISH_IN_FLOOD, 0, PIN_OBSERVED, 0, 2 },
	{ PIN_TRIAL, 0, 2, FINISH_IN_FLOOD, 0, PIN_PROBATION, PIN_NOTED, 0 },
	{ PIN_ESTABLISHED, 0, 2, FINISH_IN_FLOOD, 0, PIN_FINISHED, 0, 0 },
	{ PIN_FINISHED, 0, 2, FINISH_IN_FLOOD, 0, PIN_FINISHED, 0, 2 },
	{ PIN_QUIC, 0, 2, FINISH_IN_FLOOD, 0, PIN_QUIC, 0, 2 },
};

static uint64_t after(uint64_t pin, enum event event, enum pin_class established, uint16_t now)
{
	switch (event) {
	case CONTINUE: return pin_continue(pin, established, now);
	case CONTINUE_IN_FLOOD: return pin_continue_in_flood(pin, established, now);
	case FINISH: return pin_finish(pin, now);
	default: return pin_finish_in_flood(pin, now);
	}
}

static void a_pin_lives_as_the_table_says(void **state)
{
	for (size_t i = 0; i < COUNT_OF(life); i++) {
		uint16_t now = 5; /* so that some stamps are from before the wrap */
		uint64_t before = pin_pack(HASH, 77, life[i].before, now - life[i].age);
		uint64_t expected = pin_pack(HASH, 77, life[i].after, now - life[i].age_after);

		if (after(before | life[i].bit_before, life[i].event, life[i].established, now) !=
			(expected | life[i].bit_after))
			fail_msg("row %zu of the table", i);
	}
}

static void a_pin_is_current_only_if_a_packet_would_not_change_it(void **state)
{
	for (unsigned int class = PIN_PROBATION; class < PIN_CLASS_COUNT; class ++)
		for (uint32_t age = 0; age < 3; age++) {
			uint64_t pin = pin_pack(HASH, 1, class, 4096 - age);
			bool established =
				class == PIN_ESTABLISHED || class == PIN_UDP || class == PIN_QUIC;

			assert_int_equal(pin_is_current(pin, 4096), established && age == 0);
			if (pin_is_current(pin, 4096)) {
				assert_int_equal(pin_continue(pin, class, 4096), pin);
				assert_int_equal(pin_continue_in_flood(pin, class, 4096), pin);
			}
		}
}

static void a_clock_that_lags_writes_nothing(void **state)
{
	uint64_t pin = pin_pack(HASH, 1, PIN_ESTABLISHED, 100);

	assert_false(pin_is_current(pin, 99));
	assert_int_equal(pin_continue(pin, PIN_ESTABLISHED, 99), pin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pin_says_what_it_was_made_of),
		cmocka_unit_test(a_pin_tells_the_slot_of_its_flow),
		cmocka_unit_test(an_age_is_counted_across_the_wrap_of_the_clock),
		cmocka_unit_test(probation_is_counted_in_two_minutes),
		cmocka_unit_test(every_class_has_a_byte_of_its_own_in_a_sum),
		cmocka_unit_test(a_pin_lives_as_the_table_says),
		cmocka_unit_test(a_pin_is_current_only_if_a_packet_would_not_change_it),
		cmocka_unit_test(a_clock_that_lags_writes_nothing),
	};

	return cmocka_run_group_tests_name("pin", tests, NULL, NULL);
}
