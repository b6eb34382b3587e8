/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * membership: from what is wanted and known of a backend in a pool to the state that the fate of
 *its flows depends on (member.h).
 *
 *	wanted                      check is well    failed    for fail_grace_s    for hold_s
 *	active                      up               suspect   absent              dead
 *	active, but rests           drain            suspect   absent              dead
 *	drain, or weight 0          drain            suspect   absent              dead
 *	removed, with a drain       drain            suspect   dead                dead
 *	drain past its deadline     dead
 *	removed at once, disabled   dead
 *
 * Established flows stay where they are during fail_grace_s, because a check that flaps while the
 * process lives is common, and a host that is truly dead answers nothing anyway. A removed backend
 * that has died stays so until it is configured again.
 *
 * A backend rests while others are to take the new flows (its zone is drained, or it is a backup):
 * it is well, keeps its flows and its seat, and takes no new ones until it is told otherwise.
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
	MEMBERSHIP_REMOVED_DRAIN, /* no longer configured, may see its flows out */
	MEMBERSHIP_REMOVED,       /* no longer configured, ends at once */
};

/* Times are seconds of the state file's clock. */
struct membership_facts {
	enum membership_wish wish;
	uint32_t weight;     /* 0: drains without a deadline */
	uint32_t deadline_s; /* of either drain, or MEMBERSHIP_NO_DEADLINE */
	bool healthy;
	bool rests; /* takes no new flows for now: drains without a deadline, as with weight 0 */
	uint32_t health_s; /* since when it has been healthy, or not */
	uint64_t instance; /* which process answers, by its id's hash; or MEMBERSHIP_NO_INSTANCE */
};

struct membership_limits {
	uint32_t fail_grace_s;
	uint32_t hold_s; /* at least fail_grace_s */
};

/* What has become of a membership so far. Begins as membership_begin() has it. */
struct membership_life {
	enum member_state state;
	uint32_t changed_s;  /* when it came into that state */
	uint32_t instance_s; /* flows without a packet since then are gone; 0: never */
	uint64_t instance;   /* the last one that was reported */
};

/* A membership that is new. */
struct membership_life membership_begin(const struct membership_facts *facts,
	const struct membership_limits *limits, uint32_t now_s);

/* The same membership later: once a second, and at each change of a fact. */
struct membership_life membership_continue(const struct membership_life *life,
	const struct membership_facts *facts, const struct membership_limits *limits,
	uint32_t now_s);

/* Shows it to workers. The member's index and pool are the caller's. */
void membership_store(const struct membership_life *life, struct member *member);
