/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "edit/config_differences.h"
#include "config/config_digest.h"
#include "config/config_schema.h"
#include "config_fixture.h"

static void every_bad_value_is_refused_with_its_path(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *rows = config_fixture_load("refused.json");
	struct error error;
	size_t index;
	json_t *row;

	assert_true(json_array_size(rows) >= 100);
	json_array_foreach (rows, index, row) {
		json_t *document = config_fixture_change(full, row);

		assert_string_equal(config_fixture_refusal(document, &error),
			json_string_value(json_object_get(row, "sentence")));
		json_decref(document);
	}
	json_decref(rows);
	json_decref(full);
}

/* One mistake of any kind: what is found first is the same, and looking on does no harm. */
static void a_mistake_is_found_whatever_else_is_looked_for(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *rows = config_fixture_load("refused.json");
	size_t index;
	json_t *row;

	json_array_foreach (rows, index, row) {
		json_t *document = config_fixture_change(full, row);
		struct findings findings;

		findings_init(&findings, FINDINGS_MAX);
		config_destroy(config_validate(document, NULL, &findings));
		assert_true(findings.count > 0);
		assert_string_equal(findings.errors[0].message,
			json_string_value(json_object_get(row, "sentence")));
		json_decref(document);
	}
	json_decref(rows);
	json_decref(full);
}

/* Of a document with several mistakes: the sentences in their order, and no more. */
static void assert_findings(const json_t *document, bool could_be_read, size_t limit,
	const char *const *sentences, size_t count)
{
	struct findings findings;
	struct config *config;

	findings_init(&findings, limit);
	config = config_validate(document, NULL, &findings);
	assert_int_equal(config != NULL, could_be_read);
	for (size_t i = 0; i < findings.count && i < count; i++)
		assert_string_equal(findings.errors[i].message, sentences[i]);
	assert_int_equal(findings.count, count);
	config_destroy(config);
}

static void all_parts_that_cannot_be_read_are_found_at_once(void **state)
{
	static const char *const sentences[] = {
		"colour: unknown key",
		"node.name: missing",
		"dataplane.mbufs: 5 is not a number of packet buffers (1024-16777216)",
		"dataplane.ports[0].mtu: 1 is not an MTU (1280-9216)",
		("dataplane.ports[0].neighbours[1].mac: \"x\" is not a MAC address (written as "
		 "02:00:00:00:00:21)"),
		"dataplane.ports[1].device: missing",
		"pools[0].backends[0].wieght: unknown key (did you mean \"weight\"?)",
		"pools[0].backends[1].weight: -1 is not a weight (0-65535)",
		"pools[1].slots: 1022 is not a prime (1031 is the next)",
		"services[0].port: 0 is not a port (1-65535)",
		"services[2].udp: \"x\" is not pin, hash or quic",
	};
	static const char row[] =
		"{\"set\": {\"/colour\": \"red\", \"/dataplane/mbufs\": 5,"
		" \"/dataplane/ports/0/mtu\": 1, \"/dataplane/ports/0/neighbours/1/mac\": \"x\","
		" \"/dataplane/ports/1\": {\"name\": \"inner\"},"
		" \"/pools/0/backends/0/wieght\": 1, \"/pools/0/backends/1/weight\": -1,"
		" \"/pools/1/slots\": 1022, \"/services/0/port\": 0, \"/services/2/udp\": \"x\","
		" \"/services/1/pool\": \"later\"}, \"remove\": \"/node/name\"}";
	json_t *full = config_fixture_load("full.json");
	json_t *change = json_loads(row, 0, NULL);
	json_t *document = config_fixture_change(full, change);

	assert_findings(document, false, FINDINGS_MAX, sentences, COUNT_OF(sentences));
	assert_findings(document, false, 3, sentences, 3);
	json_decref(document);
	json_decref(change);
	json_decref(full);
}

static void all_rules_that_are_broken_are_found_at_once(void **state)
{
	static const char *const sentences[] = {
		"services[1].pool: there is no pool \"absent\"",
		"control.socket: /tmp/sluice/state is the dataplane.state_file",
		"pools[0].slots: 251 slots are fewer than 1 backend and 251 vacant seats",
		"dataplane.ports[1].name: edge is taken by dataplane.ports[0]",
		"services[2].name: www is taken by services[0]",
		"pools[1].backends[1].address: 10.2.0.21 is taken by pools[1].backends[0]",
		"services[0].vip: 10.2.0.10 is the dataplane.tunnel_source",
		("pools[0].backends[0].address: 10.2.0.10 is the VIP of services[0], packets would "
		 "come back"),
	};
	static const char row[] =
		"{\"set\": {\"/services/1/pool\": \"absent\","
		" \"/control/socket\": \"/tmp/sluice/state\", \"/pools/0/slots\": 251,"
		" \"/pools/0/backends\": [{\"name\": \"a\", \"address\": \"10.2.0.10\"}],"
		" \"/dataplane/ports/1/name\": \"edge\", \"/services/2/name\": \"www\","
		" \"/pools/1/backends/1/address\": \"10.2.0.21\","
		" \"/services/0/vip\": \"10.2.0.10\"}}";
	json_t *full = config_fixture_load("full.json");
	json_t *change = json_loads(row, 0, NULL);
	json_t *document = config_fixture_change(full, change);
	json_t *vacant = json_array();

	for (int i = 0; i < 251; i++)
		json_array_append_new(vacant,
			json_pack("{s:o, s:i}", "key", json_sprintf("v%d", i), "weight", 1));
	json_object_set_new(
		json_array_get(json_object_get(document, "pools"), 0), "vacant", vacant);
	assert_findings(document, true, FINDINGS_MAX, sentences, COUNT_OF(sentences));
	assert_findings(document, true, 2, sentences, 2);
	json_decref(document);
	json_decref(change);
	json_decref(full);
}

/* One cause, one sentence: a hundred backends need the same source. */
static void what_is_missing_for_all_backends_is_found_once(void **state)
{
	static const char *const sentences[] = {
		"dataplane.tunnel_source.ipv4: missing, ipip of services[0] to pools[0].backends[0] "
		"needs it",
		"dataplane.tunnel_source.ipv6: missing, ipip of services[0] to pools[0].backends[1] "
		"needs it",
	};
	json_t *full = config_fixture_load("full.json");
	json_t *document = config_fixture_change_one(full, "/dataplane/tunnel_source", NULL);

	json_array_append_new(
		json_object_get(json_array_get(json_object_get(document, "pools"), 0), "backends"),
		json_pack("{s:s, s:s}", "name", "web-3", "address", "10.2.0.22"));
	assert_findings(document, true, FINDINGS_MAX, sentences, COUNT_OF(sentences));
	json_decref(document);
	json_decref(full);
}

/* print(read(print(read(x)))) is print(read(x)), with and without the secret. */
static void assert_round_trip(const json_t *document)
{
	struct config *first = config_fixture_read(document);
	json_t *printed = config_print_with_secret(first);
	struct config *second = config_fixture_read(printed);
	struct config *copy = config_copy(first, NULL);
	char *copied = config_fixture_dump(config_print_with_secret(copy));
	char *once = config_fixture_dump(printed);
	char *twice = config_fixture_dump(config_print_with_secret(second));
	char *bare_once = config_fixture_dump(config_print(first));
	char *bare_twice = config_fixture_dump(config_print(second));

	assert_string_equal(once, twice);
	assert_string_equal(once, copied);
	assert_string_equal(bare_once, bare_twice);
	config_destroy(copy);
	free(copied);
	free(bare_twice);
	free(bare_once);
	free(twice);
	free(once);
	config_destroy(second);
	config_destroy(first);
}

static void every_good_document_survives_a_round_trip(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *minimal = config_fixture_load("minimal.json");
	json_t *rows = config_fixture_load("accepted.json");
	size_t index;
	json_t *row;

	assert_true(json_array_size(rows) >= 20);
	assert_round_trip(minimal);
	json_array_foreach (rows, index, row) {
		json_t *document = config_fixture_change(full, row);

		assert_round_trip(document);
		json_decref(document);
	}
	json_decref(rows);
	json_decref(minimal);
	json_decref(full);
}

static char *print_of(const json_t *document)
{
	struct config *config = config_fixture_read(document);
	char *text = config_fixture_dump(config_print_with_secret(config));

	config_destroy(config);
	return text;
}

static struct config_digest digest_of(const json_t *document, char **text)
{
	struct config *config = config_fixture_read(document);
	struct config_digest digest = config_digest_of(config);

	*text = config_fixture_dump(config_print(config));
	config_destroy(config);
	return digest;
}

/* As values and as what is printed: a key that one of them forgot would show. */
static void digests_differ_exactly_where_what_is_printed_differs(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *rows = config_fixture_load("accepted.json");
	char *full_text, *text;
	struct config_digest full_digest = digest_of(full, &full_text);
	size_t index;
	json_t *row;

	json_array_foreach (rows, index, row) {
		json_t *document = config_fixture_change(full, row);
		struct config_digest digest = digest_of(document, &text);

		if ((digest.all == full_digest.all) != (strcmp(text, full_text) == 0))
			fail_msg("row %zu: %s", index, text);
		assert_int_equal(digest.all == full_digest.all,
			digest.rest == full_digest.rest && digest.services == full_digest.services);
		json_decref(document);
		free(text);
	}
	free(full_text);
	json_decref(rows);
	json_decref(full);
}

static void a_document_in_canonical_form_is_printed_as_it_is(void **state)
{
	json_t *document = config_fixture_load("full.json");
	char *printed = print_of(document);
	char *expected = config_fixture_dump(document);

	assert_string_equal(printed, expected);
	free(expected);
	free(printed);
}

static void canonical_form_spells_out_defaults(void **state)
{
	json_t *document = config_fixture_load("minimal.json");
	char *expected = config_fixture_dump(config_fixture_load("minimal-canonical.json"));
	char *printed = print_of(document);

	assert_string_equal(printed, expected);
	free(printed);
	free(expected);
	json_decref(document);
}

static void addresses_and_macs_are_printed_in_one_form(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *shouting =
		config_fixture_change_one(full, "/services/1/vip", "\"2001:0DB8:0:0::0010\"");
	json_t *louder = config_fixture_change_one(
		shouting, "/dataplane/ports/0/gateway_mac", "\"02:00:DE:AD:BE:AF\"");
	char *expected = print_of(full);
	char *printed = print_of(louder);

	assert_string_equal(printed, expected);
	free(printed);
	free(expected);
	json_decref(louder);
	json_decref(shouting);
	json_decref(full);
}

/* The same document with the keys of every object in reverse order. */
static json_t *reverse_keys(const json_t *value)
{
	json_t *reversed = json_object();
	const char *keys[32];
	size_t count = 0;
	const char *key;
	json_t *member;

	json_object_foreach ((json_t *)value, key, member)
		keys[count++] = key;
	while (count-- > 0) {
		member = json_object_get(value, keys[count]);
		if (json_is_object(member))
			json_object_set_new(reversed, keys[count], reverse_keys(member));
		else
			json_object_set(reversed, keys[count], member);
	}
	return reversed;
}

static void reverse_elements(json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		json_array_set_new(list, i, reverse_keys(json_array_get(list, i)));
}

static void order_of_keys_does_not_matter(void **state)
{
	json_t *full = config_fixture_load("full.json");
	char *expected = print_of(full);
	json_t *reversed;
	char *printed;

	reverse_elements(json_object_get(json_object_get(full, "dataplane"), "ports"));
	reverse_elements(json_object_get(full, "pools"));
	reverse_elements(json_object_get(full, "services"));
	reversed = reverse_keys(full);
	assert_string_equal(json_object_iter_key(json_object_iter(reversed)), "services");
	printed = print_of(reversed);
	assert_string_equal(printed, expected);
	free(printed);
	json_decref(reversed);
	free(expected);
	json_decref(full);
}

static void values_arrive_where_they_belong(void **state)
{
	json_t *document = config_fixture_load("full.json");
	struct config *config = config_fixture_read(document);
	const struct config_dataplane *dataplane = &config->dataplane;
	char text[ADDRESS_TEXT_SIZE];

	assert_string_equal(config->node_name, "edge-1");
	assert_int_equal(config->hash_key[15], 0x0f);
	assert_false(dataplane->workers_by_number);
	assert_int_equal(dataplane->worker_count, 2);
	assert_int_equal(dataplane->worker_cpus[1], 3);
	assert_int_equal(dataplane->idle, CONFIG_IDLE_REST);
	assert_int_equal(dataplane->mbufs, 8192);
	assert_int_equal(dataplane->pins, 8192);
	assert_int_equal(dataplane->eal_count, 2);
	assert_string_equal(dataplane->eal[1], "--no-huge");
	assert_string_equal(address_format(&dataplane->tunnel_source_ipv6, text), "fd00:2::10");
	assert_int_equal(dataplane->ports[0].host_path, CONFIG_HOST_PATH_XDP);
	assert_true(dataplane->ports[0].has_gateway_mac);
	assert_int_equal(dataplane->ports[0].neighbours[1].mac[5], 0x22);
	assert_int_equal(dataplane->ports[1].mtu, 9000);
	assert_int_equal(dataplane->ports[1].host_path, CONFIG_HOST_PATH_DEFAULT);
	assert_false(dataplane->ports[1].has_gateway_mac);
	assert_int_equal(config->pools[0].backends[1].weight, 50);
	assert_int_equal(config->pools[0].backends[1].state, CONFIG_BACKEND_DISABLED);
	assert_int_equal(config->services[2].protocol, CONFIG_PROTOCOL_UDP);
	assert_int_equal(config->services[2].port, 0);
	assert_int_equal(config->services[2].pool, 1);
	assert_int_equal(config->services[2].forward, CONFIG_FORWARD_L2DSR);
	assert_int_equal(config->services[2].udp, CONFIG_UDP_QUIC);
	config_destroy(config);
	json_decref(document);
}

static void what_keeps_flows_arrives_where_it_belongs(void **state)
{
	json_t *document = config_fixture_load("full.json");
	struct config *config = config_fixture_read(document);
	const struct config_pool *pool = &config->pools[0];

	assert_int_equal(pool->builder, CONFIG_BUILDER_RENDEZVOUS);
	assert_int_equal(pool->affinity.observe_s, 600);
	assert_int_equal(pool->affinity.settle_s, 30);
	assert_int_equal(pool->affinity.hold_s, 120);
	assert_int_equal(pool->affinity.fail_grace_s, 20);
	assert_int_equal(pool->affinity.guard_s, 5);
	assert_int_equal(pool->slow_start.duration_s, 60);
	assert_int_equal(pool->slow_start.steps, 6);
	assert_int_equal(pool->drain_deadline_s, 600);
	assert_int_equal(pool->max_disruption_percent, 40);
	assert_int_equal(pool->max_load_percent, 150);
	assert_string_equal(pool->backends[0].key, "10.2.0.21");
	assert_string_equal(pool->backends[1].key, "seat:2");
	config_destroy(config);
	json_decref(document);
}

static void who_serves_arrives_where_it_belongs(void **state)
{
	json_t *document = config_fixture_load("full.json");
	struct config *config = config_fixture_read(document);
	const struct config_pool *pool = &config->pools[0];

	assert_string_equal(config->node_zone, "ams1");
	assert_int_equal(config->max_removed_percent, 20);
	assert_int_equal(config->zone_count, 2);
	assert_int_equal(config->zones[0].state, CONFIG_ZONE_ACTIVE);
	assert_string_equal(config->zones[1].name, "ams2");
	assert_int_equal(config->zones[1].state, CONFIG_ZONE_DRAIN);
	assert_int_equal(pool->fail_open_below.number, 1);
	assert_false(pool->fail_open_below.is_percent);
	assert_int_equal(pool->withdraw_below.number, 40);
	assert_true(pool->withdraw_below.is_percent);
	assert_int_equal(pool->all_down, CONFIG_ALL_DOWN_WITHDRAW);
	assert_int_equal(pool->unhealthy_flows.tcp, CONFIG_FLOWS_KEEP);
	assert_int_equal(pool->unhealthy_flows.udp, CONFIG_FLOWS_MOVE);
	assert_false(pool->cross_zone);
	assert_int_equal(pool->zone_below.number, 70);
	assert_string_equal(pool->backends[0].zone, "ams1");
	assert_string_equal(pool->backends[1].zone, "");
	config_destroy(config);
	json_decref(document);
}

static void a_pool_that_says_nothing_has_the_defaults(void **state)
{
	static const char text[] =
		"{\"name\": \"near\", \"slow_start\": {\"duration_s\": 5}, \"backends\": ["
		"{\"name\": \"near-1\", \"address\": \"10.2.0.21\"}]}";
	json_t *full = config_fixture_load("full.json");
	json_t *document = config_fixture_change_one(full, "/pools/1", text);
	struct config *config = config_fixture_read(document);
	const struct config_pool *pool = &config->pools[1];

	assert_int_equal(pool->slots, 65537);
	assert_int_equal(pool->builder, CONFIG_BUILDER_MAGLEV);
	assert_int_equal(pool->affinity.observe_s, 900);
	assert_int_equal(pool->affinity.settle_s, 60);
	assert_int_equal(pool->affinity.hold_s, 300);
	assert_int_equal(pool->affinity.fail_grace_s, 30);
	assert_int_equal(pool->affinity.guard_s, 10);
	assert_int_equal(pool->slow_start.steps, 10);
	assert_int_equal(pool->drain_deadline_s, 3600);
	assert_int_equal(pool->max_disruption_percent, 100);
	assert_int_equal(pool->max_load_percent, 0);
	assert_int_equal(pool->fail_open_below.number, 0);
	assert_int_equal(pool->withdraw_below.number, 0);
	assert_int_equal(pool->all_down, CONFIG_ALL_DOWN_ALL);
	assert_int_equal(pool->unhealthy_flows.tcp, CONFIG_FLOWS_KEEP);
	assert_int_equal(pool->unhealthy_flows.udp, CONFIG_FLOWS_KEEP);
	assert_true(pool->cross_zone);
	assert_true(pool->zone_below.is_percent);
	assert_int_equal(pool->zone_below.number, 50);
	assert_string_equal(pool->backends[0].zone, "");
	assert_string_equal(pool->backends[0].key, "10.2.0.21");
	config_destroy(config);
	json_decref(document);
	json_decref(full);
}

static void a_key_is_printed_only_where_it_is_not_the_address(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *same = config_fixture_change_one(full, "/pools/0/backends/1/key", "\"fd00:2::22\"");
	json_t *absent = config_fixture_change_one(full, "/pools/0/backends/1/key", NULL);
	char *expected = print_of(absent);
	char *printed = print_of(same);

	assert_string_equal(printed, expected);
	assert_null(strstr(printed, "\"key\": \"fd00:2::22\""));
	free(printed);
	free(expected);
	json_decref(absent);
	json_decref(same);
	json_decref(full);
}

/* Of a document and itself with the changes of `row`; `expected` has ' in the place of ". */
static void assert_differences(const char *row, const char *expected)
{
	json_t *full = config_fixture_load("full.json");
	json_t *change = json_loads(row, 0, NULL);
	json_t *changed = config_fixture_change(full, change);
	struct config *before = config_fixture_read(full);
	struct config *after = config_fixture_read(changed);
	json_t *differences = config_differences(before, after);
	char *text = json_dumps(differences, JSON_COMPACT);

	for (char *at = text; *at != '\0'; at++)
		if (*at == '"')
			*at = '\'';
	assert_string_equal(text, expected);
	free(text);
	json_decref(differences);
	config_destroy(after);
	config_destroy(before);
	json_decref(changed);
	json_decref(change);
	json_decref(full);
}

static void what_differs_is_told_key_by_key(void **state)
{
	assert_differences("{}", "{'keys':[],'left_out':0}");
	assert_differences("{\"set\": {\"/pools/0/backends/0/weight\": 50,"
			   " \"/dataplane/workers\": [1, 2],"
			   " \"/dataplane/ports/0/neighbours/1/mac\": \"02:00:00:00:00:99\"}}",
		"{'keys':[{'path':'dataplane.workers','before':[1,3],'after':[1,2]},"
		"{'path':'dataplane.ports[edge].neighbours[10.2.0.22].mac',"
		"'before':'02:00:00:00:00:22','after':'02:00:00:00:00:99'},"
		"{'path':'pools[web].backends[web-1].weight','before':100,'after':50}],"
		"'left_out':0}");
	/* what moved in its list is the same; what has another name is another */
	assert_differences("{\"set\": {\"/pools/1/backends\": ["
			   "{\"name\": \"near-2\", \"address\": \"10.2.0.22\", \"weight\": 65535},"
			   "{\"name\": \"near-9\", \"address\": \"10.2.0.21\", \"weight\": 1}]},"
			   " \"remove\": \"/pools/1/vacant\"}",
		"{'keys':[{'path':'pools[near].backends[near-1]','before':{'name':'near-1',"
		"'address':'10.2.0.21','weight':1,'state':'active'}},"
		"{'path':'pools[near].backends[near-9]','after':{'name':'near-9',"
		"'address':'10.2.0.21','weight':1,'state':'active'}},"
		"{'path':'pools[near].vacant','before':[{'key':'near-0','weight':7}]}],"
		"'left_out':0}");
}

static json_t *with_backends(const json_t *document, size_t pools, size_t count);

static void of_many_differences_the_first_are_told(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *few = with_backends(full, 1, 10), *many = with_backends(full, 1, 100);
	struct config *before = config_fixture_read(few), *after = config_fixture_read(many);
	json_t *differences = config_differences(before, after);

	assert_int_equal(
		json_array_size(json_object_get(differences, "keys")), CONFIG_DIFFERENCES_MAX);
	assert_int_equal(json_integer_value(json_object_get(differences, "left_out")),
		90 - CONFIG_DIFFERENCES_MAX);
	json_decref(differences);
	config_destroy(after);
	config_destroy(before);
	json_decref(many);
	json_decref(few);
	json_decref(full);
}

/* A pool with thousands of backends would be most of the answer. */
static void a_long_value_that_differs_is_only_named(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *most = with_backends(full, 1, 100);
	json_t *first = json_array_get(json_object_get(most, "pools"), 0);
	struct config *before = config_fixture_read(most), *after;
	json_t *differences, *gone;

	json_object_set_new(first, "name", json_string("renamed"));
	json_object_set_new(json_array_get(json_object_get(most, "services"), 0), "pool",
		json_string("renamed"));
	after = config_fixture_read(most);
	differences = config_differences(before, after);
	gone = json_object_get(json_array_get(json_object_get(differences, "keys"), 0), "before");
	assert_string_equal(json_string_value(gone), "an object");
	json_decref(differences);
	config_destroy(after);
	config_destroy(before);
	json_decref(most);
	json_decref(full);
}

static void things_are_found_by_name(void **state)
{
	json_t *document = config_fixture_load("full.json");
	struct config *config = config_fixture_read(document);

	assert_int_equal(config_find_pool(config, "near"), 1);
	assert_int_equal(config_find_pool(config, "nea"), -ENOENT);
	assert_int_equal(config_find_service(config, "www6"), 1);
	assert_int_equal(config_find_service(config, ""), -ENOENT);
	assert_int_equal(config_find_backend(&config->pools[1], "near-2"), 1);
	assert_int_equal(config_find_backend(&config->pools[0], "near-2"), -ENOENT);
	config_destroy(config);
	json_decref(document);
}

static void secret_is_not_printed(void **state)
{
	json_t *document = config_fixture_load("full.json");
	struct config *config = config_fixture_read(document);
	char *bare = config_fixture_dump(config_print(config));
	char *whole = config_fixture_dump(config_print_with_secret(config));

	assert_null(strstr(bare, "hash_key"));
	assert_null(strstr(bare, "0001020304"));
	assert_non_null(strstr(whole, "\"hash_key\": \"000102030405060708090a0b0c0d0e0f\""));
	free(whole);
	free(bare);
	config_destroy(config);
	json_decref(document);
}

static void a_document_without_the_secret_takes_the_one_at_hand(void **state)
{
	static const uint8_t key[CONFIG_HASH_KEY_SIZE] = { 1, [15] = 2 };
	json_t *full = config_fixture_load("full.json");
	json_t *bare = config_fixture_change_one(full, "/node/hash_key", NULL);
	struct error error = { "" };
	struct config *adopted = config_read(bare, key, &error);
	struct config *own = config_read(full, key, &error);

	assert_non_null(adopted);
	assert_memory_equal(adopted->hash_key, key, sizeof(key));
	assert_non_null(own);
	assert_int_equal(own->hash_key[1], 1);
	config_destroy(own);
	config_destroy(adopted);
	json_decref(bare);
	json_decref(full);
}

/* A document with `count` backends of distinct addresses in each of `pools` pools. */
static json_t *with_backends(const json_t *document, size_t pools, size_t count)
{
	json_t *copy = config_fixture_change_one(document, "/services", "[]");
	json_t *list = json_array();

	for (size_t i = 0; i < pools; i++) {
		json_t *backends = json_array();

		for (size_t j = 0; j < count; j++)
			json_array_append_new(backends,
				json_pack("{s:o, s:o}", "name", json_sprintf("b%zu", j), "address",
					json_sprintf("10.3.%zu.%zu", j / 256, j % 256)));
		json_array_append_new(
			list, json_pack("{s:o, s:i, s:o}", "name", json_sprintf("p%zu", i), "slots",
				      16411, "backends", backends));
	}
	json_object_set_new(copy, "pools", list);
	return copy;
}

static void limits_of_backends_are_judged_per_pool_and_in_all(void **state)
{
	static const struct {
		size_t pools;
		size_t backends;
		const char *sentence;
	} rows[] = {
		{ 1, 16384, "pools[0].backends: 16384 entries (0-16383 are allowed)" },
		{ 5, 13108, "pools: 65540 backends in all (0-65535 are allowed)" },
	};
	json_t *full = config_fixture_load("full.json");
	json_t *most = with_backends(full, 5, 13107);
	struct error error;

	config_destroy(config_fixture_read(most));
	json_decref(most);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *document = with_backends(full, rows[i].pools, rows[i].backends);

		assert_string_equal(config_fixture_refusal(document, &error), rows[i].sentence);
		json_decref(document);
	}
	json_decref(full);
}

static void a_pool_needs_a_slot_for_each_backend(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *many = with_backends(full, 1, 252);
	json_t *document = config_fixture_change_one(many, "/pools/0/slots", "251");
	struct error error;

	assert_string_equal(config_fixture_refusal(document, &error),
		"pools[0].slots: 251 slots are fewer than the 252 backends");
	json_decref(document);
	json_decref(many);
	json_decref(full);
}

static void keep_sentence(void *context, const char *sentence)
{
	strcpy(context, sentence);
}

static void a_small_table_is_warned_about_and_accepted(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *small = config_fixture_change_one(full, "/pools/1/slots", "599");
	json_t *enough = config_fixture_change_one(full, "/pools/1/slots", "601");
	struct config *warned = config_fixture_read(small);
	struct config *fine = config_fixture_read(enough);
	char sentence[256] = "";

	assert_int_equal(config_warnings(fine, keep_sentence, sentence), 0);
	assert_string_equal(sentence, "");
	assert_int_equal(config_warnings(warned, NULL, NULL), 1);
	assert_int_equal(config_warnings(warned, keep_sentence, sentence), 1);
	assert_string_equal(sentence,
		"pools[1].slots: 599 slots for 2 backends are fewer than 300 each, shares will "
		"differ from the weights");
	config_destroy(fine);
	config_destroy(warned);
	json_decref(enough);
	json_decref(small);
	json_decref(full);
}

static void more_vacant_seats_than_backends_are_warned_about(void **state)
{
	static const char seats[] =
		"[{\"key\": \"a\", \"weight\": 1}, {\"key\": \"b\", \"weight\": 1}, "
		"{\"key\": \"c\", \"weight\": 1}]";
	json_t *full = config_fixture_load("full.json");
	json_t *document = config_fixture_change_one(full, "/pools/1/vacant", seats);
	struct config *config = config_fixture_read(document);
	char sentence[256] = "";

	assert_int_equal(config->pools[1].vacant_count, 3);
	assert_int_equal(config_warnings(config, keep_sentence, sentence), 1);
	assert_string_equal(sentence,
		"pools[1].vacant: there are more seats (3) than backends (2), whose shares differ from "
		"the weights by that: drop the list");
	config_destroy(config);
	json_decref(document);
	json_decref(full);
}

/* Each has a place in the table, whether or not it has a backend. */
static void seats_are_at_most_as_many_as_slots_and_indices(void **state)
{
	json_t *full = config_fixture_load("full.json");
	json_t *few = config_fixture_change_one(full, "/pools/1/slots", "251");
	json_t *seats = json_array();
	struct error error = { "" };
	char key[16];

	for (int i = 0; i < 250; i++) {
		snprintf(key, sizeof(key), "seat-%d", i);
		json_array_append_new(seats, json_pack("{s:s, s:i}", "key", key, "weight", 1));
	}
	json_object_set(json_array_get(json_object_get(few, "pools"), 1), "vacant", seats);
	assert_string_equal(config_fixture_refusal(few, &error),
		"pools[1].slots: 251 slots are fewer than 2 backends and 250 vacant seats");
	for (int i = 250; i < 16382; i++) {
		snprintf(key, sizeof(key), "seat-%d", i);
		json_array_append_new(seats, json_pack("{s:s, s:i}", "key", key, "weight", 1));
	}
	assert_string_equal(config_fixture_refusal(few, &error),
		"pools[1].vacant: 16382 seats beside 2 backends are more than 16383");
	json_decref(seats);
	json_decref(few);
	json_decref(full);
}

static void a_service_without_a_backend_for_new_flows_is_warned_about(void **state)
{
	static const char *const rows[][2] = {
		{ "/pools/0/backends/0/weight", "0" },
		{ "/pools/0/backends/0/state", "\"drain\"" },
		{ "/pools/0/backends/0/state", "\"disabled\"" },
	};
	json_t *full = config_fixture_load("full.json");

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *document = config_fixture_change_one(full, rows[i][0], rows[i][1]);
		struct config *config = config_fixture_read(document);
		char sentence[256] = "";

		assert_int_equal(config_warnings(config, keep_sentence, sentence), 2);
		assert_string_equal(sentence,
			"services[1]: pool \"web\" has no active backend with a weight, service "
			"\"www6\" drops new flows");
		config_destroy(config);
		json_decref(document);
	}
	json_decref(full);
}

/* roff ends an argument at a quotation mark. */
static void the_manual_quotes_no_mark_within_an_argument(void **state)
{
	char page[] = "@KEYS@\n", *text, *line, *rest;
	FILE *input = fmemopen(page, strlen(page), "r");
	size_t length, arguments = 0;
	FILE *file = open_memstream(&text, &length);

	assert_int_equal(config_schema_write_manual(input, file), 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(fclose(input), 0);
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		size_t marks = 0;

		for (const char *at = line; *at != '\0'; at++)
			marks += *at == '"';
		if (marks != (strncmp(line, ".RI", 3) == 0 ? 2 : 0))
			fail_msg("%s", line);
		arguments += marks / 2;
	}
	assert_true(arguments > 20);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_quotes_no_mark_within_an_argument),
		cmocka_unit_test(every_bad_value_is_refused_with_its_path),
		cmocka_unit_test(a_mistake_is_found_whatever_else_is_looked_for),
		cmocka_unit_test(all_parts_that_cannot_be_read_are_found_at_once),
		cmocka_unit_test(all_rules_that_are_broken_are_found_at_once),
		cmocka_unit_test(what_is_missing_for_all_backends_is_found_once),
		cmocka_unit_test(every_good_document_survives_a_round_trip),
		cmocka_unit_test(digests_differ_exactly_where_what_is_printed_differs),
		cmocka_unit_test(a_document_in_canonical_form_is_printed_as_it_is),
		cmocka_unit_test(canonical_form_spells_out_defaults),
		cmocka_unit_test(addresses_and_macs_are_printed_in_one_form),
		cmocka_unit_test(order_of_keys_does_not_matter),
		cmocka_unit_test(values_arrive_where_they_belong),
		cmocka_unit_test(what_keeps_flows_arrives_where_it_belongs),
		cmocka_unit_test(who_serves_arrives_where_it_belongs),
		cmocka_unit_test(a_pool_that_says_nothing_has_the_defaults),
		cmocka_unit_test(a_key_is_printed_only_where_it_is_not_the_address),
		cmocka_unit_test(what_differs_is_told_key_by_key),
		cmocka_unit_test(of_many_differences_the_first_are_told),
		cmocka_unit_test(a_long_value_that_differs_is_only_named),
		cmocka_unit_test(things_are_found_by_name),
		cmocka_unit_test(secret_is_not_printed),
		cmocka_unit_test(a_document_without_the_secret_takes_the_one_at_hand),
		cmocka_unit_test(limits_of_backends_are_judged_per_pool_and_in_all),
		cmocka_unit_test(a_pool_needs_a_slot_for_each_backend),
		cmocka_unit_test(a_small_table_is_warned_about_and_accepted),
		cmocka_unit_test(more_vacant_seats_than_backends_are_warned_about),
		cmocka_unit_test(seats_are_at_most_as_many_as_slots_and_indices),
		cmocka_unit_test(a_service_without_a_backend_for_new_flows_is_warned_about),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
