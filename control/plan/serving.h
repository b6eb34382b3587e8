/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serving: which backends of a pool may take new flows, from what checks and operators say of each
 * and from what the configuration wants: thresholds, zones, and an order of groups of which the
 * next one steps in (backup pools; a pool by itself is one group).
 *
 * The candidates are the first of these that there are any of:
 *
 *	1. backends that are up, of the first group of which enough are
 *	2. the same in drained zones, which is not what their drain is for: it is said
 *	3. backends that are not known to be up or down yet, in and then out of drained zones
 *	4. none: all of them are down, and all_down says what follows
 *
 * Where fewer of 1 are up than fail_open_below wants, 2 is added, and then all active backends. A
 * node that has its own zone first leaves candidates of other zones out while its own has enough.
 *
 * What is counted are active backends outside drained zones; initial ones count as neither up nor
 * down, so that a backend that was just added puts no threshold out of reach. There is no memory
 * and so no hysteresis: nodes that see the same decide the same. That a backend does not flap is
 * for its check to see to (rise, fall, dampening).
 *
 * Pure. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "plan/zones.h"
#include "state/health_row.h"

#define SERVING_GROUPS_MAX    16
#define SERVING_SENTENCE_SIZE 200

struct serving_backend {
	bool active;    /* by the configuration: it drains not, is not off, has a weight */
	uint8_t status; /* enum health_status, or its override; UP where nothing is checked */
	uint8_t group;  /* below group_count; 0 is the first to serve */
	uint16_t zone;  /* or ZONES_NONE: as near as the node's own, and never drained */
	uint16_t weight;
};

struct serving_policy {
	struct config_threshold fail_open_below;
	struct config_threshold withdraw_below;
	enum config_all_down all_down;
	bool cross_zone;
	struct config_threshold zone_below;
	uint16_t own_zone;   /* or ZONES_NONE: the node has none, and all zones are alike */
	const bool *drained; /* by zone; NULL: there are none */
	/*
	 * By group, of all but the last: where fewer of it are up, the next one takes the new
	 * flows. A number of 0: where none is.
	 */
	const struct config_threshold *group_below;
	uint8_t group_count; /* 1 ... SERVING_GROUPS_MAX */
};

/* What a backend is to do. One that is not active has what it would have if it were. */
enum serving_verdict {
	SERVING_SERVES, /* takes new flows */
	SERVING_RESTS,  /* well, or not known to be down; others take the new flows */
	SERVING_FAILED, /* down: its old flows go the way of those of failed backends, too */
};

/* X(NAME, name in JSON) */
#define SERVING_MODE_TABLE(X)                                                    \
	X(NORMAL, normal)               /* those that are up serve */            \
	X(ZONE_FAILOVER, zone_failover) /* other zones help the node's own */    \
	X(BACKUP, backup)               /* a later group serves */               \
	X(DRAINED_ZONE, drained_zone)   /* drained zones have to serve */        \
	X(UNCHECKED, unchecked)         /* none is up, and some are not known */ \
	X(FAIL_OPEN, fail_open)         /* too few are up: all serve */          \
	X(ALL_DOWN, all_down)           /* none is up */                         \
	X(EMPTY, empty)                 /* there is no active backend */

enum serving_mode {
#define SERVING_MODE_ENUM(upper, lower) SERVING_MODE_##upper,
	SERVING_MODE_TABLE(SERVING_MODE_ENUM)
#undef SERVING_MODE_ENUM
		SERVING_MODE_COUNT
};

/* Counts are of the group that serves, or of the first one where none does. */
struct serving_outcome {
	enum serving_mode mode;
	uint8_t group;    /* that serves */
	bool withdrawn;   /* the VIPs of the pool are not to be announced by this node */
	uint32_t serving; /* backends that take new flows, of all groups */
	uint32_t active;  /* that count, the initial ones included */
	uint32_t up;
	uint32_t known;   /* up or down */
	uint32_t needed;  /* that must be up for the mode to be normal; 0: no threshold says so */
	uint32_t drained; /* active backends in drained zones */
};

/* Decides for `count` backends at once. */
struct serving_outcome serving_decide(const struct serving_policy *policy,
	const struct serving_backend *backends, size_t count, enum serving_verdict *verdicts);

/* What a pool by itself is configured to do. Borrows from `zones`. */
struct serving_policy serving_policy_of(const struct config_pool *pool, const struct zones *zones);

/* "normal", ... Static text. */
const char *serving_mode_name(enum serving_mode mode);

/* The outcome in a sentence, with its figures. */
const char *serving_describe(const struct serving_policy *policy,
	const struct serving_outcome *outcome, char text[static SERVING_SENTENCE_SIZE]);
