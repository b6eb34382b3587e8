/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config_digest.h"
#include "config/config_health.h"
#include "forwarding/forwarding_change.h"
#include "forwarding/forwarding_foresee.h"
#include "pool/live_records.h"
#include "common/events.h"
#include "common/memory_left.h"

#define TURN_US       3000      /* of CPU time, for a turn of the loop */
#define SLOTS_UNASKED (1 << 18) /* more slots that are not worth a look at the memory: 10 MB */

/* The keys by which the new state is found in the live one. */

static void pool_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	snprintf(key, FINDER_KEY_SIZE, "%s", ((const struct pool_state *)list)[index].name);
}

static void service_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	snprintf(key, FINDER_KEY_SIZE, "%s", ((const struct live_service *)list)[index].name);
}

static void backend_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	address_format(&((const struct live_backend *)list)[index].address, key);
}

/* Most stay where they were, and are found without a word of text. */
static size_t find_backend(struct finder *finder, const struct address *address, size_t hint)
{
	const struct live_backend *list = finder->list;
	char key[FINDER_KEY_SIZE];

	if (hint < finder->count && address_equal(&list[hint].address, address))
		return hint;
	address_format(address, key);
	return finder_find(finder, key, hint);
}

static int out_of_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "out of memory");
}

/* A new pool, without backends yet; it shares what is live with the one it goes on from. */
static int create_pool(struct forwarding *forwarding, const struct forwarding_change *change,
	struct pool_state *pool, const struct config_pool *config, struct pool_state *before,
	struct error *error)
{
	size_t room = config->backend_count + (before == NULL ? 0 : before->backend_count) + 1;

	pool->before = before;
	snprintf(pool->name, sizeof(pool->name), "%s", config->name);
	pool->backends = calloc(room, sizeof(*pool->backends));
	if (pool->backends == NULL)
		return out_of_memory(error);
	pool->live = before != NULL ? before->live
				    : live_pool_create(forwarding->state,
					      live_numbers_of_pools(forwarding->numbers),
					      config->slots, change->now_ms / 1000, error);
	if (pool->live != NULL)
		return 0;
	free(pool->backends);
	return -ENOSPC;
}

/* The next entry of the pool for the backend at that address, as it was or new. */
static int take_backend(struct forwarding *forwarding, const struct forwarding_change *change,
	struct pool_state *pool, const struct address *address, struct live_backend *before,
	struct error *error)
{
	struct live_backend *backend = &pool->backends[pool->backend_count];
	int code = 0;

	if (before != NULL) {
		*backend = *before;
		backend->before = before;
		before->stays = true;
	} else {
		live_backend_init(backend, address, change->now_ms);
		code = live_numbers_take_backend(
			forwarding->numbers, pool->live, pool->name, backend, error);
	}
	if (code == 0)
		pool->backend_count++;
	return code;
}

/* What a change makes records from. */
static struct live_records_source records_source(
	const struct forwarding *forwarding, const struct forwarding_change *change)
{
	return (struct live_records_source){
		.state = forwarding->state,
		.config = change->config,
		.neighbours = change->neighbours,
		.ports = forwarding->ports,
	};
}

static void live_on(const struct forwarding_change *change, const struct pool_state *pool,
	struct live_backend *backend, const struct config_pool *config)
{
	if (backend->before == NULL)
		live_backend_begin(backend, config, pool->before != NULL, change->now_ms / 1000);
	else
		live_backend_go_on(backend, config, change->now_ms);
}

static bool serves_now(const struct live_backend *backend)
{
	return backend->before != NULL && backend->life.state == MEMBER_UP;
}

/*
 * A backend that joins a running pool with checks takes no flow before it has passed one, unless
 * the pool would be without a backend for new flows until then.
 */
static void hold_unchecked(const struct forwarding_change *change, const struct pool_state *pool,
	const struct config_pool *config)
{
	bool any_serves = false;

	if (pool->before == NULL || !config_health_checks(config->health))
		return;
	for (size_t i = 0; i < pool->configured_count && !any_serves; i++)
		any_serves = serves_now(&pool->backends[i]);
	for (size_t i = 0; i < pool->configured_count && any_serves; i++)
		if (pool->backends[i].before == NULL)
			live_backend_begin_unchecked(
				&pool->backends[i], config, change->now_ms / 1000);
}

const struct live_backend *forwarding_change_own(
	const struct forwarding_change *change, size_t pool, size_t backend)
{
	const struct config_pool *config = &change->config->pools[pool];

	for (size_t i = 0; i < config->part_count; i++) {
		const struct config_pool_part *part = &config->parts[i];

		if (backend - part->first_backend < part->backend_count)
			return &change->pools[part->part.pool]
					.backends[backend - part->first_backend];
	}
	return NULL;
}

static int prepare_configured(struct forwarding *forwarding, const struct forwarding_change *change,
	size_t number, struct error *error)
{
	const struct config_pool *config = &change->config->pools[number];
	struct pool_state *pool = &change->pools[number];
	const struct live_records_source source = records_source(forwarding, change);
	struct finder finder = { .key_at = backend_key };
	int code = 0;

	if (pool->before != NULL) {
		finder.list = pool->before->backends;
		finder.count = pool->before->backend_count;
	}
	for (size_t i = 0; code == 0 && i < config->backend_count; i++) {
		const struct config_pool *options = config_options_of(change->config, number, i);
		const struct address *address = &config->backends[i].address;
		struct live_backend *backend = &pool->backends[i];
		size_t index = find_backend(&finder, address, i);

		code = take_backend(forwarding, change, pool, address,
			index == FINDER_NONE ? NULL : &pool->before->backends[index], error);
		if (code != 0)
			break;
		/* a process that was killed may have updated one place and not the other */
		if (config->part_count != 0 && (backend->before == NULL || forwarding->is_adopted))
			live_backend_inherit(backend, forwarding_change_own(change, number, i));
		live_backend_configure(backend, options, &config->backends[i], change->terms,
			change->now_ms / 1000);
		live_on(change, pool, backend, options);
		code = live_records_prepare(&source, backend, error);
	}
	pool->configured_count = pool->backend_count;
	hold_unchecked(change, pool, config);
	finder_fini(&finder);
	return code;
}

/*
 * Those that are configured no more stay behind the others until they have gone. Their records stay
 * as they are: the configuration may know no way to them any more.
 */
static int prepare_going(struct forwarding *forwarding, const struct forwarding_change *change,
	struct pool_state *pool, const struct config_pool *config, struct error *error)
{
	const struct live_records_source source = records_source(forwarding, change);
	int code = 0;

	if (pool->before == NULL)
		return 0;
	for (size_t i = 0; code == 0 && i < pool->before->backend_count; i++) {
		struct live_backend *before = &pool->before->backends[i];
		struct live_backend *backend = &pool->backends[pool->backend_count];

		if (before->stays)
			continue;
		code = take_backend(forwarding, change, pool, &before->address, before, error);
		if (code != 0)
			break;
		live_backend_remove(backend, config, change->terms, change->now_ms / 1000);
		live_on(change, pool, backend, config);
		if (backend->records != RECORD_NONE)
			continue;
		code = live_records_prepare(&source, backend, error); /* of another process */
		if (live_backend_drains(backend) && backend->records == RECORD_NONE)
			events_publish(EVENT(DRAIN, WARNING, BACKEND, pool->name,
					       .backend = backend->name),
				"pool %s: %s drains, but the configuration leaves no way to it: "
				"what is for it is dropped",
				pool->name, backend->name);
	}
	return code;
}

static int prepare_backends(struct forwarding *forwarding, struct forwarding_change *change,
	size_t number, struct error *error)
{
	const struct config_pool *config = &change->config->pools[number];
	struct pool_state *pool = &change->pools[number];
	int code = prepare_configured(forwarding, change, number, error);

	if (code == 0)
		forwarding_foresee_pool(forwarding, change, number);
	if (code == 0)
		code = prepare_going(forwarding, change, pool, config, error);
	return code;
}

/* The live pool that this one goes on from: of the same name and number of slots, or NULL. */
static struct pool_state *find_before(struct forwarding *forwarding, struct finder *finder,
	const struct config_pool *config, size_t hint)
{
	size_t index = finder_find(finder, config->name, hint);
	struct pool_state *pool;

	if (index == FINDER_NONE)
		return NULL;
	pool = &forwarding->pools[index];
	return pool->live->slots == config->slots ? pool : NULL;
}

/* Byte by byte: padding that differs costs a closer look, and nothing else. */
static bool same_bytes(const void *a, const void *b, size_t size)
{
	return size == 0 || memcmp(a, b, size) == 0;
}

static bool same_configuration(const struct config_pool *a, const struct config_pool *b)
{
	struct config_pool bare_a, bare_b;

	memcpy(&bare_a, a, sizeof(bare_a));
	memcpy(&bare_b, b, sizeof(bare_b));
	bare_a.backends = bare_b.backends = NULL;
	bare_a.vacant = bare_b.vacant = NULL;
	bare_a.parts = bare_b.parts = NULL;
	bare_a.uses = bare_b.uses = NULL;
	bare_a.use_count = bare_b.use_count; /* whoever uses it */
	return same_bytes(&bare_a, &bare_b, sizeof(bare_a)) &&
	       same_bytes(a->backends, b->backends, a->backend_count * sizeof(*a->backends)) &&
	       same_bytes(a->vacant, b->vacant, a->vacant_count * sizeof(*a->vacant)) &&
	       same_bytes(a->parts, b->parts, a->part_count * sizeof(*a->parts));
}

/* Of a derived pool: also the options of the pools that it is made of. */
static bool same_parts(const struct config *old, const struct config_pool *a,
	const struct config *new, const struct config_pool *b)
{
	for (size_t i = 0; i < a->part_count; i++)
		if (!same_configuration(
			    &old->pools[a->parts[i].part.pool], &new->pools[b->parts[i].part.pool]))
			return false;
	return true;
}

/* Whether the change names a backend that is in the pool. */
static bool is_named(const struct forwarding_change *change, const struct config_pool *pool)
{
	const struct live_terms *terms = change->terms;
	bool named = terms->name != NULL && strcmp(terms->pool, pool->name) == 0;

	for (size_t i = 0; terms->name != NULL && i < pool->part_count; i++)
		named |= strcmp(terms->pool,
				 change->config->pools[pool->parts[i].part.pool].name) == 0;
	return named;
}

/*
 * Whether the change is none for that pool: what it is made for is not in it, and it has the table
 * that its words go to. Time goes on for it as without the change.
 */
static bool is_unchanged(const struct forwarding *forwarding,
	const struct forwarding_change *change, const struct config_pool *config,
	const struct pool_state *before)
{
	const struct plan_table *table;
	size_t number;

	if (before == NULL || !change->same_ways || before->live->is_dirty ||
		is_named(change, config))
		return false;
	number = before - forwarding->pools;
	table = forwarding->plan->pools[number].table;
	return table != NULL && table->number == before->live->table_number &&
	       same_configuration(&forwarding->config->pools[number], config) &&
	       same_parts(forwarding->config, &forwarding->config->pools[number], change->config,
		       config);
}

static void share_pool(struct pool_state *pool, struct pool_state *before)
{
	*pool = *before;
	pool->by_name = NULL;
	pool->before = before;
	pool->is_unchanged = pool->is_left_alone = true;
}

/* What records are made from (live_records.h), but for what ports find out while running. */
static bool has_same_ways(const struct forwarding *forwarding, const struct config *config)
{
	return forwarding->config != NULL && !forwarding->is_adopted &&
	       config_digest_rest(forwarding->config) == config_digest_rest(config);
}

static int create_lists(
	struct forwarding *forwarding, struct forwarding_change *change, struct error *error)
{
	const struct config *config = change->config;

	change->pool_finder =
		(struct finder){ forwarding->pools, forwarding->pool_count, pool_key, NULL };
	change->service_finder = (struct finder){ forwarding->services, forwarding->service_count,
		service_key, NULL };
	change->pools = calloc(config->pool_count + 1, sizeof(*change->pools));
	change->neighbours = neighbours_create(config);
	change->services = calloc(config->service_count + 1, sizeof(*change->services));
	change->tables = tables_create(forwarding->secret,
		state_record(forwarding->state, RECORD_NONE), config->service_count);
	if (forwarding->foresee != NULL)
		change->zones = zones_create(config);
	if (change->pools == NULL || change->neighbours == NULL || change->services == NULL ||
		change->tables == NULL || (forwarding->foresee != NULL && change->zones == NULL))
		return out_of_memory(error);
	change->tables->affinity = tracking_affinity(forwarding->tracking);
	return 0;
}

/* The next one. */
static int prepare_pool(
	struct forwarding *forwarding, struct forwarding_change *change, struct error *error)
{
	size_t number = change->pool_count;
	const struct config_pool *pool = &change->config->pools[number];
	struct pool_state *before = find_before(forwarding, &change->pool_finder, pool, number);
	int code;

	if (is_unchanged(forwarding, change, pool, before)) {
		share_pool(&change->pools[number], before);
		change->pool_count++;
		before->stays = true;
		return 0;
	}
	code = create_pool(forwarding, change, &change->pools[number], pool, before, error);
	if (code != 0)
		return code;
	change->pool_count++;
	if (before != NULL)
		before->stays = true;
	return prepare_backends(forwarding, change, number, error);
}

static enum affinity_udp udp_of(const struct config_service *config)
{
	switch (config->udp) {
	case CONFIG_UDP_HASH: return AFFINITY_UDP_HASH;
	case CONFIG_UDP_QUIC: return AFFINITY_UDP_QUIC;
	default: return AFFINITY_UDP_PIN;
	}
}

static void set_pool(
	const struct forwarding *forwarding, const struct live_pool *live, struct service *row)
{
	row->slots = state_slots(forwarding->state, live->first_word);
	row->record_of = live->record_of;
	row->slot_count = live->slots;
	row->pool = live->number;
}

/* The rules that are about clients of the VIP. Returns how many. */
static size_t list_rules(const struct forwarding *forwarding,
	const struct forwarding_change *change, const struct config_service *config,
	const struct service *row, struct service_rule *rules)
{
	size_t count = 0;

	for (size_t i = 0; i < config->split_count; i++) {
		const struct config_split *split = &config->splits[i];
		struct service_rule *rule = &rules[count];

		if (!config_split_fits(split, config->vip.family))
			continue;
		*rule = (struct service_rule){ .service = *row, .length = split->from.length };
		memcpy(rule->prefix, split->from.address.bytes, sizeof(rule->prefix));
		rule->service.rule = (uint8_t)(i + 1);
		set_pool(forwarding, change->pools[split->pool].live, &rule->service);
		count++;
	}
	return count;
}

static int add_row(struct forwarding *forwarding, struct forwarding_change *change,
	const struct config_service *config, const struct service *row)
{
	struct service_rule rules[SERVICE_RULES_MAX];
	struct service_key key = {
		.vip = config->vip,
		.protocol = config->protocol,
		.port = rte_cpu_to_be_16(config->port),
	};
	size_t count = list_rules(forwarding, change, config, row, rules);

	return count == 0
		       ? service_table_add(change->tables->services, &key, row)
		       : service_table_add_split(change->tables->services, &key, row, rules, count);
}

static_assert(CONFIG_SPLITS_MAX <= SERVICE_RULES_MAX, "all rules of a service have room");

static int add_service(struct forwarding *forwarding, struct forwarding_change *change,
	size_t number, struct live_service *before, struct error *error)
{
	const struct config_service *config = &change->config->services[number];
	struct live_service *service = &change->services[number];
	struct service row = { 0 };
	int code;

	snprintf(service->name, sizeof(service->name), "%s", config->name);
	service->number =
		before != NULL ? before->number : live_numbers_take_service(forwarding->numbers);
	if (service->number == ARENA_FULL)
		return live_pool_no_room(error, "another service");
	service->is_new = before == NULL;
	if (before != NULL)
		before->stays = true;
	row.mode = (enum record_mode)config->forward;
	row.counter = counters_service_cell(service->number);
	row.udp = udp_of(config);
	set_pool(forwarding, change->pools[config->pool].live, &row);
	code = add_row(forwarding, change, config, &row);
	if (code == -EEXIST)
		return error_set(
			error, code, "services[%zu]: claims what another service claims", number);
	return code == 0 ? 0 : error_set(error, code, "services[%zu]: %s", number, strerror(-code));
}

/* The next one. */
static int prepare_service(
	struct forwarding *forwarding, struct forwarding_change *change, struct error *error)
{
	size_t number = change->service_count;
	size_t index =
		finder_find(&change->service_finder, change->config->services[number].name, number);

	change->service_count++;
	return add_service(forwarding, change, number,
		index == FINDER_NONE ? NULL : &forwarding->services[index], error);
}

static struct plan_share share_of(void *context, size_t pool, size_t backend)
{
	const struct forwarding_change *change = context;

	return live_backend_share(&change->pools[pool].backends[backend],
		config_options_of(change->config, pool, backend), change->now_ms);
}

static bool is_pool_alike(void *context, size_t pool)
{
	const struct forwarding_change *change = context;

	return change->pools[pool].is_unchanged;
}

/* Of a pool that goes on from another process, words say who serves until its table is built. */
static bool is_built_later(
	const struct forwarding *forwarding, const struct forwarding_change *change, size_t number)
{
	return forwarding->is_adopted && change->pools[number].before != NULL;
}

static int outline_plan(
	struct forwarding *forwarding, struct forwarding_change *change, struct error *error)
{
	change->plan = plan_outline(forwarding->planner, change->config, forwarding->plan, share_of,
		is_pool_alike, change, error);
	if (change->plan == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < change->pool_count; i++)
		change->pools[i].is_built_later = is_built_later(forwarding, change, i);
	return 0;
}

/* The words of a new pool, which no worker can reach yet, go with its table. */
static int build_pool(struct forwarding_change *change, size_t number)
{
	struct plan_pool *plan = &change->plan->pools[number];
	const struct pool_state *pool = &change->pools[number];
	const struct live_slots slots = {
		.pool = pool->live,
		.backends = pool->backends,
		.backend_count = pool->configured_count,
		.affinity = &change->config->pools[number].affinity,
	};
	int code;

	if (pool->is_built_later)
		return 0;
	code = plan_pool_build(change->planner, plan);
	if (code == 0 && pool->before == NULL)
		live_slots_fill(&slots, plan->table);
	return code;
}

void forwarding_plan_change(struct forwarding_change *change)
{
	change->code = tracking_fill_pins(change->tracking, &change->error);
	if (change->code != 0)
		return;
	for (size_t i = 0; change->code == 0 && i < change->pool_count; i++)
		change->code = build_pool(change, i);
	if (change->code != 0)
		error_set(&change->error, change->code, "cannot work out the tables: %s",
			strerror(-change->code));
	plan_sum_digests(change->plan);
}

static bool is_as_before(const struct pool_state *pool, const struct plan_pool *plan)
{
	const struct pool_state *before = pool->before;

	if (before == NULL || plan->table == NULL || pool->backend_count != before->backend_count ||
		plan->table->number != pool->live->table_number)
		return false;
	for (size_t i = 0; i < pool->backend_count; i++)
		if (pool->backends[i].before != &before->backends[i] ||
			!live_backend_is_alike(&pool->backends[i], &before->backends[i]))
			return false;
	return true;
}

/*
 * Pools in which nothing changes go on with the backends that they have, and with all that these
 * learn until the commit, which so has nothing to do for them.
 */
static void leave_alone(struct forwarding_change *change)
{
	for (size_t i = 0; i < change->pool_count; i++) {
		struct pool_state *pool = &change->pools[i];

		if (pool->is_unchanged || !is_as_before(pool, &change->plan->pools[i]))
			continue;
		free(pool->backends);
		pool->backends = pool->before->backends;
		pool->is_left_alone = true;
	}
}

/* For more slots than the committed configuration has; at a start nothing is asked. */
static int check_memory(
	const struct forwarding *forwarding, const struct config *config, struct error *error)
{
	uint64_t words, before;
	int code;

	if (forwarding->config == NULL)
		return 0;
	words = forwarding_slot_words(config);
	before = forwarding_slot_words(forwarding->config);
	if (words <= before + SLOTS_UNASKED)
		return 0;
	code = memory_left_check(
		"/proc", (words - before) * (FORWARDING_BYTES_PER_SLOT + sizeof(uint32_t)), error);
	return code == 0 ? 0 : error_wrap(error, code, "pools: their slots");
}

/* More of them than the committed configuration has; at a start the state file has what is asked.
 */
static int prepare_pins(
	struct forwarding *forwarding, const struct config *config, struct error *error)
{
	if (forwarding->config == NULL ||
		config->dataplane.pins <= forwarding->config->dataplane.pins)
		return 0;
	return tracking_prepare_pins(forwarding->tracking, config->dataplane.pins, error);
}

struct forwarding_change *forwarding_begin(struct forwarding *forwarding,
	const struct config *config, const struct live_terms *terms, struct error *error)
{
	struct forwarding_change *change;
	int code;

	/* what earlier changes left behind may be the room that this one needs */
	publish_reclaim(forwarding->publish);
	change = calloc(1, sizeof(*change));
	if (change == NULL) {
		out_of_memory(error);
		return NULL;
	}
	forwarding->changing = true;
	change->config = config;
	change->planner = forwarding->change_planner;
	change->same_ways = has_same_ways(forwarding, config);
	change->tracking = forwarding->tracking;
	change->terms = terms;
	change->now_ms = forwarding->clock();
	code = check_memory(forwarding, config, error);
	if (code == 0)
		code = prepare_pins(forwarding, config, error);
	if (code == 0)
		code = create_lists(forwarding, change, error);
	if (code != 0) {
		forwarding_abort(forwarding, change);
		return NULL;
	}
	return change;
}

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000;
}

/* One step of forwarding_take_room(): 1 where more are left, 0, or -errno. */
static int take_step(
	struct forwarding *forwarding, struct forwarding_change *change, struct error *error)
{
	int code;

	if (change->pool_count < change->config->pool_count)
		code = prepare_pool(forwarding, change, error);
	else if (change->service_count < change->config->service_count)
		code = prepare_service(forwarding, change, error);
	else
		return outline_plan(forwarding, change, error);
	return code == 0 ? 1 : code;
}

int forwarding_take_room(
	struct forwarding *forwarding, struct forwarding_change *change, struct error *error)
{
	uint64_t end_us = cpu_us() + TURN_US;
	int code;

	do
		code = take_step(forwarding, change, error);
	while (code == 1 && cpu_us() < end_us);
	return code;
}

int forwarding_end_plan(struct forwarding_change *change, struct error *error)
{
	if (change->code != 0)
		return error_set(error, change->code, "%s", change->error.message);
	finder_fini(&change->pool_finder);
	finder_fini(&change->service_finder);
	change->terms = NULL;
	leave_alone(change);
	return 0;
}

struct forwarding_change *forwarding_prepare(struct forwarding *forwarding,
	const struct config *config, const struct live_terms *terms, struct error *error)
{
	struct forwarding_change *change = forwarding_begin(forwarding, config, terms, error);

	int code;

	if (change == NULL)
		return NULL;
	while ((code = forwarding_take_room(forwarding, change, error)) == 1)
		;
	if (code == 0) {
		forwarding_plan_change(change);
		code = forwarding_end_plan(change, error);
	}
	if (code == 0)
		return change;
	forwarding_abort(forwarding, change);
	return NULL;
}

const struct plan *forwarding_change_plan(const struct forwarding_change *change)
{
	return change->plan;
}

/* What is live goes on as if no change had been prepared. */
static void forget_stays(struct forwarding *forwarding)
{
	for (size_t i = 0; i < forwarding->pool_count; i++) {
		forwarding->pools[i].stays = false;
		for (size_t k = 0; k < forwarding->pools[i].backend_count; k++)
			forwarding->pools[i].backends[k].stays = false;
	}
	for (size_t i = 0; i < forwarding->service_count; i++)
		forwarding->services[i].stays = false;
}

static void abort_pool(struct forwarding *forwarding, struct pool_state *pool)
{
	if (pool->is_left_alone)
		return;
	for (size_t i = 0; i < pool->backend_count; i++) {
		struct live_backend *backend = &pool->backends[i];

		live_records_abort(forwarding->state, backend);
		if (backend->before == NULL)
			live_numbers_give_backend(forwarding->numbers, pool->live, backend);
	}
	if (pool->before == NULL)
		live_pool_destroy(pool->live);
	free(pool->backends);
}

void forwarding_abort(struct forwarding *forwarding, struct forwarding_change *change)
{
	for (size_t i = 0; i < change->service_count; i++)
		if (change->services[i].is_new)
			live_numbers_give_service(forwarding->numbers, change->services[i].number);
	for (size_t i = 0; i < change->pool_count; i++)
		abort_pool(forwarding, &change->pools[i]);
	tracking_abort_pins(forwarding->tracking);
	forget_stays(forwarding);
	forwarding->changing = false;
	finder_fini(&change->pool_finder);
	finder_fini(&change->service_finder);
	neighbours_destroy(change->neighbours);
	zones_destroy(change->zones);
	plan_destroy(change->plan);
	tables_destroy(change->tables);
	free(change->services);
	free(change->pools);
	free(change);
}
