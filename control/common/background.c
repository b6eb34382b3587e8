/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/background.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

STAILQ_HEAD(job_list, background_job);

struct background {
	pthread_t thread;
	bool started;
	int wake; /* eventfd: `done` is not empty */
	struct event *event;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct job_list waiting;
	struct job_list done; /* worked on; their done() has not been called */
	bool working;
	bool ending;
};

static struct background_job *take_first(struct job_list *list)
{
	struct background_job *job = STAILQ_FIRST(list);

	if (job != NULL)
		STAILQ_REMOVE_HEAD(list, entry);
	return job;
}

/* With the lock held, as before and after. */
static void work(struct background *background, struct background_job *job)
{
	const uint64_t one = 1;

	background->working = true;
	pthread_mutex_unlock(&background->lock);
	job->work(job);
	pthread_mutex_lock(&background->lock);
	background->working = false;
	STAILQ_INSERT_TAIL(&background->done, job, entry);
	pthread_cond_broadcast(&background->changed);
	/* eight bytes to an eventfd below its limit: cannot fail */
	if (write(background->wake, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void *run(void *argument)
{
	struct background *background = argument;
	struct background_job *job;

	pthread_mutex_lock(&background->lock);
	while (true) {
		job = take_first(&background->waiting);
		if (job != NULL)
			work(background, job);
		else if (background->ending)
			break;
		else
			pthread_cond_wait(&background->changed, &background->lock);
	}
	pthread_mutex_unlock(&background->lock);
	return NULL;
}

static struct background_job *take_done(struct background *background)
{
	struct background_job *job;

	pthread_mutex_lock(&background->lock);
	job = take_first(&background->done);
	pthread_mutex_unlock(&background->lock);
	return job;
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	struct background *background = context;
	struct background_job *job;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return;
	/*
	 * only those that are done by now: jobs that they start are for the next turn of the loop
	 */
	while (count-- > 0 && (job = take_done(background)) != NULL)
		job->done(job);
}

/* Signals go to the thread of the event loop. */
static int start_thread(struct background *background)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&background->thread, NULL, run, background);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	background->started = code == 0;
	return -code;
}

static int start(struct background *background, struct event_base *base)
{
	background->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (background->wake < 0)
		return -errno;
	background->event =
		event_new(base, background->wake, EV_READ | EV_PERSIST, on_wake, background);
	if (background->event == NULL || event_add(background->event, NULL) != 0)
		return -ENOMEM;
	return start_thread(background);
}

struct background *background_create(struct event_base *base, struct error *error)
{
	struct background *background = calloc(1, sizeof(*background));
	int code;

	if (background == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&background->lock, NULL);
	pthread_cond_init(&background->changed, NULL);
	STAILQ_INIT(&background->waiting);
	STAILQ_INIT(&background->done);
	code = start(background, base);
	if (code == 0)
		return background;
	error_set(error, code, "cannot start a thread: %s", strerror(-code));
	background_destroy(background);
	return NULL;
}

static void stop_thread(struct background *background)
{
	background_finish(background);
	pthread_mutex_lock(&background->lock);
	background->ending = true;
	pthread_cond_broadcast(&background->changed);
	pthread_mutex_unlock(&background->lock);
	pthread_join(background->thread, NULL);
}

void background_destroy(struct background *background)
{
	if (background == NULL)
		return;
	if (background->started)
		stop_thread(background);
	if (background->event != NULL)
		event_free(background->event);
	if (background->wake >= 0)
		close(background->wake);
	pthread_cond_destroy(&background->changed);
	pthread_mutex_destroy(&background->lock);
	free(background);
}

void background_run(struct background *background, struct background_job *job)
{
	pthread_mutex_lock(&background->lock);
	STAILQ_INSERT_TAIL(&background->waiting, job, entry);
	pthread_cond_broadcast(&background->changed);
	pthread_mutex_unlock(&background->lock);
}

/* Waits for the next job to be worked on and returns it; NULL where there is no job. */
static struct background_job *wait_for_done(struct background *background)
{
	struct background_job *job;

	pthread_mutex_lock(&background->lock);
	while (STAILQ_EMPTY(&background->done) &&
		(background->working || !STAILQ_EMPTY(&background->waiting)))
		pthread_cond_wait(&background->changed, &background->lock);
	job = take_first(&background->done);
	pthread_mutex_unlock(&background->lock);
	return job;
}

void background_finish(struct background *background)
{
	struct background_job *job;

	while ((job = wait_for_done(background)) != NULL)
		job->done(job);
}
