/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "forwarding_live.h"

static uint32_t with_growth(uint64_t wanted, uint32_t least, uint32_t most)
{
	return RTE_MIN(RTE_MAX(2 * wanted, (uint64_t)least), (uint64_t)most);
}

void forwarding_layout(const struct config *config, uint32_t workers, struct state_layout *layout)
{
	uint64_t slots = 0, backends = 0;

	for (size_t i = 0; i < config->pool_count; i++) {
		slots += RTE_ALIGN(config->pools[i].slots, 16);
		backends += config->pools[i].backend_count;
	}
	layout->pools = 1;
	layout->pin_buckets = 1;
	layout->workers = workers;
	layout->ports = config->dataplane.port_count;
	layout->services = with_growth(config->service_count, 1024, 2 * CONFIG_SERVICES_MAX);
	layout->backends = with_growth(backends, 4096, 2 * CONFIG_MEMBERSHIPS_MAX);
	layout->slot_words = with_growth(slots, 32 * 65552, 1u << 30);
	layout->records = LIVE_POOL_MODES * layout->backends + 1;
}

struct forwarding *forwarding_create(struct state *state, struct publish *publish,
	const struct flow_secret *secret, struct port *const *ports, size_t port_count)
{
	const struct state_layout *layout = state_layout(state);
	struct forwarding *forwarding = calloc(1, sizeof(*forwarding));

	if (forwarding == NULL)
		return NULL;
	forwarding->state = state;
	forwarding->publish = publish;
	forwarding->secret = secret;
	forwarding->ports = ports;
	forwarding->port_count = port_count;
	forwarding->backend_places = arena_create(layout->backends);
	forwarding->service_places = arena_create(layout->services);
	forwarding->backend_baselines = calloc(layout->backends, sizeof(struct counter));
	forwarding->service_baselines = calloc(layout->services, sizeof(struct counter));
	if (forwarding->backend_places == NULL || forwarding->service_places == NULL ||
		forwarding->backend_baselines == NULL || forwarding->service_baselines == NULL) {
		forwarding_destroy(forwarding);
		return NULL;
	}
	return forwarding;
}

void forwarding_destroy(struct forwarding *forwarding)
{
	if (forwarding == NULL)
		return;
	for (size_t i = 0; i < forwarding->pool_count; i++) {
		live_pool_destroy(forwarding->pools[i].live);
		free(forwarding->pools[i].backends);
	}
	free(forwarding->pools);
	free(forwarding->services);
	arena_destroy(forwarding->backend_places);
	arena_destroy(forwarding->service_places);
	free(forwarding->backend_baselines);
	free(forwarding->service_baselines);
	free(forwarding);
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

uint32_t forwarding_backend_place(const struct forwarding *forwarding, uint32_t place)
{
	return counters_backend_place(state_layout(forwarding->state)->services, place);
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
	uint32_t place = forwarding->pools[pool].backends[backend].place;

	forwarding_sum(forwarding, forwarding_backend_place(forwarding, place), sum);
	subtract(sum, &forwarding->backend_baselines[place]);
}

void forwarding_count_service(
	const struct forwarding *forwarding, size_t service, struct counter *sum)
{
	uint32_t place = forwarding->services[service].place;

	forwarding_sum(forwarding, counters_service_place(place), sum);
	subtract(sum, &forwarding->service_baselines[place]);
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
