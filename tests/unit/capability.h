/* SPDX-License-Identifier: BSD-3-Clause */
/* capability: switches one of the calling thread off, and on again: it stays permitted. */
#pragma once

#include <linux/capability.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit.h"

static inline void capability_set(int capability, bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const uint32_t bit = 1u << (capability % 32);

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	if (on)
		data[capability / 32].effective |= bit;
	else
		data[capability / 32].effective &= ~bit;
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}
