/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * api_params: what the parameters of a call are read into, by the table of its method
 * (api_methods.h). A method sees only those fields that its table has; the others are zeroes.
 */
#pragma once

#include <jansson.h>

#include "api/api_probe.h"
#include "common/events.h"
#include "pool/live_backend.h"

struct api_method;

enum api_health {
	API_HEALTH_NOT_GIVEN,
	API_HEALTH_DOWN,
	API_HEALTH_UP,
	API_HEALTH_AUTO,
};

struct api_revision {
	bool is_given;
	uint64_t value;
};

/* Texts and values are borrowed from `object`, which lives until the call is answered. */
struct api_params {
	const struct api_method *method;
	const json_t *object; /* as they came */
	const char *pool;     /* NULL: of all pools */
	const char *name;
	const json_t *value; /* what is added, applied or set; NULL: nothing */
	bool dry_run;
	bool volatile_only;
	bool overwrite;
	struct api_revision if_revision;
	struct live_terms terms;
	enum api_health health;
	const char *instance;    /* NULL: the same as before */
	uint32_t weight_percent; /* 0: the same as before */
	bool with_revision;
	bool problems;
	struct address vip;
	struct question question;
	uint64_t since; /* number of an event; 0: not given */
	struct api_revision epoch;
	uint32_t limit, last;
	uint32_t kinds; /* of events, a bit for each; 0: all */
	enum event_level level;
};
