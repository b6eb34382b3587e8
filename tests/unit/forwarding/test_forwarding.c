/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <malloc.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "balance.h"
#include "node_fixture.h"
#include "affinity/slots.h"
#include "service/service_match.h"

#define VIP     "203.0.113.10"
#define IPIP    "ipip"
#define L2DSR   "l2dsr"
#define READERS 1

#define NO_ROOM(what)                               \
	"the state file has no room left for " what \
	"; a restart makes room for twice the configuration, up to the limits of a state file"

/* *state is the host before and after a test, and the node during it. */
static int open_node(void **state)
{
	*state = node_create(*state, &node_layout, READERS);
	return 0;
}

static int close_node(void **state)
{
	struct node *node = *state;

	*state = (void *)node->host;
	node_destroy(node);
	return 0;
}

static void release_retired(struct node *node)
{
	assert_int_equal(publish_reclaim(node->publish), 0);
}

/* The service of a configured service. */
static const struct service *find_service(const struct node *node, size_t number)
{
	const struct config_service *service = &node->config->services[number];
	struct packet packet = { 0 };

	if (service->vip.family == ADDRESS_IPV6) {
		packet.flags = PACKET_IPV6;
		memcpy(packet.key.ipv6.destination, service->vip.bytes, 16);
		packet.key.ipv6.protocol = service->protocol;
		packet.key.ipv6.ports[1] = rte_cpu_to_be_16(service->port);
	} else {
		memcpy(packet.key.ipv4.destination, service->vip.bytes, 4);
		packet.key.ipv4.protocol = service->protocol;
		packet.key.ipv4.ports[1] = rte_cpu_to_be_16(service->port);
	}
	assert_int_equal(service_match(forwarding_tables(node->forwarding)->services, &packet),
		VERDICT_NEXT);
	return packet.service;
}

/* Where new flows go; test_forwarding_life.c looks at the old ones. */
static uint32_t slot_index(const struct service *service, uint32_t slot)
{
	return slot_cur(slot_load(&service->slots[slot]));
}

static uint32_t cell_of(const struct service *service, uint32_t index)
{
	return atomic_load(&service->record_of[index]) + service->mode;
}

/* The index and cell of a backend by its name in pool 0; it must own a slot. */
static void find_backend(const struct node *node, const char *name, uint32_t *index, uint32_t *cell)
{
	const struct service *service = find_service(node, 0);
	int position = config_find_backend(&node->config->pools[0], name);

	assert_true(position >= 0);
	for (uint32_t slot = 0; slot < service->slot_count; slot++) {
		*index = slot_index(service, slot);
		*cell = cell_of(service, *index);
		if (forwarding_find_backend(node->forwarding, 0, *index) == position)
			return;
	}
	fail_msg("%s owns no slot", name);
}

static const uint8_t *mac_of(const struct node *node, const struct address *address, size_t *port)
{
	const struct config_dataplane *dataplane = &node->config->dataplane;

	for (*port = 0; *port < dataplane->port_count; (*port)++) {
		const struct config_port *config = &dataplane->ports[*port];

		for (size_t i = 0; i < config->neighbour_count; i++)
			if (address_equal(&config->neighbours[i].address, address))
				return config->neighbours[i].mac;
	}
	*port = 0;
	return dataplane->ports[0].gateway_mac;
}

static void assert_outer(const struct backend_record *record, const struct address *address)
{
	static const uint8_t source4[4] = { 10, 2, 0, 250 };
	static const uint8_t source6[16] = { 0xfd, 0, 0, 2, [14] = 0x02, [15] = 0x50 };

	if (address->family == ADDRESS_IPV4) {
		assert_int_equal(record->encap, RECORD_ENCAP_IPV4);
		assert_memory_equal(record->outer + 12, source4, 4);
		assert_memory_equal(record->outer + 16, address->bytes, 4);
	} else {
		assert_int_equal(record->encap, RECORD_ENCAP_IPV6);
		assert_memory_equal(record->outer + 8, source6, 16);
		assert_memory_equal(record->outer + 24, address->bytes, 16);
	}
}

static void assert_record(const struct node *node, const struct backend_record *record,
	const struct address *address, enum config_forward forward)
{
	size_t port;
	const uint8_t *mac = mac_of(node, address, &port);

	assert_memory_equal(record->destination_mac, mac, 6);
	assert_memory_equal(record->source_mac, port_mac(node->host->ports[port])->addr_bytes, 6);
	assert_int_equal(record->port, port_id(node->host->ports[port]));
	assert_int_equal(record->mtu, port == 0 ? 1500 : 9000);
	if (forward == CONFIG_FORWARD_L2DSR)
		assert_int_equal(record->encap, RECORD_ENCAP_NONE);
	else
		assert_outer(record, address);
}

/* Every slot of every service leads to the backend that the plan says, by a right record. */
static void assert_follows_plan(const struct node *node)
{
	const struct tables *tables = forwarding_tables(node->forwarding);

	for (size_t i = 0; i < node->config->service_count; i++) {
		const struct config_service *config = &node->config->services[i];
		const struct plan_pool *pool =
			&forwarding_plan(node->forwarding)->pools[config->pool];
		const struct service *service = find_service(node, i);

		assert_int_equal(service->slot_count, pool->slots);
		assert_int_equal(forwarding_find_service(node->forwarding, service->counter), i);
		for (uint32_t slot = 0; slot < pool->slots; slot++) {
			uint32_t index = slot_index(service, slot);
			uint16_t owner = pool->table->seats[slot];

			if (owner == PLAN_NO_BACKEND) {
				assert_int_equal(index, SLOT_NO_BACKEND);
				continue;
			}
			assert_int_equal(
				forwarding_find_backend(node->forwarding, config->pool, index),
				owner);
			assert_record(node, &tables->records[cell_of(service, index)],
				&pool->seats[owner].address, config->forward);
		}
	}
}

/* What is removed is cut off. */
static const struct live_terms now = { .now = true };

static void apply(struct node *node, struct config *config)
{
	node_apply_by(node, config, &now);
	assert_follows_plan(node);
}

/* All that has been removed has gone: two sweeps with a grace period before and after. */
static void let_go(struct node *node)
{
	node_wait(node, 12);
}

static uint32_t owned(const struct node *node, size_t backend)
{
	return forwarding_plan(node->forwarding)->pools[0].seats[backend].owned;
}

static void copy_words(const struct node *node, uint32_t *words)
{
	const struct service *service = find_service(node, 0);

	for (uint32_t slot = 0; slot < service->slot_count; slot++)
		words[slot] = slot_load(&service->slots[slot]);
}

#define BOTH_FAMILIES                                                                         \
	"[{'name': 'web', 'slots': 251, 'backends': [{'name': 'w1', 'address': '10.2.0.1'}, " \
	"{'name': 'w2', 'address': 'fd00:2::2'}, {'name': 'far', 'address': '192.0.2.1'}]}, " \
	"{'name': 'near', 'slots': 257, 'backends': [{'name': 'n1', 'address': '10.2.0.1'}, " \
	"{'name': 'n9', 'address': 'fd00:2::9'}]}]"
#define EVERY_MODE                                                                                \
	"[{'name': 'a', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': 'web', "    \
	"'forward': 'ipip'}, "                                                                    \
	"{'name': 'b', 'vip': '2001:db8::10', 'protocol': 'udp', 'port': 53, 'pool': 'web', "     \
	"'forward': 'ipip'}, "                                                                    \
	"{'name': 'c', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 81, 'pool': 'near', "    \
	"'forward': 'l2dsr'}, "                                                                   \
	"{'name': 'd', 'vip': '2001:db8::10', 'protocol': 'tcp', 'port': 'any', 'pool': 'near', " \
	"'forward': 'ipip'}]"

static void every_slot_leads_to_the_backend_that_the_plan_says(void **state)
{
	struct node *node = *state;

	apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
}

static void services_of_one_pool_share_its_slots(void **state)
{
	struct node *node = *state;

	apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
	assert_ptr_equal(find_service(node, 0)->slots, find_service(node, 1)->slots);
	assert_ptr_equal(find_service(node, 0)->record_of, find_service(node, 1)->record_of);
	assert_ptr_equal(find_service(node, 2)->slots, find_service(node, 3)->slots);
	assert_ptr_equal(find_service(node, 2)->record_of, find_service(node, 3)->record_of);
	assert_int_not_equal(find_service(node, 2)->mode, find_service(node, 3)->mode);
}

static void a_backend_that_stays_keeps_its_index_and_its_record(void **state)
{
	struct node *node = *state;
	uint32_t index, cell, index_after, cell_after;

	apply(node, small_config_web(1, 4, IPIP));
	find_backend(node, "w3", &index, &cell);
	apply(node, small_config_web(2, 3, IPIP)); /* two go */
	find_backend(node, "w3", &index_after, &cell_after);
	assert_int_equal(index_after, index);
	assert_int_equal(cell_after, cell);
	apply(node, small_config_web(3, 9, IPIP)); /* six come, one goes */
	find_backend(node, "w3", &index_after, &cell_after);
	assert_int_equal(index_after, index);
	assert_int_equal(cell_after, cell);
}

static void reordering_and_renaming_store_no_word(void **state)
{
	struct node *node = *state;
	uint32_t before[251], after[251];

	apply(node, small_config_web(1, 3, IPIP));
	copy_words(node, before);
	apply(node, small_config_backends("{'name': 'x', 'address': '10.2.0.3'}, "
					  "{'name': 'w1', 'address': '10.2.0.1'}, "
					  "{'name': 'y', 'address': '10.2.0.2'}"));
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
}

static void weights_change_the_shares(void **state)
{
	struct node *node = *state;

	apply(node, small_config_web(1, 2, IPIP));
	assert_in_range(owned(node, 0), 125, 126);
	apply(node, small_config_backends("{'name': 'w1', 'address': '10.2.0.1', 'weight': 50}, "
					  "{'name': 'w2', 'address': '10.2.0.2', 'weight': 150}"));
	assert_in_range(owned(node, 0), 61, 65);
}

static void a_disabled_backend_owns_no_slot_and_keeps_its_index(void **state)
{
	struct node *node = *state;
	uint32_t index, cell, index_after, cell_after;

	apply(node, small_config_web(1, 2, IPIP));
	find_backend(node, "w2", &index, &cell);
	apply(node, small_config_backends(
			    "{'name': 'w1', 'address': '10.2.0.1'}, "
			    "{'name': 'w2', 'address': '10.2.0.2', 'state': 'disabled'}"));
	assert_int_equal(owned(node, 1), 0);
	apply(node, small_config_web(1, 2, IPIP));
	find_backend(node, "w2", &index_after, &cell_after);
	assert_int_equal(index_after, index);
	assert_int_equal(cell_after, cell);
}

static void a_service_whose_pool_is_empty_has_no_backend(void **state)
{
	struct node *node = *state;
	struct packet packet = { .slot = 17 };

	apply(node, small_config_web(1, 2, IPIP));
	apply(node, small_config_backends(""));
	packet.service = find_service(node, 0);
	assert_int_equal(balance_choose(forwarding_tables(node->forwarding), NULL, &packet),
		VERDICT_NO_BACKEND);
	apply(node, small_config_web(1, 2, IPIP));
	assert_int_equal(
		balance_choose(forwarding_tables(node->forwarding), NULL, &packet), VERDICT_NEXT);
}

/* A worker may be reading the old one; the backend keeps its index. */
static void a_record_that_changed_gets_another_cell(void **state)
{
	struct node *node = *state;
	struct config *config = small_config_web(1, 2, IPIP);
	uint32_t index, cell, index_after, cell_after;

	config->dataplane.ports[0].neighbours[1].mac[0] = 0x06;
	apply(node, config);
	find_backend(node, "w2", &index, &cell);
	apply(node, small_config_web(1, 2, IPIP));
	find_backend(node, "w2", &index_after, &cell_after);
	assert_int_equal(index_after, index);
	assert_int_not_equal(cell_after, cell);
}

/* ---- pools and services that come, go and change -----------------------------------------------
 */

static void another_number_of_slots_is_another_table(void **state)
{
	struct node *node = *state;
	const _Atomic uint32_t *words;

	apply(node, small_config_web(1, 3, IPIP));
	words = find_service(node, 0)->slots;
	apply(node, small_config_read("[{'name': 'web', 'slots': 257, 'backends': "
				      "[{'name': 'w1', 'address': '10.2.0.1'}]}]",
			    "[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', "
			    "'port': 80, 'pool': 'web', 'forward': 'ipip'}]"));
	assert_ptr_not_equal(find_service(node, 0)->slots, words);
	release_retired(node);
	apply(node, small_config_web(1, 3, IPIP));
	assert_ptr_equal(find_service(node, 0)->slots, words);
}

static void packet_to_a_service_that_is_gone_is_left_to_the_host(void **state)
{
	struct node *node = *state;
	struct address vip;

	assert_int_equal(address_parse(VIP, &vip), 0);
	apply(node, small_config_web(1, 3, IPIP));
	assert_true(service_table_has_vip(forwarding_tables(node->forwarding)->services, &vip));
	apply(node, small_config_read("[]", "[]"));
	assert_false(service_table_has_vip(forwarding_tables(node->forwarding)->services, &vip));
	assert_int_equal(forwarding_find_service(node->forwarding, 0), -1);
}

static void another_forwarding_mode_has_records_of_its_own(void **state)
{
	struct node *node = *state;
	const _Atomic uint32_t *words, *record_of;

	apply(node, small_config_web(1, 3, IPIP));
	words = find_service(node, 0)->slots;
	record_of = find_service(node, 0)->record_of;
	assert_int_equal(find_service(node, 0)->mode, RECORD_MODE_IPIP);
	apply(node, small_config_web(1, 3, L2DSR));
	assert_ptr_equal(find_service(node, 0)->slots, words);
	assert_ptr_equal(find_service(node, 0)->record_of, record_of);
	assert_int_equal(find_service(node, 0)->mode, RECORD_MODE_L2DSR);
}

static void what_numbers_stand_for_is_known_of_live_ones_only(void **state)
{
	struct node *node = *state;
	uint32_t index, cell;

	apply(node, small_config_web(1, 2, IPIP));
	find_backend(node, "w2", &index, &cell);
	assert_int_equal(forwarding_find_backend(node->forwarding, 0, index), 1);
	assert_int_equal(forwarding_find_backend(node->forwarding, 0, index + 1), -1);
	apply(node, small_config_web(1, 1, IPIP));
	assert_int_equal(forwarding_find_backend(node->forwarding, 0, index), 1); /* it goes */
	apply(node, small_config_read("[]", "[]"));
	apply(node, small_config_web(1, 1, IPIP));
	assert_int_equal(forwarding_find_backend(node->forwarding, 0, index), -1);
}

/* Each round replaces everything; the state file has room for three pools, not for fifty. */
static void room_is_used_again_for_ever(void **state)
{
	struct node *node = *state;

	for (unsigned int i = 0; i < 50; i++) {
		apply(node, small_config_web(1, 10, i % 3 == 0 ? L2DSR : IPIP));
		apply(node, small_config_web(11, 20, IPIP));
		apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
		apply(node, small_config_read("[]", "[]"));
		let_go(node);
		release_retired(node);
	}
}

/* Counts as the workers do, 10 packets on the first and 1 on the second. */
static void count(const struct node *node, uint32_t place)
{
	for (uint32_t worker = 0; worker < 2; worker++) {
		struct counter *counter = &state_counters(node->state, worker)->counters[place];

		counter->packets += worker == 0 ? 10 : 1;
		counter->bytes += worker == 0 ? 1000 : 100;
		counter->new_flows += 1;
	}
}

static uint32_t backend_counter(const struct node *node, const char *name)
{
	uint32_t index, cell;

	find_backend(node, name, &index, &cell);
	return forwarding_tables(node->forwarding)->records[cell].counter;
}

static void assert_backend_counted(const struct node *node, size_t backend, uint64_t times)
{
	struct counter sum;

	forwarding_count_backend(node->forwarding, 0, backend, &sum);
	assert_int_equal(sum.packets, 11 * times);
	assert_int_equal(sum.bytes, 1100 * times);
	assert_int_equal(sum.new_flows, 2 * times);
}

static void assert_service_counted(const struct node *node, size_t service, uint64_t times)
{
	struct counter sum;

	forwarding_count_service(node->forwarding, service, &sum);
	assert_int_equal(sum.packets, 11 * times);
	assert_int_equal(sum.bytes, 1100 * times);
	assert_int_equal(sum.new_flows, 2 * times);
}

static void counts_are_summed_over_the_workers(void **state)
{
	struct node *node = *state;

	apply(node, small_config_web(1, 3, IPIP));
	count(node, backend_counter(node, "w2"));
	count(node, backend_counter(node, "w2"));
	count(node, find_service(node, 0)->counter);
	assert_backend_counted(node, 0, 0);
	assert_backend_counted(node, 1, 2);
	assert_backend_counted(node, 2, 0);
	assert_service_counted(node, 0, 1);
}

static void no_two_services_or_backends_share_a_place(void **state)
{
	struct node *node = *state;
	uint32_t places[3];

	apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
	places[0] = backend_counter(node, "w1");
	places[1] = backend_counter(node, "w2");
	places[2] = backend_counter(node, "far");
	for (size_t i = 0; i < 3; i++) {
		assert_int_not_equal(places[i], places[(i + 1) % 3]);
		for (size_t service = 0; service < 4; service++)
			assert_int_not_equal(places[i], find_service(node, service)->counter);
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_not_equal(
			find_service(node, i)->counter, find_service(node, (i + 1) % 4)->counter);
}

static void counts_stay_with_a_backend_through_changes(void **state)
{
	struct node *node = *state;

	apply(node, small_config_web(1, 3, IPIP));
	count(node, backend_counter(node, "w3"));
	apply(node, small_config_web(2, 9, L2DSR));
	assert_backend_counted(node, 1, 1);
	apply(node,
		small_config_backends("{'name': 'renamed', 'address': '10.2.0.3', 'weight': 7}"));
	assert_backend_counted(node, 0, 1);
}

static void a_place_that_is_used_again_counts_from_0(void **state)
{
	struct node *node = *state;
	uint32_t before;

	apply(node, small_config_web(1, 1, IPIP));
	before = backend_counter(node, "w1");
	count(node, before);
	apply(node, small_config_web(2, 2, IPIP));
	count(node, before); /* by a worker that still has the old record */
	let_go(node);
	release_retired(node);
	apply(node, small_config_web(3, 3, IPIP));
	assert_int_equal(backend_counter(node, "w3"), before);
	assert_backend_counted(node, 0, 0);
	count(node, before);
	assert_backend_counted(node, 0, 1);
}

static struct config *two_services(const char *one, const char *two)
{
	char services[512];

	snprintf(services, sizeof(services),
		"[{'name': '%s', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, "
		"'pool': 'web', 'forward': 'ipip'}, {'name': '%s', 'vip': '203.0.113.10', "
		"'protocol': 'tcp', 'port': 81, 'pool': 'web', 'forward': 'ipip'}]",
		one, two);
	return small_config_read("[{'name': 'web', 'slots': 251, 'backends': []}]", services);
}

static void counts_go_with_the_name_of_a_service(void **state)
{
	struct node *node = *state;

	apply(node, two_services("a", "b"));
	count(node, find_service(node, 0)->counter);
	apply(node, two_services("b", "a"));
	assert_service_counted(node, 0, 0);
	assert_service_counted(node, 1, 1);
	apply(node, two_services("b", "c"));
	assert_service_counted(node, 0, 0);
	assert_service_counted(node, 1, 0);
	release_retired(node);
	apply(node, two_services("d", "e")); /* one of them has the place of "a" */
	assert_service_counted(node, 0, 0);
	assert_service_counted(node, 1, 0);
}

/* ---- changes that come to nothing --------------------------------------------------------------
 */

/* Less than the smallest block of the heap for each round: what is cached comes and goes. */
static void assert_no_growth(size_t before, unsigned int rounds)
{
	assert_true(mallinfo2().uordblks < before + 16 * rounds);
}

static void abort_once(struct node *node, const struct config *config)
{
	struct forwarding_change *change;
	struct error error = { "" };

	change = forwarding_prepare(node->forwarding, config, &now, &error);
	if (change == NULL)
		fail_msg("%s", error.message);
	forwarding_abort(node->forwarding, change);
}

/* The change takes all that there is: a second one without the first given back would not fit. */
static void aborted_changes_give_everything_back(void **state)
{
	struct node *node = *state;
	struct config *config = small_config_read(BOTH_FAMILIES, EVERY_MODE);
	size_t heap;

	apply(node, small_config_web(1, 20, IPIP));
	abort_once(node, config);
	heap = mallinfo2().uordblks;
	for (unsigned int i = 0; i < 10000; i++)
		abort_once(node, config);
	assert_no_growth(heap, 10000);
	apply(node, config);
}

static void an_aborted_change_is_not_seen(void **state)
{
	struct node *node = *state;
	struct config *config = small_config_web(2, 9, L2DSR);
	uint32_t before[251], after[251];
	struct forwarding_change *change;
	const struct tables *tables;
	struct error error;

	apply(node, small_config_web(1, 3, IPIP));
	copy_words(node, before);
	tables = forwarding_tables(node->forwarding);
	change = node_prepare(node, config, &error);
	assert_non_null(change);
	assert_ptr_equal(forwarding_tables(node->forwarding), tables);
	assert_follows_plan(node);
	forwarding_abort(node->forwarding, change);
	assert_ptr_equal(forwarding_tables(node->forwarding), tables);
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
	assert_follows_plan(node);
	config_destroy(config);
}

/* A node with so little room, its first three backends in force. */
static struct node *create_tight(struct node *node, const struct state_layout *layout)
{
	struct node *tight = node_create(node->host, layout, READERS);

	apply(tight, small_config_web(1, 3, IPIP));
	return tight;
}

/* Refused with the sentence, as often as it is tried, and nothing changed. */
static void assert_refused(struct node *node, const char *sentence)
{
	struct config *config = small_config_web(1, 6, IPIP);
	struct error error = { "" };
	size_t heap = mallinfo2().uordblks;

	for (unsigned int i = 0; i < 1000; i++) {
		assert_null(node_prepare(node, config, &error));
		assert_string_equal(error.message, sentence);
	}
	assert_no_growth(heap, 1000);
	assert_follows_plan(node);
	apply(node, small_config_web(2, 4, IPIP)); /* what fits still goes */
	config_destroy(config);
}

static void more_backends_than_there_are_counters_for_are_refused(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;

	layout.backends = 5;
	tight = create_tight(*state, &layout);
	assert_refused(tight, NO_ROOM("another backend"));
	node_destroy(tight);
}

static void more_records_than_there_are_cells_are_refused(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;

	layout.records = RECORD_MODE_COUNT * (1 + 4);
	tight = create_tight(*state, &layout);
	assert_refused(tight, NO_ROOM("the records of another backend"));
	node_destroy(tight);
}

static void more_slots_than_there_are_words_are_refused(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;
	struct error error;

	layout.slot_words = 256;
	tight = create_tight(*state, &layout);
	assert_string_equal(
		node_refusal(tight, small_config_read(BOTH_FAMILIES, EVERY_MODE), &error),
		NO_ROOM("the slots of another pool"));
	assert_follows_plan(tight);
	apply(tight, small_config_web(2, 4, IPIP));
	node_destroy(tight);
}

/* In mounts of this thread alone, until end_shortage(). Root needed. */
static void begin_shortage(unsigned int available_mib)
{
	char path[] = "/tmp/sluice-meminfo.XXXXXX";
	int descriptor = mkstemp(path);

	assert_true(descriptor >= 0);
	assert_true(dprintf(descriptor, "MemAvailable: %u kB\n", available_mib * 1024) > 0);
	close(descriptor);
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount(path, "/proc/meminfo", NULL, MS_BIND, NULL), 0);
	unlink(path);
}

static void end_shortage(void)
{
	assert_int_equal(umount("/proc/meminfo"), 0);
}

/* The kernel would kill the process, whose packets would stop. */
static void more_memory_than_there_is_is_refused(void **state)
{
	struct node *node = *state;
	struct config *config;
	struct error error;

	apply(node, small_config_web(1, 3, IPIP));
	begin_shortage(50);

	config = small_config_web(1, 3, IPIP);
	config->dataplane.pins += 20000000;
	assert_non_null(strstr(node_refusal(node, config, &error), "dataplane.pins: it takes"));
	assert_non_null(strstr(error.message, "50 MiB available"));

	config = small_config_web(1, 3, IPIP);
	config->pools[0].slots = 5000011;
	assert_non_null(strstr(node_refusal(node, config, &error), "pools: their slots: it takes"));

	apply(node, small_config_web(1, 4, IPIP)); /* what takes little still goes */
	end_shortage();
	assert_follows_plan(node);
}

static void more_services_than_there_are_counters_for_are_refused(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;
	struct error error;

	layout.services = 3;
	tight = create_tight(*state, &layout);
	assert_string_equal(
		node_refusal(tight, small_config_read(BOTH_FAMILIES, EVERY_MODE), &error),
		NO_ROOM("another service"));
	assert_follows_plan(tight);
	apply(tight, two_services("a", "b"));
	node_destroy(tight);
}

static void room_is_not_used_again_while_a_worker_may_hold_it(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;
	struct error error;

	layout.backends = 4;
	tight = create_tight(*state, &layout);
	publish_reader_enter(tight->publish, 0);
	publish_reader_quiescent(tight->publish, 0);
	apply(tight, small_config_web(4, 4, IPIP)); /* three go, but may be held */
	let_go(tight);
	assert_string_equal(node_refusal(tight, small_config_web(4, 5, IPIP), &error),
		NO_ROOM("another backend"));
	publish_reader_quiescent(tight->publish, 0);
	let_go(tight);
	apply(tight, small_config_web(4, 5, IPIP));
	publish_reader_leave(tight->publish, 0);
	node_destroy(tight);
}

/* An index of the old tables must not name another backend as long as those tables are read. */
static void what_a_worker_holds_stays_what_it_was(void **state)
{
	struct node *node = *state;
	const struct service *held;
	struct backend_record record;
	uint32_t index, cell;

	apply(node, small_config_web(1, 1, IPIP));
	publish_reader_enter(node->publish, 0);
	held = find_service(node, 0);
	find_backend(node, "w1", &index, &cell);
	record = forwarding_tables(node->forwarding)->records[cell];
	for (unsigned int i = 2; i < 12; i++) {
		apply(node, small_config_web(i, i, IPIP));
		let_go(node);
		assert_true(publish_reclaim(node->publish) > 0);
		assert_int_equal(cell_of(held, index), cell);
		assert_memory_equal(&forwarding_tables(node->forwarding)->records[cell], &record,
			sizeof(record));
	}
	publish_reader_leave(node->publish, 0);
	release_retired(node);
	assert_int_equal(find_service(node, 0)->record_of[index], RECORD_NONE);
}

static void another_gateway_is_taken_while_running(void **state)
{
	struct node *node = *state;
	struct config *next = small_config_read(BOTH_FAMILIES, EVERY_MODE);

	apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
	for (size_t i = 0; i < next->dataplane.port_count; i++) {
		struct config_port *port = &next->dataplane.ports[i];

		port->gateway_mac[5] ^= 1;
		for (size_t k = 0; k < port->neighbour_count; k++)
			port->neighbours[k].mac[5] ^= 1;
	}
	assert_int_equal(config_compare_restart(node->config, next, &(struct error){ "" }), 0);
	apply(node, next); /* and every record has its MAC address */
}

static void set_mac(const struct node *node, size_t port, uint8_t last)
{
	const struct rte_ether_addr mac = { { 2, 0, 0, 0, 9, last } };

	assert_int_equal(
		rte_eth_dev_default_mac_addr_set(port_id(node->host->ports[port]), (void *)&mac),
		0);
	assert_int_equal(port_follow_mac(node->host->ports[port]), 1);
	assert_int_equal(port_follow_mac(node->host->ports[port]), 0);
}

/* Of every backend of pool 0; returns how many records were made anew. */
static int refresh_all(const struct node *node)
{
	struct error error;
	size_t count;
	int fresh = 0;

	forwarding_backends(node->forwarding, 0, &count);
	for (size_t i = 0; i < count; i++)
		fresh += forwarding_refresh_backend(node->forwarding, 0, i, &error);
	return fresh;
}

static void the_way_to_a_backend_is_renewed_without_another_change(void **state)
{
	struct node *node = *state;
	const struct service *held;
	uint32_t index, before, after;

	apply(node, small_config_web(1, 3, IPIP));
	publish_reader_enter(node->publish, 0);
	held = find_service(node, 0);
	find_backend(node, "w1", &index, &before);
	assert_int_equal(refresh_all(node), 0);
	for (size_t i = 0; i < NODE_PORTS; i++)
		set_mac(node, i, 1);
	assert_int_equal(refresh_all(node), 3);
	assert_int_equal(refresh_all(node), 0);
	/* the worker finds the new record at once, and the old one stays until it has moved on */
	after = cell_of(held, index);
	assert_int_not_equal(after, before);
	assert_int_equal(forwarding_tables(node->forwarding)->records[after].source_mac[5], 1);
	assert_int_not_equal(forwarding_tables(node->forwarding)->records[before].mtu, 0);
	assert_true(publish_reclaim(node->publish) > 0);
	publish_reader_leave(node->publish, 0);
	release_retired(node);
	assert_follows_plan(node);
}

/* A change that was prepared before goes on with the records that came meanwhile. */
static void a_change_under_way_keeps_the_renewed_way(void **state)
{
	struct node *node = *state;
	struct config *next = small_config_web(1, 3, IPIP);
	struct forwarding_change *change;
	struct error error = { "" };

	apply(node, small_config_web(1, 3, IPIP));
	next->pools[0].backends[0].weight = 7;
	change = node_prepare(node, next, &error);
	assert_non_null(change);
	for (size_t i = 0; i < NODE_PORTS; i++)
		set_mac(node, i, 2);
	assert_int_equal(refresh_all(node), 3);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = next;
	release_retired(node);
	assert_follows_plan(node);
	assert_int_equal(refresh_all(node), 0);
}

/* What the change itself has made records for has the address that came meanwhile, too. */
static void a_change_under_way_takes_the_renewed_way_to_what_it_adds(void **state)
{
	struct node *node = *state;
	struct config *next = small_config_web(1, 4, IPIP);
	struct forwarding_change *change;
	struct error error = { "" };
	uint32_t index, cell;

	apply(node, small_config_web(1, 3, IPIP));
	change = node_prepare(node, next, &error);
	assert_non_null(change);
	for (size_t i = 0; i < NODE_PORTS; i++)
		set_mac(node, i, 3);
	assert_int_equal(refresh_all(node), 3);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = next;
	release_retired(node);
	find_backend(node, "w4", &index, &cell);
	assert_int_equal(forwarding_tables(node->forwarding)->records[cell].source_mac[5], 3);
	assert_follows_plan(node);
	assert_int_equal(refresh_all(node), 0);
}

/* Backends `first` to `last`, more than fit a line. */
static struct config *read_many(unsigned int first, unsigned int last)
{
	json_t *document = small_config_document("[]", "[]");
	json_t *backends = json_array();
	struct error error = { "" };
	struct config *config;

	for (unsigned int i = first; i <= last; i++)
		json_array_append_new(
			backends, json_pack("{s:o, s:o}", "name", json_sprintf("b%u", i), "address",
					  json_sprintf("12.0.%u.%u", i >> 8, i & 0xff)));
	json_array_append_new(json_object_get(document, "pools"),
		json_pack("{s:s, s:i, s:o}", "name", "web", "slots", 16411, "backends", backends));
	config = config_read(document, NULL, &error);
	json_decref(document);
	if (config == NULL)
		fail_msg("%s", error.message);
	return config;
}

static void a_full_pool_takes_another_backend_after_one_has_gone_for_good(void **state)
{
	static const char all_taken[] =
		"pool \"web\": 16383 backends is all that a pool can know at a time, those that go "
		"included: remove some first";
	const unsigned int most = SLOT_BACKEND_MAX;
	struct state_layout layout = node_layout;
	struct node *node = *state, *full;
	struct error error;

	layout.backends = 2 * most;
	layout.records = RECORD_MODE_COUNT * (1 + 2 * most);
	layout.slot_words = 16416;
	full = node_create(node->host, &layout, READERS);
	publish_reader_enter(full->publish, 0);
	apply(full, read_many(1, most));
	assert_string_equal(node_refusal(full, read_many(2, most + 1), &error), all_taken);
	apply(full, read_many(2, most));
	let_go(full);
	assert_string_equal(node_refusal(full, read_many(2, most + 1), &error), all_taken);
	publish_reader_quiescent(full->publish, 0);
	let_go(full);
	apply(full, read_many(2, most + 1));
	publish_reader_leave(full->publish, 0);
	node_destroy(full);
}

static void the_state_file_has_room_for_growth(void **state)
{
	struct config *config = small_config_read(BOTH_FAMILIES, EVERY_MODE);
	struct state_layout layout;

	forwarding_layout(config, 2, &layout);
	assert_int_equal(layout.workers, 2);
	assert_int_equal(layout.ports, NODE_PORTS);
	assert_int_equal(layout.services, 1024);
	assert_int_equal(layout.backends, 4096);
	assert_int_equal(layout.records, RECORD_MODE_COUNT * (2 * 4096 + 1));
	assert_int_equal(layout.slot_words, 32 * 65552);
	config->service_count = 3000;
	config->pools[0].backend_count = 10000;
	config->pools[1].slots = 5000011;
	forwarding_layout(config, 1, &layout);
	assert_int_equal(layout.services, 6000);
	assert_int_equal(layout.backends, 2 * 10002);
	assert_int_equal(layout.records, RECORD_MODE_COUNT * (2 * 2 * 10002 + 1));
	assert_int_equal(layout.slot_words, 2 * (256 + 5000016));
	config->service_count = CONFIG_SERVICES_MAX;
	config->pools[0].backend_count = CONFIG_BACKENDS_MAX;
	config->pools[1].backend_count = CONFIG_MEMBERSHIPS_MAX - CONFIG_BACKENDS_MAX;
	forwarding_layout(config, 1, &layout);
	assert_int_equal(layout.services, 2 * CONFIG_SERVICES_MAX);
	assert_int_equal(layout.backends, CONFIG_MEMBERSHIPS_MAX);
	assert_int_equal(layout.pools, 256);
	config->pools[0].backend_count = 3;
	config->pools[1].backend_count = 2;
	config->service_count = 4;
	config_destroy(config);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_node, close_node)
	const struct CMUnitTest tests[] = {
		TEST(every_slot_leads_to_the_backend_that_the_plan_says),
		TEST(services_of_one_pool_share_its_slots),
		TEST(a_backend_that_stays_keeps_its_index_and_its_record),
		TEST(reordering_and_renaming_store_no_word),
		TEST(weights_change_the_shares),
		TEST(a_disabled_backend_owns_no_slot_and_keeps_its_index),
		TEST(a_service_whose_pool_is_empty_has_no_backend),
		TEST(a_record_that_changed_gets_another_cell),
		TEST(another_number_of_slots_is_another_table),
		TEST(packet_to_a_service_that_is_gone_is_left_to_the_host),
		TEST(another_forwarding_mode_has_records_of_its_own),
		TEST(what_numbers_stand_for_is_known_of_live_ones_only),
		TEST(room_is_used_again_for_ever),
		TEST(counts_are_summed_over_the_workers),
		TEST(no_two_services_or_backends_share_a_place),
		TEST(counts_stay_with_a_backend_through_changes),
		TEST(a_place_that_is_used_again_counts_from_0),
		TEST(counts_go_with_the_name_of_a_service),
		TEST(aborted_changes_give_everything_back),
		TEST(an_aborted_change_is_not_seen),
		TEST(more_backends_than_there_are_counters_for_are_refused),
		TEST(more_records_than_there_are_cells_are_refused),
		TEST(more_slots_than_there_are_words_are_refused),
		TEST(more_memory_than_there_is_is_refused),
		TEST(more_services_than_there_are_counters_for_are_refused),
		TEST(room_is_not_used_again_while_a_worker_may_hold_it),
		TEST(what_a_worker_holds_stays_what_it_was),
		TEST(another_gateway_is_taken_while_running),
		TEST(the_way_to_a_backend_is_renewed_without_another_change),
		TEST(a_change_under_way_keeps_the_renewed_way),
		TEST(a_change_under_way_takes_the_renewed_way_to_what_it_adds),
		TEST(a_full_pool_takes_another_backend_after_one_has_gone_for_good),
		TEST(the_state_file_has_room_for_growth),
	};
#undef TEST

	return cmocka_run_group_tests_name("forwarding", tests, node_host_start, node_host_stop);
}
