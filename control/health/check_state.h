/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_state: what the results of probes, in a row, make of a backend. Pure.
 *
 *	initial → up        the first success
 *	initial → down      `fall` failures in a row
 *	up → down           `fall` failures in a row
 *	down → up           `rise` successes in a row
 *
 * A backend begins as initial, never as up: nothing is known of it. A backend that changes often is
 * dampened: with each return within CHECK_STATE_CALM_MS of the one before it takes twice as many
 * successes to come up again, at most CHECK_STATE_RISE_MOST times as many.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "state/health_row.h"

#define CHECK_STATE_CALM_MS   300000
#define CHECK_STATE_RISE_MOST 16

struct check_rules {
	uint32_t rise, fall;
};

struct check_state {
	enum health_status status;
	uint32_t passed, failed; /* in a row; one of them is 0 */
	uint32_t returns;        /* from down to up, each soon after the one before */
	uint64_t returned_ms;    /* the last of them; 0: none */
};

/* A result, at a time of a clock that never goes back. Returns whether the status is another one.
 */
bool check_state_follow(
	struct check_state *state, const struct check_rules *rules, bool passed, uint64_t now_ms);

/* Whether the next result may change the status, or it is not known yet: probe soon. */
bool check_state_is_confirming(const struct check_state *state);

/* Successes in a row that a backend which is down needs now. */
uint32_t check_state_rise(
	const struct check_state *state, const struct check_rules *rules, uint64_t now_ms);
