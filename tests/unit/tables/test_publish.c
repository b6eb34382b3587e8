/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "balance.h"
#include "frames.h"
#include "node_fixture.h"
#include "affinity/slots.h"

#define DEADLINE_S 120

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- grace periods -----------------------------------------------------------------------------
 */

#define RELEASES_MAX 16

struct releases {
	unsigned int count;
	uint64_t values[RELEASES_MAX];
};

static void note_release(void *context, uint64_t value)
{
	struct releases *releases = context;

	assert_in_range(releases->count, 0, RELEASES_MAX - 1);
	releases->values[releases->count++] = value;
}

static struct publish *create(unsigned int readers)
{
	struct publish *publish = publish_create(readers);

	assert_non_null(publish);
	return publish;
}

static void retire(struct publish *publish, struct releases *releases, uint64_t value)
{
	assert_int_equal(publish_retire(publish, note_release, releases, value), 0);
}

static void what_is_retired_waits_for_every_reader(void **state)
{
	struct publish *publish = create(2);
	struct releases releases = { 0 };

	publish_reader_enter(publish, 0);
	publish_reader_enter(publish, 1);
	retire(publish, &releases, UINT64_MAX);
	assert_int_equal(publish_reclaim(publish), 1);
	publish_reader_quiescent(publish, 0);
	assert_int_equal(publish_reclaim(publish), 1);
	publish_reader_quiescent(publish, 0);
	assert_int_equal(publish_reclaim(publish), 1);
	assert_int_equal(releases.count, 0);
	publish_reader_quiescent(publish, 1);
	assert_int_equal(publish_reclaim(publish), 0);
	assert_int_equal(releases.count, 1);
	assert_int_equal(releases.values[0], UINT64_MAX);
	publish_destroy(publish);
}

static void releases_come_in_the_order_of_retirement_and_once(void **state)
{
	struct publish *publish = create(1);
	struct releases releases = { 0 };

	publish_reader_enter(publish, 0);
	for (uint64_t value = 0; value < 5; value++)
		retire(publish, &releases, value);
	assert_int_equal(publish_reclaim(publish), 5);
	publish_reader_quiescent(publish, 0);
	retire(publish, &releases, 5);
	assert_int_equal(publish_reclaim(publish), 1);
	assert_int_equal(publish_reclaim(publish), 1);
	publish_reader_quiescent(publish, 0);
	assert_int_equal(publish_reclaim(publish), 0);
	assert_int_equal(publish_reclaim(publish), 0);
	assert_int_equal(releases.count, 6);
	for (uint64_t value = 0; value < 6; value++)
		assert_int_equal(releases.values[value], value);
	publish_destroy(publish);
}

static void a_quiescent_state_before_the_retirement_is_none_after_it(void **state)
{
	struct publish *publish = create(1);
	struct releases releases = { 0 };

	publish_reader_enter(publish, 0);
	publish_reader_quiescent(publish, 0);
	retire(publish, &releases, 1);
	assert_int_equal(publish_reclaim(publish), 1);
	publish_destroy(publish);
	assert_int_equal(releases.count, 1);
}

static void readers_that_left_or_never_came_block_nothing(void **state)
{
	struct publish *publish = create(3);
	struct releases releases = { 0 };

	retire(publish, &releases, 1);
	assert_int_equal(publish_reclaim(publish), 0);
	publish_reader_enter(publish, 0);
	publish_reader_enter(publish, 1);
	retire(publish, &releases, 2);
	publish_reader_leave(publish, 1);
	assert_int_equal(publish_reclaim(publish), 1);
	publish_reader_leave(publish, 0);
	assert_int_equal(publish_reclaim(publish), 0);
	assert_int_equal(releases.count, 2);
	publish_destroy(publish);
}

static void a_reader_that_came_later_blocks_nothing(void **state)
{
	struct publish *publish = create(2);
	struct releases releases = { 0 };

	publish_reader_enter(publish, 0);
	retire(publish, &releases, 1);
	publish_reader_enter(publish, 1);
	publish_reader_quiescent(publish, 0);
	assert_int_equal(publish_reclaim(publish), 0);
	publish_destroy(publish);
}

static void a_reader_may_come_back(void **state)
{
	struct publish *publish = create(1);
	struct releases releases = { 0 };

	for (uint64_t i = 0; i < 3; i++) {
		publish_reader_enter(publish, 0);
		retire(publish, &releases, i);
		assert_int_equal(publish_reclaim(publish), 1);
		publish_reader_leave(publish, 0);
		assert_int_equal(publish_reclaim(publish), 0);
	}
	publish_destroy(publish);
}

static void the_end_releases_all_that_waits(void **state)
{
	struct publish *publish = create(1);
	struct releases releases = { 0 };

	publish_reader_enter(publish, 0);
	retire(publish, &releases, 1);
	retire(publish, &releases, 2);
	publish_destroy(publish);
	assert_int_equal(releases.count, 2);
	publish_destroy(NULL);
}

static void a_generation_is_read_until_the_next_and_destroyed_after_it(void **state)
{
	const struct flow_secret secret = { { 0 } };
	struct tables *one = tables_create(&secret, NULL, 0);
	struct tables *two = tables_create(&secret, NULL, 0);
	struct publish *publish = create(1);

	assert_null(publish_read(publish));
	publish_tables(publish, one);
	assert_ptr_equal(publish_read(publish), one);
	assert_int_equal(publish_reclaim(publish), 0);
	publish_reader_enter(publish, 0);
	publish_tables(publish, two);
	assert_ptr_equal(publish_read(publish), two);
	assert_int_equal(publish_reclaim(publish), 1);
	publish_reader_quiescent(publish, 0);
	assert_int_equal(publish_reclaim(publish), 0);
	publish_destroy(publish); /* and the second with it */
}

/* ---- generations that name themselves ----------------------------------------------------------
 */

/*
 * Every generation replaces half of the backends of pool "web", all of another pool and a service,
 * turns the forwarding mode of the services of "web" round, and names itself in all that a packet
 * shows: the MAC of a backend is 02, generation, generation of its birth, number; its address holds
 * birth and number, the tunnel source the generation. So the records of a backend that stays change
 * as well, and no cell lives longer than a generation.
 */
#define GENERATIONS   1000
#define READERS       2
#define WEB_BORN      3 /* backends of "web" that each generation brings, and the one before did */
#define FLEETING_BORN 2 /* backends of the pool that lives for one generation */
#define OUTSTANDING   4 /* generations between two waits for the readers */
#define FLOWS         64

/* Room for what is live, what waits for the readers, and what is prepared; no more. */
#define SERVICES (4 + OUTSTANDING + 1)
#define BACKENDS (2 * WEB_BORN + (OUTSTANDING + 1) * (WEB_BORN + FLEETING_BORN))
#define RECORDS  (RECORD_MODE_COUNT * (1 + (OUTSTANDING + 2) * (2 * WEB_BORN + FLEETING_BORN)))

static const struct state_layout tight_layout = {
	.workers = READERS,
	.ports = NODE_PORTS,
	.services = SERVICES,
	.backends = BACKENDS,
	.slot_words = 256 * (1 + OUTSTANDING + 1),
	.records = RECORDS,
	.pools = 8,
	.pin_buckets = 64,
};

/* As many as the numbers of backends in "web" can get, by the same reckoning. */
#define INDICES_MAX ((OUTSTANDING + 2) * WEB_BORN + WEB_BORN)

static const char services_format[] =
	"[{'name': 'a', 'vip': '" FRAME_VIP4 "', 'protocol': 'tcp', 'port': 80, 'pool': 'web', "
	"'forward': '%s'}, {'name': 'b', 'vip': '" FRAME_VIP6 "', 'protocol': 'udp', "
	"'port': 80, 'pool': 'web', 'forward': '%s'}, {'name': 'c-%u', 'vip': '" FRAME_VIP4 "', "
	"'protocol': 'udp', 'port': 80, 'pool': 'web', 'forward': '%s'}, {'name': 'd', "
	"'vip': '" FRAME_VIP6 "', 'protocol': 'tcp', 'port': 'any', 'pool': 'fleeting-%u', "
	"'forward': 'ipip'}]";

static bool is_ipv6_backend(unsigned int number)
{
	return number % 2 == 0;
}

static void format_address(char text[static 32], unsigned int birth, unsigned int number)
{
	if (is_ipv6_backend(number))
		snprintf(text, 32, "fd00:0:%x::%x", birth, number);
	else
		snprintf(text, 32, "12.%u.%u.%u", birth >> 8, birth & 0xff, number);
}

/* Backends `first` to `last` that were born in `birth`. */
static void append_backends(
	char *pools, unsigned int birth, unsigned int first, unsigned int last, bool is_first)
{
	char address[32];

	for (unsigned int i = first; i <= last; i++) {
		format_address(address, birth, i);
		sprintf(pools + strlen(pools), "%s{'name': 'b-%u-%u', 'address': '%s'}",
			is_first && i == first ? "" : ", ", birth, i, address);
	}
}

static void add_neighbours(json_t *document, unsigned int generation, unsigned int birth,
	unsigned int first, unsigned int last)
{
	json_t *ports = json_object_get(json_object_get(document, "dataplane"), "ports");
	char address[32], mac[32];

	for (unsigned int i = first; i <= last; i++) {
		json_t *port = json_array_get(ports, i % NODE_PORTS);

		format_address(address, birth, i);
		snprintf(mac, sizeof(mac), "02:%02x:%02x:%02x:%02x:%02x", generation >> 8,
			generation & 0xff, birth >> 8, birth & 0xff, i);
		json_array_append_new(json_object_get(port, "neighbours"),
			json_pack("{s:s, s:s}", "address", address, "mac", mac));
	}
}

static void set_tunnel_source(json_t *document, unsigned int generation)
{
	json_t *source = json_object_get(json_object_get(document, "dataplane"), "tunnel_source");

	json_object_set_new(
		source, "ipv4", json_sprintf("11.%u.%u.1", generation >> 8, generation & 0xff));
	json_object_set_new(source, "ipv6", json_sprintf("fd01:0:%x::1", generation));
}

static struct config *make_generation(unsigned int generation)
{
	char pools[2048] = "[{'name': 'web', 'slots': 251, 'backends': [";
	const char *forward = generation % 2 == 0 ? "ipip" : "l2dsr";
	struct error error = { "" };
	char services[1024];
	struct config *config;
	json_t *document;

	append_backends(pools, generation, 1, WEB_BORN, true);
	append_backends(pools, generation - 1, 1, WEB_BORN, false);
	sprintf(pools + strlen(pools), "]}, {'name': 'fleeting-%u', 'slots': 251, 'backends': [",
		generation);
	append_backends(pools, generation, WEB_BORN + 1, WEB_BORN + FLEETING_BORN, true);
	strcat(pools, "]}]");
	snprintf(services, sizeof(services), services_format, forward, forward, generation, forward,
		generation);
	document = small_config_document(pools, services);
	add_neighbours(document, generation, generation, 1, WEB_BORN + FLEETING_BORN);
	add_neighbours(document, generation, generation - 1, 1, WEB_BORN);
	set_tunnel_source(document, generation);
	config = config_read(document, NULL, &error);
	json_decref(document);
	if (config == NULL)
		fail_msg("%s", error.message);
	return config;
}

/* ---- readers, as worker.c is one ----------------------------------------------------------------
 */

struct race {
	struct node *node;
	atomic_uint begun;     /* the generation whose commit has begun */
	atomic_uint committed; /* the generation whose commit has ended */
	atomic_bool stop;
};

/* What a packet that left says of where it was sent. */
struct trace {
	unsigned int generation;
	unsigned int birth;
	unsigned int number;
};

struct reader {
	struct race *race;
	pthread_t thread;
	unsigned int number;
	atomic_uint served; /* a whole burst began after this generation was committed */
	atomic_bool failed; /* with the sentence: */
	char failure[256];

	struct frame frames[FLOWS];
	struct rte_mbuf *mbufs[PACKET_BURST];
	unsigned int next_flow;
	uint64_t packets_in, packets_checked, packets_in_tunnels;
	uint64_t split_bursts; /* that a change cut in two */
	unsigned int generations_seen;
	unsigned int last_generation;
	unsigned int cell_generation[RECORDS], cell_reuses; /* what each was last seen as */
	unsigned int place_birth[SERVICES + BACKENDS], place_reuses;
};

#define REFUSE(reader, ...)                                                          \
	do {                                                                         \
		snprintf((reader)->failure, sizeof((reader)->failure), __VA_ARGS__); \
		return false;                                                        \
	} while (0)

static void make_frame(struct frame *frame, unsigned int flow)
{
	static void (*const makers[])(struct frame *, uint16_t, size_t) = { frame_make_tcp4,
		frame_make_udp6, frame_make_udp4, frame_make_tcp6 };

	makers[flow % COUNT_OF(makers)](frame, (uint16_t)(1024 + 977 * flow), flow);
}

/* As if it had just been received. */
static struct rte_mbuf *refill(struct rte_mbuf *mbuf, const struct frame *frame)
{
	mbuf->data_off = RTE_PKTMBUF_HEADROOM;
	mbuf->data_len = frame->length;
	mbuf->pkt_len = frame->length;
	memcpy(rte_pktmbuf_mtod(mbuf, void *), frame->bytes, frame->length);
	return mbuf;
}

static struct trace trace_mac(const uint8_t *mac)
{
	struct trace trace = { frame_read16(mac + 1), frame_read16(mac + 3), mac[5] };

	return trace;
}

static bool check_outer_ipv4(struct reader *reader, const uint8_t *ip, const struct trace *trace)
{
	const uint8_t source[4] = { 11, trace->generation >> 8, trace->generation & 0xff, 1 };
	const uint8_t destination[4] = { 12, trace->birth >> 8, trace->birth & 0xff,
		trace->number };

	if (memcmp(ip + 12, source, 4) != 0)
		REFUSE(reader, "MAC of generation %u, tunnel source of %u", trace->generation,
			frame_read16(ip + 13));
	if (memcmp(ip + 16, destination, 4) != 0)
		REFUSE(reader, "MAC of backend %u of %u, outer destination of %u of %u",
			trace->number, trace->birth, ip[19], frame_read16(ip + 17));
	if (frame_checksum(ip, 20) != 0)
		REFUSE(reader, "a wrong outer checksum in generation %u", trace->generation);
	return true;
}

static bool check_outer_ipv6(struct reader *reader, const uint8_t *ip, const struct trace *trace)
{
	uint8_t source[16] = { 0xfd, 1, [15] = 1 };
	uint8_t destination[16] = { 0xfd, [15] = (uint8_t)trace->number };

	frame_write16(source + 4, (uint16_t)trace->generation);
	frame_write16(destination + 4, (uint16_t)trace->birth);
	if (memcmp(ip + 8, source, 16) != 0)
		REFUSE(reader, "MAC of generation %u, tunnel source of %u", trace->generation,
			frame_read16(ip + 12));
	if (memcmp(ip + 24, destination, 16) != 0)
		REFUSE(reader, "MAC of backend %u of %u, outer destination of %u of %u",
			trace->number, trace->birth, ip[39], frame_read16(ip + 28));
	return true;
}

/* Which backends a flow may go to: that of service d lives for one generation. */
static bool check_backend(struct reader *reader, unsigned int flow, const struct trace *trace)
{
	bool fleeting = flow % 4 == 3;
	unsigned int first = fleeting ? WEB_BORN + 1 : 1;
	unsigned int last = fleeting ? WEB_BORN + FLEETING_BORN : WEB_BORN;
	unsigned int age = trace->generation - trace->birth;

	if (trace->number < first || trace->number > last || age > (fleeting ? 0 : 1))
		REFUSE(reader, "flow %u went to backend %u, born in %u, in generation %u", flow,
			trace->number, trace->birth, trace->generation);
	return true;
}

static bool check_bytes(struct reader *reader, const struct packet *packet, unsigned int flow,
	const struct trace *trace)
{
	const struct frame *frame = &reader->frames[flow];
	const uint8_t *sent = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *);
	const struct port *port = reader->race->node->host->ports[trace->number % NODE_PORTS];
	size_t outer = 0;

	if (memcmp(sent + 6, port_mac(port)->addr_bytes, 6) != 0 ||
		packet->record->port != port_id(port))
		REFUSE(reader, "backend %u is not behind port %u", trace->number,
			packet->record->port);
	if (packet->mbuf->pkt_len != frame->length) {
		bool ipv6 = is_ipv6_backend(trace->number);

		outer = ipv6 ? 40 : 20;
		if (!(ipv6 ? check_outer_ipv6 : check_outer_ipv4)(reader, sent + 14, trace))
			return false;
		reader->packets_in_tunnels++;
	}
	if (packet->mbuf->pkt_len != frame->length + outer ||
		memcmp(sent + 14 + outer, frame->bytes + 14, frame->length - 14) != 0)
		REFUSE(reader, "flow %u left with another payload", flow);
	return true;
}

/* That numbers are used again is the point: how often one was seen with another meaning. */
static void note_reuse(unsigned int *meaning, unsigned int now, unsigned int *reuses)
{
	*reuses += *meaning != 0 && *meaning != now;
	*meaning = now;
}

static bool check_packet(struct reader *reader, const struct packet *packet, unsigned int flow,
	unsigned int least, unsigned int most)
{
	const struct tables *tables = publish_read(reader->race->node->publish);
	struct trace trace;

	if (packet->verdict != VERDICT_NEXT)
		REFUSE(reader, "flow %u met %s", flow, verdict_name(packet->verdict));
	trace = trace_mac(rte_pktmbuf_mtod(packet->mbuf, const uint8_t *));
	if (trace.generation < least || trace.generation > most)
		REFUSE(reader, "generation %u between %u and %u", trace.generation, least, most);
	if (!check_backend(reader, flow, &trace) || !check_bytes(reader, packet, flow, &trace))
		return false;
	note_reuse(&reader->cell_generation[packet->record - tables->records], trace.generation,
		&reader->cell_reuses);
	note_reuse(&reader->place_birth[packet->record->counter], trace.birth << 8 | trace.number,
		&reader->place_reuses);
	reader->generations_seen += trace.generation > reader->last_generation;
	reader->last_generation = RTE_MAX(reader->last_generation, trace.generation);
	reader->packets_checked++;
	return true;
}

/* Before the quiescent state, because records are looked at. */
static bool check_burst(struct reader *reader, const struct packet *packets,
	unsigned int first_flow, unsigned int least, unsigned int most)
{
	unsigned int generation = 0;
	bool split = false;

	for (unsigned int i = 0; i < PACKET_BURST; i++) {
		unsigned int seen;

		if (!check_packet(reader, &packets[i], (first_flow + i) % FLOWS, least, most))
			return false;
		seen = trace_mac(rte_pktmbuf_mtod(packets[i].mbuf, const uint8_t *)).generation;
		split |= generation != 0 && seen != generation;
		generation = seen;
	}
	reader->split_bursts += split;
	return true;
}

static bool serve_burst(struct reader *reader)
{
	struct race *race = reader->race;
	struct packet packets[PACKET_BURST];
	unsigned int least = atomic_load(&race->committed);
	const struct tables *tables = publish_read(race->node->publish);
	unsigned int first_flow = reader->next_flow;

	for (unsigned int i = 0; i < PACKET_BURST; i++)
		packets[i].mbuf =
			refill(reader->mbufs[i], &reader->frames[(first_flow + i) % FLOWS]);
	reader->packets_in += PACKET_BURST;
	reader->next_flow = (first_flow + PACKET_BURST) % FLOWS;
	balance_choose_burst(tables, NULL, station_any(), packets, PACKET_BURST);
	balance_encapsulate_burst(packets, PACKET_BURST);
	if (!check_burst(reader, packets, first_flow, least, atomic_load(&race->begun)))
		return false;
	publish_reader_quiescent(race->node->publish, reader->number);
	atomic_store(&reader->served, least);
	return true;
}

static void *run_reader(void *argument)
{
	struct reader *reader = argument;
	struct publish *publish = reader->race->node->publish;

	publish_reader_enter(publish, reader->number);
	while (!atomic_load(&reader->race->stop))
		if (!serve_burst(reader)) {
			atomic_store(&reader->failed, true);
			break;
		}
	publish_reader_leave(publish, reader->number);
	return NULL;
}

/* Each reader keeps a CPU of its own busy, where there are as many. */
static void pin(pthread_t thread, unsigned int number)
{
	cpu_set_t allowed, one;
	unsigned int skip;

	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	skip = number % (unsigned int)CPU_COUNT(&allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && skip-- == 0) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			break;
		}
	assert_int_equal(pthread_setaffinity_np(thread, sizeof(one), &one), 0);
}

static struct reader *start_reader(struct race *race, unsigned int number)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	const struct frame empty = { .length = 0 };

	assert_non_null(reader);
	reader->race = race;
	reader->number = number;
	for (unsigned int flow = 0; flow < FLOWS; flow++)
		make_frame(&reader->frames[flow], number * FLOWS + flow);
	for (unsigned int i = 0; i < PACKET_BURST; i++)
		reader->mbufs[i] = frame_mbuf_create(&empty, RTE_PKTMBUF_HEADROOM, 512);
	assert_int_equal(pthread_create(&reader->thread, NULL, run_reader, reader), 0);
	pin(reader->thread, number);
	return reader;
}

static void stop_reader(struct reader *reader)
{
	assert_int_equal(pthread_join(reader->thread, NULL), 0);
	for (unsigned int i = 0; i < PACKET_BURST; i++)
		frame_mbuf_free(reader->mbufs[i]);
}

/* ---- the race ----------------------------------------------------------------------------------
 */

static void publish_generation(struct race *race, unsigned int generation)
{
	struct node *node = race->node;
	struct config *config = make_generation(generation);
	struct error error = { "" };
	const struct live_terms now = { .now = true };
	struct forwarding_change *change;

	node_wait(node, 6); /* what has gone makes room at the next sweep */
	change = forwarding_prepare(node->forwarding, config, &now, &error);
	if (change == NULL)
		fail_msg("generation %u: %s", generation, error.message);
	atomic_store(&race->begun, generation);
	forwarding_commit(node->forwarding, change);
	atomic_store(&race->committed, generation);
	config_destroy(node->config);
	node->config = config;
}

static bool caught_up(struct race *race, struct reader *const *readers, unsigned int generation)
{
	bool all = publish_reclaim(race->node->publish) == 0;

	for (unsigned int i = 0; i < READERS; i++)
		all &= atomic_load(&readers[i]->served) >= generation ||
		       atomic_load(&readers[i]->failed);
	return all;
}

static void wait_for_readers(
	struct race *race, struct reader *const *readers, unsigned int generation)
{
	double deadline = now_s() + DEADLINE_S;

	while (!caught_up(race, readers, generation)) {
		if (now_s() > deadline)
			fail_msg("the readers did not get to generation %u", generation);
		sched_yield();
	}
}

/* How many of the backends born in this generation have an index that was used before. */
static unsigned int count_reused_indices(const struct node *node, bool *used)
{
	unsigned int found = 0, reused = 0;

	for (uint32_t index = 0; index < SLOT_BACKEND_MAX && found < WEB_BORN; index++) {
		int backend = forwarding_find_backend(node->forwarding, 0, index);

		if (backend < 0 || backend >= WEB_BORN) /* those born now are the first */
			continue;
		found++;
		reused += used[index];
		used[index] = true;
	}
	assert_int_equal(found, WEB_BORN);
	return reused;
}

static bool any_failed(struct reader *const *readers)
{
	for (unsigned int i = 0; i < READERS; i++)
		if (atomic_load(&readers[i]->failed))
			return true;
	return false;
}

static void assert_served_well(const struct reader *reader)
{
	print_message("reader %u: %" PRIu64 " packets, %" PRIu64
		      " bursts cut in two by a change, %u "
		      "generations seen, %u cells and %u places used again\n",
		reader->number, reader->packets_checked, reader->split_bursts,
		reader->generations_seen, reader->cell_reuses, reader->place_reuses);
	assert_true(reader->packets_in > 0);
	assert_true(reader->packets_in_tunnels > 0);
	assert_int_equal(reader->packets_checked, reader->packets_in);
	assert_true(reader->generations_seen >= GENERATIONS / OUTSTANDING);
	assert_true(reader->cell_reuses >= GENERATIONS / OUTSTANDING);
	assert_true(reader->place_reuses >= GENERATIONS / OUTSTANDING);
}

static void no_packet_is_lost_or_mixed_from_two_of_1000_generations(void **state)
{
	struct race race = { .node = node_create(*state, &tight_layout, READERS) };
	struct reader *readers[READERS];
	bool used[SLOT_BACKEND_MAX] = { false };
	unsigned int reused_indices = 0;
	uint64_t split_bursts = 0;

	publish_generation(&race, 1);
	for (unsigned int i = 0; i < READERS; i++)
		readers[i] = start_reader(&race, i);
	for (unsigned int g = 2; g <= GENERATIONS && !any_failed(readers); g++) {
		publish_generation(&race, g);
		reused_indices += count_reused_indices(race.node, used);
		if (g % OUTSTANDING == 0)
			wait_for_readers(&race, readers, g);
	}
	atomic_store(&race.stop, true);
	for (unsigned int i = 0; i < READERS; i++)
		stop_reader(readers[i]);
	for (unsigned int i = 0; i < READERS; i++)
		if (readers[i]->failure[0] != '\0')
			fail_msg("reader %u: %s", i, readers[i]->failure);
	for (unsigned int i = 0; i < READERS; i++) {
		assert_served_well(readers[i]);
		split_bursts += readers[i]->split_bursts;
		free(readers[i]);
	}
	assert_true(split_bursts > 0);
	assert_true(reused_indices >= (GENERATIONS - 1) * WEB_BORN - INDICES_MAX);
	assert_int_equal(publish_reclaim(race.node->publish), 0);
	node_destroy(race.node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_retired_waits_for_every_reader),
		cmocka_unit_test(releases_come_in_the_order_of_retirement_and_once),
		cmocka_unit_test(a_quiescent_state_before_the_retirement_is_none_after_it),
		cmocka_unit_test(readers_that_left_or_never_came_block_nothing),
		cmocka_unit_test(a_reader_that_came_later_blocks_nothing),
		cmocka_unit_test(a_reader_may_come_back),
		cmocka_unit_test(the_end_releases_all_that_waits),
		cmocka_unit_test(a_generation_is_read_until_the_next_and_destroyed_after_it),
		cmocka_unit_test(no_packet_is_lost_or_mixed_from_two_of_1000_generations),
	};

	return cmocka_run_group_tests_name("publish", tests, node_host_start, node_host_stop);
}
