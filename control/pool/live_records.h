/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_records: how workers reach a backend: its records (record.h), one for each forwarding mode,
 * in cells of the state file that follow each other. One number per backend names them all, so
 * that another mode costs a pool no table of its own.
 *
 * A backend gets the records of all modes that it can be reached in, whether or not a service uses
 * them now: a worker that has the tables from before a change and a slot word from after it, or the
 * other way round, finds a record too.
 *
 * Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "base/error.h"
#include "pool/live_backend.h"
#include "plan/neighbours.h"
#include "port.h"
#include "tables/publish.h"
#include "encap/record.h"
#include "state/state.h"

static_assert((int)RECORD_MODE_L2DSR == (int)CONFIG_FORWARD_L2DSR &&
		      (int)RECORD_MODE_IPIP == (int)CONFIG_FORWARD_IPIP,
	"a service's mode is what its configuration says");

/* What records are made from. Everything is borrowed. */
struct live_records_source {
	struct state *state;
	const struct config *config;         /* whose tunnel sources count */
	const struct neighbours *neighbours; /* of that configuration */
	struct port *const *ports;           /* in the order of the configuration */
};

/*
 * Sees to it that backend->records names records as they are to be now. Those that are as they were
 * stay where they are; others are made in new cells, which no worker knows yet
 * (backend->has_new_records). RECORD_NONE where there is no way to the backend in any mode. 0, or
 * -ENOSPC with the sentence.
 */
int live_records_prepare(const struct live_records_source *source, struct live_backend *backend,
	struct error *error);

/*
 * New records that no worker has seen yet are made once more, in their cells, from what is so now:
 * a port may have got another MAC address since they were prepared. All others are left alone.
 */
void live_records_remake(
	const struct live_records_source *source, const struct live_backend *backend);

/* Gives new records back that no worker has seen. */
void live_records_abort(struct state *state, struct live_backend *backend);

/*
 * Shows new records to the workers, by the index of the backend in its pool, and retires those from
 * before (`before`, or RECORD_NONE). Backends without new ones are left alone.
 */
void live_records_store(struct live_pool *pool, struct live_backend *backend, uint32_t before,
	struct publish *publish);

/*
 * All of that at once, outside of a change. Where no way to the backend is known any more it keeps
 * its records. Returns 1 where they were made anew, 0, or -ENOSPC with the sentence.
 */
int live_records_refresh(const struct live_records_source *source, struct live_pool *pool,
	struct live_backend *backend, struct publish *publish, struct error *error);

/* Frees the records of a backend that no word names, after a grace period. */
void live_records_retire(struct state *state, uint32_t records, struct publish *publish);
