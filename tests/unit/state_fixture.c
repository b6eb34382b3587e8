/* SPDX-License-Identifier: BSD-3-Clause */
#include "state_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "affinity/pins.h"
#include "encap/record.h"

const struct state_layout small = {
	.workers = 1,
	.ports = 2,
	.services = 3,
	.backends = 5,
	.slot_words = 512,
	.records = 8,
	.pools = 2,
	.pin_buckets = 4,
};

int open_scratch(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	strcpy(scratch->root, "/tmp/sluice-state-XXXXXX");
	if (!mkdtemp(scratch->root))
		return -1;
	snprintf(scratch->directory, sizeof(scratch->directory), "%s/sluice", scratch->root);
	snprintf(scratch->path, sizeof(scratch->path), "%s/state", scratch->directory);
	snprintf(scratch->next_path, sizeof(scratch->next_path), "%s/.state.new",
		scratch->directory);
	*state = scratch;
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

int close_scratch(void **state)
{
	struct scratch *scratch = *state;
	int result = nftw(scratch->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);

	free(scratch);
	return result;
}

struct state *open_state(const struct scratch *scratch, const struct state_layout *layout)
{
	struct state_refusal refusal;
	struct state *opened = NULL;

	assert_int_equal(
		state_open(scratch->path, layout, STATE_FIXTURE_KEY, &opened, &refusal), 0);
	assert_non_null(opened);
	return opened;
}

void commit(struct state *state)
{
	struct state_refusal refusal;

	assert_int_equal(state_commit(state, &refusal), 0);
}

struct state *start_state(const struct scratch *scratch, const struct state_layout *layout)
{
	struct state *opened = open_state(scratch, layout);

	commit(opened);
	return opened;
}

struct state_refusal refused(const char *path, const struct state_layout *layout)
{
	struct state_refusal refusal;
	struct state *opened = NULL;
	int result = state_open(path, layout, STATE_FIXTURE_KEY, &opened, &refusal);

	assert_true(result < 0);
	assert_int_equal(result, refusal.code);
	assert_null(opened);
	assert_true(strlen(state_refusal_text(refusal.reason)) > 0);
	return refusal;
}

void kill_a_start(const struct scratch *scratch)
{
	struct state_refusal refusal;
	struct state *opened;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (state_open(scratch->path, &small, STATE_FIXTURE_KEY, &opened, &refusal) != 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

void write_file(const struct scratch *scratch, const void *bytes, size_t length)
{
	int file = open(scratch->path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_true(file >= 0);
	assert_int_equal(write(file, bytes, length), length);
	close(file);
}

uint8_t *read_file(const struct scratch *scratch, size_t *length)
{
	struct stat status;
	uint8_t *bytes;
	int file = open(scratch->path, O_RDONLY);

	assert_true(file >= 0);
	assert_int_equal(fstat(file, &status), 0);
	*length = status.st_size;
	bytes = malloc(*length + 1);
	assert_non_null(bytes);
	assert_int_equal(read(file, bytes, *length), *length);
	close(file);
	return bytes;
}

uint8_t *leave_file(const struct scratch *scratch, size_t *length)
{
	state_close(start_state(scratch, &small));
	return read_file(scratch, length);
}

bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* Counters are always there, so that the mapping can be found by them. */
static uint64_t add_up(const struct state_reader *reader, const void *bytes, size_t length)
{
	const struct state_header *header = state_reader_header(reader);
	const uint8_t *first = bytes;
	const uint8_t *base = (const uint8_t *)state_reader_counters(reader, 0) -
			      header->regions[STATE_COUNTERS].offset;
	uint64_t sum = 0;

	assert_non_null(bytes);
	assert_true(first >= base + sizeof(*header));
	assert_true(first + length <= base + header->file_size);
	for (size_t i = 0; i < length; i++)
		sum += first[i];
	return sum;
}

static uint64_t read_rows(const struct state_reader *reader)
{
	const struct state_layout *layout = &state_reader_header(reader)->layout;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < layout->pools; i++)
		sum += add_up(
			reader, state_reader_pool_row(reader, i), sizeof(struct identity_pool));
	for (uint32_t i = 0; i < layout->backends; i++)
		sum += add_up(reader, state_reader_backend_row(reader, i),
			sizeof(struct identity_backend));
	for (uint32_t i = 0; i < layout->services; i++)
		sum += add_up(reader, state_reader_service_row(reader, i),
			sizeof(struct identity_service));
	for (uint32_t i = 0; i < layout->backends; i++)
		sum += add_up(
			reader, state_reader_health_row(reader, i), sizeof(struct state_health));
	return sum;
}

static uint64_t read_pins(const struct state_reader *reader)
{
	struct state_reader_pins tables[STATE_PIN_TABLES];
	uint32_t count = state_reader_list_pins(reader, tables);
	uint64_t sum = 0;

	assert_in_range(count, 1, STATE_PIN_TABLES);
	for (uint32_t i = 0; i < count; i++)
		for (uint64_t k = 0; k < pins_memory(tables[i].bucket_count); k++)
			sum += ((const uint8_t *)tables[i].memory)[k];
	return sum;
}

uint64_t read_everything(const struct state_reader *reader)
{
	const struct state_header *header = state_reader_header(reader);
	const struct state_layout *layout = &header->layout;
	uint64_t sum = read_rows(reader);

	for (uint32_t i = 0; i < layout->slot_words; i++)
		sum += add_up(reader, (const void *)state_reader_slots(reader, i), 4);
	for (uint32_t i = 0; i < layout->records; i++)
		sum += add_up(reader, state_reader_record(reader, i), STATE_RECORD_SIZE);
	for (uint32_t i = 0; i < layout->workers; i++)
		sum += add_up(reader, state_reader_counters(reader, i), header->worker_stride);
	return sum + read_pins(reader);
}
