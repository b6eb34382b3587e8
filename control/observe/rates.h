/* SPDX-License-Identifier: BSD-3-Clause */
/* rates: packets and new flows per second, from two looks at a counter. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "state/counters.h"

struct rate {
	uint64_t packets, new_flows; /* at the last look */
	uint64_t looked_ms;          /* when that was; 0: never */
	bool is_known;               /* there have been two */
	uint32_t packets_per_second;
	uint32_t new_flows_per_second;
};

#define RATE_LEAST_MS 500 /* a look sooner than that is ignored */

/* A counter that went back counts something else now: the rate begins anew. */
void rate_follow(struct rate *rate, const struct counter *counter, uint64_t now_ms);
