/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/workers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "common/events.h"
#include "worker.h"

#define STALL_S 1

struct watched {
	struct worker worker;
	struct worker_health health;
	uint64_t iterations; /* at the last look, as all below */
	uint64_t packets;
	uint64_t busy_cycles;
	uint64_t idle_cycles;
	uint64_t turned_tsc; /* when the loop was last seen to have turned */
};

struct workers {
	atomic_bool stop;
	unsigned int count;
	struct watched *list;
};

/*
 * The XDP program checks the address, and follows the interface's when that changes. Other drivers
 * show us all that the NIC lets through, at least broadcasts.
 */
static struct station station_of_port(const struct port *port)
{
	return port_host_path(port) == HOST_PATH_XDP ? station_any() : station_of(port_mac(port));
}

static void set_ports(struct worker *worker, struct port *const *ports, size_t port_count)
{
	worker->port_count = port_count;
	for (size_t i = 0; i < port_count; i++) {
		worker->ports[i].id = port_id(ports[i]);
		worker->ports[i].leaves_to_host = port_host_path(ports[i]) == HOST_PATH_COPY;
		worker->ports[i].station = station_of_port(ports[i]);
		worker->ports[i].unfinished_checksums = port_has_unfinished_checksums(ports[i]);
		worker->port_of[port_id(ports[i])] = i;
	}
}

void workers_follow_mac(struct workers *workers, size_t number, const struct port *port)
{
	if (port_host_path(port) == HOST_PATH_XDP)
		return;
	for (unsigned int i = 0; i < workers->count; i++)
		station_move(&workers->list[i].worker.ports[number].station, port_mac(port));
}

static int launch(struct workers *workers, struct error *error)
{
	for (unsigned int i = 0; i < workers->count; i++) {
		struct watched *watched = &workers->list[i];
		int code =
			rte_eal_remote_launch(worker_run, &watched->worker, watched->worker.lcore);

		if (code != 0)
			return error_set(error, code, "cannot start the worker on lcore %u: %s",
				watched->worker.lcore, strerror(-code));
		watched->turned_tsc = rte_rdtsc();
	}
	return 0;
}

struct workers *workers_start(const struct config *config, struct port *const *ports,
	struct publish *publish, struct state *state, struct error *error)
{
	struct workers *workers = calloc(1, sizeof(*workers));
	unsigned int lcore;

	if (workers == NULL)
		goto no_memory;
	for (size_t i = 0; i < config->dataplane.port_count; i++)
		state_name_port(state, i, config->dataplane.ports[i].name);
	workers->list = calloc(rte_lcore_count(), sizeof(*workers->list));
	if (workers->list == NULL)
		goto no_memory;
	RTE_LCORE_FOREACH_WORKER (lcore) {
		struct watched *watched = &workers->list[workers->count];
		struct worker *worker = &watched->worker;

		worker->number = workers->count++;
		worker->lcore = lcore;
		worker->queue = worker->number;
		worker->rests = config->dataplane.idle == CONFIG_IDLE_REST;
		worker->publish = publish;
		worker->counters = state_counters(state, worker->number);
		state_name_lcore(state, worker->number, lcore);
		worker->stop = &workers->stop;
		set_ports(worker, ports, config->dataplane.port_count);
		watched->health.lcore = lcore;
		watched->health.cpu = rte_lcore_to_cpu_id(lcore);
	}
	if (launch(workers, error) == 0)
		return workers;
	workers_stop(workers);
	return NULL;
no_memory:
	error_set(error, -ENOMEM, "out of memory");
	free(workers);
	return NULL;
}

void workers_stop(struct workers *workers)
{
	if (workers == NULL)
		return;
	atomic_store(&workers->stop, true);
	for (unsigned int i = 0; i < workers->count; i++)
		rte_eal_wait_lcore(workers->list[i].worker.lcore);
	free(workers->list);
	free(workers);
}

static void look_at_load(struct watched *watched, const struct worker_counters *counters)
{
	struct worker_health *health = &watched->health;
	uint64_t packets = counter_read(&counters->packets);
	uint64_t busy_cycles = counter_read(&counters->busy_cycles);
	uint64_t idle_cycles = counter_read(&counters->idle_cycles);
	uint64_t busy = busy_cycles - watched->busy_cycles;
	uint64_t all = busy + idle_cycles - watched->idle_cycles;
	uint64_t new_packets = packets - watched->packets;

	health->packets = packets;
	health->busy_percent = all == 0 ? 0 : 100.0 * busy / all;
	health->cycles_per_packet = new_packets == 0 ? 0 : (double)busy / new_packets;
	watched->packets = packets;
	watched->busy_cycles = busy_cycles;
	watched->idle_cycles = idle_cycles;
}

static void look_at_loop(struct watched *watched, const struct worker_counters *counters)
{
	uint64_t iterations = counter_read(&counters->iterations);
	uint64_t now = rte_rdtsc();
	char name[16];
	bool stalled;

	if (iterations != watched->iterations)
		watched->turned_tsc = now;
	watched->iterations = iterations;
	stalled = now - watched->turned_tsc >= STALL_S * rte_get_tsc_hz();
	snprintf(name, sizeof(name), "%u", watched->worker.lcore);
	if (stalled && !watched->health.stalled)
		events_publish(EVENT(WORKER, ERROR, WORKER, name),
			"worker on lcore %s has stalled for %.1f s", name,
			(double)(now - watched->turned_tsc) / rte_get_tsc_hz());
	if (!stalled && watched->health.stalled)
		events_publish(
			EVENT(WORKER, INFO, WORKER, name), "worker on lcore %s runs again", name);
	watched->health.stalled = stalled;
}

unsigned int workers_look(struct workers *workers)
{
	unsigned int stalled = 0;

	for (unsigned int i = 0; i < workers->count; i++) {
		struct watched *watched = &workers->list[i];

		look_at_load(watched, watched->worker.counters);
		look_at_loop(watched, watched->worker.counters);
		stalled += watched->health.stalled;
	}
	return stalled;
}

unsigned int workers_count(const struct workers *workers)
{
	return workers->count;
}

const struct worker_health *workers_health(const struct workers *workers, unsigned int number)
{
	return &workers->list[number].health;
}
