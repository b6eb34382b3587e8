/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steering: keeps the VIPs that XDP programs send to the workers in step with the services. A VIP
 * that goes is taken from the maps before its table goes, one that comes is put there after its
 * table: a packet never reaches a worker that does not know its VIP. Control thread.
 */
#pragma once

#include <stddef.h>

#include "config.h"
#include "port.h"

/*
 * To be called before and after the commit of `after` over `before` (NULL for none yet). Failures
 * are logged with VIP and port; returns how many there were.
 */
unsigned int steering_withdraw(struct port *const *ports, size_t port_count,
	const struct config *before, const struct config *after);
unsigned int steering_extend(struct port *const *ports, size_t port_count,
	const struct config *before, const struct config *after);
