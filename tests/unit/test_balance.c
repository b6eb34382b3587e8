/* SPDX-License-Identifier: BSD-3-Clause */
#include "pins_fixture.h"

#include "balance.h"
#include "frames.h"
#include "slots.h"

#define SLOTS  251
#define NOW    100 /* tick */
#define POOL   0
#define NOBODY SLOT_NO_BACKEND

/* Backends by index; the gid is the index + 10, the record's cell the index + 1. */
enum { A, B, C, BACKENDS };
#define GID(index) ((index) + 10)

#define QUIET (A | A << SLOT_BACKEND_BITS)
#define AWAY  (SLOT_TRACK | B | A << SLOT_BACKEND_BITS) /* new flows to B, old ones to A */

/* A service for TCP and one for UDP to port 80 of both VIPs, of one pool. */
struct scene {
	_Atomic uint32_t slots[SLOTS];
	_Atomic uint32_t record_of[BACKENDS];
	_Atomic int32_t tokens;
	struct backend_record records[BACKENDS + 1];
	struct member members[MEMBER_COUNT_MAX];
	struct pins pins;
	struct affinity affinity;
	struct affinity_counters counters;
	struct tables *tables;
};

static void set_words(struct scene *scene, uint32_t word)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		slot_store(&scene->slots[slot], word);
}

static void add_service(struct scene *scene, const char *vip, uint8_t protocol)
{
	struct service_key key = { .protocol = protocol, .port = rte_cpu_to_be_16(80) };
	struct service service = {
		.slots = scene->slots,
		.record_of = scene->record_of,
		.slot_count = SLOTS,
		.pool = POOL,
	};

	assert_int_equal(address_parse(vip, &key.vip), 0);
	assert_int_equal(service_table_add(scene->tables->services, &key, &service), 0);
}

static void add_backends(struct scene *scene)
{
	for (uint32_t i = 0; i < BACKENDS; i++) {
		scene->members[GID(i)].state = MEMBER_UP;
		scene->members[GID(i)].index = i;
		scene->members[GID(i)].pool = POOL;
		scene->records[i + 1].gid = GID(i);
		scene->record_of[i] = i + 1;
	}
}

static int set_up(void **state)
{
	static const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = "a test";
	struct scene *scene = aligned_alloc(64, RTE_ALIGN(sizeof(*scene), 64));
	struct flow_secret secret;

	assert_non_null(scene);
	memset(scene, 0, sizeof(*scene));
	make_pins(&scene->pins, 64);
	add_backends(scene);
	scene->tokens = 1000;
	scene->affinity.pins = &scene->pins;
	scene->affinity.members = scene->members;
	scene->affinity.observe_tokens = &scene->tokens;
	scene->affinity.udp_idle_ticks = 15;
	scene->affinity.tick = NOW;
	flow_secret_generate(&secret, hash_key);
	scene->tables = tables_create(&secret, scene->records, 4);
	assert_non_null(scene->tables);
	scene->tables->affinity = &scene->affinity;
	add_service(scene, FRAME_VIP4, FRAME_TCP);
	add_service(scene, FRAME_VIP4, FRAME_UDP);
	add_service(scene, FRAME_VIP6, FRAME_TCP);
	add_service(scene, FRAME_VIP6, FRAME_UDP);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	tables_destroy(scene->tables);
	free_pins(&scene->pins);
	free(scene);
	return 0;
}

static void make_syn(struct frame *frame, uint16_t source_port)
{
	frame_begin(frame);
	frame_add_ipv4(frame, "198.51.100.7", FRAME_VIP4);
	frame_add_tcp(frame, source_port, 80, FRAME_TCP_SYN);
	frame_finish(frame);
}

/* What `explain` tells of the frame; its slot's word and more are left in `packet`. */
static struct affinity_choice look(
	struct scene *scene, const struct frame *frame, struct packet *packet)
{
	struct affinity_choice choice;

	memset(packet, 0, sizeof(*packet));
	packet->mbuf = frame_mbuf_create(frame, 0, 0);
	balance_choose_burst(scene->tables, NULL, packet, 1);
	choice = balance_look(scene->tables, packet);
	frame_mbuf_free(packet->mbuf);
	packet->mbuf = NULL;
	return choice;
}

/* Where the frame goes: the gid of its record. What it met is left in `packet`, without mbuf. */
static uint16_t send(struct scene *scene, struct affinity_counters *counters,
	const struct frame *frame, struct packet *packet)
{
	memset(packet, 0, sizeof(*packet));
	packet->mbuf = frame_mbuf_create(frame, 0, 0);
	balance_choose_burst(scene->tables, counters, packet, 1);
	frame_mbuf_free(packet->mbuf);
	packet->mbuf = NULL;
	assert_int_equal(packet->verdict, VERDICT_NEXT);
	return packet->record->gid;
}

static uint64_t reasons_sum(const struct affinity_counters *counters)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < AFFINITY_REASON_ROOM; i++)
		sum += counters->reasons[i];
	return sum;
}

static void packets_of_quiet_slots_leave_no_trace(void **state)
{
	static const struct affinity_counters nothing;
	struct scene *scene = *state;
	struct packet packet;
	struct frame frame;

	set_words(scene, QUIET);
	scene->affinity.pins = NULL; /* whoever looks for a pin crashes */
	make_syn(&frame, 40000);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(A));
	frame_make_udp6(&frame, 40000, 10);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(A));
	assert_memory_equal(&scene->counters, &nothing, sizeof(nothing));
}

static void a_flow_that_begins_in_a_moved_slot_keeps_its_backend(void **state)
{
	struct scene *scene = *state;
	struct packet packet;
	struct frame frame;

	set_words(scene, AWAY);
	make_syn(&frame, 40000);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(B));
	set_words(scene, SLOT_TRACK | C | A << SLOT_BACKEND_BITS);
	frame_make_tcp4(&frame, 40000, 10);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(B));
	assert_int_equal(pin_class(pin_of(&scene->pins, packet.hash)), PIN_ESTABLISHED);
	frame_make_tcp4(&frame, 40001, 10);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(A));
	assert_int_equal(scene->counters.reasons[AFFINITY_NEW], 1);
	assert_int_equal(scene->counters.reasons[AFFINITY_PIN], 1);
	assert_int_equal(scene->counters.reasons[AFFINITY_HOME], 1);
}

static void without_affinity_every_slot_counts_as_quiet(void **state)
{
	struct scene *scene = *state;
	struct packet packet;
	struct frame frame;

	scene->tables->affinity = NULL;
	set_words(scene, AWAY);
	frame_make_tcp4(&frame, 40000, 10);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(B));
	assert_int_equal(reasons_sum(&scene->counters), 0);
	assert_int_equal(look(scene, &frame, &packet).reason, AFFINITY_QUIET);
}

static void looking_writes_neither_pins_nor_counters(void **state)
{
	struct scene *scene = *state;
	struct affinity_choice choice;
	struct packet packet;
	struct frame frame;

	set_words(scene, AWAY | SLOT_OBSERVE);
	make_syn(&frame, 40000);
	assert_int_equal(send(scene, NULL, &frame, &packet), GID(B));
	choice = look(scene, &frame, &packet);
	assert_int_equal(choice.backend, B);
	assert_int_equal(choice.reason, AFFINITY_NEW);
	assert_int_equal(choice.pin, 0);
	frame_make_tcp4(&frame, 40000, 10);
	assert_int_equal(send(scene, NULL, &frame, &packet), GID(A));
	assert_int_equal(pin_of(&scene->pins, packet.hash), 0);
	assert_int_equal(scene->tokens, 1000);
}

static void looking_tells_word_reason_and_pin(void **state)
{
	struct scene *scene = *state;
	struct affinity_choice choice;
	struct packet packet;
	struct frame frame;

	set_words(scene, AWAY);
	make_syn(&frame, 40000);
	send(scene, &scene->counters, &frame, &packet);
	frame_make_tcp4(&frame, 40000, 10);
	choice = look(scene, &frame, &packet);
	assert_int_equal(packet.word, AWAY);
	assert_int_equal(packet.record->gid, GID(B));
	assert_int_equal(choice.reason, AFFINITY_PIN);
	assert_int_equal(choice.pin, pin_of(&scene->pins, packet.hash));
	assert_int_equal(pin_gid(choice.pin), GID(B));
	set_words(scene, QUIET);
	choice = look(scene, &frame, &packet);
	assert_int_equal(choice.backend, A);
	assert_int_equal(choice.reason, AFFINITY_QUIET);
}

static void the_tick_is_the_one_that_control_has_stored(void **state)
{
	struct scene *scene = *state;
	struct packet packet;
	struct frame frame;

	set_words(scene, AWAY);
	scene->affinity.tick = NOW + 7;
	make_syn(&frame, 40000);
	send(scene, &scene->counters, &frame, &packet);
	assert_int_equal(pin_stamp(pin_of(&scene->pins, packet.hash)), NOW + 7);
}

/* Half of the slots are quiet, and a third of the packets has another fate altogether. */
static void make_mixed_burst(
	struct scene *scene, struct frame frames[PACKET_BURST], struct packet *packets)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		slot_store(&scene->slots[slot], slot % 2 == 0 ? QUIET : AWAY);
	for (unsigned int i = 0; i < PACKET_BURST; i++) {
		make_syn(&frames[i], 40000 + i);
		if (i % 3 == 2)
			frames[i].length = 30;
		packets[i].mbuf = frame_mbuf_create(&frames[i], 0, 0);
	}
}

static void a_burst_meets_what_its_packets_would_meet_alone(void **state)
{
	struct scene *scene = *state;
	struct packet packets[PACKET_BURST], alone;
	struct frame frames[PACKET_BURST];
	unsigned int tracked = 0;

	make_mixed_burst(scene, frames, packets);
	balance_choose_burst(scene->tables, &scene->counters, packets, PACKET_BURST);
	for (unsigned int i = 0; i < PACKET_BURST; i++) {
		frame_mbuf_free(packets[i].mbuf);
		if (i % 3 == 2) {
			assert_int_equal(packets[i].verdict, VERDICT_TRUNCATED);
			continue;
		}
		assert_int_equal(packets[i].verdict, VERDICT_NEXT);
		tracked += packets[i].slot % 2;
		assert_int_equal(packets[i].record->gid, packets[i].slot % 2 ? GID(B) : GID(A));
		assert_int_equal(send(scene, NULL, &frames[i], &alone), packets[i].record->gid);
	}
	assert_true(tracked > 4);
	assert_int_equal(reasons_sum(&scene->counters), tracked);
	assert_int_equal(scene->counters.puts[PINS_PUT_PLACED], tracked);
}

/* cur of the slot is nobody, home is there: only old flows are served. */
static void a_slot_without_cur_serves_its_old_flows(void **state)
{
	struct scene *scene = *state;
	struct packet packet = { 0 };
	struct frame frame;

	set_words(scene, SLOT_TRACK | NOBODY | A << SLOT_BACKEND_BITS);
	frame_make_tcp4(&frame, 40000, 10);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(A));
	make_syn(&frame, 40001);
	packet.mbuf = frame_mbuf_create(&frame, 0, 0);
	balance_choose_burst(scene->tables, &scene->counters, &packet, 1);
	frame_mbuf_free(packet.mbuf);
	assert_int_equal(packet.verdict, VERDICT_NO_BACKEND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_of_quiet_slots_leave_no_trace),
		TEST(a_flow_that_begins_in_a_moved_slot_keeps_its_backend),
		TEST(without_affinity_every_slot_counts_as_quiet),
		TEST(looking_writes_neither_pins_nor_counters),
		TEST(looking_tells_word_reason_and_pin),
		TEST(the_tick_is_the_one_that_control_has_stored),
		TEST(a_burst_meets_what_its_packets_would_meet_alone),
		TEST(a_slot_without_cur_serves_its_old_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
