/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <netinet/in.h>

#include "balance.h"
#include "life_fixture.h"
#include "affinity/slots.h"
#include "service/service_match.h"

#define POOLS                                                                                    \
	"[{'name': 'web', 'slots': 251, 'drain_deadline_s': 600, 'affinity': {'observe_s': 90, " \
	"'settle_s': 6, 'hold_s': 60, 'fail_grace_s': 10, 'guard_s': 4}, %s 'backends': [%s]}]"
#define SERVICES                                                                          \
	"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': " \
	"'web', 'forward': 'ipip'}]"

struct config *life_config(const char *options, const char *backends)
{
	char pools[2048];

	snprintf(pools, sizeof(pools), POOLS, options, backends);
	return small_config_read(pools, SERVICES);
}

int life_open(void **state)
{
	*state = node_create(*state, &node_layout, 1);
	return 0;
}

int life_close(void **state)
{
	struct node *node = *state;

	*state = (void *)node->host;
	node_destroy(node);
	return 0;
}

void life_apply(struct node *node, const char *backends)
{
	node_apply(node, life_config("", backends));
}

const struct live_backend *life_find(const struct node *node, const char *name)
{
	const struct live_backend *backends;
	size_t count;

	backends = forwarding_backends(node->forwarding, 0, &count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(backends[i].name, name) == 0)
			return &backends[i];
	return NULL;
}

enum member_state life_of(const struct node *node, const char *name)
{
	const struct live_backend *backend = life_find(node, name);

	return backend == NULL ? MEMBER_NONE : backend->life.state;
}

const struct service *life_service(const struct node *node)
{
	struct packet packet = { 0 };
	const uint8_t vip[4] = { 203, 0, 113, 10 };

	memcpy(packet.key.ipv4.destination, vip, 4);
	packet.key.ipv4.protocol = IPPROTO_TCP;
	packet.key.ipv4.ports[1] = RTE_BE16(80);
	assert_int_equal(service_match(forwarding_tables(node->forwarding)->services, &packet),
		VERDICT_NEXT);
	return packet.service;
}

struct life_share life_share(const struct node *node, const char *name)
{
	const struct live_backend *backend = life_find(node, name);
	struct life_share share = { 0 };

	for (uint32_t slot = 0; slot < LIFE_SLOTS; slot++) {
		uint32_t word = slot_load(&life_service(node)->slots[slot]);

		share.cur += backend != NULL && slot_cur(word) == backend->index;
		share.home += backend != NULL && slot_home(word) == backend->index;
		share.tracked += (word & SLOT_TRACK) != 0;
	}
	return share;
}

void life_count_report(void *context, const struct forwarding_effect *effect)
{
	unsigned int *calls = context;

	assert_string_equal(effect->before->name, effect->after->name);
	(*calls)++;
}

struct forwarding_handle life_handle(const struct node *node, size_t backend)
{
	const struct live_backend *backends;
	struct forwarding_handle handle;
	size_t count;

	backends = forwarding_backends(node->forwarding, 0, &count);
	assert_true(backend < count);
	assert_int_equal(
		forwarding_find(node->forwarding, "web", backends[backend].name, &handle), 0);
	return handle;
}

void life_tell(struct node *node, size_t backend, const struct forwarding_update *update)
{
	struct forwarding_handle handle = life_handle(node, backend);
	unsigned int calls = 0;

	assert_int_equal(forwarding_update(node->forwarding, &handle, update, false,
				 life_count_report, &calls),
		0);
	assert_int_equal(calls, 1);
	node_build(node);
}

void life_fail(struct node *node, size_t backend)
{
	const struct forwarding_update update = { .has_health = true, .healthy = false };

	life_tell(node, backend, &update);
}

void life_pass(struct node *node, size_t backend)
{
	const struct forwarding_update update = { .has_health = true, .healthy = true };

	life_tell(node, backend, &update);
}

void life_begin_flows(struct node *node, struct affinity_counters *counters)
{
	uint8_t frame[64] = { 0 };
	struct rte_mbuf mbuf = { .buf_addr = frame };
	struct packet packet = { .mbuf = &mbuf };

	packet.service = life_service(node);
	packet.flags = PACKET_SYN;
	packet.key.ipv4.protocol = IPPROTO_TCP;
	for (packet.slot = 0; packet.slot < LIFE_SLOTS; packet.slot++) {
		packet.hash = ((uint64_t)packet.slot * 0x100000000 / LIFE_SLOTS + 0x1000) << 32 |
			      packet.slot * 0x9e3779b9u;
		assert_int_equal(
			balance_choose(forwarding_tables(node->forwarding), counters, &packet),
			VERDICT_NEXT);
	}
}
