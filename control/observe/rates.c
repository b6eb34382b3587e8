/* SPDX-License-Identifier: BSD-3-Clause */
#include "observe/rates.h"

static uint32_t per_second(uint64_t number, uint64_t elapsed_ms)
{
	uint64_t rate = (number * 1000 + elapsed_ms / 2) / elapsed_ms;

	return rate > UINT32_MAX ? UINT32_MAX : rate;
}

void rate_follow(struct rate *rate, const struct counter *counter, uint64_t now_ms)
{
	uint64_t elapsed_ms = now_ms - rate->looked_ms;
	bool goes_on = rate->looked_ms != 0 && counter->packets >= rate->packets &&
		       counter->new_flows >= rate->new_flows;

	if (goes_on && elapsed_ms < RATE_LEAST_MS)
		return;
	rate->is_known = goes_on;
	rate->packets_per_second =
		goes_on ? per_second(counter->packets - rate->packets, elapsed_ms) : 0;
	rate->new_flows_per_second =
		goes_on ? per_second(counter->new_flows - rate->new_flows, elapsed_ms) : 0;
	rate->packets = counter->packets;
	rate->new_flows = counter->new_flows;
	rate->looked_ms = now_ms;
}
