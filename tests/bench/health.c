/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the thread of the health checks takes for 10,000 backends that are probed by tcp once a
 * second. The backends are as many addresses of the loopback device. The network of the kernel
 * counts as the thread's: on the loopback device a packet is received by whoever sends it.
 *
 * Beside it, the system calls of such a probe without anything else, one after the other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/process.h"
#include "health/checker.h"

#define TARGETS      10000
#define INTERVAL_MS  1000
#define SETTLED_S    21 /* until checker_load.late_ms has forgotten the beginning */
#define PORTS        8
#define WINDOWS_MAX  32
#define ALONE_PROBES 20000
#define NAME         "bench_health"

/* 127.16.0.0 and on. */
#define FIRST_ADDRESS 0x7f100000

struct window {
	uint64_t probes;
	uint64_t cpu_ms, wall_ms;
};

static uint16_t ports[PORTS];
static struct checker *checker;
static uint64_t failed;
static char failure[PROBE_SENTENCE_SIZE];

static void give_up(const char *what)
{
	fprintf(stderr, NAME ": %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The backends. */

/*
 * The port, in host byte order. Nothing is accepted there: with TCP_DEFER_ACCEPT the kernel answers
 * the handshake and forgets it with the reset, so no other process has a part in the figures.
 */
static uint16_t listen_somewhere(void)
{
	const int wait_s = 1;
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
		setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &wait_s, sizeof(wait_s)) != 0 ||
		listen(listener, SOMAXCONN) != 0 ||
		getsockname(listener, (struct sockaddr *)&address, &length) != 0)
		give_up("the backends");
	return ntohs(address.sin_port);
}

/* Of several, so that no queue is full where this process has to wait for its CPU. */
static void start_backends(void)
{
	for (unsigned int i = 0; i < PORTS; i++)
		ports[i] = listen_somewhere();
}

static uint32_t backend_address(unsigned int number)
{
	return htonl(FIRST_ADDRESS + number);
}

/* The checks. */

static void on_change(void *context)
{
	struct checker_change change;

	while (checker_take(checker, &change)) {
		if (change.result.passed)
			continue;
		failed++;
		memcpy(failure, change.result.sentence, sizeof(failure));
	}
}

static void start_checks(struct event_base *base, struct config_health *health)
{
	struct error error = { "" };

	checker = checker_create(base, on_change, NULL, &error);
	if (checker == NULL) {
		fprintf(stderr, NAME ": %s\n", error.message);
		exit(1);
	}
	for (unsigned int i = 0; i < TARGETS; i++) {
		uint32_t bytes = backend_address(i);
		struct checker_target target = {
			.number = i,
			.health = health,
			.address = { .family = ADDRESS_IPV4 },
			.port = ports[i % PORTS],
		};

		memcpy(target.address.bytes, &bytes, sizeof(bytes));
		if (checker_put(checker, &target) != 0) {
			errno = ENOMEM;
			give_up("the targets");
		}
	}
}

static void let_run(struct event_base *base, double seconds)
{
	const struct timeval pause = { (time_t)seconds,
		(suseconds_t)((seconds - (time_t)seconds) * 1e6) };

	event_base_loopexit(base, &pause);
	event_base_dispatch(base);
}

static struct window look(void)
{
	struct checker_load load = checker_load(checker);

	return (struct window){
		.probes = load.probes,
		.cpu_ms = load.cpu_time_ms,
		.wall_ms = now_ns(CLOCK_MONOTONIC) / 1000000,
	};
}

static struct window measure(struct event_base *base, double seconds)
{
	struct window before = look(), after;

	let_run(base, seconds);
	after = look();
	return (struct window){
		.probes = after.probes - before.probes,
		.cpu_ms = after.cpu_ms - before.cpu_ms,
		.wall_ms = after.wall_ms - before.wall_ms,
	};
}

/* The system calls alone, in the order in which a probe makes them (control/probes/probe_tcp.c). */

static void probe_alone(int epoll, unsigned int number)
{
	static const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(ports[number % PORTS]),
		.sin_addr.s_addr = backend_address(number % TARGETS),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.fd = fd };
	socklen_t length = sizeof(address);

	if (fd < 0)
		give_up("socket");
	if (connect(fd, (struct sockaddr *)&address, length) != 0 && errno != EINPROGRESS)
		give_up("connect");
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0 ||
		epoll_wait(epoll, &event, 1, -1) != 1)
		give_up("epoll");
	getsockname(fd, (struct sockaddr *)&address, &length);
	epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

/* Microseconds of CPU time for each probe. */
static double measure_alone(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t begin = now_ns(CLOCK_THREAD_CPUTIME_ID);

	if (epoll < 0)
		give_up("epoll");
	for (unsigned int i = 0; i < ALONE_PROBES; i++)
		probe_alone(epoll, i);
	close(epoll);
	return (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / 1e3 / ALONE_PROBES;
}

static void print(const struct window *windows, unsigned int count, double alone_us)
{
	struct checker_load load = checker_load(checker);

	printf("{\"windows\": [");
	for (unsigned int i = 0; i < count; i++)
		printf("%s{\"probes_per_s\": %.0f, \"cpu_percent\": %.2f}", i == 0 ? "" : ", ",
			1e3 * (double)windows[i].probes / (double)windows[i].wall_ms,
			100.0 * (double)windows[i].cpu_ms / (double)windows[i].wall_ms);
	printf("], \"late_ms\": %u, \"system_calls_us\": %.2f}\n", load.late_ms, alone_us);
}

int main(int argc, char **argv)
{
	static struct config_health health = {
		.type = CONFIG_HEALTH_TCP,
		.interval_ms = INTERVAL_MS,
		.fast_interval_ms = INTERVAL_MS,
		.timeout_ms = INTERVAL_MS / 2,
		.rise = 2,
		.fall = 3,
		.jitter_percent = 10,
	};
	struct window windows[WINDOWS_MAX];
	struct event_base *base = loop_create();
	unsigned int count = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	double seconds = argc > 2 ? atof(argv[2]) : 1, alone_us;

	if (base == NULL || count < 1 || count > WINDOWS_MAX || seconds <= 0) {
		fprintf(stderr, "usage: " NAME " WINDOWS SECONDS\n");
		return 2;
	}
	process_raise_files();
	start_backends();
	alone_us = measure_alone();
	start_checks(base, &health);
	let_run(base, SETTLED_S);
	failed = 0; /* while all began at once */
	for (unsigned int i = 0; i < count; i++)
		windows[i] = measure(base, seconds);
	if (failed > 0) {
		fprintf(stderr, NAME ": %ju backends went down: %s\n", (uintmax_t)failed, failure);
		return 1;
	}
	print(windows, count, alone_us);
	checker_destroy(checker);
	event_base_free(base);
	return 0;
}
