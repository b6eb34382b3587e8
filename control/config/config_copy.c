/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_health.h"

/* NULL where memory is short. A list without elements has room all the same. */
static void *copy_list(const void *list, size_t count, size_t size)
{
	void *copy = malloc(count > 0 ? count * size : 1);

	if (copy != NULL && count > 0)
		memcpy(copy, list, count * size);
	return copy;
}

static bool copy_port(struct config_port *to, const struct config_port *from)
{
	*to = *from;
	to->device = strdup(from->device);
	to->neighbours =
		copy_list(from->neighbours, from->neighbour_count, sizeof(*from->neighbours));
	return to->device != NULL && to->neighbours != NULL;
}

/* Counts grow with what has been copied, so that a half-made copy can be destroyed. */
static bool copy_ports(struct config_dataplane *to, const struct config_dataplane *from)
{
	to->ports = calloc(from->port_count + 1, sizeof(*to->ports));
	to->port_count = 0;
	while (to->ports != NULL && to->port_count < from->port_count) {
		size_t i = to->port_count++;

		if (!copy_port(&to->ports[i], &from->ports[i]))
			return false;
	}
	return to->ports != NULL;
}

static bool copy_eal(struct config_dataplane *to, const struct config_dataplane *from)
{
	to->eal = calloc(from->eal_count + 1, sizeof(*to->eal));
	to->eal_count = 0;
	while (to->eal != NULL && to->eal_count < from->eal_count) {
		size_t i = to->eal_count++;

		to->eal[i] = strdup(from->eal[i]);
		if (to->eal[i] == NULL)
			return false;
	}
	return to->eal != NULL;
}

static bool copy_dataplane(struct config_dataplane *to, const struct config_dataplane *from)
{
	bool copied;

	*to = *from;
	to->state_file = strdup(from->state_file);
	copied = copy_ports(to, from);
	return copy_eal(to, from) && copied && to->state_file != NULL;
}

static bool copy_pool(struct config_pool *to, const struct config_pool *from)
{
	*to = *from;
	config_health_ref(to->health);
	to->backends = copy_list(from->backends, from->backend_count, sizeof(*from->backends));
	to->vacant = copy_list(from->vacant, from->vacant_count, sizeof(*from->vacant));
	to->parts = NULL;
	to->uses = NULL;
	if (from->part_count > 0)
		to->parts = copy_list(from->parts, from->part_count, sizeof(*from->parts));
	if (from->use_count > 0)
		to->uses = copy_list(from->uses, from->use_count, sizeof(*from->uses));
	return to->backends != NULL && to->vacant != NULL &&
	       (to->parts != NULL) == (from->part_count > 0) &&
	       (to->uses != NULL) == (from->use_count > 0);
}

static bool copy_service(struct config_service *to, const struct config_service *from)
{
	*to = *from;
	to->parts = NULL; /* nearly always, and there may be 65,535 services */
	to->splits = NULL;
	if (from->part_count != 0)
		to->parts = copy_list(from->parts, from->part_count, sizeof(*from->parts));
	if (from->split_count != 0)
		to->splits = copy_list(from->splits, from->split_count, sizeof(*from->splits));
	return (to->parts != NULL) == (from->part_count != 0) &&
	       (to->splits != NULL) == (from->split_count != 0);
}

static bool copy_services(struct config *to, const struct config *from)
{
	to->services = calloc(from->service_count + 1, sizeof(*to->services));
	to->service_count = 0;
	while (to->services != NULL && to->service_count < from->service_count) {
		size_t i = to->service_count++;

		if (!copy_service(&to->services[i], &from->services[i]))
			return false;
	}
	return to->services != NULL;
}

static bool copy_pools(struct config *to, const struct config *from)
{
	to->pools = calloc(from->pool_count + 1, sizeof(*to->pools));
	to->pool_count = to->written_pool_count = 0;
	while (to->pools != NULL && to->pool_count < from->pool_count) {
		size_t i = to->pool_count++;

		if (!copy_pool(&to->pools[i], &from->pools[i]))
			return false;
	}
	if (to->pools == NULL)
		return false;
	to->written_pool_count = from->written_pool_count;
	return true;
}

static bool copy_all(struct config *to, const struct config *from)
{
	/* not the number of owners, which other threads change */
	const size_t first = offsetof(struct config, node_name);
	bool copied;

	memcpy((char *)to + first, (const char *)from + first, sizeof(*to) - first);
	atomic_init(&to->references, 0);
	to->socket = strdup(from->socket);
	to->zones = copy_list(from->zones, from->zone_count, sizeof(*from->zones));
	copied = copy_dataplane(&to->dataplane, &from->dataplane);
	copied = copy_services(to, from) && copied;
	return copy_pools(to, from) && copied && to->socket != NULL && to->zones != NULL;
}

struct config *config_copy(const struct config *config, struct error *error)
{
	struct config *copy = malloc(sizeof(*copy));

	if (copy != NULL && copy_all(copy, config))
		return copy;
	config_destroy(copy);
	error_set(error, -ENOMEM, "out of memory");
	return NULL;
}
