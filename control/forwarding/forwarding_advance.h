/* SPDX-License-Identifier: BSD-3-Clause */
/* forwarding_advance: how time changes a pool and its backends, with the configuration as it is. */
#pragma once

#include "forwarding/forwarding_live.h"

/* An event, where a backend of the pool has come into another state. Returns whether it has. */
bool forwarding_publish_life(const struct pool_state *pool, const struct live_backend *before,
	const struct live_backend *next);

/* Once a second, and after changes. */
void forwarding_advance_pool(struct forwarding *forwarding, size_t number, uint64_t now_ms);

/* Takes over what has become of the backend of that index, and shows it to the workers. */
void forwarding_install_backend(struct forwarding *forwarding, size_t number, size_t index,
	const struct live_backend *next);

/* The numbers of this backend, which is the pool's, are free after a grace period. */
void forwarding_retire_backend(
	struct forwarding *forwarding, struct live_pool *live, const struct live_backend *backend);

/* Does so for the backends of the pool that nothing names any more. */
void forwarding_release_gone(struct forwarding *forwarding, size_t number);
