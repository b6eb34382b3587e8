/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding_fixture.h"

#include "unit.h"

#include "affinity/slots.h"
#include "service/service_match.h"

const struct live_terms now = { .now = true };

int open_node(void **state)
{
	*state = node_create(*state, &node_layout, READERS);
	return 0;
}

int close_node(void **state)
{
	struct node *node = *state;

	*state = (void *)node->host;
	node_destroy(node);
	return 0;
}

void release_retired(struct node *node)
{
	assert_int_equal(publish_reclaim(node->publish), 0);
}

const struct service *find_service(const struct node *node, size_t number)
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

uint32_t cell_of(const struct service *service, uint32_t index)
{
	return atomic_load(&service->record_of[index]) + service->mode;
}

void find_backend(const struct node *node, const char *name, uint32_t *index, uint32_t *cell)
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

void assert_follows_plan(const struct node *node)
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

void apply(struct node *node, struct config *config)
{
	node_apply_by(node, config, &now);
	assert_follows_plan(node);
}

void let_go(struct node *node)
{
	node_wait(node, 12);
}

void copy_words(const struct node *node, uint32_t *words)
{
	const struct service *service = find_service(node, 0);

	for (uint32_t slot = 0; slot < service->slot_count; slot++)
		words[slot] = slot_load(&service->slots[slot]);
}

struct config *two_services(const char *one, const char *two)
{
	char services[512];

	snprintf(services, sizeof(services),
		"[{'name': '%s', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, "
		"'pool': 'web', 'forward': 'ipip'}, {'name': '%s', 'vip': '203.0.113.10', "
		"'protocol': 'tcp', 'port': 81, 'pool': 'web', 'forward': 'ipip'}]",
		one, two);
	return small_config_read("[{'name': 'web', 'slots': 251, 'backends': []}]", services);
}
