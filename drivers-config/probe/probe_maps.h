/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_maps: what the program of the probe device (probe_path.bpf.c) and its user (probe_path.c)
 * share. Uses only the kernel's own types: <stdint.h> does not compile for the BPF target
 * everywhere.
 */
#pragma once

#include <linux/types.h>

#define PROBE_ETHERNET_SIZE 14
#define PROBE_OUTER_MAX     40 /* bytes of the longest outer header */

/*
 * A mark (SO_MARK) names an entry: 8 bits that say it is ours, 6 for the daemon (several may share
 * a network namespace), 18 for the number of the entry.
 */
#define PROBE_MARK_BASE   0x51000000u
#define PROBE_MARK_BITS   18
#define PROBE_NUMBERS_MAX (1u << PROBE_MARK_BITS)
#define PROBE_DEVICES_MAX 64u

/*
 * X(NAME, name in JSON, what happened): every packet that is sent to the device is counted under
 * one of these.
 */
#define PROBE_COUNT_TABLE(X)                                                                 \
	X(SENT, sent, "left by the port of its backend")                                     \
	X(UNMARKED, unmarked, "dropped: carries no mark of a backend")                       \
	X(MTU_EXCEEDED, mtu_exceeded, "dropped: does not fit the port with its new headers") \
	X(NOT_IP, not_ip, "dropped: neither IPv4 nor IPv6")                                  \
	X(UNSEGMENTED, unsegmented, "dropped: several segments in one buffer")               \
	X(NO_ROOM, no_room, "dropped: the kernel had no memory for its new headers")

enum probe_count {
#define PROBE_COUNT_ENUM(upper, lower, text) PROBE_COUNT_##upper,
	PROBE_COUNT_TABLE(PROBE_COUNT_ENUM)
#undef PROBE_COUNT_ENUM
		PROBE_COUNT_MAX
};

/*
 * What is put before a packet, byte for byte as a backend's record has it (record.h of the
 * dataplane): fields that are filled in for each packet are zero, and the checksum field of an
 * outer IPv4 header holds the sum over the other fields (RFC 1071, host byte order, not
 * complemented). `pad` aligns the outer header.
 */
struct probe_headers {
	__u16 pad;
	__u8 ethernet[PROBE_ETHERNET_SIZE]; /* without outer header the type is filled in, too */
	__u8 outer[PROBE_OUTER_MAX];
} __attribute__((aligned(8)));

/* How the probes of one backend leave. All zero but for these fields. */
struct probe_entry {
	__u32 ifindex;    /* interface of the port */
	__u16 mtu;        /* bytes of L3 packet that fit the link, outer header included */
	__u16 outer_size; /* bytes: 0 (new MAC addresses only), 20 (IPv4) or 40 (IPv6) */
	struct probe_headers headers;
};
