/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of pins against a plain map that knows no buckets: as long as none overflows, both must
 * say the same of every flow after any sequence of steps. The map keeps what the table packs into
 * bits apart, and time as a number that does not wrap.
 */
#include "pins_fixture.h"

#include "affinity/pins_sweep.h"

#define FLOWS      400
#define BUCKETS    3001
#define STEPS      400000
#define SLOT_COUNT 251
#define NEVER      UINT32_MAX

static const uint32_t limits[PIN_CLASS_COUNT] = { NEVER, 16, 14400, 14400, 60, 60, 300, 900 };

struct flow {
	uint64_t hash;
	enum pin_class established; /* by its protocol */
	enum pin_class class;       /* PIN_EMPTY: has no pin */
	bool noted;
	uint32_t gid;
	uint32_t tick;
};

struct model {
	struct flow flows[FLOWS];
	bool flood;
	uint32_t tick;
	uint32_t swept; /* tick of the last sweep */
};

static void model_put(struct model *model, struct flow *flow, uint32_t gid, enum pin_class class)
{
	if (class == PIN_OBSERVED && flow->class != PIN_EMPTY)
		return;
	flow->class = class;
	flow->gid = gid;
	flow->noted = false;
	flow->tick = model->tick;
}

static bool is_established(enum pin_class class)
{
	return class == PIN_ESTABLISHED || class == PIN_UDP || class == PIN_QUIC;
}

static void model_become(struct model *model, struct flow *flow, enum pin_class class)
{
	flow->class = class;
	flow->noted = false;
	flow->tick = model->tick;
}

static void model_continue(struct model *model, struct flow *flow)
{
	uint32_t age = model->tick - flow->tick;
	bool later = age >= 1;

	if (is_established(flow->class) || (model->flood && flow->class == PIN_TRIAL)) {
		flow->tick = model->tick;
	} else if (flow->class == PIN_FINISHED) {
		if (age >= 2)
			model_become(model, flow, flow->established);
	} else if (flow->class == PIN_OBSERVED) {
		if (later)
			model_become(model, flow, model->flood ? PIN_TRIAL : flow->established);
	} else if (!model->flood) {
		model_become(model, flow, flow->established);
	} else if (!flow->noted) {
		flow->noted = true;
		flow->tick = model->tick;
	} else if (later) {
		model_become(model, flow, PIN_TRIAL);
	}
}

static void model_finish(struct model *model, struct flow *flow)
{
	if (flow->class == PIN_FINISHED || flow->class == PIN_UDP || flow->class == PIN_QUIC)
		return;
	if (!model->flood || flow->class == PIN_ESTABLISHED) {
		model_become(model, flow, PIN_FINISHED);
	} else if (flow->class == PIN_TRIAL) {
		model_become(model, flow, PIN_PROBATION);
		flow->noted = true;
	}
}

/* Idle for longer than the limit, even if its packet came at the very end of its tick. */
static void model_sweep(struct model *model)
{
	for (size_t i = 0; i < FLOWS; i++) {
		struct flow *flow = &model->flows[i];
		uint64_t certainly_idle = (model->tick - flow->tick) * 4;

		if (flow->class != PIN_EMPTY && certainly_idle > (uint64_t)limits[flow->class] + 4)
			flow->class = PIN_EMPTY;
	}
}

static bool keep(void *context, uint64_t pin, uint32_t slot, uint32_t idle_seconds)
{
	return true;
}

static void sweep(struct pins *pins, uint32_t tick)
{
	uint8_t seen[SLOT_COUNT];
	struct pins_sweep_pool pools[4];
	struct pins_sweep_rules rules = { .pool_of = pools, .gid_count = 4 };
	struct pins_sweep pass;

	for (size_t i = 0; i < COUNT_OF(pools); i++)
		pools[i] = (struct pins_sweep_pool){ seen, SLOT_COUNT };
	memcpy(rules.idle_limit_seconds, limits, sizeof(limits));
	pins_sweep_begin(&pass, pins, &rules);
	while (!pins_sweep_run(&pass, 1000, tick, keep))
		;
	assert_int_equal(pass.lost, 0);
}

static void step_pin(struct pins *pins, struct model *model, struct flow *flow, uint64_t dice)
{
	uint32_t position;
	uint64_t pin = pins_find(pins, flow->hash, &position);
	enum pins_step step;

	if (pin == 0)
		return;
	if (dice % 16 == 0) {
		assert_int_equal(pins_delete(pins, position, pin), PINS_STEP_DELETED);
		flow->class = PIN_EMPTY;
		return;
	}
	if (dice % 4 == 0) {
		step = pins_finish(pins, position, pin, model->tick);
		model_finish(model, flow);
	} else {
		step = pins_continue(pins, position, pin, flow->established, model->tick);
		model_continue(model, flow);
	}
	assert_true(step != PINS_STEP_LOST && step != PINS_STEP_CROWDED);
}

static void put_pin(struct pins *pins, struct model *model, struct flow *flow, uint64_t dice)
{
	enum pin_class classes[] = { PIN_PROBATION, PIN_PROBATION, PIN_OBSERVED,
		flow->established };
	enum pin_class class = classes[dice % 4];
	enum pins_put outcome = pins_put(pins, flow->hash, dice / 4 % 4, class, model->tick);

	if (flow->class == PIN_EMPTY)
		assert_int_equal(outcome, PINS_PUT_PLACED);
	else
		assert_int_equal(
			outcome, class == PIN_OBSERVED ? PINS_PUT_KEPT : PINS_PUT_REPLACED);
	model_put(model, flow, dice / 4 % 4, class);
}

static void compare(const struct pins *pins, const struct model *model, const struct flow *flow)
{
	uint64_t pin = pin_of(pins, flow->hash);

	if (flow->class == PIN_EMPTY) {
		assert_int_equal(pin, 0);
		return;
	}
	assert_int_equal(pin_class(pin), flow->class);
	assert_int_equal(pin_gid(pin), flow->gid);
	assert_int_equal(pin_age(pin, model->tick), model->tick - flow->tick);
	if (flow->class == PIN_PROBATION)
		assert_int_equal((pin & PIN_NOTED) != 0, flow->noted);
}

static void sweep_both(struct pins *pins, struct model *model)
{
	sweep(pins, model->tick);
	model_sweep(model);
	model->swept = model->tick;
}

static void advance(struct pins *pins, struct model *model, uint64_t dice)
{
	if (dice % 100 == 0)
		model->tick += dice / 100 % 4;
	if (dice % 2000 == 1) {
		model->flood = !model->flood;
		pins_set_flood(pins, model->flood);
	}
	if (dice % 300 == 2 || model->tick - model->swept > 12) /* before probation wraps */
		sweep_both(pins, model);
	if (dice % 20000 != 3)
		return;
	model->tick += 8; /* ends all probation, whose stamps would wrap */
	sweep_both(pins, model);
	for (int hours = 24; hours > 0; hours--) {
		model->tick += 150;
		sweep_both(pins, model);
	}
}

static void run(uint64_t seed)
{
	static const enum pin_class protocols[] = { PIN_ESTABLISHED, PIN_UDP, PIN_QUIC };
	struct model model = { .tick = 4000 };
	struct pins pins;

	make_pins(&pins, BUCKETS);
	for (size_t i = 0; i < FLOWS; i++) {
		model.flows[i].hash = next_random(&seed);
		model.flows[i].established = protocols[i % COUNT_OF(protocols)];
	}
	for (uint32_t i = 0; i < STEPS; i++) {
		uint64_t dice = next_random(&seed);
		struct flow *flow = &model.flows[dice % FLOWS];

		dice = next_random(&seed);
		if (dice % 3 == 0)
			put_pin(&pins, &model, flow, dice / 3);
		else
			step_pin(&pins, &model, flow, dice / 3);
		compare(&pins, &model, flow);
		advance(&pins, &model, next_random(&seed));
		compare(&pins, &model, &model.flows[i % FLOWS]);
	}
	assert_true(model.tick > 3 * PIN_TICK_MASK); /* the clock has wrapped */
	free_pins(&pins);
}

static void the_table_does_what_the_map_does(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_does_what_the_map_does),
	};

	return cmocka_run_group_tests_name("pins_model", tests, NULL, NULL);
}
