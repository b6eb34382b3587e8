/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * membership: works out the state of a backend in a pool (member.h) from what the operator wants of
 * it and from its health. What becomes of its flows depends on that state.
 *
 *	wanted                      healthy          failed    for fail_grace_s    for hold_s
 *	active                      up               suspect   absent              dead
 *	active, but rests           drain            suspect   absent              dead
 *	drain, or weight 0          drain            suspect   absent              dead
 *	removed, with a drain       drain            suspect   dead                dead
 *	drain past its deadline     dead
 *	removed at once, disabled   dead
 *
 * Established flows stay where they are during fail_grace_s, because checks often flap while the
 * process lives, and flows of a host that is really dead are lost anyway. A pool can do without
 * that grace for all protocols: then a backend is never suspect. Without it for one protocol, a
 * suspect is to packets of that protocol as an absent backend. A removed backend that is dead stays
 * dead until it is configured again.
 *
 * A backend rests while others are to take the new flows (its zone is drained, or it is a backup):
 * it is healthy and keeps its flows and its seat, but takes no new flows for now.
 *
 * Pure: no I/O, no clock of its own. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "affinity/member.h"

#define MEMBERSHIP_NO_DEADLINE UINT32_MAX
#define MEMBERSHIP_NO_INSTANCE 0

enum membership_wish {
	MEMBERSHIP_ACTIVE,
	MEMBERSHIP_DRAIN,
	MEMBERSHIP_DISABLED,
	MEMBERSHIP_REMOVED_DRAIN, /* no longer configured; keeps its flows until they end */
	MEMBERSHIP_REMOVED,       /* no longer configured; its flows end at once */
};

/* Times are seconds of the state file's clock. */
struct membership_facts {
	enum membership_wish wish;
	uint32_t weight;     /* 0: drains without a deadline */
	uint32_t deadline_s; /* of either drain, or MEMBERSHIP_NO_DEADLINE */
	bool healthy;
	bool rests; /* takes no new flows for now: drains without a deadline, as with weight 0 */
	uint32_t health_s; /* when `healthy` last changed */
	uint64_t instance; /* hash of the process's id; or MEMBERSHIP_NO_INSTANCE */
};

struct membership_limits {
	uint32_t fail_grace_s;
	uint32_t hold_s; /* at least fail_grace_s */
	uint8_t moves;   /* MEMBER_MOVES_*: protocols for which there is no such grace */
};

/* The state of a membership and its history as far as it matters. Made by membership_begin(). */
struct membership_life {
	enum member_state state;
	uint8_t moves;       /* as the limits have it */
	uint32_t changed_s;  /* when it came into that state */
	uint32_t instance_s; /* flows whose last packet is older are gone; 0: none are */
	uint64_t instance;   /* the last one that was reported */
};

/* A membership that is new. */
struct membership_life membership_begin(const struct membership_facts *facts,
	const struct membership_limits *limits, uint32_t now_s);

/* The same membership later: once a second, and at each change of a fact. */
struct membership_life membership_continue(const struct membership_life *life,
	const struct membership_facts *facts, const struct membership_limits *limits,
	uint32_t now_s);

/* Stores it for workers. The caller sets the member's index and pool. */
void membership_store(const struct membership_life *life, struct member *member);
