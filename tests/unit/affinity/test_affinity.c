/* SPDX-License-Identifier: BSD-3-Clause */
#include "pins_fixture.h"

#include <netinet/in.h>

#include <rte_tcp.h>
#include <rte_udp.h>

#include "affinity/affinity.h"
#include "affinity/slots.h"

#define NO_BACKEND SLOT_NO_BACKEND
#define NOW        100 /* tick */
#define HASH       UINT64_C(0x123456789abcdef0)
#define TOKENS     3
#define POOL       1

/* Backends by index; the gid is the index + 10. OTHER belongs to another pool. */
enum { A, B, C, BACKENDS };
#define GID(index) ((index) + 10)
#define OTHER      20

struct scene {
	struct pins pins;
	struct member members[MEMBER_COUNT_MAX];
	struct backend_record records[BACKENDS + 1];
	_Atomic uint32_t record_of[BACKENDS];
	struct affinity_pool pools[POOL + 1];
	struct service service;
	struct tables tables;
	struct affinity affinity;
	struct affinity_counters counters;
	struct affinity_view view;
	uint8_t frame[128];
	struct rte_mbuf mbuf;
	struct packet packet;
};

static struct scene *set_up(enum affinity_udp udp)
{
	struct scene *scene = aligned_alloc(64, (sizeof(*scene) + 63) / 64 * 64);

	assert_non_null(scene);
	memset(scene, 0, sizeof(*scene));
	make_pins(&scene->pins, 4);
	for (uint32_t i = 0; i < BACKENDS; i++) {
		scene->members[GID(i)] =
			(struct member){ .state = MEMBER_UP, .index = i, .pool = POOL };
		scene->records[i + 1].gid = GID(i);
		scene->record_of[i] = i + 1;
	}
	scene->members[OTHER] = (struct member){ .state = MEMBER_UP, .index = C, .pool = 0 };
	scene->pools[POOL].observe_tokens = TOKENS;
	scene->pools[POOL].confirms = scene->pools[POOL].strains = 100;
	scene->service =
		(struct service){ .record_of = scene->record_of, .pool = POOL, .udp = udp };
	scene->tables.records = scene->records;
	scene->affinity = (struct affinity){
		.pins = &scene->pins,
		.members = scene->members,
		.pools = scene->pools,
		.udp_idle_ticks = 15,
	};
	scene->view = (struct affinity_view){ &scene->affinity, &scene->counters, NOW };
	scene->mbuf.buf_addr = scene->frame;
	scene->packet = (struct packet){
		.mbuf = &scene->mbuf,
		.hash = HASH,
		.service = &scene->service,
		.l2_length = 14,
		.l4_offset = 34,
		.l3_length = 20 + sizeof(struct rte_tcp_hdr),
	};
	return scene;
}

static void tear_down(struct scene *scene)
{
	free_pins(&scene->pins);
	free(scene);
}

static struct affinity_choice choose(
	struct scene *scene, const struct affinity_view *view, uint32_t word)
{
	scene->packet.word = word;
	return affinity_choose(view, &scene->tables, &scene->packet);
}

static void make_tcp(struct scene *scene, uint8_t flags)
{
	struct rte_tcp_hdr *tcp = (void *)(scene->frame + 34);

	tcp->tcp_flags = flags;
	scene->packet.key.ipv4.protocol = IPPROTO_TCP;
	scene->packet.flags = (flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG
				      ? PACKET_SYN
				      : 0;
}

static void make_udp(struct scene *scene, const void *payload, uint16_t length)
{
	memcpy(scene->frame + 34 + sizeof(struct rte_udp_hdr), payload, length);
	scene->packet.key.ipv4.protocol = IPPROTO_UDP;
	scene->packet.l3_length = 20 + sizeof(struct rte_udp_hdr) + length;
	scene->packet.flags = 0;
}

/* What packets of a service are. */

static const struct {
	uint8_t flags;
	enum affinity_kind kind;
} tcp_rows[] = {
	{ RTE_TCP_SYN_FLAG, AFFINITY_START },
	{ RTE_TCP_SYN_FLAG | RTE_TCP_PSH_FLAG, AFFINITY_START },
	{ RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, AFFINITY_CONTINUE },
	{ RTE_TCP_ACK_FLAG, AFFINITY_CONTINUE },
	{ RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG, AFFINITY_CONTINUE },
	{ RTE_TCP_ACK_FLAG | RTE_TCP_FIN_FLAG, AFFINITY_END },
	{ RTE_TCP_RST_FLAG, AFFINITY_END },
	{ RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG, AFFINITY_END },
};

static void tcp_flags_tell_starts_from_the_rest(void **state)
{
	for (unsigned int udp = AFFINITY_UDP_PIN; udp <= AFFINITY_UDP_QUIC; udp++) {
		struct scene *scene = set_up(udp);

		for (size_t i = 0; i < COUNT_OF(tcp_rows); i++) {
			make_tcp(scene, tcp_rows[i].flags);
			assert_int_equal(affinity_classify(&scene->packet, udp), tcp_rows[i].kind);
		}
		tear_down(scene);
	}
}

static const struct {
	const char *name;
	uint8_t bytes[6];
	uint8_t length;
	enum affinity_kind kind;
} quic_rows[] = {
	{ "v1 Initial", { 0xc0, 0, 0, 0, 1 }, 5, AFFINITY_START },
	{ "v1 Initial, fixed bit greased", { 0x80, 0, 0, 0, 1 }, 5, AFFINITY_START },
	{ "v1 0-RTT", { 0xd3, 0, 0, 0, 1 }, 6, AFFINITY_START },
	{ "v1 Handshake", { 0xe0, 0, 0, 0, 1 }, 5, AFFINITY_CONTINUE },
	{ "v1 Retry", { 0xf0, 0, 0, 0, 1 }, 5, AFFINITY_CONTINUE },
	{ "v2 Initial", { 0xd0, 0x6b, 0x33, 0x43, 0xcf }, 5, AFFINITY_START },
	{ "v2 0-RTT", { 0xe0, 0x6b, 0x33, 0x43, 0xcf }, 5, AFFINITY_START },
	{ "v2 Handshake", { 0xf0, 0x6b, 0x33, 0x43, 0xcf }, 5, AFFINITY_CONTINUE },
	{ "v2 Retry", { 0xc0, 0x6b, 0x33, 0x43, 0xcf }, 5, AFFINITY_CONTINUE },
	{ "unknown version", { 0xf0, 0x1a, 0x2a, 0x3a, 0x4a }, 5, AFFINITY_START },
	{ "short header", { 0x40, 0, 0, 0, 1 }, 5, AFFINITY_CONTINUE },
	{ "long header without version", { 0xc0, 0, 0, 0 }, 4, AFFINITY_CONTINUE },
	{ "empty", { 0 }, 0, AFFINITY_CONTINUE },
};

static void quic_headers_tell_starts_from_the_rest(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_QUIC);

	for (size_t i = 0; i < COUNT_OF(quic_rows); i++) {
		make_udp(scene, quic_rows[i].bytes, quic_rows[i].length);
		if (affinity_classify(&scene->packet, AFFINITY_UDP_QUIC) != quic_rows[i].kind)
			fail_msg("%s", quic_rows[i].name);
		assert_int_equal(
			affinity_classify(&scene->packet, AFFINITY_UDP_PIN), AFFINITY_EITHER);
		assert_int_equal(
			affinity_classify(&scene->packet, AFFINITY_UDP_HASH), AFFINITY_NONE);
	}
	tear_down(scene);
}

/* Where they go, and what is written. */

enum sends {
	SYN,
	ACK,
	FIN,
	RST,
	DATAGRAM, /* UDP with pins */
	HASHED,   /* UDP without */
	INITIAL,
	SHORT,
};

#define AWAY  (SLOT_TRACK | B | A << SLOT_BACKEND_BITS) /* new flows to B, old ones to A */
#define AGAIN (SLOT_TRACK | A | A << SLOT_BACKEND_BITS) /* A has come back */
#define ALONE (SLOT_TRACK | NO_BACKEND | A << SLOT_BACKEND_BITS)
#define NONE  PIN_EMPTY

struct row {
	const char *name;
	enum sends sends;
	uint32_t word;
	struct {
		enum pin_class class; /* NONE: there is no pin */
		uint16_t gid;
		uint16_t age;
	} before;
	enum member_state home, pinned; /* states of A, and of C; 0: UP */
	struct {
		uint32_t backend;
		enum affinity_reason reason;
		enum pin_class class;
		uint16_t gid;
		uint16_t age;
	} after;
};

static const struct row rows[] = {
	/* begins */
	{ "new flow away from home is pinned", SYN, AWAY, { 0 }, 0, 0,
		{ B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "new flow at home has no pin", SYN, AGAIN, { 0 }, 0, 0, { A, AFFINITY_NEW, NONE, 0, 0 } },
	{ "new flow in a guarded slot is pinned", SYN, AGAIN | SLOT_GUARD, { 0 }, 0, 0,
		{ A, AFFINITY_NEW, PIN_PROBATION, GID(A), 0 } },
	{ "new flow finds no backend", SYN, ALONE, { 0 }, 0, 0,
		{ NO_BACKEND, AFFINITY_NEW, NONE, 0, 0 } },
	{ "second SYN follows the first", SYN, AWAY, { PIN_PROBATION, GID(C), 2 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_PROBATION, GID(C), 2 } },
	{ "second SYN follows the first to a backend that drains", SYN, AWAY,
		{ PIN_PROBATION, GID(C), 2 }, 0, MEMBER_DRAIN,
		{ C, AFFINITY_PIN, PIN_PROBATION, GID(C), 2 } },
	{ "second SYN does not follow the first to a suspect", SYN, AWAY,
		{ PIN_PROBATION, GID(C), 2 }, 0, MEMBER_SUSPECT,
		{ B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "SYN long after the first begins anew", SYN, AWAY, { PIN_PROBATION, GID(C), 16 }, 0, 0,
		{ B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "SYN after the handshake is a late copy", SYN, AWAY, { PIN_ESTABLISHED, GID(C), 15 }, 0,
		0, { C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 15 } },
	{ "SYN cuts no established flow off, however long it was silent", SYN, AWAY,
		{ PIN_ESTABLISHED, GID(C), 900 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 900 } },
	{ "SYN cuts no flow off whose backend drains", SYN, AWAY, { PIN_ESTABLISHED, GID(C), 900 },
		0, MEMBER_DRAIN, { C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 900 } },
	{ "SYN cuts no flow off whose backend is suspect", SYN, AWAY,
		{ PIN_ESTABLISHED, GID(C), 900 }, 0, MEMBER_SUSPECT,
		{ C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 900 } },
	{ "SYN cuts no flow on trial off", SYN, AWAY, { PIN_TRIAL, GID(C), 20 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_TRIAL, GID(C), 20 } },
	{ "SYN cuts no observed flow off", SYN, AWAY, { PIN_OBSERVED, GID(A), 20 }, 0, 0,
		{ A, AFFINITY_PIN, PIN_OBSERVED, GID(A), 20 } },
	{ "SYN to an observed pin of a suspect begins anew", SYN, AWAY, { PIN_OBSERVED, GID(A), 1 },
		MEMBER_SUSPECT, 0, { B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "port is used again and its backend is gone", SYN, AWAY, { PIN_ESTABLISHED, GID(C), 1 },
		0, MEMBER_ABSENT, { B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "port is used again after a FIN", SYN, AWAY, { PIN_FINISHED, GID(C), 1 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 0 } },
	{ "port is used again after a FIN, at home", SYN, AGAIN, { PIN_FINISHED, GID(C), 1 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 0 } },
	{ "port is used again after a FIN while its backend drains", SYN, AWAY,
		{ PIN_FINISHED, GID(C), 1 }, 0, MEMBER_DRAIN,
		{ B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "port is used again after a FIN at home while its backend drains", SYN, AGAIN,
		{ PIN_FINISHED, GID(C), 1 }, 0, MEMBER_DRAIN, { A, AFFINITY_NEW, NONE, 0, 0 } },
	{ "first SYN went to a backend that is gone", SYN, AWAY, { PIN_PROBATION, GID(C), 1 }, 0,
		MEMBER_ABSENT, { B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "another pool's pin is no first SYN", SYN, AGAIN, { PIN_PROBATION, OTHER, 1 }, 0, 0,
		{ A, AFFINITY_NEW, PIN_PROBATION, OTHER, 1 } },
	/* goes on */
	{ "handshake establishes the pin", ACK, AWAY, { PIN_PROBATION, GID(C), 0 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 0 } },
	{ "packet refreshes the pin", ACK, AWAY, { PIN_ESTABLISHED, GID(C), 9 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 0 } },
	{ "pin leads to a backend that drains", ACK, AWAY, { PIN_ESTABLISHED, GID(C), 9 }, 0,
		MEMBER_DRAIN, { C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 0 } },
	{ "pin leads to a suspect", ACK, AWAY, { PIN_ESTABLISHED, GID(C), 9 }, 0, MEMBER_SUSPECT,
		{ C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 0 } },
	{ "pin to an absent backend is forgotten", ACK, AWAY, { PIN_ESTABLISHED, GID(C), 9 }, 0,
		MEMBER_ABSENT, { B, AFFINITY_CURRENT, NONE, 0, 0 } },
	{ "pin to a dead backend is forgotten", ACK, AWAY, { PIN_ESTABLISHED, GID(C), 9 }, 0,
		MEMBER_DEAD, { B, AFFINITY_CURRENT, NONE, 0, 0 } },
	{ "pin to an absent backend is kept while no other is there", ACK, ALONE,
		{ PIN_ESTABLISHED, GID(C), 9 }, 0, MEMBER_ABSENT,
		{ NO_BACKEND, AFFINITY_CURRENT, PIN_ESTABLISHED, GID(C), 9 } },
	{ "another pool's pin is passed by", ACK, AWAY, { PIN_ESTABLISHED, OTHER, 9 }, 0, 0,
		{ A, AFFINITY_HOME, PIN_ESTABLISHED, OTHER, 9 } },
	{ "pin counts in a slot that is home again", ACK, AGAIN, { PIN_ESTABLISHED, GID(C), 0 }, 0,
		0, { C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 0 } },
	{ "old flow is at home", ACK, AWAY, { 0 }, 0, 0, { A, AFFINITY_HOME, NONE, 0, 0 } },
	{ "old flow is at a home that drains", ACK, AWAY, { 0 }, MEMBER_DRAIN, 0,
		{ A, AFFINITY_HOME, NONE, 0, 0 } },
	{ "old flow has lost its home", ACK, AWAY, { 0 }, MEMBER_ABSENT, 0,
		{ B, AFFINITY_CURRENT, NONE, 0, 0 } },
	{ "old flow has lost its home and finds no other", ACK, ALONE, { 0 }, MEMBER_ABSENT, 0,
		{ NO_BACKEND, AFFINITY_CURRENT, NONE, 0, 0 } },
	{ "old flow is observed", ACK, AWAY | SLOT_OBSERVE, { 0 }, 0, 0,
		{ A, AFFINITY_HOME, PIN_OBSERVED, GID(A), 0 } },
	{ "nothing is observed at a lost home", ACK, AWAY | SLOT_OBSERVE, { 0 }, MEMBER_ABSENT, 0,
		{ B, AFFINITY_CURRENT, NONE, 0, 0 } },
	{ "observed flow waits for its second packet", ACK, AWAY | SLOT_OBSERVE,
		{ PIN_OBSERVED, GID(A), 0 }, 0, 0, { A, AFFINITY_PIN, PIN_OBSERVED, GID(A), 0 } },
	{ "observed flow is established with its second packet", ACK, AWAY | SLOT_OBSERVE,
		{ PIN_OBSERVED, GID(A), 1 }, 0, 0,
		{ A, AFFINITY_PIN, PIN_ESTABLISHED, GID(A), 0 } },
	/* ends */
	{ "FIN finishes the pin", FIN, AWAY, { PIN_ESTABLISHED, GID(C), 3 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_FINISHED, GID(C), 0 } },
	{ "FIN is not worth a pin", FIN, AWAY | SLOT_OBSERVE, { 0 }, 0, 0,
		{ A, AFFINITY_HOME, NONE, 0, 0 } },
	{ "forged RST is forgotten", ACK, AWAY, { PIN_FINISHED, GID(C), 2 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_ESTABLISHED, GID(C), 0 } },
	{ "last ACK is none", ACK, AWAY, { PIN_FINISHED, GID(C), 0 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_FINISHED, GID(C), 0 } },
	/* UDP */
	{ "datagram soon after a move goes home", DATAGRAM, AWAY | SLOT_RECENT, { 0 }, 0, 0,
		{ A, AFFINITY_HOME, PIN_PROBATION, GID(A), 0 } },
	{ "datagram soon after a move goes to a home that drains", DATAGRAM, AWAY | SLOT_RECENT,
		{ 0 }, MEMBER_DRAIN, 0, { A, AFFINITY_HOME, PIN_PROBATION, GID(A), 0 } },
	{ "datagram never goes to a suspect home without a pin", DATAGRAM, AWAY | SLOT_RECENT,
		{ 0 }, MEMBER_SUSPECT, 0, { B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "datagram goes to a suspect with a pin", DATAGRAM, AWAY, { PIN_UDP, GID(C), 1 }, 0,
		MEMBER_SUSPECT, { C, AFFINITY_PIN, PIN_UDP, GID(C), 0 } },
	{ "datagram long after a move is nothing for a home that drains", DATAGRAM, AWAY, { 0 },
		MEMBER_DRAIN, 0, { B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "datagram soon after a move from a lost home", DATAGRAM, AWAY | SLOT_RECENT, { 0 },
		MEMBER_ABSENT, 0, { B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "datagram long after a move is new", DATAGRAM, AWAY, { 0 }, 0, 0,
		{ B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "datagram at home has no pin", DATAGRAM, AGAIN, { 0 }, 0, 0,
		{ A, AFFINITY_NEW, NONE, 0, 0 } },
	{ "second datagram establishes the pin", DATAGRAM, AWAY, { PIN_PROBATION, GID(C), 3 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_UDP, GID(C), 0 } },
	{ "datagram goes where the others went", DATAGRAM, AWAY, { PIN_UDP, GID(C), 15 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_UDP, GID(C), 0 } },
	{ "datagram after a long silence is new", DATAGRAM, AWAY, { PIN_UDP, GID(C), 16 }, 0, 0,
		{ B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "datagram after a long silence, at home", DATAGRAM, AGAIN, { PIN_UDP, GID(C), 16 }, 0, 0,
		{ A, AFFINITY_NEW, NONE, 0, 0 } },
	{ "datagram whose backend is gone is new", DATAGRAM, AWAY, { PIN_UDP, GID(C), 1 }, 0,
		MEMBER_DEAD, { B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "hashed datagram leaves no trace", HASHED, AWAY | SLOT_RECENT | SLOT_OBSERVE, { 0 }, 0, 0,
		{ B, AFFINITY_HASH, NONE, 0, 0 } },
	{ "hashed datagram never goes to a home that drains", HASHED, AWAY | SLOT_RECENT, { 0 },
		MEMBER_DRAIN, 0, { B, AFFINITY_HASH, NONE, 0, 0 } },
	/* QUIC */
	{ "Initial is pinned", INITIAL, AWAY, { 0 }, 0, 0,
		{ B, AFFINITY_NEW, PIN_PROBATION, GID(B), 0 } },
	{ "second Initial follows the first", INITIAL, AWAY, { PIN_PROBATION, GID(C), 1 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_PROBATION, GID(C), 1 } },
	{ "short header establishes the pin", SHORT, AWAY, { PIN_PROBATION, GID(C), 1 }, 0, 0,
		{ C, AFFINITY_PIN, PIN_QUIC, GID(C), 0 } },
	{ "short header of an old flow goes home", SHORT, AWAY | SLOT_RECENT, { 0 }, 0, 0,
		{ A, AFFINITY_HOME, NONE, 0, 0 } },
	{ "short header of an old flow is observed", SHORT, AWAY | SLOT_OBSERVE, { 0 }, 0, 0,
		{ A, AFFINITY_HOME, PIN_OBSERVED, GID(A), 0 } },
	{ "observed QUIC flow is established as one", SHORT, AWAY | SLOT_OBSERVE,
		{ PIN_OBSERVED, GID(A), 1 }, 0, 0, { A, AFFINITY_PIN, PIN_QUIC, GID(A), 0 } },
};

static void make_packet(struct scene *scene, enum sends sends)
{
	static const uint8_t initial[] = { 0xc0, 0, 0, 0, 1 }, short_header[] = { 0x40, 0 };

	switch (sends) {
	case SYN: make_tcp(scene, RTE_TCP_SYN_FLAG); break;
	case ACK: make_tcp(scene, RTE_TCP_ACK_FLAG); break;
	case FIN: make_tcp(scene, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG); break;
	case RST: make_tcp(scene, RTE_TCP_RST_FLAG); break;
	case SHORT: make_udp(scene, short_header, sizeof(short_header)); break;
	default: make_udp(scene, initial, sizeof(initial)); break;
	}
}

static struct scene *set_up_row(const struct row *row)
{
	struct scene *scene = set_up(row->sends == HASHED     ? AFFINITY_UDP_HASH
				     : row->sends == DATAGRAM ? AFFINITY_UDP_PIN
							      : AFFINITY_UDP_QUIC);

	if (row->home != 0)
		scene->members[GID(A)].state = row->home;
	if (row->pinned != 0)
		scene->members[GID(C)].state = row->pinned;
	if (row->before.class != NONE)
		scene->pins.words[pins_second_bucket(&scene->pins, HASH) * PINS_WAYS + 3] =
			pin_pack(HASH, row->before.gid, row->before.class, NOW - row->before.age);
	make_packet(scene, row->sends);
	return scene;
}

static void assert_pin(const struct scene *scene, const struct row *row)
{
	uint64_t expected = pin_pack(HASH, row->after.gid, row->after.class, NOW - row->after.age);
	uint64_t found = pin_of(&scene->pins, HASH);

	if (found != (row->after.class == NONE ? 0 : expected))
		fail_msg("%s: pin %016lx instead of %016lx", row->name, found, expected);
}

static void each_packet_goes_where_its_flow_lives(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct scene *scene = set_up_row(row);
		struct affinity_choice choice = choose(scene, &scene->view, row->word);

		if (choice.backend != row->after.backend || choice.reason != row->after.reason)
			fail_msg("%s: to %u, %s", row->name, choice.backend,
				affinity_reason_name(choice.reason));
		assert_pin(scene, row);
		assert_int_equal(scene->counters.reasons[choice.reason], 1);
		assert_int_equal(scene->counters.unpinned + scene->counters.unobserved, 0);
		tear_down(scene);
	}
}

static uint8_t protocol_of(const struct row *row)
{
	return row->sends <= RST ? MEMBER_MOVES_TCP : MEMBER_MOVES_UDP;
}

static bool has_suspect(const struct row *row)
{
	return row->home == MEMBER_SUSPECT || row->pinned == MEMBER_SUSPECT;
}

static enum member_state absent_for_suspect(enum member_state state)
{
	return state == MEMBER_SUSPECT ? MEMBER_ABSENT : state;
}

static void assert_same_choice(const struct row *row, const struct row *other, uint8_t moves)
{
	struct scene *scene = set_up_row(row), *expected = set_up_row(other);
	struct affinity_choice choice, wanted;

	for (size_t i = 0; i < BACKENDS; i++)
		scene->members[GID(i)].moves = moves;
	choice = choose(scene, &scene->view, row->word);
	wanted = choose(expected, &expected->view, other->word);
	if (choice.backend != wanted.backend || choice.reason != wanted.reason)
		fail_msg("%s: to %u, %s", row->name, choice.backend,
			affinity_reason_name(choice.reason));
	assert_int_equal(pin_of(&scene->pins, HASH), pin_of(&expected->pins, HASH));
	tear_down(expected);
	tear_down(scene);
}

static void flows_that_move_leave_a_suspect_as_one_that_is_absent(void **state)
{
	unsigned int suspects = 0;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct row absent = rows[i];

		absent.home = absent_for_suspect(absent.home);
		absent.pinned = absent_for_suspect(absent.pinned);
		assert_same_choice(&rows[i], &absent, protocol_of(&rows[i]));
		assert_same_choice(&rows[i], &absent, MEMBER_MOVES_ALL);
		suspects += has_suspect(&rows[i]);
	}
	assert_true(suspects >= 6);
}

static void flows_of_the_other_protocol_stay_with_it(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_same_choice(&rows[i], &rows[i], MEMBER_MOVES_ALL ^ protocol_of(&rows[i]));
}

static void looking_tells_the_same_and_writes_nothing(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct scene *scene = set_up_row(row);
		struct affinity_view view = { &scene->affinity, NULL, NOW };
		uint64_t before = pin_of(&scene->pins, HASH);
		struct affinity_choice choice = choose(scene, &view, row->word);

		assert_int_equal(choice.backend, row->after.backend);
		assert_int_equal(choice.reason, row->after.reason);
		assert_int_equal(pin_of(&scene->pins, HASH), before);
		assert_int_equal(scene->pools[POOL].observe_tokens, TOKENS);
		tear_down(scene);
	}
}

static void old_flows_beyond_the_tokens_are_counted_and_not_recorded(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	make_packet(scene, ACK);
	for (uint64_t i = 1; i <= TOKENS + 2; i++) {
		struct affinity_choice choice;

		scene->packet.hash = i << 32 | i;
		choice = choose(scene, &scene->view, AWAY | SLOT_OBSERVE);
		assert_int_equal(choice.backend, A);
		assert_int_equal(pin_of(&scene->pins, scene->packet.hash) != 0, i <= TOKENS);
	}
	assert_int_equal(scene->counters.unobserved, 2);
	assert_int_equal(scene->pools[POOL].observe_tokens, 0);
	tear_down(scene);
}

static void fill_pins(struct scene *scene)
{
	for (uint32_t i = 0; i < 4 * PINS_WAYS; i++)
		scene->pins.words[i] =
			pin_pack((uint64_t)(i + 1) << 32, GID(C), PIN_ESTABLISHED, NOW);
}

static void new_flow_without_room_for_its_pin_begins_at_home(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	fill_pins(scene);
	make_packet(scene, SYN);
	assert_int_equal(choose(scene, &scene->view, AWAY).backend, A);
	assert_int_equal(scene->counters.unpinned, 0);
	assert_int_equal(scene->counters.puts[PINS_PUT_REFUSED], 1);
	tear_down(scene);
}

/* Its home may be given to another at any moment, and nothing says that the flow is there. */
static void new_flow_without_room_in_an_observed_slot_is_counted_as_unobserved(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	fill_pins(scene);
	make_packet(scene, SYN);
	assert_int_equal(choose(scene, &scene->view, AWAY | SLOT_OBSERVE).backend, A);
	assert_int_equal(scene->counters.unobserved, 1);
	assert_int_equal(scene->counters.unpinned, 0);
	tear_down(scene);
}

/* The next datagram goes there as well, not home. */
static void datagram_without_room_for_its_pin_goes_where_the_table_says(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	fill_pins(scene);
	make_packet(scene, DATAGRAM);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(choose(scene, &scene->view, AWAY).backend, B);
		assert_int_equal(scene->counters.unpinned, i);
	}
	tear_down(scene);
}

/* From any other backend its next packet would be sent away. */
static void new_flow_without_room_begins_at_a_home_that_takes_none_and_is_counted(void **state)
{
	static const enum member_state homes[] = { MEMBER_DRAIN, MEMBER_SUSPECT };

	for (size_t i = 0; i < COUNT_OF(homes); i++) {
		struct scene *scene = set_up(AFFINITY_UDP_PIN);

		fill_pins(scene);
		scene->members[GID(A)].state = homes[i];
		make_packet(scene, SYN);
		assert_int_equal(choose(scene, &scene->view, AWAY).backend, A);
		make_packet(scene, ACK);
		assert_int_equal(choose(scene, &scene->view, AWAY).backend, A);
		assert_int_equal(scene->counters.unpinned, 1);
		tear_down(scene);
	}
}

static void new_flow_without_room_or_home_is_counted(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	fill_pins(scene);
	scene->members[GID(A)].state = MEMBER_ABSENT;
	make_packet(scene, SYN);
	assert_int_equal(choose(scene, &scene->view, AWAY).backend, B);
	assert_int_equal(scene->counters.unpinned, 1);
	tear_down(scene);
}

static void nothing_is_observed_while_the_pool_is_flooded(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	scene->pools[POOL].flooded = true;
	make_packet(scene, ACK);
	assert_int_equal(choose(scene, &scene->view, AWAY | SLOT_OBSERVE).backend, A);
	assert_int_equal(pin_of(&scene->pins, HASH), 0);
	assert_int_equal(scene->pools[POOL].observe_tokens, TOKENS);
	tear_down(scene);
}

/* A flood of another pool does not count. */
static void flows_are_established_at_once_unless_their_own_pool_is_flooded(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	scene->pools[0].flooded = true;
	make_packet(scene, SYN);
	choose(scene, &scene->view, AWAY);
	make_packet(scene, ACK);
	choose(scene, &scene->view, AWAY);
	assert_int_equal(pin_class(pin_of(&scene->pins, HASH)), PIN_ESTABLISHED);
	scene->pools[POOL].flooded = true;
	scene->packet.hash = HASH + 1;
	scene->packet.hash ^= UINT64_C(1) << 40;
	make_packet(scene, SYN);
	choose(scene, &scene->view, AWAY);
	make_packet(scene, ACK);
	choose(scene, &scene->view, AWAY);
	assert_int_equal(pin_class(pin_of(&scene->pins, scene->packet.hash)), PIN_PROBATION);
	tear_down(scene);
}

/* All flows of a pool are confirmed in the same seconds, which is no attack. */
static void only_new_flows_that_get_established_are_a_sign_of_a_flood(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	make_packet(scene, ACK);
	choose(scene, &scene->view, AWAY | SLOT_OBSERVE);
	scene->view.tick++;
	choose(scene, &scene->view, AWAY | SLOT_OBSERVE);
	assert_int_equal(pin_class(pin_of(&scene->pins, HASH)), PIN_ESTABLISHED);
	assert_int_equal(scene->pools[POOL].confirms, 100);
	scene->packet.hash = HASH ^ UINT64_C(1) << 40;
	make_packet(scene, SYN);
	choose(scene, &scene->view, AWAY);
	make_packet(scene, ACK);
	choose(scene, &scene->view, AWAY);
	assert_int_equal(pin_class(pin_of(&scene->pins, scene->packet.hash)), PIN_ESTABLISHED);
	assert_int_equal(scene->pools[POOL].confirms, 99);
	tear_down(scene);
}

static int32_t confirms_of(struct scene *scene, enum sends sends, uint32_t word, uint64_t pin)
{
	scene->pins.words[pins_second_bucket(&scene->pins, HASH) * PINS_WAYS] = pin;
	scene->pools[POOL].confirms = 100;
	make_packet(scene, sends);
	choose(scene, &scene->view, word);
	assert_true(pin_is_current(pin_of(&scene->pins, HASH), NOW)); /* it is established */
	return 100 - scene->pools[POOL].confirms;
}

/* Else a FIN before it would be the way round the budget. */
static void a_flow_established_after_its_end_is_as_good_a_sign(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);
	uint64_t finished = pin_pack(HASH, GID(C), PIN_FINISHED, NOW - PIN_REVIVE_TICKS);

	assert_int_equal(confirms_of(scene, ACK, AWAY, finished), 1);
	assert_int_equal(confirms_of(scene, SYN, AWAY, finished), 1);
	tear_down(scene);
}

/* Soon after a move all old datagram flows get pins, in the same seconds. */
static void old_datagram_flows_established_at_home_are_no_sign_of_a_flood(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);
	uint64_t at_home = pin_pack(HASH, GID(A), PIN_PROBATION, NOW);
	uint64_t away = pin_pack(HASH, GID(B), PIN_PROBATION, NOW);

	assert_int_equal(confirms_of(scene, DATAGRAM, AWAY | SLOT_RECENT, at_home), 0);
	assert_int_equal(confirms_of(scene, DATAGRAM, AWAY | SLOT_RECENT, away), 1);
	assert_int_equal(confirms_of(scene, DATAGRAM, AWAY, at_home), 1);
	tear_down(scene);
}

static void datagram_at_home_without_room_for_its_pin_is_counted(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	fill_pins(scene);
	make_packet(scene, DATAGRAM);
	assert_int_equal(choose(scene, &scene->view, AWAY | SLOT_RECENT).backend, A);
	assert_int_equal(scene->counters.unpinned, 1);
	tear_down(scene);
}

static void backend_without_a_record_is_no_home(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);
	struct affinity_choice choice;

	scene->record_of[A] = RECORD_NONE;
	make_packet(scene, ACK);
	choice = choose(scene, &scene->view, AWAY);
	assert_int_equal(choice.backend, B);
	assert_int_equal(choice.reason, AFFINITY_CURRENT);
	tear_down(scene);
}

static void ipv6_is_judged_by_its_own_key(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_QUIC);

	make_tcp(scene, RTE_TCP_ACK_FLAG);
	scene->packet.key = (struct flow_key){ 0 };
	scene->packet.key.ipv6.protocol = IPPROTO_TCP;
	scene->packet.flags |= PACKET_IPV6;
	scene->pins.words[0] = 0;
	choose(scene, &scene->view, AWAY | SLOT_OBSERVE);
	scene->view.tick++;
	choose(scene, &scene->view, AWAY | SLOT_OBSERVE);
	assert_int_equal(pin_class(pin_of(&scene->pins, HASH)), PIN_ESTABLISHED);
	tear_down(scene);
}

/* The estimate for that member after one packet of each of ten flows, of which two have no pin. */
static uint64_t flows_left(struct scene *scene, uint16_t gid, bool look)
{
	static _Atomic(struct sketch *) sketches[MEMBER_COUNT_MAX];
	struct affinity_view only_look = { &scene->affinity, NULL, NOW };
	struct sketch *sketch = sketch_create();
	uint64_t estimate;

	assert_non_null(sketch);
	sketches[gid] = sketch;
	scene->affinity.sketches = sketches;
	make_packet(scene, ACK);
	for (uint64_t i = 1; i <= 10; i++) {
		scene->packet.hash = i << 32 | i;
		if (i > 2)
			pins_put(&scene->pins, scene->packet.hash, GID(C), PIN_ESTABLISHED, NOW);
		choose(scene, look ? &only_look : &scene->view, AWAY);
	}
	estimate = sketch_estimate(sketch);
	sketches[gid] = NULL;
	sketch_destroy(sketch);
	return estimate;
}

static void flows_left_on_a_member_that_drains_are_counted(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	scene->members[GID(A)].state = scene->members[GID(C)].state = MEMBER_DRAIN;
	assert_in_range(flows_left(scene, GID(C), false), 7, 9);
	assert_int_equal(flows_left(scene, GID(A), false), 2);
	assert_int_equal(flows_left(scene, GID(B), false), 0);
	assert_int_equal(flows_left(scene, GID(C), true), 0);
	tear_down(scene);
}

static void flows_of_a_member_that_is_up_are_not_counted(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	assert_int_equal(flows_left(scene, GID(C), false), 0);
	assert_int_equal(flows_left(scene, GID(A), false), 0);
	tear_down(scene);
}

/* Sequence numbers of TCP clients. */

#define ISN 0xfffff000 /* wraps */

static struct affinity_choice send_at(
	struct scene *scene, enum sends sends, uint32_t word, uint32_t sequence)
{
	struct rte_tcp_hdr *tcp = (void *)(scene->frame + 34);

	make_packet(scene, sends);
	tcp->sent_seq = rte_cpu_to_be_32(sequence);
	return choose(scene, &scene->view, word);
}

static void forged_syn_does_not_take_an_old_flow_from_home(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	assert_int_equal(send_at(scene, SYN, AWAY, ISN).backend, B);
	assert_int_equal(send_at(scene, ACK, AWAY, ISN + 0x100000).backend, A);
	assert_int_equal(
		pin_of(&scene->pins, HASH), pin_pack(HASH, GID(A), PIN_OBSERVED, scene->view.tick));
	assert_int_equal(scene->counters.steps[PINS_STEP_RECLAIMED], 1);
	assert_int_equal(send_at(scene, SYN, AWAY, ISN).backend, A);
	assert_int_equal(send_at(scene, ACK, AWAY, ISN).backend, A);
	tear_down(scene);
}

/* An old flow may be anywhere: of all places, that many are taken for the forged SYN's. */
static void six_of_128_places_count_as_those_of_the_syn(void **state)
{
	const uint32_t unit = 1 << PIN_SEQUENCE_SHIFT;
	unsigned int taken = 0;

	for (uint32_t i = 0; i <= PIN_SEQUENCE_MASK; i++) {
		struct scene *scene = set_up(AFFINITY_UDP_PIN);

		send_at(scene, SYN, AWAY, ISN);
		taken += send_at(scene, ACK, AWAY, ISN + 1 + i * unit).backend == B;
		tear_down(scene);
	}
	assert_int_equal(taken, PIN_SEQUENCE_WINDOW);
}

static void first_packet_may_stand_64_kib_after_the_syn(void **state)
{
	static const uint32_t distances[] = { 0, 1, 1461, 14600, 65536 };

	for (uint32_t isn = 0; isn < 0x200000; isn += 0xfff) {
		struct scene *scene = set_up(AFFINITY_UDP_PIN);
		uint32_t distance = distances[isn % COUNT_OF(distances)];

		send_at(scene, SYN, AWAY, isn - 0x100000);
		assert_int_equal(send_at(scene, ACK, AWAY, isn - 0x100000 + distance).backend, B);
		assert_int_equal(pin_class(pin_of(&scene->pins, HASH)), PIN_ESTABLISHED);
		tear_down(scene);
	}
}

static void last_syn_says_where_the_first_packet_is(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	send_at(scene, SYN, AWAY, ISN);
	scene->view.tick += 2;
	assert_int_equal(send_at(scene, SYN, AWAY, ISN + 0x100000).backend, B);
	assert_int_equal(pin_age(pin_of(&scene->pins, HASH), scene->view.tick), 2);
	assert_int_equal(send_at(scene, ACK, AWAY, ISN + 0x100001).backend, B);
	assert_int_equal(pin_class(pin_of(&scene->pins, HASH)), PIN_ESTABLISHED);
	tear_down(scene);
}

static void forged_fin_neither_ends_nor_moves_a_handshake(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);
	uint64_t before;

	send_at(scene, SYN, AWAY, ISN);
	before = pin_of(&scene->pins, HASH);
	assert_int_equal(send_at(scene, FIN, AWAY, ISN + 0x100000).backend, A);
	assert_int_equal(pin_of(&scene->pins, HASH), before);
	assert_int_equal(send_at(scene, ACK, AWAY, ISN + 1).backend, B);
	tear_down(scene);
}

/*
 * The backend of the SYN still has a connection of the client's former life and answers with an ACK
 * of that. The client resets it, by its number, and sends its SYN again.
 */
static void rst_of_an_older_connection_goes_where_the_syn_went(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);
	uint64_t before;

	send_at(scene, SYN, AWAY, ISN);
	before = pin_of(&scene->pins, HASH);
	assert_int_equal(send_at(scene, RST, AWAY, ISN + 0x100000).backend, B);
	assert_int_equal(pin_of(&scene->pins, HASH), before);
	assert_int_equal(send_at(scene, SYN, AWAY, ISN).backend, B);
	assert_int_equal(send_at(scene, ACK, AWAY, ISN + 1).backend, B);
	assert_int_equal(pin_class(pin_of(&scene->pins, HASH)), PIN_ESTABLISHED);
	tear_down(scene);
}

/* As long as there is a backend that the SYN went to. */
static void rst_goes_home_where_that_of_the_syn_is_gone(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	send_at(scene, SYN, AWAY, ISN);
	scene->members[GID(B)].state = MEMBER_ABSENT;
	assert_int_equal(send_at(scene, RST, AWAY, ISN + 0x100000).backend, A);
	tear_down(scene);
}

static void nothing_is_sent_home_to_a_backend_that_is_gone(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	scene->members[GID(A)].state = MEMBER_ABSENT;
	send_at(scene, SYN, AWAY, ISN);
	assert_int_equal(send_at(scene, ACK, AWAY, ISN + 0x100000).backend, B);
	tear_down(scene);
}

/* Its second packet may be megabytes on, when the first one was only noted. */
static void numbers_do_not_matter_once_a_packet_was_noted(void **state)
{
	struct scene *scene = set_up(AFFINITY_UDP_PIN);

	scene->pools[POOL].flooded = true;
	send_at(scene, SYN, AWAY, ISN);
	assert_int_equal(send_at(scene, ACK, AWAY, ISN + 1).backend, B);
	scene->view.tick++;
	assert_int_equal(send_at(scene, ACK, AWAY, ISN + 0x100000).backend, B);
	assert_int_equal(pin_class(pin_of(&scene->pins, HASH)), PIN_TRIAL);
	tear_down(scene);
}

static void every_reason_has_a_name_and_a_text(void **state)
{
	for (int reason = 0; reason < AFFINITY_REASON_COUNT; reason++) {
		assert_true(strlen(affinity_reason_name(reason)) > 2);
		assert_true(strlen(affinity_reason_text(reason)) > 10);
	}
	assert_string_equal(affinity_reason_name(AFFINITY_CURRENT), "current");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_flags_tell_starts_from_the_rest),
		cmocka_unit_test(quic_headers_tell_starts_from_the_rest),
		cmocka_unit_test(each_packet_goes_where_its_flow_lives),
		cmocka_unit_test(flows_that_move_leave_a_suspect_as_one_that_is_absent),
		cmocka_unit_test(flows_of_the_other_protocol_stay_with_it),
		cmocka_unit_test(looking_tells_the_same_and_writes_nothing),
		cmocka_unit_test(old_flows_beyond_the_tokens_are_counted_and_not_recorded),
		cmocka_unit_test(new_flow_without_room_for_its_pin_begins_at_home),
		cmocka_unit_test(
			new_flow_without_room_in_an_observed_slot_is_counted_as_unobserved),
		cmocka_unit_test(datagram_without_room_for_its_pin_goes_where_the_table_says),
		cmocka_unit_test(
			new_flow_without_room_begins_at_a_home_that_takes_none_and_is_counted),
		cmocka_unit_test(new_flow_without_room_or_home_is_counted),
		cmocka_unit_test(nothing_is_observed_while_the_pool_is_flooded),
		cmocka_unit_test(flows_are_established_at_once_unless_their_own_pool_is_flooded),
		cmocka_unit_test(only_new_flows_that_get_established_are_a_sign_of_a_flood),
		cmocka_unit_test(a_flow_established_after_its_end_is_as_good_a_sign),
		cmocka_unit_test(old_datagram_flows_established_at_home_are_no_sign_of_a_flood),
		cmocka_unit_test(datagram_at_home_without_room_for_its_pin_is_counted),
		cmocka_unit_test(backend_without_a_record_is_no_home),
		cmocka_unit_test(ipv6_is_judged_by_its_own_key),
		cmocka_unit_test(flows_left_on_a_member_that_drains_are_counted),
		cmocka_unit_test(flows_of_a_member_that_is_up_are_not_counted),
		cmocka_unit_test(forged_syn_does_not_take_an_old_flow_from_home),
		cmocka_unit_test(six_of_128_places_count_as_those_of_the_syn),
		cmocka_unit_test(first_packet_may_stand_64_kib_after_the_syn),
		cmocka_unit_test(last_syn_says_where_the_first_packet_is),
		cmocka_unit_test(forged_fin_neither_ends_nor_moves_a_handshake),
		cmocka_unit_test(rst_of_an_older_connection_goes_where_the_syn_went),
		cmocka_unit_test(rst_goes_home_where_that_of_the_syn_is_gone),
		cmocka_unit_test(nothing_is_sent_home_to_a_backend_that_is_gone),
		cmocka_unit_test(numbers_do_not_matter_once_a_packet_was_noted),
		cmocka_unit_test(every_reason_has_a_name_and_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
