/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_derive: the pools of services that have several. Each such service has a pool of its own,
 * derived from those that it lists, so that everything that asks for the pool of a service finds
 * one: its table, slots, pins and rows. It has the backends of all its parts, each named as
 * "POOL/BACKEND", with keys, vacant seats, weights and states as their own pools have them, and the
 * options of its first part but for checks and max_load_percent, which are those of the parts, and
 * max_disruption_percent, which is the least of all. It is called
 * "service:NAME", a name that no document can have, and stands behind the pools of the document
 * in config->pools. It is never printed and no edit finds it.
 *
 * Services do not share one, however alike their lists are: a change of one service's list would
 * take it away from the other, and break its flows.
 */
#pragma once

#include "config/config.h"

#define CONFIG_DERIVED_PREFIX "service:"

/* The name of the service that a derived pool is for, by that of the pool. */
static inline const char *config_derive_service(const char *pool)
{
	return pool + sizeof(CONFIG_DERIVED_PREFIX) - 1;
}

/*
 * Makes the derived pools of a configuration whose links are resolved, in the place of those that
 * it has; pools of their services are set. 0; or not where judging is to stop, as in
 * config_check.h. After a finding there may be any of them, and the configuration is good for
 * nothing.
 */
int config_derive(struct config *config, struct findings *findings);

/* Drops them; services that have some are without a pool until config_derive(). */
void config_derive_drop(struct config *config);
