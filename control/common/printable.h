/* SPDX-License-Identifier: BSD-3-Clause */
/* printable: texts of anybody, made fit for a line of a log and for JSON. Any thread. */
#pragma once

/*
 * Replaces by '?', in place, each byte of what is no UTF-8 (RFC 3629), of control characters and of
 * characters that only change how others are shown. One that is cut off at the end is removed.
 */
void printable_make(char *text);
