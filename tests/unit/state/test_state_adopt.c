/* SPDX-License-Identifier: BSD-3-Clause */
/* What a start makes of the state file that it finds. */
#include "state_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "maglev/factor.h"
#include "packet/flow.h"
#include "affinity/member.h"
#include "affinity/pins.h"
#include "encap/record.h"
#include "affinity/slots.h"

#define SLOTS 251    /* of the one pool */
#define NOW_S 100000 /* of the control thread's clock */

static void fill_pool_row(struct identity_pool *row, uint32_t first_word)
{
	row->slots = SLOTS;
	row->first_word = first_word;
	strcpy(row->name, "web");
	identity_set_used(&row->used);
}

static void fill_backend_row(struct identity_backend *row, uint32_t number)
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

static void fill_service_row(struct identity_service *row)
{
	strcpy(row->name, "web:443");
	row->baseline.bytes = 18;
	identity_set_used(&row->used);
}

/* A byte of the table of pins, which may have any. */
static uint8_t pin_byte(size_t at)
{
	return at * 131 >> 3;
}

/* One pool, at row 1, of backends 1 to 4; one service, at row 2; pins; something in every part. */
static void fill(struct state *opened)
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
	fill_service_row(state_service_row(opened, 2));
	state_record(opened, state_records_allocate(opened))->mtu = 1500;
	state_counters(opened, 0)->counters[counters_service_cell(2)].packets = 19;
	for (size_t i = 0; i < pins_memory(small.pin_buckets); i++)
		pins[i] = pin_byte(i);
}

/* What a process leaves that had something to do; a file of the small layout. */
static void leave_full_file(const struct place *place)
{
	struct state *opened = start_state(place, &small);

	fill(opened);
	state_close(opened);
}

static void assert_pins(const uint8_t *pins)
{
	for (size_t i = 0; i < pins_memory(small.pin_buckets); i++)
		assert_int_equal(pins[i], pin_byte(i));
}

/* The current table. */
static struct state_reader_pins pins_before(const struct state_reader *reader)
{
	struct state_reader_pins tables[STATE_PIN_TABLES];

	assert_true(state_reader_list_pins(reader, tables) > 0);
	return tables[0];
}

/* That a reader finds what fill() wrote. */
static void assert_full(const struct state_reader *reader)
{
	const struct state_layout *layout = &state_reader_header(reader)->layout;
	const struct identity_pool *pool = state_reader_pool_row(reader, 1);

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
	assert_true(identity_service_is_sound(state_reader_service_row(reader, 2)));
	assert_int_equal(state_reader_record(reader, RECORD_MODE_COUNT)->mtu, 1500);
	assert_int_equal(state_reader_counters(reader, 0)->counters[2].packets, 19);
	assert_pins(pins_before(reader).memory);
}

/* What is in the file that is being made, seen by a reader, when it is committed. */
static uint64_t committed_sum(const struct place *place, struct state *opened)
{
	struct state_reader *reader;
	uint64_t sum;

	commit(opened);
	assert_int_equal(state_attach(place->path, &reader), 0);
	assert_memory_equal(
		&state_reader_header(reader)->layout, state_layout(opened), sizeof(small));
	sum = read_everything(reader);
	state_detach(reader);
	return sum;
}

static uint64_t sum_of_pins(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < pins_memory(small.pin_buckets); i++)
		sum += pin_byte(i);
	return sum;
}

/* Nothing is adopted from what is there, and that is no reason not to start. */
static void assert_cold(
	const struct place *place, const struct state_layout *layout, enum state_start start)
{
	struct state *opened = open_state(place, layout);
	uint32_t first;

	assert_int_equal(state_start(opened), start);
	assert_null(state_before(opened));
	assert_memory_equal(state_layout(opened), layout, sizeof(*layout));
	assert_int_equal(committed_sum(place, opened), 0);
	assert_int_equal(state_slots_allocate(opened, layout->slot_words, &first), 0);
	assert_int_equal(state_records_allocate(opened), RECORD_MODE_COUNT);
	state_close(opened);
}

static void assert_warm(const struct place *place)
{
	struct state *opened = open_state(place, &small);

	assert_int_equal(state_start(opened), STATE_WARM);
	assert_full(state_before(opened));
	state_discard(opened);
}

/* Puts back a header that was changed, with a checksum that is right again. */
static void write_header(const struct place *place, struct state_header *header)
{
	int file = open(place->path, O_RDWR);

	header->checksum = XXH3_64bits(header, offsetof(struct state_header, checksum));
	assert_true(file >= 0);
	assert_int_equal(pwrite(file, header, sizeof(*header), 0), sizeof(*header));
	close(file);
}

static struct state_header read_header(const char *path)
{
	struct state_header header;
	int file = open(path, O_RDONLY);

	assert_true(file >= 0);
	assert_int_equal(read(file, &header, sizeof(header)), sizeof(header));
	close(file);
	return header;
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
	const struct place *place = *state;
	const struct state_layout expected = beside_a_pool(small);
	struct state *opened;

	leave_full_file(place);
	opened = open_state(place, &small);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_full(state_before(opened));
	assert_memory_equal(state_layout(opened), &expected, sizeof(expected));
	assert_pins(state_pins(opened));
	assert_int_equal(
		committed_sum(place, opened), sum_of_pins()); /* the rest is the caller's */
	assert_full(state_before(opened));                    /* until it is let go of */
	state_forget_before(opened);
	assert_null(state_before(opened));
	state_close(opened);
}

static uint64_t allocated_bytes(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return (uint64_t)status.st_blocks * 512;
}

static void space_for_pools_to_come_is_allocated_when_it_is_handed_out(void **state)
{
	const struct place *place = *state;
	struct state_layout layout = small;
	uint64_t all, before;
	uint32_t first;
	struct state *opened;

	leave_full_file(place);
	layout.slot_words = 1 << 20;
	opened = open_state(place, &layout);
	all = state_memory(state_layout(opened));
	before = allocated_bytes(place->next_path);
	assert_in_range(before, 1, all - (UINT64_C(3) << 20));
	assert_int_equal(state_slots_allocate(opened, 1 << 18, &first), 0);
	assert_in_range(allocated_bytes(place->next_path), before + (3 << 18), all - (1 << 20));
	commit(opened);
	assert_int_equal(state_allocate_rest(opened), 0);
	assert_in_range(allocated_bytes(place->path), all, UINT64_MAX);
	state_close(opened);
}

static void limit_place(const struct place *place, unsigned long flags, uint64_t bytes)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%lu,mode=0750", (unsigned long)bytes);
	assert_int_equal(mount("none", place->directory, "tmpfs", flags, options), 0);
}

static void make_limited_place(const struct place *place, uint64_t bytes)
{
	/* Private mounts, gone with this process at the latest. Root needed. */
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mkdir(place->directory, 0750), 0);
	limit_place(place, 0, bytes);
}

/* The pages of its pool: what is taken afterwards needs no more, however full it has become. */
static void pools_that_can_be_adopted_get_their_space_or_are_refused(void **state)
{
	const struct place *place = *state;
	struct state_layout layout = small;
	uint64_t before, needed;
	uint32_t first;
	struct state *opened;

	make_limited_place(place, 8 << 20);
	leave_full_file(place);
	layout.slot_words = 1 << 14;
	opened = open_state(place, &layout);
	before = allocated_bytes(place->next_path);
	assert_int_equal(state_allocate_adoptable(opened), 0);
	assert_int_equal(allocated_bytes(place->next_path), before + STATE_PAGE_SIZE);
	needed = allocated_bytes(place->path) + allocated_bytes(place->next_path);
	limit_place(place, MS_REMOUNT, needed);
	assert_int_equal(state_slots_allocate(opened, SLOTS, &first), 0);
	assert_int_equal(state_slots_allocate(opened, 4096, &first), -ENOSPC);
	state_discard(opened);

	limit_place(place, MS_REMOUNT, 8 << 20);
	opened = open_state(place, &layout);
	limit_place(place, MS_REMOUNT, needed - STATE_PAGE_SIZE); /* it has filled up since */
	assert_int_equal(state_allocate_adoptable(opened), -ENOSPC);
	state_discard(opened);
	assert_int_equal(umount2(place->directory, MNT_DETACH), 0);
}

/* The table in use and an older one that is not empty yet, both with pins. */
static void leave_two_tables(const struct place *place)
{
	struct state_layout layout = small;
	struct state *opened;
	uint8_t *pins;

	leave_full_file(place);
	layout.pin_buckets = 2 * small.pin_buckets;
	opened = start_state(place, &layout);
	assert_int_equal(state_pin_tables(opened)->count, 2);
	pins = state_pins(opened);
	for (size_t i = 0; i < pins_memory(small.pin_buckets); i++)
		pins[i] = pin_byte(i);
	state_close(opened);
}

/* Where not all pins have space, those of the oldest table are given up, those in use never. */
static void pins_of_the_oldest_table_are_given_up_for_want_of_space(void **state)
{
	const struct place *place = *state;
	struct state_layout layout = small;
	struct state_refusal refusal;
	struct state *opened;
	uint64_t needed;

	make_limited_place(place, 8 << 20);
	leave_two_tables(place);
	layout.pin_buckets = 3 * small.pin_buckets;
	opened = open_state(place, &layout);
	assert_int_equal(state_pin_tables(opened)->count, 3);
	assert_int_equal(state_pins_lost(opened), 0);
	assert_int_equal(state_allocate_rest(opened), 0);
	needed = allocated_bytes(place->path) + allocated_bytes(place->next_path);
	state_discard(opened);

	limit_place(place, MS_REMOUNT, needed - 4096);
	opened = open_state(place, &layout);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_int_equal(state_pin_tables(opened)->count, 2);
	assert_pins(state_pin_tables(opened)->tables[0].memory);
	assert_in_range(state_pins_lost(opened), 1, small.pin_buckets * PINS_WAYS);
	state_discard(opened);

	limit_place(place, MS_REMOUNT, needed - 2 * 4096);
	assert_int_equal(
		state_open(place->path, &layout, STATE_FIXTURE_KEY, &opened, &refusal), -ENOSPC);
	assert_int_equal(refusal.reason, STATE_REFUSED_SPACE);

	limit_place(place, MS_REMOUNT, needed);
	opened = open_state(place, &layout);
	assert_int_equal(state_pin_tables(opened)->count, 3);
	assert_int_equal(state_pins_lost(opened), 0);
	state_close(opened);
	assert_int_equal(umount2(place->directory, MNT_DETACH), 0);
}

static void room_for_services_and_backends_never_shrinks(void **state)
{
	const struct place *place = *state;
	struct state_layout layout = { .workers = 3,
		.services = 1,
		.backends = 2,
		.slot_words = 16,
		.records = 2,
		.pools = 1,
		.pin_buckets = small.pin_buckets };
	struct state *opened;

	leave_full_file(place);
	opened = open_state(place, &layout);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_full(state_before(opened));
	layout = beside_a_pool(layout);
	layout.services = small.services;
	layout.backends = small.backends;
	layout.records = small.records;
	assert_memory_equal(state_layout(opened), &layout, sizeof(layout));
	assert_int_equal(committed_sum(place, opened), sum_of_pins());
	fill_backend_row(state_backend_row(opened, small.backends - 1), 1);
	state_close(opened);

	opened = open_state(place, &small);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_int_equal(state_reader_header(state_before(opened))->layout.slot_words,
		16 + state_slots_room(SLOTS));
	state_discard(opened);
}

static void a_larger_file_adopts_a_smaller_one(void **state)
{
	const struct place *place = *state;
	struct state_layout layout = small;
	struct state *opened;

	layout.workers = 4;
	layout.services = 40;
	layout.backends = 3000;
	layout.slot_words = 1 << 16;
	layout.pools = 100;
	leave_full_file(place);
	opened = open_state(place, &layout);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_full(state_before(opened));
	layout = beside_a_pool(layout);
	assert_memory_equal(state_layout(opened), &layout, sizeof(layout));
	assert_int_equal(committed_sum(place, opened), sum_of_pins());
	state_close(opened);
}

static void nothing_beyond_the_file_before_is_handed_out(void **state)
{
	const uint32_t beyond[] = { 0, 1, 1000, UINT32_MAX / 2 };
	const struct place *place = *state;
	const struct state_reader *before;
	struct state *opened;

	leave_full_file(place);
	opened = open_state(place, &small);
	before = state_before(opened);
	for (size_t i = 0; i < COUNT_OF(beyond); i++) {
		assert_null(state_reader_slots(before, small.slot_words + beyond[i]));
		assert_null(state_reader_record(before, small.records + beyond[i]));
		assert_null(state_reader_counters(before, small.workers + beyond[i]));
		assert_null(state_reader_pool_row(before, small.pools + beyond[i]));
		assert_null(state_reader_backend_row(before, small.backends + beyond[i]));
		assert_null(state_reader_service_row(before, small.services + beyond[i]));
	}
	assert_null(state_reader_pool_row(before, UINT32_MAX));
	assert_null(state_reader_backend_row(before, UINT32_MAX));
	assert_null(state_reader_service_row(before, UINT32_MAX));
	assert_true(read_everything(before) > 0);
	state_close(opened);
}

static void a_start_without_a_file_is_cold(void **state)
{
	const struct place *place = *state;

	assert_cold(place, &small, STATE_COLD_ABSENT);
}

static void a_first_start_that_was_killed_left_an_unfinished_file(void **state)
{
	const struct place *place = *state;
	struct state_header header;

	kill_a_start(place);
	assert_cold(place, &small, STATE_COLD_UNFINISHED);
	assert_false(exists(place->next_path));
	header = read_header(place->path);
	header.ready = 0;
	write_header(place, &header);
	assert_cold(place, &small, STATE_COLD_UNFINISHED);
}

static void a_damaged_file_is_not_adopted(void **state)
{
	const struct place *place = *state;
	struct state_header header;
	size_t length;
	uint8_t *bytes = leave_file(place, &length);

	header = read_header(place->path);
	header.regions[STATE_POOL_ROWS].offset += 4096;
	write_header(place, &header);
	assert_cold(place, &small, STATE_COLD_DAMAGED);
	write_file(place, bytes, length - 1);
	assert_cold(place, &small, STATE_COLD_DAMAGED);
	write_file(place, bytes, sizeof(header.magic));
	assert_cold(place, &small, STATE_COLD_DAMAGED);
	free(bytes);
}

static void assert_left_alone(const struct place *place, const void *bytes, size_t length)
{
	uint8_t found[64] = { 0 };
	int file;

	write_file(place, bytes, length);
	assert_int_equal(refused(place->path, &small).reason, STATE_REFUSED_FOREIGN);
	file = open(place->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(file, found, sizeof(found)), length);
	assert_memory_equal(found, bytes, length);
	close(file);
}

static void a_file_that_is_not_a_state_file_is_left_alone(void **state)
{
	static const char document[] = "{ \"node\": { \"name\": \"edge-1\" } }\n";
	const struct place *place = *state;
	uint64_t magic = STATE_MAGIC + 1;
	size_t length;

	free(leave_file(place, &length));
	assert_left_alone(place, document, strlen(document));
	assert_left_alone(place, &magic, sizeof(magic));
	assert_left_alone(place, "s", 1);
}

/* What version 1 wrote first; it had all that follows in other places. */
static void a_file_of_another_version_is_not_adopted(void **state)
{
	static const struct {
		uint64_t magic;
		uint32_t version, header_size, pid;
		uint8_t rest[4096];
	} version_1 = { .magic = STATE_MAGIC, .version = 1, .header_size = 160, .pid = 4711 };
	const struct place *place = *state;
	struct state_header header;

	leave_full_file(place);
	header = read_header(place->path);
	header.version = STATE_VERSION + 1;
	write_header(place, &header);
	assert_cold(place, &small, STATE_COLD_VERSION);
	write_file(place, &version_1, sizeof(version_1));
	assert_cold(place, &small, STATE_COLD_VERSION);
}

static void a_file_from_before_the_last_boot_is_not_adopted(void **state)
{
	const struct place *place = *state;
	struct state_header header;

	leave_full_file(place);
	header = read_header(place->path);
	header.boot_id[15] ^= 1;
	write_header(place, &header);
	assert_cold(place, &small, STATE_COLD_BOOT);
	header = read_header(place->path);
	memset(header.boot_id, 0, sizeof(header.boot_id)); /* unknown is not the same */
	write_header(place, &header);
	assert_cold(place, &small, STATE_COLD_BOOT);
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
	const struct place *place = *state;
	struct state_refusal refusal;
	struct state *opened;

	leave_full_file(place);
	assert_int_equal(
		state_open(place->path, &small, STATE_FIXTURE_KEY + 1, &opened, &refusal), 0);
	assert_int_equal(state_start(opened), STATE_COLD_KEY);
	assert_null(state_before(opened));
	assert_int_equal(committed_sum(place, opened), 0);
	state_close(opened);
	assert_cold(place, &small, STATE_COLD_KEY);
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
	const struct place *place = *state;
	const uint32_t others[] = { small.pin_buckets + 100, 1, small.pin_buckets + 7 };
	struct state_layout layout = small;
	struct state *opened;

	leave_full_file(place);
	for (uint32_t i = 0; i < 3; i++) {
		layout.pin_buckets = others[i];
		for (int again = 0; again < 2; again++) {
			opened = start_state(place, &layout);
			assert_older_pins(opened, i + 2);
			assert_int_equal(state_layout(opened)->pin_buckets, others[i]);
			*(uint64_t *)state_pins(opened) = 0xff;
			state_close(opened);
		}
	}
	/* there is no room for one more, so the number of pins stays as it is */
	layout.pin_buckets = small.pin_buckets + 200;
	opened = start_state(place, &layout);
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
static void grow_for_ever(const struct place *place, int pipe)
{
	struct state_refusal refusal;
	struct state_pin_table table;
	struct state *opened;

	if (state_open(place->path, &small, STATE_FIXTURE_KEY, &opened, &refusal) != 0 ||
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

static void kill_while_growing(const struct place *place, unsigned int steps)
{
	int status, ends[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		grow_for_ever(place, ends[1]);
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
	const struct place *place = *state;
	struct state_layout layout = small;
	struct state *opened = start_state(place, &small);

	*(uint64_t *)state_pins(opened) = MARK;
	state_close(opened);
	for (unsigned int round = 0; round < 400; round++) {
		kill_while_growing(place, 1 + round * 7 % 23);
		layout.pin_buckets = small.pin_buckets + round % 3 * 50; /* or more pins */
		opened = start_state(place, &layout);
		assert_int_equal(state_start(opened), STATE_WARM);
		assert_true(has_mark(opened));
		assert_int_equal(state_pins_lost(opened), 0);
		state_close(opened);
	}
}

static void tables_of_pins_come_and_go_while_running(void **state)
{
	const struct place *place = *state;
	struct state_pin_table table;
	struct state *opened;
	struct state_pins *pins;

	leave_full_file(place);
	opened = start_state(place, &small);
	pins = state_pin_tables(opened);
	assert_int_equal(state_pins_append(pins, 500, &table), 0);
	/* as if it had been killed: no header names it */
	munmap(table.memory, pins_memory(500));
	state_close(opened);
	opened = start_state(place, &small);
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
			opened = start_state(place, &small);
			pins = state_pin_tables(opened);
			assert_older_pins(opened, 2);
			before = pins->tables[0].memory;
		}
		state_pins_drop(pins, before);
		assert_int_equal(pins->count, 1);
		memset(state_pins(opened), i, 64);
	}
	state_close(opened);
	opened = start_state(place, &small);
	assert_int_equal(state_pin_tables(opened)->count, 2);
	assert_int_equal(state_pin_tables(opened)->tables[0].bucket_count, 509);
	state_close(opened);
}

static void pins_are_adopted_around_what_was_never_written(void **state)
{
	const struct place *place = *state;
	struct state_layout layout = small;
	size_t size, written[] = { 0, 1 << 20, 0 };
	struct state *opened;
	uint8_t *pins;

	layout.pin_buckets = 65536;
	size = pins_memory(layout.pin_buckets);
	written[2] = size - 1;
	opened = start_state(place, &layout);
	pins = state_pins(opened);
	for (int i = 0; i < 3; i++)
		pins[written[i]] = i + 1;
	state_close(opened);
	opened = open_state(place, &layout);
	pins = state_pins(opened);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pins[written[i]], i + 1);
		pins[written[i]] = 0;
	}
	for (size_t i = 0; i < size; i++)
		assert_int_equal(pins[i], 0);
	state_discard(opened);
}

static void every_kind_of_start_has_a_sentence(void **state)
{
	for (int start = 0; start < STATE_START_COUNT; start++)
		assert_true(strlen(state_start_text(start)) > 0);
}

/* Again and again, as a supervisor that restarts a process would. */
static void a_killed_start_leaves_what_was_there_before(void **state)
{
	const struct place *place = *state;

	leave_full_file(place);
	for (int i = 0; i < 3; i++) {
		struct state *opened;

		kill_a_start(place);
		assert_int_not_equal(read_header(place->next_path).pid, getpid());
		opened = open_state(place, &small);
		assert_int_equal(state_start(opened), STATE_WARM);
		assert_full(state_before(opened));
		assert_int_equal(read_header(place->next_path).pid, getpid());
		fill(opened);
		commit(opened);
		assert_false(exists(place->next_path));
		state_close(opened);
	}
	assert_warm(place);
}

static void a_start_that_is_given_up_leaves_what_was_there_before(void **state)
{
	const struct place *place = *state;
	struct state *opened;
	size_t length, length_after;
	uint8_t *before, *after;

	leave_full_file(place);
	before = read_file(place, &length);
	for (int i = 0; i < 2; i++) {
		opened = open_state(place, &small);
		memset(state_pins(opened), 0xff, pins_memory(small.pin_buckets));
		if (i == 0)
			state_discard(opened);
		else
			state_close(opened);
		assert_false(exists(place->next_path));
		after = read_file(place, &length_after);
		assert_int_equal(length_after, length);
		assert_memory_equal(after, before, length);
		free(after);
	}
	free(before);
	assert_warm(place);
}

static void a_first_start_that_is_given_up_leaves_nothing(void **state)
{
	const struct place *place = *state;

	state_discard(open_state(place, &small));
	assert_false(exists(place->path));
	assert_false(exists(place->next_path));
}

static void a_committed_file_that_is_discarded_is_gone(void **state)
{
	const struct place *place = *state;

	leave_full_file(place);
	state_discard(start_state(place, &small));
	assert_false(exists(place->path));
	assert_cold(place, &small, STATE_COLD_ABSENT);
}

static void a_file_that_cannot_take_the_name_changes_nothing(void **state)
{
	const struct place *place = *state;
	struct state_refusal refusal;
	struct state_reader *reader;
	struct state *opened;
	uint64_t generation;

	leave_full_file(place);
	assert_int_equal(state_attach(place->path, &reader), 0);
	generation = state_reader_generation(reader);
	opened = open_state(place, &small);
	assert_int_equal(unlink(place->next_path), 0); /* somebody's mistake */
	assert_int_equal(state_commit(opened, &refusal), -ESTALE);
	assert_int_equal(refusal.reason, STATE_REFUSED_FILE);
	assert_int_equal(refusal.code, -ESTALE);
	assert_full(state_before(opened));
	assert_int_equal(state_reader_generation(reader), generation);
	state_discard(opened);
	state_detach(reader);
	assert_warm(place);
}

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
	for (uint32_t i = 0; i < layout->services; i++)
		sum += identity_service_is_sound(state_reader_service_row(before, i));
	return sum;
}

/* Opens over whatever is there, looks at all of it and leaves it. */
static enum state_start try(const struct place *place)
{
	struct state *opened = open_state(place, &small);
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
	const struct place *place = *state;
	int file;

	leave_full_file(place);
	file = open(place->path, O_RDWR);
	for (size_t at = 0; at < sizeof(struct state_header); at++)
		for (size_t i = 0; i < COUNT_OF(patterns); i++) {
			flip(file, at, patterns[i]);
			if (at < sizeof(uint64_t)) /* of the magic */
				assert_int_equal(
					refused(place->path, &small).reason, STATE_REFUSED_FOREIGN);
			else if (is_name_of_pins(at))
				assert_in_set((uintmax_t)try(place),
					((const uintmax_t[]){ STATE_WARM, STATE_COLD_DAMAGED }), 2);
			else
				assert_int_equal(try(place), expected_of_flip(at));
			flip(file, at, patterns[i]);
		}
	close(file);
	assert_warm(place);
}

static void a_start_survives_every_flipped_byte_of_the_rows(void **state)
{
	static const enum state_region regions[] = { STATE_POOL_ROWS, STATE_BACKEND_ROWS,
		STATE_SERVICE_ROWS };
	const struct place *place = *state;
	struct state_header header;
	int file;

	leave_full_file(place);
	header = read_header(place->path);
	file = open(place->path, O_RDWR);
	for (size_t i = 0; i < COUNT_OF(regions); i++)
		for (size_t at = 0; at < header.regions[regions[i]].length; at++) {
			flip(file, header.regions[regions[i]].offset + at, 0xff);
			assert_int_equal(try(place), STATE_WARM);
			flip(file, header.regions[regions[i]].offset + at, 0xff);
		}
	close(file);
	assert_warm(place);
}

static void a_start_survives_any_bytes_behind_a_sound_header(void **state)
{
	const struct place *place = *state;
	unsigned int random = 1;
	uint8_t *bytes, *damaged;
	size_t length;

	leave_full_file(place);
	bytes = read_file(place, &length);
	damaged = malloc(length);
	for (int i = 0; i < 200; i++) {
		memcpy(damaged, bytes, length);
		for (uint32_t flips = rand_r(&random) % 2000; flips > 0; flips--)
			damaged[STATE_PAGE_SIZE + rand_r(&random) % (length - STATE_PAGE_SIZE)] =
				rand_r(&random);
		write_file(place, damaged, length);
		assert_int_equal(try(place), STATE_WARM);
	}
	memset(damaged + STATE_PAGE_SIZE, 0xff, length - STATE_PAGE_SIZE);
	write_file(place, damaged, length);
	assert_int_equal(try(place), STATE_WARM);
	free(damaged);
	free(bytes);
}

static void a_start_survives_rubbish_of_any_length(void **state)
{
	const struct place *place = *state;
	unsigned int random = 1;
	uint8_t *bytes, *rubbish;
	size_t length;

	bytes = leave_file(place, &length);
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
		write_file(place, rubbish, cut);
		assert_int_equal(try(place) == STATE_WARM, i % 2 && cut >= length);
	}
	free(rubbish);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(the_next_process_finds_what_the_one_before_left),
		PLACE_TEST(pools_that_can_be_adopted_get_their_space_or_are_refused),
		PLACE_TEST(pins_of_the_oldest_table_are_given_up_for_want_of_space),
		PLACE_TEST(space_for_pools_to_come_is_allocated_when_it_is_handed_out),
		PLACE_TEST(room_for_services_and_backends_never_shrinks),
		PLACE_TEST(a_larger_file_adopts_a_smaller_one),
		PLACE_TEST(nothing_beyond_the_file_before_is_handed_out),
		PLACE_TEST(a_start_without_a_file_is_cold),
		PLACE_TEST(a_first_start_that_was_killed_left_an_unfinished_file),
		PLACE_TEST(a_damaged_file_is_not_adopted),
		PLACE_TEST(a_file_that_is_not_a_state_file_is_left_alone),
		PLACE_TEST(a_file_of_another_version_is_not_adopted),
		PLACE_TEST(a_file_from_before_the_last_boot_is_not_adopted),
		cmocka_unit_test(boots_that_are_unknown_are_not_the_same),
		PLACE_TEST(a_file_of_another_key_is_not_adopted),
		PLACE_TEST(pins_of_another_number_stay_in_an_older_table),
		PLACE_TEST(a_process_killed_while_pins_grow_leaves_them_all),
		PLACE_TEST(tables_of_pins_come_and_go_while_running),
		PLACE_TEST(pins_are_adopted_around_what_was_never_written),
		cmocka_unit_test(every_kind_of_start_has_a_sentence),
		PLACE_TEST(a_killed_start_leaves_what_was_there_before),
		PLACE_TEST(a_start_that_is_given_up_leaves_what_was_there_before),
		PLACE_TEST(a_first_start_that_is_given_up_leaves_nothing),
		PLACE_TEST(a_committed_file_that_is_discarded_is_gone),
		PLACE_TEST(a_file_that_cannot_take_the_name_changes_nothing),
		PLACE_TEST(a_start_survives_every_flipped_byte_of_the_header),
		PLACE_TEST(a_start_survives_every_flipped_byte_of_the_rows),
		PLACE_TEST(a_start_survives_any_bytes_behind_a_sound_header),
		PLACE_TEST(a_start_survives_rubbish_of_any_length),
	};

	return cmocka_run_group_tests_name("state_adopt", tests, NULL, NULL);
}
