/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * events.list and events.subscribe: the stream of events, as JSON. A client that subscribes has no
 * copy of what it did not read yet: it is at a number of the stream, and where that is not kept any
 * more it is told how many it has missed.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api_internal.h"
#include "common/events.h"
#include "json/json_build.h"
#include "rpc/rpc_answer.h"

static_assert(EVENT_KIND_COUNT <= 32, "api_params.kinds has a bit for each");

/* Which events a client wants to see. */
struct selection {
	uint32_t kinds; /* a bit for each; 0: all */
	enum event_level level;
	char name[EVENT_NAME_SIZE]; /* of the object; of a backend also its pool's or its own */
};

static struct selection select_events(const struct api_params *params)
{
	struct selection selection = { .kinds = params->kinds, .level = params->level };

	if (params->name != NULL)
		snprintf(selection.name, sizeof(selection.name), "%s", params->name);
	return selection;
}

/* A backend is known as POOL/BACKEND, by its pool, and by its own name in any pool. */
static bool is_backend_named(const char *backend, const char *name)
{
	const char *slash = strchr(backend, '/');
	size_t length = strlen(name);

	if (slash == NULL)
		return false;
	return strcmp(slash + 1, name) == 0 ||
	       (length == (size_t)(slash - backend) && strncmp(backend, name, length) == 0);
}

/* Without a name, all events are selected. */
static bool has_name(const struct selection *selection, const struct event_entry *entry)
{
	const char *name = selection->name;

	return name[0] == '\0' || strcmp(entry->name, name) == 0 ||
	       (entry->object == EVENT_OBJECT_BACKEND && is_backend_named(entry->name, name));
}

static bool is_selected(const struct selection *selection, const struct event_entry *entry)
{
	return (selection->kinds == 0 || (selection->kinds >> entry->kind & 1) != 0) &&
	       entry->level >= selection->level && has_name(selection, entry);
}

/* Where a client begins, and how many events it has missed by then. */
struct place {
	uint64_t next;
	uint64_t lost;
};

/* So many of those that it wants to see are from here on. */
static uint64_t go_back(const struct selection *selection, uint32_t count)
{
	uint64_t number = events_next();

	while (count > 0 && number > events_first())
		count -= is_selected(selection, events_find(--number));
	return number;
}

/* Numbers of another process say nothing here: all that this one has are new then. */
static struct place find_place(
	const struct api_params *params, const struct selection *selection, uint32_t last)
{
	uint64_t since = params->since, first = events_first(), next = events_next();

	if (since == 0)
		return (struct place){ .next = go_back(selection, last) };
	if (params->epoch.is_given && params->epoch.value != events_epoch())
		return (struct place){ .next = first, .lost = first - 1 };
	if (since < first)
		return (struct place){ .next = first, .lost = first - since };
	return (struct place){ .next = since < next ? since : next };
}

static json_t *json_time_ms(int64_t time_ms)
{
	const time_t seconds = time_ms / 1000;
	char text[32];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	return json_sprintf("%s.%03dZ", text, (int)(time_ms % 1000));
}

static json_t *json_or_null(const char *text)
{
	return text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *json_event(const struct event_entry *entry)
{
	struct json_build event = json_build_begin();

	json_build_integer(&event, "number", entry->number);
	json_build_value(&event, "time", json_time_ms(entry->time_ms));
	json_build_text(&event, "kind", event_kind_name(entry->kind));
	json_build_text(&event, "level", event_level_name(entry->level));
	json_build_text(&event, "object", event_object_name(entry->object));
	json_build_value(&event, "name", json_or_null(entry->name));
	json_build_value(&event, "cause", json_or_null(entry->cause));
	json_build_text(&event, "sentence", entry->sentence);
	if (entry->move.slots != 0) {
		json_build_integer(&event, "slots_moved", entry->move.moved);
		json_build_integer(&event, "slots", entry->move.slots);
		json_build_value(&event, "digest",
			entry->move.digest == 0 ? json_null()
						: api_json_digest(entry->move.digest));
	}
	return json_build_end(&event);
}

/* ---- events.list ------------------------------------------------------------------------------
 */

struct listing {
	struct selection selection;
	struct place place;
	uint64_t end;  /* what is published meanwhile is for another call */
	uint32_t left; /* events that may still be listed */
	bool is_open;
};

static void open_listing(struct listing *listing, struct rpc_answer *answer)
{
	rpc_answer_open_object(answer, NULL);
	rpc_answer_value(answer, "epoch", api_json_digest(events_epoch()));
	rpc_answer_open_list(answer, "events");
	listing->is_open = true;
}

static void close_listing(const struct listing *listing, struct rpc_answer *answer)
{
	rpc_answer_close(answer);
	rpc_answer_value(answer, "first", json_integer(events_first()));
	rpc_answer_value(answer, "next", json_integer(listing->place.next));
	rpc_answer_value(answer, "lost", json_integer(listing->place.lost));
}

/* Another event may have been published since the last slice, and one of these had to go for it. */
static void skip_lost(struct place *place)
{
	uint64_t first = events_first();

	if (place->next >= first)
		return;
	place->lost += first - place->next;
	place->next = first;
}

static enum rpc_step write_event(void *production, struct rpc_answer *answer)
{
	struct listing *listing = production;
	const struct event_entry *entry;

	if (!listing->is_open)
		open_listing(listing, answer);
	skip_lost(&listing->place);
	if (listing->left == 0 || listing->place.next >= listing->end) {
		close_listing(listing, answer);
		return RPC_STEP_LAST;
	}
	entry = events_find(listing->place.next++);
	if (is_selected(&listing->selection, entry)) {
		rpc_answer_value(answer, NULL, json_event(entry));
		listing->left--;
	}
	return RPC_STEP_MORE;
}

void api_events_list(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const struct rpc_source source = { write_event, free };
	struct listing *listing = calloc(1, sizeof(*listing));

	if (listing == NULL) {
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	listing->selection = select_events(params);
	listing->place = find_place(params, &listing->selection, params->limit);
	listing->end = events_next();
	listing->left = params->limit;
	rpc_call_produce(call, &source, listing);
}

/* ---- events.subscribe -------------------------------------------------------------------------
 */

struct subscription {
	struct events_subscriber subscriber; /* first, so that one is the other */
	struct selection selection;
	uint64_t next;             /* event to be sent */
	struct rpc_stream *stream; /* NULL: it has not begun */
};

static void wake_stream(struct events_subscriber *subscriber, const struct event_entry *entry)
{
	rpc_stream_wake(((struct subscription *)subscriber)->stream);
}

/* The client has read too slowly, or began with events that were on their way out. */
static void tell_lost(struct subscription *subscription, struct rpc_notification *notification)
{
	struct json_build lost = json_build_begin();
	uint64_t first = events_first();

	json_build_integer(&lost, "lost", first - subscription->next);
	json_build_integer(&lost, "next", first);
	subscription->next = first;
	*notification = (struct rpc_notification){ "lost", json_build_end(&lost) };
}

static enum rpc_step next_event(void *context, struct rpc_notification *notification)
{
	struct subscription *subscription = context;
	const struct event_entry *entry;

	if (subscription->next < events_first()) {
		tell_lost(subscription, notification);
		return RPC_STEP_MORE;
	}
	entry = events_find(subscription->next);
	if (entry == NULL)
		return RPC_STEP_LAST;
	subscription->next++;
	if (is_selected(&subscription->selection, entry))
		*notification = (struct rpc_notification){ "event", json_event(entry) };
	return RPC_STEP_MORE;
}

static void end_subscription(void *context)
{
	struct subscription *subscription = context;

	if (subscription->stream != NULL)
		events_unsubscribe(&subscription->subscriber);
	free(subscription);
}

static json_t *json_place(const struct place *place)
{
	struct json_build answer = json_build_begin();

	json_build_value(&answer, "epoch", api_json_digest(events_epoch()));
	json_build_integer(&answer, "first", events_first());
	json_build_integer(&answer, "next", place->next);
	json_build_integer(&answer, "lost", place->lost);
	return json_build_end(&answer);
}

void api_events_subscribe(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const struct rpc_stream_source source = { next_event, end_subscription };
	struct subscription *subscription = calloc(1, sizeof(*subscription));
	struct rpc_stream *stream;
	struct place place;

	if (subscription == NULL) {
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	subscription->subscriber.published = wake_stream;
	subscription->selection = select_events(params);
	place = find_place(params, &subscription->selection, params->last);
	subscription->next = place.next;
	stream = rpc_call_stream(call, json_place(&place), &source, subscription);
	if (stream == NULL)
		return;
	subscription->stream = stream;
	events_subscribe(&subscription->subscriber);
}
