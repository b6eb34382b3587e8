/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stopwatch: how long a step takes that is run many times, by the wall clock and in CPU time of the
 * thread that runs it. The two differ by what else ran on the CPU.
 */
#pragma once

#define STOPWATCH_LAPS_MAX 1001

struct stopwatch_laps {
	double ms[STOPWATCH_LAPS_MAX];
	unsigned int count;
};

struct stopwatch {
	struct stopwatch_laps wall, cpu;
	double wall_began_ms, cpu_began_ms;
};

/* Each lap is from a start to the stop that follows it, on one thread; no more than there is room
 * for. */
void stopwatch_start(struct stopwatch *stopwatch);
void stopwatch_stop(struct stopwatch *stopwatch);

/* Sorts the laps: the least is the first, the median in the middle, the longest the last. */
void stopwatch_sort(struct stopwatch *stopwatch);
