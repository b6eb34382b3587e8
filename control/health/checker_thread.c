/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Priorities of the loop are not used: in each turn all answers that have come are taken first,
 * then what is due begins. So where the thread has too little time, probes begin later, and none
 * is held to have failed because nobody looked at its answer.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "health/checker_known.h"
#include "probes/program.h"

#define FILES_RESERVED 512 /* of what the process may open, for all else */
#define FLIGHTS_LEAST  64
#define LATE_WINDOW_MS 10000 /* of checker_load.late_ms */
#define MTU_EVERY      10    /* probes */
#define RETRY_MS       100

#define PROGRAM_DESCRIPTORS 2
#define GATEWAYS_MAX        (CHECKER_NUMBERS - CHECKER_BACKENDS_MAX)

/* SplitMix64 (S. Vigna). Between 0 and 1. */
static double next_random(struct checker *checker)
{
	uint64_t z = checker->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

/* when it is probed */

/* Where there is no memory for the timer, it is set later, from on_retry(). */
static void set_timer(struct target *target, uint64_t due_ms, uint64_t now_ms)
{
	struct checker *checker = target->checker;
	uint64_t in_ms = due_ms > now_ms ? due_ms - now_ms : 0;
	struct timeval delay = { (time_t)(in_ms / 1000), (suseconds_t)(in_ms % 1000 * 1000) };
	bool is_set = event_add(&target->timer, &delay) == 0;

	target->due.due_ms = due_ms;
	if (is_set && target->is_untimed)
		TAILQ_REMOVE(&checker->untimed, target, untimed_entry);
	if (!is_set && !target->is_untimed)
		TAILQ_INSERT_TAIL(&checker->untimed, target, untimed_entry);
	target->is_untimed = !is_set;
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
	struct checker *checker = context;
	struct target *target;
	uint64_t now_ms = clock_ms();

	while ((target = TAILQ_FIRST(&checker->untimed)) != NULL) {
		set_timer(target, target->due.due_ms, now_ms);
		if (target->is_untimed)
			break;
	}
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

/* Anywhere within the interval: those that are told of together do not stay together. */
static uint64_t spread(const struct target *target)
{
	const struct config_health *health = target->what.health;
	uint32_t interval_ms = check_state_is_confirming(&target->state) ? health->fast_interval_ms
									 : health->interval_ms;

	return (uint64_t)(next_random(target->checker) * interval_ms);
}

/* One that is late by a whole interval stands for those which it was too late for. */
static void note_late(const struct target *target, uint64_t now_ms)
{
	struct checker *checker = target->checker;
	/* the loop's clock is coarser: it may also be a few milliseconds early */
	uint64_t late_ms = now_ms > target->due.due_ms ? now_ms - target->due.due_ms : 0;

	pthread_mutex_lock(&checker->lock);
	if (now_ms - checker->late_since_ms >= LATE_WINDOW_MS) {
		checker->late_since_ms = now_ms;
		checker->late_before_ms = checker->load.late_ms;
		checker->load.late_ms = 0;
	}
	if (late_ms > checker->load.late_ms)
		checker->load.late_ms = (uint32_t)late_ms;
	checker->load.overdue += late_ms >= target->what.health->interval_ms;
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
	was_empty = TAILQ_EMPTY(&checker->changes);
	if (!target->has_change)
		TAILQ_INSERT_TAIL(&checker->changes, target, change_entry);
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
		checker_wake(checker->wake_fd);
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
	due_end(&target->checker->due, &target->due);
	/* what this node cannot do says nothing of the backend */
	if (result->reason != PROBE_LOCAL)
		is_new |= check_state_follow(&target->state, &rules, result->passed, now_ms);
	if (result->passed) {
		is_new |= !asks_for_the_same(result, &target->asked);
		target->asked = *result;
	}
	is_new |= follow_silence(target, result);
	show(target, result, time_ms);
	plan_next(target, target->due.due_ms, now_ms);
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

	note_late(target, now_ms);
	target->due.due_ms = now_ms;
	target->probe = probe_start(
		checker->prober, target->what.health, &target->where, on_result, target);
	if (target->probe != NULL)
		return;
	/* out of memory: the next one comes in its time */
	due_end(&checker->due, &target->due);
	set_timer(target, now_ms + target->what.health->interval_ms, now_ms);
}

static void show_load(struct checker *checker)
{
	pthread_mutex_lock(&checker->lock);
	checker->load.flights = checker->due.under_way;
	checker->load.waiting = checker->due.waiting;
	checker->oldest_ms = due_oldest_ms(&checker->due);
	pthread_mutex_unlock(&checker->lock);
}

/* Probes are as many as there may be: those that are due wait for one another. */
static void start_waiting(struct checker *checker)
{
	struct due *due;

	while ((due = due_begin(&checker->due)) != NULL)
		probe((struct target *)((char *)due - offsetof(struct target, due)));
	show_load(checker);
}

/* Its timer is set again when its probe has ended, so it never waits twice. */
void checker_thread_on_due(evutil_socket_t fd, short what, void *context)
{
	struct target *target = context;

	due_wait(&target->checker->due, &target->due);
	start_waiting(target->checker);
}

/* orders */

static enum due_lane lane_of(const struct checker_target *what)
{
	if (what->number >= CHECKER_BACKENDS_MAX)
		return DUE_GATEWAYS;
	if (what->health->type == CONFIG_HEALTH_EXTERNAL && what->hindrance == PROBE_NONE)
		return DUE_PROGRAMS;
	return DUE_BACKENDS;
}

static void cancel_probe(struct target *target)
{
	if (target->probe != NULL)
		probe_cancel(target->probe);
	target->probe = NULL;
	due_end(&target->checker->due, &target->due);
}

static void put_target(struct target *target)
{
	uint64_t now_ms = clock_ms();

	target->due.lane = lane_of(&target->what);
	target->due.cost = probe_descriptors(target->what.health);
	set_timer(target, target->what.is_due ? now_ms : now_ms + spread(target), now_ms);
}

/* A probe of the one says the same as a probe of the other. */
static bool are_probed_alike(const struct checker_target *a, const struct checker_target *b)
{
	return a->health->digest == b->health->digest && address_equal(&a->address, &b->address) &&
	       address_equal(&a->source, &b->source) && a->port == b->port && a->mark == b->mark &&
	       a->mtu == b->mtu && a->hindrance == b->hindrance && strcmp(a->why, b->why) == 0 &&
	       strcmp(a->interface, b->interface) == 0;
}

/* What another check has found, and how often it changed its mind, says nothing of this one. */
static void count_anew(struct target *target)
{
	target->state = (struct check_state){ .status = target->state.status };
	pthread_mutex_lock(&target->checker->lock);
	target->view.state = target->state;
	pthread_mutex_unlock(&target->checker->lock);
}

/*
 * What is under way no longer says what is asked for. The next probe comes within an interval of
 * the new settings, and not later than it was to come.
 */
static void go_on_otherwise(struct target *target, const struct checker_target *what)
{
	struct due_queue *queue = &target->checker->due;
	uint64_t now_ms = clock_ms(), due_ms;
	bool was_waiting = target->due.stage == DUE_WAITING;
	bool was_under_way = target->due.stage == DUE_UNDER_WAY;

	if (was_under_way || target->due.lane != lane_of(what))
		cancel_probe(target);
	if (target->what.health->digest != what->health->digest)
		count_anew(target);
	config_health_release(target->what.health);
	target->what = *what;
	target->due.lane = lane_of(what);
	target->due.cost = probe_descriptors(what->health);
	if (was_waiting) {
		if (target->due.stage == DUE_IDLE)
			due_wait(queue, &target->due);
		return;
	}
	due_ms = now_ms + spread(target);
	if (!was_under_way && target->due.due_ms < due_ms)
		due_ms = target->due.due_ms;
	set_timer(target, due_ms, now_ms);
}

/* Owns the reference that `what` has. */
static void go_on(struct target *target, const struct checker_target *what)
{
	if (!are_probed_alike(&target->what, what)) {
		go_on_otherwise(target, what);
		return;
	}
	/* the settings stay, because a probe may have borrowed them */
	memcpy(target->what.name, what->name, sizeof(target->what.name));
	config_health_release(what->health);
}

static void remove_target(struct target *target)
{
	struct checker *checker = target->checker;

	event_del(&target->timer);
	if (target->is_untimed)
		TAILQ_REMOVE(&checker->untimed, target, untimed_entry);
	cancel_probe(target);
	pthread_mutex_lock(&checker->lock);
	if (target->has_change)
		TAILQ_REMOVE(&checker->changes, target, change_entry);
	pthread_mutex_unlock(&checker->lock);
	config_health_release(target->what.health);
	free(target);
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

static void follow(struct order *order)
{
	struct order_go_on *going_on = (struct order_go_on *)order;

	switch (order->kind) {
	case ORDER_PUT: put_target(order->target); break;
	case ORDER_GO_ON:
		go_on(order->target, &going_on->what);
		free(going_on);
		break;
	case ORDER_REMOVE: remove_target(order->target); break;
	}
}

void checker_thread_follow_orders(struct checker *checker)
{
	struct order *order;

	while ((order = take_order(checker)) != NULL)
		follow(order);
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
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return;
	checker_thread_follow_orders(checker);
	start_waiting(checker); /* what was removed has made room */
	if (is_ending(checker))
		event_base_loopbreak(checker->base);
}

/* the thread */

void *checker_thread_run(void *argument)
{
	struct checker *checker = argument;

	event_base_loop(checker->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

/* How many descriptors the checks may take of those that the process may open. */
static uint32_t find_files(void)
{
	const uint32_t most = CHECKER_FLIGHTS_MAX + PROGRAMS_MAX * PROGRAM_DESCRIPTORS;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < FILES_RESERVED)
		return 0;
	return files.rlim_cur - FILES_RESERVED < most ? (uint32_t)(files.rlim_cur - FILES_RESERVED)
						      : most;
}

/* Where there are few, a quarter is for programs. Gateways take theirs of what is reserved. */
static void set_limits(struct due_queue *queue)
{
	uint32_t files = find_files();
	uint32_t most[DUE_LANES];

	if (files < FLIGHTS_LEAST)
		files = FLIGHTS_LEAST;
	most[DUE_GATEWAYS] = GATEWAYS_MAX;
	most[DUE_PROGRAMS] = files / 4 < PROGRAMS_MAX * PROGRAM_DESCRIPTORS
				     ? files / 4
				     : PROGRAMS_MAX * PROGRAM_DESCRIPTORS;
	most[DUE_BACKENDS] = files - most[DUE_PROGRAMS];
	due_queue_init(queue, most);
}

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

int checker_thread_prepare(struct checker *checker, struct error *error)
{
	const struct timeval retry = { 0, RETRY_MS * 1000 };

	TAILQ_INIT(&checker->untimed);
	set_limits(&checker->due);
	checker->random = clock_ms() ^ (uint64_t)getpid() << 32;
	checker->base = create_base();
	if (checker->base == NULL)
		return error_set(error, -ENOMEM, "cannot set up the loop of health checks");
	checker->prober = prober_create(checker->base, error);
	if (checker->prober == NULL)
		return -ENOMEM;
	checker->on_order = event_new(
		checker->base, checker->order_fd, EV_READ | EV_PERSIST, on_order, checker);
	checker->on_retry = event_new(checker->base, -1, EV_PERSIST, on_retry, checker);
	if (checker->on_order == NULL || checker->on_retry == NULL ||
		event_add(checker->on_order, NULL) != 0 ||
		event_add(checker->on_retry, &retry) != 0)
		return error_set(error, -ENOMEM, "cannot set up the loop of health checks");
	return 0;
}
