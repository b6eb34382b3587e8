/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doubt: whether the node trusts what its checks find. When more than half of the backends of a
 * pool, or of the node, stop answering at once (suspicion.h), it asks the witnesses (witness.h),
 * and nothing more follows from checks until they have answered, at most DOUBT_ASKING_MS. What fell
 * before that, up to half, has been applied one by one by then.
 *
 * If the fault is the node's own, what stopped answering since the first of them fell does not
 * count, and what was applied is taken back: until the witnesses are content again and the checks
 * of the pool have had time to find that all is well, or for DOUBT_MOST_MS.
 *
 * Times are those of clock_ms(). Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "health/checker.h"
#include "health/witness.h"

#define DOUBT_ASKING_MS   (6 * WITNESS_TIMEOUT_MS) /* two answers take two, on a quiet machine */
#define DOUBT_MOST_MS     300000
#define DOUBT_RECOVERY_MS 30000 /* at most, however slow the checks of a pool are */

struct doubt;

/* As witness_create(). */
struct doubt *doubt_create(struct checker *checker, struct port *const *ports, size_t port_count);
void doubt_destroy(struct doubt *doubt); /* NULL is allowed */

/*
 * It arises: the first of those that failed together did so at `since_ms`, and all was well with
 * them at `well_ms`.
 */
void doubt_raise(struct doubt *doubt, uint64_t since_ms, uint64_t well_ms, uint64_t now_ms);

/* A change of the checker: false if it is none of a witness. */
bool doubt_follow(struct doubt *doubt, const struct checker_change *change, uint64_t now_ms);

/*
 * Once a second, and when doubt_wait_ms() is over. A doubt lasts `recovery_ms` longer than the
 * witnesses accuse, at most DOUBT_RECOVERY_MS.
 */
void doubt_look(struct doubt *doubt, uint64_t recovery_ms, uint64_t now_ms);

/* The witnesses are being asked: nothing is to follow from failures until they have answered. */
bool doubt_is_asking(const struct doubt *doubt);

/* How long that may still take, in ms, before doubt_look() is wanted. 0: they are not asked. */
uint64_t doubt_wait_ms(const struct doubt *doubt, uint64_t now_ms);

/* How many times it has begun, ended or become another: to find that anything is new. */
uint32_t doubt_turns(const struct doubt *doubt);

/* How a pool is checked. */
struct doubt_pace {
	uint64_t timeout_ms;
	uint64_t recovery_ms; /* that its checks need to find a backend up again */
};

/* Whether anything that a pool's checks found may not count now. */
bool doubt_holds(const struct doubt *doubt, const struct doubt_pace *pace, uint64_t now_ms);

/*
 * Whether it does not count that a backend of the pool stopped answering at `fell_ms`. That of a
 * probe which began before all was well again does not, either.
 */
bool doubt_covers(const struct doubt *doubt, const struct doubt_pace *pace, uint64_t fell_ms,
	uint64_t now_ms);

/* Why, in a sentence; "" while there is no doubt. */
const char *doubt_sentence(const struct doubt *doubt);
