/* SPDX-License-Identifier: BSD-3-Clause */
/* clock: the time that the state file uses. Any thread. */
#pragma once

#include <stdint.h>

/*
 * Milliseconds since the kernel was booted, and never below 1,000: it goes on over restarts of the
 * process, and 0 seconds can stand for "never".
 */
uint64_t clock_ms(void);

/* Milliseconds since 1970, by CLOCK_REALTIME, which somebody may set. */
int64_t clock_wall_ms(void);
