/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suspicion: whether so much of a pool fails at once that the node has to suspect itself first: its
 * link, its way to the gateway. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SUSPICION_LEAST 2 /* backends that fall: one alone says nothing about the node */

/* Starts as { 0 }. */
struct suspicion {
	uint64_t since_ms; /* of the first that fell in this window; 0: none did */
	uint32_t up;       /* how many were up before that */
	uint32_t fallen;
};

/*
 * A backend of the pool, in which `up` were up until now, has come to be down. Whether by that more
 * than half of those that were up have fallen within `window_ms`.
 */
bool suspicion_arises(
	struct suspicion *suspicion, uint32_t up, uint32_t window_ms, uint64_t now_ms);
