/* SPDX-License-Identifier: BSD-3-Clause */
/* printable: texts of anybody, made fit for a line of a log and for JSON. Any thread. */
#pragma once

/* Replaces control characters, and bytes that are no UTF-8 (RFC 3629), by '?', in place. */
void printable_make(char *text);
