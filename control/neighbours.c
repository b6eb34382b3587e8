/* SPDX-License-Identifier: BSD-3-Clause */
#include "neighbours.h"

#include <errno.h>

static int find_neighbour(
	const struct config_port *port, const struct address *address, const uint8_t **mac)
{
	for (size_t i = 0; i < port->neighbour_count; i++)
		if (address_equal(&port->neighbours[i].address, address)) {
			*mac = port->neighbours[i].mac;
			return 0;
		}
	return -ENOENT;
}

int neighbours_find(const struct config *config, const struct address *address, bool on_link,
	struct neighbour_route *route)
{
	const struct config_dataplane *dataplane = &config->dataplane;

	for (route->port = 0; route->port < dataplane->port_count; route->port++)
		if (find_neighbour(&dataplane->ports[route->port], address, &route->mac) == 0)
			return 0;
	if (on_link)
		return -ENOENT;
	for (route->port = 0; route->port < dataplane->port_count; route->port++)
		if (dataplane->ports[route->port].has_gateway_mac) {
			route->mac = dataplane->ports[route->port].gateway_mac;
			return 0;
		}
	return -ENOENT;
}
