/* SPDX-License-Identifier: BSD-3-Clause */
/* forwarding_losses: which flows that live now are given up. */
#pragma once

#include "forwarding/forwarding_live.h"
#include "impact/impact.h"

/*
 * Those that are where the backend of that index becomes `next`; to be destroyed. NULL: none, or
 * memory is short.
 */
struct impact *forwarding_find_loss(const struct forwarding *forwarding, size_t number,
	size_t index, const struct live_backend *next, uint32_t now_s);
