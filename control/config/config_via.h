/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_via: which way the probes of a backend take: that of users' packets (to the VIP, with the
 * headers that workers use), or to the address of the backend. Pure. Any thread.
 */
#pragma once

#include "config/config.h"
#include "config/config_health.h"
#include "json/findings.h"

/*
 * As the pool says. Where it does not: to the VIP, unless the backend is probed at an address of
 * its own, the type takes no such way (external), or a port of this node cannot send probes. The
 * pool has checks.
 */
enum config_health_via config_via_find(const struct config *config, const struct config_pool *pool,
	const struct config_backend *backend);

/*
 * By pool: the service whose VIP and mode such probes take: that of `fitting`
 * (config_health_services()), else the first of the pool, as the way is the same for all protocols.
 * CONFIG_NO_SERVICE: the pool has none. To be freed by free(); NULL: no memory, or `fitting` is
 * NULL.
 */
size_t *config_via_services(const struct config *config, const size_t *fitting);

/* Whether what pools say of it can be done on this node. */
int config_via_check(const struct config *config, struct findings *findings);
