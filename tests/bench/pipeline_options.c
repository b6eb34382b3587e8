/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline_options.h"

#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#define FLOWS     100000
#define SERVICES  1
#define ROUNDS    15
#define BURSTS    20000
#define VIP_IPV4  "203.0.113.10"
#define VIP_IPV6  "2001:db8::10"
#define VIP_PORT  80
#define POOLS_MAX 655

static const char usage[] =
	"usage: bench_pipeline [EAL options] -- [options]\n"
	"  --flows N|flood      flows that the packets belong to (100000); flood: each to another\n"
	"  --syn                each packet is a SYN\n"
	"  --family 4|6         of the packets (4)\n"
	"  --protocol tcp|udp   (tcp)\n"
	"  --size BYTES|imix    of frames with FCS, 64 to 1518 (64)\n"
	"  --forward l2dsr|ipip|ipip6   (ipip)\n"
	"  --services N         that the flows are spread over (1), in --pools N pools (1)\n"
	"  --unstable PERCENT   of the slots have another home (0)\n"
	"  --pinned EACH        each so many-th flow of those has a pin (0: none)\n"
	"  --established N          pins of flows that send nothing\n"
	"  --huge               tables and pins in huge pages\n"
	"  --publish N          times a second\n"
	"  --workers N          1 or 2\n"
	"  --rounds N           (15) of --bursts N of 32 packets (20000)\n"
	"  --stages             what each step adds\n"
	"  --json\n";

enum {
	FLOWS_OPTION = 1,
	SYN,
	FAMILY,
	PROTOCOL,
	SIZE,
	FORWARD,
	SERVICES_OPTION,
	POOLS,
	UNSTABLE,
	PINNED,
	ESTABLISHED,
	HUGE_PAGES,
	PUBLISH,
	WORKERS,
	ROUNDS_OPTION,
	BURSTS_OPTION,
	STAGES,
	JSON,
	HELP,
};

static const struct option known[] = {
	{ "flows", required_argument, NULL, FLOWS_OPTION },
	{ "syn", no_argument, NULL, SYN },
	{ "family", required_argument, NULL, FAMILY },
	{ "protocol", required_argument, NULL, PROTOCOL },
	{ "size", required_argument, NULL, SIZE },
	{ "forward", required_argument, NULL, FORWARD },
	{ "services", required_argument, NULL, SERVICES_OPTION },
	{ "pools", required_argument, NULL, POOLS },
	{ "unstable", required_argument, NULL, UNSTABLE },
	{ "pinned", required_argument, NULL, PINNED },
	{ "established", required_argument, NULL, ESTABLISHED },
	{ "huge", no_argument, NULL, HUGE_PAGES },
	{ "publish", required_argument, NULL, PUBLISH },
	{ "workers", required_argument, NULL, WORKERS },
	{ "rounds", required_argument, NULL, ROUNDS_OPTION },
	{ "bursts", required_argument, NULL, BURSTS_OPTION },
	{ "stages", no_argument, NULL, STAGES },
	{ "json", no_argument, NULL, JSON },
	{ "help", no_argument, NULL, HELP },
	{ 0 },
};

static int read_number(const char *text, uint32_t least, uint32_t most, uint32_t *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < least || value > most)
		return -1;
	*number = value;
	return 0;
}

/* The place of the text in the list, or -1. */
static int find(const char *text, const char *const *names, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	return -1;
}

static int read_flows(const char *text, uint32_t *flows)
{
	if (strcmp(text, "flood") != 0)
		return read_number(text, 1, TRAFFIC_FLOOD - 1, flows);
	*flows = TRAFFIC_FLOOD;
	return 0;
}

static int read_size(const char *text, uint16_t *size)
{
	uint32_t number = TRAFFIC_IMIX;

	if (strcmp(text, "imix") != 0 && read_number(text, 64, 1518, &number) != 0)
		return -1;
	*size = number;
	return 0;
}

static int read_family(const char *text, struct address *vip)
{
	if (strcmp(text, "4") != 0 && strcmp(text, "6") != 0)
		return -1;
	return address_parse(*text == '4' ? VIP_IPV4 : VIP_IPV6, vip);
}

static int read_protocol(const char *text, uint8_t *protocol)
{
	static const char *const names[] = { "tcp", "udp" };
	int place = find(text, names, RTE_DIM(names));

	*protocol = place == 0 ? IPPROTO_TCP : IPPROTO_UDP;
	return place < 0 ? -1 : 0;
}

static int read_forward(const char *text, enum record_encap *encap)
{
	static const char *const names[] = { [RECORD_ENCAP_NONE] = "l2dsr",
		[RECORD_ENCAP_IPV4] = "ipip",
		[RECORD_ENCAP_IPV6] = "ipip6" };
	int place = find(text, names, RTE_DIM(names));

	if (place >= 0)
		*encap = place;
	return place < 0 ? -1 : 0;
}

static int read_option(int option, const char *text, struct pipeline_options *options)
{
	struct traffic_options *source = &options->source;
	struct world_options *world = &options->world;

	switch (option) {
	case FLOWS_OPTION: return read_flows(text, &source->flows);
	case SYN: source->syn = true; return 0;
	case FAMILY: return read_family(text, &source->vip);
	case PROTOCOL: return read_protocol(text, &source->protocol);
	case SIZE: return read_size(text, &source->frame_size);
	case FORWARD: return read_forward(text, &world->encap);
	case SERVICES_OPTION: return read_number(text, 1, 1 << 20, &world->services);
	case POOLS: return read_number(text, 1, POOLS_MAX, &world->pools);
	case UNSTABLE: return read_number(text, 0, 100, &world->tracked_percent);
	case PINNED: return read_number(text, 0, UINT32_MAX, &options->pin_step);
	case ESTABLISHED: return read_number(text, 0, 1 << 30, &options->established);
	case HUGE_PAGES: world->huge_pages = true; return 0;
	case PUBLISH: return read_number(text, 1, 1000, &options->publish);
	case WORKERS: return read_number(text, 1, WORLD_WORKERS_MAX, &world->workers);
	case ROUNDS_OPTION: return read_number(text, 1, PIPELINE_ROUNDS_MAX, &options->rounds);
	case BURSTS_OPTION: return read_number(text, 1, 1 << 24, &options->bursts);
	case STAGES: options->stages = true; return 0;
	case JSON: options->json = true; return 0;
	default: return -1;
	}
}

/* What the source and the world have in common, and what follows from the rest. */
static void complete(struct pipeline_options *options)
{
	struct traffic_options *source = &options->source;
	struct world_options *world = &options->world;

	source->services = world->services;
	world->vip = source->vip;
	world->vip_port = source->vip_port = rte_cpu_to_be_16(VIP_PORT);
	world->protocol = source->protocol;
	world->pins = options->established;
	if (options->pin_step != 0)
		world->pins +=
			(uint64_t)source->flows / options->pin_step * world->tracked_percent / 100;
}

int pipeline_options_read(int count, char **arguments, struct pipeline_options *options)
{
	int option;

	*options = (struct pipeline_options){
		.source = { .protocol = IPPROTO_TCP, .flows = FLOWS, .frame_size = 64 },
		.world = { .encap = RECORD_ENCAP_IPV4,
			.services = SERVICES,
			.pools = 1,
			.workers = 1 },
		.rounds = ROUNDS,
		.bursts = BURSTS,
	};
	read_family("4", &options->source.vip);
	optind = 1; /* EAL has used getopt before */
	while ((option = getopt_long(count, arguments, "", known, NULL)) != -1)
		if (read_option(option, optarg, options) != 0) {
			fputs(usage, stderr);
			return -1;
		}
	if (options->stages && options->publish != 0) {
		fputs("bench_pipeline: --stages need tables that stay\n", stderr);
		return -1;
	}
	complete(options);
	return 0;
}
