/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pins: the table of all pins (pin.h) of this node, shared by every worker and the sweeper
 * (pins_sweep.h) without a lock.
 *
 * It is an array of buckets; a bucket is one cache line of eight pins. The caller provides the
 * memory, a part of the state file, so the table holds words and no pointers, and all zeroes is an
 * empty table. A flow's pin may stand in either of two buckets; it is put into the emptier one (Y.
 * Azar et al., "Balanced Allocations", 1994) and never moves. At 75 % fill a million pins take 10.7
 * MB, for any number of workers; above that, both buckets of a flow begin to be full.
 *
 * A pin is only changed by a compare-and-exchange of its whole word, so a step applies to exactly
 * the word it was decided on, or not at all. A worker that loses the race decides again a few
 * times, then gives up and reports it: it never waits. Races can leave behind:
 * - quotas (below) exceeded by as many pins as there are other workers,
 * - for a moment, two pins of one flow, put by two workers at once. Each looks again after its own
 *   put, so at least one of them sees both and removes the lesser.
 *
 * Lookups use 256-bit loads where the CPU has them. A wide load may tear, so it only finds
 * candidates; each candidate is reloaded with a 64-bit atomic load. A tear can hide only a pin that
 * is being written at that instant.
 *
 * What may be evicted, in this order, the oldest first:
 *	finished, probation, observed, trial, UDP and QUIC, established.
 * A pin on probation or an observed one evicts only the first three. At most PINS_QUOTA ways of a
 * bucket are given to probation, at most as many to observed pins, and at most as many to trial.
 *
 * One way of each bucket is reserved for flows that are not established: if all other ways are
 * established, the next flow that would be is observed instead, until there is room. So every new
 * flow finds a way for its pin, even if the table is full of pins that may not be evicted.
 *
 * A flood is detected per pool (affinity.h) and passed with each call; the switch in the table
 * applies to all pools. Functions: any worker.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "affinity/pin.h"

/* ThreadSanitizer cannot know that wide loads are safe here (see above). */
#if defined(__SANITIZE_THREAD__)
#define PINS_READ_SINGLY
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PINS_READ_SINGLY
#endif
#endif

#if defined(__AVX2__) && !defined(PINS_READ_SINGLY)
#include <immintrin.h>
#define PINS_READ_WIDE
#endif

#define PINS_WAYS            8
#define PINS_QUOTA           4
#define PINS_ESTABLISHED_MAX 7 /* ways of a bucket for established flows */
#define PINS_BUCKET_SIZE     64
#define PINS_BUCKETS_MAX     (UINT32_C(1) << 28)
#define PINS_NOWHERE         UINT32_MAX /* no pin has this position */
#define PINS_FILL            6          /* ways of a bucket that are taken at 75 % fill */

static_assert(PINS_WAYS * sizeof(_Atomic uint64_t) == PINS_BUCKET_SIZE, "a bucket is a line");

/* A process's view of the table. */
struct pins {
	_Atomic uint64_t *words;
	uint32_t bucket_count;
	_Atomic bool flood;
	struct pins *_Atomic older; /* NULL, but while a table of another size empties */
};

/* What became of a pin that was to be put. */
enum pins_put {
	PINS_PUT_PLACED,   /* in a free way */
	PINS_PUT_REPLACED, /* the flow had a pin */
	PINS_PUT_KEPT,     /* the flow has a pin, which beats an observed one */
	PINS_PUT_MERGED,   /* another worker put one at that moment, too; one of the two is gone */
	PINS_PUT_REFUSED,  /* nothing could be evicted: the flow has no pin */
	PINS_PUT_LOST,     /* lost too many races: the flow has no pin */
	PINS_PUT_EVICTED,  /* + the class of the pin that had to go */
	PINS_PUT_COUNT = PINS_PUT_EVICTED + PIN_CLASS_COUNT,
};

/* What became of a pin whose flow had another packet. */
enum pins_step {
	PINS_STEP_NONE,      /* nothing to write */
	PINS_STEP_REFRESHED, /* of the same class as before */
	PINS_STEP_CONFIRMED, /* established: from now on peers may hear of it */
	PINS_STEP_TRIED,     /* put on trial */
	PINS_STEP_CROWDED,   /* neither established nor on trial: its bucket has enough of those */
	PINS_STEP_FINISHED,
	PINS_STEP_REVIVED, /* was finished, is established */
	PINS_STEP_DEMOTED, /* was on trial, is on probation */
	PINS_STEP_DELETED,
	PINS_STEP_LOST,      /* now another flow's, or lost too many races */
	PINS_STEP_RECLAIMED, /* put by a forged SYN, now the old flow's, at home */
	PINS_STEP_COUNT,
};

/* Buckets that `pin_count` pins fill to 75 %, at most PINS_BUCKETS_MAX. */
uint32_t pins_bucket_count(uint64_t pin_count);

/* Bytes of a table of so many buckets. */
static inline uint64_t pins_memory(uint32_t bucket_count)
{
	return (uint64_t)bucket_count * PINS_BUCKET_SIZE;
}

/*
 * Makes a table of the bytes at `memory`: pins_memory() bytes, aligned to a cache line. They are
 * the caller's and must outlive the table. Nothing is checked or cleared: any bytes are a valid
 * table. 1 to PINS_BUCKETS_MAX buckets.
 */
void pins_init(struct pins *pins, void *memory, uint32_t bucket_count);

/* Control thread. */
void pins_set_flood(struct pins *pins, bool flood);

static inline uint32_t pins_first_bucket(const struct pins *pins, uint64_t hash)
{
	return ((uint64_t)(uint32_t)hash * pins->bucket_count) >> 32;
}

/* By the 32-bit finalizer of MurmurHash3 (A. Appleby): every bit of the hash counts. */
static inline uint32_t pins_second_bucket(const struct pins *pins, uint64_t hash)
{
	uint32_t mixed = (uint32_t)hash ^ (uint32_t)(hash >> 32);

	mixed = (mixed ^ mixed >> 16) * 0x85ebca6b;
	mixed = (mixed ^ mixed >> 13) * 0xc2b2ae35;
	mixed ^= mixed >> 16;
	return ((uint64_t)mixed * pins->bucket_count) >> 32;
}

/* For the whole burst, a stage before pins_find(). */
static inline void pins_prefetch(const struct pins *pins, uint64_t hash)
{
	rte_prefetch0(&pins->words[pins_first_bucket(pins, hash) * PINS_WAYS]);
	rte_prefetch0(&pins->words[pins_second_bucket(pins, hash) * PINS_WAYS]);
}

static inline uint64_t pins_load(const struct pins *pins, uint32_t position)
{
	return atomic_load_explicit(&pins->words[position], memory_order_relaxed);
}

#ifdef PINS_READ_WIDE

/*
 * A bit for each way that seems to have the tag; pins_way() maps a bit to its way. `order` is that
 * of single loads. Wide ones need none: x86 alone has them, and there no load overtakes an exchange
 * before it.
 */
static inline uint32_t pins_match_bucket(
	const struct pins *pins, uint32_t bucket, uint32_t tag, memory_order order)
{
	const __m256 *halves = (const __m256 *)&pins->words[bucket * PINS_WAYS];
	__m256 tags = _mm256_shuffle_ps(halves[0], halves[1], 0xdd);
	__m256i equal = _mm256_cmpeq_epi32(_mm256_castps_si256(tags), _mm256_set1_epi32(tag));

	return _mm256_movemask_ps(_mm256_castsi256_ps(equal));
}

/* The shuffle works within 128 bits: it yields ways 0, 1, 4, 5, 2, 3, 6, 7. */
static inline uint32_t pins_way(uint32_t bit)
{
	return 0x76325410 >> bit * 4 & 7;
}

#else

static inline uint32_t pins_match_bucket(
	const struct pins *pins, uint32_t bucket, uint32_t tag, memory_order order)
{
	uint32_t matches = 0;

	for (uint32_t way = 0; way < PINS_WAYS; way++) {
		uint64_t pin = atomic_load_explicit(&pins->words[bucket * PINS_WAYS + way], order);

		matches |= (uint32_t)(pin_tag(pin) == tag) << way;
	}
	return matches;
}

static inline uint32_t pins_way(uint32_t bit)
{
	return bit;
}

#endif

/*
 * The ways of both buckets of a flow that seem to have its tag, as bits; pins_position() says where
 * they are. Both buckets are compared at once, because the CPU cannot predict which of them holds
 * the pin.
 */
static inline uint32_t pins_match(
	const struct pins *pins, uint32_t first, uint32_t second, uint32_t tag, memory_order order)
{
	return pins_match_bucket(pins, first, tag, order) |
	       pins_match_bucket(pins, second, tag, order) << PINS_WAYS;
}

static inline uint32_t pins_position(uint32_t first, uint32_t second, uint32_t bit)
{
	return (bit < PINS_WAYS ? first : second) * PINS_WAYS + pins_way(bit % PINS_WAYS);
}

/*
 * Returns the pin of the flow with that hash, and its position for the functions below; or 0 and
 * PINS_NOWHERE. Two flows whose hashes agree in the tag and a bucket share a pin: of 2^32 flows
 * without a pin about 16 find one.
 */
static inline uint64_t pins_find(const struct pins *pins, uint64_t hash, uint32_t *position)
{
	uint32_t first = pins_first_bucket(pins, hash);
	uint32_t second = pins_second_bucket(pins, hash);
	uint32_t tag = hash >> 32;
	uint32_t matches = pins_match(pins, first, second, tag, memory_order_relaxed);

	for (; matches != 0; matches &= matches - 1) {
		uint32_t found = pins_position(first, second, __builtin_ctz(matches));
		uint64_t pin = pins_load(pins, found);

		if (likely(pin_tag(pin) == tag && pin_class(pin) != PIN_EMPTY)) {
			*position = found;
			return pin;
		}
	}
	*position = PINS_NOWHERE;
	return 0;
}

/*
 * Pins the flow with that hash to a backend, and replaces the pin that it may have. `class` is any
 * but PIN_EMPTY, PIN_FINISHED and PIN_TRIAL.
 */
enum pins_put pins_put(
	struct pins *pins, uint64_t hash, uint16_t gid, enum pin_class class, uint16_t now);

/* Same, for a packed pin. *evicted gets the pin that was evicted for it, or 0. */
enum pins_put pins_put_packed(
	struct pins *pins, uint64_t hash, uint64_t pin, uint16_t now, uint64_t *evicted);

/*
 * Updates a pin that was found, after another packet of its flow: by pin_continue() or
 * pin_finish(), or their variants for a flood. `pin` and `position` are from pins_find(). The
 * packet goes to pin_gid(pin) whatever the result.
 */
enum pins_step pins_continue_slowly(struct pins *pins, uint32_t position, uint64_t pin,
	enum pin_class established, uint16_t now, bool flood);
enum pins_step pins_finish_slowly(
	struct pins *pins, uint32_t position, uint64_t pin, uint16_t now, bool flood);

static inline bool pins_are_flooded(const struct pins *pins)
{
	return atomic_load_explicit(&pins->flood, memory_order_relaxed);
}

static inline enum pins_step pins_finish(
	struct pins *pins, uint32_t position, uint64_t pin, uint16_t now)
{
	return pins_finish_slowly(pins, position, pin, now, pins_are_flooded(pins));
}

/*
 * A finished flow begins again on the same backend; see pin_reopen(). PINS_STEP_CROWDED: no room
 * for it to be established, so it is observed.
 */
enum pins_step pins_reopen(struct pins *pins, uint32_t position, uint64_t pin, uint16_t now);

/* Replaces the pin that was found by `next`, unless the pin has changed meanwhile. */
enum pins_step pins_change(struct pins *pins, uint32_t position, uint64_t pin, uint64_t next);

/* Writes at most once per tick for an established flow. */
static inline enum pins_step pins_continue(struct pins *pins, uint32_t position, uint64_t pin,
	enum pin_class established, uint16_t now)
{
	if (likely(pin_is_current(pin, now)))
		return PINS_STEP_NONE;
	return pins_continue_slowly(pins, position, pin, established, now, pins_are_flooded(pins));
}

/*
 * Puts a pin of another table into this one, unchanged. It evicts nothing and does not use the way
 * reserved for flows that are not established. PINS_PUT_PLACED, MERGED, KEPT: the flow has a pin
 * here. REFUSED, LOST: it has none.
 */
enum pins_put pins_put_moved(struct pins *pins, uint64_t hash, uint64_t pin);

/* Deletes the pin, unless it has become another flow's or another backend's. */
enum pins_step pins_delete(struct pins *pins, uint32_t position, uint64_t pin);
