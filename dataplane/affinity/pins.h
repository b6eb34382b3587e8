/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pins: the table of all pins (pin.h) of this node, shared by every worker and the sweeper
 * (pins_sweep.h) without a lock.
 *
 * It is an array of buckets, each one cache line of eight pins, in memory that the caller gives: a
 * part of the state file, so it holds words and no pointer, and all zeroes is an empty table. A
 * flow's pin may stand in either of two buckets; it is put into the emptier one (Y. Azar et al.,
 * "Balanced Allocations", 1994) and never moves. At 75 % fill, beyond which two full buckets begin
 * to coincide, a million pins take 10.7 MB, for any number of workers.
 *
 * A pin is changed by nothing but a compare-and-exchange of its whole word, so each step is either
 * taken from the very word it was decided on, or not at all. Whoever loses the race decides anew a
 * few times and then gives up and says so: a worker never waits. What races can leave behind:
 * - quotas (below) exceeded by as many pins as there are other workers,
 * - for a moment, two pins of one flow that two workers have put at once. Each of them looks again
 *   after it has put its own, so that at least one sees both and removes the lesser.
 *
 * Reading prefers 256-bit loads where there are any. Those promise nothing about tearing, so they
 * only nominate; the word that counts is loaded again by itself. A tag that a torn load hides is a
 * pin that was being written in that instant.
 *
 * What may be evicted, in this order, the oldest first:
 *	finished, probation, observed, trial, UDP and QUIC, established.
 * A pin on probation or an observed one evicts only the first three. At most PINS_QUOTA ways of a
 * bucket are given to probation, at most as many to observed pins, and at most as many to trial.
 *
 * One way of each bucket stays with flows that have not settled: where all others have, a flow that
 * would settle is observed instead, until there is room. So there is a way for the pin of every new
 * flow, however full the table is of what may not be evicted.
 *
 * Whether there is a flood is known of each pool (affinity.h) and said with each call; the switch
 * in the table is for all. Functions: any worker.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "affinity/pin.h"

/* ThreadSanitizer cannot know why it is safe to read words eight at a time, as told above. */
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
#define PINS_ESTABLISHED_MAX 7 /* ways of a bucket for flows that have settled */
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
	PINS_PUT_KEPT,     /* the flow has a pin, which knows better than an observed one */
	PINS_PUT_MERGED,   /* another worker put one, too, at that moment; one of them is gone */
	PINS_PUT_REFUSED,  /* nothing might be evicted: the flow goes without */
	PINS_PUT_LOST,     /* others were faster, too often: the flow goes without */
	PINS_PUT_EVICTED,  /* + the class of the pin that had to go */
	PINS_PUT_COUNT = PINS_PUT_EVICTED + PIN_CLASS_COUNT,
};

/* What became of a pin whose flow had another packet. */
enum pins_step {
	PINS_STEP_NONE,      /* nothing to write */
	PINS_STEP_REFRESHED, /* of the same class as before */
	PINS_STEP_CONFIRMED, /* settled: this is when peers may be told */
	PINS_STEP_TRIED,     /* put on trial */
	PINS_STEP_CROWDED,   /* neither settled nor put on trial: its bucket has enough of those */
	PINS_STEP_FINISHED,
	PINS_STEP_REVIVED, /* was finished, is settled */
	PINS_STEP_DEMOTED, /* was on trial, is on probation */
	PINS_STEP_DELETED,
	PINS_STEP_LOST,      /* it is another flow's now, or others were faster, too often */
	PINS_STEP_RECLAIMED, /* a forged SYN had put it: it is the old flow's now, at home */
	PINS_STEP_COUNT,
};

/* Buckets that `pin_count` pins fill to 75 %; PINS_BUCKETS_MAX when there cannot be as many. */
uint32_t pins_bucket_count(uint64_t pin_count);

/* Bytes of a table of so many buckets. */
static inline uint64_t pins_memory(uint32_t bucket_count)
{
	return (uint64_t)bucket_count * PINS_BUCKET_SIZE;
}

/*
 * Makes a table of what stands at `memory`: pins_memory() bytes on a cache line, the caller's, that
 * outlive it. Nothing is judged or cleared: any bytes are a table. 1 to PINS_BUCKETS_MAX buckets.
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

/* A bit for each way that seems to have the tag; pins_way() tells which way a bit stands for. */
static inline uint32_t pins_match(const struct pins *pins, uint32_t bucket, uint32_t tag)
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

static inline uint32_t pins_match(const struct pins *pins, uint32_t bucket, uint32_t tag)
{
	uint32_t matches = 0;

	for (uint32_t way = 0; way < PINS_WAYS; way++)
		matches |= (uint32_t)(pin_tag(pins_load(pins, bucket * PINS_WAYS + way)) == tag)
			   << way;
	return matches;
}

static inline uint32_t pins_way(uint32_t bit)
{
	return bit;
}

#endif

/*
 * The pin of the flow with that hash, and its position for the functions below; or 0, and
 * PINS_NOWHERE. Two flows whose hashes agree in the tag and a bucket share a pin: of 2^32 flows
 * without a pin about 16 find one. Both buckets are compared at once, because which of them holds
 * the pin cannot be predicted.
 */
static inline uint64_t pins_find(const struct pins *pins, uint64_t hash, uint32_t *position)
{
	uint32_t first = pins_first_bucket(pins, hash);
	uint32_t second = pins_second_bucket(pins, hash);
	uint32_t tag = hash >> 32;
	uint32_t matches = pins_match(pins, first, tag) | pins_match(pins, second, tag)
								  << PINS_WAYS;

	for (; matches != 0; matches &= matches - 1) {
		uint32_t bit = __builtin_ctz(matches);
		uint32_t bucket = bit < PINS_WAYS ? first : second;
		uint32_t found = bucket * PINS_WAYS + pins_way(bit % PINS_WAYS);
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
 * Pins the flow with that hash to a backend, in the place of the pin it may have. `class` is any
 * but PIN_EMPTY, PIN_FINISHED and PIN_TRIAL.
 */
enum pins_put pins_put(
	struct pins *pins, uint64_t hash, uint16_t gid, enum pin_class class, uint16_t now);

/* The same for a pin that is packed; what had to go for it is told in *evicted, or 0. */
enum pins_put pins_put_packed(
	struct pins *pins, uint64_t hash, uint64_t pin, uint16_t now, uint64_t *evicted);

/*
 * The flow of a pin that was found had another packet: with pin_continue() or pin_finish() as the
 * flood switch has it. `pin` and `position` are what pins_find() has answered. The flow itself goes
 * to pin_gid(pin) whatever comes of it.
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
 * A finished flow begins again on the same backend; see pin_reopen(). PINS_STEP_CROWDED: there is
 * no room for it to settle, so it is observed.
 */
enum pins_step pins_reopen(struct pins *pins, uint32_t position, uint64_t pin, uint16_t now);

/* Puts `next` in the place of the pin that was found, unless it has changed meanwhile. */
enum pins_step pins_change(struct pins *pins, uint32_t position, uint64_t pin, uint64_t next);

/* Writes at most once in a tick for a flow that has settled. */
static inline enum pins_step pins_continue(struct pins *pins, uint32_t position, uint64_t pin,
	enum pin_class established, uint16_t now)
{
	if (likely(pin_is_current(pin, now)))
		return PINS_STEP_NONE;
	return pins_continue_slowly(pins, position, pin, established, now, pins_are_flooded(pins));
}

/*
 * A pin of another table comes into this one as it is, and evicts nothing for it, nor does it take
 * the way that stays with flows that have not settled. PINS_PUT_PLACED,
 * MERGED, KEPT: this table has one for the flow. REFUSED, LOST: it has none.
 */
enum pins_put pins_put_moved(struct pins *pins, uint64_t hash, uint64_t pin);

/* Forgets the pin, unless it has become another flow's or another backend's. */
enum pins_step pins_delete(struct pins *pins, uint32_t position, uint64_t pin);
