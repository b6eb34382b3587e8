/* SPDX-License-Identifier: BSD-3-Clause */
/* forwarding_build: how the table of a pool follows the shares of its backends. */
#pragma once

#include "forwarding/forwarding_live.h"

/*
 * The shares of a pool's seats now, with `other` in place of the backend of that index (NULL: of
 * none). To be freed; NULL when memory is short.
 */
struct plan_share *forwarding_list_shares(const struct forwarding *forwarding, size_t number,
	const struct live_backend *other, size_t index, uint64_t now_ms);

/* Whether the table was built for another share of the backend of that index. */
bool forwarding_share_differs(const struct forwarding *forwarding, size_t number, size_t index,
	const struct live_backend *backend, uint64_t now_ms);

/*
 * Brings the slots of a pool to where its backends' shares are now: builds a table where these have
 * changed, stores it where the slots have another one, and applies the rules otherwise. A table
 * that the shares have overtaken is never stored. `report` (NULL: an event) is called with the
 * previous plan and the next, once. 0, or -ENOMEM: the slots are as they were, and the pool stays
 * queued if it was.
 */
int forwarding_follow_shares(struct forwarding *forwarding, size_t number, uint64_t now_ms,
	forwarding_report_t *report, void *context);
