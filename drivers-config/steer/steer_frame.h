/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * steer_frame: what both programs of an AF_XDP port (steer.bpf.c, steer_loop.bpf.c) check of a
 * frame. For the BPF target only. Each program has a map `vips` of its own.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "steer/steer_maps.h"

#define AF_INET  2
#define AF_INET6 10

#define FLOWINFO_MASK 0x0fffffff /* traffic class and flow label (RFC 8200) */

/* One frame while it is classified. The Ethernet payload is from `network` to `end`. */
struct frame {
	void *network;
	void *end;
	__be16 type; /* EtherType, after the VLAN tag where there is one */
};

/* Not preallocated: a few VIPs are usual, and 65,536 elements would cost 6 MB on every port. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_VIPS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct steer_vip);
	__type(value, __u64); /* packets for it that the loop filter dropped */
} vips SEC(".maps");

static __always_inline struct iphdr *ipv4_header(const struct frame *frame)
{
	struct iphdr *header = frame->network;

	if (frame->type != bpf_htons(ETH_P_IP) || (void *)(header + 1) > frame->end)
		return 0;
	return header;
}

static __always_inline struct ipv6hdr *ipv6_header(const struct frame *frame)
{
	struct ipv6hdr *header = frame->network;

	if (frame->type != bpf_htons(ETH_P_IPV6) || (void *)(header + 1) > frame->end)
		return 0;
	return header;
}

/* The element of the VIP that the frame is for; NULL: it is for none. */
static __always_inline __u64 *find_vip(const struct frame *frame)
{
	const struct iphdr *ipv4 = ipv4_header(frame);
	const struct ipv6hdr *ipv6 = ipv6_header(frame);
	struct steer_vip vip = {};

	if (ipv4) {
		vip.family = 4;
		__builtin_memcpy(vip.bytes, &ipv4->daddr, sizeof(ipv4->daddr));
	} else if (ipv6) {
		vip.family = 6;
		__builtin_memcpy(vip.bytes, &ipv6->daddr, sizeof(ipv6->daddr));
	} else {
		return 0;
	}
	return bpf_map_lookup_elem(&vips, &vip);
}

static __always_inline int has_route_query(const struct frame *frame, struct bpf_fib_lookup *query)
{
	const struct iphdr *ipv4 = ipv4_header(frame);
	const struct ipv6hdr *ipv6 = ipv6_header(frame);

	if (ipv4) {
		query->family = AF_INET;
		query->tos = ipv4->tos;
		query->l4_protocol = ipv4->protocol;
		query->ipv4_src = ipv4->saddr;
		query->ipv4_dst = ipv4->daddr;
		return 1;
	}
	if (!ipv6)
		return 0;
	query->family = AF_INET6;
	query->flowinfo = *(const __be32 *)ipv6 & bpf_htonl(FLOWINFO_MASK);
	query->l4_protocol = ipv6->nexthdr;
	__builtin_memcpy(query->ipv6_src, &ipv6->saddr, sizeof(query->ipv6_src));
	__builtin_memcpy(query->ipv6_dst, &ipv6->daddr, sizeof(query->ipv6_dst));
	return 1;
}

/*
 * Whether the kernel would forward the frame. No: the address is the host's own, the route is
 * blackhole, unreachable or prohibit, or forwarding is off. Yes, even if that would fail: the
 * neighbour is not known yet, the packet is too big, or the route is a tunnel. The answer is for
 * the untagged port; Linux 6.1 cannot answer for a VLAN device above it. An error means that this
 * device does not route at all. `context` is that of the program.
 */
static __always_inline int kernel_would_forward(
	void *context, __u32 ifindex, const struct frame *frame)
{
	struct bpf_fib_lookup query = {};

	if (!has_route_query(frame, &query))
		return 0;
	query.ifindex = ifindex;
	switch (bpf_fib_lookup(context, &query, sizeof(query), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
	case BPF_FIB_LKUP_RET_UNSUPP_LWT: return 1;
	default: return 0;
	}
}
