/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe_run.h"

#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"
#include "probes/probe_socket.h"

int probe_run_enter(void **state)
{
	return netns_enter() == 0 && netns_run("ip link set lo up") == 0 ? 0 : -1;
}

static size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	fail_msg("nothing has happened for %d s", PROBE_RUN_DEADLINE_S);
}

int probe_run_open(void **state)
{
	static const struct timeval deadline = { PROBE_RUN_DEADLINE_S, 0 };
	struct probe_run *run = calloc(1, sizeof(*run));
	struct error error = { "" };

	run->descriptors = count_descriptors();
	run->base = event_base_new();
	run->prober = prober_create(run->base, &error);
	if (run->prober == NULL)
		fail_msg("%s", error.message);
	evtimer_assign(&run->deadline, run->base, on_deadline, NULL);
	evtimer_add(&run->deadline, &deadline);
	run->settings.timeout_ms = 10000;
	*state = run;
	return 0;
}

int probe_run_close(void **state)
{
	struct probe_run *run = *state;
	size_t left;

	prober_destroy(run->prober);
	event_del(&run->deadline);
	event_base_free(run->base);
	left = count_descriptors();
	assert_int_equal(left, run->descriptors);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	free(run);
	return 0;
}

static void on_done(void *context, const struct probe_result *result)
{
	struct probe_run *run = context;

	run->result = *result;
	run->results++;
	run->probe = NULL;
}

void probe_run_begin(struct probe_run *run)
{
	unsigned int results = run->results;

	run->probe = probe_start(run->prober, &run->settings, &run->target, on_done, run);
	assert_non_null(run->probe);
	assert_int_equal(run->results, results);
}

void probe_run_await(struct probe_run *run)
{
	unsigned int results = run->results;

	while (run->results == results)
		event_base_loop(run->base, EVLOOP_ONCE);
}

void probe_run_expect(struct probe_run *run, enum probe_reason reason, const char *sentence)
{
	probe_run_begin(run);
	probe_run_await(run);
	assert_string_equal(run->result.sentence, sentence);
	assert_string_equal(probe_reason_name(run->result.reason), probe_reason_name(reason));
	assert_int_equal(run->result.passed, reason == PROBE_PASSED);
}

void probe_run_turn(struct probe_run *run)
{
	event_base_loop(run->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void probe_run_set_target(struct probe_run *run, const char *address, uint16_t port)
{
	assert_int_equal(address_parse(address, &run->target.address), 0);
	run->target.port = port;
}

int probe_run_bind(struct probe_run *run, int type, const char *address)
{
	union probe_sockaddr own;
	socklen_t length;
	int fd;

	probe_run_set_target(run, address, 0);
	length = probe_sockaddr_make(&run->target.address, 0, &own);
	fd = socket(own.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &own.any, length), 0);
	assert_int_equal(getsockname(fd, &own.any, &length), 0);
	run->target.port = ntohs(own.ipv4.sin_port); /* at the same place in both families */
	return fd;
}

void probe_run_sysctl(const char *name, const char *value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fprintf(file, "%s\n", value) > 0);
	assert_int_equal(fclose(file), 0);
}
