/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program: runs programs of the operator as another user, without privileges, and tells how they
 * have ended. A program leads a process group of its own, which is killed as a whole when it ends,
 * when its time is up, and when it is cancelled; it inherits no descriptor. One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct program;
struct programs;

/* How many run at once; others wait. */
#define PROGRAMS_MAX 64

#define PROGRAM_LINE_SIZE  160
#define PROGRAM_OUTPUT_MAX (16 << 20) /* bytes; a program that writes more is killed */

enum program_fate {
	PROGRAM_EXITED,    /* code: its exit status */
	PROGRAM_SIGNALLED, /* code: the signal that has ended it */
	PROGRAM_LATE,      /* time was up */
	PROGRAM_TALKATIVE, /* it wrote more than PROGRAM_OUTPUT_MAX */
	PROGRAM_NOT_BEGUN, /* code: an errno; the line says what this node cannot do */
};

struct program_end {
	enum program_fate fate;
	int code;
	const char *line;  /* the first one of its output that is not empty, as it came, or "" */
	uint64_t begun_ns; /* CLOCK_MONOTONIC; it may have waited before */
};

/* What is to be run; all is borrowed until the end. */
struct program_order {
	char *const
		*arguments; /* the first one is the program: a path, or a name to find in PATH */
	size_t count;
	const char *const *environment; /* NAME=value, up to a NULL; PATH and LANG are added */
	const char *user;               /* a name; its primary group is taken, too */
	uint32_t timeout_ms;            /* from its begin on, however long it has waited */
};

/* Called from the loop, never from within program_start(). `end` is gone afterwards. */
typedef void program_ended_t(void *context, const struct program_end *end);

/* NULL: out of memory. */
struct programs *programs_create(struct event_base *base);

/*
 * Kills what runs, and calls nobody. Waits until it is dead, for a second at most: a program that
 * hangs in the kernel is left behind. NULL is allowed.
 */
void programs_destroy(struct programs *programs);

/* NULL: out of memory. */
struct program *program_start(struct programs *programs, const struct program_order *order,
	program_ended_t *ended, void *context);

/* Kills it; nothing is called any more, and nothing is borrowed. Not after its end. */
void program_cancel(struct program *program);
