/* SPDX-License-Identifier: BSD-3-Clause */
#include "stopwatch.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

static double read_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void add(struct stopwatch_laps *laps, double ms)
{
	assert(laps->count < STOPWATCH_LAPS_MAX);
	laps->ms[laps->count++] = ms;
}

void stopwatch_start(struct stopwatch *stopwatch)
{
	stopwatch->cpu_began_ms = read_ms(CLOCK_THREAD_CPUTIME_ID);
	stopwatch->wall_began_ms = read_ms(CLOCK_MONOTONIC);
}

void stopwatch_stop(struct stopwatch *stopwatch)
{
	add(&stopwatch->wall, read_ms(CLOCK_MONOTONIC) - stopwatch->wall_began_ms);
	add(&stopwatch->cpu, read_ms(CLOCK_THREAD_CPUTIME_ID) - stopwatch->cpu_began_ms);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void stopwatch_sort(struct stopwatch *stopwatch)
{
	qsort(stopwatch->wall.ms, stopwatch->wall.count, sizeof(double), compare);
	qsort(stopwatch->cpu.ms, stopwatch->cpu.count, sizeof(double), compare);
}
