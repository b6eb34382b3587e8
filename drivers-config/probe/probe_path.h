/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_path: the way that probes take to a backend. It is that of users' packets: a probe is sent
 * to the VIP, and leaves with the outer header or the MAC addresses that workers use for this
 * backend. So it finds a tunnel that is missing on the backend, a VIP that is not on its loopback,
 * or a decapsulator that refuses this node.
 *
 * A socket takes this way if its mark (SO_MARK) is that of an entry: to the probe device
 * (probe_device.h), through the program there (probe_path.bpf.c), and out by the interface of the
 * port. It has to be bound to an address of this host (probe_source.h): the backend answers there,
 * past the workers. The answers come in by the interface of the port like other traffic of this
 * host.
 *
 * Needs CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON, not CAP_SYS_ADMIN. Control thread and its network
 * namespace, but for sockets with the marks, which may be of any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "probe/probe_maps.h"

struct probe_path;

struct probe_path_options {
	uint32_t entries; /* how many at most; up to PROBE_NUMBERS_MAX */
	uint16_t mtu;     /* the largest of all ports; bytes of L3 packet */
	uint16_t least;   /* the smallest of them (probe_device.h) */
};

/* The caller owns *path, which is NULL on error. 0, or -errno with the sentence. */
int probe_path_open(
	struct probe_path **path, const struct probe_path_options *options, struct error *error);

/* Removes device, program, routes and rules. Sockets with its marks reach nothing any more. */
void probe_path_close(struct probe_path *path); /* NULL is allowed */

/* The mark of the entry of that number, which is below PROBE_NUMBERS_MAX. */
uint32_t probe_path_mark(const struct probe_path *path, uint32_t number);

/*
 * Sets the entry of that number, at once for all packets that follow. -E2BIG: there are as many as
 * were asked for. Otherwise -errno.
 */
int probe_path_set(struct probe_path *path, uint32_t number, const struct probe_entry *entry);

/* From now on packets with its mark are dropped. -ENOENT: there is none. */
int probe_path_remove(struct probe_path *path, uint32_t number);

const char *probe_path_device(const struct probe_path *path); /* "sluice-probe0" */

/* Whether it takes IPv6: not where the kernel has none or refuses it to new devices. */
bool probe_path_has_ipv6(const struct probe_path *path);

/* Packets by outcome since the path was opened, summed over all processors. 0 or -errno. */
int probe_path_count(struct probe_path *path, uint64_t counts[static PROBE_COUNT_MAX]);

/* "sent", ... and a phrase that explains it. Static text. */
const char *probe_count_name(enum probe_count count);
const char *probe_count_text(enum probe_count count);

/*
 * Sees to it that device, rules, routes and program are in place; other programs can remove them.
 * Call it periodically. 1 if something had been removed and is back, 0, or -errno with the
 * sentence.
 */
int probe_path_restore(struct probe_path *path, struct error *error);
