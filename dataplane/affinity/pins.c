/* SPDX-License-Identifier: BSD-3-Clause */
#include "affinity/pins.h"

#include <stddef.h>

#define ATTEMPTS 4 /* lost races before a worker gives up */

/* Order of eviction by class, a nibble each. UDP and QUIC have the same rank. */
#define RANKS       UINT64_C(0x45516320)
#define RANK_OF(c)  (RANKS >> (c)*4 & 0xf)
#define RANK_LOWEST 1

/* A snapshot of a bucket. */
struct bucket {
	uint32_t number;
	uint64_t units; /* sum of pin_class_unit() */
	uint64_t pins[PINS_WAYS];
};

/* A way of the table and the word that the exchange expects there. */
struct target {
	uint32_t position;
	uint64_t pin;
};

static_assert(RANK_OF(PIN_FINISHED) == RANK_LOWEST && RANK_OF(PIN_PROBATION) == 2 &&
		      RANK_OF(PIN_OBSERVED) == 3 && RANK_OF(PIN_TRIAL) == 4 &&
		      RANK_OF(PIN_UDP) == 5 && RANK_OF(PIN_QUIC) == 5 &&
		      RANK_OF(PIN_ESTABLISHED) == 6,
	"the order of eviction");

uint32_t pins_bucket_count(uint64_t pin_count)
{
	if (pin_count == 0)
		return 1;
	if (pin_count >= (uint64_t)PINS_BUCKETS_MAX * PINS_FILL)
		return PINS_BUCKETS_MAX;
	return (pin_count + PINS_FILL - 1) / PINS_FILL;
}

void pins_init(struct pins *pins, void *memory, uint32_t bucket_count)
{
	assert(bucket_count >= 1 && bucket_count <= PINS_BUCKETS_MAX);
	assert((uintptr_t)memory % PINS_BUCKET_SIZE == 0);
	pins->words = memory;
	pins->bucket_count = bucket_count;
	atomic_init(&pins->flood, false);
	atomic_init(&pins->older, NULL);
}

void pins_set_flood(struct pins *pins, bool flood)
{
	atomic_store_explicit(&pins->flood, flood, memory_order_relaxed);
}

/* Sequentially consistent, because of merge(). On failure *pin gets the current word. */
static bool exchange(struct pins *pins, uint32_t position, uint64_t *pin, uint64_t next)
{
	return atomic_compare_exchange_strong_explicit(
		&pins->words[position], pin, next, memory_order_seq_cst, memory_order_relaxed);
}

/* Same flow and same backend. */
static bool is_same_flow(uint64_t pin, uint64_t other)
{
	return pin >> 16 == other >> 16 && pin_class(other) != PIN_EMPTY;
}

static void look_at(const struct pins *pins, uint32_t number, struct bucket *bucket)
{
	bucket->number = number;
	bucket->units = 0;
	for (uint32_t way = 0; way < PINS_WAYS; way++) {
		bucket->pins[way] = pins_load(pins, number * PINS_WAYS + way);
		bucket->units += pin_class_unit(bucket->pins[way]);
	}
}

/* Flows that are not established have a quota per class. */
static bool may_grow(const struct bucket *bucket, enum pin_class class)
{
	if (class != PIN_PROBATION && class != PIN_OBSERVED)
		return true;
	return pin_class_sum(bucket->units, class) < PINS_QUOTA;
}

static bool choose_same(const struct bucket *bucket, uint32_t tag, struct target *target)
{
	for (uint32_t way = 0; way < PINS_WAYS; way++) {
		uint64_t pin = bucket->pins[way];

		if (pin_tag(pin) == tag && pin_class(pin) != PIN_EMPTY) {
			*target = (struct target){ bucket->number * PINS_WAYS + way, pin };
			return true;
		}
	}
	return false;
}

static uint32_t count_established(const struct bucket *bucket)
{
	return pin_class_sum(bucket->units, PIN_ESTABLISHED) +
	       pin_class_sum(bucket->units, PIN_UDP) + pin_class_sum(bucket->units, PIN_QUIC) +
	       pin_class_sum(bucket->units, PIN_TRIAL);
}

/* Whether a pin may get that class in the bucket: established flows leave one way to others. */
static bool may_establish(const struct bucket *bucket, enum pin_class class)
{
	if (class == PIN_PROBATION || class == PIN_OBSERVED || class == PIN_FINISHED)
		return true;
	return count_established(bucket) < PINS_ESTABLISHED_MAX &&
	       (class != PIN_TRIAL || pin_class_sum(bucket->units, PIN_TRIAL) < PINS_QUOTA);
}

/* A free way in the emptier of the buckets that may take the pin. */
static bool choose_free(
	const struct bucket buckets[static 2], const bool may_take[static 2], struct target *target)
{
	const struct bucket *emptier = NULL;
	uint32_t most = 0;

	for (unsigned int i = 0; i < 2; i++) {
		uint32_t count = pin_class_sum(buckets[i].units, PIN_EMPTY);

		if (count > most && may_take[i]) {
			emptier = &buckets[i];
			most = count;
		}
	}
	for (uint32_t way = 0; emptier && way < PINS_WAYS; way++)
		if (pin_class(emptier->pins[way]) == PIN_EMPTY) {
			*target = (struct target){ emptier->number * PINS_WAYS + way,
				emptier->pins[way] };
			return true;
		}
	return false;
}

static uint32_t highest_victim_rank(enum pin_class class)
{
	return class == PIN_PROBATION || class == PIN_OBSERVED ? RANK_OF(PIN_OBSERVED)
							       : RANK_OF(PIN_ESTABLISHED);
}

/* The pin to evict for one of that class: of the lowest rank, and among those the oldest. */
static bool choose_victim(const struct bucket buckets[static 2], enum pin_class class, uint16_t now,
	struct target *target)
{
	uint32_t best = UINT32_MAX;

	for (unsigned int i = 0; i < 2; i++) {
		/* over its quota, a class evicts only its own pins */
		bool grows = may_grow(&buckets[i], class);
		uint32_t lowest = grows ? RANK_LOWEST : RANK_OF(class);
		uint32_t highest = grows ? highest_victim_rank(class) : RANK_OF(class);

		for (uint32_t way = 0; way < PINS_WAYS; way++) {
			uint64_t pin = buckets[i].pins[way];
			uint32_t rank = RANK_OF(pin_class(pin));
			uint32_t order = rank << 12 | (PIN_TICK_MASK - pin_age(pin, now));

			if (rank < lowest || rank > highest || order >= best)
				continue;
			best = order;
			*target = (struct target){ buckets[i].number * PINS_WAYS + way, pin };
		}
	}
	return best != UINT32_MAX;
}

/* Which of two pins of one flow stays. `before`: pins_find() finds the first one first. */
static bool outranks(uint64_t pin, uint64_t other, bool before)
{
	uint32_t rank = RANK_OF(pin_class(pin));
	uint32_t other_rank = RANK_OF(pin_class(other));

	return rank > other_rank || (rank == other_rank && before);
}

/*
 * The first other pin of the same flow. *passed says whether pins_find() finds our own first.
 * Nearly always only our own matches; comparing way by way took 320 instructions more for each new
 * flow.
 */
static bool find_duplicate(const struct pins *pins, const struct bucket buckets[static 2],
	const struct target *own, struct target *other, bool *passed)
{
	uint32_t first = buckets[0].number, second = buckets[1].number;
	uint32_t matches = pins_match(pins, first, second, pin_tag(own->pin), memory_order_seq_cst);

	*passed = false;
	for (; matches != 0; matches &= matches - 1) {
		other->position = pins_position(first, second, __builtin_ctz(matches));
		if (other->position == own->position) {
			*passed = true;
			continue;
		}
		other->pin = pins_load(pins, other->position);
		if (pin_tag(other->pin) == pin_tag(own->pin) && pin_class(other->pin) != PIN_EMPTY)
			return true;
	}
	return false;
}

/*
 * Called after a pin was placed. If another worker has placed one for the same flow meanwhile,
 * removes the lesser. The exchanges of both workers and the loads that follow them have one total
 * order, so at least one worker sees both pins. Returns whether a pin was removed.
 */
static bool merge(
	struct pins *pins, const struct bucket buckets[static 2], const struct target placed)
{
	struct target own = placed, other;
	bool merged = false, passed;

	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		if (likely(!find_duplicate(pins, buckets, &own, &other, &passed)))
			break;
		if (!outranks(own.pin, other.pin, passed)) {
			if (exchange(pins, own.position, &own.pin, 0))
				return true;
		} else if (exchange(pins, other.position, &other.pin, 0)) {
			merged = true;
		}
		own.pin = pins_load(pins, own.position);
		if (!is_same_flow(placed.pin, own.pin))
			break;
	}
	return merged;
}

/* Puts `pin` where it belongs by the snapshot; PINS_PUT_LOST if the table has changed since. */
static enum pins_put try_put(
	struct pins *pins, uint64_t hash, uint64_t pin, uint16_t now, uint64_t *evicted)
{
	enum pin_class class = pin_class(pin);
	struct bucket buckets[2];
	struct target target;
	bool may_take[2];

	look_at(pins, pins_first_bucket(pins, hash), &buckets[0]);
	look_at(pins, pins_second_bucket(pins, hash), &buckets[1]);
	if (choose_same(&buckets[0], pin_tag(pin), &target) ||
		choose_same(&buckets[1], pin_tag(pin), &target)) {
		if (class == PIN_OBSERVED)
			return PINS_PUT_KEPT;
		return exchange(pins, target.position, &target.pin, pin) ? PINS_PUT_REPLACED
									 : PINS_PUT_LOST;
	}
	for (unsigned int i = 0; i < 2; i++)
		may_take[i] = may_grow(&buckets[i], class);
	if (!choose_free(buckets, may_take, &target) &&
		!choose_victim(buckets, class, now, &target))
		return PINS_PUT_REFUSED;
	if (!exchange(pins, target.position, &(uint64_t){ target.pin }, pin))
		return PINS_PUT_LOST;
	if (unlikely(merge(pins, buckets, (struct target){ target.position, pin })))
		return PINS_PUT_MERGED;
	if (pin_class(target.pin) == PIN_EMPTY)
		return PINS_PUT_PLACED;
	*evicted = target.pin;
	return PINS_PUT_EVICTED + pin_class(target.pin);
}

enum pins_put pins_put(
	struct pins *pins, uint64_t hash, uint16_t gid, enum pin_class class, uint16_t now)
{
	assert(class != PIN_EMPTY && class != PIN_FINISHED && class != PIN_TRIAL);
	return pins_put_packed(pins, hash, pin_pack(hash, gid, class, now), now, &(uint64_t){ 0 });
}

enum pins_put pins_put_packed(
	struct pins *pins, uint64_t hash, uint64_t pin, uint16_t now, uint64_t *evicted)
{
	enum pins_put outcome = PINS_PUT_LOST;

	*evicted = 0;
	for (unsigned int i = 0; i < ATTEMPTS && outcome == PINS_PUT_LOST; i++)
		outcome = try_put(pins, hash, pin, now, evicted);
	return outcome;
}

static enum pins_put try_put_moved(struct pins *pins, uint64_t hash, uint64_t pin)
{
	enum pin_class class = pin_class(pin);
	struct bucket buckets[2];
	struct target target;
	bool may_take[2];

	look_at(pins, pins_first_bucket(pins, hash), &buckets[0]);
	look_at(pins, pins_second_bucket(pins, hash), &buckets[1]);
	if (choose_same(&buckets[0], pin_tag(pin), &target) ||
		choose_same(&buckets[1], pin_tag(pin), &target))
		return PINS_PUT_KEPT;
	for (unsigned int i = 0; i < 2; i++)
		may_take[i] = may_grow(&buckets[i], class) && may_establish(&buckets[i], class);
	if (!choose_free(buckets, may_take, &target))
		return PINS_PUT_REFUSED;
	if (!exchange(pins, target.position, &(uint64_t){ target.pin }, pin))
		return PINS_PUT_LOST;
	if (unlikely(merge(pins, buckets, (struct target){ target.position, pin })))
		return PINS_PUT_MERGED;
	return PINS_PUT_PLACED;
}

enum pins_put pins_put_moved(struct pins *pins, uint64_t hash, uint64_t pin)
{
	enum pins_put outcome = PINS_PUT_LOST;

	for (unsigned int i = 0; i < ATTEMPTS && outcome == PINS_PUT_LOST; i++)
		outcome = try_put_moved(pins, hash, pin);
	return outcome;
}

static enum pins_step name_step(uint64_t before, uint64_t after)
{
	if (pin_class(after) == pin_class(before))
		return PINS_STEP_REFRESHED;
	switch (pin_class(after)) {
	case PIN_EMPTY: return PINS_STEP_DELETED;
	case PIN_FINISHED: return PINS_STEP_FINISHED;
	case PIN_TRIAL: return PINS_STEP_TRIED;
	case PIN_PROBATION: return PINS_STEP_DEMOTED;
	case PIN_OBSERVED: return PINS_STEP_RECLAIMED;
	default: return pin_class(before) == PIN_FINISHED ? PINS_STEP_REVIVED : PINS_STEP_CONFIRMED;
	}
}

/* Whether the bucket of that pin has no way left for its next class. */
static bool is_crowded(const struct pins *pins, uint32_t position, enum pin_class class)
{
	struct bucket bucket;

	look_at(pins, position / PINS_WAYS, &bucket);
	return !may_establish(&bucket, class);
}

/* The next word of a pin that has to wait for room. */
static uint64_t wait_for_room(uint64_t pin, enum pins_step step, uint16_t now)
{
	return step == PINS_STEP_TRIED ? pin_restamp(pin, now) : pin_wait(pin, now);
}

/* A pin on trial already has its way. */
static bool takes_room(uint64_t pin, enum pins_step step)
{
	return step == PINS_STEP_TRIED || step == PINS_STEP_REVIVED ||
	       (step == PINS_STEP_CONFIRMED && pin_class(pin) != PIN_TRIAL);
}

enum pins_step pins_continue_slowly(struct pins *pins, uint32_t position, uint64_t pin,
	enum pin_class established, uint16_t now, bool flood)
{
	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		uint64_t next = flood ? pin_continue_in_flood(pin, established, now)
				      : pin_continue(pin, established, now);
		enum pins_step step = name_step(pin, next);
		uint64_t before = pin;

		if (next == pin)
			return PINS_STEP_NONE;
		if (takes_room(pin, step) && is_crowded(pins, position, pin_class(next))) {
			next = wait_for_room(pin, step, now);
			step = PINS_STEP_CROWDED;
		}
		if (exchange(pins, position, &pin, next))
			return step;
		if (!is_same_flow(before, pin))
			break;
	}
	return PINS_STEP_LOST;
}

enum pins_step pins_finish_slowly(
	struct pins *pins, uint32_t position, uint64_t pin, uint16_t now, bool flood)
{
	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		uint64_t next = flood ? pin_finish_in_flood(pin, now) : pin_finish(pin, now);
		uint64_t before = pin;

		if (next == pin)
			return PINS_STEP_NONE;
		if (exchange(pins, position, &pin, next))
			return name_step(before, next);
		if (!is_same_flow(before, pin))
			break;
	}
	return PINS_STEP_LOST;
}

enum pins_step pins_reopen(struct pins *pins, uint32_t position, uint64_t pin, uint16_t now)
{
	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		uint64_t next = pin_reopen(pin, now), before = pin;
		enum pins_step step = name_step(pin, next);

		if (next == pin)
			return PINS_STEP_NONE;
		if (is_crowded(pins, position, pin_class(next))) {
			next = pin_wait(pin, now);
			step = PINS_STEP_CROWDED;
		}
		if (exchange(pins, position, &pin, next))
			return step;
		if (!is_same_flow(before, pin))
			break;
	}
	return PINS_STEP_LOST;
}

enum pins_step pins_change(struct pins *pins, uint32_t position, uint64_t pin, uint64_t next)
{
	uint64_t before = pin;

	return exchange(pins, position, &pin, next) ? name_step(before, next) : PINS_STEP_LOST;
}

enum pins_step pins_delete(struct pins *pins, uint32_t position, uint64_t pin)
{
	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		uint64_t before = pin;

		if (exchange(pins, position, &pin, 0))
			return PINS_STEP_DELETED;
		if (!is_same_flow(before, pin))
			break;
	}
	return PINS_STEP_LOST;
}
