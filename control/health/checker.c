/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What both threads use is under `lock`: the orders, the changes and what is shown of each target.
 * All else is the checker's own.
 */
#include "health/checker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define FILES_RESERVED 512 /* of what the process may open, for all else */
#define FLIGHTS_LEAST  64
#define LATE_WINDOW_MS 10000 /* of checker_load.late_ms */
#define MTU_EVERY      10    /* probes */

struct target {
	struct checker *checker;
	struct checker_target what;
	struct probe_target where; /* of the probe that is under way */
	struct check_state state;
	struct event *timer;
	uint64_t due_ms;
	struct probe *probe; /* under way */
	bool is_waiting;     /* due, in `waiting` */
	bool was_probed;
	bool is_silent;            /* so it failed last */
	struct probe_result asked; /* the last one that passed: what it asks for */
	STAILQ_ENTRY(target) entry;

	/* under lock */
	struct checker_view view;
	struct checker_change change; /* that nobody has taken yet, where has_change */
	bool has_change;
	STAILQ_ENTRY(target) change_entry;
};

struct order {
	enum { PUT, REMOVE } kind;
	struct checker_target what;
	STAILQ_ENTRY(order) entry;
};

STAILQ_HEAD(target_list, target);
STAILQ_HEAD(order_list, order);

struct checker {
	pthread_t thread;
	bool is_started;

	struct event_base *base;
	struct event *on_order; /* eventfd: orders, or the end */
	struct prober *prober;
	uint32_t flights, flights_most; /* probes under way */
	uint64_t random;
	struct target_list waiting; /* they are due */
	uint32_t waiting_count;
	uint64_t late_since_ms;

	/* of the control thread's loop */
	struct event *on_wake_event; /* eventfd: changes */
	void (*on_change)(void *context);
	void *context;
	int order_fd, wake_fd;

	pthread_mutex_t lock; /* of all below, and of the views */
	struct order_list orders;
	struct target_list changes; /* targets that have one, the earliest first */
	bool is_ending;
	struct checker_load load;
	uint32_t late_before_ms;                 /* of the window before */
	struct target *targets[CHECKER_NUMBERS]; /* written by the checker alone */
};

static void wake(int fd)
{
	const uint64_t one = 1;

	/* eight bytes to an eventfd below its limit: cannot fail */
	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* SplitMix64 (S. Vigna). Between 0 and 1. */
static double next_random(struct checker *checker)
{
	uint64_t z = checker->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

/* when it is probed */

static void set_timer(struct target *target, uint64_t due_ms, uint64_t now_ms)
{
	uint64_t in_ms = due_ms > now_ms ? due_ms - now_ms : 0;
	struct timeval delay = { (time_t)(in_ms / 1000), (suseconds_t)(in_ms % 1000 * 1000) };

	target->due_ms = due_ms;
	event_add(target->timer, &delay);
}

static uint64_t jitter(struct checker *checker, const struct config_health *health, double ms)
{
	double part = (2 * next_random(checker) - 1) * health->jitter_percent / 100;

	return (uint64_t)(ms * (1 + part));
}

/*
 * A status that is being confirmed is probed fast. The first probe of a target came when it was
 * told of, together with those of others: the second comes at any time within the interval.
 */
static void plan_next(struct target *target, uint64_t started_ms, uint64_t now_ms)
{
	const struct config_health *health = target->what.health;
	uint64_t interval_ms;

	if (check_state_is_confirming(&target->state))
		interval_ms = jitter(target->checker, health, health->fast_interval_ms);
	else if (target->was_probed)
		interval_ms = jitter(target->checker, health, health->interval_ms);
	else
		interval_ms = (uint64_t)(next_random(target->checker) * health->interval_ms);
	target->was_probed = true;
	set_timer(target, started_ms + interval_ms, now_ms);
}

static void note_late(struct checker *checker, uint64_t late_ms, uint64_t now_ms)
{
	pthread_mutex_lock(&checker->lock);
	if (now_ms - checker->late_since_ms >= LATE_WINDOW_MS) {
		checker->late_since_ms = now_ms;
		checker->late_before_ms = checker->load.late_ms;
		checker->load.late_ms = 0;
	}
	if (late_ms > checker->load.late_ms)
		checker->load.late_ms = (uint32_t)late_ms;
	pthread_mutex_unlock(&checker->lock);
}

/* what comes of it */

/* Of two changes that nobody has taken in between, one is made. */
static void hand_over(struct target *target, enum health_status before,
	const struct probe_result *result, int64_t time_ms)
{
	struct checker *checker = target->checker;
	bool was_empty;

	pthread_mutex_lock(&checker->lock);
	was_empty = STAILQ_EMPTY(&checker->changes);
	if (!target->has_change)
		STAILQ_INSERT_TAIL(&checker->changes, target, change_entry);
	target->change = (struct checker_change){
		.number = target->what.number,
		.generation = target->what.generation,
		.before = target->has_change ? target->change.before : before,
		.state = target->state,
		.result = *result,
		.time_ms = time_ms,
	};
	target->has_change = true;
	pthread_mutex_unlock(&checker->lock);
	if (was_empty)
		wake(checker->wake_fd);
}

static bool asks_for_the_same(const struct probe_result *a, const struct probe_result *b)
{
	return a->word == b->word && a->is_senseless == b->is_senseless &&
	       a->has_weight == b->has_weight && a->weight == b->weight &&
	       a->has_weight_percent == b->has_weight_percent &&
	       a->weight_percent == b->weight_percent;
}

/* Whether it fails in another way than before, as far as others care. */
static bool follow_silence(struct target *target, const struct probe_result *result)
{
	bool is_silent = probe_reason_is_silence(result->reason);

	if (result->passed || result->reason == PROBE_LOCAL || is_silent == target->is_silent)
		return false;
	target->is_silent = is_silent;
	return target->state.status == HEALTH_DOWN;
}

static void show(struct target *target, const struct probe_result *result, int64_t time_ms)
{
	struct checker *checker = target->checker;

	pthread_mutex_lock(&checker->lock);
	target->view.state = target->state;
	target->view.result = *result;
	target->view.time_ms = time_ms;
	target->view.probes++;
	checker->load.probes++;
	checker->load.flights = checker->flights;
	checker->load.waiting = checker->waiting_count;
	if (result->reason == PROBE_LOCAL)
		checker->load.untried++;
	pthread_mutex_unlock(&checker->lock);
}

static void start_waiting(struct checker *checker);

/* As probe_done_t. */
static void on_result(void *context, const struct probe_result *result)
{
	struct target *target = context;
	const struct config_health *health = target->what.health;
	const struct check_rules rules = { health->rise, health->fall };
	enum health_status status = target->state.status;
	uint64_t now_ms = clock_ms();
	int64_t time_ms = clock_wall_ms();
	bool is_new = target->view.probes == 0;

	target->probe = NULL;
	target->checker->flights--;
	/* what this node cannot do says nothing of the backend */
	if (result->reason != PROBE_LOCAL)
		is_new |= check_state_follow(&target->state, &rules, result->passed, now_ms);
	if (result->passed) {
		is_new |= !asks_for_the_same(result, &target->asked);
		target->asked = *result;
	}
	is_new |= follow_silence(target, result);
	show(target, result, time_ms);
	plan_next(target, target->due_ms, now_ms);
	if (is_new)
		hand_over(target, status, result, time_ms);
	start_waiting(target->checker);
}

/*
 * Packets of the largest size cost another connection, so they are tried now and then; but of a
 * backend that is not up, or has failed by them, each time: results count in a row.
 */
static bool tries_mtu(const struct target *target)
{
	return target->state.status != HEALTH_UP || target->view.result.reason == PROBE_MTU ||
	       target->view.probes % MTU_EVERY == 0;
}

static void probe(struct target *target)
{
	struct checker *checker = target->checker;
	uint64_t now_ms = clock_ms();

	target->where = (struct probe_target){
		.address = target->what.address,
		.port = target->what.port,
		.source = target->what.source,
		.mark = target->what.mark,
		.interface = target->what.interface[0] == '\0' ? NULL : target->what.interface,
		.name = target->what.name,
		.mtu = tries_mtu(target) ? target->what.mtu : 0,
		.hindrance = target->what.hindrance,
		.why = target->what.why,
	};

	/* the loop's clock is coarser: it may also be a few milliseconds early */
	note_late(checker, now_ms > target->due_ms ? now_ms - target->due_ms : 0, now_ms);
	target->due_ms = now_ms;
	checker->flights++;
	target->probe = probe_start(
		checker->prober, target->what.health, &target->where, on_result, target);
	if (target->probe != NULL)
		return;
	/* out of memory: the next one comes in its time */
	checker->flights--;
	set_timer(target, now_ms + target->what.health->interval_ms, now_ms);
}

/* Probes are as many as there may be: those that are due wait for one another. */
static void start_waiting(struct checker *checker)
{
	while (checker->flights < checker->flights_most && !STAILQ_EMPTY(&checker->waiting)) {
		struct target *target = STAILQ_FIRST(&checker->waiting);

		STAILQ_REMOVE_HEAD(&checker->waiting, entry);
		checker->waiting_count--;
		target->is_waiting = false;
		probe(target);
	}
}

static void on_due(evutil_socket_t fd, short what, void *context)
{
	struct target *target = context;

	target->is_waiting = true;
	target->checker->waiting_count++;
	STAILQ_INSERT_TAIL(&target->checker->waiting, target, entry);
	start_waiting(target->checker);
}

/* orders */

static void stop_probing(struct target *target)
{
	struct checker *checker = target->checker;

	event_del(target->timer);
	if (target->is_waiting) {
		STAILQ_REMOVE(&checker->waiting, target, target, entry);
		checker->waiting_count--;
		target->is_waiting = false;
	}
	if (target->probe == NULL)
		return;
	probe_cancel(target->probe);
	target->probe = NULL;
	checker->flights--;
}

static void destroy_target(struct target *target)
{
	config_health_release(target->what.health);
	if (target->timer != NULL)
		event_free(target->timer);
	free(target);
}

static struct target *create_target(struct checker *checker, const struct checker_target *what)
{
	struct target *target = calloc(1, sizeof(*target));

	if (target == NULL)
		return NULL;
	target->checker = checker;
	target->timer = evtimer_new(checker->base, on_due, target);
	if (target->timer == NULL) {
		destroy_target(target);
		return NULL;
	}
	target->state = what->state;
	target->was_probed = !what->is_due;
	return target;
}

static void show_target(struct checker *checker, uint32_t number, struct target *target)
{
	struct target *before = checker->targets[number];

	pthread_mutex_lock(&checker->lock);
	if (before != NULL && before->has_change)
		STAILQ_REMOVE(&checker->changes, before, target, change_entry);
	checker->load.targets += (target != NULL) - (before != NULL);
	if (target != NULL)
		target->view.state = target->state;
	checker->targets[number] = target;
	pthread_mutex_unlock(&checker->lock);
}

static void remove_target(struct checker *checker, uint32_t number)
{
	struct target *target = checker->targets[number];

	if (target == NULL)
		return;
	stop_probing(target);
	show_target(checker, number, NULL);
	destroy_target(target);
}

/* Owns the reference that `what` has. */
static void put_target(struct checker *checker, const struct checker_target *what)
{
	struct target *target = checker->targets[what->number];
	uint64_t now_ms = clock_ms();
	uint64_t spread_ms = (uint64_t)(next_random(checker) * what->health->interval_ms);

	if (target != NULL && target->what.generation != what->generation)
		remove_target(checker, what->number);
	target = checker->targets[what->number];
	if (target != NULL) { /* it goes on in another way */
		stop_probing(target);
		config_health_release(target->what.health);
		target->what = *what;
		set_timer(target, now_ms, now_ms);
		return;
	}
	target = create_target(checker, what);
	if (target == NULL) { /* said once a second by the caller, who sees no view of it */
		config_health_release(what->health);
		return;
	}
	target->what = *what;
	show_target(checker, what->number, target);
	set_timer(target, what->is_due ? now_ms : now_ms + spread_ms, now_ms);
}

static struct order *take_order(struct checker *checker)
{
	struct order *order;

	pthread_mutex_lock(&checker->lock);
	order = STAILQ_FIRST(&checker->orders);
	if (order != NULL)
		STAILQ_REMOVE_HEAD(&checker->orders, entry);
	pthread_mutex_unlock(&checker->lock);
	return order;
}

static bool is_ending(struct checker *checker)
{
	bool ending;

	pthread_mutex_lock(&checker->lock);
	ending = checker->is_ending;
	pthread_mutex_unlock(&checker->lock);
	return ending;
}

static void on_order(evutil_socket_t fd, short what, void *context)
{
	struct checker *checker = context;
	struct order *order;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return;
	while ((order = take_order(checker)) != NULL) {
		if (order->kind == PUT)
			put_target(checker, &order->what);
		else
			remove_target(checker, order->what.number);
		free(order);
	}
	if (is_ending(checker))
		event_base_loopbreak(checker->base);
}

/* the thread */

static void *run(void *argument)
{
	struct checker *checker = argument;

	event_base_loop(checker->base, EVLOOP_NO_EXIT_ON_EMPTY);
	for (uint32_t i = 0; i < CHECKER_NUMBERS; i++)
		remove_target(checker, i);
	return NULL;
}

static uint32_t flights_most(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 ||
		files.rlim_cur < FILES_RESERVED + FLIGHTS_LEAST)
		return FLIGHTS_LEAST;
	if (files.rlim_cur - FILES_RESERVED > CHECKER_FLIGHTS_MAX)
		return CHECKER_FLIGHTS_MAX;
	return (uint32_t)(files.rlim_cur - FILES_RESERVED);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	struct checker *checker = context;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == sizeof(count))
		checker->on_change(checker->context);
}

/*
 * Without priorities: in each turn all answers that have come are taken first, then what is due
 * begins. So where the thread has too little time, probes begin later, and none is held to have
 * failed because nobody looked at its answer.
 */
static struct event_base *create_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

/* Signals go to the thread of the control loop. */
static int start_thread(struct checker *checker)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&checker->thread, NULL, run, checker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	checker->is_started = code == 0;
	return -code;
}

static int start(struct checker *checker, struct event_base *base, struct error *error)
{
	checker->base = create_base();
	checker->order_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	checker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (checker->base == NULL || checker->order_fd < 0 || checker->wake_fd < 0)
		return error_set(error, -ENOMEM, "cannot set up the loop of health checks");
	checker->prober = prober_create(checker->base, error);
	if (checker->prober == NULL)
		return -ENOMEM;
	checker->on_order = event_new(
		checker->base, checker->order_fd, EV_READ | EV_PERSIST, on_order, checker);
	checker->on_wake_event =
		event_new(base, checker->wake_fd, EV_READ | EV_PERSIST, on_wake, checker);
	if (checker->on_order == NULL || checker->on_wake_event == NULL ||
		event_add(checker->on_order, NULL) != 0 ||
		event_add(checker->on_wake_event, NULL) != 0)
		return error_set(error, -ENOMEM, "cannot set up the loop of health checks");
	if (start_thread(checker) != 0)
		return error_set(error, -EAGAIN, "cannot start the thread of health checks");
	return 0;
}

struct checker *checker_create(struct event_base *base, void (*on_change)(void *context),
	void *context, struct error *error)
{
	struct checker *checker = calloc(1, sizeof(*checker));

	if (checker == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&checker->lock, NULL);
	STAILQ_INIT(&checker->waiting);
	STAILQ_INIT(&checker->orders);
	STAILQ_INIT(&checker->changes);
	checker->order_fd = checker->wake_fd = -1;
	checker->on_change = on_change;
	checker->context = context;
	checker->flights_most = flights_most();
	checker->random = clock_ms() ^ (uint64_t)getpid() << 32;
	if (start(checker, base, error) == 0)
		return checker;
	checker_destroy(checker);
	return NULL;
}

static void stop_thread(struct checker *checker)
{
	pthread_mutex_lock(&checker->lock);
	checker->is_ending = true;
	pthread_mutex_unlock(&checker->lock);
	wake(checker->order_fd);
	pthread_join(checker->thread, NULL);
}

static void drop_orders(struct checker *checker)
{
	struct order *order;

	while ((order = take_order(checker)) != NULL) {
		if (order->kind == PUT)
			config_health_release(order->what.health);
		free(order);
	}
}

void checker_destroy(struct checker *checker)
{
	if (checker == NULL)
		return;
	if (checker->is_started)
		stop_thread(checker);
	drop_orders(checker);
	if (checker->on_wake_event != NULL)
		event_free(checker->on_wake_event);
	if (checker->on_order != NULL)
		event_free(checker->on_order);
	prober_destroy(checker->prober);
	if (checker->base != NULL)
		event_base_free(checker->base);
	if (checker->order_fd >= 0)
		close(checker->order_fd);
	if (checker->wake_fd >= 0)
		close(checker->wake_fd);
	pthread_mutex_destroy(&checker->lock);
	free(checker);
}

/* Of the control thread. */

static void give_order(struct checker *checker, struct order *order)
{
	bool was_empty;

	pthread_mutex_lock(&checker->lock);
	was_empty = STAILQ_EMPTY(&checker->orders);
	STAILQ_INSERT_TAIL(&checker->orders, order, entry);
	pthread_mutex_unlock(&checker->lock);
	if (was_empty)
		wake(checker->order_fd);
}

int checker_put(struct checker *checker, const struct checker_target *target)
{
	struct order *order = malloc(sizeof(*order));

	if (order == NULL)
		return -ENOMEM;
	order->kind = PUT;
	order->what = *target;
	config_health_ref(order->what.health);
	give_order(checker, order);
	return 0;
}

int checker_remove(struct checker *checker, uint32_t number)
{
	struct order *order = malloc(sizeof(*order));

	if (order == NULL)
		return -ENOMEM;
	order->kind = REMOVE;
	order->what.number = number;
	give_order(checker, order);
	return 0;
}

bool checker_take(struct checker *checker, struct checker_change *change)
{
	struct target *target;

	pthread_mutex_lock(&checker->lock);
	target = STAILQ_FIRST(&checker->changes);
	if (target != NULL) {
		STAILQ_REMOVE_HEAD(&checker->changes, change_entry);
		target->has_change = false;
		*change = target->change;
	}
	pthread_mutex_unlock(&checker->lock);
	return target != NULL;
}

bool checker_view(struct checker *checker, uint32_t number, struct checker_view *view)
{
	const struct target *target;

	pthread_mutex_lock(&checker->lock);
	target = checker->targets[number];
	if (target != NULL)
		*view = target->view;
	pthread_mutex_unlock(&checker->lock);
	return target != NULL;
}

static uint64_t thread_cpu_ms(pthread_t thread)
{
	struct timespec used;
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return 0;
	return used.tv_sec * UINT64_C(1000) + used.tv_nsec / 1000000;
}

struct checker_load checker_load(struct checker *checker)
{
	struct checker_load load;

	pthread_mutex_lock(&checker->lock);
	load = checker->load;
	if (checker->late_before_ms > load.late_ms)
		load.late_ms = checker->late_before_ms;
	pthread_mutex_unlock(&checker->lock);
	load.cpu_time_ms = thread_cpu_ms(checker->thread);
	return load;
}
