/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer: the XDP host path of one AF_XDP port. The program (steer.bpf.c) is loaded and attached by
 * DPDK's af_xdp driver; a struct steer makes the interface ready for that, finds the program's maps
 * afterwards and keeps the set of VIPs in them in step with the services.
 *
 * The driver takes its program off when it closes the port, and a start has to take off what a
 * killed process left before the driver attaches its own. So that nothing for a VIP loops through a
 * kernel that routes in between, a filter in tc (steer_loop.h) stands behind the program, and
 * stays when the process ends, however it ends: what is for a VIP and would be forwarded is dropped
 * until the next start. A VIP that is removed stays with the filter as well, for the router may
 * still send it here, until steer_release().
 *
 * In this order, all in the control thread and its network namespace:
 *   steer_claim     before the driver hears of the interface (before rte_eal_init() for a --vdev):
 *                   a driver that fails takes off whatever program is attached, anybody's
 *   steer_check_queues   may come before the driver, which has no good words for it
 *   steer_prepare   right before the port's receive queues are set up, which is when the driver
 *                   attaches the program; again before each of the driver's attempts
 *   steer_attach    once the port's receive queues are set up
 *   steer_add ...   every VIP of the configuration
 *   steer_set_ready until here whatever the host would route onwards is dropped
 *   steer_add, steer_remove, steer_release, steer_count, ...   at any time
 *   steer_destroy   after the port is closed
 *
 * A VIP that comes has its table published first and is added here then; one that goes is removed
 * here first. Needs CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON, not CAP_SYS_ADMIN.
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
 * but for tests). -EBUSY where another process has it (its pid is in the sentence) or an XDP
 * program that is not ours is attached (its name and id are). The caller owns *steer, which is NULL
 * on error.
 */
int steer_claim(
	struct steer **steer, const char *interface, const char *directory, struct error *error);

/*
 * Refuses any other number of receive queues than one for each of `queues` workers, and a number
 * that the driver cannot serve: -EINVAL with both numbers in the sentence, or -errno.
 */
int steer_check_queues(const struct steer *steer, unsigned int queues, struct error *error);

/* The same of an interface that is not claimed yet. */
int steer_check_interface_queues(const char *interface, unsigned int queues, struct error *error);

/*
 * Makes the interface fit for `queues` sockets: refuses another number of receive queues and, once
 * more, any XDP program that is not ours, puts the filter of tc in place, takes off a program of
 * ours that a killed process left behind, and switches VLAN stripping off (it is not switched on
 * again). -EINVAL for the queues, -EBUSY for a program or filter, -EOPNOTSUPP for the stripping, or
 * -errno.
 */
int steer_prepare(struct steer *steer, unsigned int queues, struct error *error);

/*
 * Finds the program that this process attached to the interface, and its maps, and tells it the
 * address of the port. -ENOENT where the attached program is not one of this process.
 */
int steer_attach(
	struct steer *steer, const uint8_t mac[static NETDEV_MAC_SIZE], struct error *error);

/*
 * Adds or removes one VIP: `bytes` in network byte order (IPv4 in the first four, the rest zero),
 * `family` 4 or 6. Adding one twice is no error. -E2BIG where the map is full (STEER_VIPS_MAX, with
 * former VIPs), -ENOENT where there is none to remove, or -errno. What is for a removed VIP and
 * would be routed away goes on being dropped: it is a former VIP until it is added again.
 */
int steer_add(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);
int steer_remove(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);

/*
 * Makes an address a former VIP that was none of this process (of a predecessor); and lets one go:
 * from then on the kernel may route it. -E2BIG and -ENOENT as above.
 */
int steer_add_former(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);
int steer_release(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);

/* Packets for a VIP, former or not, that were dropped lest they loop. -ENOENT for no VIP. */
int steer_drops_of(
	const struct steer *steer, const uint8_t bytes[static 16], uint8_t family, uint64_t *drops);

/* Says that the VIPs are complete: from now on what is for none of them is the kernel's. */
int steer_set_ready(struct steer *steer);

/*
 * Only frames for the port's MAC address are steered. Writes the address that the interface has now
 * where it is another one than before: 1, or 0 where it is the same, or -errno. To be asked now and
 * then; in between, what is for a VIP is dropped.
 */
int steer_follow_mac(struct steer *steer);

/* Frames by what became of them since the programs were loaded, over all processors. */
int steer_count(struct steer *steer, uint64_t counts[static STEER_COUNT_MAX]);

/* "to_worker", ... and what that means, a half sentence for a person. Static text. */
const char *steer_count_name(enum steer_count count);
const char *steer_count_text(enum steer_count count);

/*
 * Whether the program that steer_attach() found is still the one on the interface. To be asked now
 * and then: anybody with the right to can take it off (`ip link set dev ... xdp off`).
 */
bool steer_is_attached(const struct steer *steer);

/*
 * Puts it back where it was taken off: 1; 0 where it is there; -EBUSY where another program has
 * taken its place, or -errno. What is for a VIP is dropped by the filter of tc in between, unless
 * the kernel would keep it.
 */
int steer_restore(struct steer *steer, struct error *error);

/* The same for the filter of tc behind it, once steer_set_ready() has put it there. */
int steer_restore_filter(struct steer *steer);

/* Whether that filter is there, or is not wanted yet: 0; -ENOENT, -EBUSY as above, or -errno. */
int steer_find_filter(const struct steer *steer);

/*
 * Takes the program off if it is still there and ours, and gives the claim back. What was made
 * ready leaves its filter in tc, as said above; a start that failed leaves that of its predecessor.
 * NULL allowed.
 */
void steer_destroy(struct steer *steer);
