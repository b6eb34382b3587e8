/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/forwarding.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "forwarding/forwarding_live.h"
#include "pool/live_records.h"
#include "json/lookup.h"
#include "affinity/pins.h"
#include "encap/record.h"

static uint32_t with_growth(uint64_t wanted, uint32_t least, uint32_t most)
{
	return RTE_MIN(RTE_MAX(2 * wanted, (uint64_t)least), (uint64_t)most);
}

uint64_t forwarding_slot_words(const struct config *config)
{
	uint64_t words = 0;

	for (size_t i = 0; i < config->pool_count; i++)
		words += RTE_ALIGN(config->pools[i].slots, 16);
	return words;
}

void forwarding_layout(const struct config *config, uint32_t workers, struct state_layout *layout)
{
	uint64_t backends = 0;

	for (size_t i = 0; i < config->pool_count; i++)
		backends += config->pools[i].backend_count;
	layout->workers = workers;
	layout->ports = config->dataplane.port_count;
	layout->pools = with_growth(config->pool_count, 256, CONFIG_POOLS_MAX);
	layout->pin_buckets = pins_bucket_count(config->dataplane.pins);
	layout->services = with_growth(config->service_count, 1024, 2 * CONFIG_SERVICES_MAX);
	layout->backends = with_growth(backends, 4096, CONFIG_MEMBERSHIPS_MAX);
	layout->slot_words =
		with_growth(forwarding_slot_words(config), 32 * 65552, FORWARDING_SLOT_WORDS_MAX);
	/* all of them may be made anew at once, by another way to a gateway */
	layout->records = RECORD_MODE_COUNT * (2 * layout->backends + 1);
}

static bool allocate(struct forwarding *forwarding, const struct state_layout *layout)
{
	forwarding->tracking = tracking_create(forwarding->state, forwarding->publish);
	forwarding->planner = planner_create(forwarding->secret);
	if (forwarding->planner != NULL)
		forwarding->change_planner = planner_create_beside(forwarding->planner);
	forwarding->pool_numbers = arena_create(layout->pools);
	forwarding->service_places = arena_create(layout->services);
	forwarding->backend_baselines = calloc(layout->backends, sizeof(struct counter));
	forwarding->service_baselines = calloc(layout->services, sizeof(struct counter));
	forwarding->backend_epochs = calloc(layout->backends, sizeof(struct counter));
	forwarding->service_epochs = calloc(layout->services, sizeof(struct counter));
	forwarding->places = calloc(layout->backends, sizeof(*forwarding->places));
	return forwarding->tracking != NULL && forwarding->change_planner != NULL &&
	       forwarding->pool_numbers != NULL && forwarding->service_places != NULL &&
	       forwarding->backend_baselines != NULL && forwarding->service_baselines != NULL &&
	       forwarding->backend_epochs != NULL && forwarding->service_epochs != NULL &&
	       forwarding->places != NULL;
}

struct forwarding *forwarding_create(struct state *state, struct publish *publish,
	const struct flow_secret *secret, struct port *const *ports, size_t port_count,
	forwarding_clock_t *clock)
{
	struct forwarding *forwarding = calloc(1, sizeof(*forwarding));

	if (forwarding == NULL)
		return NULL;
	forwarding->state = state;
	forwarding->publish = publish;
	forwarding->secret = secret;
	forwarding->ports = ports;
	forwarding->port_count = port_count;
	forwarding->clock = clock;
	if (!allocate(forwarding, state_layout(state))) {
		forwarding_destroy(forwarding);
		return NULL;
	}
	tracking_tick(forwarding->tracking, clock(), false);
	return forwarding;
}

void forwarding_destroy(struct forwarding *forwarding)
{
	if (forwarding == NULL)
		return;
	for (size_t i = 0; i < forwarding->pool_count; i++) {
		live_pool_destroy(forwarding->pools[i].live);
		lookup_destroy(forwarding->pools[i].by_name);
		free(forwarding->pools[i].backends);
	}
	free(forwarding->pools);
	free(forwarding->services);
	neighbours_destroy(forwarding->neighbours);
	plan_destroy(forwarding->plan);
	planner_destroy(forwarding->change_planner);
	planner_destroy(forwarding->planner);
	tracking_destroy(forwarding->tracking);
	arena_destroy(forwarding->pool_numbers);
	arena_destroy(forwarding->service_places);
	free(forwarding->backend_baselines);
	free(forwarding->service_baselines);
	free(forwarding->backend_epochs);
	free(forwarding->service_epochs);
	free(forwarding->places);
	free(forwarding);
}

int forwarding_refresh_backend(
	struct forwarding *forwarding, size_t pool, size_t backend, struct error *error)
{
	const struct live_records_source source = {
		.state = forwarding->state,
		.config = forwarding->config,
		.neighbours = forwarding->neighbours,
		.ports = forwarding->ports,
	};
	struct member_pool *live = &forwarding->pools[pool];

	return live_records_refresh(
		&source, live->live, &live->backends[backend], forwarding->publish, error);
}

void forwarding_set_wake(struct forwarding *forwarding, forwarding_wake_t *wake, void *context)
{
	forwarding->wake = wake;
	forwarding->wake_context = context;
}

void forwarding_sum(const struct forwarding *forwarding, uint32_t place, struct counter *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < state_layout(forwarding->state)->workers; i++) {
		struct worker_counters *worker = state_counters(forwarding->state, i);
		struct counter *counter = &worker->counters[place];

		sum->packets += counter_read(&counter->packets);
		sum->bytes += counter_read(&counter->bytes);
		sum->new_flows += counter_read(&counter->new_flows);
	}
}

uint32_t forwarding_backend_place(const struct forwarding *forwarding, uint32_t gid)
{
	return counters_backend_place(state_layout(forwarding->state)->services, gid);
}

static void subtract(struct counter *sum, const struct counter *baseline)
{
	sum->packets -= baseline->packets;
	sum->bytes -= baseline->bytes;
	sum->new_flows -= baseline->new_flows;
}

void forwarding_count_backend(
	const struct forwarding *forwarding, size_t pool, size_t backend, struct counter *sum)
{
	uint32_t gid = forwarding->pools[pool].backends[backend].gid;

	forwarding_sum(forwarding, forwarding_backend_place(forwarding, gid), sum);
	subtract(sum, &forwarding->backend_baselines[gid]);
}

void forwarding_count_service(
	const struct forwarding *forwarding, size_t service, struct counter *sum)
{
	uint32_t place = forwarding->services[service].place;

	forwarding_sum(forwarding, counters_service_place(place), sum);
	subtract(sum, &forwarding->service_baselines[place]);
}

void forwarding_baseline_backend(
	const struct forwarding *forwarding, size_t pool, size_t backend, struct counter *sum)
{
	*sum = forwarding->backend_epochs[forwarding->pools[pool].backends[backend].gid];
}

void forwarding_baseline_service(
	const struct forwarding *forwarding, size_t service, struct counter *sum)
{
	*sum = forwarding->service_epochs[forwarding->services[service].place];
}

void forwarding_end_filling(struct forwarding *forwarding)
{
	tracking_end_filling(forwarding->tracking);
}

const struct plan *forwarding_change_plan(const struct forwarding_change *change)
{
	return change->plan;
}

const struct plan *forwarding_plan(const struct forwarding *forwarding)
{
	return forwarding->plan;
}

struct plan *forwarding_take_plan(struct forwarding *forwarding)
{
	struct plan *plan = forwarding->plan;

	forwarding->plan = NULL;
	return plan;
}

const struct tracking *forwarding_tracking(const struct forwarding *forwarding)
{
	return forwarding->tracking;
}

uint32_t forwarding_now_s(const struct forwarding *forwarding)
{
	return forwarding->clock() / 1000;
}

const struct live_backend *forwarding_backends(
	const struct forwarding *forwarding, size_t pool, size_t *count)
{
	*count = forwarding->pools[pool].backend_count;
	return forwarding->pools[pool].backends;
}

const struct transitions_summary *forwarding_summary(
	const struct forwarding *forwarding, size_t pool)
{
	return &forwarding->pools[pool].live->summary;
}

const struct tables *forwarding_tables(const struct forwarding *forwarding)
{
	return publish_read(forwarding->publish);
}

int forwarding_find_backend(const struct forwarding *forwarding, size_t pool, uint32_t index)
{
	for (size_t i = 0; i < forwarding->pools[pool].backend_count; i++)
		if (forwarding->pools[pool].backends[i].index == index)
			return i;
	return -1;
}

int forwarding_find_service(const struct forwarding *forwarding, uint32_t counter)
{
	for (size_t i = 0; i < forwarding->service_count; i++)
		if (counters_service_place(forwarding->services[i].place) == counter)
			return i;
	return -1;
}

void forwarding_pool_pins(
	const struct forwarding *forwarding, size_t pool, struct tracking_pool_report *report)
{
	tracking_report_pool(forwarding->tracking, forwarding->pools[pool].live->number, report);
}
