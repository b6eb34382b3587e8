/* SPDX-License-Identifier: BSD-3-Clause */
/* eal: starts DPDK's environment as the configuration calls for it: lcores, memory, noise. */
#pragma once

#include <stdint.h>

#include "config/config.h"
#include "base/error.h"
#include "json/findings.h"

/*
 * Adds a finding for each argument of dataplane.eal that collides with what is made from other
 * keys. Non-zero: the findings are full, stop checking.
 */
int eal_check(const struct config *config, struct findings *findings);

/* Whether this process may use the CPUs of the workers. 0, or -EINVAL with the sentence. */
int eal_check_cpus(const struct config *config, struct error *error);

#define EAL_ARGUMENTS_MAX (CONFIG_EAL_MAX + CONFIG_PORTS_MAX + 16)

struct eal_arguments {
	int count;
	char *list[EAL_ARGUMENTS_MAX + 1]; /* NULL ends it */
};

/*
 * What EAL is started with. `arguments` is zeroed before, and given to eal_arguments_fini() after,
 * also on failure. 0, or -errno with the sentence.
 */
int eal_compose(const struct config *config, uint64_t memory_bytes, struct eal_arguments *arguments,
	struct error *error);
void eal_arguments_fini(struct eal_arguments *arguments);

/* To be called once, before any other thread; `memory_bytes` is what packet buffers will take. */
int eal_start(const struct config *config, uint64_t memory_bytes, struct error *error);
void eal_stop(void);
