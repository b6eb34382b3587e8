/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doubt: whether the node trusts what its checks find. When more than half of a pool fails at once
 * (suspicion.h), it asks the witnesses (witness.h) before anything follows. If the fault is its
 * own, what has failed since then does not count, until the witnesses are content again and the
 * checks have had time to find that all is well. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "health/checker.h"
#include "health/witness.h"

struct doubt;

/* As witness_create(). */
struct doubt *doubt_create(struct checker *checker, struct port *const *ports, size_t port_count);
void doubt_destroy(struct doubt *doubt); /* NULL is allowed */

/* It arises: the first of those that failed together did so at `since_ms`. */
void doubt_raise(struct doubt *doubt, uint64_t since_ms, uint64_t now_ms);

/* A change of the checker: false if it is none of a witness. */
bool doubt_follow(struct doubt *doubt, const struct checker_change *change, uint64_t now_ms);

/* Once a second. A doubt that is over lasts `calm_ms` longer. Returns whether anything is new. */
bool doubt_look(struct doubt *doubt, uint64_t calm_ms, uint64_t now_ms);

/* The witnesses are being asked: nothing is to follow from failures until they have answered. */
bool doubt_is_asking(const struct doubt *doubt);

/* The node is at fault: what has failed since this time does not count. 0: it is not. */
uint64_t doubt_since(const struct doubt *doubt);

/* Why, in a sentence; "" while there is no doubt. */
const char *doubt_sentence(const struct doubt *doubt);
