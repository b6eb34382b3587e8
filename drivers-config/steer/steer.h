/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer: the XDP host path of one AF_XDP port. The program (steer.bpf.c) is loaded and attached by
 * DPDK's af_xdp driver; a struct steer makes the interface ready for that, finds the program's maps
 * afterwards and keeps the set of VIPs in them in step with the services.
 *
 * There are times without an XDP program: the driver detaches its program when it closes the port,
 * and a start has to detach the program of a killed process before the driver attaches a new one. A
 * kernel that routes would then send packets for a VIP back to the router. Therefore the loop
 * filter in tc (steer_loop.h) stands behind the program and stays when the process ends. It drops
 * packets for a VIP that the kernel would forward, until the next start. It also keeps a removed
 * VIP until steer_release(), because the router may still send its packets here.
 *
 * In this order, all in the control thread and its network namespace:
 *   steer_claim     before the driver opens the interface (before rte_eal_init() for a --vdev): a
 *                   driver that fails detaches any program, even one that is not ours
 *   steer_check_queues   may come before the driver, whose message does not name the cause
 *   steer_prepare   right before the port's receive queues are set up, which is when the driver
 *                   attaches the program; again before each of the driver's attempts
 *   steer_attach    once the port's receive queues are set up
 *   steer_add ...   every VIP of the configuration
 *   steer_set_ready before this, every packet that the host would forward is dropped
 *   steer_add, steer_remove, steer_release, steer_count, ...   at any time
 *   steer_destroy   after the port is closed
 *
 * Publish the table of a new VIP first, then add the VIP here. Remove a VIP here first, then from
 * the table. Needs CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON, not CAP_SYS_ADMIN.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/netdev.h"
#include "steer/steer_maps.h"

struct steer;

/*
 * Takes the exclusive right to steer `interface`, held as a lock in `directory` (CLAIM_DIRECTORY
 * except in tests). -EBUSY if another process has it (the error names its pid) or an XDP program
 * that is not ours is attached (the error names it and its id). The caller owns *steer, which is
 * NULL on error.
 */
int steer_claim(
	struct steer **steer, const char *interface, const char *directory, struct error *error);

/*
 * Checks that the interface has one receive queue for each of `queues` workers and that the driver
 * can serve that number. Otherwise -EINVAL with both numbers in the error, or -errno.
 */
int steer_check_queues(const struct steer *steer, unsigned int queues, struct error *error);

/* The same for an interface that is not claimed yet. */
int steer_check_interface_queues(const char *interface, unsigned int queues, struct error *error);

/*
 * Prepares the interface for `queues` sockets. Refuses another number of receive queues (-EINVAL)
 * and an XDP program or tc filter that is not ours (-EBUSY). Attaches the loop filter, detaches a
 * program of ours that a killed process left behind, and switches VLAN stripping off for good
 * (-EOPNOTSUPP if it cannot). Other errors: -errno.
 */
int steer_prepare(struct steer *steer, unsigned int queues, struct error *error);

/*
 * Finds the program that this process attached to the interface, and its maps, and writes the MAC
 * address of the port to them. -ENOENT if the attached program is not one of this process.
 */
int steer_attach(
	struct steer *steer, const uint8_t mac[static NETDEV_MAC_SIZE], struct error *error);

/*
 * Adds or removes one VIP: `bytes` in network byte order (IPv4 in the first four, the rest zero),
 * `family` 4 or 6. Adding one twice is no error. -E2BIG: the map is full (STEER_VIPS_MAX, including
 * former VIPs). -ENOENT: there is none to remove. Otherwise -errno. A removed VIP becomes a former
 * VIP until it is added again: its packets are still dropped if the kernel would forward them.
 */
int steer_add(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);
int steer_remove(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);

/*
 * steer_add_former: adds a former VIP of a previous process. steer_release: forgets a former VIP,
 * so that the kernel may route its packets. -E2BIG and -ENOENT as above.
 */
int steer_add_former(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);
int steer_release(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);

/* Packets for a VIP or former VIP that the loop filter dropped. -ENOENT: it is neither. */
int steer_drops_of(
	const struct steer *steer, const uint8_t bytes[static 16], uint8_t family, uint64_t *drops);

/* The VIPs are complete: from now on, packets for other addresses go to the kernel. */
int steer_set_ready(struct steer *steer);

/*
 * Only frames for the port's MAC address are steered. Updates that address if the one of the
 * interface has changed: 1, 0 if it is the same, or -errno. Call it periodically: between the
 * change and the next call, packets for a VIP are dropped.
 */
int steer_follow_mac(struct steer *steer);

/* Frames by outcome since the programs were loaded, summed over all processors. */
int steer_count(struct steer *steer, uint64_t counts[static STEER_COUNT_MAX]);

/* "to_worker", ... and a phrase that explains it. Static text. */
const char *steer_count_name(enum steer_count count);
const char *steer_count_text(enum steer_count count);

/*
 * Whether the program that steer_attach() found is still attached. Call it periodically: others can
 * detach it (`ip link set dev ... xdp off`).
 */
bool steer_is_attached(const struct steer *steer);

/*
 * Attaches the program again if it was detached: 1; 0 if it is attached; -EBUSY if another program
 * is attached instead, or -errno. Meanwhile the loop filter drops packets for a VIP that the kernel
 * would forward.
 */
int steer_restore(struct steer *steer, struct error *error);

/* The same for the loop filter, once steer_set_ready() has attached it. */
int steer_restore_filter(struct steer *steer);

/* 0: the loop filter is attached, or not needed yet. -ENOENT: it is missing. -EBUSY as above, or
 * -errno. */
int steer_find_filter(const struct steer *steer);

/*
 * Detaches the program if it is still ours, and releases the claim. After steer_set_ready() the
 * loop filter stays, as said above; a start that failed leaves that of the previous process. NULL
 * is allowed.
 */
void steer_destroy(struct steer *steer);
