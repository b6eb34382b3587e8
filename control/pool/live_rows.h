/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_rows: what the state file says of pools, backends and services, for the next process. A row
 * is written before any word or pin that names its number, and erased after the last one is gone.
 * Control thread.
 */
#pragma once

#include <stdint.h>

#include "pool/live_backend.h"
#include "pool/live_pool.h"
#include "state/state.h"

void live_rows_write_pool(const struct live_pool *pool, const char *name);
void live_rows_write_backend(const struct live_pool *pool, const struct live_backend *backend,
	const struct counter *baseline);
void live_rows_write_service(
	struct state *state, uint32_t number, const char *name, const struct counter *baseline);

void live_rows_erase_pool(struct state *state, uint32_t number);
void live_rows_erase_backend(struct state *state, uint32_t gid);
void live_rows_erase_service(struct state *state, uint32_t number);
