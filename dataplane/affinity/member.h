/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * member: the state of a backend in a pool and since when it is in it, as far as its flows depend
 * on it. There is one per membership of the node, by its number (gid), which pins carry. Control
 * writes, workers read, each field a single atomic; it stands in the state file.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Greater than any gid that a pin can carry. */
#define MEMBER_COUNT_MAX 65536

/* X(NAME, name in JSON). The numbers are in the state file: never change them. */
#define MEMBER_STATE_TABLE(X)                                                    \
	X(NONE, none)       /* this number is not in use */                      \
	X(UP, up)           /* takes new flows and keeps its own */              \
	X(DRAIN, drain)     /* keeps its flows, takes no new ones */             \
	X(SUSPECT, suspect) /* its check failed a moment ago: as DRAIN */        \
	X(ABSENT, absent)   /* its check has failed for longer: may come back */ \
	X(DEAD, dead)       /* gone for good, and its flows with it */

enum member_state {
#define MEMBER_STATE_ENUM(upper, lower) MEMBER_##upper,
	MEMBER_STATE_TABLE(MEMBER_STATE_ENUM)
#undef MEMBER_STATE_ENUM
		MEMBER_STATE_COUNT
};

/* Protocols whose flows leave a backend as soon as its check fails; otherwise they wait a while. */
#define MEMBER_MOVES_TCP (1 << 0)
#define MEMBER_MOVES_UDP (1 << 1) /* QUIC as well */
#define MEMBER_MOVES_ALL (MEMBER_MOVES_TCP | MEMBER_MOVES_UDP)

/* Times are seconds of the state file's clock, which outlives restarts of the process. */
struct member {
	_Atomic uint8_t state;       /* enum member_state */
	_Atomic uint8_t moves;       /* MEMBER_MOVES_*: whose flows leave while it is SUSPECT */
	_Atomic uint16_t index;      /* in its pool: what slot words say */
	_Atomic uint32_t pool;       /* which pool: what services say */
	_Atomic uint32_t changed_s;  /* when it came into this state */
	_Atomic uint32_t instance_s; /* flows without a packet since then are gone; 0: never */
};

static_assert(sizeof(struct member) == 16, "four to a cache line");

/* "up", ... Static text. */
const char *member_state_name(enum member_state state);

/* Whether packets may still be sent there. */
static inline bool member_state_is_usable(enum member_state state)
{
	return state == MEMBER_UP || state == MEMBER_DRAIN || state == MEMBER_SUSPECT;
}

/* Whether its flows are gone for good. */
static inline bool member_state_is_final(enum member_state state)
{
	return state == MEMBER_DEAD || state == MEMBER_NONE;
}

/* Same for packets of one of these protocols: flows that leave a suspect leave it as one that is
 * ABSENT. */
static inline enum member_state member_state_seen_by(const struct member *member, uint8_t protocol)
{
	enum member_state state = atomic_load_explicit(&member->state, memory_order_relaxed);

	if (state == MEMBER_SUSPECT &&
		(atomic_load_explicit(&member->moves, memory_order_relaxed) & protocol) != 0)
		return MEMBER_ABSENT;
	return state;
}

static inline enum member_state member_state(const struct member *member)
{
	return atomic_load_explicit(&member->state, memory_order_relaxed);
}
