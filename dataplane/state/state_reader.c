/* SPDX-License-Identifier: BSD-3-Clause */
#include "state/state_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

#include "affinity/pins.h"
#include "encap/record.h"
#include "affinity/slots.h"
#include "state/state_file.h"

#define COPY_ATTEMPTS 1000 /* each followed by 0.1 ms of sleep: far longer than a write takes */

struct state_reader {
	const struct state_header *base; /* of the mapping */
	uint64_t size;                   /* of the mapping; tables of pins follow the layout */
	int descriptor;                  /* our own */
	struct state_header plan; /* the validated header: our own copy, which does not change */
};

static int read_header(int file, struct state_header *header, uint64_t *size)
{
	struct stat status;
	ssize_t length;

	if (fstat(file, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_size == 0)
		return -EAGAIN; /* the first start here: its file has no name yet */
	*size = status.st_size;
	length = pread(file, header, sizeof(*header), 0);
	if (length < 0)
		return -errno;
	return length == sizeof(*header) ? state_header_validate(header, status.st_size) : -EINVAL;
}

static int map_reader(struct state_reader *reader, int file)
{
	void *base;
	int result = read_header(file, &reader->plan, &reader->size);

	if (result != 0)
		return result;
	reader->descriptor = fcntl(file, F_DUPFD_CLOEXEC, 0);
	if (reader->descriptor < 0)
		return -errno;
	base = mmap(NULL, reader->size, PROT_READ, MAP_SHARED, file, 0);
	if (base == MAP_FAILED)
		return -errno;
	reader->base = base;
	/* A file that is being made has its header written at any moment. */
	if (memcmp(base, &reader->plan, STATE_HEADER_CONSTANT_SIZE) != 0)
		return -EAGAIN;
	return 0;
}

int state_attach_file(int descriptor, struct state_reader **attached)
{
	struct state_reader *reader = calloc(1, sizeof(*reader));
	int result = -ENOMEM;

	if (reader) {
		reader->descriptor = -1;
		result = map_reader(reader, descriptor);
	}
	if (result == 0)
		*attached = reader;
	else
		state_detach(reader);
	return result;
}

int state_attach(const char *path, struct state_reader **attached)
{
	int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int result;

	if (file < 0)
		return -errno;
	result = state_attach_file(file, attached);
	close(file);
	return result;
}

void state_detach(struct state_reader *reader)
{
	if (!reader)
		return;
	if (reader->base)
		munmap((void *)reader->base, reader->size);
	if (reader->descriptor >= 0)
		close(reader->descriptor);
	free(reader);
}

const struct state_header *state_reader_header(const struct state_reader *reader)
{
	return &reader->plan;
}

uint64_t state_reader_generation(const struct state_reader *reader)
{
	const struct state_header *header = reader->base;

	if (atomic_load_explicit(&header->ready, memory_order_acquire) != STATE_READY)
		return 0;
	return atomic_load_explicit(&header->reader_generation, memory_order_acquire);
}

bool state_reader_has_owner(const struct state_reader *reader)
{
	return state_file_has_owner(reader->descriptor);
}

const struct state_header *state_reader_live_header(const struct state_reader *reader)
{
	return reader->base;
}

/* Whether the copy is consistent. */
static bool copy_once(
	const struct state_reader *reader, const void *row, size_t length, void *copy, bool *odd)
{
	const _Atomic uint64_t *sequence = &reader->base->rows_sequence;
	uint64_t before = atomic_load_explicit(sequence, memory_order_acquire);

	*odd = before % 2 == 1;
	memcpy(copy, row, length);
	atomic_thread_fence(memory_order_acquire);
	return !*odd && atomic_load_explicit(sequence, memory_order_relaxed) == before;
}

int state_reader_copy_row(
	const struct state_reader *reader, const void *row, size_t length, void *copy)
{
	static const struct timespec moment = { .tv_nsec = 100000 };
	bool odd;

	for (unsigned int i = 0; i < COPY_ATTEMPTS; i++) {
		if (state_reader_generation(reader) == 0)
			return -ESTALE;
		if (copy_once(reader, row, length, copy, &odd))
			return 0;
		/* try once more: the owner may have finished writing before it died */
		if (odd && !state_reader_has_owner(reader)) {
			copy_once(reader, row, length, copy, &odd);
			return 0;
		}
		nanosleep(&moment, NULL);
	}
	return -EAGAIN;
}

const _Atomic uint32_t *state_reader_slots(const struct state_reader *reader, uint32_t first)
{
	if (first >= reader->plan.layout.slot_words)
		return NULL;
	return (const _Atomic uint32_t *)state_header_region(
		       &reader->plan, reader->base, STATE_SLOTS) +
	       first;
}

void state_reader_copy_slots(
	const struct state_reader *reader, uint32_t first, uint32_t count, uint32_t *words)
{
	off_t offset = reader->plan.regions[STATE_SLOTS].offset + first * sizeof(*words);
	ssize_t length = pread(reader->descriptor, words, count * sizeof(*words), offset);
	uint32_t done = length < 0 ? 0 : length / sizeof(*words);
	const _Atomic uint32_t *rest = state_reader_slots(reader, first);

	for (uint32_t i = done; i < count; i++)
		words[i] = slot_load(&rest[i]);
}

const struct backend_record *state_reader_record(const struct state_reader *reader, uint32_t record)
{
	if (record >= reader->plan.layout.records)
		return NULL;
	return (const struct backend_record *)state_header_region(
		       &reader->plan, reader->base, STATE_RECORDS) +
	       record;
}

const struct worker_counters *state_reader_counters(
	const struct state_reader *reader, uint32_t worker)
{
	const uint8_t *blocks = state_header_region(&reader->plan, reader->base, STATE_COUNTERS);

	if (worker >= reader->plan.layout.workers)
		return NULL;
	return (const struct worker_counters *)(blocks + worker * reader->plan.worker_stride);
}

/* Address of element `number` of an array with elements of that size, or NULL beyond `count`. */
static const void *find(const struct state_reader *reader, enum state_region region,
	uint32_t number, uint32_t count, size_t size)
{
	const uint8_t *first = state_header_region(&reader->plan, reader->base, region);

	return number < count ? first + number * size : NULL;
}

const struct identity_pool *state_reader_pool_row(
	const struct state_reader *reader, uint32_t number)
{
	return find(reader, STATE_POOL_ROWS, number, reader->plan.layout.pools,
		sizeof(struct identity_pool));
}

const struct identity_backend *state_reader_backend_row(
	const struct state_reader *reader, uint32_t gid)
{
	return find(reader, STATE_BACKEND_ROWS, gid, reader->plan.layout.backends,
		sizeof(struct identity_backend));
}

const struct identity_service *state_reader_service_row(
	const struct state_reader *reader, uint32_t cell)
{
	return find(reader, STATE_SERVICE_ROWS, cell, reader->plan.layout.services,
		sizeof(struct identity_service));
}

const struct state_health *state_reader_health_row(const struct state_reader *reader, uint32_t gid)
{
	return find(reader, STATE_HEALTH_ROWS, gid, reader->plan.layout.backends,
		sizeof(struct state_health));
}

uint32_t state_reader_list_pins(
	const struct state_reader *reader, struct state_reader_pins pins[STATE_PIN_TABLES])
{
	uint32_t count = 0;
	uint64_t last = 0;

	for (int i = STATE_PIN_TABLES - 1; i >= 0; i--) {
		uint64_t name = reader->plan.pin_tables[i];

		if (name == 0 || name == last)
			continue;
		pins[count].memory = (const uint8_t *)reader->base + state_pins_name_offset(name);
		pins[count++].bucket_count = state_pins_name_buckets(name);
		last = name;
	}
	return count;
}

/* Where the next bytes that are not a hole begin; `end`: nowhere. A file system may not know. */
static off_t find_data(const struct state_reader *reader, off_t from, off_t end)
{
	off_t data = lseek(reader->descriptor, from, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? end : from;
	return data < end ? data : end;
}

static off_t find_hole(const struct state_reader *reader, off_t from, off_t end)
{
	off_t hole = lseek(reader->descriptor, from, SEEK_HOLE);

	return hole <= from || hole > end ? end : hole;
}

/*
 * Pages of zeroes stay unwritten in `to`, which is new: one that was only read, by a sweep or to
 * lock it, is no hole any more.
 */
static void copy_pages(uint8_t *to, const uint8_t *from, size_t length)
{
	static const uint8_t zero[STATE_PAGE_SIZE];
	size_t piece;

	for (size_t at = 0; at < length; at += piece) {
		piece = RTE_MIN(sizeof(zero), length - at);
		if (memcmp(from + at, zero, piece) != 0)
			memcpy(to + at, from + at, piece);
	}
}

void state_reader_copy_pins(
	const struct state_reader *reader, const struct state_reader_pins *pins, void *to)
{
	const uint8_t *base = (const uint8_t *)reader->base;
	off_t first = (const uint8_t *)pins->memory - base;
	off_t end = first + pins_memory(pins->bucket_count), hole;

	for (off_t at = find_data(reader, first, end); at < end;
		at = find_data(reader, hole, end)) {
		hole = find_hole(reader, at, end);
		copy_pages((uint8_t *)to + (at - first), base + at, hole - at);
		if (hole == end)
			break;
	}
}
