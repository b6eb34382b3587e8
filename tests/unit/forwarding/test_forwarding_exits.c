/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ways to take a backend out against the kinds of flows: for how long those that it has stay
 * with it, and for how long it is sent new ones. sluice(7) has the same table for operators.
 */
#include "unit.h"

#include "life_fixture.h"
#include "life_packets.h"
#include "pins_fixture.h"
#include "affinity/slots.h"

#define POOLS                                                                                    \
	"[{'name': 'web', 'slots': 251, 'drain_deadline_s': 600, 'affinity': {'observe_s': 90, " \
	"'settle_s': 6, 'hold_s': 60, 'fail_grace_s': 10, 'guard_s': 4}, 'backends': [%s]}]"
#define SERVICE(name, protocol, port, udp)                                                      \
	"{'name': '" name "', 'vip': '203.0.113.10', 'protocol': '" protocol "', 'port': " port \
	", " udp "'pool': 'web', 'forward': 'ipip'}"
#define SERVICES                                                                        \
	"[" SERVICE("www", "tcp", "80", "") ", " SERVICE(                               \
		"game", "udp", "81", "'udp': 'pin', ") ", " SERVICE("dns", "udp", "82", \
		"'udp': 'hash', ") ", " SERVICE("quic", "udp", "83", "'udp': 'quic', ") "]"

#define W2_IDLE     "{'name': 'w2', 'address': '10.2.0.2', 'weight': 0}"
#define W2_DISABLED "{'name': 'w2', 'address': '10.2.0.2', 'state': 'disabled'}"
#define FLOWS       8
#define LONG_S      700
#define NEVER       LONG_S

enum flow_kind { TCP, UDP_PIN, UDP_HASH, QUIC, KINDS };

static const struct {
	const char *name;
	uint16_t port;
	enum life_packet first, next;
} kinds[KINDS] = {
	[TCP] = { "TCP", 80, LIFE_SYN, LIFE_ACK },
	[UDP_PIN] = { "UDP, pin", 81, LIFE_DATAGRAM, LIFE_DATAGRAM },
	[UDP_HASH] = { "UDP, hash", 82, LIFE_DATAGRAM, LIFE_DATAGRAM },
	[QUIC] = { "QUIC", 83, LIFE_INITIAL, LIFE_SHORT },
};

/* Seconds after the change: when old flows leave, and when new ones no longer come. */
struct cell {
	uint32_t old_s, new_s;
};

static const struct exit_way {
	const char *name;
	const char *backends; /* NULL: its check fails */
	struct live_terms terms;
	struct cell cells[KINDS];
} ways[] = {
	{ "weight 0", W1 ", " W2_IDLE, { 0 },
		{ [TCP] = { NEVER, 0 }, [UDP_PIN] = { NEVER, 60 }, [QUIC] = { NEVER, 0 } } },
	{ "drain", W1 ", " W2_DRAIN, { 0 },
		{ [TCP] = { 600, 0 }, [UDP_PIN] = { 600, 60 }, [QUIC] = { 600, 0 } } },
	{ "drain with a deadline", W1 ", " W2_DRAIN, { .deadline_s = 30 },
		{ [TCP] = { 30, 0 }, [UDP_PIN] = { 30, 30 }, [QUIC] = { 30, 0 } } },
	{ "disabled", W1 ", " W2_DISABLED, { 0 }, { { 0, 0 } } },
	{ "health down", NULL, { 0 }, { [TCP] = { 10, 0 }, [QUIC] = { 10, 0 } } },
	{ "remove", W1, { 0 },
		{ [TCP] = { 600, 0 }, [UDP_PIN] = { 600, 60 }, [QUIC] = { 600, 0 } } },
	{ "remove --now", W1, { .now = true }, { { 0, 0 } } },
};

static struct config *read_config(const char *backends)
{
	char pools[2048];

	snprintf(pools, sizeof(pools), POOLS, backends);
	return small_config_read(pools, SERVICES);
}

/* Another flow of the same slot: what is added to the tag is little against a slot. */
static uint64_t beside(uint64_t hash, uint32_t number)
{
	return hash + ((uint64_t)number << 32);
}

/* Hashes of flows that live on w2, which are many. */
static void begin_flows(
	struct node *node, struct affinity_counters *counters, uint32_t gid, uint64_t *hashes)
{
	uint64_t random = 1;
	unsigned int count = 0;

	while (count < FLOWS) {
		uint64_t hash = next_random(&random);

		if (life_send(node, counters, 80, LIFE_SYN, hash) == gid)
			hashes[count++] = hash;
	}
	for (unsigned int kind = 0; kind < KINDS; kind++)
		for (unsigned int i = 0; i < FLOWS; i++) {
			uint16_t port = kinds[kind].port;
			uint64_t hash = beside(hashes[i], kind);

			assert_int_equal(
				life_send(node, counters, port, kinds[kind].first, hash), gid);
			assert_int_equal(
				life_send(node, counters, port, kinds[kind].next, hash), gid);
		}
}

static void take_out(struct node *node, const struct exit_way *way)
{
	if (way->backends == NULL)
		life_fail(node, 1);
	else
		node_apply_by(node, read_config(way->backends), &way->terms);
}

/* A packet of each old flow, and one that begins a flow of each kind. */
static void send_all(struct node *node, struct affinity_counters *counters,
	const struct exit_way *way, uint32_t gid, const uint64_t *hashes, uint32_t second)
{
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		const struct cell *cell = &way->cells[kind];
		uint16_t port = kinds[kind].port;
		uint64_t fresh = beside(hashes[0], KINDS * (second + 1) + kind);

		for (unsigned int i = 0; i < FLOWS; i++) {
			uint32_t found = life_send(
				node, counters, port, kinds[kind].next, beside(hashes[i], kind));

			if ((found == gid) != (second < cell->old_s))
				fail_msg("%s: an old flow of %s, second %u: on %u", way->name,
					kinds[kind].name, second, found);
		}
		if ((life_send(node, counters, port, kinds[kind].first, fresh) == gid) !=
			(second < cell->new_s))
			fail_msg("%s: a new flow of %s, second %u", way->name, kinds[kind].name,
				second);
	}
}

static void play(struct node *node, const struct exit_way *way)
{
	struct affinity_counters counters = { 0 };
	uint64_t hashes[FLOWS];
	uint32_t gid;

	node_apply(node, read_config(W1 ", " W2));
	gid = life_find(node, "w2")->gid;
	begin_flows(node, &counters, gid, hashes);
	take_out(node, way);
	for (uint32_t second = 0; second < LONG_S; second++) {
		send_all(node, &counters, way, gid, hashes, second);
		node_wait(node, 1);
	}
}

static void every_way_out_does_to_flows_what_the_table_says(void **state)
{
	const struct node_host *host = *state;

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct node *node = node_create(host, &node_layout, 1);

		play(node, &ways[i]);
		node_destroy(node);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_out_does_to_flows_what_the_table_says),
	};

	return cmocka_run_group_tests_name(
		"forwarding_exits", tests, node_host_start, node_host_stop);
}
