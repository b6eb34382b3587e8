/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * curl_loop: libcurl's multi interface on an event_base: any number of transfers at once. All of it
 * belongs to the thread of the event_base.
 */
#pragma once

#include <curl/curl.h>

#include "base/error.h"

struct event_base;
struct curl_loop;

/* One transfer: who has added it, and what is told of its end. */
struct curl_transfer {
	CURL *easy;
	void (*done)(struct curl_transfer *transfer, CURLcode code);
	void (*fail)(struct curl_transfer *transfer, int error);
};

/* NULL with a sentence in `error`: out of memory. `base` is borrowed. */
struct curl_loop *curl_loop_create(struct event_base *base, struct error *error);

/* All transfers have been removed. NULL is allowed. */
void curl_loop_destroy(struct curl_loop *loop);

/*
 * Begins a transfer, whose `easy` has all its options; CURLOPT_PRIVATE is set here. done() is
 * called from the loop when it is over. fail() is called, also from within this call, where this
 * node cannot go on with it: `error` is an errno. Neither removes it: that is curl_loop_remove()'s,
 * and neither may call that.
 */
void curl_loop_add(struct curl_loop *loop, struct curl_transfer *transfer);

/* Its connection is closed, whether it is over or not. `easy` remains the caller's. */
void curl_loop_remove(struct curl_loop *loop, struct curl_transfer *transfer);
