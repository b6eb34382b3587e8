/* SPDX-License-Identifier: BSD-3-Clause */
/* What a process sees of the state file that is not its owner. */
#include "state_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encap/record.h"
#include "affinity/pins.h"
#include "affinity/slots.h"
#include "packet/flow.h"

static void a_reader_sees_what_owner_and_workers_write(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	struct state *opened;
	struct state_reader *reader;
	const struct state_header *header;
	const struct worker_counters *seen;
	uint32_t first, record, backend;

	layout.workers = 2;
	opened = start_state(scratch, &layout);
	assert_int_equal(state_attach(scratch->path, &reader), 0);
	header = state_reader_header(reader);
	assert_int_equal(header->pid, getpid());
	assert_int_equal(header->verdicts, VERDICT_COUNT);
	assert_memory_equal(&header->layout, &layout, sizeof(layout));
	assert_true(header->boot_id[6] >> 4 == 4); /* Linux makes it as a UUID of version 4 */

	assert_int_equal(read_everything(reader), 0);
	assert_int_equal(state_slots_allocate(opened, 251, &first), 0);
	slot_store(state_slots(opened, first + 250), slot_pack(7, 9));
	assert_int_equal(slot_home(slot_load(state_reader_slots(reader, first + 250))), 9);
	record = state_records_allocate(opened);
	state_record(opened, record)->mtu = 1500;
	assert_int_equal(state_reader_record(reader, record)->mtu, 1500);

	backend = counters_backend_cell(layout.services, 4);
	state_counters(opened, 1)->verdicts[VERDICT_FORWARDED] = 11;
	state_counters(opened, 1)->ports[15].tx_bytes = 12;
	state_counters(opened, 1)->counters[counters_service_cell(2)].new_flows = 13;
	state_counters(opened, 1)->counters[backend].bytes = 14;
	seen = state_reader_counters(reader, 1);
	assert_int_equal(counter_read(&seen->verdicts[VERDICT_FORWARDED]), 11);
	assert_int_equal(counter_read(&seen->ports[15].tx_bytes), 12);
	assert_int_equal(counter_read(&seen->counters[2].new_flows), 13);
	assert_int_equal(counter_read(&seen->counters[7].bytes), 14);
	assert_int_equal(counter_read(&state_reader_counters(reader, 0)->ports[15].tx_bytes), 0);

	assert_null(state_reader_slots(reader, layout.slot_words));
	assert_null(state_reader_record(reader, layout.records));
	assert_null(state_reader_counters(reader, layout.workers));
	state_detach(reader);
	state_close(opened);
}

static void a_reader_notices_renumbering_and_a_new_owner(void **state)
{
	const struct scratch *scratch = *state;
	struct state *opened = start_state(scratch, &small);
	struct state_reader *reader, *late;
	uint64_t generation;

	assert_int_equal(state_attach(scratch->path, &reader), 0);
	generation = state_reader_generation(reader);
	assert_int_not_equal(generation, 0);
	assert_int_equal(state_reader_generation(reader), generation);
	state_generation_advance(opened);
	assert_int_not_equal(state_reader_generation(reader), generation);
	generation = state_reader_generation(reader);
	state_close(opened);
	assert_int_equal(state_reader_generation(reader), generation);
	opened = open_state(scratch, &small);
	assert_int_equal(state_reader_generation(reader), generation);
	commit(opened);
	assert_int_equal(state_reader_generation(reader), 0);
	assert_int_equal(state_attach(scratch->path, &late), 0);
	assert_int_not_equal(state_reader_generation(late), 0);
	assert_int_not_equal(state_reader_generation(late), generation);
	state_detach(late);
	state_detach(reader);
	state_close(opened);
}

static void a_smaller_successor_does_not_pull_the_file_from_under_a_reader(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout large = small;
	struct state_reader *reader;
	struct stat status;

	large.slot_words = 1 << 20;
	state_close(start_state(scratch, &large));
	assert_int_equal(state_attach(scratch->path, &reader), 0);
	state_close(start_state(scratch, &small));
	assert_int_equal(stat(scratch->path, &status), 0);
	assert_int_equal(status.st_size, state_memory(&small));
	assert_int_equal(state_reader_header(reader)->layout.slot_words, large.slot_words);
	read_everything(reader);
	state_detach(reader);
	assert_int_equal(state_attach(scratch->path, &reader), 0);
	assert_int_equal(read_everything(reader), 0);
	state_detach(reader);
}

/* What attaching to a file with a flipped byte at `at` must say. */
static int expected_of_flip(size_t at)
{
	if (at >= offsetof(struct state_header, version) &&
		at < offsetof(struct state_header, header_size))
		return -EPROTONOSUPPORT;
	if (at < offsetof(struct state_header, reader_generation))
		return -EINVAL;
	if (at >= offsetof(struct state_header, ready) &&
		at < offsetof(struct state_header, ready) + sizeof(uint32_t))
		return -EAGAIN;
	return 0;
}

/* Names of pin tables are not under the checksum: what fits into the file is as good as any. */
static bool is_name_of_pins(size_t at)
{
	return at >= offsetof(struct state_header, pin_tables) && at < sizeof(struct state_header);
}

static void a_reader_survives_every_flipped_byte_of_the_header(void **state)
{
	const struct scratch *scratch = *state;
	size_t length;
	uint8_t *bytes = leave_file(scratch, &length);
	int file = open(scratch->path, O_RDWR);

	for (size_t i = 0; i < 3 * 256; i++) { /* three patterns for each byte */
		static const uint8_t patterns[] = { 0x01, 0x80, 0xff };
		size_t at = i / 3;
		uint8_t flipped = bytes[at] ^ patterns[i % 3];
		struct state_reader *reader;
		int result;

		assert_int_equal(pwrite(file, &flipped, 1, at), 1);
		result = state_attach(scratch->path, &reader);
		if (!is_name_of_pins(at) || result != -EINVAL)
			assert_int_equal(result, expected_of_flip(at));
		if (result == 0) {
			read_everything(reader);
			state_detach(reader);
		}
		assert_int_equal(pwrite(file, &bytes[at], 1, at), 1);
	}
	close(file);
	free(bytes);
}

/* A header whose numbers lie, but whose checksum is right. */
static void a_reader_believes_no_number_for_its_checksum(void **state)
{
	static const uint64_t lies[] = { 0, 1, 4095, 4096, 1 << 20, INT32_MAX, UINT32_MAX,
		INT64_MAX, UINT64_MAX - 4095, UINT64_MAX };
	const struct scratch *scratch = *state;
	size_t length, refusals = 0;
	uint8_t *bytes = leave_file(scratch, &length);
	struct state_header header, truth;

	memcpy(&truth, bytes, sizeof(truth));
	for (size_t at = offsetof(struct state_header, file_size);
		at < offsetof(struct state_header, checksum); at += 4) {
		for (size_t i = 0; i < COUNT_OF(lies); i++) {
			struct state_reader *reader;
			int result;

			header = truth;
			memcpy((uint8_t *)&header + at, &lies[i],
				at < offsetof(struct state_header, regions) ? 4 : 8);
			header.checksum =
				XXH3_64bits(&header, offsetof(struct state_header, checksum));
			memcpy(bytes, &header, sizeof(header));
			write_file(scratch, bytes, length);
			result = state_attach(scratch->path, &reader);
			if (result == 0) {
				read_everything(reader);
				state_detach(reader);
			} else {
				assert_int_equal(result, -EINVAL);
				refusals++;
			}
		}
	}
	/* harmless: what happens to be true, fewer ports, another key */
	assert_true(refusals > 380);
	free(bytes);
}

static void a_reader_survives_a_file_cut_short(void **state)
{
	const struct scratch *scratch = *state;
	size_t length;
	uint8_t *bytes = leave_file(scratch, &length);

	for (size_t cut = 1; cut < length; cut += cut < 512 ? 1 : 511) {
		struct state_reader *reader;

		assert_int_equal(truncate(scratch->path, cut), 0);
		assert_int_equal(state_attach(scratch->path, &reader), -EINVAL);
		write_file(scratch, bytes, length);
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_ADDRESS__
#endif
		SCRATCH_TEST(a_reader_sees_what_owner_and_workers_write),
		SCRATCH_TEST(a_reader_notices_renumbering_and_a_new_owner),
		SCRATCH_TEST(a_smaller_successor_does_not_pull_the_file_from_under_a_reader),
		SCRATCH_TEST(a_reader_survives_every_flipped_byte_of_the_header),
		SCRATCH_TEST(a_reader_believes_no_number_for_its_checksum),
		SCRATCH_TEST(a_reader_survives_a_file_cut_short),
	};

	return cmocka_run_group_tests_name("state_reader", tests, NULL, NULL);
}
