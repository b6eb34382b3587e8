/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * witness: whether the node itself can reach anything, when so much fails at once that it has to
 * suspect itself (suspicion.h). The witnesses are its links, and its gateways: the next hops of its
 * default routes, which are probed by ICMP once a second.
 *
 * A witness accuses only of what is new: a link that was down before the failures began (a spare
 * port), a gateway that was silent before, or has never answered, says nothing about them.
 *
 * Times are those of clock_ms(). Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "health/checker.h"

#define WITNESS_NUMBER      CHECKER_BACKENDS_MAX /* of the checker: the first one of the gateways */
#define WITNESS_SIZE        160
#define WITNESS_TIMEOUT_MS  300
#define WITNESS_FALL        2     /* answers in a row that must be missing */
#define WITNESS_VANISHED_MS 30000 /* so long a gateway accuses that has gone with its route */

struct port;
struct witness;

/* All is borrowed. NULL: no memory. */
struct witness *witness_create(
	struct checker *checker, struct port *const *ports, size_t port_count);
void witness_destroy(struct witness *witness); /* NULL is allowed */

/* Once a second: which gateways there are, and which links are up. */
void witness_look(struct witness *witness, uint64_t now_ms);

/*
 * Has all gateways that answered last probed at once. One answer is enough, and WITNESS_FALL
 * missing ones; witness_follow() then says when all are known.
 */
void witness_ask(struct witness *witness);

/* A change of the checker: false if it is none of a gateway. */
bool witness_follow(struct witness *witness, const struct checker_change *change, uint64_t now_ms);

/* Whether it is known of all that were asked whether they answer. */
bool witness_is_done(const struct witness *witness);

/*
 * No longer waits for those that were asked: they are silent, unless this node could not ask them.
 */
void witness_give_up(struct witness *witness, uint64_t now_ms);

/*
 * Whether the fault is the node's own: "port edge has no link", "the gateway 10.2.0.1 of port edge
 * does not answer". Goes by the last answers and by the links as they are now; only what was well
 * at `well_ms` counts.
 */
bool witness_accuses(const struct witness *witness, uint64_t well_ms, uint64_t now_ms,
	char sentence[static WITNESS_SIZE]);
