/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An event is stored first and then delivered, one after the other: what a subscriber publishes is
 * stored at once and delivered when its turn comes, so that all of them see the same order.
 */
#include "common/events.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event_ring.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/printable.h"

TAILQ_HEAD(subscriber_list, events_subscriber);

/* An event with room for its texts, as it comes from its publisher. */
struct draft {
	struct event_entry entry;
	char name[EVENT_NAME_SIZE];
	char cause[EVENT_CAUSE_SIZE];
	char sentence[EVENT_SENTENCE_SIZE];
	STAILQ_ENTRY(draft) link; /* while it is handed over */
};

STAILQ_HEAD(draft_list, draft);

struct stream {
	struct event_ring *ring;
	struct subscriber_list subscribers;
	struct events_subscriber *following; /* whom the current event goes to next */
	struct events_subscriber log;
	uint64_t epoch;
	uint64_t delivered; /* number of the last event that everybody has seen */
	bool delivering;

	pthread_t owner;
	int wake; /* eventfd: something is handed over; -1: no other thread publishes */
	struct event *event;
	pthread_mutex_t lock; /* of `handed` */
	struct draft_list handed;
};

static struct stream *stream;

const char *event_kind_name(enum event_kind kind)
{
	static const char *const names[EVENT_KIND_COUNT] = {
#define EVENT_KIND_NAME(upper, json) [EVENT_KIND_##upper] = #json,
		EVENT_KIND_TABLE(EVENT_KIND_NAME)
#undef EVENT_KIND_NAME
	};

	return names[kind];
}

const char *event_level_name(enum event_level level)
{
	static const char *const names[EVENT_LEVEL_COUNT] = {
		[EVENT_LEVEL_INFO] = "info",
		[EVENT_LEVEL_WARNING] = "warning",
		[EVENT_LEVEL_ERROR] = "error",
	};

	return names[level];
}

const char *event_object_name(enum event_object object)
{
	static const char *const names[EVENT_OBJECT_COUNT] = {
#define EVENT_OBJECT_NAME(upper, json) [EVENT_OBJECT_##upper] = #json,
		EVENT_OBJECT_TABLE(EVENT_OBJECT_NAME)
#undef EVENT_OBJECT_NAME
	};

	return names[object];
}

static void fill_draft(struct draft *draft, const struct event_about *about, const char *format,
	va_list arguments) __attribute__((format(printf, 3, 0)));

static void fill_draft(
	struct draft *draft, const struct event_about *about, const char *format, va_list arguments)
{
	const char *name = about->name != NULL ? about->name : "";

	vsnprintf(draft->sentence, sizeof(draft->sentence), format, arguments);
	snprintf(draft->name, sizeof(draft->name), "%s%s%s", name,
		about->backend != NULL ? "/" : "", about->backend != NULL ? about->backend : "");
	snprintf(
		draft->cause, sizeof(draft->cause), "%s", about->cause != NULL ? about->cause : "");
	printable_make(draft->sentence);
	printable_make(draft->name);
	printable_make(draft->cause);
	draft->entry = (struct event_entry){
		.time_ms = clock_wall_ms(),
		.kind = about->kind,
		.level = about->level,
		.object = about->object,
		.move = about->move,
		.name = draft->name,
		.cause = draft->cause,
		.sentence = draft->sentence,
	};
}

/* To those that were there when it was published. Each looks it up: one before may have published.
 */
static void deliver(uint64_t number)
{
	struct events_subscriber *subscriber = TAILQ_FIRST(&stream->subscribers);

	for (; subscriber != NULL; subscriber = stream->following) {
		const struct event_entry *entry = event_ring_find(stream->ring, number);

		stream->following = TAILQ_NEXT(subscriber, entry);
		if (entry != NULL && number >= subscriber->next)
			subscriber->published(subscriber, entry);
	}
}

static void store(const struct draft *draft)
{
	event_ring_add(stream->ring, &draft->entry);
	if (stream->delivering)
		return;
	stream->delivering = true;
	while (stream->delivered + 1 < event_ring_next(stream->ring))
		deliver(++stream->delivered);
	stream->delivering = false;
}

static struct draft *take_handed(void)
{
	struct draft *draft;

	pthread_mutex_lock(&stream->lock);
	draft = STAILQ_FIRST(&stream->handed);
	if (draft != NULL)
		STAILQ_REMOVE_HEAD(&stream->handed, link);
	pthread_mutex_unlock(&stream->lock);
	return draft;
}

static void store_handed(void)
{
	struct draft *draft;

	while ((draft = take_handed()) != NULL) {
		draft->entry.name = draft->name;
		draft->entry.cause = draft->cause;
		draft->entry.sentence = draft->sentence;
		store(draft);
		free(draft);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == sizeof(count))
		store_handed();
}

/* Without memory, the log at least has it. */
static void hand_over(const struct draft *draft)
{
	const uint64_t one = 1;
	struct draft *copy = malloc(sizeof(*copy));

	if (copy == NULL) {
		log_event(&draft->entry);
		return;
	}
	*copy = *draft;
	pthread_mutex_lock(&stream->lock);
	STAILQ_INSERT_TAIL(&stream->handed, copy, link);
	pthread_mutex_unlock(&stream->lock);
	/* eight bytes to an eventfd below its limit: cannot fail */
	if (write(stream->wake, &one, sizeof(one)) != sizeof(one))
		abort();
}

void events_publish(const struct event_about *about, const char *sentence, ...)
{
	struct draft draft;
	va_list arguments;

	va_start(arguments, sentence);
	fill_draft(&draft, about, sentence, arguments);
	va_end(arguments);
	if (stream == NULL)
		log_event(&draft.entry);
	else if (pthread_equal(pthread_self(), stream->owner))
		store(&draft);
	else
		hand_over(&draft);
}

static void log_published(struct events_subscriber *subscriber, const struct event_entry *entry)
{
	log_event(entry);
}

static int open_door(struct stream *opened, struct event_base *base)
{
	opened->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (opened->wake < 0)
		return -errno;
	opened->event = event_new(base, opened->wake, EV_READ | EV_PERSIST, on_wake, NULL);
	if (opened->event == NULL || event_add(opened->event, NULL) != 0)
		return -ENOMEM;
	return 0;
}

static void destroy(struct stream *closed)
{
	if (closed->event != NULL)
		event_free(closed->event);
	if (closed->wake >= 0)
		close(closed->wake);
	pthread_mutex_destroy(&closed->lock);
	event_ring_destroy(closed->ring);
	free(closed);
}

int events_open(struct event_base *base, struct error *error)
{
	struct stream *opened = calloc(1, sizeof(*opened));
	int code = 0;

	assert(stream == NULL);
	if (opened == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	pthread_mutex_init(&opened->lock, NULL);
	TAILQ_INIT(&opened->subscribers);
	STAILQ_INIT(&opened->handed);
	opened->owner = pthread_self();
	opened->wake = -1;
	opened->ring = event_ring_create(EVENTS_KEPT, EVENTS_BYTES);
	if (opened->ring == NULL)
		code = -ENOMEM;
	else if (getrandom(&opened->epoch, sizeof(opened->epoch), 0) != sizeof(opened->epoch))
		code = -errno;
	else if (base != NULL)
		code = open_door(opened, base);
	if (code != 0) {
		destroy(opened);
		return error_set(
			error, code, "cannot open the stream of events: %s", strerror(-code));
	}
	stream = opened;
	stream->log.published = log_published;
	events_subscribe(&stream->log);
	return 0;
}

void events_close(void)
{
	struct stream *closed = stream;

	if (closed == NULL)
		return;
	store_handed();
	events_unsubscribe(&closed->log);
	assert(TAILQ_EMPTY(&closed->subscribers));
	stream = NULL;
	destroy(closed);
}

uint64_t events_epoch(void)
{
	return stream == NULL ? 0 : stream->epoch;
}

uint64_t events_first(void)
{
	return stream == NULL ? 1 : event_ring_first(stream->ring);
}

uint64_t events_next(void)
{
	return stream == NULL ? 1 : event_ring_next(stream->ring);
}

const struct event_entry *events_find(uint64_t number)
{
	return stream == NULL ? NULL : event_ring_find(stream->ring, number);
}

void events_subscribe(struct events_subscriber *subscriber)
{
	subscriber->next = event_ring_next(stream->ring);
	TAILQ_INSERT_TAIL(&stream->subscribers, subscriber, entry);
}

void events_unsubscribe(struct events_subscriber *subscriber)
{
	if (stream->following == subscriber)
		stream->following = TAILQ_NEXT(subscriber, entry);
	TAILQ_REMOVE(&stream->subscribers, subscriber, entry);
}
