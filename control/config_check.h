/* SPDX-License-Identifier: BSD-3-Clause */
/* config_check: the rules that look at several values at once, for a configuration that is read. */
#pragma once

#include "config.h"
#include "findings.h"

/* Adds a sentence for each rule that is broken. 0, or not where looking is to stop. */
int config_check(const struct config *config, struct findings *findings);
