/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * steer_loop.bpf: the loop filter. It runs at the ingress of tc, behind the XDP program of an
 * AF_XDP port, and sees the packets that XDP let pass. DPDK's driver attaches and detaches the XDP
 * program: it is missing between a crash and the next start, and after a clean stop. Packets for a
 * VIP would then be routed back to the router and come again. This filter stays when the process
 * ends.
 *
 * It drops only packets that the kernel would forward, so it never affects the host's own traffic.
 * Its VIPs are those of the XDP program and the former VIPs, whose route may not be withdrawn yet.
 * Keep to what Linux 6.1 has.
 */
#include "steer/steer_frame.h"

#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <stddef.h>

#define LOOK_SIZE (sizeof(struct ethhdr) + sizeof(struct ipv6hdr))

/* Until control has written all VIPs, any packet that would be forwarded may be for one. */
volatile __u32 vips_known = 0;

__u64 drop_count = 0;

/*
 * The kernel has already moved a VLAN tag out of the frame. False: the frame cannot be read,
 * because it is no IP packet or memory is out. The kernel cannot forward it either.
 */
static __always_inline int read_frame(struct __sk_buff *skb, struct frame *frame)
{
	struct ethhdr *ethernet;

	if ((void *)(long)skb->data + LOOK_SIZE > (void *)(long)skb->data_end)
		bpf_skb_pull_data(skb, skb->len < LOOK_SIZE ? skb->len : LOOK_SIZE);
	ethernet = (void *)(long)skb->data;
	frame->end = (void *)(long)skb->data_end;
	if ((void *)(ethernet + 1) > frame->end)
		return 0;
	frame->type = ethernet->h_proto;
	frame->network = ethernet + 1;
	return 1;
}

/* The kernel forwards only frames to the current MAC address of the interface. */
static __always_inline int would_loop(struct __sk_buff *skb)
{
	struct frame frame = {};
	__u64 *drops;

	if (skb->pkt_type != PACKET_HOST || !read_frame(skb, &frame))
		return 0;
	drops = find_vip(&frame);
	if (vips_known && !drops)
		return 0;
	if (!kernel_would_forward(skb, skb->ifindex, &frame))
		return 0;
	if (drops)
		__sync_fetch_and_add(drops, 1);
	return 1;
}

/* TC_ACT_UNSPEC: the next filter decides. */
SEC("tc")
int sluice_loop(struct __sk_buff *skb)
{
	if (!would_loop(skb))
		return TC_ACT_UNSPEC;
	__sync_fetch_and_add(&drop_count, 1);
	return TC_ACT_SHOT;
}

/* bpf_fib_lookup() is for programs that declare themselves compatible with the GPL. */
char program_license[] SEC("license") = "Dual BSD/GPL";
