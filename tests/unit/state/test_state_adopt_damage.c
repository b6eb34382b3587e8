/* SPDX-License-Identifier: BSD-3-Clause */
/* A start survives whatever bytes it finds in the state file. */
#include "full_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <rte_common.h>

#include "affinity/pins.h"
#include "affinity/slots.h"

#define LOOKED_AT UINT64_C(1500) /* bytes of rows of a kind: several rows of each */

/* Everything that adopting looks at; the sum is there so that it has to be looked at. */
static uint64_t walk(const struct state_reader *before)
{
	const struct state_layout *layout = &state_reader_header(before)->layout;
	uint64_t sum = read_everything(before);

	for (uint32_t i = 0; i < layout->pools; i++) {
		const struct identity_pool *row = state_reader_pool_row(before, i);

		if (!identity_pool_is_sound(row, layout))
			continue;
		sum += strlen(row->name);
		for (uint32_t j = 0; j < row->slots; j++) {
			assert_non_null(state_reader_slots(before, row->first_word + j));
			sum += slot_load(state_reader_slots(before, row->first_word + j));
		}
	}
	for (uint32_t i = 0; i < layout->backends; i++) {
		const struct identity_backend *row = state_reader_backend_row(before, i);

		if (identity_backend_is_sound(row, layout, NOW_S))
			sum += strlen(row->name) + strlen(row->key) + row->pool;
	}
	for (uint32_t i = 0; i < layout->backends; i++) {
		const struct state_health *row = state_reader_health_row(before, i);
		struct health_change changes[HEALTH_CHANGES_MAX];

		if (health_row_is_sound(row))
			sum += health_row_list(row, changes) + row->status;
	}
	for (uint32_t i = 0; i < layout->services; i++)
		sum += identity_service_is_sound(state_reader_service_row(before, i));
	return sum;
}

/* Opens over whatever is there, looks at all of it and leaves it. */
static enum state_start try(const struct scratch *scratch)
{
	struct state *opened = open_state(scratch, &small);
	enum state_start start = state_start(opened);

	assert_int_equal(state_before(opened) != NULL, start == STATE_WARM);
	if (start == STATE_WARM) {
		assert_true(walk(state_before(opened)) > 0);
		if (pins_before(state_before(opened)).bucket_count == small.pin_buckets)
			assert_memory_equal(state_pins(opened),
				pins_before(state_before(opened)).memory,
				pins_memory(small.pin_buckets));
	}
	state_close(opened);
	return start;
}

/* What a start must make of a file with that byte of its header flipped. */
static enum state_start expected_of_flip(size_t at)
{
	if (at >= offsetof(struct state_header, version) &&
		at < offsetof(struct state_header, header_size))
		return STATE_COLD_VERSION;
	if (at < offsetof(struct state_header, reader_generation))
		return STATE_COLD_DAMAGED;
	if (at >= offsetof(struct state_header, ready) &&
		at < offsetof(struct state_header, unused))
		return STATE_COLD_UNFINISHED;
	return STATE_WARM;
}

static void flip(int file, size_t at, uint8_t pattern)
{
	uint8_t byte;

	assert_int_equal(pread(file, &byte, 1, at), 1);
	byte ^= pattern;
	assert_int_equal(pwrite(file, &byte, 1, at), 1);
}

/* Names of pin tables are not under the checksum: what fits into the file is as good as any. */
static bool is_name_of_pins(size_t at)
{
	return at >= offsetof(struct state_header, pin_tables) && at < sizeof(struct state_header);
}

static void a_start_survives_every_flipped_byte_of_the_header(void **state)
{
	static const uint8_t patterns[] = { 0x01, 0x80, 0xff };
	const struct scratch *scratch = *state;
	int file;

	leave_full_file(scratch);
	file = open(scratch->path, O_RDWR);
	for (size_t at = 0; at < sizeof(struct state_header); at++)
		for (size_t i = 0; i < COUNT_OF(patterns); i++) {
			flip(file, at, patterns[i]);
			if (at < sizeof(uint64_t)) /* of the magic */
				assert_int_equal(refused(scratch->path, &small).reason,
					STATE_REFUSED_FOREIGN);
			else if (is_name_of_pins(at))
				assert_in_set((uintmax_t)try(scratch),
					((const uintmax_t[]){ STATE_WARM, STATE_COLD_DAMAGED }), 2);
			else
				assert_int_equal(try(scratch), expected_of_flip(at));
			flip(file, at, patterns[i]);
		}
	close(file);
	assert_warm(scratch);
}

static void a_start_survives_every_flipped_byte_of_the_rows(void **state)
{
	static const enum state_region regions[] = { STATE_POOL_ROWS, STATE_BACKEND_ROWS,
		STATE_SERVICE_ROWS, STATE_HEALTH_ROWS };
	const struct scratch *scratch = *state;
	struct state_header header;
	int file;

	leave_full_file(scratch);
	header = read_header(scratch->path);
	file = open(scratch->path, O_RDWR);
	for (size_t i = 0; i < COUNT_OF(regions); i++)
		for (size_t at = 0; at < RTE_MIN(header.regions[regions[i]].length, LOOKED_AT);
			at++) {
			flip(file, header.regions[regions[i]].offset + at, 0xff);
			assert_int_equal(try(scratch), STATE_WARM);
			flip(file, header.regions[regions[i]].offset + at, 0xff);
		}
	close(file);
	assert_warm(scratch);
}

static void a_start_survives_any_bytes_behind_a_sound_header(void **state)
{
	const struct scratch *scratch = *state;
	unsigned int random = 1;
	uint8_t *bytes, *damaged;
	size_t length;

	leave_full_file(scratch);
	bytes = read_file(scratch, &length);
	damaged = malloc(length);
	for (int i = 0; i < 200; i++) {
		memcpy(damaged, bytes, length);
		for (uint32_t flips = rand_r(&random) % 2000; flips > 0; flips--)
			damaged[STATE_PAGE_SIZE + rand_r(&random) % (length - STATE_PAGE_SIZE)] =
				rand_r(&random);
		write_file(scratch, damaged, length);
		assert_int_equal(try(scratch), STATE_WARM);
	}
	memset(damaged + STATE_PAGE_SIZE, 0xff, length - STATE_PAGE_SIZE);
	write_file(scratch, damaged, length);
	assert_int_equal(try(scratch), STATE_WARM);
	free(damaged);
	free(bytes);
}

static void a_start_survives_rubbish_of_any_length(void **state)
{
	const struct scratch *scratch = *state;
	unsigned int random = 1;
	uint8_t *bytes, *rubbish;
	size_t length;

	bytes = leave_file(scratch, &length);
	rubbish = malloc(2 * length);
	for (int i = 0; i < 100; i++) {
		size_t cut = 1 + rand_r(&random) % (2 * length - 1);

		for (size_t at = 0; at < cut; at++)
			rubbish[at] = i == 0 ? 0xff : rand_r(&random);
		if (i % 2) /* a header that is right, before rubbish */
			memcpy(rubbish, bytes, sizeof(struct state_header));
		else
			memcpy(rubbish, bytes, sizeof(uint64_t)); /* its magic */
		cut = cut < sizeof(uint64_t) ? sizeof(uint64_t) : cut;
		write_file(scratch, rubbish, cut);
		assert_int_equal(try(scratch) == STATE_WARM, i % 2 && cut >= length);
	}
	free(rubbish);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(a_start_survives_every_flipped_byte_of_the_header),
		SCRATCH_TEST(a_start_survives_every_flipped_byte_of_the_rows),
		SCRATCH_TEST(a_start_survives_any_bytes_behind_a_sound_header),
		SCRATCH_TEST(a_start_survives_rubbish_of_any_length),
	};

	return cmocka_run_group_tests_name("state_adopt_damage", tests, NULL, NULL);
}
