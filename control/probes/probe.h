/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe: one attempt to reach a backend, as the settings of its pool's checks ask for. When to
 * probe, and what follows from the results, is for others to say (health/).
 *
 * A prober, its event_base and all its probes belong to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/address.h"
#include "probes/probe_reason.h"

struct config_health;
struct event_base;

/* What is probed, and from where. */
struct probe_target {
	struct address address;
	uint16_t port;         /* host byte order */
	struct address source; /* to send from; ADDRESS_NONE: the kernel chooses */
	uint32_t mark;         /* SO_MARK; 0: none */
	const char *interface; /* SO_BINDTODEVICE; NULL: none */
	const char *name;      /* "web/web-1": for the environment of external programs */
	uint16_t mtu; /* bytes of the largest L3 packet that users' packets reach it as; 0: unknown
		       */
	enum probe_reason hindrance; /* PROBE_NONE; or it cannot be probed: the result of any try */
	const char *why;             /* its sentence */
};

/* X(NAME, json): what a backend wants to be, by its own word (an agent). */
#define PROBE_WORD_TABLE(X)                               \
	X(NONE, none) /* it said nothing */               \
	X(READY, ready)                                   \
	X(DRAIN, drain) /* no new flows; old ones stay */ \
	X(MAINT, maint) /* no flows */

enum probe_word {
#define PROBE_WORD_ENUM(name, json) PROBE_WORD_##name,
	PROBE_WORD_TABLE(PROBE_WORD_ENUM)
#undef PROBE_WORD_ENUM
		PROBE_WORD_COUNT,
};

/* "none" for a number that is no word. */
const char *probe_word_name(enum probe_word word);

struct probe_result {
	bool passed;
	enum probe_reason reason;           /* PROBE_PASSED if passed */
	int32_t detail;                     /* by reason (probe_reason.h) */
	uint32_t duration_us;               /* from probe_start() to the result */
	char sentence[PROBE_SENTENCE_SIZE]; /* printable UTF-8 of one line */
	enum probe_word word;
	bool is_senseless; /* it says something else than these: the sentence has it */
	bool has_weight;
	uint32_t weight; /* 0-1000, absolute */
	bool has_weight_percent;
	uint32_t weight_percent; /* 0-1000, of the configured weight */
};

/* What the probes of one thread share. */
struct prober;

/* NULL with a sentence in `error`: out of memory. `base` is borrowed. */
struct prober *prober_create(struct event_base *base, struct error *error);

/* Cancels what is under way. NULL is allowed. */
void prober_destroy(struct prober *prober);

/* One under way. Its memory is the prober's. */
struct probe;

typedef void probe_done_t(void *context, const struct probe_result *result);

/*
 * Begins a probe, whose type is settings->type and not none. done() is called from the loop, once,
 * and never from within this call; the probe is gone by then, and the callback may start and cancel
 * others. `settings` and `target`, and what they point to, are borrowed until done() or
 * probe_cancel().
 *
 * What this node cannot do (no descriptor, no memory, no such interface) is a result, too: reason
 * PROBE_LOCAL. Only where there is no memory for the probe itself, NULL is returned, and done() is
 * not called.
 */
struct probe *probe_start(struct prober *prober, const struct config_health *settings,
	const struct probe_target *target, probe_done_t *done, void *context);

/* How many descriptors such a probe may hold at once. */
unsigned int probe_descriptors(const struct config_health *settings);

/* Ends a probe whose done() has not been called, and will not be. */
void probe_cancel(struct probe *probe);
