/* SPDX-License-Identifier: BSD-3-Clause */
/* service_match: finds the service of a table (service.h) that claims a packet. */
#pragma once

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "packet/packet.h"
#include "service/service_lookup.h"

/*
 * Sets packet->service and returns VERDICT_NEXT. If no service matches, returns the verdict:
 * NO_SERVICE, FRAGMENT, or LEFT_TO_HOST (not a VIP, or ICMP, which stays with the kernel). An ICMP
 * error about a flow belongs to the flow's service, see parse_icmp_error(). Workers.
 */
enum verdict service_match(const struct service_table *table, struct packet *packet);

/*
 * Call it before the packets of a burst are matched one by one. Prefetches what the packets that
 * are still VERDICT_NEXT will read, if the table is too large for the near caches. Workers.
 */
void service_prefetch_burst(
	const struct service_table *table, const struct packet *packets, unsigned int count);

static inline bool service_packet_has_ports(const struct packet *packet)
{
	return (packet->flags & (PACKET_FRAGMENT | PACKET_PORTLESS)) == 0;
}

/* For a packet that matches no exact key: tries the key for any port, else finds the verdict. */
enum verdict service_match_inexact(const struct service_table *table, struct packet *packet);

static inline enum verdict service_match_family(
	const struct service_table *table, struct packet *packet, bool ipv6)
{
	struct service_words words = service_words_of_packet(ipv6, &packet->key);
	const struct service_row *row =
		service_find_row(table, ipv6, &service_family(table, ipv6)->services, &words);

	if (unlikely(row == NULL))
		return service_match_inexact(table, packet);
	packet->service = &row->service;
	return VERDICT_NEXT;
}

/* service_match(), inlined. */
static __rte_always_inline enum verdict service_match_packet(
	const struct service_table *table, struct packet *packet)
{
	if (unlikely(!service_packet_has_ports(packet)))
		return service_match_inexact(table, packet);
	if (packet->flags & PACKET_IPV6)
		return service_match_family(table, packet, true);
	return service_match_family(table, packet, false);
}
