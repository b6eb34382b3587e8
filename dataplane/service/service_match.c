/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/service_match.h"

#include <netinet/in.h>

#include <rte_prefetch.h>

#include "packet/parse.h"
#include "service/service_split.h"

#define NEAR_COUNT 256 /* services; the rows of more do not stay in the near caches */

static const uint8_t *destination_of(bool ipv6, const struct flow_key *flow)
{
	return ipv6 ? flow->ipv6.destination : flow->ipv4.destination;
}

static uint8_t protocol_of(bool ipv6, const struct flow_key *flow)
{
	return ipv6 ? flow->ipv6.protocol : flow->ipv4.protocol;
}

static const struct service_row *find_any_port(
	const struct service_table *table, bool ipv6, const struct flow_key *flow)
{
	struct service_words words = service_words_of(
		ipv6, destination_of(ipv6, flow), protocol_of(ipv6, flow), SERVICE_ANY_PORT);

	return service_find(table, ipv6, &words);
}

static enum verdict match_icmp_error(const struct service_table *table, struct packet *packet)
{
	enum verdict verdict = parse_icmp_error(packet);

	return verdict == VERDICT_NEXT ? service_match(table, packet) : verdict;
}

/* The verdict for a packet that matches no service directly. Few packets come here. */
static enum verdict classify_unserved(const struct service_table *table, struct packet *packet)
{
	bool ipv6 = packet->flags & PACKET_IPV6;
	uint8_t icmp = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	if (!service_has_vip(table, ipv6, destination_of(ipv6, &packet->key)))
		return VERDICT_LEFT_TO_HOST;
	if (packet->flags & PACKET_FRAGMENT)
		return VERDICT_FRAGMENT;
	if (protocol_of(ipv6, &packet->key) != icmp)
		return VERDICT_NO_SERVICE;
	return match_icmp_error(table, packet);
}

/* The service with rules that claims a packet; of a service for any port, where no other does. */
static const struct service_row *find_split(const struct service_table *table, bool ipv6,
	const struct flow_key *flow, const struct service_row *any_port)
{
	struct service_words words = service_words_of_packet(ipv6, flow);
	const struct service_row *row = service_find_split(table, ipv6, &words);

	if (row != NULL || any_port != NULL)
		return row;
	words = service_words_of(
		ipv6, destination_of(ipv6, flow), protocol_of(ipv6, flow), SERVICE_ANY_PORT);
	return service_find_split(table, ipv6, &words);
}

/* NULL: there is none. An ICMP error has the key of the flow that it is about, seen from the
 * client. */
static const struct service *find_inexact(
	const struct service_table *table, bool ipv6, const struct flow_key *flow)
{
	const struct service_row *row = find_any_port(table, ipv6, flow), *split;

	if (table->split_count == 0)
		return row == NULL ? NULL : &row->service;
	split = find_split(table, ipv6, flow, row);
	if (split != NULL)
		return service_split_choose(split->split, ipv6, flow);
	return row == NULL ? NULL : &row->service;
}

enum verdict service_match_inexact(const struct service_table *table, struct packet *packet)
{
	const struct service *service = NULL;

	if (service_packet_has_ports(packet))
		service = find_inexact(table, packet->flags & PACKET_IPV6, &packet->key);
	if (service == NULL)
		return classify_unserved(table, packet);
	packet->service = service;
	return VERDICT_NEXT;
}

enum verdict service_match(const struct service_table *table, struct packet *packet)
{
	return service_match_packet(table, packet);
}

static const uint32_t *first_cell(const struct service_table *table, const struct packet *packet)
{
	bool ipv6 = packet->flags & PACKET_IPV6;
	const struct service_index *index = &service_family(table, ipv6)->services;
	struct service_words words = service_words_of_packet(ipv6, &packet->key);

	return &index->cells[service_first_cell(ipv6, index, &words)];
}

/* Prefetches all cells, then all rows: a burst waits for memory twice, not 64 times. */
static void prefetch_rows(
	const struct service_table *table, const struct packet *packets, unsigned int count)
{
	const uint32_t *cells[PACKET_BURST];
	unsigned int cell_count = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (packets[i].verdict != VERDICT_NEXT || !service_packet_has_ports(&packets[i]))
			continue;
		cells[cell_count] = first_cell(table, &packets[i]);
		rte_prefetch0(cells[cell_count++]);
	}
	for (unsigned int i = 0; i < cell_count; i++)
		rte_prefetch0(&table->rows[*cells[i]]);
}

void service_prefetch_burst(
	const struct service_table *table, const struct packet *packets, unsigned int count)
{
	if (unlikely(table->service_count > NEAR_COUNT))
		prefetch_rows(table, packets, count);
}
