/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer_maps: what the XDP program (steer.bpf.c) and its user (steer.c) share. Uses only the
 * kernel's own types: <stdint.h> does not compile for the BPF target everywhere.
 */
#pragma once

#include <linux/types.h>

/* Names of the program and its maps. The kernel cuts names to 15 characters. */
#define STEER_PROGRAM_NAME "sluice_steer"
#define STEER_SOCKETS_NAME "xsks_map" /* DPDK's af_xdp driver looks for exactly this one */
#define STEER_VIPS_NAME    "vips"
#define STEER_PORT_NAME    "port"
#define STEER_COUNTS_NAME  "steer_counts"

/*
 * The loop filter in tc. Its preference is early, yet leaves room for other filters in front of it.
 * It takes the number to remove the filter by hand.
 */
#define STEER_LOOP_NAME       "sluice_loop"
#define STEER_LOOP_PREFERENCE 40

#define STEER_QUEUES_MAX 1024
#define STEER_VIPS_MAX   65536

/*
 * X(NAME, name in JSON, what happened): every frame that the XDP program sees is counted under one
 * of the first five. The last one counts the frames that it let pass and the loop filter dropped.
 */
#define STEER_COUNT_TABLE(X)                                                                  \
	X(TO_WORKER, to_worker, "for a VIP: handed to the worker of its queue")               \
	X(NO_SOCKET, no_socket, "for a VIP: dropped because its queue has no live worker")    \
	X(HOST, host, "left to the kernel of the host")                                       \
	X(LOOPED, looped, "ICMP for a VIP: dropped, the kernel would have routed it away")    \
	X(NOT_READY, not_ready, "dropped while the VIPs were not known yet, for that reason") \
	X(FILTERED, filtered, "past the XDP program, and dropped in tc for that reason")

enum steer_count {
#define STEER_COUNT_ENUM(upper, lower, text) STEER_COUNT_##upper,
	STEER_COUNT_TABLE(STEER_COUNT_ENUM)
#undef STEER_COUNT_ENUM
		STEER_COUNT_MAX
};

/* Key of `vips`. No padding: the kernel compares every byte. */
struct steer_vip {
	__u8 bytes[16]; /* network byte order; IPv4 in the first four, the rest zero */
	__u32 family;   /* 4 or 6 */
};

/* The one element of `port`. All zero until control has written it. */
struct steer_port {
	__u8 mac[6];
	__u8 ready; /* 1 once the MAC and every VIP are in place */
	__u8 pad;
};
