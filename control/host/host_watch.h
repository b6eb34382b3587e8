/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host_watch: checks what may change under a running node without notice: the XDP programs on its
 * interfaces, which it attaches again if they were detached, their links, MTUs and offloads, the
 * addresses of the host, the mode of the configuration file. Control thread, in the network
 * namespace of the ports.
 */
#pragma once

#include <stdbool.h>

#include "host/conditions.h"
#include "config/config.h"
#include "port.h"

struct host_watch;

/* `ports` and `path`, the configuration's file, are borrowed. NULL when memory is short. */
struct host_watch *host_watch_create(
	struct port *const *ports, size_t port_count, const char *path);
void host_watch_destroy(struct host_watch *watch); /* NULL is allowed */

/* Once a second, with the configuration in force, and whether all users may read its file. */
void host_watch_look(struct host_watch *watch, const struct config *config, bool is_exposed);

/* What is not as it should be, apart from what makes the node not ready. */
const struct conditions *host_watch_conditions(const struct host_watch *watch);
