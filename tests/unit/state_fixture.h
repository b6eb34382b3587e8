/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state_fixture: a directory of its own for a state file, and what tests do with one. Whatever goes
 * wrong here fails the test that is running.
 */
#pragma once

#include "unit.h"

#include <stdbool.h>
#include <sys/types.h>

#include "state/state.h"
#include "state/state_reader.h"

#define STATE_FIXTURE_KEY UINT64_C(0x5ca1ab1e0ddba11)

/* Each region of it fills a page or less: 8 pages with the header. */
extern const struct state_layout small;

/* A temporary directory and the names of the state file in it: sluice/state. */
struct scratch {
	char root[32];
	char directory[64];
	char path[96];
	char next_path[96]; /* of the new file, until it is renamed to `path` */
};

/* Set-up and tear-down of a test: *state is its struct scratch. */
int open_scratch(void **state);
int close_scratch(void **state);

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, open_scratch, close_scratch)

/* Opens the state and leaves it uncommitted. */
struct state *open_state(const struct scratch *scratch, const struct state_layout *layout);
void commit(struct state *state);

/* Both. */
struct state *start_state(const struct scratch *scratch, const struct state_layout *layout);

/* Opens a state that must be refused. */
struct state_refusal refused(const char *path, const struct state_layout *layout);

/* What a killed start leaves: a process opens the state and is killed before it commits. */
void kill_a_start(const struct scratch *scratch);

/* Puts a file of these bytes where the state file belongs. */
void write_file(const struct scratch *scratch, const void *bytes, size_t length);

/* Reads a whole file, for the caller to free. */
uint8_t *read_file(const struct scratch *scratch, size_t *length);

/* The bytes that an owner of a file of the small layout leaves behind, to be freed. */
uint8_t *leave_file(const struct scratch *scratch, size_t *length);

bool exists(const char *path);

/* Adds up every byte that a reader hands out, none of which may lie outside of the file. */
uint64_t read_everything(const struct state_reader *reader);
