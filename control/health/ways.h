/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ways: how probes get to backends the way that users' packets take (probe_path.h). It keeps an
 * entry of the path for each backend in step with the record that workers use, and knows the
 * addresses of this host that answers come to. The path is opened when the first backend needs it.
 *
 * Control thread; the sockets of probes may be of any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "encap/record.h"
#include "packet/address.h"

#define WAYS_MAX 65536 /* backends are numbered from 0, as gids are */

struct port;
struct ways;

/* What a probe needs to take it. */
struct way {
	struct address source; /* of this host */
	uint32_t mark;         /* SO_MARK */
	uint16_t mtu;          /* bytes of the largest L3 packet that workers send this way */
};

/* `ports` are borrowed. NULL: no memory. */
struct ways *ways_create(struct port *const *ports, size_t port_count);

void ways_destroy(struct ways *ways); /* NULL is allowed */

/*
 * Leads probes of the backend `number` to `vip` in the way of its record: the one that workers use
 * for it in the mode of the service. It costs little where nothing has changed, so call it whenever
 * that may be. 0, or -errno with a sentence: -EHOSTUNREACH if users' packets have no way there
 * either, any other if it is this node that cannot send probes or would not hear the answers.
 */
int ways_find(struct ways *ways, uint32_t number, const struct backend_record *record,
	const struct address *vip, struct way *way, struct error *error);

/* Its probes go nowhere from now on. */
void ways_remove(struct ways *ways, uint32_t number);

/*
 * Once a second: puts back what other programs have removed, and looks for addresses that have
 * changed. 1 if something was put back, 0, or -errno with the sentence.
 */
int ways_look(struct ways *ways, struct error *error);

/*
 * Many probes fail at once: what is known of the VIPs is asked for again from the next ways_look()
 * on, and not only when its time is up.
 */
void ways_doubt(struct ways *ways);

/* The device that probes leave by, "sluice-probe0"; "" while there is none. */
const char *ways_device(const struct ways *ways);

/* Packets by outcome (enum probe_count); all 0 while there is no device. 0 or -errno. */
int ways_count(struct ways *ways, uint64_t *counts);
