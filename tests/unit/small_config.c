/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "small_config.h"

#define DOCUMENT_SIZE (1 << 16)

#define WWW                                                                                      \
	"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': 'web', " \
	"'forward': '%s'}]"

static json_t *parse(const char *text)
{
	struct error error = { "" };
	char *quoted = strdup(text);
	json_t *document;

	assert_non_null(quoted);
	for (char *at = quoted; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	document = config_document_parse(quoted, strlen(quoted), &error);
	free(quoted);
	if (document == NULL)
		fail_msg("%s", error.message);
	return document;
}

static json_t *make_neighbours(const char *address, const char *mac, unsigned int count)
{
	json_t *neighbours = json_array();

	for (unsigned int i = 1; i <= count; i++)
		json_array_append_new(neighbours,
			json_pack("{s:o, s:o}", "address", json_sprintf("%s%u", address, i), "mac",
				json_sprintf("%s%02x", mac, i)));
	return neighbours;
}

static json_t *make_ports(void)
{
	return json_pack("[{s:s, s:s, s:i, s:o, s:s}, {s:s, s:s, s:i, s:o}]", "name", "left",
		"device", "net_null0", "mtu", 1500, "neighbours",
		make_neighbours("10.2.0.", "02:00:0a:02:00:", 30), "gateway_mac",
		SMALL_CONFIG_GATEWAY_MAC, "name", "right", "device", "net_null1", "mtu", 9000,
		"neighbours", make_neighbours("fd00:2::", "02:00:fd:00:02:", 9));
}

json_t *small_config_document(const char *pools, const char *services)
{
	json_t *document = json_pack("{s:{s:s, s:s}, s:{s:i, s:s, s:{s:s, s:s}, s:o}, s:o, s:o}",
		"node", "name", "unit", "hash_key", "000102030405060708090a0b0c0d0e0f", "dataplane",
		"workers", 2, "state_file", "/tmp/sluice-unit-state", "tunnel_source", "ipv4",
		"10.2.0.250", "ipv6", "fd00:2::250", "ports", make_ports(), "pools", parse(pools),
		"services", parse(services));

	assert_non_null(document);
	return document;
}

struct config *small_config_read(const char *pools, const char *services)
{
	json_t *document = small_config_document(pools, services);
	struct error error = { "" };
	struct config *config = config_read(document, NULL, &error);

	json_decref(document);
	if (config == NULL)
		fail_msg("%s", error.message);
	return config;
}

static struct config *read_web(const char *backends, const char *forward)
{
	char *pools = malloc(DOCUMENT_SIZE);
	struct config *config;
	char services[256];

	assert_non_null(pools);
	snprintf(pools, DOCUMENT_SIZE, "[{'name': 'web', 'slots': 251, 'backends': [%s]}]",
		backends);
	snprintf(services, sizeof(services), WWW, forward);
	config = small_config_read(pools, services);
	free(pools);
	return config;
}

struct config *small_config_web(unsigned int first, unsigned int last, const char *forward)
{
	char backends[4096] = "";
	size_t used = 0;

	for (unsigned int i = first; i <= last; i++)
		used += (size_t)snprintf(backends + used, sizeof(backends) - used,
			"%s{'name': 'w%u', 'address': '10.2.0.%u'}", i == first ? "" : ", ", i, i);
	return read_web(backends, forward);
}

struct config *small_config_backends(const char *backends)
{
	return read_web(backends, "ipip");
}
