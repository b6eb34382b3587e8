/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A state file that a process has left, with any bytes in it changed, is read by a reader and taken
 * over by the next process. Nothing outside of the file is read. Only what does not begin as a
 * state file is refused, and is left as it is; else the start succeeds, warm or cold, and
 * afterwards every slot has a backend of the configuration, and a packet for it can leave.
 *
 * The input: how the file is changed as a whole (1 byte), then changes: the part of the file (1
 * byte), the offset in it (2 bytes), how many bytes (1 byte) and these.
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "balance.h"
#include "packet/flow.h"
#include "life_fixture.h"
#include "affinity/pins.h"
#include "require.h"
#include "affinity/slots.h"
#include "state/state_reader.h"

#define CHANGE_MAX 64
#define BACKENDS   W1 ", " W2 ", " W3

/* How the whole file is changed. */
enum {
	FILE_SIGNED = 1 << 0, /* the header has its right checksum, whatever it says */
	FILE_CUT = 1 << 1,    /* its second half is not there */
	FILE_LONG = 1 << 2,   /* there is something behind it */
	FILE_OTHER = 1 << 3,  /* the next process has another configuration */
	FILE_LATER = 1 << 4,  /* some seconds go by before we look */
};

static struct left {
	struct node *node;
	uint8_t *bytes; /* of the file as it was left */
	uint8_t *changed;
	size_t size;
	struct state_header header;
	char path[64];
} left;

static void end(void)
{
	unlink(left.path);
	rmdir(left.node->directory);
}

static void read_left(void)
{
	struct stat status;
	int file = open(node_state_path(left.node, left.path), O_RDONLY);

	require(file >= 0 && fstat(file, &status) == 0);
	left.size = status.st_size;
	left.bytes = malloc(left.size);
	left.changed = malloc(left.size);
	require(left.bytes != NULL && left.changed != NULL);
	require(read(file, left.bytes, left.size) == (ssize_t)left.size);
	close(file);
	memcpy(&left.header, left.bytes, sizeof(left.header));
}

/* To where there is no disk to wait for. */
static void move_to_memory(void)
{
	unlink(left.path);
	rmdir(left.node->directory);
	strcpy(left.node->directory, "/dev/shm/sluice-fuzz-XXXXXX");
	require(mkdtemp(left.node->directory) != NULL);
	node_state_path(left.node, left.path);
}

/* As checks leave it: some gids have a row with changes. */
static void check_backends(struct state *state)
{
	state_rows_begin(state);
	for (uint32_t gid = 0; gid < 3; gid++)
		for (uint32_t i = 0; i < 12 * gid; i++)
			health_row_add(state_health_row(state, gid),
				&(struct health_change){ .time_ms = i, .status = 1 + i % 2 });
	state_rows_end(state);
}

/* A node in the middle of a change, with pins and health. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct affinity_counters counters;
	void *host;

	require(node_host_start(&host) == 0);
	left.node = node_create(host, &node_layout, 1);
	life_apply(left.node, BACKENDS);
	node_wait(left.node, 20);
	life_apply(left.node, W1 ", " W2_DRAIN);
	life_begin_flows(left.node, &counters);
	node_wait(left.node, 2);
	check_backends(left.node->state);
	node_stop(left.node);
	read_left();
	move_to_memory();
	atexit(end);
	return 0;
}

/*
 * Any bytes of a part of the file. The header stands among the regions where it stood before there
 * was one for health, so that the inputs in the corpus mean what they meant.
 */
#define PART_HEADER (STATE_SERVICE_ROWS + 1)

static void change(struct input *input)
{
	uint8_t part = input_take8(input) % (STATE_REGION_COUNT + 1);
	uint64_t offset = input_take16(input), begin = 0, length = sizeof(left.header);
	const uint8_t *bytes;
	size_t count;

	bytes = input_take(input, input_take8(input) % CHANGE_MAX, &count);
	if (part != PART_HEADER) {
		enum state_region region = part < PART_HEADER ? part : part - 1;

		begin = left.header.regions[region].offset;
		length = left.header.regions[region].length;
	}
	for (size_t i = 0; i < count && length > 0; i++)
		left.changed[begin + (offset + i) % length] = bytes[i];
}

static void sign(uint8_t *file)
{
	uint64_t checksum = XXH3_64bits(file, offsetof(struct state_header, checksum));

	memcpy(file + offsetof(struct state_header, checksum), &checksum, sizeof(checksum));
}

static void write_changed(uint8_t how)
{
	size_t size = (how & FILE_CUT) ? left.size / 2 : left.size;
	int file = open(left.path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	require(file >= 0 && write(file, left.changed, size) == (ssize_t)size);
	if (how & FILE_LONG)
		require(ftruncate(file, size + STATE_PAGE_SIZE) == 0);
	close(file);
}

static uint64_t add_up(const void *bytes, size_t length)
{
	uint64_t sum = 0;

	require(bytes != NULL);
	for (size_t i = 0; i < length; i++)
		sum += ((const volatile uint8_t *)bytes)[i];
	return sum;
}

/* Whatever a reader hands out can be read. */
static void read_all(const struct state_reader *reader)
{
	const struct state_header *header = state_reader_header(reader);
	const struct state_layout *layout = &header->layout;
	struct state_reader_pins tables[STATE_PIN_TABLES];
	uint32_t count = state_reader_list_pins(reader, tables);

	require(count >= 1 && count <= STATE_PIN_TABLES);
	for (uint32_t i = 0; i < count; i++)
		add_up(tables[i].memory, pins_memory(tables[i].bucket_count));
	for (uint32_t i = 0; i < layout->workers; i++)
		add_up(state_reader_counters(reader, i), header->worker_stride);
	for (uint32_t i = 0; i < layout->slot_words; i++)
		slot_load(state_reader_slots(reader, i));
	for (uint32_t i = 0; i < layout->backends; i++)
		add_up(state_reader_health_row(reader, i), sizeof(struct state_health));
	for (uint32_t i = 0; i < layout->records; i++)
		add_up(state_reader_record(reader, i), STATE_RECORD_SIZE);
}

static void attach(void)
{
	struct state_reader *reader = NULL;
	int result = state_attach(left.path, &reader);

	require((result == 0) == (reader != NULL));
	require(result == 0 || result == -EINVAL || result == -EAGAIN ||
		result == -EPROTONOSUPPORT);
	if (reader != NULL)
		read_all(reader);
	state_detach(reader);
}

/* A start that is given up before it has replaced the file. */
static bool is_refused(void)
{
	uint64_t magic;
	struct state_refusal refusal;
	struct state *opened = NULL;
	bool refused = state_open(left.path, &node_layout, 0, &opened, &refusal) != 0;

	memcpy(&magic, left.changed, sizeof(magic));
	require(refused == (magic != STATE_MAGIC));
	require(!refused || refusal.reason == STATE_REFUSED_FOREIGN);
	if (!refused)
		state_discard(opened);
	return refused;
}

static void check_tables(void)
{
	const struct tables *tables = forwarding_tables(left.node->forwarding);
	struct packet packet = { .service = life_service(left.node) };

	for (packet.slot = 0; packet.slot < LIFE_SLOTS; packet.slot++) {
		struct affinity_counters counters = { 0 };

		packet.hash = (uint64_t)packet.slot * 0x9e3779b97f4a7c15;
		require(slot_cur(slot_load(&packet.service->slots[packet.slot])) !=
			SLOT_NO_BACKEND);
		packet.flags = PACKET_SYN;
		require(balance_choose(tables, &counters, &packet) == VERDICT_NEXT);
		require(balance_has_backend(tables, &packet));
	}
}

/* Only what makes sense has been taken over. */
static void check_health(void)
{
	for (uint32_t gid = 0; gid < state_layout(left.node->state)->backends; gid++)
		require(health_row_is_sound(state_health_row(left.node->state, gid)));
}

static void take_over(uint8_t how)
{
	char said[NODE_SAID_SIZE];

	node_resume_unbuilt(
		left.node, life_config("", (how & FILE_OTHER) ? W2 ", " W3 : BACKENDS), said);
	node_build(left.node);
	if (how & FILE_LATER)
		node_wait(left.node, 3);
	check_tables();
	check_health();
	attach();
	node_stop(left.node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint64_t clock_ms = node_clock_ms;
	uint8_t how = input_take8(&input);

	memcpy(left.changed, left.bytes, left.size);
	while (input.left > 0)
		change(&input);
	if (how & FILE_SIGNED)
		sign(left.changed);
	write_changed(how);
	attach();
	if (!is_refused())
		take_over(how);
	node_clock_ms = clock_ms;
	return 0;
}
