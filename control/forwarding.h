/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forwarding: what the workers run on now, and how it becomes what a plan calls for. Owns the slot
 * words, record cells and counter places of the state file, and the numbers by which backends and
 * services go in them.
 *
 * A change has two halves. prepare() takes all the room that it needs and may fail, with nothing
 * changed; commit() only stores words and cannot fail. In between the change can be written to
 * disk, or dropped by abort(). One change at a time. Control thread.
 */
#pragma once

#include <stdint.h>

#include "config.h"
#include "error.h"
#include "flow.h"
#include "plan.h"
#include "port.h"
#include "publish.h"
#include "state.h"

struct forwarding;
struct forwarding_change;

/* Room in the state file for this configuration and for growth by the socket until a restart. */
void forwarding_layout(const struct config *config, uint32_t workers, struct state_layout *layout);

/* `ports` in the order of the configuration; everything is borrowed. NULL when memory is short. */
struct forwarding *forwarding_create(struct state *state, struct publish *publish,
	const struct flow_secret *secret, struct port *const *ports, size_t port_count);

/* After the workers have stopped and `publish` is destroyed. NULL is allowed. */
void forwarding_destroy(struct forwarding *forwarding);

/* `config` and `plan` are borrowed until commit or abort. NULL with the sentence. */
struct forwarding_change *forwarding_prepare(struct forwarding *forwarding,
	const struct config *config, const struct plan *plan, struct error *error);
void forwarding_commit(struct forwarding *forwarding, struct forwarding_change *change);
void forwarding_abort(struct forwarding *forwarding, struct forwarding_change *change);

/* What workers look things up in now, for `explain`. */
const struct tables *forwarding_tables(const struct forwarding *forwarding);

/* What was counted for a backend or service of the committed configuration, over all workers. */
void forwarding_count_backend(
	const struct forwarding *forwarding, size_t pool, size_t backend, struct counter *sum);
void forwarding_count_service(
	const struct forwarding *forwarding, size_t service, struct counter *sum);

/*
 * What the numbers that workers use stand for in the committed configuration, or -1: a backend by
 * its index in slot words, a service by the place of its counters.
 */
int forwarding_find_backend(const struct forwarding *forwarding, size_t pool, uint32_t index);
int forwarding_find_service(const struct forwarding *forwarding, uint32_t counter);
