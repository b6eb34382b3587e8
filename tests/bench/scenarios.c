/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scenarios: plays scenarios of change (scenario.h) and tells what each policy made of the flows
 * (simulation.h), for people or as JSON.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "simulation.h"

#define FLOWS 100000

static void print(const struct scenario *scenario, const struct simulation_result *result)
{
	printf("%s  %s; %" PRIu64 " new flows\n", scenario->name, scenario->title,
		result->arrivals);
	printf("    %-10s %8s %8s %8s %8s %7s %7s %9s\n", "", "broken", "short", "middling", "long",
		"pins %", "all %", "inserts/s");
	for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
		const struct tally *tally = &result->tallies[policy];

		printf("    %-10s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64
		       " %7.2f %7.2f %9" PRIu64 "\n",
			policy_names[policy], simulation_broken(tally), tally->broken[FLOW_SHORT],
			tally->broken[FLOW_MIDDLING], tally->broken[FLOW_LONG],
			100 * tally->peak_live, 100 * tally->peak, tally->peak_inserts);
		if (tally->unpinned != 0)
			printf("    %-10s %" PRIu64 " flows without the pin they need\n", "",
				tally->unpinned);
	}
	fflush(stdout);
}

static void print_json(const struct scenario *scenario, const struct simulation_result *result)
{
	printf("  {\"scenario\": \"%s\", \"title\": \"%s\", \"new_flows\": %" PRIu64
	       ", \"policies\": {",
		scenario->name, scenario->title, result->arrivals);
	for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
		const struct tally *tally = &result->tallies[policy];

		printf("%s\n    \"%s\": {\"broken\": %" PRIu64 ", \"broken_long\": %" PRIu64
		       ", \"peak_pins_percent\": %.2f, "
		       "\"peak_pins_with_finished_percent\": %.2f, "
		       "\"peak_inserts_per_second\": %" PRIu64 ", \"unpinned\": %" PRIu64 "}",
			policy == 0 ? "" : ",", policy_names[policy], simulation_broken(tally),
			tally->broken[FLOW_LONG], 100 * tally->peak_live, 100 * tally->peak,
			tally->peak_inserts, tally->unpinned);
	}
	printf("}}");
	fflush(stdout);
}

static void play_all(const struct scenario *only, bool json)
{
	static const struct simulation_size size = { FLOWS, SIMULATION_SLOTS_MAX };
	struct simulation_result result;
	size_t played = 0;

	for (size_t i = 0; i < scenario_count; i++) {
		if (only != NULL && only != &scenarios[i])
			continue;
		simulation_play(&scenarios[i], &size, &result);
		if (json && played != 0)
			printf(",\n");
		(json ? print_json : print)(&scenarios[i], &result);
		played++;
	}
}

static void usage(FILE *file)
{
	fprintf(file, "usage: bench_scenarios [--json] [--scenario NAME]\n\n");
	for (size_t i = 0; i < scenario_count; i++)
		fprintf(file, "  %-4s %s\n", scenarios[i].name, scenarios[i].title);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "scenario", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const struct scenario *only = NULL;
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'j': json = true; break;
		case 's':
			only = scenario_find(optarg);
			if (only != NULL)
				break;
			fprintf(stderr, "bench_scenarios: there is no scenario %s\n", optarg);
			return 2;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	printf("%s", json ? "[\n" : "");
	play_all(only, json);
	printf("%s", json ? "\n]\n" : "");
	return 0;
}
