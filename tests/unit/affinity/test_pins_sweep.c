/* SPDX-License-Identifier: BSD-3-Clause */
#include "pins_fixture.h"

#include "affinity/pins_sweep.h"

#define BACKENDS   3 /* gids 0 to 2; 1 is unknown */
#define SLOT_COUNT 251
#define NO_LIMIT   UINT32_MAX

/* Limits as in production, two pools, and a judge that can be told what to condemn. */
struct scene {
	struct pins pins;
	struct pins_sweep_pool pool_of[BACKENDS];
	struct pins_sweep_rules rules;
	struct pins_sweep sweep;
	uint8_t seen[2][SLOT_COUNT];
	uint32_t condemned_slot;
	uint32_t calls;
	uint32_t last_idle_seconds;
	uint64_t changed_to; /* by a packet that comes in while the judge decides */
	uint32_t changed_position;
};

static const uint32_t limits[PIN_CLASS_COUNT] = {
	[PIN_PROBATION] = 16,
	[PIN_OBSERVED] = 14400,
	[PIN_ESTABLISHED] = 14400,
	[PIN_FINISHED] = 60,
	[PIN_UDP] = 60,
	[PIN_QUIC] = 300,
	[PIN_TRIAL] = 900,
};

static bool judge(void *context, uint64_t pin, uint32_t slot, uint32_t idle_seconds)
{
	struct scene *scene = context;

	assert_int_equal(slot, pin_slot(pin, SLOT_COUNT));
	scene->calls++;
	scene->last_idle_seconds = idle_seconds;
	if (scene->changed_to != 0)
		scene->pins.words[scene->changed_position] = scene->changed_to;
	return slot != scene->condemned_slot;
}

static void set_up(struct scene *scene, uint32_t bucket_count)
{
	memset(scene, 0, sizeof(*scene));
	make_pins(&scene->pins, bucket_count);
	scene->pool_of[0] = (struct pins_sweep_pool){ scene->seen[0], SLOT_COUNT };
	scene->pool_of[2] = (struct pins_sweep_pool){ scene->seen[1], SLOT_COUNT };
	scene->rules.pool_of = scene->pool_of;
	scene->rules.gid_count = BACKENDS;
	scene->rules.context = scene;
	memcpy(scene->rules.idle_limit_seconds, limits, sizeof(limits));
	scene->condemned_slot = SLOT_COUNT;
}

static void tear_down(struct scene *scene)
{
	free_pins(&scene->pins);
}

static void sweep_all(struct scene *scene, uint16_t now)
{
	pins_sweep_begin(&scene->sweep, &scene->pins, &scene->rules);
	assert_true(pins_sweep_run(&scene->sweep, UINT32_MAX, now, judge));
}

static unsigned int seen_slots(const struct scene *scene, unsigned int pool)
{
	unsigned int count = 0;

	for (uint32_t slot = 0; slot < SLOT_COUNT; slot++)
		count += scene->seen[pool][slot];
	return count;
}

static uint64_t sum(const uint64_t numbers[static PIN_CLASS_COUNT])
{
	uint64_t total = 0;

	for (unsigned int class = 0; class < PIN_CLASS_COUNT; class ++)
		total += numbers[class];
	return total;
}

static void pins_of_unknown_backends_are_forgotten(void **state)
{
	struct scene scene;

	set_up(&scene, 4);
	for (uint32_t gid = 0; gid < 6; gid++)
		pins_put(&scene.pins, (uint64_t)gid << 60 | gid << 28, gid, PIN_ESTABLISHED, 0);
	pins_put(&scene.pins, UINT64_MAX, UINT16_MAX, PIN_ESTABLISHED, 0);
	sweep_all(&scene, 0);
	assert_int_equal(scene.sweep.found[PIN_ESTABLISHED], 7);
	assert_int_equal(scene.sweep.deleted[PIN_ESTABLISHED], 5);
	assert_int_equal(scene.calls, 2);
	assert_int_equal(pin_gid(pin_of(&scene.pins, 0)), 0);
	assert_int_equal(pin_gid(pin_of(&scene.pins, UINT64_C(2) << 60 | 2 << 28)), 2);
	assert_int_equal(pin_of(&scene.pins, UINT64_MAX), 0);
	tear_down(&scene);
}

/* Ticks are 4 s, and a pin may have had its packet at the end of one. */
static void every_class_has_its_time(void **state)
{
	for (unsigned int class = PIN_PROBATION; class < PIN_CLASS_COUNT; class ++) {
		uint32_t last = limits[class] / PIN_TICK_SECONDS + 1; /* tick at which it lives */
		struct scene scene;

		set_up(&scene, 1);
		scene.pins.words[3] = pin_pack(99, 0, class, 4000);
		sweep_all(&scene, 4000);
		assert_int_equal(scene.last_idle_seconds, 0);
		sweep_all(&scene, 4001);
		assert_int_equal(scene.last_idle_seconds, 0);
		sweep_all(&scene, 4000 + last);
		assert_int_equal(scene.last_idle_seconds, limits[class]);
		assert_int_not_equal(scene.pins.words[3], 0);
		sweep_all(&scene, 4000 + last + 1);
		assert_int_equal(scene.pins.words[3], 0);
		assert_int_equal(scene.sweep.deleted[class], 1);
		assert_int_equal(scene.calls, 3);
		tear_down(&scene);
	}
}

static void slots_of_kept_pins_are_seen_in_their_pools(void **state)
{
	const uint64_t hash = UINT64_C(1) << 63, other = UINT64_C(1) << 62;
	struct scene scene;

	set_up(&scene, 8);
	pins_put(&scene.pins, hash, 0, PIN_ESTABLISHED, 0);
	pins_put(&scene.pins, other, 2, PIN_UDP, 0);
	sweep_all(&scene, 0);
	assert_int_equal(scene.seen[0][flow_slot(hash, SLOT_COUNT)], 1);
	assert_int_equal(scene.seen[1][flow_slot(other, SLOT_COUNT)], 1);
	assert_int_equal(seen_slots(&scene, 0), 1);
	assert_int_equal(seen_slots(&scene, 1), 1);

	memset(scene.seen, 0, sizeof(scene.seen));
	scene.condemned_slot = flow_slot(hash, SLOT_COUNT);
	sweep_all(&scene, 0);
	assert_int_equal(pin_of(&scene.pins, hash), 0);
	assert_int_equal(seen_slots(&scene, 0), 0);
	assert_int_equal(seen_slots(&scene, 1), 1);
	tear_down(&scene);
}

static void a_packet_saves_a_pin_that_was_condemned(void **state)
{
	struct scene scene;
	uint64_t hash = UINT64_C(1) << 63;

	set_up(&scene, 1);
	pins_put(&scene.pins, hash, 0, PIN_ESTABLISHED, 10);
	scene.changed_to = pin_pack(hash, 0, PIN_ESTABLISHED, 11);
	scene.condemned_slot = flow_slot(hash, SLOT_COUNT);
	sweep_all(&scene, 11);
	assert_int_equal(pin_of(&scene.pins, hash), scene.changed_to);
	assert_int_equal(scene.sweep.lost, 1);
	assert_int_equal(sum(scene.sweep.deleted), 0);
	assert_int_equal(scene.seen[0][flow_slot(hash, SLOT_COUNT)], 1);
	tear_down(&scene);
}

/* Half a day without a packet, swept as often as the clock ticks, and then as seldom as allowed. */
static void a_pin_grows_old_and_never_young_again(void **state)
{
	static const uint32_t steps[] = { 1, PIN_AGE_AHEAD - PIN_AGE_MAX - 1 };

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		struct scene scene;
		uint32_t age = 0;

		set_up(&scene, 1);
		for (unsigned int class = PIN_PROBATION; class < PIN_CLASS_COUNT; class ++)
			scene.rules.idle_limit_seconds[class] = NO_LIMIT;
		scene.pins.words[0] = pin_pack(5, 0, PIN_ESTABLISHED, 123);
		for (uint32_t tick = 123; tick < 123 + 12000; tick += steps[i]) {
			uint32_t aged = pin_age(scene.pins.words[0], tick);

			assert_true(aged >= age);
			sweep_all(&scene, tick);
			age = pin_age(scene.pins.words[0], tick);
			assert_in_range(age, 0, PIN_AGE_MAX);
		}
		assert_int_equal(age, PIN_AGE_MAX);
		assert_true(scene.last_idle_seconds >= PINS_SWEEP_IDLE_MAX_SECONDS);
		tear_down(&scene);
	}
}

static void fill_with_all_classes(struct pins *pins, uint64_t counts[static PIN_CLASS_COUNT])
{
	uint64_t random = 11;

	for (uint32_t i = 0; i < pins->bucket_count * PINS_WAYS; i++) {
		uint64_t hash = next_random(&random);
		enum pin_class class = hash % PIN_CLASS_COUNT;

		if (class != PIN_EMPTY)
			pins->words[i] = pin_pack(hash, hash % 2 * 2, class, 0);
		counts[class]++;
	}
}

static void a_pass_counts_the_same_in_any_pieces(void **state)
{
	static const uint32_t pieces[] = { 1, 7, 64, 1000, 1001, UINT32_MAX };

	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		uint64_t counts[PIN_CLASS_COUNT] = { 0 };
		unsigned int rounds = 1;
		struct scene scene;

		set_up(&scene, 1000);
		fill_with_all_classes(&scene.pins, counts);
		pins_sweep_begin(&scene.sweep, &scene.pins, &scene.rules);
		while (!pins_sweep_run(&scene.sweep, pieces[i], 0, judge))
			rounds++;
		assert_int_equal(rounds, pieces[i] < 1000 ? (999 + pieces[i]) / pieces[i] : 1);
		assert_memory_equal(scene.sweep.found, counts, sizeof(counts));
		assert_int_equal(scene.calls, 8000 - counts[PIN_EMPTY]);
		assert_int_equal(sum(scene.sweep.deleted), 0);
		tear_down(&scene);
	}
}

static void the_next_pass_finds_what_the_last_one_left(void **state)
{
	uint64_t counts[PIN_CLASS_COUNT] = { 0 };
	uint64_t left[PIN_CLASS_COUNT];
	struct scene scene;

	set_up(&scene, 1000);
	fill_with_all_classes(&scene.pins, counts);
	sweep_all(&scene, 17); /* 64 s later */
	for (unsigned int class = 0; class < PIN_CLASS_COUNT; class ++) {
		bool goes = class != PIN_EMPTY && limits[class] <= 60;

		assert_int_equal(scene.sweep.deleted[class], goes ? counts[class] : 0);
		left[class] = goes ? 0 : counts[class];
	}
	left[PIN_EMPTY] += sum(scene.sweep.deleted);
	sweep_all(&scene, 17);
	assert_memory_equal(scene.sweep.found, left, sizeof(left));
	tear_down(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pins_of_unknown_backends_are_forgotten),
		cmocka_unit_test(every_class_has_its_time),
		cmocka_unit_test(slots_of_kept_pins_are_seen_in_their_pools),
		cmocka_unit_test(a_packet_saves_a_pin_that_was_condemned),
		cmocka_unit_test(a_pin_grows_old_and_never_young_again),
		cmocka_unit_test(a_pass_counts_the_same_in_any_pieces),
		cmocka_unit_test(the_next_pass_finds_what_the_last_one_left),
	};

	return cmocka_run_group_tests_name("pins_sweep", tests, NULL, NULL);
}
