/* SPDX-License-Identifier: BSD-3-Clause */
/* config_check: the rules that look at several values at once, for a configuration that is read. */
#pragma once

#include "config.h"

/* Returns 0; -EINVAL with the sentence of the first rule that is broken; or -ENOMEM. */
int config_check(const struct config *config, struct error *error);
