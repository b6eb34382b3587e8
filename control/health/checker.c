/* SPDX-License-Identifier: BSD-3-Clause */
/* The half of the control thread. All that an order needs is made here, where it can be refused. */
#include "health/checker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "health/checker_known.h"

void checker_wake(int fd)
{
	const uint64_t one = 1;

	/* eight bytes to an eventfd below its limit: cannot fail */
	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	struct checker *checker = context;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == sizeof(count))
		checker->on_change(checker->context);
}

/* Signals go to the thread of the control loop. */
static int start_thread(struct checker *checker)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&checker->thread, NULL, checker_thread_run, checker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	checker->is_started = code == 0;
	return -code;
}

static int start(struct checker *checker, struct event_base *base, struct error *error)
{
	checker->order_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	checker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (checker->order_fd < 0 || checker->wake_fd < 0)
		return error_set(error, -errno, "cannot set up the loop of health checks");
	if (checker_thread_prepare(checker, error) != 0)
		return -ENOMEM;
	checker->on_wake_event =
		event_new(base, checker->wake_fd, EV_READ | EV_PERSIST, on_wake, checker);
	if (checker->on_wake_event == NULL || event_add(checker->on_wake_event, NULL) != 0)
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
	STAILQ_INIT(&checker->orders);
	TAILQ_INIT(&checker->changes);
	checker->order_fd = checker->wake_fd = -1;
	checker->on_change = on_change;
	checker->context = context;
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
	checker_wake(checker->order_fd);
	pthread_join(checker->thread, NULL);
}

void checker_destroy(struct checker *checker)
{
	if (checker == NULL)
		return;
	if (checker->is_started)
		stop_thread(checker);
	for (uint32_t i = 0; i < CHECKER_NUMBERS; i++)
		checker_remove(checker, i);
	checker_thread_follow_orders(checker);
	if (checker->on_wake_event != NULL)
		event_free(checker->on_wake_event);
	if (checker->on_order != NULL)
		event_free(checker->on_order);
	if (checker->on_retry != NULL)
		event_free(checker->on_retry);
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

static void give_order(struct checker *checker, struct order *order)
{
	bool was_empty;

	pthread_mutex_lock(&checker->lock);
	was_empty = STAILQ_EMPTY(&checker->orders);
	STAILQ_INSERT_TAIL(&checker->orders, order, entry);
	pthread_mutex_unlock(&checker->lock);
	if (was_empty)
		checker_wake(checker->order_fd);
}

/* NULL: no memory. */
static struct target *create_target(struct checker *checker, const struct checker_target *what)
{
	struct target *target = calloc(1, sizeof(*target));

	if (target == NULL)
		return NULL;
	target->checker = checker;
	target->generation = what->generation;
	target->put = (struct order){ .kind = ORDER_PUT, .target = target };
	target->removal = (struct order){ .kind = ORDER_REMOVE, .target = target };
	target->what = *what;
	config_health_ref(target->what.health);
	evtimer_assign(&target->timer, checker->base, checker_thread_on_due, target);
	target->state = target->view.state = what->state;
	target->was_probed = !what->is_due;
	return target;
}

static int go_on(struct target *target, const struct checker_target *what)
{
	struct order_go_on *order = malloc(sizeof(*order));

	if (order == NULL)
		return -ENOMEM;
	order->order = (struct order){ .kind = ORDER_GO_ON, .target = target };
	order->what = *what;
	config_health_ref(order->what.health);
	give_order(target->checker, &order->order);
	return 0;
}

int checker_put(struct checker *checker, const struct checker_target *what)
{
	struct target *target = checker->targets[what->number];

	if (target != NULL && target->generation == what->generation)
		return go_on(target, what);
	target = create_target(checker, what);
	if (target == NULL)
		return -ENOMEM;
	checker_remove(checker, what->number);
	checker->targets[what->number] = target;
	checker->target_count++;
	give_order(checker, &target->put);
	return 0;
}

void checker_remove(struct checker *checker, uint32_t number)
{
	struct target *target = checker->targets[number];

	if (target == NULL)
		return;
	checker->targets[number] = NULL;
	checker->target_count--;
	give_order(checker, &target->removal);
}

bool checker_take(struct checker *checker, struct checker_change *change)
{
	struct target *target;

	pthread_mutex_lock(&checker->lock);
	target = TAILQ_FIRST(&checker->changes);
	if (target != NULL) {
		TAILQ_REMOVE(&checker->changes, target, change_entry);
		target->has_change = false;
		*change = target->change;
	}
	pthread_mutex_unlock(&checker->lock);
	return target != NULL;
}

bool checker_view(struct checker *checker, uint32_t number, struct checker_view *view)
{
	const struct target *target = checker->targets[number];

	if (target == NULL)
		return false;
	pthread_mutex_lock(&checker->lock);
	*view = target->view;
	pthread_mutex_unlock(&checker->lock);
	return true;
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
	uint64_t now_ms = clock_ms();

	pthread_mutex_lock(&checker->lock);
	load = checker->load;
	if (checker->late_before_ms > load.late_ms)
		load.late_ms = checker->late_before_ms;
	if (checker->oldest_ms != 0 && now_ms > checker->oldest_ms + load.late_ms)
		load.late_ms = (uint32_t)(now_ms - checker->oldest_ms);
	pthread_mutex_unlock(&checker->lock);
	load.targets = checker->target_count;
	load.cpu_time_ms = thread_cpu_ms(checker->thread);
	return load;
}
