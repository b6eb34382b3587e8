/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explain builds the packet that the 5-tuple stands for and puts it through the steps of balance.h
 * on the tables that the workers use: the answer is what the dataplane does, not a second opinion.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "api_internal.h"
#include "balance.h"
#include "json.h"
#include "slots.h"

#define FRAME_ROOM                                                                    \
	256 /* the smallest packet of either family with headroom for an outer header \
	     */

struct question {
	struct address source;
	struct address destination;
	uint16_t source_port;
	uint16_t destination_port;
	int protocol;
};

static int read_address(const struct json_place *place, void *field, struct error *error)
{
	const char *text = json_read_string(place, "an address", error);

	if (text == NULL)
		return -EINVAL;
	if (address_parse(text, field) != 0)
		return json_mismatch(place, "an IPv4 or IPv6 address", error);
	return 0;
}

static int read_port(const struct json_place *place, void *field, struct error *error)
{
	int64_t port;
	int code = json_read_integer(place, 0, 65535, "a port (0-65535)", &port, error);

	*(uint16_t *)field = port;
	return code;
}

static int read_protocol(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_choice choices[] = {
		{ "tcp", IPPROTO_TCP },
		{ "udp", IPPROTO_UDP },
		{ NULL, 0 },
	};

	return json_read_choice(place, choices, "\"tcp\" or \"udp\"", field, error);
}

static const struct json_member question_members[] = {
	{ "source", JSON_REQUIRED, offsetof(struct question, source), read_address },
	{ "source_port", JSON_REQUIRED, offsetof(struct question, source_port), read_port },
	{ "destination", JSON_REQUIRED, offsetof(struct question, destination), read_address },
	{ "destination_port", JSON_REQUIRED, offsetof(struct question, destination_port),
		read_port },
	{ "protocol", JSON_OPTIONAL, offsetof(struct question, protocol), read_protocol },
	{ NULL, 0, 0, NULL },
};

static size_t build_l4(const struct question *question, uint8_t *at)
{
	if (question->protocol == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (void *)at;

		tcp->src_port = rte_cpu_to_be_16(question->source_port);
		tcp->dst_port = rte_cpu_to_be_16(question->destination_port);
		tcp->data_off = sizeof(*tcp) / 4 << 4;
		tcp->tcp_flags = RTE_TCP_ACK_FLAG;
		return sizeof(*tcp);
	} else {
		struct rte_udp_hdr *udp = (void *)at;

		udp->src_port = rte_cpu_to_be_16(question->source_port);
		udp->dst_port = rte_cpu_to_be_16(question->destination_port);
		udp->dgram_len = rte_cpu_to_be_16(sizeof(*udp));
		return sizeof(*udp);
	}
}

/* The smallest frame with this 5-tuple, in zeroed room. Returns its length. */
static size_t build_frame(const struct question *question, uint8_t *frame)
{
	bool ipv6 = question->destination.family == ADDRESS_IPV6;
	struct rte_ether_hdr *ethernet = (void *)frame;
	uint8_t *l3 = frame + sizeof(*ethernet);
	size_t l3_header = ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	size_t l4_length = build_l4(question, l3 + l3_header);

	if (ipv6) {
		struct rte_ipv6_hdr *ip = (void *)l3;

		ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
		ip->vtc_flow = RTE_BE32(6u << 28);
		ip->payload_len = rte_cpu_to_be_16(l4_length);
		ip->proto = question->protocol;
		memcpy(ip->src_addr, question->source.bytes, 16);
		memcpy(ip->dst_addr, question->destination.bytes, 16);
	} else {
		struct rte_ipv4_hdr *ip = (void *)l3;

		ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
		ip->version_ihl = RTE_IPV4_VHL_DEF;
		ip->total_length = rte_cpu_to_be_16(l3_header + l4_length);
		ip->next_proto_id = question->protocol;
		memcpy(&ip->src_addr, question->source.bytes, 4);
		memcpy(&ip->dst_addr, question->destination.bytes, 4);
	}
	return sizeof(*ethernet) + l3_header + l4_length;
}

/* An mbuf that lives in no pool, round a frame in `room`. */
static void wrap_frame(struct rte_mbuf *mbuf, uint8_t *room, size_t length)
{
	memset(mbuf, 0, sizeof(*mbuf));
	mbuf->buf_addr = room;
	mbuf->buf_len = RTE_PKTMBUF_HEADROOM + FRAME_ROOM;
	mbuf->data_off = RTE_PKTMBUF_HEADROOM;
	mbuf->data_len = mbuf->pkt_len = length;
	mbuf->nb_segs = 1;
	mbuf->refcnt = 1;
}

static void add_record(const struct api *api, json_t *answer, const struct packet *packet)
{
	size_t count = desired_config(api->running.desired)->dataplane.port_count;
	const struct backend_record *record = packet->record;

	json_object_set_new(answer, "destination_mac", api_json_mac(record->destination_mac));
	json_object_set_new(answer, "source_mac", api_json_mac(record->source_mac));
	json_object_set_new(answer, "mtu", json_integer(record->mtu));
	for (size_t i = 0; i < count; i++)
		if (port_id(api->running.ports[i]) == record->port)
			json_object_set_new(
				answer, "port", json_string(port_name(api->running.ports[i])));
}

static void add_outer(json_t *answer, const struct backend_record *record)
{
	struct address source = { 0 }, destination = { 0 };

	if (record->encap == RECORD_ENCAP_IPV4) {
		const struct rte_ipv4_hdr *ip = (const void *)record->outer;

		source.family = destination.family = ADDRESS_IPV4;
		memcpy(source.bytes, &ip->src_addr, 4);
		memcpy(destination.bytes, &ip->dst_addr, 4);
	} else if (record->encap == RECORD_ENCAP_IPV6) {
		const struct rte_ipv6_hdr *ip = (const void *)record->outer;

		source.family = destination.family = ADDRESS_IPV6;
		memcpy(source.bytes, ip->src_addr, 16);
		memcpy(destination.bytes, ip->dst_addr, 16);
	} else {
		return;
	}
	json_object_set_new(answer, "outer_source", api_json_address(&source));
	json_object_set_new(answer, "outer_destination", api_json_address(&destination));
}

static void add_service(const struct api *api, json_t *answer, const struct config_service *service)
{
	const struct config *config = desired_config(api->running.desired);

	json_object_set_new(answer, "service", json_string(service->name));
	json_object_set_new(answer, "pool", json_string(config->pools[service->pool].name));
	json_object_set_new(answer, "forward", json_string(config_forward_name(service->forward)));
}

static const char *name_of(
	const struct api *api, const struct config_service *service, uint32_t index)
{
	const struct live_backend *backends;
	size_t count;
	int place = forwarding_find_backend(api->running.forwarding, service->pool, index);

	backends = forwarding_backends(api->running.forwarding, service->pool, &count);
	return place < 0 ? NULL : backends[place].name;
}

static void add_backend(
	const struct api *api, json_t *answer, const struct config_service *service, uint32_t index)
{
	const struct forwarding *forwarding = api->running.forwarding;
	int place = forwarding_find_backend(forwarding, service->pool, index);
	const struct live_backend *backends;
	size_t count;

	if (place < 0)
		return;
	backends = forwarding_backends(forwarding, service->pool, &count);
	json_object_set_new(answer, "backend", json_string(backends[place].name));
	json_object_set_new(answer, "address", api_json_address(&backends[place].address));
	json_object_set_new(
		answer, "life", json_string(member_state_name(backends[place].life.state)));
}

/* A pin tells whom its flow is on by its number. */
static json_t *describe_pin(
	const struct api *api, const struct config_service *service, uint64_t pin)
{
	const struct forwarding *forwarding = api->running.forwarding;
	const struct live_backend *backends;
	const char *name = "unknown";
	size_t count;

	if (pin == 0)
		return json_null();
	backends = forwarding_backends(forwarding, service->pool, &count);
	for (size_t i = 0; i < count; i++)
		if (backends[i].gid == pin_gid(pin))
			name = backends[i].name;
	return json_pack("{s:s, s:s, s:i}", "backend", name, "class",
		api_pin_class_name(pin_class(pin)), "age_s",
		(int)(pin_age(pin, forwarding_now_s(forwarding) / PIN_TICK_SECONDS) *
			PIN_TICK_SECONDS));
}

/*
 * Why this flow goes where it goes, and where its slot's new and old flows go. The packet that is
 * asked about goes on with a flow: who looks for a connection has one.
 */
static void add_choice(const struct api *api, json_t *answer, const struct config_service *service,
	const struct packet *packet, const struct affinity_choice *choice)
{
	const char *current = name_of(api, service, slot_cur(packet->word));
	const char *home = name_of(api, service, slot_home(packet->word));

	json_object_set_new(answer, "slot_state",
		json_string((packet->word & SLOT_TRACK) != 0 ? "tracked" : "quiet"));
	json_object_set_new(answer, "reason", json_string(affinity_reason_name(choice->reason)));
	json_object_set_new(
		answer, "reason_text", json_string(affinity_reason_text(choice->reason)));
	json_object_set_new(
		answer, "current", current == NULL ? json_null() : json_string(current));
	json_object_set_new(answer, "home", home == NULL ? json_null() : json_string(home));
	json_object_set_new(answer, "pin", describe_pin(api, service, choice->pin));
}

/* What is not ours has no port to come by here: it meets the best that any port has to offer. */
static bool host_gets_the_rest(const struct api *api)
{
	size_t count = desired_config(api->running.desired)->dataplane.port_count;

	for (size_t i = 0; i < count; i++)
		if (port_host_path(api->running.ports[i]) != HOST_PATH_DROP)
			return true;
	return false;
}

static enum verdict final_verdict(const struct api *api, const struct packet *packet)
{
	if (packet->verdict == VERDICT_NEXT)
		return VERDICT_FORWARDED;
	if (packet->verdict == VERDICT_LEFT_TO_HOST && !host_gets_the_rest(api))
		return VERDICT_NO_HOST_PATH;
	return packet->verdict;
}

static json_t *explain(const struct api *api, const struct question *question)
{
	const struct config *config = desired_config(api->running.desired);
	const struct tables *tables = forwarding_tables(api->running.forwarding);
	uint8_t room[RTE_PKTMBUF_HEADROOM + FRAME_ROOM] = { 0 };
	struct rte_mbuf mbuf;
	struct packet packet = { .mbuf = &mbuf };
	json_t *answer = json_object();
	enum verdict verdict;
	int service = -1;

	wrap_frame(&mbuf, room, build_frame(question, room + RTE_PKTMBUF_HEADROOM));
	balance_choose_burst(tables, NULL, station_any(), &packet, 1);
	if (packet.service != NULL)
		service = forwarding_find_service(api->running.forwarding, packet.service->counter);
	if (service >= 0) {
		json_object_set_new(answer, "hash", api_json_digest(packet.hash));
		json_object_set_new(answer, "slot", json_integer(packet.slot));
		add_service(api, answer, &config->services[service]);
	}
	if (service >= 0 && packet.record != NULL && balance_has_backend(tables, &packet)) {
		struct affinity_choice choice = balance_look(tables, &packet);

		add_backend(api, answer, &config->services[service], choice.backend);
		add_choice(api, answer, &config->services[service], &packet, &choice);
		add_record(api, answer, &packet);
		add_outer(answer, packet.record);
	}
	balance_encapsulate_burst(&packet, 1);
	verdict = final_verdict(api, &packet);
	json_object_set_new(answer, "verdict", json_string(verdict_name(verdict)));
	json_object_set_new(answer, "why", json_string(verdict_text(verdict)));
	return answer;
}

void api_explain(void *context, const json_t *params, struct rpc_call *call)
{
	struct question question = { .protocol = IPPROTO_TCP };

	if (api_read_params(params, question_members, &question, call) != 0)
		return;
	if (question.source.family != question.destination.family) {
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"source and destination are of different address families");
		return;
	}
	rpc_call_result(call, explain(context, &question));
}
