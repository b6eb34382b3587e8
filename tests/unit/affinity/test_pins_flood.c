/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two million packets of an attacker against a table of the default size that is half full (and
 * once a quarter) of established connections. What the attacker cannot forge is a second packet of
 * an established flow; all else is tried: new tuples, the same again, a SYN with its ACK, and the
 * ACK later on.
 */
#include "pins_fixture.h"

#define BUCKETS          131072
#define HALF             (BUCKETS * PINS_WAYS / 2)
#define PACKETS          2000000
#define PACKETS_PER_TICK 200000
#define BACKEND_OF(hash) ((uint16_t)((hash) >> 7))

struct attack {
	struct pins pins;
	uint32_t connections;
	uint64_t random;
	uint16_t tick;
	uint64_t *sent; /* hashes of the last tick's tuples, then of this one's */
	uint64_t puts[PINS_PUT_COUNT];
	uint64_t steps[PINS_STEP_COUNT];
};

static uint64_t connection(uint32_t i)
{
	uint64_t state = i;

	return next_random(&state);
}

static void begin(struct attack *attack, uint32_t connections)
{
	memset(attack, 0, sizeof(*attack));
	attack->random = UINT64_C(1) << 40; /* not among the connections */
	attack->tick = 4090;
	attack->sent = calloc(2 * PACKETS_PER_TICK, sizeof(*attack->sent));
	assert_non_null(attack->sent);
	make_pins(&attack->pins, BUCKETS);
	attack->connections = connections;
	for (uint32_t i = 0; i < connections; i++) {
		uint64_t hash = connection(i);
		enum pins_put outcome = pins_put(
			&attack->pins, hash, BACKEND_OF(hash), PIN_ESTABLISHED, attack->tick);

		assert_int_equal(outcome, PINS_PUT_PLACED);
	}
}

static void end(struct attack *attack)
{
	free(attack->sent);
	free_pins(&attack->pins);
}

/* What a worker does with the packet. */
static void send_syn(struct attack *attack, uint64_t hash)
{
	if (pin_of(&attack->pins, hash) == 0)
		attack->puts[pins_put(&attack->pins, hash, 1, PIN_PROBATION, attack->tick)]++;
}

/* Of a flow without a pin, into a slot whose old flows are observed. */
static void send_lone_ack(struct attack *attack, uint64_t hash)
{
	if (pin_of(&attack->pins, hash) == 0)
		attack->puts[pins_put(&attack->pins, hash, 1, PIN_OBSERVED, attack->tick)]++;
}

static void send_ack(struct attack *attack, uint64_t hash)
{
	uint32_t position;
	uint64_t pin = pins_find(&attack->pins, hash, &position);

	if (pin != 0)
		attack->steps[pins_continue(
			&attack->pins, position, pin, PIN_ESTABLISHED, attack->tick)]++;
}

/* One of three tuples is new and alone, one comes with its ACK, one is of the last tick. */
static void send_packets(struct attack *attack)
{
	uint64_t *before = attack->sent, *now = attack->sent + PACKETS_PER_TICK;

	for (uint32_t i = 0; i < PACKETS_PER_TICK; i += 4) {
		uint64_t again = before[next_random(&attack->random) % PACKETS_PER_TICK];

		now[i] = next_random(&attack->random);
		send_syn(attack, now[i]);
		now[i + 1] = now[i + 2] = now[i + 3] = next_random(&attack->random);
		send_syn(attack, now[i + 1]);
		send_ack(attack, now[i + 1]);
		send_ack(attack, again);
	}
	memcpy(before, now, PACKETS_PER_TICK * sizeof(*before));
	attack->tick++;
}

static void assert_all_connections_live(const struct attack *attack)
{
	for (uint32_t i = 0; i < attack->connections; i++) {
		uint64_t hash = connection(i), pin = pin_of(&attack->pins, hash);

		assert_int_equal(pin_class(pin), PIN_ESTABLISHED);
		assert_int_equal(pin_gid(pin), BACKEND_OF(hash));
	}
}

static void assert_no_established_pin_was_evicted(const struct attack *attack)
{
	for (unsigned int class = 0; class < PIN_CLASS_COUNT; class ++)
		if (class != PIN_PROBATION && class != PIN_OBSERVED)
			assert_int_equal(attack->puts[PINS_PUT_EVICTED + class], 0);
}

static void every_connection_survives_a_flood_that_was_noticed(void **state)
{
	struct attack attack;

	begin(&attack, HALF);
	pins_set_flood(&attack.pins, true);
	for (uint32_t i = 0; i < PACKETS / PACKETS_PER_TICK; i++)
		send_packets(&attack);
	assert_all_connections_live(&attack);
	assert_no_established_pin_was_evicted(&attack);
	assert_true(attack.puts[PINS_PUT_EVICTED + PIN_PROBATION] > PACKETS / 10);
	assert_true(attack.steps[PINS_STEP_TRIED] > 1000); /* it did get as far as that */
	assert_int_equal(attack.steps[PINS_STEP_CONFIRMED], 0);
	assert_int_equal(most_ways_of_class(&attack.pins, PIN_PROBATION), PINS_QUOTA);
	assert_in_range(most_ways_of_class(&attack.pins, PIN_TRIAL), 1, PINS_QUOTA);
	end(&attack);
}

static void every_connection_survives_a_flood_that_was_not_noticed(void **state)
{
	struct attack attack;

	begin(&attack, HALF);
	for (uint32_t i = 0; i < PACKETS / PACKETS_PER_TICK; i++)
		send_packets(&attack);
	assert_all_connections_live(&attack);
	assert_no_established_pin_was_evicted(&attack);
	assert_true(attack.steps[PINS_STEP_CONFIRMED] > PACKETS / 10);
	end(&attack);
}

/* An attacker who sends every tuple again and again fills four ways of each bucket and no more. */
static void a_flood_that_repeats_itself_leaves_half_of_the_table_to_others(void **state)
{
	const uint32_t tuples = BUCKETS * PINS_WAYS;
	struct attack attack;
	uint64_t placed = 0;

	begin(&attack, HALF / 2);
	pins_set_flood(&attack.pins, true);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < tuples; i++) {
			uint64_t hash = connection(HALF + i);

			send_syn(&attack, hash);
			send_ack(&attack, hash);
			attack.tick++;
			send_ack(&attack, hash);
			attack.tick--;
		}
		attack.tick++;
	}
	assert_all_connections_live(&attack);
	assert_int_equal(most_ways_of_class(&attack.pins, PIN_TRIAL), PINS_QUOTA);
	for (uint32_t i = 0; i < 100000; i++) {
		uint64_t hash = next_random(&attack.random);

		pins_put(&attack.pins, hash, 1, PIN_PROBATION, attack.tick);
		placed += pin_of(&attack.pins, hash) != 0;
	}
	assert_in_range(placed, 99900, 100000);
	end(&attack);
}

/* How many of so many new flows get a pin, and have it still when their handshake goes on. */
static uint32_t begin_flows(struct attack *attack, uint32_t count)
{
	uint32_t begun = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t hash = next_random(&attack->random);

		pins_put(&attack->pins, hash, 1, PIN_PROBATION, attack->tick);
		send_ack(attack, hash);
		begun += pin_of(&attack->pins, hash) != 0;
	}
	return begun;
}

/* It takes half of the table and no more, and all of that is left to new flows. */
static void a_flood_of_lone_acks_crowds_out_no_new_flow(void **state)
{
	struct attack attack;

	begin(&attack, HALF);
	for (uint32_t i = 0; i < PACKETS; i++)
		send_lone_ack(&attack, next_random(&attack.random));
	assert_all_connections_live(&attack);
	assert_no_established_pin_was_evicted(&attack);
	assert_int_equal(most_ways_of_class(&attack.pins, PIN_OBSERVED), PINS_QUOTA);
	assert_int_equal(begin_flows(&attack, 100000), 100000);
	assert_all_connections_live(&attack);
	end(&attack);
}

/* However many are established: a way of each bucket stays, so that the next new flow finds one. */
static void a_table_full_of_established_flows_takes_new_ones(void **state)
{
	const uint32_t places = BUCKETS * PINS_WAYS;
	struct attack attack;

	begin(&attack, HALF);
	for (uint32_t i = 0; i < 2 * places; i++) {
		uint64_t hash = next_random(&attack.random);

		send_syn(&attack, hash);
		send_ack(&attack, hash);
	}
	assert_int_equal(most_ways_of_class(&attack.pins, PIN_ESTABLISHED), PINS_ESTABLISHED_MAX);
	assert_all_connections_live(&attack);
	assert_int_equal(begin_flows(&attack, 100000), 100000);
	end(&attack);
}

/* Seven flows are established in the only bucket, and the eighth one has ended. */
static uint64_t fill_all_but_one(struct pins *pins, enum pin_class eighth)
{
	const uint64_t hash = UINT64_C(99) << 32;

	make_pins(pins, 1);
	for (uint32_t i = 0; i < PINS_ESTABLISHED_MAX; i++)
		pins->words[i] = pin_pack((uint64_t)(i + 1) << 32, 1, PIN_ESTABLISHED, 100);
	if (eighth != PIN_EMPTY)
		pins->words[PINS_ESTABLISHED_MAX] = pin_pack(hash, 1, eighth, 100);
	return hash;
}

static void a_flow_that_comes_back_leaves_the_last_way_to_new_ones(void **state)
{
	uint32_t position;
	struct pins pins;
	uint64_t hash = fill_all_but_one(&pins, PIN_FINISHED);

	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 102), PINS_STEP_CROWDED);
	assert_int_equal(pin_class(pin_of(&pins, hash)), PIN_OBSERVED);
	pins.words[0] = 0;
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 103), PINS_STEP_CONFIRMED);
	free_pins(&pins);
	hash = fill_all_but_one(&pins, PIN_FINISHED);
	pins_find(&pins, hash, &position);
	assert_int_equal(pins_reopen(&pins, position, pin_of(&pins, hash), 100), PINS_STEP_CROWDED);
	assert_int_equal(pin_class(pin_of(&pins, hash)), PIN_OBSERVED);
	free_pins(&pins);
}

static void a_flow_that_moves_here_leaves_the_last_way_to_new_ones(void **state)
{
	static const struct {
		enum pin_class class;
		enum pins_put outcome;
	} moved[] = {
		{ PIN_ESTABLISHED, PINS_PUT_REFUSED },
		{ PIN_UDP, PINS_PUT_REFUSED },
		{ PIN_QUIC, PINS_PUT_REFUSED },
		{ PIN_TRIAL, PINS_PUT_REFUSED },
		{ PIN_PROBATION, PINS_PUT_PLACED },
		{ PIN_OBSERVED, PINS_PUT_PLACED },
		{ PIN_FINISHED, PINS_PUT_PLACED },
	};

	for (size_t i = 0; i < COUNT_OF(moved); i++) {
		struct pins pins;
		uint64_t hash = fill_all_but_one(&pins, PIN_EMPTY);

		assert_int_equal(
			pins_put_moved(&pins, hash, pin_pack(hash, 1, moved[i].class, 100)),
			moved[i].outcome);
		assert_int_equal(pins_put(&pins, hash, 1, PIN_PROBATION, 100) == PINS_PUT_PLACED,
			moved[i].outcome == PINS_PUT_REFUSED);
		free_pins(&pins);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_connection_survives_a_flood_that_was_noticed),
		cmocka_unit_test(every_connection_survives_a_flood_that_was_not_noticed),
		cmocka_unit_test(a_flood_of_lone_acks_crowds_out_no_new_flow),
		cmocka_unit_test(a_table_full_of_established_flows_takes_new_ones),
		cmocka_unit_test(a_flow_that_comes_back_leaves_the_last_way_to_new_ones),
		cmocka_unit_test(a_flow_that_moves_here_leaves_the_last_way_to_new_ones),
		cmocka_unit_test(a_flood_that_repeats_itself_leaves_half_of_the_table_to_others),
	};

	return cmocka_run_group_tests_name("pins_flood", tests, NULL, NULL);
}
