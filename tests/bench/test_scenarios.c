/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scenarios that `scripts/bench scenarios` plays, with few flows and few slots: none of them
 * may be broken that is not silent for longer than 15 minutes. That a stateless table breaks many
 * of the same flows shows that there was something to break.
 */
#include "unit.h"

#include "simulation.h"

#define FLOWS 5000
#define SLOTS 4099

static void play(const char *name, struct simulation_result *result)
{
	static const struct simulation_size size = { FLOWS, SLOTS };
	const struct scenario *scenario = scenario_find(name);

	assert_non_null(scenario);
	simulation_play(scenario, &size, result);
	assert_true(result->arrivals > FLOWS);
	print_message("%s: broken %lu of maglev, %lu of sluice; at most %.1f %% of flows pinned\n",
		name, simulation_broken(&result->tallies[POLICY_MAGLEV]),
		simulation_broken(&result->tallies[POLICY_SLUICE]),
		100 * result->tallies[POLICY_SLUICE].peak_live);
}

/* With both settle times: no flow is broken, few are pinned at once, none lacks its pin. */
static void breaks_none(const struct simulation_result *result, double pinned_at_most)
{
	for (enum policy policy = POLICY_SLUICE_Q0; policy < POLICY_COUNT; policy++) {
		const struct tally *tally = &result->tallies[policy];

		assert_int_equal(simulation_broken(tally), 0);
		assert_int_equal(tally->unpinned, 0);
		assert_true(tally->inserts > 0);
		assert_true(tally->peak_live < pinned_at_most);
	}
}

static void a_quiet_pool_pins_nothing(void **state)
{
	struct simulation_result result;

	play("S0", &result);
	for (enum policy policy = 0; policy < POLICY_COUNT; policy++)
		assert_int_equal(simulation_broken(&result.tallies[policy]), 0);
	assert_int_equal(result.tallies[POLICY_SLUICE].inserts, 0);
	assert_int_equal(result.tallies[POLICY_SLUICE_Q0].inserts, 0);
}

static void a_rolling_restart_of_all_backends_breaks_no_flow(void **state)
{
	struct simulation_result result;

	play("S1", &result);
	assert_true(simulation_broken(&result.tallies[POLICY_MAGLEV]) > FLOWS / 2);
	breaks_none(&result, 0.05);
}

static void checks_that_flap_break_no_flow(void **state)
{
	struct simulation_result result;

	play("S5", &result);
	assert_true(simulation_broken(&result.tallies[POLICY_MAGLEV]) > FLOWS / 10);
	breaks_none(&result, 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_pool_pins_nothing),
		cmocka_unit_test(a_rolling_restart_of_all_backends_breaks_no_flow),
		cmocka_unit_test(checks_that_flap_break_no_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
