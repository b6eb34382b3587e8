/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decap.bpf: the backend's end of the tunnel. It removes the outer header that the balancers added
 * (IPv4 or IPv6 in IPv4 or IPv6, RFC 2003, 2473 and 4213) and passes the inner packet to the host,
 * which has the VIP on its loopback and answers the client directly.
 *
 * A host that accepts tunnel packets from any source is a relay: a packet with a forged source
 * would look like one from inside. So a tunnel packet for this host must come from a configured
 * source and carry a packet for a configured VIP. Otherwise it is dropped, and the reason is
 * counted. All other traffic passes unchanged. With pass_unknown, for a host with tunnels of its
 * own, tunnel packets from or for an address that is not configured pass unchanged, too.
 *
 * There are two programs, and classify() decides the verdict for both. XDP runs before the kernel
 * has spent anything on the packet; tc is for drivers and old kernels where XDP does not work. They
 * differ in how they remove the header.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "decap/decap_maps.h"

/* Which version of IP comes out, for bpf_skb_adjust_room(); since Linux 6.3. */
#ifndef BPF_F_ADJ_ROOM_DECAP_L3_IPV4
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV4 (1ULL << 7)
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV6 (1ULL << 8)
#endif

#define FRAGMENT_BITS  0x3fff /* more fragments, and the offset (RFC 791) */
#define EXTENSIONS_MAX 8      /* headers between an outer IPv6 header and what it carries */
#define LOOK_SIZE      128    /* bytes of a frame that tc must be able to read */

/* The two bits of ECN (RFC 3168). */
#define NOT_ECT 0
#define ECT_1   1
#define ECT_0   2
#define CE      3

struct vlan_header {
	__be16 tag;
	__be16 type;
};

struct extension_header {
	__u8 next;
	__u8 units; /* of 8 bytes, beyond the first 8 */
	__u8 rest[6];
};

/* One frame while it is classified. */
struct frame {
	void *data;
	void *end;    /* of what can be read here */
	__u32 length; /* of the whole frame; in tc its tail may not be readable here */
	bool tagged;  /* has a VLAN tag in front of `type` */
	__be16 type;  /* EtherType */
};

/* The tunnel packet in the frame. */
struct tunnel {
	struct decap_address local;
	struct decap_address source;
	struct decap_address vip;
	void *inner;
	__u32 outer_size; /* bytes of the header to take off */
	__u32 carried;    /* bytes behind it, as the header says */
	__u8 protocol;    /* IPPROTO_IPIP or IPPROTO_IPV6 */
	__u8 ecn;         /* of the outer header */
	__be32 before;    /* first word of an inner IPv6 header, as it came and as it goes */
	__be32 after;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct decap_config);
} decap_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, DECAP_SOURCES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct decap_prefix);
	__type(value, __u8);
} decap_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DECAP_VIPS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct decap_address);
	__type(value, __u8);
} decap_vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DECAP_LOCALS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct decap_address);
	__type(value, __u8);
} decap_locals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DECAP_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} decap_verdicts SEC(".maps");

static __always_inline void set_ipv4(struct decap_address *address, const __be32 *ipv4)
{
	*address = (struct decap_address){ .family = 4 };
	__builtin_memcpy(address->bytes, ipv4, sizeof(*ipv4));
}

static __always_inline void set_ipv6(struct decap_address *address, const struct in6_addr *ipv6)
{
	address->family = 6;
	__builtin_memcpy(address->bytes, ipv6, sizeof(*ipv6));
}

static __always_inline bool is_tunnel(__u8 protocol)
{
	return protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6;
}

/* A packet of another tunnel, which pass_unknown leaves to the host. */
static __always_inline bool is_left_to_host(
	const struct decap_config *config, const struct decap_address *source)
{
	struct decap_prefix prefix = { .bits = DECAP_PREFIX_BITS, .address = *source };

	return config->pass_unknown != 0 && bpf_map_lookup_elem(&decap_sources, &prefix) == NULL;
}

/* A bridge or a promiscuous port also sees frames for other hosts; they pass unchanged. */
static __always_inline bool is_for_other_host(
	const struct frame *frame, const struct decap_config *config)
{
	const __u16 *destination = frame->data;
	const __u16 *ours = (const void *)config->mac;

	if ((*(const __u8 *)frame->data & 1) != 0)
		return false;
	return destination[0] != ours[0] || destination[1] != ours[1] || destination[2] != ours[2];
}

/* Finds the network header, NULL where there is none. tc has no tag in the frame: see there. */
static __always_inline void *open_ethernet(struct frame *frame, bool tag_allowed)
{
	struct ethhdr *ethernet = frame->data;
	struct vlan_header *vlan = (void *)(ethernet + 1);

	if ((void *)(ethernet + 1) > frame->end)
		return NULL;
	frame->type = ethernet->h_proto;
	if (frame->type != bpf_htons(ETH_P_8021Q) || !tag_allowed)
		return ethernet + 1;
	if ((void *)(vlan + 1) > frame->end)
		return NULL;
	frame->tagged = true;
	frame->type = vlan->type;
	return vlan + 1;
}

/* Bytes of the frame from the network header on. */
static __always_inline __u32 network_length(const struct frame *frame)
{
	return frame->length - ETH_HLEN - (frame->tagged ? sizeof(struct vlan_header) : 0);
}

/* 0xffff: the checksum of a header without options is right (RFC 1071). */
static __always_inline __u32 sum_ipv4(const struct iphdr *ip)
{
	const __u16 *words = (const void *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < (int)(sizeof(*ip) / sizeof(*words)); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline enum decap_verdict open_ipv4(const struct frame *frame,
	const struct decap_config *config, struct iphdr *ip, struct tunnel *tunnel)
{
	__u32 length;

	if ((void *)(ip + 1) > frame->end || !is_tunnel(ip->protocol))
		return DECAP_VERDICT_NOT_TUNNEL;
	if (is_for_other_host(frame, config))
		return DECAP_VERDICT_OTHER_HOST;
	set_ipv4(&tunnel->local, &ip->daddr);
	set_ipv4(&tunnel->source, &ip->saddr);
	if (is_left_to_host(config, &tunnel->source))
		return DECAP_VERDICT_UNKNOWN_SOURCE;
	length = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || ip->ihl != 5 || length < sizeof(*ip))
		return DECAP_VERDICT_MALFORMED;
	if (length > network_length(frame))
		return DECAP_VERDICT_TRUNCATED;
	if (sum_ipv4(ip) != 0xffff)
		return DECAP_VERDICT_CHECKSUM;
	if ((ip->frag_off & bpf_htons(FRAGMENT_BITS)) != 0)
		return DECAP_VERDICT_FRAGMENT;
	tunnel->inner = ip + 1;
	tunnel->outer_size = sizeof(*ip);
	tunnel->carried = length - sizeof(*ip);
	tunnel->protocol = ip->protocol;
	tunnel->ecn = ip->tos & 3;
	return DECAP_VERDICT_NEXT;
}

static __always_inline bool is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_DSTOPTS;
}

/*
 * No balancer puts extension headers in front of the inner packet. But there may be a tunnel behind
 * them, which the host's own tunnel devices would accept from any source. So the chain must be seen
 * to end in another protocol: one that is truncated or too long does not pass. A fragment header
 * names what the whole packet carries; any part of it may follow.
 */
static __always_inline enum decap_verdict classify_extensions(const struct frame *frame,
	const struct decap_config *config, const struct ipv6hdr *ip, const struct tunnel *tunnel)
{
	const struct extension_header *extension = (const void *)(ip + 1);
	bool fragment = false;
	__u8 next = ip->nexthdr;

	for (int i = 0; i < EXTENSIONS_MAX && is_extension(next) && !fragment; i++) {
		if ((const void *)(extension + 1) > frame->end)
			break;
		fragment = next == IPPROTO_FRAGMENT;
		next = extension->next;
		extension += extension->units + 1;
		/* With a second pointer the verifier would not see that this one was compared. */
		barrier_var(extension);
	}
	if (!is_tunnel(next) && !is_extension(next))
		return DECAP_VERDICT_NOT_TUNNEL;
	if (is_for_other_host(frame, config))
		return DECAP_VERDICT_OTHER_HOST;
	if (is_left_to_host(config, &tunnel->source))
		return DECAP_VERDICT_UNKNOWN_SOURCE;
	return fragment ? DECAP_VERDICT_FRAGMENT : DECAP_VERDICT_MALFORMED;
}

static __always_inline __u8 ipv6_ecn(const struct ipv6hdr *ip)
{
	return ip->flow_lbl[0] >> 4 & 3;
}

static __always_inline enum decap_verdict open_ipv6(const struct frame *frame,
	const struct decap_config *config, struct ipv6hdr *ip, struct tunnel *tunnel)
{
	if ((void *)(ip + 1) > frame->end)
		return DECAP_VERDICT_NOT_TUNNEL;
	set_ipv6(&tunnel->local, &ip->daddr);
	set_ipv6(&tunnel->source, &ip->saddr);
	if (!is_tunnel(ip->nexthdr))
		return classify_extensions(frame, config, ip, tunnel);
	if (is_for_other_host(frame, config))
		return DECAP_VERDICT_OTHER_HOST;
	if (is_left_to_host(config, &tunnel->source))
		return DECAP_VERDICT_UNKNOWN_SOURCE;
	tunnel->carried = bpf_ntohs(ip->payload_len);
	if (ip->version != 6)
		return DECAP_VERDICT_MALFORMED;
	if (sizeof(*ip) + tunnel->carried > network_length(frame))
		return DECAP_VERDICT_TRUNCATED;
	tunnel->inner = ip + 1;
	tunnel->outer_size = sizeof(*ip);
	tunnel->protocol = ip->nexthdr;
	tunnel->ecn = ipv6_ecn(ip);
	return DECAP_VERDICT_NEXT;
}

static __always_inline enum decap_verdict open_outer(struct frame *frame,
	const struct decap_config *config, bool tag_allowed, struct tunnel *tunnel)
{
	void *network = open_ethernet(frame, tag_allowed);

	if (network == NULL)
		return DECAP_VERDICT_NOT_TUNNEL;
	if (frame->type == bpf_htons(ETH_P_IP))
		return open_ipv4(frame, config, network, tunnel);
	if (frame->type == bpf_htons(ETH_P_IPV6))
		return open_ipv6(frame, config, network, tunnel);
	return DECAP_VERDICT_NOT_TUNNEL;
}

static __always_inline enum decap_verdict open_inner_ipv4(
	const struct frame *frame, struct iphdr *ip, struct tunnel *tunnel)
{
	__u32 length, header_size;

	if ((void *)(ip + 1) > frame->end || tunnel->carried < sizeof(*ip))
		return DECAP_VERDICT_TRUNCATED;
	length = bpf_ntohs(ip->tot_len);
	header_size = ip->ihl * 4;
	if (ip->version != 4 || header_size < sizeof(*ip) || length < header_size)
		return DECAP_VERDICT_MALFORMED;
	if (length > tunnel->carried)
		return DECAP_VERDICT_TRUNCATED;
	set_ipv4(&tunnel->vip, &ip->daddr);
	return DECAP_VERDICT_NEXT;
}

static __always_inline enum decap_verdict open_inner_ipv6(
	const struct frame *frame, struct ipv6hdr *ip, struct tunnel *tunnel)
{
	if ((void *)(ip + 1) > frame->end || tunnel->carried < sizeof(*ip))
		return DECAP_VERDICT_TRUNCATED;
	if (ip->version != 6)
		return DECAP_VERDICT_MALFORMED;
	if (sizeof(*ip) + bpf_ntohs(ip->payload_len) > tunnel->carried)
		return DECAP_VERDICT_TRUNCATED;
	set_ipv6(&tunnel->vip, &ip->daddr);
	return DECAP_VERDICT_NEXT;
}

/* The host checks the inner packet again, but not whether it reaches into the padding. */
static __always_inline enum decap_verdict open_inner(
	const struct frame *frame, struct tunnel *tunnel)
{
	if (tunnel->protocol == IPPROTO_IPIP)
		return open_inner_ipv4(frame, tunnel->inner, tunnel);
	return open_inner_ipv6(frame, tunnel->inner, tunnel);
}

static __always_inline enum decap_verdict admit(
	const struct decap_config *config, const struct tunnel *tunnel)
{
	struct decap_prefix source = { .bits = DECAP_PREFIX_BITS, .address = tunnel->source };

	if (config->locals != 0 && bpf_map_lookup_elem(&decap_locals, &tunnel->local) == NULL)
		return DECAP_VERDICT_UNKNOWN_LOCAL;
	if (bpf_map_lookup_elem(&decap_sources, &source) == NULL)
		return DECAP_VERDICT_UNKNOWN_SOURCE;
	if (bpf_map_lookup_elem(&decap_vips, &tunnel->vip) == NULL)
		return DECAP_VERDICT_UNKNOWN_VIP;
	return DECAP_VERDICT_NEXT;
}

/* RFC 6040 figure 4: what the inner packet says from now on. Not for Not-ECT met by CE. */
static __always_inline __u8 merged_ecn(__u8 inner, __u8 outer)
{
	if (inner == NOT_ECT || inner == CE)
		return inner;
	if (outer == CE)
		return CE;
	return inner == ECT_0 && outer == ECT_1 ? ECT_1 : inner;
}

/* RFC 1624 equation 3: HC' = ~(~HC + ~m + m'), of the word that ECN is in. */
static __always_inline void write_ecn_ipv4(struct iphdr *ip, __u8 ecn)
{
	__u16 *word = (void *)ip;
	__u32 sum = (__u16)~ip->check + (__u32)(__u16) ~*word;

	ip->tos = (ip->tos & ~3) | ecn;
	sum += *word;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~sum;
}

static __always_inline void write_ecn_ipv6(struct ipv6hdr *ip, __u8 ecn, struct tunnel *tunnel)
{
	__be32 *word = (void *)ip;

	tunnel->before = *word;
	tunnel->after = (*word & ~bpf_htonl(3 << 20)) | bpf_htonl((__u32)ecn << 20);
	*word = tunnel->after;
}

static __always_inline enum decap_verdict merge_ecn(
	const struct frame *frame, struct tunnel *tunnel)
{
	struct iphdr *ipv4 = tunnel->inner;
	struct ipv6hdr *ipv6 = tunnel->inner;
	bool is_ipv4 = tunnel->protocol == IPPROTO_IPIP;
	__u8 inner, merged;

	/* Both are within bounds; the verifier has lost which of the two was checked. */
	if ((void *)(ipv4 + 1) > frame->end)
		return DECAP_VERDICT_MALFORMED;
	inner = is_ipv4 ? ipv4->tos & 3 : ipv6_ecn(ipv6);
	if (inner == NOT_ECT && tunnel->ecn == CE)
		return DECAP_VERDICT_ECN;
	merged = merged_ecn(inner, tunnel->ecn);
	if (merged == inner)
		return DECAP_VERDICT_NEXT;
	if (is_ipv4)
		write_ecn_ipv4(ipv4, merged);
	else
		write_ecn_ipv6(ipv6, merged, tunnel);
	return DECAP_VERDICT_NEXT;
}

/* DECAP_VERDICT_NEXT: a tunnel packet to strip; its inner header is final. */
static __always_inline enum decap_verdict classify(
	struct frame *frame, bool tag_allowed, struct tunnel *tunnel)
{
	__u32 zero = 0;
	const struct decap_config *config = bpf_map_lookup_elem(&decap_config, &zero);
	enum decap_verdict verdict;

	if (config == NULL)
		return DECAP_VERDICT_NOT_TUNNEL;
	verdict = open_outer(frame, config, tag_allowed, tunnel);
	if (verdict != DECAP_VERDICT_NEXT)
		return verdict;
	verdict = open_inner(frame, tunnel);
	if (verdict != DECAP_VERDICT_NEXT)
		return verdict;
	verdict = admit(config, tunnel);
	if (verdict != DECAP_VERDICT_NEXT)
		return verdict;
	return merge_ecn(frame, tunnel);
}

/* Per CPU, and both hooks run to completion there: a plain addition loses nothing. */
static __always_inline void count(enum decap_verdict verdict)
{
	__u32 key = verdict;
	__u64 *frames = bpf_map_lookup_elem(&decap_verdicts, &key);

	if (frames != NULL)
		*frames += 1;
}

static __always_inline bool passes(enum decap_verdict verdict)
{
	__u32 zero = 0;
	const struct decap_config *config;

	if (verdict == DECAP_VERDICT_DECAPSULATED || verdict == DECAP_VERDICT_NOT_TUNNEL ||
		verdict == DECAP_VERDICT_OTHER_HOST)
		return true;
	if (verdict != DECAP_VERDICT_UNKNOWN_LOCAL && verdict != DECAP_VERDICT_UNKNOWN_SOURCE &&
		verdict != DECAP_VERDICT_UNKNOWN_VIP)
		return false;
	config = bpf_map_lookup_elem(&decap_config, &zero);
	return config != NULL && config->pass_unknown != 0;
}

static __always_inline __be16 inner_type(const struct tunnel *tunnel)
{
	return tunnel->protocol == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
}

/* Moves the link header of `link_size` bytes up to the inner packet; its last two are the type. */
static __always_inline enum decap_verdict strip_xdp(
	struct xdp_md *xdp, const struct tunnel *tunnel, __u32 link_size)
{
	__u8 link[ETH_HLEN + sizeof(struct vlan_header)];
	__be16 type = inner_type(tunnel);
	void *data = (void *)(long)xdp->data;

	if (data + link_size > (void *)(long)xdp->data_end)
		return DECAP_VERDICT_NOT_STRIPPED;
	__builtin_memcpy(link, data, link_size);
	__builtin_memcpy(link + link_size - sizeof(type), &type, sizeof(type));
	if (bpf_xdp_adjust_head(xdp, (int)tunnel->outer_size) != 0)
		return DECAP_VERDICT_NOT_STRIPPED;
	data = (void *)(long)xdp->data;
	if (data + link_size > (void *)(long)xdp->data_end)
		return DECAP_VERDICT_NOT_STRIPPED;
	__builtin_memcpy(data, link, link_size);
	return DECAP_VERDICT_DECAPSULATED;
}

SEC("xdp")
int sluice_decap(struct xdp_md *xdp)
{
	struct tunnel tunnel = {};
	struct frame frame = {
		.data = (void *)(long)xdp->data,
		.end = (void *)(long)xdp->data_end,
	};
	enum decap_verdict verdict;

	frame.length = frame.end - frame.data;
	verdict = classify(&frame, true, &tunnel);
	if (verdict == DECAP_VERDICT_NEXT)
		verdict = frame.tagged
				  ? strip_xdp(xdp, &tunnel, ETH_HLEN + sizeof(struct vlan_header))
				  : strip_xdp(xdp, &tunnel, ETH_HLEN);
	count(verdict);
	return passes(verdict) ? XDP_PASS : XDP_DROP;
}

/*
 * The flag is set only if the version of IP changes, so that a kernel that does not know it still
 * handles the other cases. GSO: the segments of a merged packet keep their size.
 */
static __always_inline __u64 strip_flags(const struct frame *frame, const struct tunnel *tunnel)
{
	if (inner_type(tunnel) == frame->type)
		return BPF_F_ADJ_ROOM_FIXED_GSO;
	if (tunnel->protocol == IPPROTO_IPIP)
		return BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_DECAP_L3_IPV4;
	return BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_DECAP_L3_IPV6;
}

static __always_inline enum decap_verdict strip_tc(
	struct __sk_buff *skb, const struct frame *frame, struct tunnel *tunnel)
{
	__be16 type = inner_type(tunnel);

	/*
	 * Updates the sum of the whole packet that a NIC may have computed (CHECKSUM_COMPLETE). An
	 * IPv4 header does not change it: its own checksum sums it to zero. Fails if there is no
	 * sum.
	 */
	if (tunnel->before != tunnel->after)
		bpf_csum_update(skb, bpf_csum_diff(&tunnel->before, sizeof(tunnel->before),
					     &tunnel->after, sizeof(tunnel->after), 0));
	if (bpf_skb_adjust_room(skb, -(int)tunnel->outer_size, BPF_ADJ_ROOM_MAC,
		    strip_flags(frame, tunnel)) != 0)
		return DECAP_VERDICT_NOT_STRIPPED;
	if (bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof(type), 0) != 0)
		return DECAP_VERDICT_NOT_STRIPPED;
	return DECAP_VERDICT_DECAPSULATED;
}

static __always_inline bool is_readable(const struct __sk_buff *skb, __u32 size)
{
	return (void *)(long)skb->data + size <= (void *)(long)skb->data_end;
}

/* Few packets have extension headers, but they may fill the packet: then all of it is read. */
static __always_inline __u32 look_size(struct __sk_buff *skb)
{
	struct ipv6hdr ip;

	if (skb->len <= LOOK_SIZE)
		return skb->len;
	if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
		bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) != 0 ||
		!is_extension(ip.nexthdr))
		return LOOK_SIZE;
	return skb->len;
}

/*
 * tc: the kernel has already moved a VLAN tag out of the frame. A tag found here is a second one,
 * so the frame is not for us. TC_ACT_UNSPEC: the next filter decides.
 */
SEC("tc")
int sluice_decap_tc(struct __sk_buff *skb)
{
	struct tunnel tunnel = {};
	struct frame frame = {};
	__u32 wanted = look_size(skb);
	enum decap_verdict verdict;

	if (!is_readable(skb, wanted) && bpf_skb_pull_data(skb, wanted) != 0) {
		count(DECAP_VERDICT_NOT_STRIPPED);
		return TC_ACT_SHOT;
	}
	frame.data = (void *)(long)skb->data;
	frame.end = (void *)(long)skb->data_end;
	frame.length = skb->len;
	verdict = classify(&frame, false, &tunnel);
	if (verdict == DECAP_VERDICT_NEXT)
		verdict = strip_tc(skb, &frame, &tunnel);
	count(verdict);
	return passes(verdict) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/*
 * Never attached: run once on an IPv4 frame, to find whether this kernel can change the version of
 * IP in tc. Returns 0 if it can.
 */
SEC("tc")
int sluice_probe_tc(struct __sk_buff *skb)
{
	return bpf_skb_adjust_room(skb, -(int)sizeof(struct iphdr), BPF_ADJ_ROOM_MAC,
		BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_DECAP_L3_IPV6);
}

/* Calls no helper that needs the GPL. */
char program_license[] SEC("license") = "BSD";
