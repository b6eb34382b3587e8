/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * transitions: how the slot words of one pool follow what the pool's table should be, so that no
 * connection breaks. The table says where new flows go (cur); `home` says where flows live that no
 * pin remembers. What holds at every moment, for a slot s:
 *
 *   I1  every live flow of s that has no pin lives on home(s);
 *   I2  a flow that begins is pinned if and only if its backend is not home(s), or s is guarded;
 *   I3  home(s) changes only by R1 (its flows are gone) or R3 (promotion after observation), and
 *       only to the value that cur(s) has at that moment;
 *   I4  without SLOT_TRACK home(s) is cur(s) and s needs no pins: the quiet path may skip all else;
 *   I5  cur is a function of the configured members and their health alone; home is cur with a
 *       short list of exceptions.
 *
 * The rules:
 *
 *   R1  home is dead: home becomes cur at once. Nothing has to be tracked, for its flows died with
 *       it. So it does when home has another instance than when the slot left it; but then it waits
 *       for hold_s, because a backend that was restarted is about to get its slots back, and if
 *       home waits for it, that ends the matter.
 *   R2  cur is home again: nothing to do. Flows that began elsewhere meanwhile have pins.
 *   R3  home and cur are up, and nothing has moved for settle_s: old flows are observed, which pins
 *       each at its next packet, for observe_s; then home becomes cur.
 *   R4  a home that has been draining for drain_observe_s counts as up for R3.
 *
 * The idea to look at two tables only where they differ is "Maglev Hashing Stateless"
 * (kndrvt/mhs); that of holding a slot for a backend that may come back is JET's horizon (CoNEXT
 * 2021). Here home is held per slot and promoted per slot.
 *
 * No I/O and no clock of its own: times are handed in. Control thread; the words alone are shared.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "affinity/member.h"
#include "affinity/pin.h"
#include "affinity/slots.h"

/* Seconds; see sluice.json(5), affinity. */
struct transitions_times {
	uint32_t observe_s;       /* W: old flows are observed this long before a promotion */
	uint32_t settle_s;        /* Q: a slot must rest this long before observing begins */
	uint32_t hold_s;          /* H: a backend that went is waited for this long */
	uint32_t guard_s;         /* G: after a promotion every new flow is pinned this long */
	uint32_t drain_observe_s; /* a drain that lasts longer no longer keeps a slot home */
	uint32_t udp_grace_s; /* UDP packets without a pin go home this long after cur left it */
};

struct transitions;

/* Why a slot is not quiet. */
enum transitions_reason {
	TRANSITIONS_QUIET,     /* one load of the word is all that a packet costs */
	TRANSITIONS_SETTLING,  /* cur or home changed less than settle_s ago */
	TRANSITIONS_OBSERVING, /* old flows are observed until the promotion */
	TRANSITIONS_AWAY,      /* home drains or is gone for now: waits for its return or its end */
	TRANSITIONS_PINNED,    /* home is cur again; flows elsewhere have not ended yet */
	TRANSITIONS_REASON_COUNT,
};

struct transitions_summary {
	uint32_t slots[TRANSITIONS_REASON_COUNT];
	uint32_t promoted;       /* by this call */
	uint32_t longest_wait_s; /* until the last slot in SETTLING or OBSERVING is promoted */
};

/*
 * For a table of `slots` words as they are: all quiet in a new pool, anything in an adopted one,
 * whose rests then begin anew. `members` is indexed as slot words are, NULL where there is none;
 * both stay the caller's. NULL when memory is short.
 */
struct transitions *transitions_create(_Atomic uint32_t *words, uint32_t slots,
	const struct member *const *members, uint32_t now_s);
void transitions_destroy(struct transitions *transitions); /* NULL is allowed */

/*
 * Makes `table` (an index or SLOT_NO_BACKEND for each slot) the new cur and applies the rules.
 * Members' states are stored beforehand. Returns how many slots changed their cur.
 */
uint32_t transitions_publish(struct transitions *transitions, const uint16_t *table,
	const struct transitions_times *times, uint32_t now_s);

/*
 * Once a second, and after a member changed its state (and its slots were published): the rules and
 * their clocks. No slot is promoted that has not been observed since `lapsed_s`: the last moment at
 * which an old flow may have gone unobserved (no token, no room for its pin, a flood, a peer that
 * does not agree). To wait is safe and only costs memory.
 */
void transitions_advance(struct transitions *transitions, const struct transitions_times *times,
	uint32_t lapsed_s, uint32_t now_s, struct transitions_summary *summary);

/*
 * After a whole sweep, with the slots in which it left pins: takes slots that have none any more
 * back to the quiet path. A worker may put a pin by the word that it has read before another was
 * stored, so that a slot counts only if its word was stored before `quiescent_s`: when the sweep
 * began, every worker had passed a quiescent state since that second.
 */
void transitions_swept(struct transitions *transitions, const uint8_t *seen, uint32_t quiescent_s);

/*
 * Flows of an instance that was replaced are gone, but its successor may have begun to serve before
 * it was noticed: up to this long.
 */
#define TRANSITIONS_INSTANCE_MARGIN_S 8

/*
 * Whether a sweep is to keep a pin of `member`: its flow may live, and it is not where the slot's
 * word sends it anyway, whatever an attacker forges: where new flows go elsewhere than home, a SYN
 * would take a flow at home away if its pin were gone. `idle_s` as pins_sweep.h has it. Inline
 * because a sweep asks for each pin.
 */
static inline bool transitions_pin_is_needed(
	uint64_t pin, const struct member *member, uint32_t word, uint32_t idle_s, uint32_t now_s)
{
	uint32_t index = atomic_load_explicit(&member->index, memory_order_relaxed);
	uint32_t instance_s = atomic_load_explicit(&member->instance_s, memory_order_relaxed);

	if (member_state_is_final(member_state(member)))
		return false;
	if (instance_s != 0 && idle_s > now_s - instance_s + TRANSITIONS_INSTANCE_MARGIN_S)
		return false;
	if (slot_home(word) != index)
		return true; /* nothing else knows where this flow lives */
	if (slot_cur(word) == index)
		return (word & SLOT_GUARD) != 0;
	return (word & SLOT_OBSERVE) != 0 || pin_class(pin) != PIN_FINISHED;
}
