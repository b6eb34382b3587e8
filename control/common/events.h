/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * events: the one stream of what happens in this process. Whoever knows something publishes it,
 * whoever cares subscribes: the log, which is the first subscriber, clients of the control socket,
 * and all that follows. Nothing is logged in any other way.
 *
 * There is one stream per process, as there is one stderr: events_open() makes it. While there is
 * none (a test, a program that only checks), an event has no number and becomes a line of the log.
 *
 * The stream belongs to the thread that opened it, and subscribers are called there. Any other
 * thread but a worker may publish as well: such an event is handed over, and gets its number in the
 * event loop. Workers publish nothing.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"

struct event_base;

/* What happened: X(upper, json). */
#define EVENT_KIND_TABLE(X)                                                                 \
	X(NODE, node)                   /* start, readiness and end; the host it runs on */ \
	X(CONFIGURATION, configuration) /* a change of it, who made it; its file */         \
	X(PUBLISH, publish)             /* slots of a pool have another backend */          \
	X(HEALTH, health)               /* who is up, and why not */                        \
	X(DRAIN, drain)                 /* its begin, its end, what it cut off */           \
	X(BACKEND, backend)             /* any other change in the life of a backend */     \
	X(POOL, pool)                   /* whether anybody in it takes new flows */         \
	X(PORT, port)                   /* link, XDP program, filter, MAC address, MTU */   \
	X(WORKER, worker)               /* its loop stands still, or turns again */         \
	X(PINS, pins)                   /* the table of pins, floods of new flows */        \
	X(STEERING, steering)           /* which addresses are VIPs, and which were */      \
	X(MEMORY, memory)               /* of the state file */                             \
	X(SOCKET, socket)               /* the control socket */

enum event_kind {
#define EVENT_KIND_ENUM(upper, json) EVENT_KIND_##upper,
	EVENT_KIND_TABLE(EVENT_KIND_ENUM)
#undef EVENT_KIND_ENUM
		EVENT_KIND_COUNT
};

enum event_level {
	EVENT_LEVEL_INFO,
	EVENT_LEVEL_WARNING,
	EVENT_LEVEL_ERROR,
	EVENT_LEVEL_COUNT,
};

/* What it happened to: X(upper, json). */
#define EVENT_OBJECT_TABLE(X) \
	X(NODE, node)         \
	X(POOL, pool)         \
	X(BACKEND, backend)   \
	X(SERVICE, service)   \
	X(PORT, port)         \
	X(WORKER, worker)     \
	X(VIP, vip)

enum event_object {
#define EVENT_OBJECT_ENUM(upper, json) EVENT_OBJECT_##upper,
	EVENT_OBJECT_TABLE(EVENT_OBJECT_ENUM)
#undef EVENT_OBJECT_ENUM
		EVENT_OBJECT_COUNT
};

/* "health", "warning", "backend": as JSON and sluicectl have them. Static text. */
const char *event_kind_name(enum event_kind kind);
const char *event_level_name(enum event_level level);
const char *event_object_name(enum event_object object);

/* What a publish moved. */
struct event_move {
	uint64_t moved; /* slots that have another backend */
	uint64_t slots; /* of how many; 0: the event is about no move */
	uint64_t
		digest; /* of the table, as it is now; of all tables where the object is the node */
};

/* All of an event but its sentence. Texts are copied, and longer ones cut off. */
struct event_about {
	enum event_kind kind;
	enum event_level level;
	enum event_object object;
	const char *name;    /* of the object, "web"; NULL: the node */
	const char *backend; /* of the pool of that name: the object is "web/web-1"; or NULL */
	const char *cause;   /* who or what: "check", "deadline", "SIGHUP"; NULL: nothing to add */
	struct event_move move;
};

#define EVENT_NAME_SIZE     128
#define EVENT_CAUSE_SIZE    128
#define EVENT_SENTENCE_SIZE 1024

/*
 * For the first argument of events_publish():
 * EVENT(HEALTH, WARNING, BACKEND, pool->name, .backend = backend->name, .cause = "check").
 */
#define EVENT(kind_, level_, object_, name_, ...)                 \
	(&(const struct event_about){ .kind = EVENT_KIND_##kind_, \
		.level = EVENT_LEVEL_##level_,                    \
		.object = EVENT_OBJECT_##object_,                 \
		.name = (name_),                                  \
		__VA_ARGS__ })

/*
 * The sentence says all by itself, with the name of its object, because it is the line of the log:
 * lower case, numbers with units, no full stop, no newline. What is not printable UTF-8 in it
 * becomes '?'. Cannot fail. A subscriber may publish, too; that event comes after this one.
 */
void events_publish(const struct event_about *about, const char *sentence, ...)
	__attribute__((format(printf, 2, 3)));

/* An event as it was published. */
struct event_entry {
	uint64_t number; /* from 1 on, without a gap; 0: there was no stream */
	int64_t time_ms; /* CLOCK_REALTIME */
	enum event_kind kind;
	enum event_level level;
	enum event_object object;
	struct event_move move;
	const char *name;  /* "" for the node */
	const char *cause; /* "" for none */
	const char *sentence;
};

/*
 * The last EVENTS_KEPT are kept, or fewer where they are long: they take EVENTS_BYTES at most,
 * which holds 10,000 events of 400 bytes, or 3,000 of the longest.
 */
#define EVENTS_KEPT  10000
#define EVENTS_BYTES (4 << 20)

/*
 * Opens the stream, with the log as its subscriber. `base` is that of the calling thread, for what
 * other threads publish; NULL: none does. Returns 0 or -errno with the sentence.
 */
int events_open(struct event_base *base, struct error *error);

/* After all threads that publish have ended, and before `base`; no subscriber but the log is left.
 * Without a stream nothing happens. */
void events_close(void);

/* Another one in each process, so that a reader knows where numbers begin again; 0: no stream. */
uint64_t events_epoch(void);

/* The oldest event that is kept, and the next that will be published: equal where there is none. */
uint64_t events_first(void);
uint64_t events_next(void);

/* Lives until another one is published. NULL where it is not kept, or did not happen yet. */
const struct event_entry *events_find(uint64_t number);

/* The subscriber owns it, and fills in `published`. */
struct events_subscriber {
	/* The entry lives until this function returns or publishes. */
	void (*published)(struct events_subscriber *subscriber, const struct event_entry *entry);
	uint64_t next; /* these two are the stream's */
	TAILQ_ENTRY(events_subscriber) entry;
};

/* It is called for each event from now on, in their order, until it is taken off. Both may be
 * called from within any subscriber's published(). There must be a stream. */
void events_subscribe(struct events_subscriber *subscriber);
void events_unsubscribe(struct events_subscriber *subscriber);
