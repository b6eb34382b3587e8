/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program is waiting, running, dying or failed. Dying are those that have been reported already,
 * or cancelled, and whose process is still to be reaped; they count among those that run at once.
 *
 * Its process is known to be its own until it is reaped, by its number alone and never with those
 * of others; only then may its number, which is that of its group, be given to another. So the
 * group is killed before.
 */
#include "probes/program.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probes/program_spawn.h"
#include "probes/program_users.h"

#define READ_SIZE   65536
#define LAST_READS  4 /* what a pipe holds (pipe(7)), and some more */
#define FAREWELL_MS 1000

TAILQ_HEAD(program_list, program);

struct programs {
	struct event_base *base;
	struct program_list waiting;
	struct program_list alive; /* running or dying */
	struct program_list failed;
	size_t alive_count;
	struct program_users users;
};

struct program {
	struct programs *programs;
	struct program_list *list;
	TAILQ_ENTRY(program) entry;
	struct program_order order;
	program_ended_t *ended; /* NULL: dying */
	void *context;

	struct event timer; /* its timeout; that of a failed one is active */
	struct program_end end;

	/* of those that are alive */
	pid_t process;
	int process_fd; /* readable when it has ended (pidfd_open(2)) */
	struct event exited;
	int output; /* -1: closed */
	struct event readable;
	size_t written; /* by the program, in bytes */
	char line[PROGRAM_LINE_SIZE];
	size_t line_length;
	bool line_complete;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void move(struct program *program, struct program_list *list)
{
	struct programs *programs = program->programs;

	if (program->list != NULL)
		TAILQ_REMOVE(program->list, program, entry);
	programs->alive_count -= program->list == &programs->alive;
	programs->alive_count += list == &programs->alive;
	program->list = list;
	if (list != NULL)
		TAILQ_INSERT_TAIL(list, program, entry);
}

/* Its first line that is not empty. */
static void take_output(struct program *program, const char *bytes, size_t length)
{
	program->written += length;
	for (size_t i = 0; i < length && !program->line_complete; i++) {
		bool ends = bytes[i] == '\n' || bytes[i] == '\r';

		if (!ends)
			program->line[program->line_length++] = bytes[i] == '\0' ? '?' : bytes[i];
		program->line_complete = (ends && program->line_length > 0) ||
					 program->line_length == sizeof(program->line) - 1;
	}
}

static void close_output(struct program *program)
{
	if (program->output < 0)
		return;
	event_del(&program->readable);
	close(program->output);
	program->output = -1;
}

/* False where there is nothing more to read, now or ever. */
static bool read_output(struct program *program)
{
	char bytes[READ_SIZE];
	ssize_t got = program->output < 0 ? 0 : read(program->output, bytes, sizeof(bytes));

	if (got > 0)
		take_output(program, bytes, (size_t)got);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		close_output(program);
	return got > 0;
}

static void kill_group(const struct program *program)
{
	kill(-program->process, SIGKILL);
}

/* From here on only its process is awaited. */
static void let_die(struct program *program)
{
	kill_group(program);
	event_del(&program->timer);
	close_output(program);
	program->ended = NULL;
}

static void report_and_let_die(struct program *program, enum program_fate fate)
{
	program_ended_t *ended = program->ended;

	let_die(program);
	program->end.fate = fate;
	program->end.line = program->line;
	ended(program->context, &program->end);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct program *program = context;

	read_output(program);
	if (program->written > PROGRAM_OUTPUT_MAX)
		report_and_let_die(program, PROGRAM_TALKATIVE);
}

/* `reaped` is what waitpid() has returned. */
static void judge_status(struct program *program, pid_t reaped, int status)
{
	struct program_end *end = &program->end;
	int failure;

	end->line = program->line;
	if (reaped < 0) { /* SIGCHLD is ignored, or someone waits for any child */
		end->fate = PROGRAM_NOT_BEGUN;
		end->code = ECHILD;
		end->line = "its exit status is lost";
		return;
	}
	if (WIFSIGNALED(status)) {
		end->fate = PROGRAM_SIGNALLED;
		end->code = WTERMSIG(status);
		return;
	}
	failure = program_spawn_failure(WEXITSTATUS(status), &end->line);
	end->fate = failure == 0 ? PROGRAM_EXITED : PROGRAM_NOT_BEGUN;
	end->code = failure == 0 ? WEXITSTATUS(status) : failure;
}

/* Closes what only a living one has. */
static void bury(struct program *program)
{
	event_del(&program->exited);
	event_del(&program->timer);
	close_output(program);
	close(program->process_fd);
	move(program, NULL);
}

static void begin_next(struct programs *programs);

static void on_exited(evutil_socket_t fd, short what, void *context)
{
	struct program *program = context;
	struct programs *programs = program->programs;
	int status = 0;
	pid_t reaped;

	kill_group(program); /* what it has left behind */
	for (int i = 0; i < LAST_READS && read_output(program); i++)
		;
	reaped = waitpid(program->process, &status, WNOHANG);
	if (reaped == 0)
		return;
	bury(program);
	begin_next(programs);
	judge_status(program, reaped, status);
	if (program->ended != NULL)
		program->ended(program->context, &program->end);
	free(program);
}

static bool has_exited(const struct program *program)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)program->process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0;
}

/* Time is up, or it has failed to begin. */
static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct program *program = context;

	if (program->list == &program->programs->failed) {
		move(program, NULL);
		program->ended(program->context, &program->end);
		free(program);
	} else if (has_exited(program)) { /* and the loop comes to it too late */
		on_exited(program->process_fd, EV_READ, program);
	} else {
		report_and_let_die(program, PROGRAM_LATE);
	}
}

static int open_output(struct program *program, int *end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	program->output = ends[0];
	*end = ends[1];
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : -errno;
}

/* Of a process that cannot be watched. */
static void reap(pid_t process)
{
	kill(-process, SIGKILL);
	while (waitpid(process, NULL, 0) < 0 && errno == EINTR)
		;
}

static int spawn(struct program *program, struct program_identity identity)
{
	const struct program_order *order = &program->order;
	int end = -1;
	int code = open_output(program, &end);

	if (code == 0)
		code = program_spawn(order->arguments, order->count, order->environment, identity,
			end, &program->process);
	if (end >= 0)
		close(end);
	if (code == 0) {
		program->process_fd = (int)syscall(SYS_pidfd_open, program->process, 0);
		if (program->process_fd >= 0)
			return 0;
		code = -errno;
		reap(program->process);
	}
	if (program->output >= 0)
		close(program->output);
	program->output = -1;
	return code;
}

static int watch(struct program *program)
{
	struct event_base *base = program->programs->base;
	uint32_t timeout_ms = program->order.timeout_ms;
	const struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	event_assign(&program->exited, base, program->process_fd, EV_READ | EV_PERSIST, on_exited,
		program);
	event_assign(&program->readable, base, program->output, EV_READ | EV_PERSIST, on_readable,
		program);
	return event_add(&program->exited, NULL) == 0 && event_add(&program->readable, NULL) == 0 &&
			       event_add(&program->timer, &timeout) == 0
		       ? 0
		       : -ENOMEM;
}

static void fail(struct program *program, int code, const char *what)
{
	snprintf(program->line, sizeof(program->line), "%s: %s", what, strerror(-code));
	program->end = (struct program_end){
		.fate = PROGRAM_NOT_BEGUN,
		.code = -code,
		.line = program->line,
		.begun_ns = program->end.begun_ns,
	};
	move(program, &program->programs->failed);
	event_active(&program->timer, EV_TIMEOUT, 1);
}

static void begin(struct program *program)
{
	struct program_identity identity;
	const char *user = program->order.user;
	int code = program_users_find(&program->programs->users, user, now_ns(), &identity);

	program->end.begun_ns = now_ns();
	if (code == -ENOENT) {
		fail(program, code, user);
		snprintf(program->line, sizeof(program->line), "there is no user %s", user);
		return;
	}
	if (code != 0) {
		fail(program, code, user);
		return;
	}
	code = spawn(program, identity);
	if (code != 0) {
		fail(program, code, "cannot run setpriv");
		return;
	}
	move(program, &program->programs->alive);
	code = watch(program);
	if (code != 0) {
		reap(program->process);
		bury(program);
		fail(program, code, "cannot watch");
	}
}

static void begin_next(struct programs *programs)
{
	while (programs->alive_count < PROGRAMS_MAX && !TAILQ_EMPTY(&programs->waiting))
		begin(TAILQ_FIRST(&programs->waiting));
}

struct programs *programs_create(struct event_base *base)
{
	struct programs *programs = calloc(1, sizeof(*programs));

	if (programs == NULL)
		return NULL;
	programs->base = base;
	TAILQ_INIT(&programs->waiting);
	TAILQ_INIT(&programs->alive);
	TAILQ_INIT(&programs->failed);
	return programs;
}

struct program *program_start(struct programs *programs, const struct program_order *order,
	program_ended_t *ended, void *context)
{
	struct program *program = calloc(1, sizeof(*program));

	if (program == NULL)
		return NULL;
	program->programs = programs;
	program->order = *order;
	program->ended = ended;
	program->context = context;
	program->output = program->process_fd = -1;
	evtimer_assign(&program->timer, programs->base, on_timer, program);
	move(program, &programs->waiting);
	begin_next(programs);
	return program;
}

static void forget(struct program *program)
{
	event_del(&program->timer);
	move(program, NULL);
	free(program);
}

void program_cancel(struct program *program)
{
	if (program->list == &program->programs->alive)
		let_die(program);
	else
		forget(program);
}

/* Its process is dead, or time is up. */
static void see_off(struct program *program, uint64_t deadline_ns)
{
	struct pollfd ended = { .fd = program->process_fd, .events = POLLIN };
	uint64_t now = now_ns();
	int left_ms = now < deadline_ns ? (int)((deadline_ns - now) / 1000000) : 0;

	poll(&ended, 1, left_ms);
	kill_group(program);
	waitpid(program->process, NULL, WNOHANG);
	bury(program);
	free(program);
}

void programs_destroy(struct programs *programs)
{
	uint64_t deadline_ns = now_ns() + FAREWELL_MS * UINT64_C(1000000);
	struct program *program;

	if (programs == NULL)
		return;
	while ((program = TAILQ_FIRST(&programs->waiting)) != NULL ||
		(program = TAILQ_FIRST(&programs->failed)) != NULL)
		forget(program);
	TAILQ_FOREACH(program, &programs->alive, entry)
	kill_group(program);
	while ((program = TAILQ_FIRST(&programs->alive)) != NULL)
		see_off(program, deadline_ns);
	free(programs);
}
