/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_agent: what a backend says of itself: its weight in a header of HTTP, its state and a part
 * of its weight in a line of text. Any thread.
 */
#pragma once

#include <stddef.h>

#include "probes/probe.h"

#define PROBE_WEIGHT_HEADER      "X-Load-Balancing-Endpoint-Weight"
#define PROBE_WEIGHT_MAX         1000
#define PROBE_WEIGHT_PERCENT_MAX 1000
#define PROBE_AGENT_LINE_MAX     256 /* bytes; a longer line is senseless */

enum agent_finding {
	AGENT_MISSING,   /* nothing was said */
	AGENT_SENSELESS, /* something else was said, and nothing is written */
	AGENT_UNDERSTOOD,
};

/*
 * Reads the first line of `text`: at most one of the words ready, drain and maint, in small or
 * capital letters, and at most one N% (0-1000), between blanks or commas. They are written to
 * `result`.
 */
enum agent_finding probe_agent_read(const char *text, size_t length, struct probe_result *result);

/* Reads the value of the header: a number of 0-1000 between blanks. Writes it to `result`. */
enum agent_finding probe_weight_read(const char *text, size_t length, struct probe_result *result);
