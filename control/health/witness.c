/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/witness.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gateway.h"
#include "port.h"

#define FAMILIES 2

/* Of one port and family. */
struct gateway {
	struct address address; /* ADDRESS_NONE: there is none, and none has vanished lately */
	bool is_there;          /* a route leads to it */
	uint64_t vanished_ms;   /* else when that was found */
	uint32_t generation;    /* of the checker's number: another with each question */
	bool has_answered;      /* once, so that its silence says something */
	bool is_asked;          /* and it is not known yet whether it answers */
	bool is_local;          /* this node could not ask */
	bool answers;
	uint64_t silent_ms; /* the first answer in a row that was missing; 0: none is */
};

struct link {
	bool was_up;       /* at the last look */
	uint64_t ended_ms; /* when it was first found down since; 0: it was never up */
};

struct witness {
	struct checker *checker;
	struct port *const *ports;
	size_t port_count;
	struct link links[CONFIG_PORTS_MAX];
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
	.fall = WITNESS_FALL,
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

/* 0, -ENOENT where there is none, or another -errno: it is not known. */
static int find_gateway(const struct port *port, size_t family, struct address *address)
{
	static const enum address_family families[] = { ADDRESS_IPV4, ADDRESS_IPV6 };
	static const uint8_t versions[] = { 4, 6 };
	unsigned int ifindex = if_nametoindex(port_interface(port));

	*address = (struct address){ .family = families[family] };
	return ifindex == 0 ? -ENOENT : gateway_find(ifindex, versions[family], address->bytes);
}

static void note_silence(struct gateway *gateway, uint64_t now_ms)
{
	gateway->answers = false;
	if (gateway->silent_ms == 0)
		gateway->silent_ms = now_ms;
}

/* Its route is gone, which may be what cuts this node off: it is remembered for a while. */
static void vanish(struct witness *witness, size_t port, size_t family, uint64_t now_ms)
{
	struct gateway *gateway = &witness->gateways[port][family];

	if (gateway->is_there) {
		gateway->is_there = gateway->is_asked = false;
		gateway->vanished_ms = now_ms;
		note_silence(gateway, now_ms);
		checker_remove(witness->checker, number_of(port, family));
	} else if (now_ms - gateway->vanished_ms > WITNESS_VANISHED_MS) {
		*gateway = (struct gateway){ .generation = gateway->generation };
	}
}

static void look_at_gateway(struct witness *witness, size_t port, size_t family, uint64_t now_ms)
{
	struct gateway *gateway = &witness->gateways[port][family];
	struct address address;
	int result = find_gateway(witness->ports[port], family, &address);

	if (result == -ENOENT)
		vanish(witness, port, family, now_ms);
	if (result != 0 || (gateway->is_there && address_equal(&address, &gateway->address)))
		return;
	if (!address_equal(&address, &gateway->address))
		*gateway = (struct gateway){
			.address = address,
			.generation = gateway->generation,
		};
	gateway->is_there = true;
	probe(witness, port, family);
}

static void look_at_link(struct witness *witness, size_t port, uint64_t now_ms)
{
	struct link *link = &witness->links[port];
	bool is_up = port_link_up(witness->ports[port]);

	if (link->was_up && !is_up)
		link->ended_ms = now_ms;
	link->was_up = is_up;
}

void witness_look(struct witness *witness, uint64_t now_ms)
{
	for (size_t port = 0; port < witness->port_count; port++) {
		if (port_interface(witness->ports[port])[0] == '\0')
			continue;
		look_at_link(witness, port, now_ms);
		for (size_t family = 0; family < FAMILIES; family++)
			look_at_gateway(witness, port, family, now_ms);
	}
}

void witness_ask(struct witness *witness)
{
	for (size_t port = 0; port < witness->port_count; port++) {
		for (size_t family = 0; family < FAMILIES; family++) {
			struct gateway *gateway = &witness->gateways[port][family];

			if (!gateway->is_there || !gateway->answers)
				continue;
			gateway->is_asked = true;
			gateway->is_local = false;
			probe(witness, port, family);
		}
	}
}

/* Of probes in a row the checker tells the first result, and when the status is another one. */
static void note_result(
	struct gateway *gateway, const struct checker_change *change, uint64_t now_ms)
{
	gateway->is_local = change->result.reason == PROBE_LOCAL;
	if (change->result.passed) {
		gateway->is_asked = false;
		gateway->answers = gateway->has_answered = true;
		gateway->silent_ms = 0;
	} else if (change->state.status == HEALTH_DOWN) {
		gateway->is_asked = false;
		note_silence(gateway, now_ms);
	} /* else one answer is missing, or could not be asked for: the checker asks again */
}

bool witness_follow(struct witness *witness, const struct checker_change *change, uint64_t now_ms)
{
	size_t index = change->number - WITNESS_NUMBER;
	struct gateway *gateway;

	if (change->number < WITNESS_NUMBER)
		return false;
	gateway = &witness->gateways[index / FAMILIES][index % FAMILIES];
	if (change->generation == gateway->generation && gateway->is_there)
		note_result(gateway, change, now_ms); /* and of no earlier question */
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

void witness_give_up(struct witness *witness, uint64_t now_ms)
{
	for (size_t port = 0; port < witness->port_count; port++) {
		for (size_t family = 0; family < FAMILIES; family++) {
			struct gateway *gateway = &witness->gateways[port][family];

			if (gateway->is_asked && !gateway->is_local)
				note_silence(gateway, now_ms);
			gateway->is_asked = false;
		}
	}
}

static bool link_accuses(const struct witness *witness, size_t port, uint64_t well_ms)
{
	const struct link *link = &witness->links[port];

	if (port_interface(witness->ports[port])[0] == '\0' || port_link_up(witness->ports[port]))
		return false;
	return link->was_up || (link->ended_ms != 0 && link->ended_ms >= well_ms);
}

static bool gateway_accuses(const struct gateway *gateway, uint64_t well_ms, uint64_t now_ms)
{
	if (!gateway->has_answered || gateway->answers || gateway->silent_ms < well_ms)
		return false;
	return gateway->is_there || now_ms - gateway->vanished_ms <= WITNESS_VANISHED_MS;
}

bool witness_accuses(const struct witness *witness, uint64_t well_ms, uint64_t now_ms,
	char sentence[static WITNESS_SIZE])
{
	char text[ADDRESS_TEXT_SIZE];

	for (size_t port = 0; port < witness->port_count; port++) {
		const char *name = port_name(witness->ports[port]);

		if (link_accuses(witness, port, well_ms)) {
			snprintf(sentence, WITNESS_SIZE, "port %s has no link", name);
			return true;
		}
		for (size_t family = 0; family < FAMILIES; family++) {
			const struct gateway *gateway = &witness->gateways[port][family];

			if (!gateway_accuses(gateway, well_ms, now_ms))
				continue;
			snprintf(sentence, WITNESS_SIZE, "the gateway %s of port %s %s",
				address_format(&gateway->address, text), name,
				gateway->is_there ? "does not answer" : "has gone with its route");
			return true;
		}
	}
	return false;
}
