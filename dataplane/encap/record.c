/* SPDX-License-Identifier: BSD-3-Clause */
#include "encap/record.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>

static void make_route(struct backend_record *record, const struct record_route *route)
{
	memset(record, 0, sizeof(*record));
	memcpy(record->destination_mac, route->destination_mac, 6);
	memcpy(record->source_mac, route->source_mac, 6);
	record->port = route->port;
	record->mtu = route->mtu;
	record->gid = route->gid;
	record->counter = route->counter;
}

void record_make_l2dsr(struct backend_record *record, const struct record_route *route)
{
	make_route(record, route);
	record->encap = RECORD_ENCAP_NONE;
}

/* The protocol is that for an inner IPv4 packet; for IPv6 the worker adds the difference. */
static void make_ipv4(struct backend_record *record, const struct address *source,
	const struct address *destination)
{
	struct rte_ipv4_hdr *ip = (void *)record->outer;

	record->encap = RECORD_ENCAP_IPV4;
	record->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = RECORD_OUTER_TTL;
	ip->next_proto_id = IPPROTO_IPIP;
	memcpy(&ip->src_addr, source->bytes, 4);
	memcpy(&ip->dst_addr, destination->bytes, 4);
	ip->hdr_checksum = rte_be_to_cpu_16(rte_raw_cksum(ip, sizeof(*ip)));
}

static void make_ipv6(struct backend_record *record, const struct address *source,
	const struct address *destination)
{
	struct rte_ipv6_hdr *ip = (void *)record->outer;

	record->encap = RECORD_ENCAP_IPV6;
	record->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->hop_limits = RECORD_OUTER_TTL;
	memcpy(ip->src_addr, source->bytes, 16);
	memcpy(ip->dst_addr, destination->bytes, 16);
}

void record_make_ipip(struct backend_record *record, const struct record_route *route,
	const struct address *source, const struct address *destination)
{
	make_route(record, route);
	if (destination->family == ADDRESS_IPV4)
		make_ipv4(record, source, destination);
	else
		make_ipv6(record, source, destination);
}
