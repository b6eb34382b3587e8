/* SPDX-License-Identifier: BSD-3-Clause */
/* plural: the ending of a noun behind a number, for sentences: "1 port", "2 ports". Any thread. */
#pragma once

#include <stdint.h>

static inline const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}
