/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log: one line on stderr per event (events.h). No line makes its thread wait: where stderr takes
 * none the line is lost, and the next line that is written begins with the number of lost ones.
 * Any thread.
 */
#pragma once

struct event_entry;

/* Called by the stream, or in its place while there is none. */
void log_event(const struct event_entry *entry);

/* Why there is no stream, or not any more: the program does not start. */
void log_failure(const char *sentence);
