/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * agent: what a backend asks for in the answers to its probes: a part of its weight, no new flows
 * for now, or none at all. It may ask for less than its configured weight and never for more, so
 * that one that shouts takes nothing from others. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "maglev/factor.h"
#include "probes/probe.h"

#define AGENT_WINDOW_MS FACTOR_DYNAMIC_INTERVAL_MS
/* As it said it. */
struct agent_words {
	enum probe_word word;
	bool has_weight, has_weight_percent;
	uint32_t weight, weight_percent;
};

struct agent_wish {
	uint32_t share; /* 1 ... FACTOR_ONE, of its configured weight */
	bool rests;     /* it takes new flows only where no other can */
	bool is_off;    /* it is as if it were down */
};

struct agent_words agent_words_of(const struct probe_result *result);

/* `weight` is the configured one. What it does not say is as configured. */
struct agent_wish agent_read(const struct agent_words *words, uint16_t weight);

/*
 * How a backend rests, or is off: as soon as it asks for that, and until it has not asked for it
 * for AGENT_WINDOW_MS. One that asks for another thing in each answer rests. Starts as { 0 }.
 */
struct agent_rest {
	bool rests, is_off;
	uint64_t rests_until_ms, off_until_ms; /* 0: it still asks for it */
};

/* To be called with each new wish, and now and then with the last one. Whether `rest` changed. */
bool agent_rest_follow(struct agent_rest *rest, const struct agent_wish *wish, uint64_t now_ms);

/*
 * How much of a pool its backends may shift by what they ask for: `percent` of its weight in each
 * AGENT_WINDOW_MS, all of them together. Starts as { 0 }: full.
 */
struct agent_budget {
	uint64_t spent;     /* of the weight of the pool, in millionths */
	uint64_t looked_ms; /* when that was so; 0: never */
};

/* Takes so many millionths of the weight of the pool; false: there is not so much left now. */
bool agent_budget_take(
	struct agent_budget *budget, uint64_t part, uint32_t percent, uint64_t now_ms);
