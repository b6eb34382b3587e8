/* SPDX-License-Identifier: BSD-3-Clause */
#include "publisher.h"

#include <stdlib.h>
#include <time.h>

#include <rte_lcore.h>

#include "affinity/slots.h"

#define NS_PER_SECOND 1000000000
#define STRIDE        100

struct publisher {
	struct world *world;
	pthread_t thread;
	uint32_t pause_ns;
	atomic_bool stop;
	uint64_t count;
};

/* Away from home, or back. */
static void move(_Atomic uint32_t *slot)
{
	uint32_t word = slot_load(slot), home = slot_home(word);

	if (slot_cur(word) == home)
		slot_store(slot, slot_pack((home + 1) % WORLD_BACKENDS, home) | SLOT_TRACK);
	else
		slot_store(slot, slot_pack(home, home));
}

/* Which slots, changes from time to time; each is given back before the next is taken. */
static void publish(struct publisher *publisher)
{
	struct world *world = publisher->world;
	struct tables *tables = world_make_tables(world);

	for (uint32_t pool = 0; pool < world->options.pools; pool++)
		for (uint32_t i = publisher->count / 2 % STRIDE; i < WORLD_SLOTS; i += STRIDE)
			move(&world->pools[pool].slots[i]);
	if (tables == NULL)
		return;
	publish_tables(world->publish, tables);
	publish_reclaim(world->publish);
	publisher->count++;
}

static void *run(void *argument)
{
	struct publisher *publisher = argument;
	const struct timespec pause = { .tv_nsec = publisher->pause_ns };

	while (!atomic_load(&publisher->stop)) {
		publish(publisher);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

struct publisher *publisher_start(struct world *world, uint32_t times_per_second)
{
	struct publisher *publisher = calloc(1, sizeof(*publisher));

	if (publisher == NULL)
		return NULL;
	publisher->world = world;
	publisher->pause_ns = NS_PER_SECOND / times_per_second;
	/* beside the workers' CPUs, where there are others */
	if (rte_ctrl_thread_create(&publisher->thread, "publisher", NULL, run, publisher) == 0)
		return publisher;
	free(publisher);
	return NULL;
}

uint64_t publisher_stop(struct publisher *publisher)
{
	uint64_t count;

	atomic_store(&publisher->stop, true);
	pthread_join(publisher->thread, NULL);
	count = publisher->count;
	free(publisher);
	return count;
}
