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
/*
 * What the check of the backend was known to have found: bytes of another process's file, which may
 * be any. Where they make no sense, it was never checked.
 */
void live_rows_adopt_health(struct state *state, uint32_t gid, const struct state_health *before);

void live_rows_write_service(
	struct state *state, uint32_t number, const char *name, const struct counter *baseline);

void live_rows_erase_pool(struct state *state, uint32_t number);
void live_rows_erase_backend(struct state *state, uint32_t gid); /* with its health */
void live_rows_erase_service(struct state *state, uint32_t number);
