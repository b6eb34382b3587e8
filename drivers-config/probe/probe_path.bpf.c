/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * probe_path.bpf: sends probes the way that users' packets take. It runs at the egress of tc on the
 * probe device (probe_device.h), which has no other use: each packet there is one that the kernel
 * made for a socket with the mark of a backend. The program puts the headers of that backend's
 * record before it, as a worker would (encap.c of the dataplane), and sends it out by the port's
 * interface. Nothing else ever leaves the device.
 *
 * The kernel leaves the checksum of a TCP segment to the interface that the packet leaves by.
 * bpf_skb_adjust_room() marks the packet as encapsulated, as the kernel's own tunnels do, so that
 * an interface which cannot do it behind an outer header is not asked to. Keep to what Linux 6.1
 * has.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "probe/probe_maps.h"

#define FLOW_LABEL_MASK 0xfffff

/* Not preallocated, and sized by the user before it is loaded. Key: the mark. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct probe_entry);
} entries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROBE_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} probe_counts SEC(".maps");

/* The packet as its sender made it. */
struct inner {
	__u32 length;
	__u32 excess; /* what to add to the protocol number of IPv4 in IP, as a worker does */
	__u8 traffic_class;
};

static __always_inline void count(__u32 fate)
{
	__u64 *value = bpf_map_lookup_elem(&probe_counts, &fate);

	if (value)
		(*value)++;
}

/* False: not IP. */
static __always_inline int read_inner(struct __sk_buff *skb, struct inner *inner)
{
	__be32 first;

	if (bpf_skb_load_bytes(skb, 0, &first, sizeof(first)) < 0)
		return 0;
	inner->length = skb->len;
	switch (skb->protocol) {
	case bpf_htons(ETH_P_IP):
		inner->excess = 0;
		inner->traffic_class = bpf_ntohl(first) >> 16;
		return 1;
	case bpf_htons(ETH_P_IPV6):
		inner->excess = IPPROTO_IPV6 - IPPROTO_IPIP;
		inner->traffic_class = bpf_ntohl(first) >> 20;
		return 1;
	default: return 0;
	}
}

static __always_inline void finish_ipv4(struct probe_headers *headers, const struct inner *inner)
{
	struct iphdr *ip = (void *)headers->outer;
	__u32 length = inner->length + sizeof(*ip);
	__u32 sum = ip->check + inner->traffic_class + length + inner->excess;

	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	ip->tos = inner->traffic_class;
	ip->tot_len = bpf_htons(length);
	ip->protocol += inner->excess;
	ip->check = bpf_htons(~sum);
}

/* The label is that of the flow (RFC 6437); 0 would mean that it has none. */
static __always_inline void finish_ipv6(
	struct probe_headers *headers, const struct inner *inner, __u32 hash)
{
	struct ipv6hdr *ip = (void *)headers->outer;
	__u32 label = hash & FLOW_LABEL_MASK;

	label += label == 0;
	*(__be32 *)ip = bpf_htonl(6u << 28 | (__u32)inner->traffic_class << 20 | label);
	ip->payload_len = bpf_htons(inner->length);
	ip->nexthdr = IPPROTO_IPIP + inner->excess;
}

static __always_inline int put_plain(struct __sk_buff *skb, struct probe_headers *headers)
{
	*(__be16 *)(headers->ethernet + 12) = skb->protocol;
	return bpf_skb_change_head(skb, PROBE_ETHERNET_SIZE, 0) == 0 &&
	       bpf_skb_store_bytes(skb, 0, headers->ethernet, PROBE_ETHERNET_SIZE, 0) == 0;
}

static __always_inline int put_ipv4(
	struct __sk_buff *skb, struct probe_headers *headers, const struct inner *inner)
{
	finish_ipv4(headers, inner);
	return bpf_skb_adjust_room(skb, sizeof(struct iphdr), BPF_ADJ_ROOM_MAC,
		       BPF_F_ADJ_ROOM_ENCAP_L3_IPV4) == 0 &&
	       bpf_skb_change_head(skb, PROBE_ETHERNET_SIZE, 0) == 0 &&
	       bpf_skb_store_bytes(skb, 0, headers->ethernet,
		       PROBE_ETHERNET_SIZE + sizeof(struct iphdr), 0) == 0;
}

static __always_inline int put_ipv6(
	struct __sk_buff *skb, struct probe_headers *headers, const struct inner *inner)
{
	finish_ipv6(headers, inner, bpf_get_hash_recalc(skb));
	return bpf_skb_adjust_room(skb, sizeof(struct ipv6hdr), BPF_ADJ_ROOM_MAC,
		       BPF_F_ADJ_ROOM_ENCAP_L3_IPV6) == 0 &&
	       bpf_skb_change_head(skb, PROBE_ETHERNET_SIZE, 0) == 0 &&
	       bpf_skb_store_bytes(skb, 0, headers->ethernet,
		       PROBE_ETHERNET_SIZE + sizeof(struct ipv6hdr), 0) == 0;
}

static __always_inline int put_headers(
	struct __sk_buff *skb, const struct probe_entry *entry, const struct inner *inner)
{
	struct probe_headers headers = entry->headers;

	switch (entry->outer_size) {
	case 0: return put_plain(skb, &headers);
	case sizeof(struct iphdr): return put_ipv4(skb, &headers, inner);
	default: return put_ipv6(skb, &headers, inner);
	}
}

static __always_inline enum probe_count classify(
	struct __sk_buff *skb, const struct probe_entry *entry, struct inner *inner)
{
	if (!entry)
		return PROBE_COUNT_UNMARKED;
	if (!read_inner(skb, inner))
		return PROBE_COUNT_NOT_IP;
	if (skb->gso_size != 0)
		return PROBE_COUNT_UNSEGMENTED;
	if (inner->length + entry->outer_size > entry->mtu)
		return PROBE_COUNT_MTU_EXCEEDED;
	return put_headers(skb, entry, inner) ? PROBE_COUNT_SENT : PROBE_COUNT_NO_ROOM;
}

/* The mark has served, and rules of the host for marks are not meant for it. */
SEC("tc")
int sluice_probe(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	const struct probe_entry *entry = bpf_map_lookup_elem(&entries, &mark);
	struct inner inner = {};
	enum probe_count fate = classify(skb, entry, &inner);

	count(fate);
	if (fate != PROBE_COUNT_SENT || !entry)
		return TC_ACT_SHOT;
	skb->mark = 0;
	return bpf_redirect(entry->ifindex, 0);
}

char program_license[] SEC("license") = "Dual BSD/GPL";
