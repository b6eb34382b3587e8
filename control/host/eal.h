/* SPDX-License-Identifier: BSD-3-Clause */
/* eal: starts DPDK's environment as the configuration calls for it: lcores, memory, noise. */
#pragma once

#include "config/config.h"
#include "base/error.h"
#include "json/findings.h"

/*
 * Adds the arguments of dataplane.eal that collide with what is made from other keys. 0, or not
 * where looking is to stop.
 */
int eal_check(const struct config *config, struct findings *findings);

/* To be called once, before any other thread; `memory_bytes` is what packet buffers will take. */
int eal_start(const struct config *config, uint64_t memory_bytes, struct error *error);
void eal_stop(void);
