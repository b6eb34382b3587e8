/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/counter_baselines.h"

#include <stdlib.h>
#include <string.h>

/* Of one kind of owner, by number. */
struct owners {
	struct counter *baselines; /* the counter when the number was handed out */
	struct counter *starts;    /* what the owner had counted when this process began */
};

struct counter_baselines {
	struct state *state;
	struct owners backends;
	struct owners services;
};

static bool create_owners(struct owners *owners, uint32_t count)
{
	owners->baselines = calloc(count, sizeof(*owners->baselines));
	owners->starts = calloc(count, sizeof(*owners->starts));
	return owners->baselines != NULL && owners->starts != NULL;
}

struct counter_baselines *counter_baselines_create(struct state *state)
{
	struct counter_baselines *baselines = calloc(1, sizeof(*baselines));

	if (baselines == NULL)
		return NULL;
	baselines->state = state;
	if (create_owners(&baselines->backends, state_layout(state)->backends) &&
		create_owners(&baselines->services, state_layout(state)->services))
		return baselines;
	counter_baselines_destroy(baselines);
	return NULL;
}

static void destroy_owners(struct owners *owners)
{
	free(owners->baselines);
	free(owners->starts);
}

void counter_baselines_destroy(struct counter_baselines *baselines)
{
	if (baselines == NULL)
		return;
	destroy_owners(&baselines->backends);
	destroy_owners(&baselines->services);
	free(baselines);
}

/* The cell of a number in every worker's counters. */
static uint32_t backend_cell(const struct counter_baselines *baselines, uint32_t gid)
{
	return counters_backend_cell(state_layout(baselines->state)->services, gid);
}

static uint32_t service_cell(uint32_t number)
{
	return counters_service_cell(number);
}

/* What all workers have counted in a cell since the state file was made. */
static struct counter sum_cell(const struct counter_baselines *baselines, uint32_t cell)
{
	struct counter sum = { 0 };

	for (uint32_t i = 0; i < state_layout(baselines->state)->workers; i++) {
		struct worker_counters *worker = state_counters(baselines->state, i);
		struct counter *counter = &worker->counters[cell];

		sum.packets += counter_read(&counter->packets);
		sum.bytes += counter_read(&counter->bytes);
		sum.new_flows += counter_read(&counter->new_flows);
	}
	return sum;
}

static void begin(const struct counter_baselines *baselines, struct owners *owners, uint32_t number,
	uint32_t cell)
{
	owners->baselines[number] = sum_cell(baselines, cell);
	memset(&owners->starts[number], 0, sizeof(owners->starts[number]));
}

void counter_baselines_begin_backend(struct counter_baselines *baselines, uint32_t gid)
{
	begin(baselines, &baselines->backends, gid, backend_cell(baselines, gid));
}

void counter_baselines_begin_service(struct counter_baselines *baselines, uint32_t number)
{
	begin(baselines, &baselines->services, number, service_cell(number));
}

/* It is counted on in the block of the first worker. */
void counter_baselines_adopt_backend(
	struct counter_baselines *baselines, uint32_t gid, const struct counter *counted)
{
	uint32_t cell = backend_cell(baselines, gid);

	state_counters(baselines->state, 0)->counters[cell] = *counted;
	baselines->backends.starts[gid] = *counted;
}

void counter_baselines_adopt_service(
	struct counter_baselines *baselines, uint32_t number, const struct counter *counted)
{
	uint32_t cell = service_cell(number);

	state_counters(baselines->state, 0)->counters[cell] = *counted;
	baselines->services.starts[number] = *counted;
}

static struct counter subtract(struct counter sum, const struct counter *baseline)
{
	sum.packets -= baseline->packets;
	sum.bytes -= baseline->bytes;
	sum.new_flows -= baseline->new_flows;
	return sum;
}

void counter_baselines_count_backend(
	const struct counter_baselines *baselines, uint32_t gid, struct counter *counted)
{
	*counted = subtract(sum_cell(baselines, backend_cell(baselines, gid)),
		&baselines->backends.baselines[gid]);
}

void counter_baselines_count_service(
	const struct counter_baselines *baselines, uint32_t number, struct counter *counted)
{
	*counted = subtract(
		sum_cell(baselines, service_cell(number)), &baselines->services.baselines[number]);
}

void counter_baselines_start_backend(
	const struct counter_baselines *baselines, uint32_t gid, struct counter *counted)
{
	*counted = baselines->backends.starts[gid];
}

void counter_baselines_start_service(
	const struct counter_baselines *baselines, uint32_t number, struct counter *counted)
{
	*counted = baselines->services.starts[number];
}

const struct counter *counter_baselines_of_backend(
	const struct counter_baselines *baselines, uint32_t gid)
{
	return &baselines->backends.baselines[gid];
}

const struct counter *counter_baselines_of_service(
	const struct counter_baselines *baselines, uint32_t number)
{
	return &baselines->services.baselines[number];
}
