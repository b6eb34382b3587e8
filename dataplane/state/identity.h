/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * identity: what the numbers in the state file (state.h) stand for, in rows: pools by number,
 * backends by gid, services by the cell of their counters. The next process adopts words, pins and
 * counters by these identities, and not by the numbers of its configuration.
 *
 * A row is written before anything refers to its number, and erased when nothing does any more.
 * `used` is the last field that is written and the first that is erased. A row in use is changed
 * field by field: after a kill in between, each field is either old or new, and both were right.
 * All of this is done between state_rows_begin() and state_rows_end(), for readers in other
 * processes.
 *
 * Control thread. Rows that are read from a file may hold anything: validate them first.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/address.h"
#include "state/counters.h"

#define IDENTITY_NAME_SIZE 64 /* with the final NUL; of [A-Za-z0-9._:/-] */
#define IDENTITY_USED      0x64657375

struct state_layout;

struct identity_pool {
	_Atomic uint32_t used; /* IDENTITY_USED, or anything else */
	uint32_t slots;        /* M */
	uint32_t first_word;
	uint32_t unused;
	char name[IDENTITY_NAME_SIZE];
};

/* Times are seconds of the control thread's clock since the boot. */
struct identity_backend {
	_Atomic uint32_t used;
	uint32_t pool;
	uint16_t index; /* in its pool */
	uint8_t wish;   /* what the configuration wants of it; validated by the caller */
	uint8_t state;  /* enum member_state */
	uint8_t healthy;
	uint8_t rests; /* takes no new flows for now */
	uint8_t joining;
	uint8_t steps;       /* dynamic weight as applied, of FACTOR_DYNAMIC_STEPS */
	uint32_t weight;     /* as configured, or as last configured */
	uint32_t share;      /* dynamic weight as requested, of FACTOR_ONE */
	uint32_t changed_s;  /* when it entered that state */
	uint32_t instance_s; /* as in struct member */
	uint32_t health_s;   /* since when it has been healthy, or not */
	uint32_t ramp_s;     /* when its slow start began; 0: none */
	uint32_t deadline_s; /* of a drain: may be in the future */
	uint64_t instance;
	struct address address;
	char name[IDENTITY_NAME_SIZE];
	char key[IDENTITY_NAME_SIZE];
	struct counter baseline; /* values of its counters when it got them */
};

struct identity_service {
	_Atomic uint32_t used;
	char name[IDENTITY_NAME_SIZE];
	struct counter baseline;
};

static_assert(sizeof(struct identity_pool) == 80 && sizeof(struct identity_backend) == 240 &&
		      sizeof(struct identity_service) == 104,
	"another size is another version of the file");

static inline void identity_set_used(_Atomic uint32_t *used)
{
	atomic_store_explicit(used, IDENTITY_USED, memory_order_release);
}

static inline void identity_set_unused(_Atomic uint32_t *used)
{
	atomic_store_explicit(used, 0, memory_order_release);
}

static inline bool identity_is_used(const _Atomic uint32_t *used)
{
	return atomic_load_explicit(used, memory_order_acquire) == IDENTITY_USED;
}

/* Whether these `size` bytes, which may be any, are a name with its final NUL. */
bool identity_is_name(const char *text, size_t size);

/* Whether a row is in use and every number in it can be used as it is. */
bool identity_pool_is_sound(const struct identity_pool *row, const struct state_layout *layout);
bool identity_backend_is_sound(
	const struct identity_backend *row, const struct state_layout *layout, uint32_t now_s);
bool identity_service_is_sound(const struct identity_service *row);
