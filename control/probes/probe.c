/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One timer of the loop for each probe: it is set to the timeout, and made active at once by the
 * result. So a probe always ends in on_timer(), where nothing of its type is on the stack: what a
 * type has begun is stopped there, and done() may do as it likes.
 */
#include "probes/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/printable.h"
#include "probes/curl_loop.h"
#include "probes/probe_type.h"
#include "probes/program.h"
#include "probes/trust.h"

/* A loop that comes to a timeout so late had no time for what has come before it, either. */
#define HELD_UP_US 10000

static const struct probe_type *const types[CONFIG_HEALTH_TYPE_COUNT] = {
	[CONFIG_HEALTH_TCP] = &probe_type_tcp,
	[CONFIG_HEALTH_HTTP] = &probe_type_http,
	[CONFIG_HEALTH_HTTPS] = &probe_type_http,
	[CONFIG_HEALTH_UDP] = &probe_type_udp,
	[CONFIG_HEALTH_DNS] = &probe_type_dns,
	[CONFIG_HEALTH_ICMP] = &probe_type_icmp,
	[CONFIG_HEALTH_EXTERNAL] = &probe_type_external,
	[CONFIG_HEALTH_GRPC] = &probe_type_grpc,
};

const char *probe_word_name(enum probe_word word)
{
	static const char *const names[] = {
#define WORD_NAME(name, json) #json,
		PROBE_WORD_TABLE(WORD_NAME)
#undef WORD_NAME
	};

	return (unsigned int)word < PROBE_WORD_COUNT ? names[word] : names[PROBE_WORD_NONE];
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t elapsed_us(const struct probe *probe)
{
	uint64_t us = (now_ns() - probe->start_ns) / 1000;

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

struct prober *prober_create(struct event_base *base, struct error *error)
{
	struct prober *prober = calloc(1, sizeof(*prober));

	if (prober == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	prober->base = base;
	LIST_INIT(&prober->probes);
	prober->trust = trust_create();
	if (prober->trust == NULL)
		error_set(error, -ENOMEM, "out of memory");
	else
		prober->curl = curl_loop_create(base, error);
	if (prober->curl == NULL) {
		prober_destroy(prober);
		return NULL;
	}
	return prober;
}

void prober_destroy(struct prober *prober)
{
	if (prober == NULL)
		return;
	while (!LIST_EMPTY(&prober->probes))
		probe_cancel(LIST_FIRST(&prober->probes));
	curl_loop_destroy(prober->curl);
	trust_destroy(prober->trust);
	programs_destroy(prober->programs);
	free(prober);
}

/* Sets the result, which is the first one. */
static void conclude(struct probe *probe, enum probe_reason reason, int32_t detail)
{
	probe->has_result = true;
	probe->result.passed = reason == PROBE_PASSED;
	probe->result.reason = reason;
	probe->result.detail = detail;
	probe->result.duration_us = elapsed_us(probe);
	printable_make(probe->result.sentence);
}

/* An event that is active needs no memory, so this cannot fail. */
static void finish(struct probe *probe, enum probe_reason reason, int32_t detail)
{
	conclude(probe, reason, detail);
	event_active(&probe->timer, EV_TIMEOUT, 1);
}

void probe_finish(
	struct probe *probe, enum probe_reason reason, int32_t detail, const char *format, ...)
{
	va_list arguments;

	if (probe->has_result)
		return;
	va_start(arguments, format);
	vsnprintf(probe->result.sentence, sizeof(probe->result.sentence), format, arguments);
	va_end(arguments);
	finish(probe, reason, detail);
}

/* The errno in words. */
static void describe_errno(int error, char text[static PROBE_SENTENCE_SIZE])
{
	probe_reason_describe(PROBE_UNREACHABLE, error, text);
}

/* The same of the path to the backend: who is not permitted is not this node's user. */
static void describe_path(int error, char text[static PROBE_SENTENCE_SIZE])
{
	if (error == EACCES) /* ICMPv6 (RFC 4443, 3.1: codes 1, 5 and 6) */
		snprintf(text, PROBE_SENTENCE_SIZE, "prohibited on the way");
	else
		describe_errno(error, text);
}

static void finish_errno(struct probe *probe, enum probe_origin origin, const char *step, int error)
{
	enum probe_reason reason = probe_reason_of_errno(error, origin);
	int32_t detail = error;
	char text[PROBE_SENTENCE_SIZE];

	if (reason == PROBE_TIMEOUT) /* the kernel gave up before us */
		detail = (int32_t)(elapsed_us(probe) / 1000);
	switch (reason) {
	case PROBE_REFUSED:
	case PROBE_RESET:
	case PROBE_CLOSED:
		probe_reason_describe(reason, error, text);
		probe_finish(probe, reason, detail, "%s", text);
		break;
	case PROBE_LOCAL:
		describe_errno(error, text);
		probe_finish(
			probe, reason, detail, "this node could not probe: %s: %s", step, text);
		break;
	default:
		describe_path(error, text);
		probe_finish(probe, reason, detail, "%s: %s", step, text);
	}
}

void probe_finish_errno(struct probe *probe, const char *step, int error)
{
	finish_errno(probe, PROBE_ORIGIN_NODE, step, error);
}

void probe_finish_unsent(struct probe *probe, const char *step, int error)
{
	finish_errno(probe, PROBE_ORIGIN_UNSENT, step, error);
}

void probe_finish_network(struct probe *probe, const char *step, int error)
{
	finish_errno(probe, PROBE_ORIGIN_NETWORK, step, error);
}

static void time_out(struct probe *probe)
{
	uint32_t timeout_ms = probe->settings->timeout_ms;
	const char *awaited = probe->type->awaited == NULL ? NULL : probe->type->awaited(probe);

	snprintf(probe->result.sentence, sizeof(probe->result.sentence), "no %s in %u ms",
		awaited == NULL ? "answer" : awaited, timeout_ms);
	conclude(probe, PROBE_TIMEOUT, (int32_t)timeout_ms);
}

static void release(struct probe *probe)
{
	event_del(&probe->timer);
	probe->type->stop(probe);
	LIST_REMOVE(probe, entry);
	free(probe);
}

/* Sets the timer to what is left of the time. False: nothing is left, or it cannot be set. */
static bool set_timer(struct probe *probe)
{
	uint64_t past_us = elapsed_us(probe);
	struct timeval left;

	if (past_us >= probe->allowed_us)
		return false;
	left.tv_sec = (time_t)((probe->allowed_us - past_us) / 1000000);
	left.tv_usec = (suseconds_t)((probe->allowed_us - past_us) % 1000000);
	return evtimer_add(&probe->timer, &left) == 0;
}

static const struct probe_type *mtu_type_of(const struct config_health *settings)
{
	switch (settings->type) {
	case CONFIG_HEALTH_TCP:
	case CONFIG_HEALTH_HTTP:
	case CONFIG_HEALTH_HTTPS:
	case CONFIG_HEALTH_GRPC: return &probe_type_mtu_tcp;
	default: return &probe_type_mtu_echo;
	}
}

static bool is_to_try_mtu(const struct probe *probe)
{
	return probe->result.passed && !probe->is_of_mtu && probe->settings->probe_mtu &&
	       probe->target->mtu != 0;
}

static uint64_t timeout_us(const struct probe *probe)
{
	return (uint64_t)probe->settings->timeout_ms * 1000;
}

void probe_prolong(struct probe *probe)
{
	uint64_t past_us = elapsed_us(probe);

	if (probe->is_prolonged || past_us < probe->allowed_us + HELD_UP_US)
		return;
	probe->is_prolonged = true;
	probe->allowed_us = past_us + timeout_us(probe);
}

static void start(struct probe *probe)
{
	probe->start_ns = now_ns();
	probe->allowed_us = timeout_us(probe);
	if (set_timer(probe))
		probe->type->start(probe);
	else /* a probe that time cannot end is not begun */
		probe_finish_errno(probe, "timer", ENOMEM);
}

/* After what small packets can find out. It has a timeout of its own. */
static void try_mtu(struct probe *probe)
{
	probe->type->stop(probe);
	memset(probe->attempt, 0, probe->type->attempt_size);
	probe->is_of_mtu = true;
	probe->passed = probe->result;
	memset(&probe->result, 0, sizeof(probe->result));
	probe->has_result = false;
	probe->type = mtu_type_of(probe->settings);
	start(probe);
}

/* The loop's clock may be some milliseconds ahead: it is read once in a turn. */
static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct probe *probe = context;
	struct probe_result result;
	probe_done_t *done = probe->done;
	void *done_context = probe->context;

	if (!probe->has_result && set_timer(probe))
		return;
	if (!probe->has_result && probe->type->late != NULL)
		probe->type->late(probe);
	if (!probe->has_result && set_timer(probe)) /* prolonged */
		return;
	if (!probe->has_result)
		time_out(probe);
	if (is_to_try_mtu(probe)) {
		try_mtu(probe);
		return;
	}
	result = probe->is_of_mtu && probe->result.passed ? probe->passed : probe->result;
	release(probe);
	done(done_context, &result);
}

static void start_hindered(struct probe *probe)
{
	probe_finish(probe, probe->target->hindrance, 0, "%s", probe->target->why);
}

static void stop_hindered(struct probe *probe)
{
}

static const struct probe_type hindered = { .start = start_hindered, .stop = stop_hindered };

static size_t attempt_size(const struct probe_type *type, const struct config_health *settings)
{
	const size_t mtu = settings->probe_mtu ? mtu_type_of(settings)->attempt_size : 0;

	return type->attempt_size > mtu ? type->attempt_size : mtu;
}

unsigned int probe_descriptors(const struct config_health *settings)
{
	unsigned int more = types[settings->type]->more_descriptors;
	unsigned int mtu = settings->probe_mtu ? mtu_type_of(settings)->more_descriptors : 0;

	return 1 + (more > mtu ? more : mtu);
}

struct probe *probe_start(struct prober *prober, const struct config_health *settings,
	const struct probe_target *target, probe_done_t *done, void *context)
{
	const struct probe_type *type =
		target->hindrance == PROBE_NONE ? types[settings->type] : &hindered;
	struct probe *probe = calloc(1, sizeof(*probe) + attempt_size(type, settings));

	if (probe == NULL)
		return NULL;
	probe->prober = prober;
	probe->type = type;
	probe->settings = settings;
	probe->target = target;
	probe->done = done;
	probe->context = context;
	LIST_INSERT_HEAD(&prober->probes, probe, entry);
	evtimer_assign(&probe->timer, prober->base, on_timer, probe);
	start(probe);
	return probe;
}

void probe_cancel(struct probe *probe)
{
	release(probe);
}
