/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes on all the time, in slices of a millisecond: each second a round over the lives of all
 * backends, and every few seconds a sweep over the pins. A pool is done in one piece, so that pools
 * are all that a round has to count; a change in between may renumber them, and then some are done
 * twice or not before the next round, which does no harm: what time brings is the same at any time
 * of a second, and what a sweep has not seen is left for the next.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/loop.h"
#include "forwarding/forwarding_advance.h"

#define SWEEP_S        5
#define SWEEP_PAUSE_MS 2 /* between its slices, which have time */

/* How far the rounds have got. Pools by their number. */
enum sweep_stage { SWEEP_NONE, SWEEP_CLEAR, SWEEP_PINS, SWEEP_SLOTS };
struct rounds {
	bool lives; /* a round over them is under way */
	size_t lives_pool;
	enum sweep_stage stage;
	size_t sweep_pool;
	uint32_t swept_s;    /* when the last sweep began, or was found to be needless */
	bool swept_in_quiet; /* every slot was quiet when it began */
};

struct rounds *forwarding_create_rounds(void)
{
	return calloc(1, sizeof(struct rounds));
}

void forwarding_destroy_rounds(struct rounds *rounds)
{
	free(rounds);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000) + now.tv_nsec / 1000;
}

static bool all_quiet(const struct forwarding *forwarding)
{
	for (size_t i = 0; i < forwarding->pool_count; i++)
		if (!live_pool_is_quiet(forwarding->pools[i].live))
			return false;
	return true;
}

/*
 * Only a slot that is not quiet gets pins. Where all have been quiet since before the last sweep,
 * and that has left nothing, there is nothing to find.
 */
static void begin_sweep(struct forwarding *forwarding, uint64_t now_ms)
{
	struct rounds *rounds = forwarding->rounds;
	bool quiet;

	if (rounds->stage != SWEEP_NONE || now_ms / 1000 - rounds->swept_s < SWEEP_S)
		return;
	rounds->swept_s = now_ms / 1000;
	quiet = all_quiet(forwarding);
	if (quiet && rounds->swept_in_quiet && !tracking_needs_sweep(forwarding->tracking))
		return;
	rounds->swept_in_quiet = quiet;
	rounds->stage = SWEEP_CLEAR;
	rounds->sweep_pool = 0;
}

void forwarding_advance(struct forwarding *forwarding)
{
	struct rounds *rounds = forwarding->rounds;
	uint64_t now_ms = forwarding->clock();

	tracking_tick(forwarding->tracking, now_ms, forwarding->with_udp);
	if (!rounds->lives)
		rounds->lives_pool = 0;
	rounds->lives = true;
	begin_sweep(forwarding, now_ms);
}

/* True: it was the last one, or there are no more. */
static bool advance_next(struct forwarding *forwarding)
{
	size_t number = forwarding->rounds->lives_pool++;

	if (number < forwarding->pool_count)
		forwarding_advance_pool(forwarding, number, forwarding->clock());
	return forwarding->rounds->lives_pool >= forwarding->pool_count;
}

/* What is stale in the `seen` of a pool that is quiet keeps a slot from nothing. */
static bool clear_next(struct forwarding *forwarding)
{
	size_t number = forwarding->rounds->sweep_pool++;
	struct live_pool *live;

	if (number >= forwarding->pool_count)
		return true;
	live = forwarding->pools[number].live;
	if (!live_pool_is_quiet(live))
		memset(live->seen, 0, live->slots);
	return false;
}

static bool take_stock_of_next(struct forwarding *forwarding)
{
	size_t number = forwarding->rounds->sweep_pool++;
	struct live_pool *live;

	if (number >= forwarding->pool_count)
		return true;
	live = forwarding->pools[number].live;
	if (!live_pool_is_quiet(live))
		transitions_swept(
			live->transitions, live->seen, tracking_quiescent_s(forwarding->tracking));
	forwarding_release_gone(forwarding, number);
	return false;
}

static void sweep_on(struct forwarding *forwarding)
{
	struct rounds *rounds = forwarding->rounds;
	bool over = false;

	switch (rounds->stage) {
	case SWEEP_NONE: return;
	case SWEEP_CLEAR:
		over = clear_next(forwarding);
		if (over)
			tracking_sweep_begin(forwarding->tracking, forwarding->clock());
		break;
	case SWEEP_PINS: over = tracking_sweep_on(forwarding->tracking, forwarding->clock()); break;
	case SWEEP_SLOTS: over = take_stock_of_next(forwarding); break;
	}
	if (!over)
		return;
	rounds->sweep_pool = 0;
	rounds->stage = rounds->stage == SWEEP_SLOTS ? SWEEP_NONE : rounds->stage + 1;
}

uint32_t forwarding_go_on(struct forwarding *forwarding)
{
	struct rounds *rounds = forwarding->rounds;
	uint64_t end_us = now_us() + LOOP_SLICE_US;

	do {
		if (rounds->lives)
			rounds->lives = !advance_next(forwarding);
		else if (rounds->stage != SWEEP_NONE)
			sweep_on(forwarding);
		else if (!tracking_trim_pins(forwarding->tracking))
			return FORWARDING_IDLE;
	} while (now_us() < end_us);
	return rounds->lives ? 0 : SWEEP_PAUSE_MS;
}
