/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/log.h"

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/events.h"

#define LINE_SIZE 1100

static_assert(LINE_SIZE <= PIPE_BUF, "a pipe that can be written to takes a line whole");

/*
 * Whether stderr takes a line without blocking. It is polled each time: to set it non-blocking
 * would do so for every process that shares it, such as a shell.
 */
static bool stderr_has_room(void)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0;
}

/* A line that is not read in time is lost and counted: a log must not stop the control thread. */
static void write_line(const char *text)
{
	static atomic_uint lost;
	unsigned int lines;

	if (!stderr_has_room()) {
		atomic_fetch_add(&lost, 1);
		return;
	}
	lines = atomic_exchange(&lost, 0);
	if (lines == 0) {
		fputs(text, stderr);
		return;
	}
	fprintf(stderr, "warning: lines of this log lost before this one: %u\n", lines);
	if (stderr_has_room())
		fputs(text, stderr);
	else
		atomic_fetch_add(&lost, 1);
}

static void log_line(int64_t time_ms, enum event_level level, const char *sentence)
{
	static const char *const prefixes[EVENT_LEVEL_COUNT] = {
		[EVENT_LEVEL_INFO] = "",
		[EVENT_LEVEL_WARNING] = "warning: ",
		[EVENT_LEVEL_ERROR] = "error: ",
	};
	char text[LINE_SIZE], stamp[32];
	time_t seconds = time_ms / 1000;
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, sizeof(text), "%s.%03dZ %s%s\n", stamp, (int)(time_ms % 1000),
		prefixes[level], sentence);
	write_line(text);
}

void log_event(const struct event_entry *entry)
{
	log_line(entry->time_ms, entry->level, entry->sentence);
}

void log_failure(const char *sentence)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	log_line(now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000, EVENT_LEVEL_ERROR, sentence);
}
