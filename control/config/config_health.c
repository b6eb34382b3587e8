/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_health.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "config/config.h"
#include "config/config_field.h"
#include "config/config_kinds.h"
#include "json/json_schema.h"

#define AT(field) .offset = offsetof(struct config_health, field)
#define INTEGER(field) \
	.kind = &json_kind_integer, AT(field), .width = sizeof(((struct config_health *)0)->field)
#define RANGE(from, to) .least = (from), .most = (to)
#define DEFAULT(value)  .has_default = true, .number = (value)
#define FLAG(field)     .kind = &json_kind_flag, AT(field)
#define FAST_LEAST_MS   10
#define STATUS_LEAST    100 /* RFC 9110, section 15 */
#define STATUS_MOST     599
#define LABEL_MAX       63 /* RFC 1035, section 2.3.4 */

/* Which types have a key. */
#define OF(type)     (1u << CONFIG_HEALTH_##type)
#define OF_HTTP      (OF(HTTP) | OF(HTTPS))
#define OF_TLS       (OF(HTTPS) | OF(GRPC))
#define OF_PORT      (~(OF(ICMP) | OF(NONE)))
#define OF_PROBES    (~OF(NONE))
#define OF_ADDRESSED (~(OF(NONE) | OF(EXTERNAL)))

static const struct {
	const char *key;
	unsigned int types;
} uses[] = {
	{ "via", OF_ADDRESSED },
	{ "port", OF_PORT },
	{ "interval_ms", OF_PROBES },
	{ "fast_interval_ms", OF_PROBES },
	{ "timeout_ms", OF_PROBES },
	{ "rise", OF_PROBES },
	{ "fall", OF_PROBES },
	{ "jitter_percent", OF_PROBES },
	{ "probe_mtu", OF_ADDRESSED },
	{ "method", OF_HTTP },
	{ "path", OF_HTTP },
	{ "host", OF_HTTP },
	{ "expect_status", OF_HTTP },
	{ "expect_body", OF_HTTP },
	{ "weight_header", OF_HTTP },
	{ "agent", OF_HTTP | OF(TCP) },
	{ "tls", OF(GRPC) },
	{ "verify", OF_TLS },
	{ "sni", OF_TLS },
	{ "tls_min", OF_TLS },
	{ "ca_file", OF_TLS },
	{ "service", OF(GRPC) },
	{ "send", OF(UDP) },
	{ "expect", OF(UDP) },
	{ "question", OF(DNS) },
	{ "rcode", OF(DNS) },
	{ "expect_answer", OF(DNS) },
	{ "command", OF(EXTERNAL) },
	{ "user", OF(EXTERNAL) },
};

static bool has_key(const struct config_health *health, const char *key)
{
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		if (strcmp(uses[i].key, key) == 0)
			return (uses[i].types & 1u << health->type) != 0;
	return true; /* `type` itself */
}

static bool has_tls(const struct config_health *health)
{
	return health->type == CONFIG_HEALTH_HTTPS ||
	       (health->type == CONFIG_HEALTH_GRPC && health->tls);
}

/* What the canonical form leaves out. */
#define ABSENT(name, condition)                             \
	static bool name(const void *owner)                 \
	{                                                   \
		const struct config_health *health = owner; \
                                                            \
		return condition;                           \
	}

ABSENT(has_no_probe, !has_key(health, "interval_ms"))
ABSENT(has_no_via, health->via == CONFIG_HEALTH_VIA_DEFAULT)
ABSENT(has_no_port, health->port == 0)
ABSENT(is_not_addressed, !has_key(health, "probe_mtu"))
ABSENT(is_not_http, !has_key(health, "path"))
ABSENT(has_no_host, health->host == NULL)
ABSENT(has_no_body, health->expect_body == NULL)
ABSENT(has_no_agent, !has_key(health, "agent"))
ABSENT(is_not_grpc, health->type != CONFIG_HEALTH_GRPC)
ABSENT(has_no_tls, !has_tls(health))
ABSENT(has_no_sni, health->sni == NULL)
ABSENT(has_no_ca_file, health->ca_file == NULL)
ABSENT(has_no_service, health->service == NULL)
ABSENT(has_no_send, health->send.text == NULL)
ABSENT(has_no_expect, health->expect.text == NULL)
ABSENT(is_not_dns, health->type != CONFIG_HEALTH_DNS)
ABSENT(has_no_answer, health->expect_answer.family == ADDRESS_NONE)
ABSENT(is_not_external, health->type != CONFIG_HEALTH_EXTERNAL)

/* expect_status */

static bool read_status(const char **text, uint16_t *status)
{
	char *end;
	unsigned long number;

	if (!isdigit((unsigned char)**text))
		return false;
	number = strtoul(*text, &end, 10);
	*text = end;
	*status = (uint16_t)number;
	return number >= STATUS_LEAST && number <= STATUS_MOST;
}

static bool read_range(const char **text, struct config_status_range *range)
{
	if (!read_status(text, &range->first))
		return false;
	range->last = range->first;
	if (**text != '-')
		return true;
	++*text;
	return read_status(text, &range->last) && range->last >= range->first;
}

/* "200-299,301": false where it is none. */
static bool read_ranges(const char *text, struct config_health *health)
{
	health->status_range_count = 0;
	while (health->status_range_count < CONFIG_STATUS_RANGES_MAX) {
		if (!read_range(&text, &health->status_ranges[health->status_range_count++]))
			return false;
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

static int check_status(const struct json_path *path, void *owner, struct error *error)
{
	struct config_health *health = owner;

	if (read_ranges(health->expect_status, health))
		return 0;
	return json_mismatch(path, "status codes (100-599, written as 200-299,301)", error);
}

/* payloads */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

	return found == NULL ? -1 : (int)(found - digits);
}

/* False where the digits are none, or an odd number of them. */
static bool decode_hex(const char *digits, uint8_t *bytes, size_t *length)
{
	for (*length = 0; *digits != '\0'; digits += 2) {
		int high = hex_digit(digits[0]);
		int low = high < 0 ? -1 : hex_digit(digits[1]);

		if (low < 0)
			return false;
		bytes[(*length)++] = (uint8_t)(high << 4 | low);
	}
	return *length > 0;
}

static int read_payload(const struct json_path *path, void *field, struct error *error)
{
	struct config_payload *payload = field;
	int result = config_field_read_text(path, &payload->text, error);
	size_t length;

	if (result != 0)
		return result;
	length = strlen(payload->text);
	free(payload->bytes);
	payload->bytes = malloc(length);
	if (payload->bytes == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	if (strncmp(payload->text, "hex:", 4) != 0) {
		memcpy(payload->bytes, payload->text, length);
		payload->length = length;
		return 0;
	}
	if (decode_hex(payload->text + 4, payload->bytes, &payload->length))
		return 0;
	return json_mismatch(path, "hex: with two hex digits for each byte", error);
}

/* The text is the first field of either. */
static json_t *print_text(const struct json_key *key, const void *owner, const void *context)
{
	return json_string(*(const char *const *)((const char *)owner + key->offset));
}

static const struct json_kind kind_payload = {
	.noun = "text, or hex: and hexadecimal digits",
	.read_field = read_payload,
	.print = print_text,
	.schema = "{\"type\": \"string\", \"maxLength\": 1023, "
		  "\"pattern\": \"^([^\\\\u0000-\\\\u001f\\\\u007f]+)$\"}",
};

/* question */

/* RFC 1035, 3596, 2782, 9460. */
static const struct {
	const char *name;
	uint16_t type;
} question_types[] = {
	{ "A", 1 },
	{ "NS", 2 },
	{ "CNAME", 5 },
	{ "SOA", 6 },
	{ "PTR", 12 },
	{ "MX", 15 },
	{ "TXT", 16 },
	{ "AAAA", 28 },
	{ "SRV", 33 },
	{ "HTTPS", 65 },
};

static bool are_labels(const char *name)
{
	while (*name != '\0') {
		size_t length = strcspn(name, ".");

		if (length == 0 || length > LABEL_MAX)
			return false;
		name += length;
		if (*name == '.')
			name++;
	}
	return true;
}

static bool read_domain(const char *text, size_t length, char name[static CONFIG_QUESTION_SIZE])
{
	if (length == 0 || length >= CONFIG_QUESTION_SIZE)
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	if (name[length - 1] == '.')
		name[length - 1] = '\0';
	return are_labels(name);
}

static bool read_question_type(const char *text, uint16_t *type)
{
	for (size_t i = 0; i < sizeof(question_types) / sizeof(question_types[0]); i++) {
		*type = question_types[i].type;
		if (strcmp(text, question_types[i].name) == 0)
			return true;
	}
	return false;
}

static int read_question(const struct json_path *path, void *field, struct error *error)
{
	struct config_question *question = field;
	int result = config_field_read_text(path, &question->text, error);
	size_t length;

	if (result != 0)
		return result;
	length = strcspn(question->text, " ");
	if (question->text[length] == ' ' && read_domain(question->text, length, question->name) &&
		read_question_type(question->text + length + 1, &question->type))
		return 0;
	return json_mismatch(path,
		"a question (a domain name and A, AAAA, CNAME, HTTPS, MX, NS, PTR, SOA, SRV or "
		"TXT)",
		error);
}

static const struct json_kind kind_question = {
	.noun = "domain name and type",
	.read_field = read_question,
	.print = print_text,
	.schema = "{\"type\": \"string\", \"maxLength\": 1023, \"pattern\": "
		  "\"^[^ ]+ (A|AAAA|CNAME|HTTPS|MX|NS|PTR|SOA|SRV|TXT)$\"}",
};

/* command */

static int check_command(const struct json_path *path, void *owner, struct error *error)
{
	const struct config_health *health = owner;
	struct json_path first = json_path_element(path, 0);

	if (health->command[0][0] == '/')
		return 0;
	return json_mismatch(&first, "the absolute path of a program", error);
}

/* words */

static const struct json_choice types[] = {
	{ "none", CONFIG_HEALTH_NONE },
	{ "tcp", CONFIG_HEALTH_TCP },
	{ "http", CONFIG_HEALTH_HTTP },
	{ "https", CONFIG_HEALTH_HTTPS },
	{ "grpc", CONFIG_HEALTH_GRPC },
	{ "udp", CONFIG_HEALTH_UDP },
	{ "dns", CONFIG_HEALTH_DNS },
	{ "icmp", CONFIG_HEALTH_ICMP },
	{ "external", CONFIG_HEALTH_EXTERNAL },
	{ NULL, 0 },
};

static const struct json_choice vias[] = {
	{ "vip", CONFIG_HEALTH_VIA_VIP },
	{ "direct", CONFIG_HEALTH_VIA_DIRECT },
	{ NULL, 0 },
};

static const struct json_choice methods[] = {
	{ "GET", CONFIG_HEALTH_GET },
	{ "HEAD", CONFIG_HEALTH_HEAD },
	{ NULL, 0 },
};

static const struct json_choice tls_versions[] = {
	{ "1.2", CONFIG_HEALTH_TLS_1_2 },
	{ "1.3", CONFIG_HEALTH_TLS_1_3 },
	{ NULL, 0 },
};

/* RFC 1035, section 4.1.1. */
static const struct json_choice rcodes[] = {
	{ "NOERROR", 0 },
	{ "FORMERR", 1 },
	{ "SERVFAIL", 2 },
	{ "NXDOMAIN", 3 },
	{ "NOTIMP", 4 },
	{ "REFUSED", 5 },
	{ NULL, 0 },
};

const char *config_health_type_name(enum config_health_type type)
{
	return json_choice_name(types, (int)type);
}

const char *config_health_rcode_name(int rcode)
{
	return json_choice_name(rcodes, rcode);
}

const struct json_key config_health_keys[] = {
	{ "type", &json_kind_word, .presence = JSON_KEY_REQUIRED, AT(type), .words = types,
		.what = "none, tcp, http, https, grpc, udp, dns, icmp or external",
		.summary =
			"What a probe does. none: nothing; another program reports health. tcp: "
			"connect. http, https: a request and its status. grpc: grpc.health.v1. udp: "
			"a datagram and its answer. dns: a question and its rcode. icmp: an echo "
			"request. external: run a program." },
	{ "via", &json_kind_word, AT(via), .words = vias, .what = "vip or direct",
		.is_absent = has_no_via,
		.summary = "The way that probes take. vip: to the VIP, encapsulated as the packets "
			   "of users are. direct: to the address of the backend. The default is "
			   "vip where each port has a kernel interface that is not cut off by "
			   "host_path drop." },
	{ "port", INTEGER(port), RANGE(1, 65535), .what = "a port", .is_absent = has_no_port,
		.summary = "Port that is probed; by default that of the first service of the pool "
			   "whose protocol fits." },
	{ "interval_ms", INTEGER(interval_ms), RANGE(10, 3600000), .what = "an interval in ms",
		.unit = "ms", DEFAULT(1000), .is_absent = has_no_probe,
		.summary = "Time from the start of a probe to the start of the next one." },
	{ "fast_interval_ms", INTEGER(fast_interval_ms), RANGE(10, 3600000),
		.what = "an interval in ms", .unit = "ms", .is_absent = has_no_probe,
		.summary = "The same while the state of a backend is initial or about to change; "
			   "by default a quarter of interval_ms." },
	{ "timeout_ms", INTEGER(timeout_ms), RANGE(1, 3600000), .what = "a timeout in ms",
		.unit = "ms", .is_absent = has_no_probe,
		.summary = "A probe without a result has failed after this time. At most "
			   "interval_ms; by default 500 ms or interval_ms, if that is less." },
	{ "rise", INTEGER(rise), RANGE(1, 100), .what = "a number of results", DEFAULT(2),
		.is_absent = has_no_probe,
		.summary = "A backend that is down is up after so many successful probes in a "
			   "row. One that is new is up after the first." },
	{ "fall", INTEGER(fall), RANGE(1, 100), .what = "a number of results", DEFAULT(3),
		.is_absent = has_no_probe,
		.summary = "A backend is down after so many failed probes in a row." },
	{ "jitter_percent", INTEGER(jitter_percent), RANGE(0, 50), .what = "a percentage",
		.unit = "percent", DEFAULT(10), .is_absent = has_no_probe,
		.summary = "Intervals are longer or shorter by up to this part, at random, so that "
			   "nodes do not probe all at the same time." },
	{ "probe_mtu", FLAG(probe_mtu), .is_absent = is_not_addressed,
		.summary =
			"Probe with packets of the largest size as well, to find paths that "
			"lose them. Over TCP it also fails where the backend asks for packets of "
			"clients (MSS) that do not fit the port behind an outer header. Goes "
			"with via: vip only." },
	{ "method", &json_kind_word, AT(method), .words = methods, .what = "GET or HEAD",
		.text = "GET", .is_absent = is_not_http, .summary = "Method of the request." },
	{ "path", &config_kind_text, AT(path), .text = "/", .is_absent = is_not_http,
		.summary = "Path of the request, with its query." },
	{ "host", &config_kind_text, AT(host), .is_absent = has_no_host,
		.summary = "The Host header; by default the address and port." },
	{ "expect_status", &config_kind_text, AT(expect_status), .text = "200-299",
		.check = check_status, .is_absent = is_not_http,
		.summary = "Status codes that pass: numbers and ranges, separated by commas." },
	{ "expect_body", &config_kind_text, AT(expect_body), .is_absent = has_no_body,
		.summary = "A text that the first 64 KiB of the body must contain." },
	{ "weight_header", FLAG(weight_header), .is_absent = is_not_http,
		.summary = "Obey the header X-Load-Balancing-Endpoint-Weight: 0-1000, the weight "
			   "that the backend wants; more than its configured weight counts as "
			   "that." },
	{ "agent", FLAG(agent), .is_absent = has_no_agent,
		.summary = "Obey the words ready, drain, maint and N% in the first line of the "
			   "body, or of tcp in the line that the backend sends at once." },
	{ "tls", FLAG(tls), .is_absent = is_not_grpc, .summary = "Use TLS for grpc." },
	{ "verify", FLAG(verify), DEFAULT(1), .is_absent = has_no_tls,
		.summary = "Verify the certificate: issuer, name and dates." },
	{ "sni", &config_kind_text, AT(sni), .is_absent = has_no_sni,
		.summary = "Name of the server in TLS, which the certificate must have; by default "
			   "that of host." },
	{ "tls_min", &json_kind_word, AT(tls_min), .words = tls_versions, .what = "1.2 or 1.3",
		.text = "1.2", .is_absent = has_no_tls, .summary = "The oldest version of TLS." },
	{ "ca_file", &config_kind_path, AT(ca_file), .is_absent = has_no_ca_file,
		.summary = "Certificates of issuers that are trusted, in PEM; by default those of "
			   "the system." },
	{ "service", &config_kind_text, AT(service), .is_absent = has_no_service,
		.summary = "The gRPC service that is asked about; by default the whole server." },
	{ "send", &kind_payload, AT(send), .is_absent = has_no_send,
		.summary =
			"Datagram that is sent, up to three times within the timeout; by default "
			"an empty one. Without send and expect it passes unless it is refused "
			"within the timeout." },
	{ "expect", &kind_payload, AT(expect), .is_absent = has_no_expect,
		.summary = "What the answer must contain; by default any answer to send passes. By "
			   "way of the VIP all backends answer from the same address: an answer "
			   "that comes after the timeout may, rarely, meet a later probe of "
			   "another backend from the same port." },
	{ "question", &kind_question, AT(question), .is_absent = is_not_dns,
		.summary = "What is asked, as \"example.org A\". Required for dns." },
	{ "rcode", &json_kind_word, AT(rcode), .words = rcodes, .what = "an rcode",
		.text = "NOERROR", .is_absent = is_not_dns,
		.summary = "The rcode that passes, also of a truncated answer, "
			   "which is not asked for again over TCP." },
	{ "expect_answer", &config_kind_address, AT(expect_answer), .is_absent = has_no_answer,
		.summary = "An address that an A or AAAA record of the answer must have." },
	{ "command", &json_kind_list, AT(command),
		.count_offset = offsetof(struct config_health, command_count),
		.element_size = sizeof(char *), RANGE(1, CONFIG_COMMAND_MAX),
		.elements = &config_kind_text, .check = check_command, .is_absent = is_not_external,
		.summary =
			"The program and its arguments, run without a shell. It passes with exit "
			"status 0; its first line of output or errors is kept as the reason. It is "
			"killed at the timeout, with its children; 64 programs run at once, and the "
			"time that others wait does not count. It finds "
			"SLUICE_POOL, SLUICE_BACKEND, SLUICE_ADDRESS and SLUICE_PORT in its "
			"environment. Required for external." },
	{ "user", &config_kind_name, AT(user), .text = "nobody", .is_absent = is_not_external,
		.summary = "The user that the program runs as, with its primary group and without "
			   "privileges." },
	{ .name = NULL },
};

/* the whole */

static void destroy(struct config_health *health)
{
	for (size_t i = 0; i < health->command_count; i++)
		free(health->command[i]);
	free(health->command);
	free(health->question.text);
	free(health->send.text);
	free(health->send.bytes);
	free(health->expect.text);
	free(health->expect.bytes);
	free(health->path);
	free(health->host);
	free(health->expect_status);
	free(health->expect_body);
	free(health->sni);
	free(health->ca_file);
	free(health->service);
	free(health);
}

struct config_health *config_health_ref(struct config_health *health)
{
	if (health != NULL)
		atomic_fetch_add(&health->references, 1);
	return health;
}

void config_health_release(struct config_health *health)
{
	if (health != NULL && atomic_fetch_sub(&health->references, 1) == 0)
		destroy(health);
}

bool config_health_checks(const struct config_health *health)
{
	return health != NULL && health->type != CONFIG_HEALTH_NONE;
}

bool config_health_fits(const struct config_health *health, enum config_protocol protocol)
{
	switch (health->type) {
	case CONFIG_HEALTH_TCP:
	case CONFIG_HEALTH_HTTP:
	case CONFIG_HEALTH_HTTPS:
	case CONFIG_HEALTH_GRPC: return protocol == CONFIG_PROTOCOL_TCP;
	case CONFIG_HEALTH_UDP:
	case CONFIG_HEALTH_DNS: return protocol == CONFIG_PROTOCOL_UDP;
	default: return true;
	}
}

bool config_health_needs_port(const struct config_health *health)
{
	return has_key(health, "path") || health->type == CONFIG_HEALTH_TCP ||
	       health->type == CONFIG_HEALTH_GRPC || health->type == CONFIG_HEALTH_UDP ||
	       health->type == CONFIG_HEALTH_DNS;
}

size_t *config_health_services(const struct config *config)
{
	size_t *found = malloc((config->pool_count + 1) * sizeof(*found));

	for (size_t i = 0; found != NULL && i < config->pool_count; i++)
		found[i] = CONFIG_NO_SERVICE;
	for (size_t i = 0; found != NULL && i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		for (size_t k = 0; k < config_service_pool_count(service); k++) {
			size_t pool = config_service_pool_at(service, k);
			const struct config_health *health;

			if (pool == CONFIG_NO_POOL || found[pool] != CONFIG_NO_SERVICE)
				continue;
			health = config->pools[pool].health;
			if (health != NULL && config_health_fits(health, service->protocol))
				found[pool] = i;
		}
	}
	return found;
}

/* No key that goes with another type, and those that this one needs. */
static int check_type(
	const struct json_path *path, const struct config_health *health, struct error *error)
{
	struct json_path question = json_path_key(path, "question");
	struct json_path command = json_path_key(path, "command");

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		struct json_path key = json_path_key(path, uses[i].key);

		if (key.value != NULL && (uses[i].types & 1u << health->type) == 0)
			return json_refuse(&key, error, "type %s has no such key",
				config_health_type_name(health->type));
	}
	if (health->type == CONFIG_HEALTH_DNS && question.value == NULL)
		return json_refuse(&question, error, "missing");
	if (health->type == CONFIG_HEALTH_EXTERNAL && command.value == NULL)
		return json_refuse(&command, error, "missing");
	return 0;
}

static int check_tls(
	const struct json_path *path, const struct config_health *health, struct error *error)
{
	static const char *const keys[] = { "verify", "sni", "tls_min", "ca_file" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !has_tls(health); i++) {
		struct json_path key = json_path_key(path, keys[i]);

		if (key.value != NULL)
			return json_refuse(&key, error, "goes with tls: true only");
	}
	return 0;
}

static int check_times(
	const struct json_path *path, const struct config_health *health, struct error *error)
{
	struct json_path fast = json_path_key(path, "fast_interval_ms");
	struct json_path timeout = json_path_key(path, "timeout_ms");

	if (health->fast_interval_ms > health->interval_ms)
		return json_refuse(&fast, error, "%u is more than interval_ms, which is %u",
			health->fast_interval_ms, health->interval_ms);
	if (health->timeout_ms > health->interval_ms)
		return json_refuse(&timeout, error, "%u is more than interval_ms, which is %u",
			health->timeout_ms, health->interval_ms);
	return 0;
}

/* What depends on other keys. */
static void fill_in(struct config_health *health)
{
	if (health->fast_interval_ms == 0)
		health->fast_interval_ms = health->interval_ms / 4 < FAST_LEAST_MS
						   ? FAST_LEAST_MS
						   : health->interval_ms / 4;
	if (health->timeout_ms == 0)
		health->timeout_ms = health->interval_ms < 500 ? health->interval_ms : 500;
	if (health->user[0] == '\0')
		strcpy(health->user, "nobody");
}

static int find_digest(struct config_health *health, struct error *error)
{
	json_t *printed = json_keys_print(config_health_keys, health, NULL);
	char *text = printed == NULL ? NULL : json_dumps(printed, JSON_COMPACT);

	json_decref(printed);
	if (text == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	health->digest = XXH3_64bits(text, strlen(text));
	free(text);
	return 0;
}

static int read_whole(
	const struct json_path *path, struct config_health *health, struct error *error)
{
	int result = json_keys_init(config_health_keys, health, error);

	if (result == 0)
		result = json_keys_read(config_health_keys, path, health, error);
	if (result == 0)
		result = check_type(path, health, error);
	if (result == 0)
		result = check_tls(path, health, error);
	if (result != 0)
		return result;
	fill_in(health);
	result = check_times(path, health, error);
	/* the defaults are those of the default type */
	if (result == 0 && health->type != CONFIG_HEALTH_NONE && health->expect_status != NULL)
		read_ranges(health->expect_status, health);
	return result == 0 ? find_digest(health, error) : result;
}

static int read_health(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	struct config_health **field = (struct config_health **)((char *)owner + key->offset);
	struct config_health *health = calloc(1, sizeof(*health));
	int result;

	if (health == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	result = read_whole(path, health, error);
	if (result != 0) {
		destroy(health);
		return result;
	}
	config_health_release(*field);
	*field = health;
	return 0;
}

static json_t *print_health(const struct json_key *key, const void *owner, const void *context)
{
	const struct config_health *const *field =
		(const struct config_health *const *)((const char *)owner + key->offset);

	return json_keys_print(config_health_keys, *field, context);
}

const struct json_kind config_kind_health = {
	.noun = "object",
	.read = read_health,
	.print = print_health,
	.describe = json_schema_object,
};
