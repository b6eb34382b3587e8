/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * publisher: a control thread that does nothing but publish: so many times a second it takes a
 * hundredth of the slots of every pool away from their home or gives them back, and replaces the
 * tables by a new generation.
 */
#pragma once

#include "world.h"

struct publisher;

/* NULL when there is no memory or no thread. */
struct publisher *publisher_start(struct world *world, uint32_t times_per_second);

/* Returns how many times it has published. The world's first generation of tables is then gone. */
uint64_t publisher_stop(struct publisher *publisher);
