/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suspicion: whether so many backends, of a pool or of the node, stop answering at once that the
 * node has to suspect itself first: its link, its way to the gateway. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SUSPICION_LEAST 2 /* backends that fall: one alone says nothing about the node */

/* Starts as { 0 }. Times are of a clock that never goes back, in ms. */
struct suspicion {
	uint64_t since_ms; /* of the first that fell in this window; 0: none did */
	uint32_t up;       /* how many were up before that */
	uint32_t fallen;
	bool has_arisen; /* and was not dispelled */
	uint32_t window_ms;
	uint64_t quiet_until_ms; /* it does not arise before this */
};

/*
 * One of `up` backends that were up until now is down. Returns whether more than half of those that
 * were up have fallen within `window_ms`.
 */
bool suspicion_arises(
	struct suspicion *suspicion, uint32_t up, uint32_t window_ms, uint64_t now_ms);

/*
 * The node is not at fault, or no longer: the window is empty, and nothing arises for as long as
 * it was, so that what else falls with those that fell does not raise it again. Nothing happens to
 * a suspicion that has not arisen.
 */
void suspicion_dispel(struct suspicion *suspicion, uint64_t now_ms);
