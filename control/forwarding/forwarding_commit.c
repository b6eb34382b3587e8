/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of stores is what makes a change invisible to traffic:
 *
 *   0. rows: the next process finds out whom every number stands for; that of a new pool comes
 * after its words, which were another's;
 *   1. members and records: a worker that follows a word, old or new, finds a whole record;
 *   2. the generation of tables: it points to words that are in place;
 *   3. slot words, each by itself: a packet goes by the old owner or by the new one;
 *   4. what nobody can reach from now on is retired, and reused only after a grace period
 *      (words gone, grace period, a sweep over the pins, reuse).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "forwarding/forwarding_live.h"
#include "pool/live_records.h"
#include "json/lookup.h"
#include "affinity/slots.h"

#define STORE_US 5000 /* of CPU time, for tables, in the turn of the commit */
#define DRAIN_OBSERVE_S \
	3600           /* a drain without an end no longer keeps its slots from another home */
#define UDP_GRACE_S 60 /* UDP without a pin goes home for as long after a move */

static void release_service_place(void *context, uint64_t place)
{
	forwarding_erase_service(context, place);
	arena_give(((struct forwarding *)context)->service_places, place, 1);
}

/*
 * Out of memory for the note, a thing stays taken for good: that leaks a number, while reusing one
 * that a worker may still hold would misroute packets.
 */
static void retire(
	struct forwarding *forwarding, publish_release_t *release, void *context, uint64_t value)
{
	publish_retire(forwarding->publish, release, context, value);
}

static void release_row(void *context, uint64_t gid)
{
	forwarding_erase_backend(context, gid);
}

void forwarding_retire_backend(
	struct forwarding *forwarding, struct live_pool *live, const struct live_backend *backend)
{
	live_records_retire(forwarding->state, backend->records, forwarding->publish);
	forwarding_leave_gid(forwarding, backend->gid);
	retire(forwarding, release_row, forwarding, backend->gid);
	retire(forwarding, live_pool_release_index, live, backend->index);
	tracking_leave(forwarding->tracking, backend->gid);
}

/* A new one has a row before anything else can name it. */
static void enter_backend(
	struct forwarding *forwarding, struct member_pool *pool, struct live_backend *backend)
{
	forwarding_sum(forwarding, forwarding_backend_place(forwarding, backend->gid),
		&forwarding->backend_baselines[backend->gid]);
	memset(&forwarding->backend_epochs[backend->gid], 0, sizeof(struct counter));
	forwarding_enter_gid(forwarding, backend->gid);
	tracking_enter(forwarding->tracking, backend->gid, pool->live, backend->index);
}

/* Steps 0 and 1. */
static void store_backends(struct forwarding *forwarding, struct member_pool *pool)
{
	for (size_t i = 0; i < pool->backend_count; i++) {
		struct live_backend *backend = &pool->backends[i];

		if (backend->before == NULL)
			enter_backend(forwarding, pool, backend);
		/* else its row says so already */
		if (backend->before == NULL || !live_backend_is_alike(backend, backend->before))
			forwarding_write_backend(forwarding, pool->live, backend);
		tracking_store(forwarding->tracking, backend->gid, &backend->life);
		live_records_store(pool->live, backend,
			backend->before == NULL ? RECORD_NONE : backend->before->records,
			forwarding->publish);
	}
}

/* What the table says by seats, by the indices that words have. Vacant seats own no slot. */
struct translation {
	const uint16_t *seats;              /* by slot */
	uint16_t indices[SLOT_BACKEND_MAX]; /* by seat, close together */
};

static void translate(struct translation *translation, const struct member_pool *pool,
	const struct plan_pool *plan)
{
	translation->seats = plan->table->seats;
	for (size_t i = 0; i < pool->configured_count; i++)
		translation->indices[i] = pool->backends[i].index;
}

static uint16_t index_of(const struct translation *translation, uint32_t slot)
{
	uint16_t seat = translation->seats[slot];

	return seat == PLAN_NO_BACKEND ? SLOT_NO_BACKEND : translation->indices[seat];
}

void forwarding_fill_slots(struct member_pool *pool, const struct plan_pool *plan)
{
	_Atomic uint32_t *words = live_pool_words(pool->live);
	struct translation translation;

	translate(&translation, pool, plan);
	for (uint32_t slot = 0; slot < plan->slots; slot++) {
		uint16_t index = index_of(&translation, slot);

		slot_store(&words[slot], slot_pack(index, index));
	}
	pool->live->table_number = plan->table->number;
}

static struct transitions_times times_of(const struct config_affinity *affinity)
{
	return (struct transitions_times){
		.observe_s = affinity->observe_s,
		.settle_s = affinity->settle_s,
		.hold_s = affinity->hold_s,
		.guard_s = affinity->guard_s,
		.drain_observe_s = DRAIN_OBSERVE_S,
		.udp_grace_s = UDP_GRACE_S,
	};
}

static const struct config_pool *config_of(
	const struct forwarding *forwarding, const struct member_pool *pool)
{
	return &forwarding->config->pools[pool - forwarding->pools];
}

void forwarding_advance_slots(struct forwarding *forwarding, struct member_pool *pool)
{
	struct transitions_times times = times_of(&config_of(forwarding, pool)->affinity);
	uint32_t lapsed_s = tracking_observe(forwarding->tracking, pool->live->number, &times);

	transitions_advance(pool->live->transitions, &times, lapsed_s, forwarding_now_s(forwarding),
		&pool->live->summary);
}

/* Step 3. */
uint32_t forwarding_store_table(
	struct forwarding *forwarding, struct member_pool *pool, const struct plan_pool *plan)
{
	struct transitions_times times = times_of(&config_of(forwarding, pool)->affinity);
	struct translation translation;
	uint32_t moved;

	translate(&translation, pool, plan);
	for (uint32_t slot = 0; slot < plan->slots; slot++)
		pool->live->table[slot] = index_of(&translation, slot);
	pool->live->table_number = plan->table->number;
	moved = transitions_publish(
		pool->live->transitions, pool->live->table, &times, forwarding_now_s(forwarding));
	forwarding_advance_slots(forwarding, pool);
	return moved;
}

/* Step 4. */
static void release_pool_row(void *context, uint64_t number)
{
	forwarding_erase_pool(context, number);
}

static void retire_pool(struct forwarding *forwarding, const struct member_pool *pool)
{
	forwarding->dirty_count -= pool->live->is_dirty;
	pool->live->is_dirty = false;
	for (size_t i = 0; i < pool->backend_count; i++)
		forwarding_retire_backend(forwarding, pool->live, &pool->backends[i]);
	retire(forwarding, release_pool_row, forwarding, pool->live->number);
	retire(forwarding, live_pool_release, pool->live, 0);
}

static void retire_removed(struct forwarding *forwarding)
{
	for (size_t i = 0; i < forwarding->service_count; i++)
		if (!forwarding->services[i].stays)
			retire(forwarding, release_service_place, forwarding,
				forwarding->services[i].place);
	for (size_t i = 0; i < forwarding->pool_count; i++)
		if (!forwarding->pools[i].stays)
			retire_pool(forwarding, &forwarding->pools[i]);
}

static void store_services(struct forwarding *forwarding, struct forwarding_change *change)
{
	for (size_t i = 0; i < change->config->service_count; i++) {
		struct live_service *service = &change->services[i];

		if (service->is_new) {
			forwarding_sum(forwarding, counters_service_place(service->place),
				&forwarding->service_baselines[service->place]);
			memset(&forwarding->service_epochs[service->place], 0,
				sizeof(struct counter));
			forwarding_write_service(forwarding, service);
		}
		service->is_new = false;
	}
	publish_tables(forwarding->publish, change->tables);
}

/* The change is over for those who are live from now on. */
static void settle_pool(struct member_pool *pool)
{
	pool->before = NULL;
	for (size_t i = 0; i < pool->backend_count && !pool->is_unchanged; i++) {
		struct live_backend *backend = &pool->backends[i];

		backend->before = NULL;
		backend->stays = false;
	}
}

/* Time has not stood still since the change was prepared. */
static void catch_up(const struct forwarding *forwarding, struct forwarding_change *change)
{
	const struct live_records_source source = {
		.state = forwarding->state,
		.config = change->config,
		.neighbours = change->neighbours,
		.ports = forwarding->ports,
	};

	for (size_t i = 0; i < change->pool_count; i++) {
		struct member_pool *pool = &change->pools[i];

		for (size_t k = 0; k < pool->backend_count && !pool->is_left_alone; k++) {
			struct live_backend *backend = &pool->backends[k];

			live_records_remake(&source, backend);
			if (backend->before != NULL)
				live_backend_catch_up(backend, backend->before);
			live_backend_go_on(backend, &change->config->pools[i], change->now_ms);
		}
	}
}

bool forwarding_pins_udp(const struct config *config)
{
	for (size_t i = 0; i < config->service_count; i++)
		if (config->services[i].protocol == CONFIG_PROTOCOL_UDP &&
			config->services[i].udp != CONFIG_UDP_HASH)
			return true;
	return false;
}

/* The shells go; what was live in them has gone on or is retired. */
static void adopt(struct forwarding *forwarding, struct forwarding_change *change)
{
	for (size_t i = 0; i < change->pool_count; i++)
		if (change->pools[i].is_left_alone)
			change->pools[i].before->backends = NULL;
	for (size_t i = 0; i < forwarding->pool_count; i++) {
		lookup_destroy(forwarding->pools[i].by_name);
		free(forwarding->pools[i].backends);
	}
	free(forwarding->pools);
	free(forwarding->services);
	plan_destroy(forwarding->plan);
	for (size_t i = 0; i < change->pool_count; i++)
		settle_pool(&change->pools[i]);
	neighbours_destroy(forwarding->neighbours);
	forwarding->neighbours = change->neighbours;
	forwarding->config = change->config;
	forwarding->plan = change->plan;
	forwarding->pools = change->pools;
	forwarding->pool_count = change->pool_count;
	forwarding->services = change->services;
	forwarding->service_count = change->config->service_count;
	forwarding->with_udp = forwarding_pins_udp(change->config);
	forwarding->changing = forwarding->is_adopted = false;
	for (size_t i = 0; i < forwarding->pool_count; i++)
		forwarding_place_backends(forwarding, i);
	free(change);
}

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000;
}

/*
 * Step 3. A pool that was left alone may have got a newer table by news meanwhile; the table of all
 * others follows what backends have become since the change was prepared before it is stored. What
 * does not fit into a turn of the loop is stored in turns of its own (forwarding_build_due()): a
 * pool is independent of all others, and its old table as good as a word that has not been stored
 * yet.
 */
static void store_tables(struct forwarding *forwarding)
{
	uint64_t now_ms = forwarding->clock();
	uint64_t end_us = cpu_us() + STORE_US;

	for (size_t i = 0; i < forwarding->pool_count; i++) {
		struct member_pool *pool = &forwarding->pools[i];
		const struct plan_table *table = forwarding->plan->pools[i].table;
		bool is_left_alone = pool->is_left_alone;

		pool->is_left_alone = pool->is_unchanged = false;
		if (is_left_alone && pool->live->table_number == table->number)
			continue;
		if (table == NULL || cpu_us() >= end_us)
			forwarding_make_dirty(forwarding, i, now_ms);
		else if (is_left_alone)
			forwarding_advance_pool(forwarding, i, now_ms);
		else /* its backends have caught up in this turn */
			forwarding_follow_shares(forwarding, i, now_ms, NULL, NULL);
	}
}

/*
 * Slot words come last, when config, plan and pools are those to come: what they move is judged by
 * the new ones.
 */
void forwarding_commit(struct forwarding *forwarding, struct forwarding_change *change)
{
	change->now_ms = forwarding->clock();
	/* no slot is promoted by this change whose flows may have gone unrecorded until now */
	tracking_tick(forwarding->tracking, change->now_ms, forwarding->with_udp);
	tracking_commit_pins(forwarding->tracking);
	catch_up(forwarding, change);
	for (size_t i = 0; i < change->pool_count; i++) {
		struct member_pool *pool = &change->pools[i];

		if (pool->before == NULL) {
			tracking_begin_pool(forwarding->tracking, pool->live->number);
			forwarding_write_pool(forwarding, pool);
		}
		if (!pool->is_left_alone)
			store_backends(forwarding, pool);
	}
	store_services(forwarding, change);
	retire_removed(forwarding);
	adopt(forwarding, change);
	store_tables(forwarding);
	state_generation_advance(forwarding->state);
}
