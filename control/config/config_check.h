/* SPDX-License-Identifier: BSD-3-Clause */
/* config_check: the rules that look at several values at once, for a configuration that is read. */
#pragma once

#include "config/config.h"
#include "json/findings.h"

/* Adds a sentence for each rule that is broken. Non-zero: stop checking. */
int config_check(const struct config *config, struct findings *findings);

/*
 * The same for a valid configuration of which one pool was changed, formerly `before`; or its
 * services.
 */
int config_check_pool(const struct config *config, size_t pool, const struct config_pool *before,
	struct findings *findings);
int config_check_services(const struct config *config, struct findings *findings);
