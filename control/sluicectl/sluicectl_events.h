/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_events: events as lines, those that were and those that come. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

/* The answer of events.list. */
void events_report(const json_t *result, FILE *out);

/* An event as a line: time, number, level, kind, sentence. */
void events_print(const json_t *event, FILE *out);

/*
 * Subscribes with what events.list would be asked with, and prints events on stdout as they happen;
 * `as_json` as one object a line, the answer first. Where the connection ends it says so on stderr
 * and tries again every second, and goes on where it was, or with the first event of the process
 * that has taken over.
 *
 * Returns 0 where stdout has no reader any more; -errno with the sentence where it cannot be
 * written to, or where the first connection or any request is refused. Otherwise it goes on.
 */
int events_follow(const char *socket, const json_t *params, bool as_json, struct error *error);
