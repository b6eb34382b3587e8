/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/forwarding.h"

#include <errno.h>
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

static bool allocate(struct forwarding *forwarding)
{
	forwarding->tracking = tracking_create(forwarding->state, forwarding->publish);
	forwarding->planner = planner_create(forwarding->secret);
	if (forwarding->planner != NULL)
		forwarding->change_planner = planner_create_beside(forwarding->planner);
	if (forwarding->tracking != NULL)
		forwarding->numbers = live_numbers_create(
			forwarding->state, forwarding->publish, forwarding->tracking);
	forwarding->baselines = counter_baselines_create(forwarding->state);
	forwarding->gids = gid_table_create(state_layout(forwarding->state)->backends);
	forwarding->queue = build_queue_create();
	forwarding->rounds = forwarding_create_rounds();
	return forwarding->numbers != NULL && forwarding->change_planner != NULL &&
	       forwarding->baselines != NULL && forwarding->gids != NULL &&
	       forwarding->queue != NULL && forwarding->rounds != NULL;
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
	if (!allocate(forwarding)) {
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
	live_numbers_destroy(forwarding->numbers);
	counter_baselines_destroy(forwarding->baselines);
	gid_table_destroy(forwarding->gids);
	build_queue_destroy(forwarding->queue);
	forwarding_destroy_rounds(forwarding->rounds);
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
	struct pool_state *live = &forwarding->pools[pool];

	return live_records_refresh(
		&source, live->live, &live->backends[backend], forwarding->publish, error);
}

void forwarding_set_wake(struct forwarding *forwarding, forwarding_wake_t *wake, void *context)
{
	build_queue_set_wake(forwarding->queue, wake, context);
}

void forwarding_set_foresee(
	struct forwarding *forwarding, forwarding_foresee_t *foresee, void *context)
{
	forwarding->foresee = foresee;
	forwarding->foresee_context = context;
}

bool forwarding_pins_udp(const struct config *config)
{
	for (size_t i = 0; i < config->service_count; i++)
		if (config->services[i].protocol == CONFIG_PROTOCOL_UDP &&
			config->services[i].udp != CONFIG_UDP_HASH)
			return true;
	return false;
}

struct live_slots forwarding_slots(const struct forwarding *forwarding, size_t number)
{
	const struct pool_state *pool = &forwarding->pools[number];

	return (struct live_slots){
		.pool = pool->live,
		.backends = pool->backends,
		.backend_count = pool->configured_count,
		.affinity = &forwarding->config->pools[number].affinity,
	};
}

void forwarding_index_backends(struct forwarding *forwarding, size_t number)
{
	struct pool_state *pool = &forwarding->pools[number];

	for (size_t i = 0; i < pool->backend_count; i++)
		gid_table_set(forwarding->gids, pool->backends[i].gid, number, i);
	lookup_destroy(pool->by_name);
	pool->by_name = NULL;
}

/* Where two have the name, one is configured, and that is the first. NULL when memory is short. */
static struct lookup *make_lookup(const struct pool_state *pool)
{
	struct lookup *lookup = lookup_create();
	size_t earlier;

	for (size_t i = 0; lookup != NULL && i < pool->backend_count; i++) {
		if (lookup_add(lookup, pool->backends[i].name, i, &earlier) != -ENOMEM)
			continue;
		lookup_destroy(lookup);
		lookup = NULL;
	}
	return lookup;
}

static int search(const struct pool_state *pool, const char *name, size_t *index)
{
	for (*index = 0; *index < pool->backend_count; (*index)++)
		if (strcmp(pool->backends[*index].name, name) == 0)
			return 0;
	return -ENOENT;
}

static int find_in_pool(struct pool_state *pool, const char *name, size_t *index)
{
	if (pool->by_name == NULL)
		pool->by_name = make_lookup(pool);
	return pool->by_name != NULL ? lookup_find(pool->by_name, name, index)
				     : search(pool, name, index);
}

int forwarding_find(const struct forwarding *forwarding, const char *pool, const char *backend,
	struct forwarding_handle *handle)
{
	const struct plan_pool *plan = plan_find_pool(forwarding->plan, pool);
	struct pool_state *found;
	size_t index;

	if (plan == NULL)
		return -ENOENT;
	found = &forwarding->pools[plan - forwarding->plan->pools];
	if (find_in_pool(found, backend, &index) != 0)
		return -ENOENT;
	if (plan->part_count != 0 && index < found->configured_count)
		return -ENOENT;
	*handle = forwarding_handle_of(forwarding, found - forwarding->pools, index);
	return 0;
}

struct forwarding_handle forwarding_handle_of(
	const struct forwarding *forwarding, size_t pool, size_t backend)
{
	uint32_t gid = forwarding->pools[pool].backends[backend].gid;

	return (struct forwarding_handle){
		.gid = gid,
		.generation = gid_table_generation(forwarding->gids, gid),
	};
}

int forwarding_locate(const struct forwarding *forwarding, const struct forwarding_handle *handle,
	size_t *pool, size_t *backend)
{
	return gid_table_locate(forwarding->gids, handle->gid, handle->generation, pool, backend);
}

size_t forwarding_count_uses(const struct forwarding *forwarding, size_t pool)
{
	return forwarding->config->pools[pool].use_count;
}

/* Of those that are going. */
static int find_going(const struct forwarding *forwarding, const struct address *address,
	struct forwarding_place *place)
{
	const struct pool_state *pool = &forwarding->pools[place->pool];

	for (size_t i = pool->configured_count; i < pool->backend_count; i++) {
		place->backend = i;
		if (address_equal(&pool->backends[i].address, address))
			return 0;
	}
	return -ENOENT;
}

int forwarding_find_use(const struct forwarding *forwarding, size_t pool, size_t backend,
	size_t use, struct forwarding_place *place)
{
	const struct config_use *used = &forwarding->config->pools[pool].uses[use];
	const struct pool_state *own = &forwarding->pools[pool];

	place->pool = used->pool;
	if (backend >= own->configured_count)
		return find_going(forwarding, &own->backends[backend].address, place);
	place->backend =
		forwarding->config->pools[used->pool].parts[used->part].first_backend + backend;
	return 0;
}

typedef void count_gid_t(
	const struct counter_baselines *baselines, uint32_t gid, struct counter *sum);

/* Over all places of the backend. */
static void sum_places(const struct forwarding *forwarding, size_t pool, size_t backend,
	count_gid_t *count, struct counter *sum)
{
	size_t uses = forwarding_count_uses(forwarding, pool);

	count(forwarding->baselines, forwarding->pools[pool].backends[backend].gid, sum);
	for (size_t i = 0; i < uses; i++) {
		struct forwarding_place place;
		struct counter more;

		if (forwarding_find_use(forwarding, pool, backend, i, &place) != 0)
			continue;
		count(forwarding->baselines,
			forwarding->pools[place.pool].backends[place.backend].gid, &more);
		sum->packets += more.packets;
		sum->bytes += more.bytes;
		sum->new_flows += more.new_flows;
	}
}

void forwarding_count_backend(
	const struct forwarding *forwarding, size_t pool, size_t backend, struct counter *sum)
{
	sum_places(forwarding, pool, backend, counter_baselines_count_backend, sum);
}

void forwarding_count_service(
	const struct forwarding *forwarding, size_t service, struct counter *sum)
{
	counter_baselines_count_service(
		forwarding->baselines, forwarding->services[service].number, sum);
}

void forwarding_baseline_backend(
	const struct forwarding *forwarding, size_t pool, size_t backend, struct counter *sum)
{
	sum_places(forwarding, pool, backend, counter_baselines_start_backend, sum);
}

void forwarding_baseline_service(
	const struct forwarding *forwarding, size_t service, struct counter *sum)
{
	counter_baselines_start_service(
		forwarding->baselines, forwarding->services[service].number, sum);
}

void forwarding_end_filling(struct forwarding *forwarding)
{
	tracking_end_filling(forwarding->tracking);
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
		if (counters_service_cell(forwarding->services[i].number) == counter)
			return i;
	return -1;
}

int forwarding_find_pool(const struct forwarding *forwarding, uint32_t number)
{
	for (size_t i = 0; i < forwarding->pool_count; i++)
		if (forwarding->pools[i].live->number == number)
			return i;
	return -1;
}

void forwarding_pool_pins(
	const struct forwarding *forwarding, size_t pool, struct tracking_pool_report *report)
{
	tracking_report_pool(forwarding->tracking, forwarding->pools[pool].live->number, report);
}
