/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an earlier process has left is made live again as it was, by the identities in its rows and
 * not by the numbers of any configuration. The first change then makes of it what the configuration
 * calls for now, as any change does: with backends that stay, come, go and move.
 *
 * Every number is validated before it is used. What makes no sense is left out: the rules for slots
 * (transitions.h) have an answer to words that name no backend.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "plan/finder.h"
#include "forwarding/forwarding_live.h"
#include "pool/live_rows.h"
#include "state/identity.h"
#include "maglev/maglev.h"
#include "state/state_reader.h"

/* More than any node has counted: 2^62 bytes take a year at 1 Tbit/s. */
#define COUNTER_SANE (UINT64_C(1) << 62)

#define WORDS_AT_ONCE 8192u /* of slots: 32 KiB */
#define COPIERS_MAX   4u    /* threads that copy words, from memory to memory */

/* Where the adoption has got to. */
struct adoption {
	struct forwarding *forwarding;
	const struct state_reader *before;
	const struct state_layout *layout; /* of the previous process */
	const struct config *config;
	void (*report)(const char *sentence);
	uint32_t now_s;
	struct finder configured;    /* pools of `config` */
	unsigned int unsound;        /* rows in use that make no sense */
	struct pool_state **pool_of; /* by its previous number; NULL: not adopted */
};

static int out_of_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "out of memory");
}

static void add_counter(struct counter *sum, const struct counter *more)
{
	sum->packets += counter_read(&more->packets);
	sum->bytes += counter_read(&more->bytes);
	sum->new_flows += counter_read(&more->new_flows);
}

/*
 * What all workers of the previous process have counted in a cell for its last owner. False where
 * that makes no sense: it is damage, and the owner counts from 0.
 */
static bool read_counter(const struct adoption *adoption, uint32_t cell,
	const struct counter *baseline, struct counter *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < adoption->layout->workers; i++)
		add_counter(sum, &state_reader_counters(adoption->before, i)->counters[cell]);
	if (sum->packets > COUNTER_SANE || sum->bytes > COUNTER_SANE ||
		sum->packets < baseline->packets || sum->bytes < baseline->bytes ||
		sum->new_flows < baseline->new_flows)
		return false;
	sum->packets -= baseline->packets;
	sum->bytes -= baseline->bytes;
	sum->new_flows -= baseline->new_flows;
	return true;
}

/* Pools. */

static void pool_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	snprintf(key, FINDER_KEY_SIZE, "%s", ((const struct config_pool *)list)[index].name);
}

/* Pools mostly stand in the order in which they once were made. */
static bool keeps_slots(struct adoption *adoption, const struct identity_pool *row, uint32_t number)
{
	size_t index = finder_find(&adoption->configured, row->name, number);
	char sentence[256];

	if (index == FINDER_NONE || adoption->config->pools[index].slots == row->slots)
		return true;
	snprintf(sentence, sizeof(sentence), "pool %s starts cold: it had %u slots and now has %u",
		row->name, row->slots, adoption->config->pools[index].slots);
	adoption->report(sentence);
	return false;
}

/* One that there is no room for starts cold. */
static void adopt_pool(struct adoption *adoption, uint32_t number, const struct identity_pool *row)
{
	struct forwarding *forwarding = adoption->forwarding;
	struct pool_state *pool = &forwarding->pools[forwarding->pool_count];
	struct error error = { "" };

	pool->live = live_pool_create(forwarding->state, live_numbers_of_pools(forwarding->numbers),
		row->slots, adoption->now_s, &error);
	if (pool->live == NULL) {
		adoption->report(error.message);
		return;
	}
	snprintf(pool->name, sizeof(pool->name), "%s", row->name);
	pool->live->summary = (struct transitions_summary){ 0 };
	live_rows_write_pool(pool->live, pool->name);
	adoption->pool_of[number] = pool;
	forwarding->pool_count++;
}

static int adopt_pools(struct adoption *adoption, struct error *error)
{
	struct forwarding *forwarding = adoption->forwarding;

	forwarding->pools = calloc(adoption->layout->pools + 1, sizeof(*forwarding->pools));
	adoption->pool_of = calloc(adoption->layout->pools + 1, sizeof(*adoption->pool_of));
	if (forwarding->pools == NULL || adoption->pool_of == NULL)
		return out_of_memory(error);
	for (uint32_t i = 0; i < adoption->layout->pools; i++) {
		const struct identity_pool *row = state_reader_pool_row(adoption->before, i);

		if (!identity_pool_is_sound(row, adoption->layout) || !maglev_is_prime(row->slots))
			adoption->unsound += identity_is_used(&row->used);
		else if (keeps_slots(adoption, row, i))
			adopt_pool(adoption, i, row);
	}
	return 0;
}

/* Backends. */

static void fill_backend(struct live_backend *backend, const struct identity_backend *row,
	const struct adoption *adoption)
{
	live_backend_init(backend, &row->address, adoption->now_s * UINT64_C(1000));
	snprintf(backend->name, sizeof(backend->name), "%s", row->name);
	snprintf(backend->key, sizeof(backend->key), "%s", row->key);
	backend->index = row->index;
	backend->weight = row->weight;
	backend->facts = (struct membership_facts){
		.wish = row->wish,
		.weight = row->weight,
		.deadline_s = row->deadline_s,
		.healthy = row->healthy,
		.rests = row->rests,
		.health_s = row->health_s,
		.instance = row->instance,
	};
	backend->life = (struct membership_life){
		.state = row->state,
		.changed_s = row->changed_s,
		.instance_s = row->instance_s,
		.instance = row->instance,
	};
	backend->ramp_s = row->ramp_s;
	backend->joining = row->joining;
	backend->asked_share = row->share;
	backend->dynamic.factor = row->steps * (FACTOR_ONE / FACTOR_DYNAMIC_STEPS);
}

static int grow(struct pool_state *pool, struct error *error)
{
	size_t size = pool->backend_count;
	struct live_backend *backends;

	if (size != 0 && (size & (size - 1)) != 0) /* room doubles at powers of two */
		return 0;
	backends = realloc(pool->backends, (size == 0 ? 1 : 2 * size) * sizeof(*backends));
	if (backends == NULL)
		return out_of_memory(error);
	pool->backends = backends;
	return 0;
}

/* A row whose numbers another one has already is damage: it is left out. */
static int adopt_backend(struct adoption *adoption, uint32_t gid,
	const struct identity_backend *row, struct error *error)
{
	struct forwarding *forwarding = adoption->forwarding;
	struct pool_state *pool = adoption->pool_of[row->pool];
	struct live_backend *backend;
	struct counter counted;

	if (grow(pool, error) != 0)
		return -ENOMEM;
	if (!live_numbers_take_backend_at(forwarding->numbers, pool->live, gid, row->index))
		return 0;
	backend = &pool->backends[pool->backend_count++];
	fill_backend(backend, row, adoption);
	backend->gid = gid;
	if (read_counter(adoption, counters_backend_cell(adoption->layout->services, gid),
		    &row->baseline, &counted))
		counter_baselines_adopt_backend(forwarding->baselines, gid, &counted);
	gid_table_enter(forwarding->gids, gid);
	tracking_enter(forwarding->tracking, gid, pool->live, backend->index);
	tracking_store(forwarding->tracking, gid, &backend->life);
	live_rows_write_backend(
		pool->live, backend, counter_baselines_of_backend(forwarding->baselines, gid));
	live_rows_adopt_health(
		forwarding->state, gid, state_reader_health_row(adoption->before, gid));
	return 0;
}

static int adopt_backends(struct adoption *adoption, struct error *error)
{
	int code = 0;

	for (uint32_t gid = 0; code == 0 && gid < adoption->layout->backends; gid++) {
		const struct identity_backend *row =
			state_reader_backend_row(adoption->before, gid);

		if (!identity_backend_is_sound(row, adoption->layout, adoption->now_s) ||
			row->wish > MEMBERSHIP_REMOVED)
			adoption->unsound += identity_is_used(&row->used);
		else if (adoption->pool_of[row->pool] != NULL)
			code = adopt_backend(adoption, gid, row, error);
	}
	return code;
}

/* Slot words. */

/* An unknown backend becomes none; the rules for slots take it from there. */
static uint32_t correct_word(const struct live_pool *pool, uint32_t word)
{
	uint32_t flags = word & (SLOT_TRACK | SLOT_OBSERVE | SLOT_GUARD | SLOT_RECENT);
	uint32_t cur = slot_cur(word), home = slot_home(word);

	if (cur != SLOT_NO_BACKEND && pool->members[cur] == NULL)
		cur = SLOT_NO_BACKEND;
	if (home != SLOT_NO_BACKEND && pool->members[home] == NULL)
		home = SLOT_NO_BACKEND;
	if (cur != home)
		flags |= SLOT_TRACK;
	return slot_pack(cur, home) | ((flags & SLOT_TRACK) != 0 ? flags : 0);
}

static void correct_words(const struct live_pool *pool, uint32_t *words, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		words[i] = correct_word(pool, words[i]);
}

/* How many indices from 0 on have a backend. */
static uint32_t count_known(const struct live_pool *pool)
{
	uint32_t known = 0;

	while (known < SLOT_BACKEND_MAX && pool->members[known] != NULL)
		known++;
	return known;
}

/* Nearly all words are quiet and of such a backend: without a branch in it, for many at a time. */
static bool are_sound(const uint32_t *words, uint32_t count, uint32_t known)
{
	uint32_t unsound = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t cur = slot_cur(words[i]);

		unsound |= (words[i] ^ slot_pack(cur, cur)) | (cur >= known);
	}
	return unsound == 0;
}

static void adopt_words(const struct adoption *adoption, const struct identity_pool *row,
	const struct live_pool *pool)
{
	uint32_t words[WORDS_AT_ONCE], known = count_known(pool);

	for (uint32_t slot = 0; slot < pool->slots; slot += WORDS_AT_ONCE) {
		uint32_t count = RTE_MIN(pool->slots - slot, WORDS_AT_ONCE);

		state_reader_copy_slots(adoption->before, row->first_word + slot, count, words);
		if (!are_sound(words, count, known))
			correct_words(pool, words, count);
		state_slots_write(pool->state, pool->first_word + slot, words, count);
	}
}

/* One of those that share the pools among them. */
struct copier {
	const struct adoption *adoption;
	uint32_t first, step; /* pools by their previous number */
	pthread_t thread;
	bool started;
};

static void *copy_words(void *argument)
{
	const struct copier *copier = argument;
	const struct adoption *adoption = copier->adoption;

	for (uint32_t i = copier->first; i < adoption->layout->pools; i += copier->step)
		if (adoption->pool_of[i] != NULL)
			adopt_words(adoption, state_reader_pool_row(adoption->before, i),
				adoption->pool_of[i]->live);
	return NULL;
}

static uint32_t count_copiers(void)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return 1;
	return RTE_MIN((uint32_t)CPU_COUNT(&allowed), COPIERS_MAX);
}

/* A share for which there is no thread is done by this one. */
static void adopt_all_words(const struct adoption *adoption)
{
	struct copier copiers[COPIERS_MAX];
	uint32_t count = count_copiers();

	for (uint32_t i = 0; i < count; i++) {
		copiers[i] = (struct copier){ .adoption = adoption, .first = i, .step = count };
		copiers[i].started = i != 0 && pthread_create(&copiers[i].thread, NULL, copy_words,
						       &copiers[i]) == 0;
	}
	for (uint32_t i = 0; i < count; i++)
		if (!copiers[i].started)
			copy_words(&copiers[i]);
	for (uint32_t i = 0; i < count; i++)
		if (copiers[i].started)
			pthread_join(copiers[i].thread, NULL);
}

/* Services. */

static void adopt_service(
	struct adoption *adoption, uint32_t number, const struct identity_service *row)
{
	struct forwarding *forwarding = adoption->forwarding;
	struct live_service *service = &forwarding->services[forwarding->service_count];
	struct counter counted;

	if (!live_numbers_take_service_at(forwarding->numbers, number))
		return;
	snprintf(service->name, sizeof(service->name), "%s", row->name);
	service->number = number;
	forwarding->service_count++;
	if (read_counter(adoption, counters_service_cell(number), &row->baseline, &counted))
		counter_baselines_adopt_service(forwarding->baselines, number, &counted);
	live_rows_write_service(forwarding->state, number, service->name,
		counter_baselines_of_service(forwarding->baselines, number));
}

static int adopt_services(struct adoption *adoption, struct error *error)
{
	struct forwarding *forwarding = adoption->forwarding;

	forwarding->services =
		calloc(adoption->layout->services + 1, sizeof(*forwarding->services));
	if (forwarding->services == NULL)
		return out_of_memory(error);
	for (uint32_t number = 0; number < adoption->layout->services; number++) {
		const struct identity_service *row =
			state_reader_service_row(adoption->before, number);

		if (identity_service_is_sound(row))
			adopt_service(adoption, number, row);
	}
	return 0;
}

/* Forgets the pins of gids that had been given up, before another backend gets these. */
static void forget_pins(const struct adoption *adoption)
{
	struct forwarding *forwarding = adoption->forwarding;
	uint64_t now_ms = forwarding->clock();

	tracking_tick(forwarding->tracking, now_ms, forwarding_pins_udp(adoption->config));
	tracking_sweep_begin(forwarding->tracking, now_ms);
	while (!tracking_sweep_on(forwarding->tracking, now_ms))
		continue;
}

static void report_unsound(const struct adoption *adoption)
{
	char sentence[128];

	snprintf(sentence, sizeof(sentence),
		"the state file is damaged: %u of its pools and backends are not adopted",
		adoption->unsound);
	adoption->report(sentence);
}

int forwarding_adopt(struct forwarding *forwarding, const struct config *config,
	void (*report)(const char *sentence), struct error *error)
{
	struct adoption adoption = {
		.forwarding = forwarding,
		.before = state_before(forwarding->state),
		.config = config,
		.report = report,
		.configured = { config->pools, config->pool_count, pool_key, NULL },
		.now_s = forwarding_now_s(forwarding),
	};
	int code;

	if (adoption.before == NULL)
		return 0;
	code = state_allocate_adoptable(forwarding->state);
	if (code != 0)
		return error_set(error, code,
			"the state file does not fit into its file system: %s", strerror(-code));
	adoption.layout = &state_reader_header(adoption.before)->layout;
	code = adopt_pools(&adoption, error);
	if (code == 0)
		code = adopt_backends(&adoption, error);
	if (code == 0)
		code = adopt_services(&adoption, error);
	forwarding->is_adopted = true;
	if (code == 0) {
		adopt_all_words(&adoption);
		forget_pins(&adoption);
	}
	if (adoption.unsound != 0)
		report_unsound(&adoption);
	finder_fini(&adoption.configured);
	free(adoption.pool_of);
	return code;
}
