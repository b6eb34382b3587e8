/* SPDX-License-Identifier: BSD-3-Clause */
#include "balance_fixture.h"

/* What `explain` tells of the frame; its slot's word and more are left in `packet`. */
static struct affinity_choice look(
	struct scene *scene, const struct frame *frame, struct packet *packet)
{
	struct affinity_choice choice;

	memset(packet, 0, sizeof(*packet));
	packet->mbuf = frame_mbuf_create(frame, 0, 0);
	balance_choose_burst(scene->tables, NULL, station_any(), packet, 1);
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
	balance_choose_burst(scene->tables, counters, station_any(), packet, 1);
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
	assert_int_equal(scene->pools[0].observe_tokens, 1000);
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
	assert_int_equal(pin_age(pin_of(&scene->pins, packet.hash), NOW + 9), 2);
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
	balance_choose_burst(scene->tables, &scene->counters, station_any(), packets, PACKET_BURST);
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

/* The slot has no cur, and its home is there: only old flows are served. */
static void a_slot_without_cur_serves_its_old_flows(void **state)
{
	struct scene *scene = *state;
	struct packet packet = { 0 };
	struct frame frame;

	set_words(scene, SLOT_TRACK | NO_BACKEND | A << SLOT_BACKEND_BITS);
	frame_make_tcp4(&frame, 40000, 10);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(A));
	make_syn(&frame, 40001);
	packet.mbuf = frame_mbuf_create(&frame, 0, 0);
	balance_choose_burst(scene->tables, &scene->counters, station_any(), &packet, 1);
	balance_encapsulate_burst(&packet, 1);
	frame_mbuf_free(packet.mbuf);
	assert_int_equal(packet.verdict, VERDICT_NO_BACKEND);
}

/* ICMP errors. */

static void an_error_in_a_quiet_slot_goes_where_its_flow_goes(void **state)
{
	struct scene *scene = *state;
	struct packet packet;
	struct frame frame;

	for (uint32_t slot = 0; slot < SLOTS; slot++)
		slot_store(&scene->slots[slot], slot_pack(slot % BACKENDS, slot % BACKENDS));
	for (uint16_t port = 1024; port < 1124; port++) {
		uint16_t gid;

		frame_make_tcp4(&frame, port, 10);
		gid = send(scene, &scene->counters, &frame, &packet);
		frame_make_icmp_error(&frame, 4, 11, FRAME_TCP, port);
		assert_int_equal(send(scene, &scene->counters, &frame, &packet), gid);
		frame_make_udp6(&frame, port, 10);
		gid = send(scene, &scene->counters, &frame, &packet);
		frame_make_icmp_error(&frame, 6, 2, FRAME_UDP, port);
		assert_int_equal(send(scene, &scene->counters, &frame, &packet), gid);
		assert_int_equal(packet.flags & PACKET_COPY, 0);
	}
}

static void an_error_about_a_pinned_flow_follows_the_pin_and_leaves_it_alone(void **state)
{
	static const enum pin_class classes[] = { PIN_PROBATION, PIN_OBSERVED, PIN_ESTABLISHED,
		PIN_UDP, PIN_QUIC };
	struct scene *scene = *state;
	struct packet packet;
	struct frame frame;

	set_words(scene, AWAY | SLOT_OBSERVE | SLOT_GUARD);
	frame_make_icmp_error(&frame, 4, 3, FRAME_TCP, 40000);
	send(scene, NULL, &frame, &packet);
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		struct packet error;
		uint64_t pin;

		pins_put(&scene->pins, packet.hash, GID(C), classes[i], NOW - 9);
		pin = pin_of(&scene->pins, packet.hash);
		assert_int_equal(send(scene, &scene->counters, &frame, &error), GID(C));
		assert_int_equal(pin_of(&scene->pins, packet.hash), pin);
		assert_int_equal(error.flags & PACKET_COPY, 0);
	}
}

static void an_error_about_a_flow_without_a_pin_goes_home_and_asks_for_a_copy(void **state)
{
	struct scene *scene = *state;
	struct packet packet;
	struct frame frame;

	set_words(scene, AWAY | SLOT_OBSERVE | SLOT_GUARD | SLOT_RECENT);
	frame_make_icmp_error(&frame, 4, 3, FRAME_TCP, 40000);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(A));
	assert_true(packet.flags & PACKET_COPY);
	frame_make_icmp_error(&frame, 6, 3, FRAME_UDP, 40000);
	assert_int_equal(send(scene, &scene->counters, &frame, &packet), GID(A));
	assert_true(packet.flags & PACKET_COPY);
	assert_int_equal(pin_of(&scene->pins, packet.hash), 0);
	assert_int_equal(scene->pools[0].observe_tokens, 1000);
}

static const struct {
	const char *name;
	uint32_t word;
	enum member_state home;
	uint32_t backend;
	bool copied;
} error_rows[] = {
	{ "home is cur again", SLOT_TRACK | A | A << SLOT_BACKEND_BITS, MEMBER_UP, A, false },
	{ "home drains", AWAY, MEMBER_DRAIN, A, true },
	{ "home is absent", AWAY, MEMBER_ABSENT, B, false },
	{ "home is dead", AWAY, MEMBER_DEAD, B, false },
	{ "there is no cur", SLOT_TRACK | NO_BACKEND | A << SLOT_BACKEND_BITS, MEMBER_UP, A,
		false },
};

static void an_error_goes_to_whoever_may_have_its_flow(void **state)
{
	struct scene *scene = *state;
	struct packet packet;
	struct frame frame;

	frame_make_icmp_error(&frame, 4, 3, FRAME_TCP, 40000);
	for (size_t i = 0; i < COUNT_OF(error_rows); i++) {
		set_words(scene, error_rows[i].word);
		scene->members[GID(A)].state = error_rows[i].home;
		if (send(scene, &scene->counters, &frame, &packet) != GID(error_rows[i].backend) ||
			((packet.flags & PACKET_COPY) != 0) != error_rows[i].copied)
			fail_msg("%s", error_rows[i].name);
	}
}

/* They all still go to where the flow is likely to live. */
static void a_flood_of_errors_is_not_doubled(void **state)
{
	struct scene *scene = *state;
	struct packet packets[PACKET_BURST] = { 0 };
	struct frame frame;
	unsigned int copied = 0;

	set_words(scene, AWAY);
	for (unsigned int i = 0; i < PACKET_BURST; i++) {
		frame_make_icmp_error(&frame, 4, 3, FRAME_TCP, 40000 + i);
		packets[i].mbuf = frame_mbuf_create(&frame, 0, 0);
	}
	assert_int_equal(balance_choose_burst(scene->tables, &scene->counters, station_any(),
				 packets, PACKET_BURST),
		BALANCE_COPIES_MAX);
	for (unsigned int i = 0; i < PACKET_BURST; i++) {
		assert_int_equal(packets[i].record->gid, GID(A));
		copied += (packets[i].flags & PACKET_COPY) != 0;
		frame_mbuf_free(packets[i].mbuf);
	}
	assert_int_equal(copied, BALANCE_COPIES_MAX);
	assert_int_equal(scene->counters.uncopied, PACKET_BURST - BALANCE_COPIES_MAX);
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
		TEST(an_error_in_a_quiet_slot_goes_where_its_flow_goes),
		TEST(an_error_about_a_pinned_flow_follows_the_pin_and_leaves_it_alone),
		TEST(an_error_about_a_flow_without_a_pin_goes_home_and_asks_for_a_copy),
		TEST(an_error_goes_to_whoever_may_have_its_flow),
		TEST(a_flood_of_errors_is_not_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
