/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state_header: the first page of the state file (state.h): who owns the file and where everything
 * in it is. Owner and reader compute the offsets from the layout with one function, so a header is
 * validated by comparing it with what we would have written.
 *
 * The names of verdicts, ports and lcores stand in it too, and those of services, pools and
 * backends in their rows (identity.h), so that a file explains its own counters (state_names.h).
 *
 * All numbers are in the byte order of the machine: the file never leaves it.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/counters.h"
#include "state/identity.h"

#define STATE_VERSION     5
#define STATE_PAGE_SIZE   4096
#define STATE_RECORD_SIZE 128 /* bytes of a cell for a backend record */
#define STATE_WORKERS_MAX 128
#define STATE_PIN_TABLES  4 /* at a time: the current one and those that still empty */

#define STATE_VERDICT_NAME_SIZE 32 /* with the final NUL */

/* What the file has room for. */
struct state_layout {
	uint32_t workers;     /* 1 to STATE_WORKERS_MAX */
	uint32_t ports;       /* in use; at most COUNTERS_PORT_ROOM */
	uint32_t services;    /* that have counters */
	uint32_t backends;    /* that have counters and rows, over all pools */
	uint32_t slot_words;  /* the sum of state_slots_room() over all tables, or more */
	uint32_t records;     /* cells, the one that is never handed out included: at least 1 */
	uint32_t pools;       /* that have a row */
	uint32_t pin_buckets; /* of the table of pins: 1 to PINS_BUCKETS_MAX */
};

enum state_region {
	STATE_SLOTS,
	STATE_RECORDS,
	STATE_COUNTERS,
	STATE_PINS,
	STATE_POOL_ROWS,
	STATE_BACKEND_ROWS,
	STATE_SERVICE_ROWS,
	STATE_HEALTH_ROWS,
	STATE_REGION_COUNT,
};

#define STATE_MAGIC 0x6574617473756c73 /* "slustate" in memory, little endian */
#define STATE_READY 0x79646572         /* "redy" */

/* The beginning of the file. */
struct state_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size; /* of this struct */
	uint32_t pid;         /* of the owner */
	uint32_t verdicts;    /* VERDICT_COUNT */
	uint8_t boot_id[16];  /* of the kernel it runs on; zeroes where that cannot be known */
	uint64_t started_ns;  /* CLOCK_REALTIME */
	uint64_t file_size;
	uint64_t
		key_fingerprint; /* of the hash key: slots and pins mean nothing with another one */
	struct state_layout layout;
	struct {
		uint64_t offset;
		uint64_t length;
	} regions[STATE_REGION_COUNT];
	uint64_t worker_stride; /* bytes from one worker's block to the next */
	char verdict_names[COUNTERS_VERDICT_ROOM][STATE_VERDICT_NAME_SIZE]; /* by enum verdict */
	uint64_t checksum; /* XXH3 (64 bit) of all that stands before it */

	/* These change while the file is in use. */
	_Atomic uint64_t reader_generation; /* see state_reader_generation() */
	_Atomic uint32_t ready;             /* STATE_READY; written last */
	uint32_t unused;
	/*
	 * The tables of pins, the oldest first, as state_pins_name() has them; then zeroes. While
	 * the list is rewritten, one table may stand in two consecutive entries.
	 */
	_Atomic uint64_t pin_tables[STATE_PIN_TABLES];
	/*
	 * Odd while rows or the names below are written; grows with each write: state_rows_begin().
	 */
	_Atomic uint64_t rows_sequence;
	char port_names[COUNTERS_PORT_ROOM][IDENTITY_NAME_SIZE]; /* empty: none yet */
	uint16_t lcores[STATE_WORKERS_MAX]; /* lcore of each worker, plus 1; 0: not known yet */
};

static_assert(sizeof(struct state_header) <= STATE_PAGE_SIZE, "the header has one page");

/* Bytes that are written once, when the file is started. */
#define STATE_HEADER_CONSTANT_SIZE offsetof(struct state_header, reader_generation)

/*
 * Fills in layout, regions, worker_stride and file_size. -EINVAL: there can be no such file. Any
 * thread.
 */
int state_header_lay_out(struct state_header *header, const struct state_layout *layout);

/* Completes a header after its layout: process, boot, time, and last the checksum. */
void state_header_describe(struct state_header *header, uint64_t key_fingerprint);

/* A table of pins: the page that it begins with, and its buckets. 0 is none. */
static inline uint64_t state_pins_name(uint64_t offset, uint32_t bucket_count)
{
	return offset / STATE_PAGE_SIZE << 29 | bucket_count;
}

static inline uint64_t state_pins_name_offset(uint64_t name)
{
	return (name >> 29) * STATE_PAGE_SIZE;
}

static inline uint32_t state_pins_name_buckets(uint64_t name)
{
	return name & ((UINT32_C(1) << 29) - 1);
}

/* Whether both are of the same boot of the same kernel, as far as that can be known. */
bool state_header_same_boot(const struct state_header *a, const struct state_header *b);

/* Whether the id of the boot could be read when it was made. */
bool state_header_knows_boot(const struct state_header *header);

/*
 * Validates a header that was read from a file of `file_size` bytes and may hold any bytes. 0: its
 * numbers can be used. -EAGAIN: the owner is still starting. -EPROTONOSUPPORT: of another version.
 * -EINVAL: damaged, or no header at all.
 */
int state_header_validate(const struct state_header *header, uint64_t file_size);

/* A part of the file that is mapped at `base` and has that header. */
void *state_header_region(
	const struct state_header *header, const void *base, enum state_region region);
