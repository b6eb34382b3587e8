/* SPDX-License-Identifier: BSD-3-Clause */
#include "state/state_header.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "packet/flow.h"
#include "state/health_row.h"
#include "state/identity.h"
#include "affinity/pins.h"
#include "encap/record.h"

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + STATE_PAGE_SIZE - 1) / STATE_PAGE_SIZE * STATE_PAGE_SIZE;
}

int state_header_lay_out(struct state_header *header, const struct state_layout *layout)
{
	uint64_t offset = STATE_PAGE_SIZE;

	if (layout->workers == 0 || layout->workers > STATE_WORKERS_MAX ||
		layout->records < RECORD_MODE_COUNT || layout->ports > COUNTERS_PORT_ROOM ||
		layout->pin_buckets == 0 || layout->pin_buckets > PINS_BUCKETS_MAX)
		return -EINVAL;
	header->layout = *layout;
	header->worker_stride = whole_pages(counters_size(layout->services, layout->backends));
	header->regions[STATE_SLOTS].length = (uint64_t)layout->slot_words * sizeof(uint32_t);
	header->regions[STATE_RECORDS].length = (uint64_t)layout->records * STATE_RECORD_SIZE;
	header->regions[STATE_COUNTERS].length = layout->workers * header->worker_stride;
	header->regions[STATE_PINS].length = pins_memory(layout->pin_buckets);
	header->regions[STATE_POOL_ROWS].length =
		(uint64_t)layout->pools * sizeof(struct identity_pool);
	header->regions[STATE_BACKEND_ROWS].length =
		(uint64_t)layout->backends * sizeof(struct identity_backend);
	header->regions[STATE_SERVICE_ROWS].length =
		(uint64_t)layout->services * sizeof(struct identity_service);
	header->regions[STATE_HEALTH_ROWS].length =
		(uint64_t)layout->backends * sizeof(struct state_health);
	for (int i = 0; i < STATE_REGION_COUNT; i++) {
		header->regions[i].offset = offset;
		offset += whole_pages(header->regions[i].length);
	}
	header->file_size = offset;
	return 0;
}

static uint64_t checksum_of(const struct state_header *header)
{
	return XXH3_64bits(header, offsetof(struct state_header, checksum));
}

/* Reads the hexadecimal digits of a UUID; missing digits are zeroes. */
static void parse_uuid(const char *text, uint8_t uuid[16])
{
	static const char digits[] = "0123456789abcdef";
	unsigned int found = 0;

	memset(uuid, 0, 16);
	for (; *text != '\0' && found < 32; text++) {
		const char *digit = strchr(digits, *text);

		if (!digit)
			continue;
		uuid[found / 2] = uuid[found / 2] << 4 | (digit - digits);
		found++;
	}
}

/* The id of this boot, or zeroes. */
static void read_boot_id(uint8_t boot_id[16])
{
	char text[37] = "";
	int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (file >= 0) {
		if (read(file, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(file);
	}
	parse_uuid(text, boot_id);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

bool state_header_knows_boot(const struct state_header *header)
{
	static const uint8_t unknown[sizeof(header->boot_id)];

	return memcmp(header->boot_id, unknown, sizeof(unknown)) != 0;
}

bool state_header_same_boot(const struct state_header *a, const struct state_header *b)
{
	return memcmp(a->boot_id, b->boot_id, sizeof(a->boot_id)) == 0 &&
	       state_header_knows_boot(a);
}

static void name_verdicts(struct state_header *header)
{
	memset(header->verdict_names, 0, sizeof(header->verdict_names));
	for (unsigned int i = 0; i < VERDICT_COUNT; i++)
		snprintf(header->verdict_names[i], STATE_VERDICT_NAME_SIZE, "%s", verdict_name(i));
}

void state_header_describe(struct state_header *header, uint64_t key_fingerprint)
{
	header->magic = STATE_MAGIC;
	header->version = STATE_VERSION;
	header->header_size = sizeof(*header);
	header->pid = getpid();
	header->verdicts = VERDICT_COUNT;
	name_verdicts(header);
	header->started_ns = now_ns();
	header->key_fingerprint = key_fingerprint;
	read_boot_id(header->boot_id);
	header->checksum = checksum_of(header);
}

/* Whether a file of that size has such a table of pins. */
static bool has_pins(uint64_t name, uint64_t file_size)
{
	uint32_t buckets = state_pins_name_buckets(name);
	uint64_t offset = state_pins_name_offset(name);

	return buckets != 0 && buckets <= PINS_BUCKETS_MAX && offset >= STATE_PAGE_SIZE &&
	       offset <= file_size && pins_memory(buckets) <= file_size - offset;
}

static bool has_all_pins(const struct state_header *header, uint64_t file_size)
{
	if (header->pin_tables[0] == 0)
		return false;
	for (unsigned int i = 0; i < STATE_PIN_TABLES; i++)
		if (header->pin_tables[i] != 0 && !has_pins(header->pin_tables[i], file_size))
			return false;
	return true;
}

int state_header_validate(const struct state_header *header, uint64_t file_size)
{
	struct state_header expected = { 0 };

	if (header->magic != STATE_MAGIC)
		return -EINVAL;
	/* checked first: another version has a different layout */
	if (header->version != STATE_VERSION)
		return -EPROTONOSUPPORT;
	if (header->ready != STATE_READY)
		return -EAGAIN;
	if (header->header_size != sizeof(*header) || header->verdicts > COUNTERS_VERDICT_ROOM ||
		header->checksum != checksum_of(header))
		return -EINVAL;
	if (state_header_lay_out(&expected, &header->layout) != 0)
		return -EINVAL;
	if (memcmp(header->regions, expected.regions, sizeof(expected.regions)) != 0 ||
		header->worker_stride != expected.worker_stride ||
		header->file_size != expected.file_size || header->file_size > file_size)
		return -EINVAL;
	return has_all_pins(header, file_size) ? 0 : -EINVAL;
}

void *state_header_region(
	const struct state_header *header, const void *base, enum state_region region)
{
	return (uint8_t *)base + header->regions[region].offset;
}
