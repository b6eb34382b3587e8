/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of stores is what makes a change invisible to traffic:
 *
 *   0. rows: the next process finds out what every number stands for; that of a new pool comes
 * after its words, which were another's;
 *   1. members and records: a worker that follows a word, old or new, finds a whole record;
 *   2. the generation of tables: it points to words that are in place;
 *   3. slot words, each by itself: a packet goes by the old owner or by the new one;
 *   4. what no worker can reach from now on is retired, and reused only after a grace period
 *      (words gone, grace period, a sweep over the pins, reuse).
 */
#include <stdlib.h>
#include <time.h>

#include "common/events.h"
#include "forwarding/forwarding_advance.h"
#include "forwarding/forwarding_build.h"
#include "forwarding/forwarding_change.h"
#include "forwarding/forwarding_foresee.h"
#include "json/lookup.h"
#include "pool/live_records.h"
#include "pool/live_rows.h"

#define LIVES_MAX 50   /* events about backends of one change */
#define STORE_US  5000 /* of CPU time, for tables, in the turn of the commit */

/* A new one has a row before anything else can name it. */
static void enter_backend(
	struct forwarding *forwarding, struct pool_state *pool, struct live_backend *backend)
{
	counter_baselines_begin_backend(forwarding->baselines, backend->gid);
	gid_table_enter(forwarding->gids, backend->gid);
	tracking_enter(forwarding->tracking, backend->gid, pool->live, backend->index);
}

/* Steps 0 and 1. */
static void store_backends(struct forwarding *forwarding, struct pool_state *pool)
{
	for (size_t i = 0; i < pool->backend_count; i++) {
		struct live_backend *backend = &pool->backends[i];

		if (backend->before == NULL)
			enter_backend(forwarding, pool, backend);
		/* else its row says so already */
		if (backend->before == NULL || !live_backend_is_alike(backend, backend->before))
			live_rows_write_backend(pool->live, backend,
				counter_baselines_of_backend(forwarding->baselines, backend->gid));
		tracking_store(forwarding->tracking, backend->gid, &backend->life);
		live_records_store(pool->live, backend,
			backend->before == NULL ? RECORD_NONE : backend->before->records,
			forwarding->publish);
	}
}

/* Step 4. */
static void retire_pool(struct forwarding *forwarding, const struct pool_state *pool)
{
	build_queue_remove(forwarding->queue, pool->live);
	for (size_t i = 0; i < pool->backend_count; i++)
		forwarding_retire_backend(forwarding, pool->live, &pool->backends[i]);
	live_numbers_retire_pool(forwarding->numbers, pool->live);
}

static void retire_removed(struct forwarding *forwarding)
{
	for (size_t i = 0; i < forwarding->service_count; i++)
		if (!forwarding->services[i].stays)
			live_numbers_retire_service(
				forwarding->numbers, forwarding->services[i].number);
	for (size_t i = 0; i < forwarding->pool_count; i++)
		if (!forwarding->pools[i].stays)
			retire_pool(forwarding, &forwarding->pools[i]);
}

static void store_services(struct forwarding *forwarding, struct forwarding_change *change)
{
	for (size_t i = 0; i < change->config->service_count; i++) {
		struct live_service *service = &change->services[i];

		if (service->is_new) {
			counter_baselines_begin_service(forwarding->baselines, service->number);
			live_rows_write_service(forwarding->state, service->number, service->name,
				counter_baselines_of_service(
					forwarding->baselines, service->number));
		}
		service->is_new = false;
	}
	publish_tables(forwarding->publish, change->tables);
}

/* The change is over for a pool that is live from now on. */
static void end_change(struct pool_state *pool)
{
	pool->before = NULL;
	for (size_t i = 0; i < pool->backend_count && !pool->is_unchanged; i++) {
		struct live_backend *backend = &pool->backends[i];

		backend->before = NULL;
		backend->stays = false;
	}
}

/* Time has not stood still since the change was prepared. */
static void catch_up(struct forwarding *forwarding, struct forwarding_change *change)
{
	const struct live_records_source source = {
		.state = forwarding->state,
		.config = change->config,
		.neighbours = change->neighbours,
		.ports = forwarding->ports,
	};

	for (size_t i = 0; i < change->pool_count; i++) {
		struct pool_state *pool = &change->pools[i];

		for (size_t k = 0; k < pool->backend_count && !pool->is_left_alone; k++) {
			const struct live_backend *own = forwarding_change_own(change, i, k);
			struct live_backend *backend = &pool->backends[k];

			live_records_remake(&source, backend);
			if (backend->before != NULL)
				live_backend_catch_up(backend, backend->before);
			else if (own != NULL)
				live_backend_inherit(backend, own);
			live_backend_go_on(
				backend, config_options_of(change->config, i, k), change->now_ms);
		}
		if (!pool->is_left_alone)
			forwarding_foresee_pool(forwarding, change, i);
	}
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
		end_change(&change->pools[i]);
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
		forwarding_index_backends(forwarding, i);
	zones_destroy(change->zones);
	free(change);
}

/* Of very many, the first: whoever made the change knows of all. */
static void publish_lives(const struct forwarding_change *change)
{
	size_t count = 0;

	for (size_t i = 0; i < change->pool_count; i++) {
		const struct pool_state *pool = &change->pools[i];

		for (size_t k = 0; k < pool->backend_count && !pool->is_left_alone; k++) {
			const struct live_backend *backend = &pool->backends[k];

			if (backend->before == NULL ||
				backend->life.state == backend->before->life.state ||
				count++ >= LIVES_MAX)
				continue;
			forwarding_publish_life(pool, backend->before, backend);
		}
	}
	if (count > LIVES_MAX)
		events_publish(EVENT(BACKEND, INFO, NODE, NULL),
			"%zu more backends have changed with the configuration", count - LIVES_MAX);
}

static uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000;
}

/*
 * Step 3. A pool that was left alone may have got a newer table meanwhile, by an update; the table
 * of all others follows what backends have become since the change was prepared before it is
 * stored. What does not fit into a turn of the loop is stored in turns of its own
 * (forwarding_build_due()): a pool is independent of all others, and its old table as good as a
 * word that has not been stored yet.
 */
static void store_tables(struct forwarding *forwarding)
{
	uint64_t now_ms = forwarding->clock();
	uint64_t end_us = cpu_us() + STORE_US;

	for (size_t i = 0; i < forwarding->pool_count; i++) {
		struct pool_state *pool = &forwarding->pools[i];
		const struct plan_table *table = forwarding->plan->pools[i].table;
		bool is_left_alone = pool->is_left_alone;

		pool->is_left_alone = pool->is_unchanged = false;
		if (is_left_alone && pool->live->table_number == table->number)
			continue;
		if (table == NULL || cpu_us() >= end_us)
			build_queue_add(forwarding->queue, pool->live, now_ms);
		else if (is_left_alone)
			forwarding_advance_pool(forwarding, i, now_ms);
		else /* its backends have caught up in this turn */
			forwarding_follow_shares(forwarding, i, now_ms, NULL, NULL);
	}
}

/*
 * Slot words come last, when config, plan and pools are the new ones, because
 * the rules go by these.
 */
void forwarding_commit(struct forwarding *forwarding, struct forwarding_change *change)
{
	change->now_ms = forwarding->clock();
	/* no slot is promoted by this change whose flows may have gone unobserved until now */
	tracking_tick(forwarding->tracking, change->now_ms, forwarding->with_udp);
	tracking_commit_pins(forwarding->tracking);
	catch_up(forwarding, change);
	for (size_t i = 0; i < change->pool_count; i++) {
		struct pool_state *pool = &change->pools[i];

		if (pool->before == NULL) {
			tracking_begin_pool(forwarding->tracking, pool->live->number);
			live_rows_write_pool(pool->live, pool->name);
		}
		if (!pool->is_left_alone)
			store_backends(forwarding, pool);
	}
	publish_lives(change);
	store_services(forwarding, change);
	retire_removed(forwarding);
	adopt(forwarding, change);
	store_tables(forwarding);
	state_generation_advance(forwarding->state);
}
