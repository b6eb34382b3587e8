/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers send the packets of a second while the control thread publishes, promotes and sweeps:
 * whichever word a worker has read, no flow of a backend that lives moves. A second ends when all
 * have passed a quiescent state. Built with ThreadSanitizer as well.
 */
#include "unit.h"

#include <pthread.h>

#include "virtual_node.h"

#define WORKERS       3
#define FLOWS         4000 /* of each worker */
#define SECONDS       800
#define START_S       100000
#define GAP_MAX_S     20
#define ACTORS        16
#define CHECK_FAILS_S 12 /* at most */

static const struct virtual_limits limits = {
	.times = {
		.observe_s = 30,
		.settle_s = 2,
		.hold_s = 300,
		.guard_s = 3,
		.drain_observe_s = 20,
		.udp_grace_s = 30,
	},
	.membership = { .fail_grace_s = 30, .hold_s = 300 },
	.udp_idle_s = 60,
	.quic_idle_s = 300,
	.sweep_every_s = 1,
	.observe_tokens = 1000000,
};

struct flow {
	uint64_t hash;
	uint32_t index; /* of its backend */
	uint32_t next_s, end_s;
	enum virtual_protocol protocol;
};

struct worker {
	struct race *race;
	pthread_t thread;
	uint64_t random;
	struct affinity_counters counters;
	_Atomic uint32_t done_s;
	uint64_t flows, broken;
	struct flow table[FLOWS];
};

struct race {
	struct virtual_node *node;
	_Atomic uint32_t now_s;
	_Atomic uint32_t failed_s[VIRTUAL_BACKENDS]; /* by index: when its check did, last */
	struct worker workers[WORKERS];
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15; /* SplitMix64 (S. Vigna) */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t send_packet(struct worker *worker, const struct flow *flow, enum affinity_kind kind)
{
	return virtual_node_send_by(worker->race->node, &worker->counters, flow->protocol,
		flow->hash, flow->protocol == VIRTUAL_UDP ? AFFINITY_EITHER : kind);
}

static void begin_flow(struct worker *worker, struct flow *flow, uint32_t now_s)
{
	flow->hash = next_random(&worker->random);
	flow->protocol = next_random(&worker->random) % VIRTUAL_PROTOCOLS;
	flow->end_s = now_s + 1 + next_random(&worker->random) % 200;
	flow->index = send_packet(worker, flow, AFFINITY_START);
	flow->next_s = now_s + 1;
	worker->flows++;
}

/* UDP without a pin leaves a suspect; which of its flows had one is not known here. */
static bool may_leave(const struct worker *worker, const struct flow *flow, uint32_t now_s)
{
	uint32_t failed_s = atomic_load(&worker->race->failed_s[flow->index]);

	return flow->protocol == VIRTUAL_UDP && failed_s != 0 && now_s - failed_s <= CHECK_FAILS_S;
}

static void go_on(struct worker *worker, struct flow *flow, uint32_t now_s)
{
	bool may_go = may_leave(worker, flow, now_s);
	uint32_t index = send_packet(worker, flow, AFFINITY_CONTINUE);

	if (index != flow->index && may_go) {
		flow->index = index;
	} else if (index != flow->index) {
		worker->broken++;
		flow->end_s = now_s;
	}
	flow->next_s = now_s + 1 + next_random(&worker->random) % GAP_MAX_S;
}

static void send_second(struct worker *worker, uint32_t now_s)
{
	for (unsigned int i = 0; i < FLOWS; i++) {
		struct flow *flow = &worker->table[i];

		if (flow->next_s > now_s)
			continue;
		if (flow->end_s <= now_s) {
			begin_flow(worker, flow, now_s);
			continue;
		}
		go_on(worker, flow, now_s);
	}
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	for (uint32_t now_s = START_S + 1; now_s <= START_S + SECONDS; now_s++) {
		while (atomic_load_explicit(&worker->race->now_s, memory_order_acquire) < now_s)
			sched_yield();
		send_second(worker, now_s);
		atomic_store_explicit(&worker->done_s, now_s, memory_order_release);
	}
	return NULL;
}

/* Nobody dies here: checks flap, and backends drain, come back, change their weight and come. */
static void change_something(struct race *race, uint64_t *random, uint32_t *actors)
{
	struct virtual_node *node = race->node;
	uint32_t index = next_random(random) % *actors;
	struct membership_facts *facts = &node->backends[index].facts;
	char key[24];

	switch (next_random(random) % 8) {
	case 0:
	case 1: facts->wish = MEMBERSHIP_DRAIN; break;
	case 2:
		facts->healthy = false;
		atomic_store(&race->failed_s[index], node->now_s + 1);
		facts->health_s = node->now_s;
		break;
	case 3:
		virtual_node_seat(node, index)->dynamic =
			(1 + next_random(random) % 16) * FACTOR_ONE / 16;
		break;
	case 4:
		if (*actors == ACTORS)
			break;
		snprintf(key, sizeof(key), "backend-%u", *actors);
		if (virtual_node_add(node, key, 100, next_random(random) % 30) != (*actors)++)
			abort();
		break;
	default: facts->wish = MEMBERSHIP_ACTIVE; break;
	}
}

/* A check that failed fails for 10 s, which is within its grace. */
static void heal(struct virtual_node *node, uint32_t actors)
{
	for (uint32_t index = 0; index < actors; index++)
		if (node->now_s - node->backends[index].facts.health_s > 10)
			node->backends[index].facts.healthy = true;
}

static void wait_for_workers(struct race *race, uint32_t now_s)
{
	for (unsigned int i = 0; i < WORKERS; i++)
		while (atomic_load_explicit(&race->workers[i].done_s, memory_order_acquire) < now_s)
			sched_yield();
}

static uint32_t run_control(struct race *race)
{
	uint64_t random = 1;
	uint32_t actors = ACTORS / 2, promoted = 0;

	for (uint32_t now_s = START_S + 1; now_s <= START_S + SECONDS; now_s++) {
		atomic_store_explicit(&race->now_s, now_s, memory_order_release);
		if (now_s % 200 > 60 && now_s % 4 == 0)
			change_something(race, &random, &actors);
		heal(race->node, actors);
		virtual_node_tick(race->node, now_s);
		promoted += race->node->summary.promoted;
		wait_for_workers(race, now_s);
	}
	return promoted;
}

static void no_flow_moves_while_control_and_workers_race(void **state)
{
	struct race *race = aligned_alloc(64, (sizeof(*race) + 63) / 64 * 64);
	uint64_t flows = 0, broken = 0, pinned = 0;
	uint32_t promoted;
	char key[24];

	assert_non_null(race);
	memset(race, 0, sizeof(*race));
	race->node = virtual_node_create(1021, 16384, &limits, START_S);
	for (unsigned int i = 0; i < ACTORS / 2; i++) {
		snprintf(key, sizeof(key), "backend-%u", i);
		virtual_node_add(race->node, key, 100, 0);
	}
	virtual_node_tick(race->node, START_S);
	for (unsigned int i = 0; i < WORKERS; i++) {
		race->workers[i].race = race;
		race->workers[i].random = 100 + i;
		assert_int_equal(
			pthread_create(&race->workers[i].thread, NULL, work, &race->workers[i]), 0);
	}
	promoted = run_control(race);
	for (unsigned int i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(race->workers[i].thread, NULL), 0);
		flows += race->workers[i].flows;
		broken += race->workers[i].broken;
		pinned += race->workers[i].counters.reasons[AFFINITY_PIN];
		assert_int_equal(race->workers[i].counters.unpinned, 0);
	}
	printf("%lu flows, %lu packets by pins, %u slots promoted, %lu broken\n", flows, pinned,
		promoted, broken);
	assert_int_equal(broken, 0);
	assert_true(promoted > 100 && pinned > 1000);
	virtual_node_destroy(race->node);
	free(race);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_flow_moves_while_control_and_workers_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
