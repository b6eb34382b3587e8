/* SPDX-License-Identifier: BSD-3-Clause */
/* forwarding_foresee: who serves by the configuration that a change is prepared for. */
#pragma once

#include "forwarding/forwarding_change.h"

/*
 * Asks who is to serve of a pool of the change whose configured backends are known, and lets the
 * backends follow. Where nobody can say they stay as they are.
 */
void forwarding_foresee_pool(
	struct forwarding *forwarding, struct forwarding_change *change, size_t number);
