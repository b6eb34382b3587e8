/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * steer.bpf: splits the traffic of an AF_XDP port. Packets for a VIP go to the worker's socket. All
 * others (ARP, ND, BGP, ssh, traffic that this host routes) go to the kernel unchanged.
 *
 * A host with a BGP daemon usually routes. It would send a packet for a VIP back to the router,
 * which sends it here again, until its TTL is spent. So no packet for a VIP goes to a kernel that
 * would route it. Without a live socket (the process was killed, its program is still attached) the
 * packet is dropped. ICMP other than errors is for the kernel, but the program asks first whether
 * the kernel would forward it. ICMP errors concern flows of backends and go to the worker.
 *
 * DPDK's af_xdp driver loads this object (xdp_prog=), attaches the first program in it and puts its
 * sockets in the map named xsks_map. Keep to what Linux 6.1 has.
 */
#include "steer/steer_frame.h"

#include <linux/in.h>

#define ICMPV6              58 /* IPPROTO_ICMPV6 */
#define NOT_ICMP            (-1)
#define ICMP_CUT_SHORT      0      /* a type that is not an error in either family */
#define FRAGMENT_BITS       0x3fff /* more fragments, and the offset (RFC 791) */
#define EXTENSIONS_MAX      8
#define EXTENSION_UNIT_SIZE 8 /* bytes; a header is this long and as many more units as it says */

struct vlan_header {
	__be16 tag;
	__be16 type;
};

/* The driver fills this map and expects this type. Index: receive queue. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_port);
} port SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEER_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} steer_counts SEC(".maps");

static __always_inline void count(__u32 fate)
{
	__u64 *value = bpf_map_lookup_elem(&steer_counts, &fate);

	if (value)
		(*value)++;
}

/*
 * Skips Ethernet and one 802.1Q tag. A frame with a second tag or an 802.1ad tag has no IP type
 * left and goes to the kernel. False: the frame is too short for its headers.
 */
static __always_inline int parse_ethernet(struct ethhdr *ethernet, struct frame *frame)
{
	struct vlan_header *vlan = (void *)(ethernet + 1);

	if ((void *)(ethernet + 1) > frame->end)
		return 0;
	frame->network = ethernet + 1;
	frame->type = ethernet->h_proto;
	if (frame->type != bpf_htons(ETH_P_8021Q))
		return 1;
	if ((void *)(vlan + 1) > frame->end)
		return 0;
	frame->network = vlan + 1;
	frame->type = vlan->type;
	return 1;
}

/* clang compiles memcmp() to a call, which a BPF program cannot make. */
static __always_inline int is_same_mac(const __u8 *a, const __u8 *b)
{
	__u8 difference = 0;

	for (int i = 0; i < ETH_ALEN; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

/*
 * Finds the protocol after the extension headers that may precede ICMPv6, and its header. Any other
 * header ends the walk. A fragment header counts as the protocol itself; a truncated header, or one
 * too many, counts as "no next header". Both go to the worker, which counts them by verdict.
 */
static __always_inline __u8 ipv6_protocol(
	const struct ipv6hdr *header, const void *end, const __u8 **transport)
{
	const __u8 *extension = (const void *)(header + 1);
	__u8 protocol = header->nexthdr;

	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		if (protocol != IPPROTO_HOPOPTS && protocol != IPPROTO_ROUTING &&
			protocol != IPPROTO_DSTOPTS) {
			*transport = extension;
			return protocol;
		}
		if ((const void *)(extension + EXTENSION_UNIT_SIZE) > end)
			return IPPROTO_NONE;
		protocol = extension[0];
		extension += (extension[1] + 1) * EXTENSION_UNIT_SIZE;
	}
	return IPPROTO_NONE;
}

/*
 * The type of an ICMP or ICMPv6 message, or NOT_ICMP. Fragments are NOT_ICMP: this program does not
 * reassemble, and a fragment may hold any part of a message.
 */
static __always_inline int icmp_type(const struct frame *frame)
{
	const struct iphdr *ipv4 = ipv4_header(frame);
	const struct ipv6hdr *ipv6 = ipv6_header(frame);
	const __u8 *icmp = frame->end;

	if (ipv4) {
		if (ipv4->protocol != IPPROTO_ICMP || (ipv4->frag_off & bpf_htons(FRAGMENT_BITS)))
			return NOT_ICMP;
		icmp = (const __u8 *)ipv4 + ipv4->ihl * 4;
	} else if (!ipv6 || ipv6_protocol(ipv6, frame->end, &icmp) != ICMPV6) {
		return NOT_ICMP;
	}
	return (const void *)(icmp + 1) > frame->end ? ICMP_CUT_SHORT : *icmp;
}

/*
 * Destination unreachable, time exceeded, parameter problem (RFC 792) and the four errors of RFC
 * 4443. The worker finds their flow in the packet that they quote.
 */
static __always_inline int is_icmp_error(const struct frame *frame, int type)
{
	if (frame->type == bpf_htons(ETH_P_IP))
		return type == 3 || type == 11 || type == 12;
	return type >= 1 && type <= 4;
}

/*
 * The VIPs are unknown from the moment the driver attaches the program until control has filled the
 * maps. For these milliseconds, packets that the kernel would forward are dropped, because they may
 * be for a VIP. Packets for the host itself pass. The kernel never forwards frames to a group, even
 * if a default route seems to match an IPv4 group address.
 */
static __always_inline enum steer_count classify_unready(
	struct xdp_md *context, const struct ethhdr *ethernet, const struct frame *frame)
{
	if (ethernet->h_dest[0] & 1)
		return STEER_COUNT_HOST;
	return kernel_would_forward(context, context->ingress_ifindex, frame)
		       ? STEER_COUNT_NOT_READY
		       : STEER_COUNT_HOST;
}

static __always_inline enum steer_count classify(struct xdp_md *context)
{
	struct ethhdr *ethernet = (void *)(long)context->data;
	struct frame frame = { .end = (void *)(long)context->data_end };
	__u32 first = 0;
	const struct steer_port *own = bpf_map_lookup_elem(&port, &first);
	int icmp;

	if (!own || !parse_ethernet(ethernet, &frame))
		return STEER_COUNT_HOST;
	if (!own->ready)
		return classify_unready(context, ethernet, &frame);
	/* A bridge floods frames without an entry: this one may be for another balancer. */
	if (!is_same_mac(ethernet->h_dest, own->mac))
		return STEER_COUNT_HOST;
	if (!find_vip(&frame))
		return STEER_COUNT_HOST;
	icmp = icmp_type(&frame);
	if (icmp == NOT_ICMP || is_icmp_error(&frame, icmp))
		return STEER_COUNT_TO_WORKER;
	return kernel_would_forward(context, context->ingress_ifindex, &frame) ? STEER_COUNT_LOOPED
									       : STEER_COUNT_HOST;
}

/* The redirect returns XDP_DROP for a queue without a socket, never XDP_PASS (see above). */
static __always_inline int redirect(struct xdp_md *context)
{
	int action = bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_DROP);

	count(action == XDP_REDIRECT ? STEER_COUNT_TO_WORKER : STEER_COUNT_NO_SOCKET);
	return action;
}

SEC("xdp")
int sluice_steer(struct xdp_md *context)
{
	enum steer_count fate = classify(context);

	if (fate == STEER_COUNT_TO_WORKER)
		return redirect(context);
	count(fate);
	return fate == STEER_COUNT_HOST ? XDP_PASS : XDP_DROP;
}

/* bpf_fib_lookup() is for programs that declare themselves compatible with the GPL. */
char program_license[] SEC("license") = "Dual BSD/GPL";
