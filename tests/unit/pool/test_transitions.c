/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "pool/transitions.h"

#define SLOTS      3 /* what is done to slot 1 must leave its neighbours alone */
#define NO_BACKEND SLOT_NO_BACKEND
#define BEGIN      1000

/* Backends by index. */
enum { A, B, C, BACKENDS };

static const struct transitions_times usual_times = {
	.observe_s = 300,
	.settle_s = 20,
	.hold_s = 100,
	.guard_s = 10,
	.drain_observe_s = 500,
	.udp_grace_s = 15,
};

struct scene {
	_Atomic uint32_t words[SLOTS];
	struct member members[BACKENDS];
	const struct member *member_of[BACKENDS];
	struct transitions *transitions;
	struct transitions_times times;
	struct transitions_summary summary;
	uint32_t lapsed_s;
};

static void set_state(struct scene *scene, uint32_t index, enum member_state state, uint32_t now_s)
{
	scene->members[index].state = state;
	scene->members[index].changed_s = now_s;
}

static struct scene *set_up(uint32_t word)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	for (uint32_t i = 0; i < BACKENDS; i++) {
		scene->members[i].index = i;
		set_state(scene, i, MEMBER_UP, 1);
		scene->member_of[i] = &scene->members[i];
	}
	scene->words[0] = scene->words[2] = slot_pack(C, C);
	scene->words[1] = word;
	scene->times = usual_times;
	scene->transitions = transitions_create(scene->words, SLOTS, scene->member_of, BEGIN);
	assert_non_null(scene->transitions);
	return scene;
}

static void tear_down(struct scene *scene)
{
	assert_int_equal(scene->words[0], slot_pack(C, C));
	assert_int_equal(scene->words[2], slot_pack(C, C));
	transitions_destroy(scene->transitions);
	free(scene);
}

static void publish(struct scene *scene, uint16_t cur, uint32_t now_s)
{
	uint16_t table[SLOTS] = { C, cur, C };
	uint32_t expected = slot_cur(scene->words[1]) != cur;

	assert_int_equal(
		transitions_publish(scene->transitions, table, &scene->times, now_s), expected);
}

static enum transitions_reason advance(struct scene *scene, uint32_t now_s)
{
	transitions_advance(
		scene->transitions, &scene->times, scene->lapsed_s, now_s, &scene->summary);
	for (int reason = 0; reason < TRANSITIONS_REASON_COUNT; reason++)
		if (scene->summary.slots[reason] == (reason == TRANSITIONS_QUIET ? SLOTS : 1))
			return reason;
	fail_msg("the summary does not name one slot");
	return 0;
}

static void advance_to(struct scene *scene, uint32_t from_s, uint32_t to_s)
{
	for (uint32_t now_s = from_s; now_s <= to_s; now_s++)
		advance(scene, now_s);
}

static void assert_word(const struct scene *scene, uint32_t cur, uint32_t home, uint32_t flags)
{
	uint32_t expected = slot_pack(cur, home) | flags;

	if (scene->words[1] != expected)
		fail_msg("cur %u home %u flags %x instead of cur %u home %u flags %x",
			slot_cur(scene->words[1]), slot_home(scene->words[1]),
			scene->words[1] >> 28, cur, home, flags >> 28);
}

static void moved_slot_keeps_its_home_and_is_tracked(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	publish(scene, A, 2000);
	assert_word(scene, A, A, 0);
	publish(scene, B, 2000);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_RECENT);
	assert_int_equal(advance(scene, 2001), TRANSITIONS_SETTLING);
	publish(scene, C, 2002);
	assert_word(scene, C, A, SLOT_TRACK | SLOT_RECENT);
	tear_down(scene);
}

/* A pool that never rests must not send new UDP flows to a home that drains for ever. */
static void udp_grace_ends_after_cur_has_left_home_whatever_moves_later(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	set_state(scene, A, MEMBER_DRAIN, 2000);
	publish(scene, B, 2000);
	publish(scene, C, 2010);
	advance(scene, 2014);
	assert_word(scene, C, A, SLOT_TRACK | SLOT_RECENT);
	advance(scene, 2015);
	assert_word(scene, C, A, SLOT_TRACK);
	publish(scene, B, 2020);
	assert_word(scene, B, A, SLOT_TRACK);
	publish(scene, A, 2030);
	publish(scene, B, 2040);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_RECENT);
	tear_down(scene);
}

static void udp_grace_of_an_earlier_process_outlives_a_move(void **state)
{
	struct scene *scene = set_up(slot_pack(B, A) | SLOT_TRACK | SLOT_RECENT);

	set_state(scene, A, MEMBER_DRAIN, 900);
	publish(scene, C, BEGIN + 5);
	assert_word(scene, C, A, SLOT_TRACK | SLOT_RECENT);
	advance(scene, BEGIN + 15);
	assert_word(scene, C, A, SLOT_TRACK);
	tear_down(scene);
}

static void slot_whose_home_died_follows_cur_at_once(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	set_state(scene, A, MEMBER_DEAD, 2000);
	publish(scene, B, 2000);
	assert_word(scene, B, B, SLOT_TRACK);
	publish(scene, C, 2001);
	assert_word(scene, C, B, SLOT_TRACK | SLOT_RECENT);
	set_state(scene, B, MEMBER_DEAD, 2002);
	assert_int_equal(advance(scene, 2002), TRANSITIONS_PINNED);
	assert_word(scene, C, C, SLOT_TRACK);
	tear_down(scene);
}

static void no_backend_is_no_home(void **state)
{
	struct scene *scene = set_up(slot_pack(NO_BACKEND, NO_BACKEND));

	publish(scene, A, 2000);
	assert_word(scene, A, A, SLOT_TRACK);
	scene->member_of[A] = NULL;
	publish(scene, B, 2001);
	assert_word(scene, B, B, SLOT_TRACK);
	tear_down(scene);
}

static void home_waits_for_a_backend_that_is_away(void **state)
{
	const enum member_state away[] = { MEMBER_DRAIN, MEMBER_SUSPECT, MEMBER_ABSENT };

	for (size_t i = 0; i < COUNT_OF(away); i++) {
		struct scene *scene = set_up(slot_pack(A, A));

		set_state(scene, A, away[i], 2000);
		publish(scene, B, 2000);
		advance_to(scene, 2001, 2499);
		assert_int_equal(advance(scene, 2499), TRANSITIONS_AWAY);
		assert_word(scene, B, A, SLOT_TRACK);
		set_state(scene, A, MEMBER_UP, 2499);
		publish(scene, A, 2499);
		assert_word(scene, A, A, SLOT_TRACK);
		assert_int_equal(advance(scene, 2500), TRANSITIONS_PINNED);
		tear_down(scene);
	}
}

static void slot_is_promoted_after_rest_and_observation(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	publish(scene, B, 2000);
	assert_int_equal(advance(scene, 2019), TRANSITIONS_SETTLING);
	assert_int_equal(scene->summary.longest_wait_s, 301);
	assert_int_equal(advance(scene, 2020), TRANSITIONS_OBSERVING);
	assert_int_equal(scene->summary.longest_wait_s, 300);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_OBSERVE);
	assert_int_equal(advance(scene, 2319), TRANSITIONS_OBSERVING);
	assert_int_equal(scene->summary.promoted, 0);
	assert_int_equal(scene->summary.longest_wait_s, 1);
	assert_int_equal(advance(scene, 2320), TRANSITIONS_PINNED);
	assert_int_equal(scene->summary.promoted, 1);
	assert_word(scene, B, B, SLOT_TRACK | SLOT_GUARD);
	advance(scene, 2329);
	assert_word(scene, B, B, SLOT_TRACK | SLOT_GUARD);
	advance(scene, 2330);
	assert_word(scene, B, B, SLOT_TRACK);
	assert_int_equal(scene->summary.promoted, 0);
	tear_down(scene);
}

static void observation_is_counted_from_when_it_began(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	publish(scene, B, 2000);
	advance(scene, 2600); /* without a call for a while */
	assert_word(scene, B, A, SLOT_TRACK | SLOT_OBSERVE);
	advance(scene, 2899);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_OBSERVE);
	advance(scene, 2900);
	assert_word(scene, B, B, SLOT_TRACK | SLOT_GUARD);
	tear_down(scene);
}

static void observation_begins_anew_when_cur_moves(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	publish(scene, B, 2000);
	advance(scene, 2020);
	publish(scene, C, 2300);
	assert_word(scene, C, A, SLOT_TRACK);
	advance(scene, 2320);
	assert_word(scene, C, A, SLOT_TRACK | SLOT_OBSERVE);
	advance(scene, 2619);
	assert_word(scene, C, A, SLOT_TRACK | SLOT_OBSERVE);
	advance(scene, 2620);
	assert_word(scene, C, C, SLOT_TRACK | SLOT_GUARD);
	tear_down(scene);
}

static void observation_begins_anew_when_cur_moves_even_without_a_rest(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	scene->times.settle_s = 0;
	publish(scene, B, 2000);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_RECENT | SLOT_OBSERVE);
	publish(scene, C, 2200);
	advance(scene, 2499);
	assert_word(scene, C, A, SLOT_TRACK | SLOT_OBSERVE);
	advance(scene, 2500);
	assert_word(scene, C, C, SLOT_TRACK | SLOT_GUARD);
	tear_down(scene);
}

static void observation_begins_anew_when_home_was_away(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	publish(scene, B, 2000);
	advance(scene, 2020);
	set_state(scene, A, MEMBER_SUSPECT, 2300);
	assert_int_equal(advance(scene, 2300), TRANSITIONS_AWAY);
	assert_word(scene, B, A, SLOT_TRACK);
	set_state(scene, A, MEMBER_UP, 2310);
	assert_int_equal(advance(scene, 2310), TRANSITIONS_SETTLING);
	advance(scene, 2330);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_OBSERVE);
	advance(scene, 2629);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_OBSERVE);
	advance(scene, 2630);
	assert_word(scene, B, B, SLOT_TRACK | SLOT_GUARD);
	tear_down(scene);
}

static void lapse_in_recording_puts_the_promotion_off(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	publish(scene, B, 2000);
	advance(scene, 2020);
	scene->lapsed_s = 2310;
	advance(scene, 2609);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_OBSERVE);
	assert_int_equal(scene->summary.longest_wait_s, 1);
	advance(scene, 2610);
	assert_word(scene, B, B, SLOT_TRACK | SLOT_GUARD);
	tear_down(scene);
}

static void slot_is_not_promoted_to_a_backend_that_is_not_up(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	publish(scene, NO_BACKEND, 2000);
	advance_to(scene, 2001, 3000);
	assert_word(scene, NO_BACKEND, A, SLOT_TRACK);
	publish(scene, B, 3000);
	set_state(scene, B, MEMBER_SUSPECT, 3001);
	assert_int_equal(advance(scene, 3600), TRANSITIONS_AWAY);
	assert_word(scene, B, A, SLOT_TRACK);
	tear_down(scene);
}

static void endless_drain_is_observed_before_its_slots_are_promoted(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	set_state(scene, A, MEMBER_DRAIN, 2000);
	publish(scene, B, 2000);
	assert_int_equal(advance(scene, 2499), TRANSITIONS_AWAY);
	assert_int_equal(advance(scene, 2500), TRANSITIONS_OBSERVING);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_OBSERVE);
	assert_int_equal(advance(scene, 2799), TRANSITIONS_OBSERVING);
	assert_int_equal(advance(scene, 2800), TRANSITIONS_PINNED);
	assert_word(scene, B, B, SLOT_TRACK | SLOT_GUARD);
	tear_down(scene);
}

static void slots_are_held_for_another_instance_and_then_given_up(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	set_state(scene, A, MEMBER_DRAIN, 2000);
	publish(scene, B, 2000);
	scene->members[A].instance_s = 2100;
	assert_int_equal(advance(scene, 2199), TRANSITIONS_AWAY);
	assert_word(scene, B, A, SLOT_TRACK);
	assert_int_equal(advance(scene, 2200), TRANSITIONS_PINNED);
	assert_word(scene, B, B, SLOT_TRACK);
	tear_down(scene);
}

/* Its flows without a pin may have begun on the new instance. */
static void instance_that_came_before_the_slot_left_keeps_it(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));

	scene->members[A].instance_s = 2000 + TRANSITIONS_INSTANCE_MARGIN_S;
	set_state(scene, A, MEMBER_DRAIN, 2000);
	publish(scene, B, 2000);
	assert_int_equal(advance(scene, 2400), TRANSITIONS_AWAY);
	assert_word(scene, B, A, SLOT_TRACK);
	tear_down(scene);
}

static void adopted_slots_rest_and_are_observed_anew(void **state)
{
	struct scene *scene = set_up(slot_pack(B, A) | SLOT_TRACK | SLOT_OBSERVE);

	advance(scene, BEGIN + 19);
	assert_word(scene, B, A, SLOT_TRACK);
	advance(scene, BEGIN + 20);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_OBSERVE);
	advance(scene, BEGIN + 319);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_OBSERVE);
	advance(scene, BEGIN + 320);
	assert_word(scene, B, B, SLOT_TRACK | SLOT_GUARD);
	tear_down(scene);
}

static void swept_slot_returns_to_the_quiet_path(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));
	const uint8_t seen[SLOTS] = { 0, 1, 0 }, clean[SLOTS] = { 0 };

	publish(scene, B, 2000);
	publish(scene, A, 2005);
	transitions_swept(scene->transitions, seen, 2100);
	assert_word(scene, A, A, SLOT_TRACK);
	transitions_swept(scene->transitions, clean, 2005); /* a worker may still pin */
	assert_word(scene, A, A, SLOT_TRACK);
	transitions_swept(scene->transitions, clean, 2006);
	assert_word(scene, A, A, 0);
	assert_int_equal(advance(scene, 2100), TRANSITIONS_QUIET);
	tear_down(scene);
}

static void slot_away_from_home_or_guarded_stays_tracked_after_a_sweep(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));
	const uint8_t clean[SLOTS] = { 0 };

	publish(scene, B, 2000);
	transitions_swept(scene->transitions, clean, 2010);
	assert_word(scene, B, A, SLOT_TRACK | SLOT_RECENT);
	advance(scene, 2020);
	advance(scene, 2320);
	transitions_swept(scene->transitions, clean, 2325);
	assert_word(scene, B, B, SLOT_TRACK | SLOT_GUARD);
	advance(scene, 2330);
	transitions_swept(scene->transitions, clean, 2330);
	assert_word(scene, B, B, SLOT_TRACK);
	transitions_swept(scene->transitions, clean, 2331);
	assert_word(scene, B, B, 0);
	tear_down(scene);
}

/* Of a pin to A. */
static const struct {
	uint32_t word;
	enum pin_class class;
	bool needed;
} pin_rows[] = {
	{ SLOT_TRACK | B | B << SLOT_BACKEND_BITS, PIN_ESTABLISHED, true },
	{ SLOT_TRACK | A | B << SLOT_BACKEND_BITS, PIN_ESTABLISHED, true },
	{ SLOT_TRACK | A | A << SLOT_BACKEND_BITS, PIN_ESTABLISHED, false },
	{ SLOT_TRACK | A | A << SLOT_BACKEND_BITS, PIN_UDP, false },
	{ SLOT_TRACK | A | A << SLOT_BACKEND_BITS | SLOT_GUARD, PIN_ESTABLISHED, true },
	{ SLOT_TRACK | B | A << SLOT_BACKEND_BITS, PIN_ESTABLISHED, true },
	{ SLOT_TRACK | B | A << SLOT_BACKEND_BITS, PIN_OBSERVED, true },
	{ SLOT_TRACK | B | A << SLOT_BACKEND_BITS, PIN_QUIC, true },
	{ SLOT_TRACK | B | A << SLOT_BACKEND_BITS, PIN_FINISHED, false },
	{ SLOT_TRACK | B | A << SLOT_BACKEND_BITS, PIN_PROBATION, true },
	{ SLOT_TRACK | B | A << SLOT_BACKEND_BITS, PIN_UDP, true },
	{ SLOT_TRACK | B | A << SLOT_BACKEND_BITS, PIN_TRIAL, true },
	{ SLOT_TRACK | B | A << SLOT_BACKEND_BITS | SLOT_OBSERVE, PIN_ESTABLISHED, true },
	{ SLOT_TRACK | B | A << SLOT_BACKEND_BITS | SLOT_OBSERVE, PIN_OBSERVED, true },
};

static void pin_is_needed_where_the_word_says_less(void **state)
{
	struct member member = { .state = MEMBER_DRAIN, .index = A };

	for (size_t i = 0; i < COUNT_OF(pin_rows); i++) {
		uint64_t pin = pin_pack(0, 0, pin_rows[i].class, 0);

		if (transitions_pin_is_needed(pin, &member, pin_rows[i].word, 9999, 10000) !=
			pin_rows[i].needed)
			fail_msg("row %zu", i);
	}
}

static void pin_of_flows_that_are_gone_is_not_needed(void **state)
{
	const uint64_t pin = pin_pack(0, 0, PIN_ESTABLISHED, 0);
	const uint32_t word = slot_pack(B, B) | SLOT_TRACK;
	struct member member = { .state = MEMBER_ABSENT, .index = A };

	assert_true(transitions_pin_is_needed(pin, &member, word, 500, 1000));
	member.instance_s = 900;
	assert_true(transitions_pin_is_needed(pin, &member, word, 108, 1000));
	assert_false(transitions_pin_is_needed(pin, &member, word, 109, 1000));
	member.state = MEMBER_DEAD;
	assert_false(transitions_pin_is_needed(pin, &member, word, 0, 1000));
	member.state = MEMBER_NONE;
	assert_false(transitions_pin_is_needed(pin, &member, word, 0, 1000));
}

/* Random sequences, with the invariants looked at after each step. */
static void home_changes_only_by_the_rules(void **state)
{
	struct scene *scene = set_up(slot_pack(A, A));
	uint64_t random = 1;
	uint32_t promoted = 0, died = 0;

	for (uint32_t now_s = 2000; now_s < 400000; now_s++) {
		uint32_t before = scene->words[1];

		random = random * 6364136223846793005 + 1442695040888963407;
		if (random >> 60 == 0) {
			uint32_t who = (random >> 40) % BACKENDS;

			set_state(scene, who, MEMBER_UP + (random >> 50) % MEMBER_DEAD, now_s);
			for (who = 0; who < BACKENDS; who++)
				if (scene->members[who].state == MEMBER_UP)
					break;
			publish(scene, who == BACKENDS ? NO_BACKEND : who, now_s);
			now_s += (random >> 30) % 600;
		} else {
			advance(scene, now_s);
		}
		if ((scene->words[1] & SLOT_TRACK) == 0)
			assert_int_equal(slot_cur(scene->words[1]), slot_home(scene->words[1]));
		if (slot_home(scene->words[1]) == slot_home(before))
			continue;
		assert_int_equal(slot_home(scene->words[1]), slot_cur(scene->words[1]));
		if (scene->words[1] & SLOT_GUARD) {
			promoted++;
			assert_true(before & SLOT_OBSERVE);
		} else {
			died++;
			assert_true(slot_home(before) == NO_BACKEND ||
				    scene->members[slot_home(before)].state == MEMBER_DEAD);
		}
	}
	assert_true(promoted > 10 && died > 10);
	tear_down(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moved_slot_keeps_its_home_and_is_tracked),
		cmocka_unit_test(udp_grace_ends_after_cur_has_left_home_whatever_moves_later),
		cmocka_unit_test(udp_grace_of_an_earlier_process_outlives_a_move),
		cmocka_unit_test(slot_whose_home_died_follows_cur_at_once),
		cmocka_unit_test(no_backend_is_no_home),
		cmocka_unit_test(home_waits_for_a_backend_that_is_away),
		cmocka_unit_test(slot_is_promoted_after_rest_and_observation),
		cmocka_unit_test(observation_is_counted_from_when_it_began),
		cmocka_unit_test(observation_begins_anew_when_cur_moves),
		cmocka_unit_test(observation_begins_anew_when_cur_moves_even_without_a_rest),
		cmocka_unit_test(observation_begins_anew_when_home_was_away),
		cmocka_unit_test(lapse_in_recording_puts_the_promotion_off),
		cmocka_unit_test(slot_is_not_promoted_to_a_backend_that_is_not_up),
		cmocka_unit_test(endless_drain_is_observed_before_its_slots_are_promoted),
		cmocka_unit_test(slots_are_held_for_another_instance_and_then_given_up),
		cmocka_unit_test(instance_that_came_before_the_slot_left_keeps_it),
		cmocka_unit_test(adopted_slots_rest_and_are_observed_anew),
		cmocka_unit_test(swept_slot_returns_to_the_quiet_path),
		cmocka_unit_test(slot_away_from_home_or_guarded_stays_tracked_after_a_sweep),
		cmocka_unit_test(pin_is_needed_where_the_word_says_less),
		cmocka_unit_test(pin_of_flows_that_are_gone_is_not_needed),
		cmocka_unit_test(home_changes_only_by_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
