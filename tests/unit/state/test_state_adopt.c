/* SPDX-License-Identifier: BSD-3-Clause */
/* What a start makes of the state file that it finds. */
#include "full_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "affinity/pins.h"
#include "affinity/slots.h"
#include "encap/record.h"

/* Nothing is adopted from what is there, and that is no reason not to start. */
static void assert_cold(
	const struct scratch *scratch, const struct state_layout *layout, enum state_start start)
{
	struct state *opened = open_state(scratch, layout);
	uint32_t first;

	assert_int_equal(state_start(opened), start);
	assert_null(state_before(opened));
	assert_memory_equal(state_layout(opened), layout, sizeof(*layout));
	assert_int_equal(committed_sum(scratch, opened), 0);
	assert_int_equal(state_slots_allocate(opened, layout->slot_words, &first), 0);
	assert_int_equal(state_records_allocate(opened), RECORD_MODE_COUNT);
	state_close(opened);
}

/* The layout with room for the pool of a full file beside what it asks for. */
static struct state_layout beside_a_pool(struct state_layout layout)
{
	layout.slot_words += state_slots_room(SLOTS);
	layout.pools++;
	return layout;
}

static void the_next_process_finds_what_the_one_before_left(void **state)
{
	const struct scratch *scratch = *state;
	const struct state_layout expected = beside_a_pool(small);
	struct state *opened;

	leave_full_file(scratch);
	opened = open_state(scratch, &small);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_full(state_before(opened));
	assert_memory_equal(state_layout(opened), &expected, sizeof(expected));
	assert_pins(state_pins(opened));
	assert_int_equal(
		committed_sum(scratch, opened), sum_of_pins()); /* the rest is the caller's */
	assert_full(state_before(opened));                      /* until it is let go of */
	state_forget_before(opened);
	assert_null(state_before(opened));
	state_close(opened);
}

static void room_for_services_and_backends_never_shrinks(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = { .workers = 3,
		.services = 1,
		.backends = 2,
		.slot_words = 16,
		.records = 2,
		.pools = 1,
		.pin_buckets = small.pin_buckets };
	struct state *opened;

	leave_full_file(scratch);
	opened = open_state(scratch, &layout);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_full(state_before(opened));
	layout = beside_a_pool(layout);
	layout.services = small.services;
	layout.backends = small.backends;
	layout.records = small.records;
	assert_memory_equal(state_layout(opened), &layout, sizeof(layout));
	assert_int_equal(committed_sum(scratch, opened), sum_of_pins());
	fill_backend_row(state_backend_row(opened, small.backends - 1), 1);
	state_close(opened);

	opened = open_state(scratch, &small);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_int_equal(state_reader_header(state_before(opened))->layout.slot_words,
		16 + state_slots_room(SLOTS));
	state_discard(opened);
}

static void a_larger_file_adopts_a_smaller_one(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	struct state *opened;

	layout.workers = 4;
	layout.services = 40;
	layout.backends = 3000;
	layout.slot_words = 1 << 16;
	layout.pools = 100;
	leave_full_file(scratch);
	opened = open_state(scratch, &layout);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_full(state_before(opened));
	layout = beside_a_pool(layout);
	assert_memory_equal(state_layout(opened), &layout, sizeof(layout));
	assert_int_equal(committed_sum(scratch, opened), sum_of_pins());
	state_close(opened);
}

static void nothing_beyond_the_file_before_is_handed_out(void **state)
{
	const uint32_t beyond[] = { 0, 1, 1000, UINT32_MAX / 2 };
	const struct scratch *scratch = *state;
	const struct state_reader *before;
	struct state *opened;

	leave_full_file(scratch);
	opened = open_state(scratch, &small);
	before = state_before(opened);
	for (size_t i = 0; i < COUNT_OF(beyond); i++) {
		assert_null(state_reader_slots(before, small.slot_words + beyond[i]));
		assert_null(state_reader_record(before, small.records + beyond[i]));
		assert_null(state_reader_counters(before, small.workers + beyond[i]));
		assert_null(state_reader_pool_row(before, small.pools + beyond[i]));
		assert_null(state_reader_backend_row(before, small.backends + beyond[i]));
		assert_null(state_reader_service_row(before, small.services + beyond[i]));
		assert_null(state_reader_health_row(before, small.backends + beyond[i]));
	}
	assert_null(state_reader_pool_row(before, UINT32_MAX));
	assert_null(state_reader_backend_row(before, UINT32_MAX));
	assert_null(state_reader_service_row(before, UINT32_MAX));
	assert_null(state_reader_health_row(before, UINT32_MAX));
	assert_true(read_everything(before) > 0);
	state_close(opened);
}

static void a_start_without_a_file_is_cold(void **state)
{
	const struct scratch *scratch = *state;

	assert_cold(scratch, &small, STATE_COLD_ABSENT);
}

static void a_first_start_that_was_killed_left_an_unfinished_file(void **state)
{
	const struct scratch *scratch = *state;
	struct state_header header;

	kill_a_start(scratch);
	assert_cold(scratch, &small, STATE_COLD_UNFINISHED);
	assert_false(exists(scratch->next_path));
	header = read_header(scratch->path);
	header.ready = 0;
	write_header(scratch, &header);
	assert_cold(scratch, &small, STATE_COLD_UNFINISHED);
}

static void a_damaged_file_is_not_adopted(void **state)
{
	const struct scratch *scratch = *state;
	struct state_header header;
	size_t length;
	uint8_t *bytes = leave_file(scratch, &length);

	header = read_header(scratch->path);
	header.regions[STATE_POOL_ROWS].offset += 4096;
	write_header(scratch, &header);
	assert_cold(scratch, &small, STATE_COLD_DAMAGED);
	write_file(scratch, bytes, length - 1);
	assert_cold(scratch, &small, STATE_COLD_DAMAGED);
	write_file(scratch, bytes, sizeof(header.magic));
	assert_cold(scratch, &small, STATE_COLD_DAMAGED);
	free(bytes);
}

static void assert_left_alone(const struct scratch *scratch, const void *bytes, size_t length)
{
	uint8_t found[64] = { 0 };
	int file;

	write_file(scratch, bytes, length);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_FOREIGN);
	file = open(scratch->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(file, found, sizeof(found)), length);
	assert_memory_equal(found, bytes, length);
	close(file);
}

static void a_file_that_is_not_a_state_file_is_left_alone(void **state)
{
	static const char document[] = "{ \"node\": { \"name\": \"edge-1\" } }\n";
	const struct scratch *scratch = *state;
	uint64_t magic = STATE_MAGIC + 1;
	size_t length;

	free(leave_file(scratch, &length));
	assert_left_alone(scratch, document, strlen(document));
	assert_left_alone(scratch, &magic, sizeof(magic));
	assert_left_alone(scratch, "s", 1);
}

/* What version 1 wrote first; it had all that follows in other places. */
static void a_file_of_another_version_is_not_adopted(void **state)
{
	static const struct {
		uint64_t magic;
		uint32_t version, header_size, pid;
		uint8_t rest[4096];
	} version_1 = { .magic = STATE_MAGIC, .version = 1, .header_size = 160, .pid = 4711 };
	const struct scratch *scratch = *state;
	struct state_header header;

	leave_full_file(scratch);
	header = read_header(scratch->path);
	header.version = STATE_VERSION + 1;
	write_header(scratch, &header);
	assert_cold(scratch, &small, STATE_COLD_VERSION);
	write_file(scratch, &version_1, sizeof(version_1));
	assert_cold(scratch, &small, STATE_COLD_VERSION);
}

static void a_file_from_before_the_last_boot_is_not_adopted(void **state)
{
	const struct scratch *scratch = *state;
	struct state_header header;

	leave_full_file(scratch);
	header = read_header(scratch->path);
	header.boot_id[15] ^= 1;
	write_header(scratch, &header);
	assert_cold(scratch, &small, STATE_COLD_BOOT);
	header = read_header(scratch->path);
	memset(header.boot_id, 0, sizeof(header.boot_id)); /* unknown is not the same */
	write_header(scratch, &header);
	assert_cold(scratch, &small, STATE_COLD_BOOT_UNKNOWN);
}

static void boots_that_are_unknown_are_not_the_same(void **state)
{
	struct state_header a = { .boot_id = { 1 } }, b = { .boot_id = { 1 } };

	assert_true(state_header_same_boot(&a, &b));
	a.boot_id[0] = b.boot_id[0] = 0;
	assert_false(state_header_same_boot(&a, &b));
}

static void a_file_of_another_key_is_not_adopted(void **state)
{
	const struct scratch *scratch = *state;
	struct state_refusal refusal;
	struct state *opened;

	leave_full_file(scratch);
	assert_int_equal(
		state_open(scratch->path, &small, STATE_FIXTURE_KEY + 1, &opened, &refusal), 0);
	assert_int_equal(state_start(opened), STATE_COLD_KEY);
	assert_null(state_before(opened));
	assert_int_equal(committed_sum(scratch, opened), 0);
	state_close(opened);
	assert_cold(scratch, &small, STATE_COLD_KEY);
}

static void every_kind_of_start_has_a_sentence(void **state)
{
	for (int start = 0; start < STATE_START_COUNT; start++)
		assert_true(strlen(state_start_text(start)) > 0);
}

/* Again and again, as a supervisor that restarts a process would. */
static void a_killed_start_leaves_what_was_there_before(void **state)
{
	const struct scratch *scratch = *state;

	leave_full_file(scratch);
	for (int i = 0; i < 3; i++) {
		struct state *opened;

		kill_a_start(scratch);
		assert_int_not_equal(read_header(scratch->next_path).pid, getpid());
		opened = open_state(scratch, &small);
		assert_int_equal(state_start(opened), STATE_WARM);
		assert_full(state_before(opened));
		assert_int_equal(read_header(scratch->next_path).pid, getpid());
		fill(opened);
		commit(opened);
		assert_false(exists(scratch->next_path));
		state_close(opened);
	}
	assert_warm(scratch);
}

static void a_start_that_is_given_up_leaves_what_was_there_before(void **state)
{
	const struct scratch *scratch = *state;
	struct state *opened;
	size_t length, length_after;
	uint8_t *before, *after;

	leave_full_file(scratch);
	before = read_file(scratch, &length);
	for (int i = 0; i < 2; i++) {
		opened = open_state(scratch, &small);
		memset(state_pins(opened), 0xff, pins_memory(small.pin_buckets));
		if (i == 0)
			state_discard(opened);
		else
			state_close(opened);
		assert_false(exists(scratch->next_path));
		after = read_file(scratch, &length_after);
		assert_int_equal(length_after, length);
		assert_memory_equal(after, before, length);
		free(after);
	}
	free(before);
	assert_warm(scratch);
}

static void a_first_start_that_is_given_up_leaves_nothing(void **state)
{
	const struct scratch *scratch = *state;

	state_discard(open_state(scratch, &small));
	assert_false(exists(scratch->path));
	assert_false(exists(scratch->next_path));
}

static void a_committed_file_that_is_discarded_is_gone(void **state)
{
	const struct scratch *scratch = *state;

	leave_full_file(scratch);
	state_discard(start_state(scratch, &small));
	assert_false(exists(scratch->path));
	assert_cold(scratch, &small, STATE_COLD_ABSENT);
}

static void a_file_that_cannot_take_the_name_changes_nothing(void **state)
{
	const struct scratch *scratch = *state;
	struct state_refusal refusal;
	struct state_reader *reader;
	struct state *opened;
	uint64_t generation;

	leave_full_file(scratch);
	assert_int_equal(state_attach(scratch->path, &reader), 0);
	generation = state_reader_generation(reader);
	opened = open_state(scratch, &small);
	assert_int_equal(unlink(scratch->next_path), 0); /* somebody's mistake */
	assert_int_equal(state_commit(opened, &refusal), -ESTALE);
	assert_int_equal(refusal.reason, STATE_REFUSED_FILE);
	assert_int_equal(refusal.code, -ESTALE);
	assert_full(state_before(opened));
	assert_int_equal(state_reader_generation(reader), generation);
	state_discard(opened);
	state_detach(reader);
	assert_warm(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(the_next_process_finds_what_the_one_before_left),
		SCRATCH_TEST(room_for_services_and_backends_never_shrinks),
		SCRATCH_TEST(a_larger_file_adopts_a_smaller_one),
		SCRATCH_TEST(nothing_beyond_the_file_before_is_handed_out),
		SCRATCH_TEST(a_start_without_a_file_is_cold),
		SCRATCH_TEST(a_first_start_that_was_killed_left_an_unfinished_file),
		SCRATCH_TEST(a_damaged_file_is_not_adopted),
		SCRATCH_TEST(a_file_that_is_not_a_state_file_is_left_alone),
		SCRATCH_TEST(a_file_of_another_version_is_not_adopted),
		SCRATCH_TEST(a_file_from_before_the_last_boot_is_not_adopted),
		cmocka_unit_test(boots_that_are_unknown_are_not_the_same),
		SCRATCH_TEST(a_file_of_another_key_is_not_adopted),
		cmocka_unit_test(every_kind_of_start_has_a_sentence),
		SCRATCH_TEST(a_killed_start_leaves_what_was_there_before),
		SCRATCH_TEST(a_start_that_is_given_up_leaves_what_was_there_before),
		SCRATCH_TEST(a_first_start_that_is_given_up_leaves_nothing),
		SCRATCH_TEST(a_committed_file_that_is_discarded_is_gone),
		SCRATCH_TEST(a_file_that_cannot_take_the_name_changes_nothing),
	};

	return cmocka_run_group_tests_name("state_adopt", tests, NULL, NULL);
}
