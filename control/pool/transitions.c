/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/transitions.h"

#include <stdlib.h>

/*
 * Four clocks for each slot, the price of which is paid once and not by packets; and only where a
 * slot has moved: a clock of 0 shows the time when the pool was taken up, so that the memory of a
 * pool at rest is never touched.
 */
struct slot_times {
	uint32_t changed_s; /* cur, last */
	uint32_t left_s;    /* when cur ceased to be home */
	uint32_t phase_s;   /* since when it has been observed or guarded, if it is */
	uint32_t stored_s;  /* its word, last */
};

struct transitions {
	_Atomic uint32_t *words;
	uint32_t slots;
	const struct member *const *members;
	uint32_t began_s;
	struct slot_times *times;
};

/* All that the rules look at in one slot, and what they make of it. */
struct slot_case {
	const struct transitions_times *times;
	const struct member *cur, *home; /* NULL: none */
	struct slot_times clocks;
	uint32_t word;
	uint32_t now_s;
	uint32_t lapsed_s;
	bool left_by_us; /* this process has seen cur cease to be home */
	enum transitions_reason reason;
	uint32_t wait_s;
	bool promoted;
};

struct transitions *transitions_create(_Atomic uint32_t *words, uint32_t slots,
	const struct member *const *members, uint32_t now_s)
{
	struct transitions *transitions = calloc(1, sizeof(*transitions));

	if (transitions == NULL)
		return NULL;
	transitions->words = words;
	transitions->slots = slots;
	transitions->members = members;
	transitions->began_s = now_s;
	transitions->times = calloc(slots, sizeof(*transitions->times));
	if (transitions->times == NULL) {
		free(transitions);
		return NULL;
	}
	return transitions;
}

void transitions_destroy(struct transitions *transitions)
{
	if (transitions == NULL)
		return;
	free(transitions->times);
	free(transitions);
}

/* What its clocks show. */
static struct slot_times read_clocks(const struct transitions *transitions, uint32_t slot)
{
	struct slot_times clocks = transitions->times[slot];

	if (clocks.changed_s == 0)
		clocks.changed_s = transitions->began_s;
	if (clocks.left_s == 0)
		clocks.left_s = transitions->began_s;
	if (clocks.phase_s == 0)
		clocks.phase_s = transitions->began_s;
	if (clocks.stored_s == 0)
		clocks.stored_s = transitions->began_s;
	return clocks;
}

static const struct member *member_of(const struct transitions *transitions, uint32_t index)
{
	return index == SLOT_NO_BACKEND ? NULL : transitions->members[index];
}

static enum member_state state_of(const struct member *member)
{
	return member == NULL ? MEMBER_NONE : member_state(member);
}

static uint32_t changed_s(const struct member *member)
{
	return atomic_load_explicit(&member->changed_s, memory_order_relaxed);
}

/*
 * R1. A flow without a pin began before the slot left home. Where home has become another instance
 * since, it is gone.
 */
static bool flows_are_gone(const struct slot_case *slot)
{
	uint32_t instance_s;

	if (member_state_is_final(state_of(slot->home)))
		return true;
	instance_s = atomic_load_explicit(&slot->home->instance_s, memory_order_relaxed);
	return instance_s > slot->clocks.left_s + TRANSITIONS_INSTANCE_MARGIN_S &&
	       slot->now_s - instance_s >= slot->times->hold_s;
}

/* R3 needs a home whose flows go on in plain sight; R4 counts a drain that does not end as one. */
static bool may_observe(const struct slot_case *slot)
{
	if (state_of(slot->cur) != MEMBER_UP)
		return false;
	if (state_of(slot->home) == MEMBER_UP)
		return true;
	return state_of(slot->home) == MEMBER_DRAIN &&
	       slot->now_s - changed_s(slot->home) >= slot->times->drain_observe_s;
}

/* Seconds since the slot's cur and its home's state have changed, whichever was later. */
static uint32_t rested_s(const struct slot_case *slot)
{
	uint32_t since_s = slot->clocks.changed_s;

	if (changed_s(slot->home) > since_s)
		since_s = changed_s(slot->home);
	return slot->now_s - since_s;
}

/* Observing that has just begun, or has had a lapse, has all of its time before it. */
static uint32_t observed_s(const struct slot_case *slot, bool since_before)
{
	uint32_t since_s = since_before ? slot->clocks.phase_s : slot->now_s;

	if (slot->lapsed_s > since_s)
		since_s = slot->lapsed_s;
	return slot->now_s - since_s;
}

/* cur is home: all that can be left to do is to guard, and to wait for the sweeper. */
static uint32_t next_word_same(struct slot_case *slot)
{
	uint32_t word = slot_pack(slot_cur(slot->word), slot_home(slot->word));

	if ((slot->word & SLOT_TRACK) == 0)
		return slot->word;
	slot->reason = TRANSITIONS_PINNED;
	if ((slot->word & SLOT_GUARD) != 0 &&
		slot->now_s - slot->clocks.phase_s < slot->times->guard_s)
		word |= SLOT_GUARD;
	return word | SLOT_TRACK;
}

/*
 * Counted from when cur ceased to be home, and not from its last move: by then all flows that were
 * older have a pin or have ended, and what has none since is new. Where an earlier process has seen
 * that, its flag goes on, for as long at most.
 */
static bool left_recently(const struct slot_case *slot)
{
	return (slot->left_by_us || (slot->word & SLOT_RECENT) != 0) &&
	       slot->now_s - slot->clocks.left_s < slot->times->udp_grace_s;
}

/* R3 and R4, and the flags on the way there. */
static uint32_t next_word_apart(struct slot_case *slot)
{
	const struct transitions_times *times = slot->times;
	uint32_t cur = slot_cur(slot->word);
	uint32_t word = slot_pack(cur, slot_home(slot->word)) | SLOT_TRACK;
	uint32_t rested = rested_s(slot), observed;

	if (left_recently(slot))
		word |= SLOT_RECENT;
	slot->reason = TRANSITIONS_AWAY;
	if (!may_observe(slot))
		return word;
	slot->reason = TRANSITIONS_SETTLING;
	slot->wait_s = times->settle_s - rested + times->observe_s;
	if (rested < times->settle_s)
		return word;
	observed = observed_s(slot, (slot->word & SLOT_OBSERVE) != 0);
	slot->reason = TRANSITIONS_OBSERVING;
	slot->wait_s = times->observe_s - observed;
	if (observed < times->observe_s)
		return word | SLOT_OBSERVE;
	slot->reason = TRANSITIONS_PINNED;
	slot->wait_s = 0;
	slot->promoted = true;
	return slot_pack(cur, cur) | SLOT_TRACK | SLOT_GUARD;
}

static uint32_t next_word(struct slot_case *slot)
{
	uint32_t cur = slot_cur(slot->word);

	if (cur == slot_home(slot->word))
		return next_word_same(slot);
	if (!flows_are_gone(slot))
		return next_word_apart(slot);
	slot->reason = TRANSITIONS_PINNED;
	return slot_pack(cur, cur) | SLOT_TRACK;
}

/* Applies the rules to a slot that has `word`, and stores what becomes of it. */
static struct slot_case advance(struct transitions *transitions, uint32_t number, uint32_t word,
	const struct transitions_times *times, uint32_t lapsed_s, uint32_t now_s)
{
	const uint32_t phases = SLOT_OBSERVE | SLOT_GUARD;
	struct slot_times *clocks = &transitions->times[number];
	struct slot_case slot = {
		.times = times,
		.cur = member_of(transitions, slot_cur(word)),
		.home = member_of(transitions, slot_home(word)),
		.clocks = read_clocks(transitions, number),
		.word = word,
		.now_s = now_s,
		.lapsed_s = lapsed_s,
		.left_by_us = clocks->left_s != 0,
		.reason = TRANSITIONS_QUIET,
	};
	uint32_t next = next_word(&slot);

	if ((next & phases & ~word) != 0)
		clocks->phase_s = now_s;
	if (next != slot_load(&transitions->words[number])) {
		slot_store(&transitions->words[number], next);
		clocks->stored_s = now_s;
	}
	return slot;
}

uint32_t transitions_publish(struct transitions *transitions, const uint16_t *table,
	const struct transitions_times *times, uint32_t now_s)
{
	uint32_t changed = 0;

	for (uint32_t slot = 0; slot < transitions->slots; slot++) {
		uint32_t word = slot_load(&transitions->words[slot]);
		struct slot_times *clocks = &transitions->times[slot];

		if (slot_cur(word) == table[slot])
			continue;
		changed++;
		clocks->changed_s = now_s;
		if (slot_cur(word) == slot_home(word))
			clocks->left_s = now_s;
		/* with no other flag, whatever phase the slot was in begins anew */
		word = slot_pack(table[slot], slot_home(word)) | SLOT_TRACK | (word & SLOT_RECENT);
		advance(transitions, slot, word, times, now_s, now_s);
	}
	return changed;
}

void transitions_advance(struct transitions *transitions, const struct transitions_times *times,
	uint32_t lapsed_s, uint32_t now_s, struct transitions_summary *summary)
{
	*summary = (struct transitions_summary){ 0 };
	for (uint32_t number = 0; number < transitions->slots; number++) {
		uint32_t word = slot_load(&transitions->words[number]);
		struct slot_case slot;

		if ((word & SLOT_TRACK) == 0)
			continue;
		slot = advance(transitions, number, word, times, lapsed_s, now_s);
		summary->slots[slot.reason]++;
		summary->promoted += slot.promoted;
		if (slot.wait_s > summary->longest_wait_s)
			summary->longest_wait_s = slot.wait_s;
	}
	summary->slots[TRANSITIONS_QUIET] = transitions->slots;
	for (int reason = TRANSITIONS_QUIET + 1; reason < TRANSITIONS_REASON_COUNT; reason++)
		summary->slots[TRANSITIONS_QUIET] -= summary->slots[reason];
}

void transitions_swept(struct transitions *transitions, const uint8_t *seen, uint32_t quiescent_s)
{
	for (uint32_t slot = 0; slot < transitions->slots; slot++) {
		uint32_t word = slot_load(&transitions->words[slot]);
		uint32_t cur = slot_cur(word);

		if (word != (slot_pack(cur, cur) | SLOT_TRACK) || seen[slot])
			continue;
		if (read_clocks(transitions, slot).stored_s >= quiescent_s)
			continue;
		slot_store(&transitions->words[slot], slot_pack(cur, cur));
	}
}
