/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_changes: what differs in a whole document that has replaced one, in short, for the log:
 * `services added www6; backends added web/web-4; removed web/web-2; changed web/web-1`.
 */
#pragma once

#include <stddef.h>

#include "config/config.h"

/*
 * A few names of each kind, then how many more; of other keys than pools and services their paths.
 * "" where nothing differs.
 */
void config_changes_describe(
	const struct config *before, const struct config *after, char *text, size_t size);
