/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * health_row: what the check of a backend has found, in a row of the state file (state.h) for each
 * gid beside its identity (identity.h), so that the next process knows no less. Zeroes are the row
 * of a backend that was never checked.
 *
 * The changes stand in a ring with one cell more than it has changes to show: the next change is
 * written whole into that cell before it counts. So a process that is killed in between leaves the
 * changes as they were. All of this is done between state_rows_begin() and state_rows_end(), for
 * readers in other processes.
 *
 * Control thread. A row that is read from a file may hold anything: validate it first.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEALTH_CHANGES_MAX   16 /* that are kept */
#define HEALTH_CHANGE_CELLS  (HEALTH_CHANGES_MAX + 1)
#define HEALTH_DURATION_NONE 0 /* nothing was timed */

/* X(NAME, name in JSON). The numbers are in the state file: never change them. */
#define HEALTH_STATUS_TABLE(X)                                       \
	X(INITIAL, initial) /* not known yet: neither up nor down */ \
	X(UP, up)                                                    \
	X(DOWN, down)

enum health_status {
#define HEALTH_STATUS_ENUM(upper, lower) HEALTH_##upper,
	HEALTH_STATUS_TABLE(HEALTH_STATUS_ENUM)
#undef HEALTH_STATUS_ENUM
		HEALTH_STATUS_COUNT
};

/* What an operator has said instead of the check. The numbers are in the state file. */
enum health_override {
	HEALTH_OVERRIDE_NONE, /* the check decides */
	HEALTH_OVERRIDE_UP,
	HEALTH_OVERRIDE_DOWN,
	HEALTH_OVERRIDE_COUNT,
};

#define HEALTH_ASKED_REST 1 /* for no new flows where others can take them */
#define HEALTH_ASKED_OFF  2 /* for none at all */

/* One change of the status, or of the reason for it. */
struct health_change {
	int64_t time_ms;      /* since the epoch, by CLOCK_REALTIME */
	uint32_t duration_us; /* of the probe that made the change */
	int32_t detail;       /* a status code, an errno, days: by reason */
	uint8_t reason;       /* enum probe_reason; validated by the caller */
	uint8_t status;       /* enum health_status: what it came to be */
	uint8_t unused[6];
};

struct state_health {
	_Atomic uint32_t changes; /* so far, modulo HEALTH_CHANGE_CELLS once these are full */
	uint8_t status;           /* enum health_status */
	uint8_t override;         /* enum health_override */
	uint8_t asked;            /* HEALTH_ASKED_..., by the backend itself */
	uint8_t unused;
	struct health_change ring[HEALTH_CHANGE_CELLS];
};

static_assert(sizeof(struct health_change) == 24 && sizeof(struct state_health) == 416,
	"another size is another version of the file");

/* "initial", ... Static text. */
const char *health_status_name(enum health_status status);

/* Whether any bytes are a row that can be used as it is. */
bool health_row_is_sound(const struct state_health *row);

/* Adds a change, whose status becomes that of the row. */
void health_row_add(struct state_health *row, const struct health_change *change);

/*
 * Copies the changes of a sound row, the oldest first, and returns how many there are: at most
 * HEALTH_CHANGES_MAX.
 */
size_t health_row_list(
	const struct state_health *row, struct health_change changes[static HEALTH_CHANGES_MAX]);
