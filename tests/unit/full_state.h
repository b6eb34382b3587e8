/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * full_state: a state file with something in every part, which one process leaves and the next may
 * adopt. Whatever goes wrong here fails the test that is running.
 */
#pragma once

#include "state_fixture.h"

#define SLOTS 251    /* of the one pool */
#define NOW_S 100000 /* of the control thread's clock */

void fill_backend_row(struct identity_backend *row, uint32_t number);

/* The byte at that offset of the table of pins, which may hold any bytes. */
uint8_t pin_byte(size_t at);

/* Writes one pool, at row 1, of backends 1 to 4; one service, at row 2; pins; something in every
 * part. */
void fill(struct state *opened);

/* Leaves a file of the small layout as fill() makes it. */
void leave_full_file(const struct scratch *scratch);

/* Asserts that a table of pins is what fill() wrote. */
void assert_pins(const uint8_t *pins);

/* The current table of pins. */
struct state_reader_pins pins_before(const struct state_reader *reader);

/* Asserts that a reader finds what fill() wrote. */
void assert_full(const struct state_reader *reader);

/* Commits, and returns the sum of every byte that a reader finds. */
uint64_t committed_sum(const struct scratch *scratch, struct state *opened);

/* The sum of the bytes of the table of pins. */
uint64_t sum_of_pins(void);

/* Asserts that the next start is warm and finds what fill() wrote. */
void assert_warm(const struct scratch *scratch);

/* Puts back a header that was changed, with a checksum that is right again. */
void write_header(const struct scratch *scratch, struct state_header *header);

struct state_header read_header(const char *path);
