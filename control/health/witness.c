/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/witness.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gateway.h"
#include "port.h"

#define FAMILIES 2

/* Of one port and family. */
struct gateway {
	struct address address; /* ADDRESS_NONE: there is none */
	uint32_t generation;    /* of the checker's number: another with each address */
	bool has_answered;      /* once, so that its silence says something */
	bool is_asked;          /* and its answer has not come yet */
	bool answers;
};

struct witness {
	struct checker *checker;
	struct port *const *ports;
	size_t port_count;
	struct gateway gateways[CONFIG_PORTS_MAX][FAMILIES];
};

/* Never freed: it has a reference that nobody releases. */
static struct config_health settings = {
	.references = 1,
	.type = CONFIG_HEALTH_ICMP,
	.interval_ms = 1000,
	.fast_interval_ms = WITNESS_TIMEOUT_MS,
	.timeout_ms = WITNESS_TIMEOUT_MS,
	.rise = 1,
	.fall = 2,
	.jitter_percent = 10,
};

struct witness *witness_create(
	struct checker *checker, struct port *const *ports, size_t port_count)
{
	struct witness *witness = calloc(1, sizeof(*witness));

	if (witness == NULL)
		return NULL;
	witness->checker = checker;
	witness->ports = ports;
	witness->port_count = port_count;
	return witness;
}

void witness_destroy(struct witness *witness)
{
	free(witness);
}

static uint32_t number_of(size_t port, size_t family)
{
	return (uint32_t)(WITNESS_NUMBER + port * FAMILIES + family);
}

/* Probes it from now on, and at once. */
static void probe(struct witness *witness, size_t port, size_t family)
{
	struct gateway *gateway = &witness->gateways[port][family];
	struct checker_target target = {
		.number = number_of(port, family),
		.generation = ++gateway->generation,
		.health = &settings,
		.address = gateway->address,
		.is_due = true,
	};

	snprintf(target.interface, sizeof(target.interface), "%s",
		port_interface(witness->ports[port]));
	snprintf(
		target.name, sizeof(target.name), "gateway of %s", port_name(witness->ports[port]));
	checker_put(witness->checker, &target);
}

static struct address find_gateway(const struct port *port, size_t family)
{
	static const enum address_family families[] = { ADDRESS_IPV4, ADDRESS_IPV6 };
	static const uint8_t versions[] = { 4, 6 };
	struct address address = { .family = families[family] };
	unsigned int ifindex = if_nametoindex(port_interface(port));

	if (ifindex == 0 || gateway_find(ifindex, versions[family], address.bytes) != 0)
		return (struct address){ .family = ADDRESS_NONE };
	return address;
}

static void look_at(struct witness *witness, size_t port, size_t family)
{
	struct gateway *gateway = &witness->gateways[port][family];
	struct address address = find_gateway(witness->ports[port], family);

	if (address_equal(&address, &gateway->address))
		return;
	gateway->address = address;
	gateway->has_answered = gateway->answers = gateway->is_asked = false;
	if (address.family == ADDRESS_NONE)
		checker_remove(witness->checker, number_of(port, family));
	else
		probe(witness, port, family);
}

void witness_look(struct witness *witness)
{
	for (size_t port = 0; port < witness->port_count; port++)
		for (size_t family = 0; family < FAMILIES; family++)
			if (port_interface(witness->ports[port])[0] != '\0')
				look_at(witness, port, family);
}

void witness_ask(struct witness *witness)
{
	for (size_t port = 0; port < witness->port_count; port++) {
		for (size_t family = 0; family < FAMILIES; family++) {
			struct gateway *gateway = &witness->gateways[port][family];

			if (gateway->address.family == ADDRESS_NONE || !gateway->has_answered)
				continue;
			gateway->is_asked = true;
			probe(witness, port, family);
		}
	}
}

bool witness_follow(struct witness *witness, const struct checker_change *change)
{
	size_t index = change->number - WITNESS_NUMBER;
	struct gateway *gateway;

	if (change->number < WITNESS_NUMBER)
		return false;
	gateway = &witness->gateways[index / FAMILIES][index % FAMILIES];
	if (change->generation != gateway->generation)
		return true; /* of an earlier question */
	gateway->is_asked = false;
	gateway->answers = change->result.passed;
	gateway->has_answered |= change->result.passed;
	return true;
}

bool witness_is_done(const struct witness *witness)
{
	for (size_t port = 0; port < witness->port_count; port++)
		for (size_t family = 0; family < FAMILIES; family++)
			if (witness->gateways[port][family].is_asked)
				return false;
	return true;
}

static bool accuses(
	const struct port *port, const struct gateway *gateway, char sentence[static WITNESS_SIZE])
{
	char text[ADDRESS_TEXT_SIZE];

	if (gateway->address.family == ADDRESS_NONE || !gateway->has_answered || gateway->answers)
		return false;
	snprintf(sentence, WITNESS_SIZE, "the gateway %s of port %s does not answer",
		address_format(&gateway->address, text), port_name(port));
	return true;
}

bool witness_accuses(const struct witness *witness, char sentence[static WITNESS_SIZE])
{
	for (size_t i = 0; i < witness->port_count; i++) {
		const struct port *port = witness->ports[i];

		if (port_interface(port)[0] != '\0' && !port_link_up(port)) {
			snprintf(sentence, WITNESS_SIZE, "port %s has no link", port_name(port));
			return true;
		}
		for (size_t family = 0; family < FAMILIES; family++)
			if (accuses(port, &witness->gateways[i][family], sentence))
				return true;
	}
	return false;
}
