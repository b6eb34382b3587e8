/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_kinds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_choice.h"
#include "config/config_field.h"

#define MAC_TEXT_SIZE 18
#define KEY_TEXT_SIZE (2 * CONFIG_HASH_KEY_SIZE + 1)
#define CPU_MAX       1023 /* CPU_SETSIZE - 1 */

static const void *field_of(const struct json_key *key, const void *owner)
{
	return (const char *)owner + key->offset;
}

/* Characters in the owner itself. */
static json_t *print_characters(const struct json_key *key, const void *owner, const void *context)
{
	return json_string(field_of(key, owner));
}

const struct json_kind config_kind_name = {
	.noun = "name",
	.read_field = config_field_read_name,
	.print = print_characters,
	.schema = "{\"type\": \"string\", \"pattern\": \"^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$\"}",
};

const struct json_kind config_kind_seat = {
	.noun = "1-63 of A-Z a-z 0-9 . _ : -",
	.read_field = config_field_read_key,
	.print = print_characters,
	.schema = "{\"type\": \"string\", \"pattern\": \"^[A-Za-z0-9._:-]{1,63}$\"}",
};

static json_t *print_address(const struct json_key *key, const void *owner, const void *context)
{
	char text[ADDRESS_TEXT_SIZE];

	return json_string(address_format(field_of(key, owner), text));
}

static int check_family(const struct json_path *path, int result, const struct address *address,
	enum address_family family, struct error *error)
{
	if (result != 0 || address->family == family)
		return result;
	return json_mismatch(
		path, family == ADDRESS_IPV4 ? "an IPv4 address" : "an IPv6 address", error);
}

static int read_ipv4(const struct json_path *path, void *field, struct error *error)
{
	int result = config_field_read_address(path, field, error);

	return check_family(path, result, field, ADDRESS_IPV4, error);
}

static int read_ipv6(const struct json_path *path, void *field, struct error *error)
{
	int result = config_field_read_address(path, field, error);

	return check_family(path, result, field, ADDRESS_IPV6, error);
}

/* An address that a single host can have. */
#define IPV4_SCHEMA                                                                           \
	"{\"type\": \"string\", \"format\": \"ipv4\", \"pattern\": \"^[0-9.]+$\", \"not\": {" \
	"\"pattern\": \"^(0\\\\.0\\\\.0\\\\.0|255\\\\.255\\\\.255\\\\.255|127\\\\..*|"        \
	"2(2[4-9]|3[0-9])\\\\..*)$\"}}"
#define IPV6_SCHEMA                                                                                       \
	"{\"type\": \"string\", \"format\": \"ipv6\", \"pattern\": \"^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$\", " \
	"\"not\": {\"pattern\": \"^([0:]+|[0:]+:0*1|[Ff][Ff][0-9A-Fa-f]{2}:.*|[0:]+:[Ff]{4}:.*)$\"}}"

const struct json_kind config_kind_ipv4 = {
	.noun = "IPv4 address",
	.read_field = read_ipv4,
	.print = print_address,
	.schema = IPV4_SCHEMA,
};

const struct json_kind config_kind_ipv6 = {
	.noun = "IPv6 address",
	.read_field = read_ipv6,
	.print = print_address,
	.schema = IPV6_SCHEMA,
};

const struct json_kind config_kind_address = {
	.noun = "IPv4 or IPv6 address",
	.read_field = config_field_read_address,
	.print = print_address,
	.schema = "{\"anyOf\": [" IPV4_SCHEMA ", " IPV6_SCHEMA "]}",
};

const struct json_kind config_kind_vip = {
	.noun = "IPv4 or IPv6 address",
	.read_field = config_field_read_vip,
	.print = print_address,
	.schema = "{\"anyOf\": [" IPV4_SCHEMA ", " IPV6_SCHEMA "]}",
};

static json_t *print_mac(const struct json_key *key, const void *owner, const void *context)
{
	const uint8_t *mac = field_of(key, owner);
	char text[MAC_TEXT_SIZE];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	return json_string(text);
}

const struct json_kind config_kind_mac = {
	.noun = "MAC address",
	.read_field = config_field_read_mac,
	.print = print_mac,
	.schema = "{\"type\": \"string\", \"not\": {\"const\": \"00:00:00:00:00:00\"}, "
		  "\"pattern\": \"^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$\"}",
};

/* A string of its own. */
static int init_string(const struct json_key *key, void *owner, struct error *error)
{
	char **field = (char **)((char *)owner + key->offset);

	if (key->text == NULL)
		return 0;
	*field = strdup(key->text);
	return *field != NULL ? 0 : error_set(error, -ENOMEM, "out of memory");
}

static json_t *print_string(const struct json_key *key, const void *owner, const void *context)
{
	return json_string(*(const char *const *)field_of(key, owner));
}

const struct json_kind config_kind_text = {
	.noun = "text of 1-1023 printable characters",
	.read_field = config_field_read_text,
	.init = init_string,
	.print = print_string,
	.schema = "{\"type\": \"string\", \"maxLength\": 1023, "
		  "\"pattern\": \"^[^\\\\u0000-\\\\u001f\\\\u007f]+$\"}",
};

#define PATH_SCHEMA(length)                                               \
	"{\"type\": \"string\", \"maxLength\": " length ", \"pattern\": " \
	"\"^/[^\\\\u0000-\\\\u001f\\\\u007f]*[^\\\\u0000-\\\\u001f\\\\u007f/]$\"}"

const struct json_kind config_kind_path = {
	.noun = "absolute path",
	.read_field = config_field_read_file,
	.init = init_string,
	.print = print_string,
	.schema = PATH_SCHEMA("1023"),
};

const struct json_kind config_kind_socket = {
	.noun = "absolute path of at most 107 characters",
	.read_field = config_field_read_socket,
	.init = init_string,
	.print = print_string,
	.schema = PATH_SCHEMA("107"),
};

static json_t *print_hash_key(const struct json_key *key, const void *owner, const void *context)
{
	const uint8_t *bytes = field_of(key, owner);
	char text[KEY_TEXT_SIZE];

	for (size_t i = 0; i < CONFIG_HASH_KEY_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return json_string(text);
}

const struct json_kind config_kind_hash_key = {
	.noun = "32 hexadecimal digits",
	.read_field = config_field_read_hash_key,
	.print = print_hash_key,
	.schema = "{\"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f]{32}$\", "
		  "\"not\": {\"pattern\": \"^0{32}$\"}}",
};

/* workers: a number of them, or the CPUs that they run on */

static int read_cpu(const struct json_path *path, void *field, struct error *error)
{
	uint16_t *cpu = field;
	int64_t number = 0;
	int result = json_read_integer(path, 0, CPU_MAX, "a CPU (0-1023)", &number, error);

	*cpu = (uint16_t)number;
	return result;
}

static int check_cpus(
	const struct json_path *path, const struct config_dataplane *dataplane, struct error *error)
{
	for (size_t i = 0; i < dataplane->worker_count; i++) {
		for (size_t j = 0; j < i; j++) {
			struct json_path cpu = json_path_element(path, i);

			if (dataplane->worker_cpus[i] == dataplane->worker_cpus[j])
				return json_refuse(&cpu, error, "CPU %u is listed already",
					dataplane->worker_cpus[i]);
		}
	}
	return 0;
}

static int read_cpus(
	const struct json_path *path, struct config_dataplane *dataplane, struct error *error)
{
	static const struct json_list cpus = { 1, CONFIG_WORKERS_MAX,
		sizeof(dataplane->worker_cpus[0]), read_cpu };
	int result = json_list_validate(path, &cpus, error);

	if (result == 0)
		result = json_list_read(path, &cpus, dataplane->worker_cpus, error);
	if (result != 0)
		return result;
	dataplane->workers_by_number = false;
	dataplane->worker_count = (unsigned int)json_array_size(path->value);
	return check_cpus(path, dataplane, error);
}

static int read_workers(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	struct config_dataplane *dataplane = owner;
	int64_t number = 0;
	int result;

	if (json_is_array(path->value))
		return read_cpus(path, dataplane, error);
	result = json_read_integer(path, 1, CONFIG_WORKERS_MAX,
		"a list of CPUs or a number of workers (1-64)", &number, error);
	dataplane->worker_count = (unsigned int)number;
	return result;
}

static int init_workers(const struct json_key *key, void *owner, struct error *error)
{
	struct config_dataplane *dataplane = owner;

	dataplane->workers_by_number = true;
	dataplane->worker_count = (unsigned int)key->number;
	return 0;
}

static json_t *print_workers(const struct json_key *key, const void *owner, const void *context)
{
	const struct config_dataplane *dataplane = owner;
	json_t *cpus;

	if (dataplane->workers_by_number)
		return json_integer(dataplane->worker_count);
	cpus = json_array();
	for (unsigned int i = 0; i < dataplane->worker_count; i++) {
		if (json_array_append_new(cpus, json_integer(dataplane->worker_cpus[i])) == 0)
			continue;
		json_decref(cpus);
		return NULL;
	}
	return cpus;
}

const struct json_kind config_kind_workers = {
	.noun = "1-64, or list of CPUs",
	.read = read_workers,
	.init = init_workers,
	.print = print_workers,
	.schema = "{\"default\": 1, \"oneOf\": ["
		  "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 64}, "
		  "{\"type\": \"array\", \"minItems\": 1, \"maxItems\": 64, \"uniqueItems\": true, "
		  "\"items\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 1023}}]}",
};

/* port of a service */

/* `8000-8999`, as a later version will take it. */
static bool is_port_range(const char *text)
{
	static const char digits[] = "0123456789";
	size_t first = strspn(text, digits);
	size_t last = text[first] == '-' ? strspn(text + first + 1, digits) : 0;

	return first > 0 && last > 0 && text[first + 1 + last] == '\0';
}

static int read_port(const struct json_path *path, void *field, struct error *error)
{
	uint16_t *port = field;
	const char *text = json_string_value(path->value);
	int64_t number = 0;
	int result;
	char quoted[JSON_QUOTE_SIZE];

	if (text == NULL) {
		result = json_read_integer(path, 1, 65535, "a port (1-65535)", &number, error);
		*port = (uint16_t)number;
		return result;
	}
	*port = 0;
	if (strcmp(text, "any") == 0)
		return 0;
	if (is_port_range(text))
		return json_refuse(path, error, "%s is a range, which is not in this version",
			json_quote(text, quoted));
	return json_mismatch(path, "a port (1-65535 or \"any\")", error);
}

static json_t *print_port(const struct json_key *key, const void *owner, const void *context)
{
	const uint16_t *port = field_of(key, owner);

	return *port == 0 ? json_string("any") : json_integer(*port);
}

const struct json_kind config_kind_port = {
	.noun = "1-65535 or \"any\"",
	.read_field = read_port,
	.print = print_port,
	.schema = "{\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 65535}, "
		  "{\"const\": \"any\"}]}",
};

/* Only the name is checked here: the pool itself may not have been read yet. */
static int read_pool(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	char name[CONFIG_NAME_SIZE];

	return config_field_read_name(path, name, error);
}

static json_t *print_pool(const struct json_key *key, const void *owner, const void *context)
{
	const struct config *config = context;
	const size_t *pool = field_of(key, owner);

	return json_string(config->pools[*pool].name);
}

const struct json_kind config_kind_pool = {
	.noun = "name of a pool",
	.read = read_pool,
	.print = print_pool,
	.schema = "{\"type\": \"string\", \"pattern\": \"^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$\"}",
};

/* threshold: backends, or a percentage of them */

#define THRESHOLD_WANTED "a number of backends (0-65535) or a percentage (\"0%\"-\"100%\")"

/* One to three digits, at most 100, and a percent sign: or -1. */
static int parse_percent(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long percent = digits > 0 && digits <= 3 ? strtol(text, NULL, 10) : -1;

	return strcmp(text + digits, "%") == 0 && percent <= 100 ? (int)percent : -1;
}

static int read_threshold(const struct json_path *path, void *field, struct error *error)
{
	struct config_threshold *threshold = field;
	const char *text = json_string_value(path->value);
	int64_t number = 0;
	int result, percent;

	if (text == NULL) {
		result = json_read_integer(path, 0, 65535, THRESHOLD_WANTED, &number, error);
		*threshold = (struct config_threshold){ .number = (uint32_t)number };
		return result;
	}
	percent = parse_percent(text);
	if (percent < 0)
		return json_mismatch(path, THRESHOLD_WANTED, error);
	*threshold = (struct config_threshold){ .number = (uint32_t)percent, .is_percent = true };
	return 0;
}

/* A default that is not 0 backends is a text. */
static int init_threshold(const struct json_key *key, void *owner, struct error *error)
{
	struct config_threshold *threshold = (void *)((char *)owner + key->offset);

	if (key->text != NULL)
		*threshold = (struct config_threshold){
			.number = (uint32_t)parse_percent(key->text),
			.is_percent = true,
		};
	return 0;
}

static json_t *print_threshold(const struct json_key *key, const void *owner, const void *context)
{
	const struct config_threshold *threshold = field_of(key, owner);

	return threshold->is_percent ? json_sprintf("%u%%", threshold->number)
				     : json_integer(threshold->number);
}

static json_t *describe_threshold(const struct json_key *key)
{
	json_t *schema = json_pack("{s:[{s:s, s:i, s:i}, {s:s, s:s}]}", "anyOf", "type", "integer",
		"minimum", 0, "maximum", 65535, "type", "string", "pattern",
		"^(0{0,2}[0-9]|0?[0-9]{2}|100)%$");

	if (key->has_default)
		json_object_set_new(schema, "default", json_integer(key->number));
	return schema;
}

const struct json_kind config_kind_threshold = {
	.noun = "0-65535 backends, or \"0%\"-\"100%\" of them",
	.read_field = read_threshold,
	.init = init_threshold,
	.print = print_threshold,
	.describe = describe_threshold,
};

/* flows: one word for all protocols, or an object with one for each */

#define FLOWS_WANTED "keep or move, or an object with one of them for tcp and udp"

static const struct json_key flows_keys[] = {
	{ "tcp", &json_kind_word, .offset = offsetof(struct config_unhealthy_flows, tcp),
		.words = config_choice_flows, .what = "keep or move" },
	{ "udp", &json_kind_word, .offset = offsetof(struct config_unhealthy_flows, udp),
		.words = config_choice_flows, .what = "keep or move" },
	{ .name = NULL },
};

static int read_flows(const struct json_path *path, void *field, struct error *error)
{
	struct config_unhealthy_flows *flows = field;
	int value = CONFIG_FLOWS_KEEP, result;

	*flows = (struct config_unhealthy_flows){ CONFIG_FLOWS_KEEP, CONFIG_FLOWS_KEEP };
	if (json_is_object(path->value))
		return json_keys_read(flows_keys, path, flows, error);
	result = json_read_choice(path, config_choice_flows, FLOWS_WANTED, &value, error);
	flows->tcp = flows->udp = (enum config_flows)value;
	return result;
}

static json_t *print_flows(const struct json_key *key, const void *owner, const void *context)
{
	const struct config_unhealthy_flows *flows = field_of(key, owner);

	return flows->tcp == flows->udp ? json_string(config_flows_name(flows->tcp))
					: json_keys_print(flows_keys, flows, context);
}

const struct json_kind config_kind_flows = {
	.noun = "keep or move, or {\"tcp\", \"udp\"} with one each",
	.read_field = read_flows,
	.print = print_flows,
	.schema = "{\"anyOf\": [{\"enum\": [\"keep\", \"move\"]}, {\"type\": \"object\", "
		  "\"additionalProperties\": false, \"properties\": {"
		  "\"tcp\": {\"enum\": [\"keep\", \"move\"]}, "
		  "\"udp\": {\"enum\": [\"keep\", \"move\"]}}}]}",
};

/* a prefix of clients */

static bool read_length(const char *text, unsigned int most, uint8_t *length)
{
	static const char digits[] = "0123456789";
	size_t count = strspn(text, digits);
	unsigned long number = count == 0 || count > 3 ? 999 : strtoul(text, NULL, 10);

	*length = (uint8_t)number;
	return text[count] == '\0' && number <= most;
}

/* An address without a length is a prefix of all its bits. */
static bool parse_prefix(const char *text, struct config_prefix *prefix)
{
	char head[ADDRESS_TEXT_SIZE];
	size_t length = strcspn(text, "/");
	unsigned int bits;

	if (length >= sizeof(head))
		return false;
	memcpy(head, text, length);
	head[length] = '\0';
	if (address_parse(head, &prefix->address) != 0)
		return false;
	bits = 8 * address_length(&prefix->address);
	prefix->length = (uint8_t)bits;
	return text[length] == '\0' || read_length(text + length + 1, bits, &prefix->length);
}

/* Whether there were any. */
static bool clear_host_bits(struct config_prefix *prefix)
{
	struct address before = prefix->address;

	for (unsigned int bit = prefix->length; bit < 128; bit++)
		prefix->address.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return !address_equal(&before, &prefix->address);
}

const char *config_prefix_format(
	const struct config_prefix *prefix, char text[static CONFIG_PREFIX_TEXT_SIZE])
{
	char address[ADDRESS_TEXT_SIZE];

	snprintf(text, CONFIG_PREFIX_TEXT_SIZE, "%s/%u", address_format(&prefix->address, address),
		prefix->length);
	return text;
}

static int read_prefix(const struct json_path *path, void *field, struct error *error)
{
	static const char wanted[] = "a prefix (written as 198.51.100.0/24 or 2001:db8::/32)";
	const char *text = json_read_string(path, wanted, error);
	struct config_prefix *prefix = field;
	char canonical[CONFIG_PREFIX_TEXT_SIZE], quoted[JSON_QUOTE_SIZE];

	if (text == NULL)
		return -EINVAL;
	if (!parse_prefix(text, prefix))
		return json_mismatch(path, wanted, error);
	if (!clear_host_bits(prefix))
		return 0;
	return json_refuse(path, error, "%s has bits behind the prefix, which would be %s",
		json_quote(text, quoted), config_prefix_format(prefix, canonical));
}

static json_t *print_prefix(const struct json_key *key, const void *owner, const void *context)
{
	char text[CONFIG_PREFIX_TEXT_SIZE];

	return json_string(config_prefix_format(field_of(key, owner), text));
}

const struct json_kind config_kind_prefix = {
	.noun = "IPv4 or IPv6 prefix",
	.read_field = read_prefix,
	.print = print_prefix,
	.schema = "{\"type\": \"string\", \"pattern\": "
		  "\"^([0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(/[0-9]{1,3})?$\"}",
};
