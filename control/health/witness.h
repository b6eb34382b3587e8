/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * witness: whether the node itself can reach anything, when so much fails at once that it has to
 * suspect itself (suspicion.h). Its links say so, and its gateways: the next hops of its default
 * routes, which are probed by ICMP once a second. A gateway that has never answered is no witness.
 * Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "health/checker.h"

#define WITNESS_NUMBER     CHECKER_BACKENDS_MAX /* of the checker: the first one of the gateways */
#define WITNESS_SIZE       160
#define WITNESS_TIMEOUT_MS 300

struct port;
struct witness;

/* All is borrowed. NULL: no memory. */
struct witness *witness_create(
	struct checker *checker, struct port *const *ports, size_t port_count);
void witness_destroy(struct witness *witness); /* NULL is allowed */

/* Once a second: which gateways there are. */
void witness_look(struct witness *witness);

/* Has all gateways probed at once; witness_follow() then says when the answers are there. */
void witness_ask(struct witness *witness);

/* A change of the checker: false if it is none of a gateway. */
bool witness_follow(struct witness *witness, const struct checker_change *change);

/* Whether all that were asked have answered, or failed to. */
bool witness_is_done(const struct witness *witness);

/*
 * Whether the fault is the node's own: "port edge has no link", "the gateway 10.2.0.1 of port edge
 * does not answer". Says so from the last answers and the links as they are now.
 */
bool witness_accuses(const struct witness *witness, char sentence[static WITNESS_SIZE]);
