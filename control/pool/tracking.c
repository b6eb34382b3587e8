/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/tracking.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>

#include "common/events.h"
#include "common/loop.h"
#include "pool/pin_tables.h"
#include "affinity/pins_older.h"
#include "affinity/sketch.h"
#include "affinity/slots.h"

/* Seconds that a pin of each class may be idle. */
#define PROBATION_S 16    /* outlives three retransmissions of a SYN */
#define FINISHED_S  60    /* a connection half closed, and what is sent again after the end */
#define IDLE_S      14400 /* a TCP connection that is silent for longer is forgotten */
#define TRIAL_S     900
#define UDP_IDLE_S  60
#define QUIC_IDLE_S 300

/*
 * Old flows that may be observed in a second, for each pool; and how many that had one packet only
 * a pool may have: so much of the table, shared by all pools that observe. They have half of it at
 * most (PINS_QUOTA), so no pool can crowd another out.
 */
#define OBSERVE_TOKENS  100000
#define OBSERVE_PARTS   4
#define OBSERVE_SHORT_S 60 /* what is observed of a pool that has its share lives this long */
#define PRESSED_PARTS   4  /* the pool that is promoted first is observed for so much of W */

/*
 * Signs of a flood, in a second and pool. New flows had to evict one another: it takes thousands of
 * them for a bucket to fill up with flows on probation, which all ordinary ones leave at once. Or
 * so many established that they would fill what is free within a minute.
 */
#define FLOOD_EVICTIONS 1000
#define FLOOD_CONFIRMS  1000 /* at least */
#define FLOOD_FILL_S    64
#define FLOOD_CALM_S    60   /* without any sign of it, and it is over */
#define BUDGET_S        4    /* seconds that a worker may live on a budget */
#define SWEEP_BUCKETS   1024 /* between two looks at the clock */
#define SECOND_MS       900  /* of a timer's second */

/* Percent of all places that are taken by what new flows may not evict. */
#define WARN_PERCENT    70
#define CROWDED_PERCENT 75
#define RELIEF_PERCENT  65

/* A gid is free, taken, left (grace period), waiting for a sweep, or being swept. */
enum gid_state { GID_USED, GID_WAITING, GID_SWEEPING };

/* What is known of the pins of one pool, by its number. */
struct tracking_pool {
	uint32_t observe_s;       /* of its configuration */
	uint32_t lapsed_s;        /* when an old flow may last have gone unobserved */
	uint32_t lapsed_anyhow_s; /* the same, for another reason than that there was no room */
	uint32_t alarm_s;         /* the last sign of a flood; 0: never */
	int32_t granted;          /* tokens, at the last look */
	uint32_t used;            /* tokens, since the last sweep */
	uint32_t pins, observed;  /* that the last sweep left, so far in this one */
	uint32_t last_pins, last_observed;
	bool is_short; /* it has its share of observed pins */
};

struct tracking {
	struct state *state;
	struct publish *publish;
	struct pin_tables *tables;
	struct affinity affinity;
	struct member *members;
	struct arena *gids;
	uint8_t *gid_states;
	const _Atomic uint32_t **words_of; /* by gid: the slot words of its pool */
	uint32_t *counted_s;               /* by gid: since when its flows are counted */
	struct pins_sweep_pool *sweep_pools;
	struct pins_sweep_rules rules;
	struct pins_sweep sweep;           /* under way */
	struct pins_sweep last;            /* over the current table, that came to its end */
	uint64_t older_cells, older_swept; /* in older tables; so far in the one under way */
	uint64_t older_pins, older_left;
	uint32_t grown_s;   /* when there was another current table, last */
	bool may_retire;    /* no worker puts pins into older tables since the sweep began */
	uint64_t sweeps;    /* that have come to their end */
	double sweeping_ms; /* of the one under way, so far */
	double sweep_ms;
	uint32_t now_s;
	uint32_t quiescent_s;       /* every worker has passed a quiescent state since then */
	uint32_t swept_quiescent_s; /* the same, when the last sweep began */
	bool awaits_quiescence;     /* a grace period is on its way */
	uint64_t checked_ms;        /* when floods were checked and tokens filled up, last */
	struct tracking_pool *pools;
	uint32_t observing; /* pools that had observed pins at the last sweep */
	uint32_t pressed;   /* the pool to be promoted first, or NO_POOL */
	int32_t strains;    /* the budgets, as they were filled up last */
	int32_t confirms;
	uint32_t fill_percent;
	bool warned;
	bool crowded;
	uint32_t turned_s; /* the sketches, last */
};

#define NO_POOL UINT32_MAX

static bool allocate(struct tracking *tracking, const struct state_layout *layout)
{
	uint32_t gids = RTE_MIN(layout->backends, (uint32_t)CONFIG_MEMBERSHIPS_MAX);

	tracking->members = aligned_alloc(64, MEMBER_COUNT_MAX * sizeof(*tracking->members));
	tracking->gids = arena_create(gids);
	tracking->gid_states = calloc(MEMBER_COUNT_MAX, sizeof(*tracking->gid_states));
	tracking->words_of = calloc(MEMBER_COUNT_MAX, sizeof(*tracking->words_of));
	tracking->counted_s = calloc(MEMBER_COUNT_MAX, sizeof(*tracking->counted_s));
	tracking->sweep_pools = calloc(MEMBER_COUNT_MAX, sizeof(*tracking->sweep_pools));
	tracking->pools = calloc(layout->pools + 1, sizeof(*tracking->pools));
	tracking->affinity.pools =
		aligned_alloc(64, (layout->pools + 1) * sizeof(*tracking->affinity.pools));
	tracking->affinity.sketches =
		calloc(MEMBER_COUNT_MAX, sizeof(*tracking->affinity.sketches));
	return tracking->members != NULL && tracking->gids != NULL &&
	       tracking->gid_states != NULL && tracking->words_of != NULL &&
	       tracking->counted_s != NULL && tracking->sweep_pools != NULL &&
	       tracking->affinity.pools != NULL && tracking->pools != NULL &&
	       tracking->affinity.sketches != NULL;
}

struct tracking *tracking_create(struct state *state, struct publish *publish)
{
	const struct state_layout *layout = state_layout(state);
	struct tracking *tracking = calloc(1, sizeof(*tracking));

	if (tracking == NULL)
		return NULL;
	if (!allocate(tracking, layout)) {
		tracking_destroy(tracking);
		return NULL;
	}
	tracking->state = state;
	tracking->publish = publish;
	tracking->pressed = NO_POOL;
	memset(tracking->affinity.pools, 0,
		(layout->pools + 1) * sizeof(*tracking->affinity.pools));
	for (uint32_t i = 0; i < layout->pools; i++)
		tracking->pools[i].observe_s = IDLE_S;
	memset(tracking->members, 0, MEMBER_COUNT_MAX * sizeof(*tracking->members));
	tracking->tables = pin_tables_create(state, publish);
	if (tracking->tables == NULL) {
		tracking_destroy(tracking);
		return NULL;
	}
	atomic_init(&tracking->affinity.pins, pin_tables_current(tracking->tables));
	tracking->affinity.members = tracking->members;
	tracking->affinity.udp_idle_ticks = UDP_IDLE_S / PIN_TICK_SECONDS;
	tracking->rules = (struct pins_sweep_rules){
		.pool_of = tracking->sweep_pools,
		.gid_count = MEMBER_COUNT_MAX,
		.idle_limit_seconds = {
			[PIN_PROBATION] = PROBATION_S,
			[PIN_OBSERVED] = IDLE_S,
			[PIN_ESTABLISHED] = IDLE_S,
			[PIN_FINISHED] = FINISHED_S,
			[PIN_UDP] = UDP_IDLE_S,
			[PIN_QUIC] = QUIC_IDLE_S,
			[PIN_TRIAL] = TRIAL_S,
		},
		.context = tracking,
	};
	return tracking;
}

void tracking_destroy(struct tracking *tracking)
{
	if (tracking == NULL)
		return;
	for (uint32_t gid = 0; tracking->affinity.sketches != NULL && gid < MEMBER_COUNT_MAX; gid++)
		sketch_destroy(tracking->affinity.sketches[gid]);
	free(tracking->affinity.sketches);
	free(tracking->affinity.pools);
	free(tracking->pools);
	free(tracking->counted_s);
	pin_tables_destroy(tracking->tables);
	free(tracking->sweep_pools);
	free(tracking->words_of);
	free(tracking->gid_states);
	arena_destroy(tracking->gids);
	free(tracking->members);
	free(tracking);
}

const struct affinity *tracking_affinity(const struct tracking *tracking)
{
	return &tracking->affinity;
}

/* Gids. */

uint32_t tracking_take_gid(struct tracking *tracking)
{
	return arena_take(tracking->gids, 1);
}

bool tracking_take_gid_at(struct tracking *tracking, uint32_t gid)
{
	return arena_take_at(tracking->gids, gid, 1);
}

void tracking_give_gid(struct tracking *tracking, uint32_t gid)
{
	arena_give(tracking->gids, gid, 1);
}

void tracking_enter(struct tracking *tracking, uint32_t gid, struct live_pool *pool, uint16_t index)
{
	struct member *member = &tracking->members[gid];

	atomic_store_explicit(&member->index, index, memory_order_relaxed);
	atomic_store_explicit(&member->pool, pool->number, memory_order_relaxed);
	pool->members[index] = member;
	tracking->words_of[gid] = live_pool_words(pool);
	tracking->sweep_pools[gid] = (struct pins_sweep_pool){ pool->seen, pool->slots };
}

static void release_sketch(void *context, uint64_t sketch)
{
	sketch_destroy((struct sketch *)(uintptr_t)sketch);
}

/* Flows are counted on backends that drain, and on no others. Without memory they are not. */
static void follow_with_sketch(struct tracking *tracking, uint32_t gid, bool drains)
{
	_Atomic(struct sketch *) *cell = &tracking->affinity.sketches[gid];
	struct sketch *sketch = atomic_load_explicit(cell, memory_order_relaxed);

	if (drains == (sketch != NULL))
		return;
	if (drains) {
		tracking->counted_s[gid] = tracking->now_s;
		atomic_store_explicit(cell, sketch_create(), memory_order_release);
		return;
	}
	atomic_store_explicit(cell, NULL, memory_order_relaxed);
	publish_retire(tracking->publish, release_sketch, NULL, (uintptr_t)sketch);
}

void tracking_store(struct tracking *tracking, uint32_t gid, const struct membership_life *life)
{
	membership_store(life, &tracking->members[gid]);
	follow_with_sketch(tracking, gid, life->state == MEMBER_DRAIN);
}

static void await_sweep(void *context, uint64_t gid)
{
	((struct tracking *)context)->gid_states[gid] = GID_WAITING;
}

void tracking_leave(struct tracking *tracking, uint32_t gid)
{
	const struct membership_life none = { .state = MEMBER_NONE };

	tracking_store(tracking, gid, &none);
	tracking->words_of[gid] = NULL;
	tracking->sweep_pools[gid] = (struct pins_sweep_pool){ 0 };
	publish_retire(tracking->publish, await_sweep, tracking, gid);
}

/* Time. */

static void add_counters(struct affinity_counters *sum, const struct affinity_counters *more)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += counter_read(&from[i]);
}

static struct affinity_counters sum_counters(const struct tracking *tracking)
{
	struct affinity_counters sum = { 0 };

	for (uint32_t i = 0; i < state_layout(tracking->state)->workers; i++)
		add_counters(&sum, &state_counters(tracking->state, i)->affinity);
	return sum;
}

static uint64_t count_cells(const struct tracking *tracking)
{
	return (uint64_t)pin_tables_current(tracking->tables)->bucket_count * PINS_WAYS;
}

/* What new flows may take. */
static uint64_t count_free(const struct tracking *tracking)
{
	const uint64_t *found = tracking->last.found;

	if (tracking->last.pins == NULL)
		return count_cells(tracking);
	return found[PIN_EMPTY] + found[PIN_FINISHED] + found[PIN_PROBATION];
}

static const char *name_of(const struct tracking *tracking, uint32_t pool)
{
	return state_pool_row(tracking->state, pool)->name;
}

/* By the rate since the last check, however long ago that was. */
static bool is_beyond(
	_Atomic int32_t *budget, int32_t filled, int32_t per_second, uint64_t elapsed_ms)
{
	int64_t used = (int64_t)filled - atomic_load_explicit(budget, memory_order_relaxed);

	return filled != 0 && used * 1000 >= (int64_t)(per_second * elapsed_ms);
}

static bool is_flooded(const struct tracking *tracking, uint32_t pool)
{
	return atomic_load_explicit(&tracking->affinity.pools[pool].flooded, memory_order_relaxed);
}

static void check_flood(struct tracking *tracking, uint32_t number, uint64_t elapsed_ms)
{
	struct affinity_pool *shared = &tracking->affinity.pools[number];
	struct tracking_pool *pool = &tracking->pools[number];
	bool was = is_flooded(tracking, number), flood;

	if (is_beyond(&shared->strains, tracking->strains, FLOOD_EVICTIONS, elapsed_ms) ||
		is_beyond(&shared->confirms, tracking->confirms, tracking->confirms / BUDGET_S,
			elapsed_ms))
		pool->alarm_s = tracking->now_s;
	flood = pool->alarm_s != 0 && tracking->now_s - pool->alarm_s < FLOOD_CALM_S;
	if (flood != was)
		events_publish(EVENT(PINS, WARNING, POOL, name_of(tracking, number)),
			flood ? "pool %s: a flood of new flows: none is pinned for good before its "
				"third packet, and no slot gets a new home"
			      : "pool %s: the flood of new flows is over",
			name_of(tracking, number));
	if (flood || was)
		pool->lapsed_s = pool->lapsed_anyhow_s = tracking->now_s;
	atomic_store_explicit(&shared->flooded, flood, memory_order_relaxed);
}

/* Its share of the table, less what it has observed. */
static int32_t count_tokens(struct tracking *tracking, uint32_t number)
{
	struct tracking_pool *pool = &tracking->pools[number];
	uint64_t share = count_cells(tracking) / OBSERVE_PARTS / (tracking->observing + 1);
	int32_t left = atomic_load_explicit(
		&tracking->affinity.pools[number].observe_tokens, memory_order_relaxed);
	uint64_t taken;

	pool->used += pool->granted - left;
	taken = (uint64_t)pool->used + pool->last_observed;
	pool->is_short = taken >= share;
	pool->granted = pool->is_short ? 0 : RTE_MIN(share - taken, (uint64_t)OBSERVE_TOKENS);
	return pool->granted;
}

static void fill_budgets(struct tracking *tracking)
{
	uint64_t confirms = count_free(tracking) / FLOOD_FILL_S * BUDGET_S;

	tracking->strains = FLOOD_EVICTIONS * BUDGET_S;
	tracking->confirms = RTE_MIN(
		RTE_MAX(confirms, (uint64_t)FLOOD_CONFIRMS * BUDGET_S), (uint64_t)INT32_MAX / 2);
	for (uint32_t i = 0; i < state_layout(tracking->state)->pools; i++) {
		struct affinity_pool *pool = &tracking->affinity.pools[i];

		atomic_store_explicit(
			&pool->observe_tokens, count_tokens(tracking, i), memory_order_relaxed);
		atomic_store_explicit(&pool->strains, tracking->strains, memory_order_relaxed);
		atomic_store_explicit(&pool->confirms, tracking->confirms, memory_order_relaxed);
	}
}

/* Since it was asked last. */
static bool was_noted(_Atomic uint32_t *mark)
{
	return atomic_load_explicit(mark, memory_order_relaxed) != 0 &&
	       atomic_exchange_explicit(mark, 0, memory_order_relaxed) != 0;
}

static void note_lapses(struct tracking *tracking)
{
	for (uint32_t i = 0; i < state_layout(tracking->state)->pools; i++) {
		struct affinity_pool *shared = &tracking->affinity.pools[i];
		struct tracking_pool *pool = &tracking->pools[i];

		bool lapsed = was_noted(&shared->lapsed);
		bool unobserved = was_noted(&shared->unobserved);

		if (lapsed || unobserved)
			pool->lapsed_s = tracking->now_s;
		if (lapsed)
			pool->lapsed_anyhow_s = tracking->now_s;
	}
}

static void note_quiescent(void *context, uint64_t since_s)
{
	struct tracking *tracking = context;

	tracking->quiescent_s = since_s;
	tracking->awaits_quiescence = false;
}

/* One grace period after the other, of which each says what all workers have left behind. */
static void follow_workers(struct tracking *tracking)
{
	if (!tracking->awaits_quiescence)
		tracking->awaits_quiescence = publish_retire(tracking->publish, note_quiescent,
						      tracking, tracking->now_s) == 0;
}

static void turn_sketches(struct tracking *tracking)
{
	if (tracking->now_s - tracking->turned_s < TRACKING_WINDOW_S)
		return;
	tracking->turned_s = tracking->now_s;
	for (uint32_t gid = 0; gid < MEMBER_COUNT_MAX; gid++)
		if (tracking->affinity.sketches[gid] != NULL)
			sketch_turn(tracking->affinity.sketches[gid]);
}

/* What goes by the second is done once in it, however often it is called. */
static void check_second(struct tracking *tracking, uint64_t now_ms)
{
	uint64_t elapsed_ms = now_ms - tracking->checked_ms;

	if (elapsed_ms < SECOND_MS)
		return;
	tracking->checked_ms = now_ms;
	for (uint32_t i = 0; i < state_layout(tracking->state)->pools; i++)
		check_flood(tracking, i, elapsed_ms);
	fill_budgets(tracking);
	follow_workers(tracking);
	turn_sketches(tracking);
}

void tracking_tick(struct tracking *tracking, uint64_t now_ms, bool with_udp)
{
	tracking->now_s = now_ms / 1000;
	atomic_store_explicit(
		&tracking->affinity.tick, tracking->now_s / PIN_TICK_SECONDS, memory_order_relaxed);
	tracking->rules.idle_limit_seconds[PIN_PROBATION] = with_udp ? UDP_IDLE_S : PROBATION_S;
	check_second(tracking, now_ms);
	note_lapses(tracking);
}

uint32_t tracking_quiescent_s(const struct tracking *tracking)
{
	return tracking->swept_quiescent_s;
}

void tracking_begin_pool(struct tracking *tracking, uint32_t number)
{
	struct tracking_pool *pool = &tracking->pools[number];

	/* what counts tokens goes on: they are the number's */
	*pool = (struct tracking_pool){
		.observe_s = IDLE_S,
		.lapsed_s = tracking->now_s,
		.lapsed_anyhow_s = tracking->now_s,
		.granted = pool->granted,
		.used = pool->used,
	};
	atomic_store_explicit(
		&tracking->affinity.pools[number].flooded, false, memory_order_relaxed);
	if (tracking->pressed == number)
		tracking->pressed = NO_POOL;
}

uint32_t tracking_observe(
	struct tracking *tracking, uint32_t number, struct transitions_times *times)
{
	struct tracking_pool *pool = &tracking->pools[number];

	pool->observe_s = times->observe_s;
	if (number != tracking->pressed)
		return pool->lapsed_s;
	times->observe_s = RTE_MAX(times->observe_s / PRESSED_PARTS, 1u);
	return pool->lapsed_anyhow_s;
}

/* The sweep. */

/*
 * Whether an observed pin has lived long enough without a second packet of its flow. What says only
 * what is true without it may go sooner: while no slot of the pool can be promoted, for the pool
 * will be observed anew.
 */
static bool is_stale(const struct tracking *tracking, const struct tracking_pool *pool,
	const struct member *member, uint32_t word, uint32_t idle_seconds)
{
	uint32_t number = pool - tracking->pools;

	if (idle_seconds > pool->observe_s)
		return true;
	if (slot_home(word) != atomic_load_explicit(&member->index, memory_order_relaxed))
		return false;
	return is_flooded(tracking, number) || (pool->is_short && idle_seconds > OBSERVE_SHORT_S);
}

static bool keep_pin(void *context, uint64_t pin, uint32_t slot, uint32_t idle_seconds)
{
	struct tracking *tracking = context;
	uint16_t gid = pin_gid(pin);
	const struct member *member = &tracking->members[gid];
	uint32_t word = slot_load(&tracking->words_of[gid][slot]);
	struct tracking_pool *pool =
		&tracking->pools[atomic_load_explicit(&member->pool, memory_order_relaxed)];
	bool is_observed = pin_class(pin) == PIN_OBSERVED;

	if (is_observed && is_stale(tracking, pool, member, word, idle_seconds)) {
		/* a record that goes before its time is missing where its slot is promoted */
		if (idle_seconds <= pool->observe_s)
			pool->lapsed_s = pool->lapsed_anyhow_s = tracking->now_s;
		return false;
	}
	if (!transitions_pin_is_needed(pin, member, word, idle_seconds, tracking->now_s))
		return false;
	pool->pins++;
	pool->observed += is_observed;
	return true;
}

static void change_gids(struct tracking *tracking, enum gid_state from, enum gid_state to)
{
	for (uint32_t gid = 0; gid < MEMBER_COUNT_MAX; gid++) {
		if (tracking->gid_states[gid] != from)
			continue;
		tracking->gid_states[gid] = to;
		if (to == GID_USED)
			arena_give(tracking->gids, gid, 1);
	}
}

static double elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1e3 + (now.tv_nsec - since->tv_nsec) / 1e6;
}

/* What the sweep has counted counts from now on. */
static void turn_tallies(struct tracking *tracking)
{
	uint32_t most = 0, largest = NO_POOL;

	tracking->observing = 0;
	for (uint32_t i = 0; i < state_layout(tracking->state)->pools; i++) {
		struct tracking_pool *pool = &tracking->pools[i];

		pool->last_pins = pool->pins;
		pool->last_observed = pool->observed;
		pool->pins = pool->observed = pool->used = 0;
		tracking->observing += pool->last_observed != 0;
		if (pool->last_pins > most && !is_flooded(tracking, i)) {
			most = pool->last_pins;
			largest = i;
		}
	}
	tracking->pressed = tracking->crowded ? largest : NO_POOL;
}

/* A table that is nearly full is no flood: it is too small, or a change too large. */
static void check_fill(struct tracking *tracking)
{
	uint64_t room = count_cells(tracking);
	uint32_t percent = (room - count_free(tracking)) * 100 / room;

	tracking->fill_percent = percent;
	if (percent >= WARN_PERCENT && !tracking->warned)
		events_publish(EVENT(PINS, WARNING, NODE, NULL),
			"the pin table is %u %% full: when it is, new flows of slots that have "
			"moved may break; raise dataplane.pins, which needs no restart",
			percent);
	if (percent < RELIEF_PERCENT && tracking->warned)
		events_publish(EVENT(PINS, INFO, NODE, NULL),
			"the pin table is %u %% full: there is room again", percent);
	tracking->warned =
		percent >= WARN_PERCENT || (tracking->warned && percent >= RELIEF_PERCENT);
	tracking->crowded =
		percent >= CROWDED_PERCENT || (tracking->crowded && percent >= RELIEF_PERCENT);
}

void tracking_sweep_begin(struct tracking *tracking, uint64_t now_ms)
{
	tracking->now_s = now_ms / 1000;
	tracking->swept_quiescent_s = tracking->quiescent_s;
	tracking->sweeping_ms = 0;
	change_gids(tracking, GID_WAITING, GID_SWEEPING);
	tracking->may_retire = tracking->grown_s == 0 || tracking->quiescent_s > tracking->grown_s;
	tracking->older_swept = tracking->older_left = 0;
	pins_sweep_begin(&tracking->sweep, pin_tables_oldest(tracking->tables), &tracking->rules);
}

static uint64_t count_left(const struct pins_sweep *sweep)
{
	uint64_t left = 0;

	for (int class = PIN_EMPTY + 1; class < PIN_CLASS_COUNT; class ++)
		left += sweep->found[class] - sweep->deleted[class];
	return left;
}

/*
 * One table is done: goes on to the next younger one. False: it was the current one. Pins move from
 * older tables into the current one, so that each of them is seen in one or the other.
 */
static bool sweep_next(struct tracking *tracking)
{
	struct pins *done = tracking->sweep.pins;
	struct pins *next = pin_tables_younger(tracking->tables, done);
	uint64_t left = count_left(&tracking->sweep);

	if (next == NULL)
		return false;
	pins_sweep_begin(&tracking->sweep, next, &tracking->rules);
	if (left == 0 && tracking->may_retire) {
		pin_tables_retire(tracking->tables, done);
		return true;
	}
	tracking->older_left += left;
	tracking->older_swept += (uint64_t)done->bucket_count * PINS_WAYS;
	return true;
}

static void end_sweep(struct tracking *tracking)
{
	change_gids(tracking, GID_SWEEPING, GID_USED);
	tracking->last = tracking->sweep;
	tracking->older_pins = tracking->older_left;
	tracking->older_cells = tracking->older_swept;
	tracking->sweeps++;
	check_fill(tracking);
	turn_tallies(tracking);
	tracking->sweep_ms = tracking->sweeping_ms;
}

bool tracking_sweep_on(struct tracking *tracking, uint64_t now_ms)
{
	struct timespec began;
	double elapsed;
	bool over;

	clock_gettime(CLOCK_MONOTONIC, &began);
	tracking->now_s = now_ms / 1000;
	do {
		over = pins_sweep_run(&tracking->sweep, SWEEP_BUCKETS,
			       tracking->now_s / PIN_TICK_SECONDS, keep_pin) &&
		       !sweep_next(tracking);
		elapsed = elapsed_ms(&began);
	} while (!over && elapsed < LOOP_SLICE_US / 1e3);
	tracking->sweeping_ms += elapsed;
	if (over)
		end_sweep(tracking);
	return over;
}

bool tracking_needs_sweep(const struct tracking *tracking)
{
	const struct pins_sweep *last = &tracking->last;

	if (last->pins == NULL || pins_older(pin_tables_current(tracking->tables)) != NULL)
		return true;
	return count_left(last) != 0 ||
	       memchr(tracking->gid_states, GID_WAITING, MEMBER_COUNT_MAX) != NULL;
}

/* What there is to see. */

bool tracking_flows_left(const struct tracking *tracking, uint32_t gid, uint64_t *flows)
{
	const struct sketch *sketch = tracking->affinity.sketches[gid];

	if (sketch != NULL)
		*flows = sketch_estimate(sketch);
	return sketch != NULL;
}

bool tracking_flows_are_all(const struct tracking *tracking, uint32_t gid)
{
	return tracking->now_s - tracking->counted_s[gid] >= TRACKING_WINDOW_S;
}

void tracking_report(const struct tracking *tracking, struct tracking_report *report)
{
	memset(report, 0, sizeof(*report));
	report->capacity = count_cells(tracking);
	report->memory = pins_memory(report->capacity / PINS_WAYS);
	report->older_capacity = tracking->older_cells;
	report->older_used = tracking->older_pins;
	report->found[PIN_EMPTY] = report->capacity;
	for (uint32_t i = 0; i < state_layout(tracking->state)->pools; i++)
		report->flood |= is_flooded(tracking, i);
	report->crowded = tracking->crowded;
	report->sweep_ms = tracking->sweep_ms;
	report->sweeps = tracking->sweeps;
	report->sum = sum_counters(tracking);
	if (tracking->last.pins == NULL)
		return;
	memcpy(report->found, tracking->last.found, sizeof(report->found));
	for (int class = PIN_EMPTY + 1; class < PIN_CLASS_COUNT; class ++) {
		report->found[class] -= tracking->last.deleted[class];
		report->deleted += tracking->last.deleted[class];
	}
	report->found[PIN_EMPTY] += report->deleted;
}

int tracking_prepare_pins(struct tracking *tracking, uint64_t pins, struct error *error)
{
	return pin_tables_prepare(
		tracking->tables, pins_bucket_count(pins), tracking->older_pins, error);
}

int tracking_fill_pins(struct tracking *tracking, struct error *error)
{
	return pin_tables_fill(tracking->tables, error);
}

void tracking_end_filling(struct tracking *tracking)
{
	pin_tables_end(tracking->tables);
}

bool tracking_trim_pins(struct tracking *tracking)
{
	return pin_tables_trim(tracking->tables);
}

void tracking_abort_pins(struct tracking *tracking)
{
	pin_tables_abort(tracking->tables);
}

/* A sweep that is under way goes on into the new table. */
void tracking_commit_pins(struct tracking *tracking)
{
	struct pins *pins;

	if (!pin_tables_commit(tracking->tables))
		return;
	pins = pin_tables_current(tracking->tables);
	atomic_store_explicit(&tracking->affinity.pins, pins, memory_order_release);
	tracking->grown_s = tracking->now_s;
	tracking->may_retire = false;
	memset(&tracking->last, 0, sizeof(tracking->last));
	events_publish(EVENT(PINS, INFO, NODE, NULL),
		"dataplane.pins: the previous pins move into a larger table as their flows have "
		"packets");
}

void tracking_report_pool(
	const struct tracking *tracking, uint32_t pool, struct tracking_pool_report *report)
{
	*report = (struct tracking_pool_report){
		.pins = tracking->pools[pool].last_pins,
		.flood = is_flooded(tracking, pool),
		.first = tracking->pressed == pool,
	};
}
