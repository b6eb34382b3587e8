/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sluiced, with a timer of a millisecond more in its event loop, which notes how late it is called.
 * Each line on standard input is answered by a line of JSON about all calls since the line before,
 * in milliseconds: by the wall clock, and less what the control thread waited for a CPU meanwhile,
 * which is the machine's and no fault of the loop. What the thread waits for itself, a disk for
 * instance, stays in both.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "common/loop.h"

#define PERIOD_NS  1000000
#define BUCKET_NS  10000
#define BUCKETS    100000 /* the last takes all that is later, by a second or more */
#define NS_PER_MS  1e6
#define LINE_BYTES 256

struct lateness {
	uint32_t buckets[BUCKETS];
	uint64_t calls;
	int64_t most_ns;
};

struct watch {
	struct event_base *base;
	struct event *timer, *input;
	int schedstat; /* of the control thread */
	int64_t due_ns;
	int64_t waited_ns; /* for a CPU, since the thread began, when the timer was set */
	struct lateness wall, own;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The second of the numbers there; 0 where the kernel does not count it. */
static int64_t read_waited_ns(const struct watch *watch)
{
	char text[LINE_BYTES];
	ssize_t length = pread(watch->schedstat, text, sizeof(text) - 1, 0);
	long long waited = 0;

	if (length > 0) {
		text[length] = '\0';
		sscanf(text, "%*s %lld", &waited);
	}
	return waited;
}

static void note(struct lateness *lateness, int64_t late_ns)
{
	int64_t bucket;

	if (late_ns < 0)
		late_ns = 0;
	bucket = late_ns / BUCKET_NS;
	lateness->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	lateness->calls++;
	if (late_ns > lateness->most_ns)
		lateness->most_ns = late_ns;
}

static double quantile_ms(const struct lateness *lateness, double share)
{
	uint64_t below = 0, wanted = share * lateness->calls;
	int bucket = 0;

	while (bucket < BUCKETS - 1 && below + lateness->buckets[bucket] <= wanted)
		below += lateness->buckets[bucket++];
	return bucket * (double)BUCKET_NS / NS_PER_MS;
}

static void show(const char *name, const struct lateness *lateness)
{
	printf("\"%s\": {\"p50\": %.3f, \"p99\": %.3f, \"most\": %.3f}", name,
		quantile_ms(lateness, 0.5), quantile_ms(lateness, 0.99),
		lateness->most_ns / NS_PER_MS);
}

static void set_timer(struct watch *watch)
{
	static const struct timeval period = { .tv_usec = PERIOD_NS / 1000 };

	/* what is added goes by the time of the loop, which may be that of an earlier callback */
	event_base_update_cache_time(watch->base);
	watch->waited_ns = read_waited_ns(watch);
	watch->due_ns = now_ns() + PERIOD_NS;
	event_add(watch->timer, &period);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;
	int64_t late_ns = now_ns() - watch->due_ns;

	note(&watch->wall, late_ns);
	note(&watch->own, late_ns - (read_waited_ns(watch) - watch->waited_ns));
	set_timer(watch);
}

static void on_input(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;
	char line[LINE_BYTES];

	if (read(fd, line, sizeof(line)) <= 0) {
		event_del(watch->input);
		return;
	}
	printf("{\"calls\": %lu, ", (unsigned long)watch->wall.calls);
	show("wall_ms", &watch->wall);
	printf(", ");
	show("own_ms", &watch->own);
	printf("}\n");
	fflush(stdout);
	memset(&watch->wall, 0, sizeof(watch->wall));
	memset(&watch->own, 0, sizeof(watch->own));
}

static int start(struct watch *watch, struct daemon *daemon)
{
	watch->base = daemon_loop(daemon);
	watch->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	watch->timer = event_new(watch->base, -1, 0, on_timer, watch);
	watch->input = event_new(watch->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, watch);
	if (watch->schedstat < 0 || watch->timer == NULL || watch->input == NULL ||
		event_priority_set(watch->timer, LOOP_TIMERS) != 0 ||
		event_add(watch->input, NULL) != 0)
		return -1;
	set_timer(watch);
	return 0;
}

int main(int argument_count, char **arguments)
{
	static struct watch watch;
	struct error error = { "usage: bench_loop CONFIGURATION" };
	struct daemon *daemon = argument_count == 2 ? daemon_start(arguments[1], &error) : NULL;
	int status = 1;

	if (daemon == NULL) {
		fprintf(stderr, "bench_loop: %s\n", error.message);
		return 1;
	}
	if (start(&watch, daemon) == 0)
		status = daemon_run(daemon);
	if (watch.timer != NULL)
		event_free(watch.timer);
	if (watch.input != NULL)
		event_free(watch.input);
	daemon_stop(daemon);
	return status;
}
