/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checker_known: what the two halves of the checker share, checker.c in the control thread and
 * checker_thread.c in the checker's own. For them only.
 *
 * What both threads use is under `lock`: the orders, the changes and what is shown of each target.
 */
#pragma once

#include <event2/event_struct.h>
#include <pthread.h>
#include <sys/queue.h>

#include "health/checker.h"
#include "health/due.h"

enum order_kind { ORDER_PUT, ORDER_GO_ON, ORDER_REMOVE };

/* From the control thread. Those to put and to remove are part of their target: they need no room.
 */
struct order {
	enum order_kind kind;
	struct target *target;
	STAILQ_ENTRY(order) entry;
};

/* ORDER_GO_ON; the checker's thread frees it, and owns the reference that `what` has. */
struct order_go_on {
	struct order order; /* first: it is found by this */
	struct checker_target what;
};

/*
 * Made by the control thread, and the checker's from the order to put it on; the control thread
 * may name it until it has ordered to remove it.
 */
struct target {
	struct checker *checker;
	uint32_t generation; /* never changes */
	struct order put, removal;

	struct checker_target what; /* owns a reference to its settings */
	struct probe_target where;  /* of the probe that is under way */
	struct check_state state;
	struct event timer;
	struct due due;
	struct probe *probe; /* under way */
	bool was_probed;
	bool is_silent;            /* so it failed last */
	bool is_untimed;           /* in `untimed` */
	struct probe_result asked; /* the last one that passed: what it asks for */
	TAILQ_ENTRY(target) untimed_entry;

	/* under lock */
	struct checker_view view;
	struct checker_change change; /* that nobody has taken yet, where has_change */
	bool has_change;
	TAILQ_ENTRY(target) change_entry;
};

STAILQ_HEAD(order_list, order);
TAILQ_HEAD(target_list, target);

struct checker {
	/* of the checker's thread */
	struct event_base *base;
	struct event *on_order; /* eventfd: orders, or the end */
	struct event *on_retry; /* now and then: of `untimed` */
	struct prober *prober;
	struct due_queue due;
	struct target_list untimed; /* there was no memory to set their timers */
	uint64_t random;
	uint64_t late_since_ms;

	/* of the control thread */
	pthread_t thread;
	bool is_started;
	struct event *on_wake_event; /* eventfd: changes */
	void (*on_change)(void *context);
	void *context;
	struct target *targets[CHECKER_NUMBERS];
	uint32_t target_count;

	int order_fd, wake_fd;

	pthread_mutex_t lock; /* of all below, and of the views */
	struct order_list orders;
	struct target_list changes; /* targets that have one, the earliest first */
	bool is_ending;
	struct checker_load load;
	uint32_t late_before_ms; /* of the window before */
	uint64_t oldest_ms;      /* since when what waits longest has been due; 0: nothing waits */
};

/* Writes to an eventfd. */
void checker_wake(int fd);

/* Sets up what the thread works with; -ENOMEM with the sentence. */
int checker_thread_prepare(struct checker *checker, struct error *error);

/* The thread, whose argument is the checker. */
void *checker_thread_run(void *argument);

/* For the timer of a target, as event_callback_fn. */
void checker_thread_on_due(evutil_socket_t fd, short what, void *context);

/* What the thread has left, which has ended. */
void checker_thread_follow_orders(struct checker *checker);
