/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/neighbours.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct address address;
	struct neighbour_route route;
};

struct neighbours {
	struct entry *entries; /* by address: looked up twice for each backend in each change */
	size_t entry_count;
	struct neighbour_route gateway;
	bool has_gateway;
};

static int compare_addresses(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	return memcmp(&one->address, &other->address, sizeof(one->address));
}

static void enter_port(struct neighbours *neighbours, const struct config_port *config, size_t port)
{
	for (size_t i = 0; i < config->neighbour_count; i++)
		neighbours->entries[neighbours->entry_count++] = (struct entry){
			.address = config->neighbours[i].address,
			.route = { .port = port, .mac = config->neighbours[i].mac },
		};
	if (!config->has_gateway_mac || neighbours->has_gateway)
		return;
	neighbours->has_gateway = true;
	neighbours->gateway.port = port;
	neighbours->gateway.mac = config->gateway_mac;
}

struct neighbours *neighbours_create(const struct config *config)
{
	const struct config_dataplane *dataplane = &config->dataplane;
	struct neighbours *neighbours = calloc(1, sizeof(*neighbours));
	size_t count = 0;

	if (neighbours == NULL)
		return NULL;
	for (size_t i = 0; i < dataplane->port_count; i++)
		count += dataplane->ports[i].neighbour_count;
	neighbours->entries = calloc(count + 1, sizeof(*neighbours->entries));
	if (neighbours->entries == NULL) {
		free(neighbours);
		return NULL;
	}
	for (size_t i = 0; i < dataplane->port_count; i++)
		enter_port(neighbours, &dataplane->ports[i], i);
	qsort(neighbours->entries, neighbours->entry_count, sizeof(*neighbours->entries),
		compare_addresses);
	return neighbours;
}

void neighbours_destroy(struct neighbours *neighbours)
{
	if (neighbours == NULL)
		return;
	free(neighbours->entries);
	free(neighbours);
}

int neighbours_find_on_link(const struct neighbours *neighbours, const struct address *address,
	struct neighbour_route *route)
{
	const struct entry wanted = { .address = *address };
	const struct entry *found = bsearch(&wanted, neighbours->entries, neighbours->entry_count,
		sizeof(*neighbours->entries), compare_addresses);

	if (found == NULL)
		return -ENOENT;
	*route = found->route;
	return 0;
}

int neighbours_find(const struct neighbours *neighbours, const struct address *address,
	struct neighbour_route *route)
{
	if (neighbours_find_on_link(neighbours, address, route) == 0)
		return 0;
	*route = neighbours->gateway;
	return neighbours->has_gateway ? 0 : -ENOENT;
}
