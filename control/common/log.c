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

static void log_line(const char *level, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void log_line(const char *level, const char *format, va_list arguments)
{
	char line[1024], text[LINE_SIZE], stamp[32];
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	vsnprintf(line, sizeof(line), format, arguments);
	snprintf(text, sizeof(text), "%s.%03ldZ %s%s\n", stamp, now.tv_nsec / 1000000, level, line);
	write_line(text);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line("", format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line("warning: ", format, arguments);
	va_end(arguments);
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line("error: ", format, arguments);
	va_end(arguments);
}
