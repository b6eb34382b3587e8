/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_type: what a type of probe (http, tcp, ...) is to probe.c, which keeps the time, calls
 * done() and cancels. For the types only: everyone else uses probe.h.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stddef.h>
#include <sys/queue.h>

#include "config/config_health.h"
#include "probes/probe.h"

LIST_HEAD(probe_list, probe);

struct prober {
	struct event_base *base;
	struct probe_list probes;  /* those under way */
	struct curl_loop *curl;    /* http, https, grpc */
	struct trust *trust;       /* https, grpc */
	struct programs *programs; /* external; NULL: none so far */
};

struct probe_type {
	size_t attempt_size; /* bytes at probe->attempt, zero at the start */

	unsigned int more_descriptors; /* that it may hold at once, beside one */

	/*
	 * Begins, from within probe_start(). However it goes, the result is probe_finish()'s, now
	 * or later.
	 */
	void (*start)(struct probe *probe);

	/*
	 * Releases what start() and what followed have made: after the result, when time is up, or
	 * where the probe is cancelled. Called once, and never from within start() or
	 * probe_finish(); where start() was not called, the attempt is still all zero.
	 */
	void (*stop)(struct probe *probe);

	/*
	 * What has not come when time is up, for "no ... in 500 ms"; NULL is for "answer". Called
	 * before stop().
	 */
	const char *(*awaited)(struct probe *probe);

	/*
	 * Time is up. May call probe_finish() where that is another result than
	 * PROBE_TIMEOUT, or probe_prolong(). NULL: it never is.
	 */
	void (*late)(struct probe *probe);
};

struct probe {
	struct prober *prober;
	const struct probe_type *type;
	const struct config_health *settings;
	const struct probe_target *target;
	probe_done_t *done;
	void *context;
	LIST_ENTRY(probe) entry;

	struct event timer;  /* the timeout, unless the type keeps one; made active by the result */
	uint64_t start_ns;   /* CLOCK_MONOTONIC */
	uint64_t allowed_us; /* from the start until time is up: the timeout, unless prolonged */
	bool is_prolonged;
	bool has_result;
	struct probe_result result; /* its weights and word are written by the type */
	bool is_of_mtu;             /* it has passed, and packets of the largest size are tried */
	struct probe_result passed; /* that result */

	_Alignas(max_align_t) unsigned char attempt[]; /* the type's own */
};

/*
 * This is the result: passed if the reason is PROBE_PASSED. done() is called by the loop later, so
 * the caller may go on; a second result is ignored. The sentence is cut off where it is too long,
 * and what is not printable in it is replaced.
 */
void probe_finish(struct probe *probe, enum probe_reason reason, int32_t detail, const char *format,
	...) __attribute__((format(printf, 4, 5)));

/*
 * The result is what an errno says, with `step`, what has failed: "connect", "send". Which of the
 * three says where the errno comes from: this node, a connect() or send() that failed at once, or
 * the socket after something was sent (enum probe_origin).
 */
void probe_finish_errno(struct probe *probe, const char *step, int error);
void probe_finish_unsent(struct probe *probe, const char *step, int error);
void probe_finish_network(struct probe *probe, const char *step, int error);

/*
 * For late() of types whose backend has to be answered in between, by a handshake or a request. If
 * the loop was held up past the timeout, so that it is not the backend that was late, the probe has
 * its timeout once more from now on. Only once.
 */
void probe_prolong(struct probe *probe);

/* Packets of the largest size, for types over TCP and for others. target->mtu is known. */
extern const struct probe_type probe_type_mtu_tcp;
extern const struct probe_type probe_type_mtu_echo;

extern const struct probe_type probe_type_tcp;
extern const struct probe_type probe_type_grpc;
extern const struct probe_type probe_type_http; /* and https */
extern const struct probe_type probe_type_udp;
extern const struct probe_type probe_type_dns;
extern const struct probe_type probe_type_icmp;
extern const struct probe_type probe_type_external;
