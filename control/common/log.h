/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log: one line on stderr per change of state, lower case, with numbers and units. Control only. No
 * line makes its thread wait: where stderr takes none the line is lost, and the next line that is
 * written begins with the number of lost ones.
 */
#pragma once

#include <stdarg.h>

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
