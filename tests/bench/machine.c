/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prints what the benchmark has to know of this machine and a script cannot find out, as JSON: the
 * frequency of the time stamp counter, measured, because what processors and hypervisors announce
 * is rounded, and the version of DPDK.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_version.h>

#define NS_PER_SECOND UINT64_C(1000000000)
#define WINDOW_NS     (NS_PER_SECOND / 5)
#define LOOKS         16
#define UNKNOWN_NS    UINT64_MAX

struct moment {
	uint64_t ns;
	uint64_t tsc;
};

/* CLOCK_MONOTONIC_RAW is the one that no time server bends. */
static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* Both clocks at one moment: the look at them that took least time, of several. */
static struct moment moment_now(void)
{
	uint64_t shortest_ns = UNKNOWN_NS;
	struct moment moment = { 0 };

	for (unsigned int i = 0; i < LOOKS; i++) {
		uint64_t before_ns = clock_ns();
		uint64_t tsc = rte_rdtsc();
		uint64_t took_ns = clock_ns() - before_ns;

		if (took_ns >= shortest_ns)
			continue;
		shortest_ns = took_ns;
		moment = (struct moment){ .ns = before_ns + took_ns / 2, .tsc = tsc };
	}
	return moment;
}

int main(void)
{
	static const struct timespec window = { .tv_nsec = WINDOW_NS };
	struct moment begin, end;

	begin = moment_now();
	nanosleep(&window, NULL);
	end = moment_now();
	printf("{\"tsc_hz\": %" PRIu64 ", \"dpdk\": \"%s\"}\n",
		(uint64_t)((double)(end.tsc - begin.tsc) * NS_PER_SECOND / (end.ns - begin.ns)),
		rte_version());
	return 0;
}
