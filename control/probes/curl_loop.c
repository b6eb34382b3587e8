/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libcurl says which sockets to wait for, and until when (CURLMOPT_SOCKETFUNCTION and
 * _TIMERFUNCTION); it is told what has happened, and says which transfers are over. It may not be
 * called again from within its own callbacks, so a timer of 0 ms is an event that is made active.
 */
#include "probes/curl_loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct curl_loop {
	struct event_base *base;
	CURLM *multi;
	struct event timer;
};

/* A socket that libcurl waits for. */
struct wait {
	struct event event;
	struct curl_loop *loop;
};

static struct curl_transfer *transfer_of(CURL *easy)
{
	void *transfer = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	return transfer;
}

static void report_done(struct curl_loop *loop)
{
	struct curl_transfer *transfer;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
		transfer = transfer_of(message->easy_handle);
		if (message->msg == CURLMSG_DONE)
			transfer->done(transfer, message->data.result);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct curl_loop *loop = context;
	int running;

	curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	report_done(loop);
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
	struct wait *wait = context;
	struct curl_loop *loop = wait->loop; /* the wait may be over in a moment */
	int events = 0;
	int running;

	if (what & EV_READ)
		events |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		events |= CURL_CSELECT_OUT;
	curl_multi_socket_action(loop->multi, fd, events, &running);
	report_done(loop);
}

static void stop_waiting(struct wait *wait)
{
	if (wait == NULL)
		return;
	event_del(&wait->event);
	free(wait);
}

/* NULL: out of memory. */
static struct wait *make_wait(struct curl_loop *loop, curl_socket_t socket)
{
	struct wait *wait = malloc(sizeof(*wait));

	if (wait == NULL)
		return NULL;
	wait->loop = loop;
	event_assign(&wait->event, loop->base, socket, EV_READ | EV_PERSIST, on_socket, wait);
	if (curl_multi_assign(loop->multi, socket, wait) == CURLM_OK)
		return wait;
	free(wait);
	return NULL;
}

static int await(struct curl_loop *loop, struct wait *wait, curl_socket_t socket, int what)
{
	short events = EV_PERSIST;

	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	event_del(&wait->event);
	event_assign(&wait->event, loop->base, socket, events, on_socket, wait);
	return event_add(&wait->event, NULL);
}

/* A failure is this transfer's alone: libcurl would give up all of them. */
static int on_socket_wish(
	CURL *easy, curl_socket_t socket, int what, void *context, void *of_socket)
{
	struct curl_loop *loop = context;
	struct wait *wait = of_socket;

	if (what == CURL_POLL_REMOVE) {
		stop_waiting(wait);
		return 0;
	}
	if (wait == NULL)
		wait = make_wait(loop, socket);
	if (wait == NULL || await(loop, wait, socket, what) < 0) {
		struct curl_transfer *transfer = transfer_of(easy);

		transfer->fail(transfer, ENOMEM);
	}
	return 0;
}

static int on_timer_wish(CURLM *multi, long timeout_ms, void *context)
{
	struct curl_loop *loop = context;
	struct timeval timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = (timeout_ms % 1000) * 1000,
	};

	if (timeout_ms < 0)
		event_del(&loop->timer);
	else if (timeout_ms == 0 || evtimer_add(&loop->timer, &timeout) < 0)
		event_active(&loop->timer, EV_TIMEOUT, 1);
	return 0;
}

static CURLM *make_multi(struct curl_loop *loop)
{
	CURLM *multi = curl_multi_init();

	if (multi == NULL)
		return NULL;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, loop);
	return multi;
}

struct curl_loop *curl_loop_create(struct event_base *base, struct error *error)
{
	struct curl_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(loop);
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	loop->base = base;
	evtimer_assign(&loop->timer, base, on_timer, loop);
	loop->multi = make_multi(loop);
	if (loop->multi == NULL) {
		curl_loop_destroy(loop);
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	return loop;
}

void curl_loop_destroy(struct curl_loop *loop)
{
	if (loop == NULL)
		return;
	curl_multi_cleanup(loop->multi);
	event_del(&loop->timer);
	free(loop);
	curl_global_cleanup();
}

void curl_loop_add(struct curl_loop *loop, struct curl_transfer *transfer)
{
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	if (curl_multi_add_handle(loop->multi, transfer->easy) != CURLM_OK)
		transfer->fail(transfer, ENOMEM);
}

void curl_loop_remove(struct curl_loop *loop, struct curl_transfer *transfer)
{
	curl_multi_remove_handle(loop->multi, transfer->easy);
}
