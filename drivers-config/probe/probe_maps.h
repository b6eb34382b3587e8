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
 * A mark (SO_MARK) names an entry. Other programs of a host test single bits of it: a bit that is
 * set by chance has its packet masqueraded or dropped. So these are zero in every mark:
 *
 *	0x00000f00  Cilium (what its other bits mean depends on these)
 *	0x00002000  hostPort of the CNI plugin portmap, and of netavark
 *	0x0000c000  kube-proxy and kubelet: masquerade, drop
 *	0x000f0000  Calico with iptables (it clears them in all packets), Tailscale, Weave
 *
 * What is left: bit 12 says that it is ours, bits 28 to 31 are the number of the device (several
 * daemons may share a network namespace), bits 20 to 27 and 0 to 7 that of the entry. Our rules
 * compare everything but the number of the entry, the bits that are zero too.
 */
#define PROBE_MARK_BASE   0x00001000u
#define PROBE_MARK_DEVICE 28          /* the lowest bit of the device's number */
#define PROBE_MARK_MASK   0xf00fff00u /* all but the number of the entry */
#define PROBE_NUMBERS_MAX (1u << 16)
#define PROBE_DEVICES_MAX 16u

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
