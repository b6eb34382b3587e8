/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon: the running balancer as one object: what is started in which order, and unwound. */
#pragma once

#include "base/error.h"

struct daemon;
struct event_base;

/* Everything up and forwarding, or NULL with the sentence and nothing left behind. */
struct daemon *daemon_start(const char *config_path, struct error *error);

/* Its event loop, for a caller that adds events of its own before daemon_run(). */
struct event_base *daemon_loop(const struct daemon *daemon);

/* Serves until SIGTERM or SIGINT; returns the process's exit status. */
int daemon_run(struct daemon *daemon);

/* Accepts what daemon_start() left half-built. NULL is allowed. */
void daemon_stop(struct daemon *daemon);
