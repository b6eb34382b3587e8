/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <stdio.h>
#include <time.h>

static void log_line(const char *level, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void log_line(const char *level, const char *format, va_list arguments)
{
	char line[1024], stamp[32];
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	vsnprintf(line, sizeof(line), format, arguments);
	fprintf(stderr, "%s.%03ldZ %s%s\n", stamp, now.tv_nsec / 1000000, level, line);
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
