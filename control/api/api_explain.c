/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explain builds the packets that the 5-tuple stands for and puts them through the steps of
 * balance.h on the tables that the workers use: the answer is what the dataplane does, not a second
 * opinion.
 *
 * Only an operator is told the hash and the slot. Who knows them of many flows could choose some
 * that all meet in one slot or one bucket of pins, which the secret hash key is there to prevent.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>

#include "api/api_internal.h"
#include "api/api_probe.h"
#include "balance.h"
#include "json/json_build.h"
#include "affinity/slots.h"

/* What serves the packet. */
struct found {
	const struct config_service *service;
	size_t pool; /* by its number in the configuration: of the service, or of a rule of it */
};

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

/* The rule of a service that sends this client to another pool than others; NULL: none does. */
static json_t *describe_rule(const struct config_service *service, uint8_t rule)
{
	const struct config_split *split;
	char text[CONFIG_PREFIX_TEXT_SIZE];

	if (rule == 0 || rule > service->split_count)
		return json_null();
	split = &service->splits[rule - 1];
	if (split->family == ADDRESS_NONE)
		return json_pack("{s:s}", "from", config_prefix_format(&split->from, text));
	return json_pack("{s:s}", "family", split->family == ADDRESS_IPV4 ? "ipv4" : "ipv6");
}

static void add_service(
	const struct api *api, json_t *answer, const struct found *found, uint8_t rule)
{
	const struct config *config = desired_config(api->running.desired);
	const struct config_service *service = found->service;

	json_object_set_new(answer, "service", json_string(service->name));
	json_object_set_new(answer, "pool", json_string(config->pools[found->pool].name));
	if (service->split_count != 0)
		json_object_set_new(answer, "split", describe_rule(service, rule));
	json_object_set_new(answer, "forward", json_string(config_forward_name(service->forward)));
}

static const char *name_of(const struct api *api, const struct found *found, uint32_t index)
{
	const struct live_backend *backends;
	size_t count;
	int number = forwarding_find_backend(api->running.forwarding, found->pool, index);

	backends = forwarding_backends(api->running.forwarding, found->pool, &count);
	return number < 0 ? NULL : backends[number].name;
}

static json_t *describe_health(const struct api *api, size_t pool, size_t number)
{
	struct json_build object = json_build_begin();
	const struct live_backend *backends;
	struct health_report report;
	size_t count;

	backends = forwarding_backends(api->running.forwarding, pool, &count);
	health_describe(api->running.health, pool, number, &report);
	api_add_health(&object, &backends[number], &report);
	return json_build_end(&object);
}

/* That of a derived pool says which of the service's pools it is of. */
static void add_name(json_t *answer, const char *name)
{
	const char *slash = strchr(name, '/');

	if (slash != NULL)
		json_object_set_new(answer, "pool", json_stringn(name, slash - name));
	json_object_set_new(answer, "backend", json_string(slash == NULL ? name : slash + 1));
}

static void add_backend(
	const struct api *api, json_t *answer, const struct found *found, uint32_t index)
{
	const struct forwarding *forwarding = api->running.forwarding;
	int number = forwarding_find_backend(forwarding, found->pool, index);
	const struct live_backend *backends;
	size_t count;

	if (number < 0)
		return;
	backends = forwarding_backends(forwarding, found->pool, &count);
	add_name(answer, backends[number].name);
	json_object_set_new(answer, "address", api_json_address(&backends[number].address));
	json_object_set_new(answer, "life", json_string(live_backend_life_name(&backends[number])));
	json_object_set_new(answer, "health", describe_health(api, found->pool, (size_t)number));
}

/* A pin tells whom its flow is on by its number. */
static json_t *describe_pin(const struct api *api, const struct found *found, uint64_t pin)
{
	const struct forwarding *forwarding = api->running.forwarding;
	const struct live_backend *backends;
	const char *name = "unknown";
	struct json_build object;
	size_t count;

	if (pin == 0)
		return json_null();
	backends = forwarding_backends(forwarding, found->pool, &count);
	for (size_t i = 0; i < count; i++)
		if (backends[i].gid == pin_gid(pin))
			name = backends[i].name;
	object = json_build_begin();
	json_build_text(&object, "backend", name);
	json_build_text(&object, "class", api_pin_class_name(pin_class(pin)));
	json_build_integer(&object, "age_s",
		(int)(pin_age(pin, forwarding_now_s(forwarding) / PIN_TICK_SECONDS) *
			PIN_TICK_SECONDS));
	return json_build_end(&object);
}

/* Where new flows go elsewhere than old ones: whether the home of these is down, and why. */
static json_t *describe_home(const struct api *api, const struct found *found, uint64_t word)
{
	int number = forwarding_find_backend(api->running.forwarding, found->pool, slot_home(word));

	if (number < 0 || slot_home(word) == slot_cur(word))
		return json_null();
	return describe_health(api, found->pool, (size_t)number);
}

/* Why this packet goes where it goes, and where its slot's old flows live. */
static void add_choice(const struct api *api, json_t *answer, const struct found *found,
	const struct packet *packet, const struct affinity_choice *choice)
{
	const char *home = name_of(api, found, slot_home(packet->word));

	json_object_set_new(answer, "slot_state",
		json_string((packet->word & SLOT_TRACK) != 0 ? "tracked" : "quiet"));
	json_object_set_new(answer, "reason", json_string(affinity_reason_name(choice->reason)));
	json_object_set_new(
		answer, "reason_text", json_string(affinity_reason_text(choice->reason)));
	json_object_set_new(answer, "home", home == NULL ? json_null() : json_string(home));
	json_object_set_new(answer, "home_health", describe_home(api, found, packet->word));
	json_object_set_new(answer, "pin", describe_pin(api, found, choice->pin));
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

static void add_hash(json_t *answer, const struct packet *packet)
{
	json_object_set_new(answer, "hash", api_json_digest(packet->hash));
	json_object_set_new(answer, "slot", json_integer(packet->slot));
}

/* What is so of the slot, whatever packet of the flow comes. */
static void add_slot(const struct api *api, json_t *answer, const struct found *found,
	const struct packet *packet)
{
	const char *current = name_of(api, found, slot_cur(packet->word));

	add_service(api, answer, found, packet->service->rule);
	json_object_set_new(answer, "pool_health", api_json_pool_health(api, found->pool));
	json_object_set_new(
		answer, "current", current == NULL ? json_null() : json_string(current));
}

static bool find_service(const struct api *api, const struct packet *packet, struct found *found)
{
	const struct forwarding *forwarding = api->running.forwarding;
	int service = -1, pool = -1;

	if (packet->service != NULL) {
		service = forwarding_find_service(forwarding, packet->service->counter);
		pool = forwarding_find_pool(forwarding, packet->service->pool);
	}
	if (service < 0 || pool < 0)
		return false;
	found->service = &desired_config(api->running.desired)->services[service];
	found->pool = (size_t)pool;
	return true;
}

static void explain_packet(
	const struct api *api, struct rte_mbuf *mbuf, bool with_hash, json_t *answer)
{
	const struct tables *tables = forwarding_tables(api->running.forwarding);
	struct packet packet = { .mbuf = mbuf };
	enum verdict verdict;
	struct found found;
	bool is_served;

	balance_choose_burst(tables, NULL, station_any(), &packet, 1);
	is_served = find_service(api, &packet, &found);
	if (is_served && with_hash)
		add_hash(answer, &packet);
	if (is_served)
		add_slot(api, answer, &found, &packet);
	if (is_served && packet.record != NULL && balance_has_backend(tables, &packet)) {
		struct affinity_choice choice = balance_look(tables, &packet);

		add_backend(api, answer, &found, choice.backend);
		add_choice(api, answer, &found, &packet, &choice);
		add_record(api, answer, &packet);
		add_outer(answer, packet.record);
	}
	balance_encapsulate_burst(&packet, 1);
	verdict = final_verdict(api, &packet);
	json_object_set_new(answer, "verdict", json_string(verdict_name(verdict)));
	json_object_set_new(answer, "why", json_string(verdict_text(verdict)));
}

/* NULL with an answer to the call where there is no such packet. */
static json_t *explain(const struct api *api, const struct question *question, enum probe_kind kind,
	struct rpc_call *call)
{
	struct probe probe;
	json_t *answer = NULL;
	int code = probe_create(&probe, question, kind);

	if (code == 0) {
		answer = json_object();
		explain_packet(api, &probe.mbuf, rpc_call_may_change(call), answer);
	} else if (code == -EINVAL) {
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"length: %u bytes do not hold the headers of this packet",
			question->length);
	} else {
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
	}
	probe_destroy(&probe);
	return answer;
}

/*
 * A new connection is what a caller who sees a fault has; one that exists may have another fate,
 * which stands beside it. For UDP no packet says whether it is the first.
 */
static json_t *explain_flow(
	const struct api *api, const struct question *question, struct rpc_call *call)
{
	json_t *answer, *established;

	if (question->icmp_error)
		return explain(api, question, PROBE_ICMP_ERROR, call);
	answer = explain(api, question, PROBE_NEW, call);
	if (answer == NULL || question->protocol != IPPROTO_TCP ||
		json_object_get(answer, "service") == NULL)
		return answer;
	established = explain(api, question, PROBE_ESTABLISHED, call);
	if (established == NULL) {
		json_decref(answer);
		return NULL;
	}
	json_object_set_new(answer, "established", established);
	return answer;
}

void api_explain(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	const struct question *question = &params->question;
	json_t *answer;

	if (question->source.family != question->destination.family) {
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"source and destination are of different address families");
		return;
	}
	answer = explain_flow(api, question, call);
	if (answer != NULL)
		rpc_call_result(call, answer);
}
