/* SPDX-License-Identifier: BSD-3-Clause */
/* decap_main: the program sluice-decap. Exit status 0, 1 (refused) or 2 (usage). */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "decap/decap.h"
#include "decap/decap_address.h"
#include "decap/decap_host.h"
#include "base/netdev.h"
#include "base/plural.h"
#include "version.h"

#define EXIT_REFUSED 1
#define EXIT_USAGE   2

static const char usage[] =
	"usage: sluice-decap attach --interface IF --source PREFIX... --vip ADDRESS...\n"
	"                           [--local ADDRESS...] [--pass-unknown]\n"
	"                           [--mode auto|xdp|xdpgeneric|tc] [--verbose]\n"
	"       sluice-decap detach --interface IF [--verbose]\n"
	"       sluice-decap status --interface IF [--json] [--verbose]\n"
	"       sluice-decap --version | --help\n"
	"\n"
	"Takes what sluice encapsulated (ipip: IPv4 or IPv6 in IPv4 or IPv6) out of its tunnel on a\n"
	"backend. Tunnel traffic that the options do not let through is dropped and counted; all other\n"
	"traffic passes untouched. Attaching again replaces the old options, with no packet lost.\n"
	"\n"
	"  --interface IF    where the tunnel packets come in; refused where a bridge, or a macvlan or\n"
	"                    VLAN device with a MAC address of its own, stands on it: packets for that\n"
	"                    address would go past. Attach to that device\n"
	"  --source PREFIX   an outer source: address, or address/bits; repeat for more\n"
	"  --vip ADDRESS     an inner destination; repeat for more\n"
	"  --local ADDRESS   an outer destination; repeat for more; without it, any will do\n"
	"  --pass-unknown    tunnel traffic from a source or for an address that is none of these is\n"
	"                    counted and goes to the host as it came, not dropped: for a host with\n"
	"                    tunnels of its own (sit, 6in4, an overlay in IPIP mode), which have to\n"
	"                    judge their packets themselves\n"
	"  --mode MODE       auto (default) is xdp where the driver has it, else tc\n"
	"  --json            for programs\n"
	"  --verbose         show what libbpf and the kernel say\n";

struct arguments {
	const char *interface;
	enum decap_mode mode;
	bool json;
	struct decap_rules rules;
};

static int add_source(const char *text, struct decap_rules *rules, struct error *error)
{
	if (rules->source_count == DECAP_SOURCES_MAX)
		return error_set(error, -E2BIG, "more than %d sources", DECAP_SOURCES_MAX);
	return decap_prefix_parse(text, &rules->sources[rules->source_count++], error);
}

static int add_vip(const char *text, struct decap_rules *rules, struct error *error)
{
	if (rules->vip_count == DECAP_VIPS_MAX)
		return error_set(error, -E2BIG, "more than %d VIPs", DECAP_VIPS_MAX);
	return decap_address_parse(text, &rules->vips[rules->vip_count++], error);
}

static int add_local(const char *text, struct decap_rules *rules, struct error *error)
{
	if (rules->local_count == DECAP_LOCALS_MAX)
		return error_set(error, -E2BIG, "more than %d local addresses", DECAP_LOCALS_MAX);
	return decap_address_parse(text, &rules->locals[rules->local_count++], error);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

__attribute__((format(printf, 2, 0))) static int show_warnings(
	enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, format, arguments);
}

static int take_option(
	int option, const char *value, struct arguments *arguments, struct error *error)
{
	switch (option) {
	case 'i': arguments->interface = value; return 0;
	case 's': return add_source(value, &arguments->rules, error);
	case 'p': return add_vip(value, &arguments->rules, error);
	case 'l': return add_local(value, &arguments->rules, error);
	case 'j': arguments->json = true; return 0;
	case 'u': arguments->rules.pass_unknown = true; return 0;
	case 'v': libbpf_set_print(show_warnings); return 0;
	case 'm':
		if (decap_mode_parse(value, &arguments->mode) == 0)
			return 0;
		return error_set(error, -EINVAL, "\"%s\" is no mode", value);
	default: return error_set(error, -EINVAL, "see sluice-decap --help");
	}
}

/* getopt itself names an option that it does not know or that lacks its value. */
static int parse_arguments(int count, char **words, const struct option *options,
	struct arguments *arguments, struct error *error)
{
	int option, result = 0;

	optind = 2; /* the command is at 1 */
	while (result == 0 && (option = getopt_long(count, words, "", options, NULL)) != -1)
		result = take_option(option, optarg, arguments, error);
	if (result < 0)
		return result;
	if (optind < count)
		return error_set(error, -EINVAL, "\"%s\" is not expected here", words[optind]);
	if (arguments->interface == NULL)
		return error_set(error, -EINVAL, "--interface is missing");
	return 0;
}

static int fail(int status, const struct error *error)
{
	fprintf(stderr, "sluice-decap: %s\n", error->message);
	return status;
}

static int attach(int count, char **words)
{
	static const struct option options[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "source", required_argument, NULL, 's' },
		{ "vip", required_argument, NULL, 'p' },
		{ "local", required_argument, NULL, 'l' },
		{ "pass-unknown", no_argument, NULL, 'u' },
		{ "mode", required_argument, NULL, 'm' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct arguments arguments = { .mode = DECAP_MODE_AUTO };
	struct error error = { "" };
	enum decap_mode mode;

	if (parse_arguments(count, words, options, &arguments, &error) < 0)
		return fail(EXIT_USAGE, &error);
	if (arguments.rules.source_count == 0 || arguments.rules.vip_count == 0) {
		error_set(&error, -EINVAL, "attach needs at least one --source and one --vip");
		return fail(EXIT_USAGE, &error);
	}
	if (decap_attach(arguments.interface, arguments.mode, &arguments.rules, &mode, &error) < 0)
		return fail(EXIT_REFUSED, &error);
	if (arguments.mode == DECAP_MODE_AUTO && mode == DECAP_MODE_TC)
		printf("%s: no native XDP here (%s)\n", arguments.interface, error.message);
	printf("%s: attached, mode %s, %zu source%s, %zu VIP%s\n", arguments.interface,
		decap_mode_name(mode), arguments.rules.source_count,
		plural(arguments.rules.source_count), arguments.rules.vip_count,
		plural(arguments.rules.vip_count));
	if (arguments.rules.pass_unknown)
		printf("%s: other tunnel traffic passes: this host's tunnel devices judge it\n",
			arguments.interface);
	decap_host_print_hints(stdout, arguments.interface, &arguments.rules);
	return 0;
}

static int detach(int count, char **words)
{
	static const struct option options[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct arguments arguments = { .interface = NULL };
	struct error error = { "" };

	if (parse_arguments(count, words, options, &arguments, &error) < 0)
		return fail(EXIT_USAGE, &error);
	if (decap_detach(arguments.interface, &error) < 0)
		return fail(EXIT_REFUSED, &error);
	printf("%s: detached\n", arguments.interface);
	return 0;
}

/* It was noted when the program was attached; frames for a newer one are taken for a neighbour's.
 */
static bool has_mac_changed(const char *interface, const struct decap_status *status)
{
	uint8_t mac[DECAP_MAC_SIZE];

	return netdev_mac(interface, mac) == 0 &&
	       memcmp(mac, status->program.mac, sizeof(mac)) != 0;
}

static const char *format_mac(const uint8_t mac[DECAP_MAC_SIZE], char *text, size_t size)
{
	snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		mac[4], mac[5]);
	return text;
}

static void print_addresses(const char *label, const struct decap_address *addresses, size_t count)
{
	char text[DECAP_ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		printf("%-15s %s\n", i == 0 ? label : "",
			decap_address_format(&addresses[i], text));
}

static void print_table(const char *interface, const struct decap_status *status)
{
	const struct decap_rules *rules = &status->program.rules;
	char text[DECAP_PREFIX_TEXT_SIZE];

	printf("%-15s %s\n", "interface", interface);
	printf("%-15s %s\n", "mode", decap_mode_name(status->mode));
	printf("%-15s %" PRIu32 "\n", "program id", status->program_id);
	printf("%-15s %s%s\n", "mac", format_mac(status->program.mac, text, sizeof(text)),
		has_mac_changed(interface, status) ? " (has changed since: attach again)" : "");
	for (size_t i = 0; i < rules->source_count; i++)
		printf("%-15s %s\n", i == 0 ? "sources" : "",
			decap_prefix_format(&rules->sources[i], text));
	print_addresses("vips", rules->vips, rules->vip_count);
	if (rules->local_count == 0)
		printf("%-15s any\n", "locals");
	print_addresses("locals", rules->locals, rules->local_count);
	printf("%-15s %s\n", "unknown", rules->pass_unknown ? "passed to the host" : "dropped");
	for (int verdict = 0; verdict < DECAP_VERDICT_COUNT; verdict++)
		printf("%-15s %10" PRIu64 "  %s\n", decap_verdict_name(verdict),
			status->program.verdicts[verdict], decap_verdict_text(verdict));
}

static json_t *json_prefixes(const struct decap_prefix *prefixes, size_t count)
{
	json_t *array = json_array();
	char text[DECAP_PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(decap_prefix_format(&prefixes[i], text)));
	return array;
}

static json_t *json_addresses(const struct decap_address *addresses, size_t count)
{
	json_t *array = json_array();
	char text[DECAP_ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			array, json_string(decap_address_format(&addresses[i], text)));
	return array;
}

static json_t *json_verdicts(const uint64_t verdicts[DECAP_VERDICT_COUNT])
{
	json_t *object = json_object();

	for (int verdict = 0; verdict < DECAP_VERDICT_COUNT; verdict++)
		json_object_set_new(object, decap_verdict_name(verdict),
			json_integer((json_int_t)verdicts[verdict]));
	return object;
}

static int print_json(const char *interface, const struct decap_status *status)
{
	const struct decap_rules *rules = &status->program.rules;
	char mac[DECAP_PREFIX_TEXT_SIZE];
	json_t *document = json_pack("{s:s, s:s, s:I, s:s, s:b, s:o, s:o, s:o, s:b, s:o}",
		"interface", interface, "mode", decap_mode_name(status->mode), "program_id",
		(json_int_t)status->program_id, "mac",
		format_mac(status->program.mac, mac, sizeof(mac)), "mac_changed",
		has_mac_changed(interface, status), "sources",
		json_prefixes(rules->sources, rules->source_count), "vips",
		json_addresses(rules->vips, rules->vip_count), "locals",
		json_addresses(rules->locals, rules->local_count), "pass_unknown",
		rules->pass_unknown, "verdicts", json_verdicts(status->program.verdicts));
	int result = document == NULL ? -1 : json_dumpf(document, stdout, JSON_INDENT(2));

	json_decref(document);
	putchar('\n');
	return result;
}

static int show_status(int count, char **words)
{
	static const struct option options[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct arguments arguments = { .interface = NULL };
	struct error error = { "" };
	struct decap_status status;

	if (parse_arguments(count, words, options, &arguments, &error) < 0)
		return fail(EXIT_USAGE, &error);
	if (decap_status(arguments.interface, &status, &error) < 0)
		return fail(EXIT_REFUSED, &error);
	if (!arguments.json) {
		print_table(arguments.interface, &status);
		return 0;
	}
	if (print_json(arguments.interface, &status) == 0)
		return 0;
	error_set(&error, -EIO, "cannot write the status as JSON");
	return fail(EXIT_REFUSED, &error);
}

int main(int count, char **words)
{
	const char *command = count > 1 ? words[1] : "";

	libbpf_set_print(quiet);
	if (strcmp(command, "attach") == 0)
		return attach(count, words);
	if (strcmp(command, "detach") == 0)
		return detach(count, words);
	if (strcmp(command, "status") == 0)
		return show_status(count, words);
	if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0) {
		puts("sluice-decap " SLUICE_VERSION);
		return 0;
	}
	if (command[0] != '\0')
		fprintf(stderr, "sluice-decap: \"%s\" is no command of sluice-decap\n", command);
	fputs(usage, stderr);
	return EXIT_USAGE;
}
