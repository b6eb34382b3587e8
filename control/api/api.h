/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * api: the methods of the control socket (sluicectl(1), CONTROL SOCKET). They read what the other
 * modules of control know and hand changes to desired.h; the door itself is rpc.h. Control thread.
 */
#pragma once

#include <event2/event.h>
#include <stdint.h>

#include "common/background.h"
#include "desired/desired.h"
#include "base/error.h"
#include "forwarding/forwarding.h"
#include "common/group.h"
#include "port.h"
#include "state/state.h"
#include "health/health.h"
#include "host/host_watch.h"
#include "host/workers.h"

struct api;

/* What the methods speak of; all borrowed. */
struct api_context {
	struct desired *desired;
	struct forwarding *forwarding;
	struct health *health;
	struct workers *workers;
	struct port *const *ports;
	struct state *state;
	struct background *work; /* for what takes long and waits for no disk */
	const struct host_watch *host_watch;
	gid_t group; /* of the socket, or GROUP_NONE */
};

/* Listens at the configuration's control socket. NULL with the sentence. */
struct api *api_create(
	struct event_base *base, const struct api_context *context, struct error *error);
/* After the jobs in the background have ended. NULL is allowed. */
void api_destroy(struct api *api);

/*
 * Logs why a reload was refused, and keeps it as a warning of `status` until one succeeds: a
 * restart would fail on that file.
 */
void api_note_refused_reload(struct api *api, const struct desired_outcome *outcome);

/* Logs what a reload has changed and moved and keeps it for `status`. */
void api_note_reload(struct api *api, const struct desired_outcome *outcome);
