/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_services: which services a pool serves, sorted once for all pools. Pure. */
#pragma once

#include <stddef.h>

#include "config/config.h"

struct pool_services;

/* Of the configuration as it is. NULL: no memory. To be freed by free(). */
struct pool_services *pool_services_sort(const struct config *config);

/* The numbers of the services of a pool, in the order of the configuration, and how many. */
size_t pool_services_of(const struct pool_services *sorted, size_t pool, const size_t **services);

/*
 * "www, www6": names of services of the pool, some of many ("and 996 more"); "" where it has none.
 * `config` is that which was sorted.
 */
#define POOL_SERVICES_NAMED     4
#define POOL_SERVICES_TEXT_SIZE ((POOL_SERVICES_NAMED + 1) * CONFIG_NAME_SIZE)
const char *pool_services_name(const struct pool_services *sorted, const struct config *config,
	size_t pool, char text[static POOL_SERVICES_TEXT_SIZE]);
