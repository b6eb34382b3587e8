/* SPDX-License-Identifier: BSD-3-Clause */
#include "full_state.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_common.h>

#include "affinity/member.h"
#include "affinity/pins.h"
#include "affinity/slots.h"
#include "encap/record.h"
#include "maglev/factor.h"
#include "packet/flow.h"

static void fill_pool_row(struct identity_pool *row, uint32_t first_word)
{
	row->slots = SLOTS;
	row->first_word = first_word;
	strcpy(row->name, "web");
	identity_set_used(&row->used);
}

void fill_backend_row(struct identity_backend *row, uint32_t number)
{
	row->pool = 1;
	row->index = number;
	row->state = MEMBER_UP;
	row->weight = 100;
	row->steps = FACTOR_DYNAMIC_STEPS;
	row->share = FACTOR_ONE;
	row->changed_s = NOW_S - number;
	row->address = (struct address){ .bytes = { 192, 0, 2, number }, .family = ADDRESS_IPV4 };
	snprintf(row->name, sizeof(row->name), "web-%u", number);
	snprintf(row->key, sizeof(row->key), "key-%u", number);
	row->baseline.packets = 17;
	identity_set_used(&row->used);
}

/* So many changes that the ring of some is full. */
static void fill_health_row(struct state_health *row, uint32_t number)
{
	for (uint32_t i = 0; i < 5 * number; i++)
		health_row_add(row, &(struct health_change){
					    .time_ms = 1700000000000 + i,
					    .status = 1 + i % 2,
				    });
}

static void fill_service_row(struct identity_service *row)
{
	strcpy(row->name, "web:443");
	row->baseline.bytes = 18;
	identity_set_used(&row->used);
}

uint8_t pin_byte(size_t at)
{
	return at * 131 >> 3;
}

void fill(struct state *opened)
{
	uint8_t *pins = state_pins(opened);
	uint32_t first;

	assert_int_equal(state_slots_allocate(opened, 1, &first), 0); /* so that no table is at 0 */
	assert_int_equal(state_slots_allocate(opened, SLOTS, &first), 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		slot_store(state_slots(opened, first + i), slot_pack(1 + i % 4, 1 + i % 4));
	fill_pool_row(state_pool_row(opened, 1), first);
	for (uint32_t i = 1; i < small.backends; i++)
		fill_backend_row(state_backend_row(opened, i), i);
	for (uint32_t i = 1; i < small.backends; i++)
		fill_health_row(state_health_row(opened, i), i);
	fill_service_row(state_service_row(opened, 2));
	state_record(opened, state_records_allocate(opened))->mtu = 1500;
	state_counters(opened, 0)->counters[counters_service_cell(2)].packets = 19;
	for (size_t i = 0; i < pins_memory(small.pin_buckets); i++)
		pins[i] = pin_byte(i);
}

void leave_full_file(const struct scratch *scratch)
{
	struct state *opened = start_state(scratch, &small);

	fill(opened);
	state_close(opened);
}

void assert_pins(const uint8_t *pins)
{
	for (size_t i = 0; i < pins_memory(small.pin_buckets); i++)
		assert_int_equal(pins[i], pin_byte(i));
}

struct state_reader_pins pins_before(const struct state_reader *reader)
{
	struct state_reader_pins tables[STATE_PIN_TABLES];

	assert_true(state_reader_list_pins(reader, tables) > 0);
	return tables[0];
}

void assert_full(const struct state_reader *reader)
{
	const struct state_layout *layout = &state_reader_header(reader)->layout;
	const struct identity_pool *pool = state_reader_pool_row(reader, 1);
	struct health_change changes[HEALTH_CHANGES_MAX];

	assert_true(layout->slot_words >= small.slot_words);
	assert_false(identity_pool_is_sound(state_reader_pool_row(reader, 0), layout));
	assert_true(identity_pool_is_sound(pool, layout));
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_int_equal(
			slot_cur(slot_load(state_reader_slots(reader, pool->first_word + i))),
			1 + i % 4);
	for (uint32_t i = 0; i < small.backends; i++)
		assert_int_equal(identity_backend_is_sound(
					 state_reader_backend_row(reader, i), layout, NOW_S),
			i > 0);
	assert_string_equal(state_reader_backend_row(reader, 4)->name, "web-4");
	for (uint32_t i = 0; i < small.backends; i++)
		assert_int_equal(health_row_list(state_reader_health_row(reader, i), changes),
			RTE_MIN(5 * i, (uint32_t)HEALTH_CHANGES_MAX));
	assert_true(identity_service_is_sound(state_reader_service_row(reader, 2)));
	assert_int_equal(state_reader_record(reader, RECORD_MODE_COUNT)->mtu, 1500);
	assert_int_equal(state_reader_counters(reader, 0)->counters[2].packets, 19);
	assert_pins(pins_before(reader).memory);
}

uint64_t committed_sum(const struct scratch *scratch, struct state *opened)
{
	struct state_reader *reader;
	uint64_t sum;

	commit(opened);
	assert_int_equal(state_attach(scratch->path, &reader), 0);
	assert_memory_equal(
		&state_reader_header(reader)->layout, state_layout(opened), sizeof(small));
	sum = read_everything(reader);
	state_detach(reader);
	return sum;
}

uint64_t sum_of_pins(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < pins_memory(small.pin_buckets); i++)
		sum += pin_byte(i);
	return sum;
}

void assert_warm(const struct scratch *scratch)
{
	struct state *opened = open_state(scratch, &small);

	assert_int_equal(state_start(opened), STATE_WARM);
	assert_full(state_before(opened));
	state_discard(opened);
}

void write_header(const struct scratch *scratch, struct state_header *header)
{
	int file = open(scratch->path, O_RDWR);

	header->checksum = XXH3_64bits(header, offsetof(struct state_header, checksum));
	assert_true(file >= 0);
	assert_int_equal(pwrite(file, header, sizeof(*header), 0), sizeof(*header));
	close(file);
}

struct state_header read_header(const char *path)
{
	struct state_header header;
	int file = open(path, O_RDONLY);

	assert_true(file >= 0);
	assert_int_equal(read(file, &header, sizeof(header)), sizeof(header));
	close(file);
	return header;
}
