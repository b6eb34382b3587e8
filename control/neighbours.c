/* SPDX-License-Identifier: BSD-3-Clause */
#include "neighbours.h"

#include <errno.h>
#include <stdlib.h>

#include "lookup.h"

struct neighbours {
	struct neighbour_route *routes; /* of all neighbours, port by port */
	size_t route_count;
	struct lookup *by_address; /* place in `routes` */
	struct neighbour_route gateway;
	bool has_gateway;
};

static int enter(
	struct neighbours *neighbours, const struct config_neighbour *neighbour, size_t port)
{
	char key[ADDRESS_TEXT_SIZE];
	size_t place = neighbours->route_count++, earlier;
	int code;

	neighbours->routes[place].port = port;
	neighbours->routes[place].mac = neighbour->mac;
	address_format(&neighbour->address, key);
	code = lookup_add(neighbours->by_address, key, place, &earlier);
	return code == -EEXIST ? 0 : code; /* config_read() refuses it; the first one counts */
}

static int enter_port(struct neighbours *neighbours, const struct config_port *config, size_t port)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < config->neighbour_count; i++)
		code = enter(neighbours, &config->neighbours[i], port);
	if (!config->has_gateway_mac || neighbours->has_gateway)
		return code;
	neighbours->has_gateway = true;
	neighbours->gateway.port = port;
	neighbours->gateway.mac = config->gateway_mac;
	return code;
}

struct neighbours *neighbours_create(const struct config *config)
{
	const struct config_dataplane *dataplane = &config->dataplane;
	struct neighbours *neighbours = calloc(1, sizeof(*neighbours));
	size_t count = 0;
	int code = 0;

	if (neighbours == NULL)
		return NULL;
	for (size_t i = 0; i < dataplane->port_count; i++)
		count += dataplane->ports[i].neighbour_count;
	neighbours->routes = calloc(count + 1, sizeof(*neighbours->routes));
	neighbours->by_address = lookup_create();
	if (neighbours->routes == NULL || neighbours->by_address == NULL)
		code = -ENOMEM;
	for (size_t i = 0; code == 0 && i < dataplane->port_count; i++)
		code = enter_port(neighbours, &dataplane->ports[i], i);
	if (code == 0)
		return neighbours;
	neighbours_destroy(neighbours);
	return NULL;
}

void neighbours_destroy(struct neighbours *neighbours)
{
	if (neighbours == NULL)
		return;
	lookup_destroy(neighbours->by_address);
	free(neighbours->routes);
	free(neighbours);
}

int neighbours_find_on_link(const struct neighbours *neighbours, const struct address *address,
	struct neighbour_route *route)
{
	char key[ADDRESS_TEXT_SIZE];
	size_t place;

	if (lookup_find(neighbours->by_address, address_format(address, key), &place) != 0)
		return -ENOENT;
	*route = neighbours->routes[place];
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
