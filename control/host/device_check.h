/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_check: mistakes that can be seen in the device string of a port alone: a name that is no
 * DPDK device, a driver that does not exist, an argument that is missing, a host path that the
 * driver does not have. What only the machine knows (whether the interface exists, how many queues
 * it has) is not asked. Control thread.
 */
#pragma once

#include "config/config.h"
#include "base/error.h"

/* `index` is the port's in the configuration. 0, or -EINVAL with path and sentence. */
int device_check(const struct config_port *port, size_t index, struct error *error);
