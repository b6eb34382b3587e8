/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attacks: floods a pool while its backends change, under a clock that is turned by hand, and tells
 * what became of the flows of others, for people or as JSON.
 *
 * Two pools, "web" and "api", have the same change in the same second. Web alone is attacked, for
 * two minutes from then on. Each pool has old flows, and new ones come in every second; all of them
 * have a packet every ten seconds. A flow is broken when a packet of it goes to another backend
 * than its first one, unless that has failed or the deadline of its drain is over.
 */
#include "unit.h"

#include <getopt.h>
#include <netinet/in.h>

#include "life_fixture.h"
#include "life_packets.h"
#include "random.h"
#include "affinity/slots.h"
#include "service/service_match.h"

#define CHANGE_S    60
#define ATTACK_S    120
#define DEADLINE_S  300 /* of a drain */
#define END_S       900
#define RATE        20000  /* packets of the attack in a second */
#define PIN_BUCKETS 131072 /* as many as sluiced has by default */
#define REPEATED    20000  /* tuples of the attack that repeats them */
#define FORGED      400    /* flows that get a forged SYN in a second */

#define OLD_FLOWS 4000 /* of each pool */
#define NEW_FLOWS 20   /* of each pool in a second */
#define FLOW_S    120  /* that a new flow lives */
#define GAP_S     10
#define FLOWS     (OLD_FLOWS + NEW_FLOWS * END_S)

enum pool { WEB, API, POOLS };

static const uint16_t ports[POOLS] = { 80, 81 };

enum attack { LONE_ACKS, FORGED_SYNS, SYN_FLOOD, REPEATED_TUPLES, ATTACKS };

enum change { DRAIN, FAIL, MORE, CHANGES };

struct row {
	const char *name;
	const char *title;
	enum attack attack;
	enum change change;
};

static const struct row rows[] = {
	{ "A1", "lone forged ACKs while a backend drains", LONE_ACKS, DRAIN },
	{ "A2", "lone forged ACKs while a backend fails", LONE_ACKS, FAIL },
	{ "A3", "lone forged ACKs while 20 % more come", LONE_ACKS, MORE },
	{ "A4", "forged SYNs of live flows while a backend drains", FORGED_SYNS, DRAIN },
	{ "A5", "forged SYNs of live flows while a backend fails", FORGED_SYNS, FAIL },
	{ "A6", "forged SYNs of live flows while 20 % more come", FORGED_SYNS, MORE },
	{ "A7", "a flood of SYNs while a backend drains", SYN_FLOOD, DRAIN },
	{ "A8", "a flood of SYNs while a backend fails", SYN_FLOOD, FAIL },
	{ "A9", "a flood of SYNs while 20 % more come", SYN_FLOOD, MORE },
	{ "A10", "repeated tuples while a backend drains", REPEATED_TUPLES, DRAIN },
	{ "A11", "repeated tuples while a backend fails", REPEATED_TUPLES, FAIL },
	{ "A12", "repeated tuples while 20 % more come", REPEATED_TUPLES, MORE },
};

struct flow {
	uint64_t hash;
	uint32_t sequence;
	uint32_t gid;
	uint32_t begun_s;
	uint32_t end_s;
	bool pinned; /* after its last packet */
};

struct result {
	uint64_t old, broken, broken_unsafe; /* the latter had neither pin nor quiet slot */
	uint64_t new, unserved;
	uint32_t done_s[POOLS]; /* when the last slot had its home, after the change */
};

struct run {
	const struct row *row;
	struct node *node;
	struct affinity_counters counters;
	uint64_t random;
	uint32_t now_s;
	uint32_t leaver[POOLS]; /* gid of the backend that drains or fails */
	struct flow flows[POOLS][FLOWS];
	uint32_t flow_count[POOLS];
	uint64_t repeated[REPEATED];
	struct result result;
};

static struct config *configure(uint32_t backends, const char *state)
{
	static const char *const names[POOLS] = { "web", "api" };
	char pools[8192] = "[";
	size_t used = 1;

	for (uint32_t pool = 0; pool < POOLS; pool++) {
		used += snprintf(pools + used, sizeof(pools) - used,
			"%s{'name': '%s', 'slots': 251, 'drain_deadline_s': %d, 'affinity': "
			"{'observe_s': 90, 'settle_s': 6, 'hold_s': 60, 'fail_grace_s': 10, "
			"'guard_s': 4}, 'backends': [",
			pool == 0 ? "" : ", ", names[pool], DEADLINE_S);
		for (uint32_t i = 1; i <= backends; i++)
			used += snprintf(pools + used, sizeof(pools) - used,
				"%s{'name': 'b%u', 'address': '10.2.0.%u'%s}", i == 1 ? "" : ", ",
				i, i + 15 * pool, i == 1 ? state : "");
		used += snprintf(pools + used, sizeof(pools) - used, "]}");
	}
	snprintf(pools + used, sizeof(pools) - used, "]");
	return small_config_read(pools,
		"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': "
		"'web', 'forward': 'ipip'}, {'name': 'rpc', 'vip': '203.0.113.10', 'protocol': "
		"'tcp', 'port': 81, 'pool': 'api', 'forward': 'ipip'}]");
}

static struct node *create_node(const struct node_host *host)
{
	struct state_layout layout = node_layout;

	layout.pin_buckets = PIN_BUCKETS;
	return node_create(host, &layout, 1);
}

static const struct live_backend *first_of(const struct run *run, enum pool pool)
{
	size_t count;

	return forwarding_backends(run->node->forwarding, pool, &count);
}

/* The change. */

static void fail_first(struct run *run, const char *pool)
{
	const struct forwarding_update update = { .has_health = true, .healthy = false };
	struct forwarding_handle handle;
	unsigned int calls = 0;

	assert_int_equal(forwarding_find(run->node->forwarding, pool, "b1", &handle), 0);
	assert_int_equal(forwarding_update(run->node->forwarding, &handle, &update, false,
				 life_count_report, &calls),
		0);
}

static void change(struct run *run)
{
	switch (run->row->change) {
	case DRAIN: node_apply(run->node, configure(10, ", 'state': 'drain'")); break;
	case MORE: node_apply(run->node, configure(12, "")); break;
	default:
		fail_first(run, "web");
		fail_first(run, "api");
		node_build(run->node);
		break;
	}
}

/* Whether flows of that backend are gone with it. */
static bool is_gone(const struct run *run, enum pool pool, uint32_t gid)
{
	if (gid != run->leaver[pool] || run->now_s < CHANGE_S)
		return false;
	return run->row->change == FAIL ||
	       (run->row->change == DRAIN && run->now_s >= CHANGE_S + DEADLINE_S);
}

/* Flows. */

static uint32_t send_packet(
	struct run *run, enum pool pool, enum life_packet kind, uint64_t hash, uint32_t sequence)
{
	return life_send_numbered(run->node, &run->counters, ports[pool], kind, hash, sequence);
}

static bool is_quiet(const struct run *run, enum pool pool, const struct flow *flow)
{
	struct packet packet = { .key.ipv4 = { .destination = { 203, 0, 113, 10 } } };
	uint32_t word;

	packet.key.ipv4.protocol = IPPROTO_TCP;
	packet.key.ipv4.ports[1] = rte_cpu_to_be_16(ports[pool]);
	assert_int_equal(service_match(forwarding_tables(run->node->forwarding)->services, &packet),
		VERDICT_NEXT);
	word = slot_load(&packet.service->slots[flow_slot(flow->hash, LIFE_SLOTS)]);
	return (word & SLOT_TRACK) == 0;
}

/* What is on probation may have been put by a forged SYN. */
static bool is_pinned(const struct run *run, const struct flow *flow)
{
	const struct affinity *affinity =
		tracking_affinity(forwarding_tracking(run->node->forwarding));
	uint32_t position;
	uint64_t pin = pins_find(affinity_pins(affinity), flow->hash, &position);

	return pin != 0 && pin_class(pin) != PIN_PROBATION && pin_gid(pin) == flow->gid;
}

static void begin_flow(struct run *run, enum pool pool, uint32_t end_s)
{
	struct flow *flow = &run->flows[pool][run->flow_count[pool]++];

	flow->hash = random_next(&run->random);
	flow->sequence = random_next(&run->random);
	flow->begun_s = run->now_s;
	flow->end_s = end_s;
	flow->gid = send_packet(run, pool, LIFE_SYN, flow->hash, flow->sequence++);
	if (is_gone(run, pool, flow->gid))
		flow->gid = LIFE_NO_GID;
	flow->pinned = false;
}

static void end_broken(struct run *run, enum pool pool, struct flow *flow)
{
	bool is_new = flow->begun_s >= CHANGE_S;

	flow->end_s = run->now_s;
	if (is_new)
		run->result.unserved++;
	else if (flow->pinned || is_quiet(run, pool, flow))
		run->result.broken++;
	else
		run->result.broken_unsafe++;
}

static void go_on(struct run *run, enum pool pool, struct flow *flow)
{
	uint32_t gid;

	if (is_gone(run, pool, flow->gid)) {
		flow->end_s = run->now_s;
		return;
	}
	gid = send_packet(run, pool, LIFE_ACK, flow->hash, flow->sequence);
	flow->sequence += 1000;
	if (gid != flow->gid || gid == LIFE_NO_GID)
		end_broken(run, pool, flow);
	else
		flow->pinned = is_pinned(run, flow);
}

/* The handshake goes on in the second after the SYN. */
static bool has_packet(const struct run *run, uint32_t number, const struct flow *flow)
{
	return flow->end_s > run->now_s &&
	       (run->now_s == flow->begun_s + 1 || (run->now_s + number) % GAP_S == 0);
}

static void send_packets(struct run *run, enum pool pool)
{
	for (uint32_t i = 0; i < run->flow_count[pool]; i++)
		if (has_packet(run, i, &run->flows[pool][i]))
			go_on(run, pool, &run->flows[pool][i]);
	for (uint32_t i = 0; i < NEW_FLOWS && run->now_s < END_S - 1; i++)
		begin_flow(run, pool, run->now_s + FLOW_S);
	run->result.new += run->now_s >= CHANGE_S ? NEW_FLOWS : 0;
}

/* The attack. */

static void forge_syns(struct run *run)
{
	for (uint32_t i = 0; i < FORGED; i++) {
		uint32_t number = random_next(&run->random) % run->flow_count[WEB];
		const struct flow *flow = &run->flows[WEB][number];

		/* one that has begun before: its port is taken */
		if (flow->end_s > run->now_s && flow->begun_s + 1 < run->now_s)
			send_packet(run, WEB, LIFE_SYN, flow->hash, random_next(&run->random));
	}
}

static void repeat_tuples(struct run *run)
{
	for (uint32_t i = 0; i < REPEATED; i++) {
		bool begins = (run->now_s + i) % 4 == 0;

		send_packet(
			run, WEB, begins ? LIFE_SYN : LIFE_ACK, run->repeated[i], begins ? 0 : 1);
	}
}

static void flood(struct run *run, enum life_packet kind)
{
	for (uint32_t i = 0; i < RATE; i++)
		send_packet(run, WEB, kind, random_next(&run->random), random_next(&run->random));
}

static void attack(struct run *run)
{
	switch (run->row->attack) {
	case LONE_ACKS: flood(run, LIFE_ACK); break;
	case SYN_FLOOD: flood(run, LIFE_SYN); break;
	case REPEATED_TUPLES: repeat_tuples(run); break;
	default: forge_syns(run); break;
	}
}

/* One run. */

static void note_done(struct run *run)
{
	for (uint32_t pool = 0; pool < POOLS; pool++) {
		const struct transitions_summary *summary =
			forwarding_summary(run->node->forwarding, pool);

		if (summary->slots[TRANSITIONS_SETTLING] + summary->slots[TRANSITIONS_OBSERVING] +
				summary->slots[TRANSITIONS_AWAY] !=
			0)
			run->result.done_s[pool] = run->now_s + 1 - CHANGE_S;
	}
}

static void begin_run(struct run *run)
{
	node_apply(run->node, configure(10, ""));
	for (uint32_t i = 0; i < REPEATED; i++)
		run->repeated[i] = random_next(&run->random);
	for (uint32_t pool = 0; pool < POOLS; pool++) {
		run->leaver[pool] = first_of(run, pool)->gid;
		for (uint32_t i = 0; i < OLD_FLOWS; i++)
			begin_flow(run, pool, END_S);
	}
	run->result.old = POOLS * OLD_FLOWS;
}

static void play(const struct node_host *host, const struct row *row, struct result *result)
{
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	run->row = row;
	run->random = 1;
	run->node = create_node(host);
	begin_run(run);
	for (run->now_s = 1; run->now_s < END_S; run->now_s++) {
		node_wait(run->node, 1);
		if (run->now_s == CHANGE_S)
			change(run);
		if (run->now_s >= CHANGE_S && run->now_s < CHANGE_S + ATTACK_S)
			attack(run);
		for (uint32_t pool = 0; pool < POOLS; pool++)
			send_packets(run, pool);
		if (run->now_s >= CHANGE_S)
			note_done(run);
	}
	*result = run->result;
	node_destroy(run->node);
	free(run);
}

/* What there is to see. */

static void print(const struct row *row, const struct result *result)
{
	printf("%s  %s\n    of %lu old flows broken %lu, and %lu without pin or quiet slot; of %lu "
	       "new ones not served %lu; the other pool was done after %u s, the attacked one "
	       "after %u s\n",
		row->name, row->title, result->old, result->broken, result->broken_unsafe,
		result->new, result->unserved, result->done_s[API], result->done_s[WEB]);
	fflush(stdout);
}

static void print_json(const struct row *row, const struct result *result)
{
	printf("  {\"scenario\": \"%s\", \"title\": \"%s\", \"old_flows\": %lu, "
	       "\"broken\": %lu, \"broken_without_pin\": %lu, \"new_flows\": %lu, "
	       "\"unserved\": %lu, \"other_pool_done_s\": %u, \"done_s\": %u}",
		row->name, row->title, result->old, result->broken, result->broken_unsafe,
		result->new, result->unserved, result->done_s[API], result->done_s[WEB]);
	fflush(stdout);
}

static void play_all(const struct node_host *host, const struct row *only, bool json)
{
	bool played = false;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct result result;

		if (only != NULL && only != &rows[i])
			continue;
		play(host, &rows[i], &result);
		printf("%s", json && played ? ",\n" : "");
		(json ? print_json : print)(&rows[i], &result);
		played = true;
	}
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void usage(FILE *file)
{
	fprintf(file, "usage: bench_attacks [--json] [--scenario NAME]\n\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		fprintf(file, "  %-4s %s\n", rows[i].name, rows[i].title);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "scenario", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const struct row *only = NULL;
	bool json = false;
	void *host;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'j': json = true; break;
		case 's':
			only = find_row(optarg);
			if (only != NULL)
				break;
			fprintf(stderr, "bench_attacks: there is no scenario %s\n", optarg);
			return 2;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (node_host_start(&host) != 0)
		return 1;
	printf("%s", json ? "[\n" : "");
	play_all(host, only, json);
	printf("%s", json ? "\n]\n" : "");
	return node_host_stop(&host) == 0 ? 0 : 1;
}
