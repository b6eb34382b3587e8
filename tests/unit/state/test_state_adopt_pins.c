/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of space and of tables of pins when a state file is adopted. */
#include "full_state.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "affinity/pins.h"
#include "affinity/slots.h"

static uint64_t allocated_bytes(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return (uint64_t)status.st_blocks * 512;
}

static void space_for_pools_to_come_is_allocated_when_it_is_handed_out(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	uint64_t all, before;
	uint32_t first;
	struct state *opened;

	leave_full_file(scratch);
	layout.slot_words = 1 << 20;
	opened = open_state(scratch, &layout);
	all = state_memory(state_layout(opened));
	before = allocated_bytes(scratch->next_path);
	assert_in_range(before, 1, all - (UINT64_C(3) << 20));
	assert_int_equal(state_slots_allocate(opened, 1 << 18, &first), 0);
	assert_in_range(allocated_bytes(scratch->next_path), before + (3 << 18), all - (1 << 20));
	commit(opened);
	assert_int_equal(state_allocate_rest(opened), 0);
	assert_in_range(allocated_bytes(scratch->path), all, UINT64_MAX);
	state_close(opened);
}

static void limit_scratch(const struct scratch *scratch, unsigned long flags, uint64_t bytes)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%lu,mode=0750", (unsigned long)bytes);
	assert_int_equal(mount("none", scratch->directory, "tmpfs", flags, options), 0);
}

static void make_limited_scratch(const struct scratch *scratch, uint64_t bytes)
{
	/* Private mounts, gone with this process at the latest. Root needed. */
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mkdir(scratch->directory, 0750), 0);
	limit_scratch(scratch, 0, bytes);
}

/* The pages of its pool: what is taken afterwards needs no more, however full it has become. */
static void pools_that_can_be_adopted_get_their_space_or_are_refused(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	uint64_t before, needed;
	uint32_t first;
	struct state *opened;

	make_limited_scratch(scratch, 8 << 20);
	leave_full_file(scratch);
	layout.slot_words = 1 << 14;
	opened = open_state(scratch, &layout);
	before = allocated_bytes(scratch->next_path);
	assert_int_equal(state_allocate_adoptable(opened), 0);
	assert_int_equal(allocated_bytes(scratch->next_path), before + STATE_PAGE_SIZE);
	needed = allocated_bytes(scratch->path) + allocated_bytes(scratch->next_path);
	limit_scratch(scratch, MS_REMOUNT, needed);
	assert_int_equal(state_slots_allocate(opened, SLOTS, &first), 0);
	assert_int_equal(state_slots_allocate(opened, 4096, &first), -ENOSPC);
	state_discard(opened);

	limit_scratch(scratch, MS_REMOUNT, 8 << 20);
	opened = open_state(scratch, &layout);
	limit_scratch(scratch, MS_REMOUNT, needed - STATE_PAGE_SIZE); /* it has filled up since */
	assert_int_equal(state_allocate_adoptable(opened), -ENOSPC);
	state_discard(opened);
	assert_int_equal(umount2(scratch->directory, MNT_DETACH), 0);
}

/* The table in use and an older one that is not empty yet, both with pins. */
static void leave_two_tables(const struct scratch *scratch)
{
	struct state_layout layout = small;
	struct state *opened;
	uint8_t *pins;

	leave_full_file(scratch);
	layout.pin_buckets = 2 * small.pin_buckets;
	opened = start_state(scratch, &layout);
	assert_int_equal(state_pin_tables(opened)->count, 2);
	pins = state_pins(opened);
	for (size_t i = 0; i < pins_memory(small.pin_buckets); i++)
		pins[i] = pin_byte(i);
	state_close(opened);
}

/* Where not all pins have space, those of the oldest table are given up, those in use never. */
static void pins_of_the_oldest_table_are_given_up_for_want_of_space(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	struct state_refusal refusal;
	struct state *opened;
	uint64_t needed;

	make_limited_scratch(scratch, 8 << 20);
	leave_two_tables(scratch);
	layout.pin_buckets = 3 * small.pin_buckets;
	opened = open_state(scratch, &layout);
	assert_int_equal(state_pin_tables(opened)->count, 3);
	assert_int_equal(state_pins_lost(opened), 0);
	assert_int_equal(state_allocate_rest(opened), 0);
	needed = allocated_bytes(scratch->path) + allocated_bytes(scratch->next_path);
	state_discard(opened);

	limit_scratch(scratch, MS_REMOUNT, needed - 4096);
	opened = open_state(scratch, &layout);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_int_equal(state_pin_tables(opened)->count, 2);
	assert_pins(state_pin_tables(opened)->tables[0].memory);
	assert_in_range(state_pins_lost(opened), 1, small.pin_buckets * PINS_WAYS);
	state_discard(opened);

	limit_scratch(scratch, MS_REMOUNT, needed - 2 * 4096);
	assert_int_equal(
		state_open(scratch->path, &layout, STATE_FIXTURE_KEY, &opened, &refusal), -ENOSPC);
	assert_int_equal(refusal.reason, STATE_REFUSED_SPACE);

	limit_scratch(scratch, MS_REMOUNT, needed);
	opened = open_state(scratch, &layout);
	assert_int_equal(state_pin_tables(opened)->count, 3);
	assert_int_equal(state_pins_lost(opened), 0);
	state_close(opened);
	assert_int_equal(umount2(scratch->directory, MNT_DETACH), 0);
}

/* Whether each table but the current one holds what fill() wrote, whatever came after. */
static void assert_older_pins(struct state *opened, uint32_t count)
{
	const struct state_pins *pins = state_pin_tables(opened);

	assert_int_equal(pins->count, count);
	assert_int_equal(pins->tables[0].bucket_count, small.pin_buckets);
	assert_pins(pins->tables[0].memory);
}

static void pins_of_another_number_stay_in_an_older_table(void **state)
{
	const struct scratch *scratch = *state;
	const uint32_t others[] = { small.pin_buckets + 100, 1, small.pin_buckets + 7 };
	struct state_layout layout = small;
	struct state *opened;

	leave_full_file(scratch);
	for (uint32_t i = 0; i < 3; i++) {
		layout.pin_buckets = others[i];
		for (int again = 0; again < 2; again++) {
			opened = start_state(scratch, &layout);
			assert_older_pins(opened, i + 2);
			assert_int_equal(state_layout(opened)->pin_buckets, others[i]);
			*(uint64_t *)state_pins(opened) = 0xff;
			state_close(opened);
		}
	}
	/* there is no room for one more, so the number of pins stays as it is */
	layout.pin_buckets = small.pin_buckets + 200;
	opened = start_state(scratch, &layout);
	assert_older_pins(opened, STATE_PIN_TABLES);
	assert_int_equal(state_layout(opened)->pin_buckets, others[2]);
	state_close(opened);
}

#define MARK (UINT64_C(0x123456789abc0000) | PIN_ESTABLISHED << 1)

static bool is_marked(const struct state_pin_table *table)
{
	return *(const uint64_t *)table->memory == MARK;
}

static bool has_mark(struct state *opened)
{
	const struct state_pins *pins = state_pin_tables(opened);

	for (uint32_t i = 0; i < pins->count; i++)
		if (is_marked(&pins->tables[i]))
			return true;
	return false;
}

/* As pins move over: into the current table first, then the older ones go. */
static void move_mark(struct state *opened)
{
	struct state_pins *pins = state_pin_tables(opened);

	*(uint64_t *)state_pins(opened) = MARK;
	while (pins->count > 1)
		state_pins_drop(pins, pins->tables[0].memory);
}

static void tell_step(int pipe)
{
	if (write(pipe, "", 1) != 1)
		_exit(2);
}

/* Tables grow one after the other, and a byte tells of each step, until this process is killed. */
static void grow_for_ever(const struct scratch *scratch, int pipe)
{
	struct state_refusal refusal;
	struct state_pin_table table;
	struct state *opened;

	if (state_open(scratch->path, &small, STATE_FIXTURE_KEY, &opened, &refusal) != 0 ||
		state_commit(opened, &refusal) != 0)
		_exit(3);
	for (uint32_t i = 0;; i++) {
		move_mark(opened);
		tell_step(pipe);
		if (state_pins_append(state_pin_tables(opened), 5 + i % 100, &table) != 0)
			_exit(4);
		tell_step(pipe);
		state_pins_add(state_pin_tables(opened), &table);
		tell_step(pipe);
	}
}

static void kill_while_growing(const struct scratch *scratch, unsigned int steps)
{
	int status, ends[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		grow_for_ever(scratch, ends[1]);
	close(ends[1]);
	for (unsigned int i = 0; i < steps; i++)
		assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	close(ends[0]);
}

static void a_process_killed_while_pins_grow_leaves_them_all(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	struct state *opened = start_state(scratch, &small);

	*(uint64_t *)state_pins(opened) = MARK;
	state_close(opened);
	for (unsigned int round = 0; round < 400; round++) {
		kill_while_growing(scratch, 1 + round * 7 % 23);
		layout.pin_buckets = small.pin_buckets + round % 3 * 50; /* or more pins */
		opened = start_state(scratch, &layout);
		assert_int_equal(state_start(opened), STATE_WARM);
		assert_true(has_mark(opened));
		assert_int_equal(state_pins_lost(opened), 0);
		state_close(opened);
	}
}

static void tables_of_pins_come_and_go_while_running(void **state)
{
	const struct scratch *scratch = *state;
	struct state_pin_table table;
	struct state *opened;
	struct state_pins *pins;

	leave_full_file(scratch);
	opened = start_state(scratch, &small);
	pins = state_pin_tables(opened);
	assert_int_equal(state_pins_append(pins, 500, &table), 0);
	/* as if it had been killed: no header names it */
	munmap(table.memory, pins_memory(500));
	state_close(opened);
	opened = start_state(scratch, &small);
	pins = state_pin_tables(opened);
	assert_int_equal(pins->count, 1);
	assert_int_equal(state_pins_append(pins, 500, &table), 0);
	state_pins_cancel(pins, &table);
	for (uint32_t i = 0; i < 10; i++) {
		const void *before = state_pins(opened);

		assert_int_equal(state_pins_append(pins, 500 + i, &table), 0);
		state_pins_add(pins, &table);
		assert_ptr_equal(state_pins(opened), table.memory);
		if (i == 0) {
			state_close(opened);
			opened = start_state(scratch, &small);
			pins = state_pin_tables(opened);
			assert_older_pins(opened, 2);
			before = pins->tables[0].memory;
		}
		state_pins_drop(pins, before);
		assert_int_equal(pins->count, 1);
		memset(state_pins(opened), i, 64);
	}
	state_close(opened);
	opened = start_state(scratch, &small);
	assert_int_equal(state_pin_tables(opened)->count, 2);
	assert_int_equal(state_pin_tables(opened)->tables[0].bucket_count, 509);
	state_close(opened);
}

static void pins_are_adopted_around_what_was_never_written(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	size_t size, written[] = { 0, 1 << 20, 0 };
	struct state *opened;
	uint8_t *pins;

	layout.pin_buckets = 65536;
	size = pins_memory(layout.pin_buckets);
	written[2] = size - 1;
	opened = start_state(scratch, &layout);
	pins = state_pins(opened);
	for (int i = 0; i < 3; i++)
		pins[written[i]] = i + 1;
	state_close(opened);
	opened = open_state(scratch, &layout);
	pins = state_pins(opened);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pins[written[i]], i + 1);
		pins[written[i]] = 0;
	}
	for (size_t i = 0; i < size; i++)
		assert_int_equal(pins[i], 0);
	state_discard(opened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(pools_that_can_be_adopted_get_their_space_or_are_refused),
		SCRATCH_TEST(pins_of_the_oldest_table_are_given_up_for_want_of_space),
		SCRATCH_TEST(space_for_pools_to_come_is_allocated_when_it_is_handed_out),
		SCRATCH_TEST(pins_of_another_number_stay_in_an_older_table),
		SCRATCH_TEST(a_process_killed_while_pins_grow_leaves_them_all),
		SCRATCH_TEST(tables_of_pins_come_and_go_while_running),
		SCRATCH_TEST(pins_are_adopted_around_what_was_never_written),
	};

	return cmocka_run_group_tests_name("state_adopt_pins", tests, NULL, NULL);
}
