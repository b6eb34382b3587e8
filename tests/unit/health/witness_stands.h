/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * witness_stands: ports, gateways and the checker as a test says they are, in place of DPDK, the
 * kernel's routes and probes. For one source of a test program.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/gateway.h"
#include "health/witness.h"
#include "port.h"

#define EDGE       0 /* has a gateway for IPv4 */
#define SPARE      1
#define PORT_COUNT 2

struct port {
	const char *name, *interface;
	bool is_up;
};

static struct port edge, spare;
static struct port *const ports[PORT_COUNT] = { &edge, &spare };

static int gateway_result;                   /* of gateway_find() for IPv4 */
static uint8_t gateway_last;                 /* byte of its address */
static uint32_t generation;                  /* of the gateway's probes */
static unsigned int put_count, remove_count; /* calls of checker_put() and _remove() */

static void stand_up(void)
{
	edge = (struct port){ "edge", "lo", true };
	spare = (struct port){ "spare", "lo", false };
	gateway_result = 0;
	gateway_last = 1;
	put_count = remove_count = 0;
}

const char *port_name(const struct port *port)
{
	return port->name;
}

const char *port_interface(const struct port *port)
{
	return port->interface;
}

bool port_link_up(const struct port *port)
{
	return port->is_up;
}

/* The interface of the spare port is the same: only the first who asks in a look has one. */
int gateway_find(unsigned int ifindex, uint8_t family, uint8_t bytes[static 16])
{
	static unsigned int asked;

	if (family != 4 || asked++ % PORT_COUNT != EDGE)
		return -ENOENT;
	memcpy(bytes, (uint8_t[16]){ 10, 0, 0, gateway_last }, 16);
	return gateway_result;
}

int checker_put(struct checker *checker, const struct checker_target *target)
{
	put_count++;
	generation = target->generation;
	return 0;
}

void checker_remove(struct checker *checker, uint32_t number)
{
	remove_count++;
}

/* What the checker says of the gateway's probe. */
static struct checker_change gateway_says(enum probe_reason reason, enum health_status status)
{
	return (struct checker_change){
		.number = WITNESS_NUMBER,
		.generation = generation,
		.state.status = status,
		.result = { .passed = reason == PROBE_PASSED, .reason = reason },
	};
}
