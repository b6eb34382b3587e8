/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/memory.h"

#include <stdio.h>

#include "common/events.h"
#include "forwarding/forwarding.h"
#include "mempools.h"
#include "affinity/pins.h"
#include "encap/record.h"
#include "service/service.h"

/* For each pool, whatever its size: the tables by index of live_pool.h. */
#define BYTES_PER_POOL (SLOT_BACKEND_MAX * (4 + 8))
/* By gid: tracking.h keeps this for the largest number of backends. */
#define BYTES_PER_GID (sizeof(struct member) + 8 + 8 + sizeof(struct pins_sweep_pool) + 1)

static uint16_t largest_mtu(const struct config_dataplane *dataplane)
{
	uint16_t largest = 0;

	for (size_t i = 0; i < dataplane->port_count; i++)
		if (dataplane->ports[i].mtu > largest)
			largest = dataplane->ports[i].mtu;
	return largest;
}

static uint64_t control_memory(const struct config *config)
{
	uint64_t bytes = MEMBER_COUNT_MAX * BYTES_PER_GID + EVENTS_BYTES;

	for (size_t i = 0; i < config->pool_count; i++)
		bytes += (uint64_t)config->pools[i].slots * FORWARDING_BYTES_PER_SLOT +
			 BYTES_PER_POOL +
			 config->pools[i].part_count * config->pools[i].slots *
				 FORWARDING_BYTES_PER_PART_SLOT +
			 config->pools[i].backend_count *
				 (sizeof(struct live_backend) + sizeof(struct plan_seat));
	return bytes;
}

size_t memory_list(const struct config *config, struct memory_part parts[MEMORY_PARTS_MAX])
{
	const struct config_dataplane *dataplane = &config->dataplane;
	struct state_layout layout = { 0 };
	uint64_t pins, slots, records, file;
	size_t count = 0;

	forwarding_layout(config, dataplane->worker_count, &layout);
	pins = pins_memory(layout.pin_buckets);
	slots = (uint64_t)layout.slot_words * sizeof(uint32_t);
	records = (uint64_t)layout.records * sizeof(struct backend_record);
	file = state_memory(&layout);
	parts[count++] = (struct memory_part){ "packet buffers, at most, for each NUMA node",
		mempools_memory(dataplane->mbufs, largest_mtu(dataplane)), "packet_buffers" };
	parts[count++] = (struct memory_part){ "state file: slots", slots, "slots" };
	parts[count++] = (struct memory_part){ "state file: pins", pins, "pins" };
	parts[count++] = (struct memory_part){ "state file: backend records", records, "records" };
	parts[count++] = (struct memory_part){ "state file: counters and names",
		file - slots - pins - records, "counters" };
	parts[count++] = (struct memory_part){
		"state file of the previous process, while a restart takes it over", file,
		"previous"
	};
	parts[count++] = (struct memory_part){ "service tables, two generations",
		2 * service_table_memory(config->service_count), "services" };
	parts[count++] = (struct memory_part){ "control thread, at most", control_memory(config),
		"control" };
	return count;
}

const char *memory_format(uint64_t bytes, char text[static 16])
{
	snprintf(text, 16, "%.1f MiB", bytes / 1048576.0);
	return text;
}
