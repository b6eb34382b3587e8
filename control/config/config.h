/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config: the configuration as a value. A document (JSON) is read into a new struct config,
 * validated as a whole, and either returned complete or refused with one sentence that names the
 * path (`services[2].port: 70000 is not a port (1-65535)`). Nothing here touches a running system.
 *
 * Control thread only. A struct config owns everything it points to and is never changed after
 * config_read() returned it: a change is a new one (config_excerpt.h).
 */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/address.h"
#include "base/error.h"
#include "json/findings.h"

#define CONFIG_HASH_KEY_SIZE   16
#define CONFIG_NAME_SIZE       64 /* names: 1-63 of [A-Za-z0-9._-], not starting with '-' or '.' */
#define CONFIG_KEY_SIZE        64 /* seats: 1-63 of [A-Za-z0-9._:-], so any address is one */
#define CONFIG_WORKERS_MAX     64
#define CONFIG_PORTS_MAX       16
#define CONFIG_MEMBER_SIZE     128   /* "web/web-1": names of backends of a derived pool */
#define CONFIG_PARTS_MAX       16    /* pools of a service */
#define CONFIG_SPLITS_MAX      64    /* rules of a service: SERVICE_RULES_MAX */
#define CONFIG_BACKENDS_MAX    16383 /* per pool, with vacant seats: 14 bits of a slot word */
#define CONFIG_MEMBERSHIPS_MAX 65535 /* backends of all pools together */
#define CONFIG_POOLS_MAX       65535
#define CONFIG_SERVICES_MAX    65535
#define CONFIG_NEIGHBOURS_MAX  65535 /* per port */
#define CONFIG_ZONES_MAX       1024  /* whose state is listed */
#define CONFIG_EAL_MAX         64    /* further EAL arguments */
#define CONFIG_DEFAULT_WEIGHT  100
#define CONFIG_NO_POOL         SIZE_MAX
#define CONFIG_NESTING_MAX     16         /* objects and lists within each other */
#define CONFIG_FILE_MAX        (64 << 20) /* bytes of a document */

enum config_idle { CONFIG_IDLE_SPIN, CONFIG_IDLE_REST };

/* How traffic that is not ours reaches the kernel (sluice(7), HOST PATH). */
enum config_host_path {
	CONFIG_HOST_PATH_DEFAULT, /* what the port's driver calls for */
	CONFIG_HOST_PATH_XDP,     /* our XDP program leaves it to the kernel before it gets here */
	CONFIG_HOST_PATH_COPY, /* the driver gives the kernel a copy of every packet (AF_PACKET) */
	CONFIG_HOST_PATH_DROP, /* nothing reaches the kernel */
};

enum config_protocol { CONFIG_PROTOCOL_TCP = 6, CONFIG_PROTOCOL_UDP = 17 };

enum config_forward { CONFIG_FORWARD_L2DSR, CONFIG_FORWARD_IPIP };

/* How UDP packets find their flow: the numbers of enum affinity_udp. */
enum config_udp { CONFIG_UDP_PIN, CONFIG_UDP_HASH, CONFIG_UDP_QUIC };

enum config_builder { CONFIG_BUILDER_MAGLEV, CONFIG_BUILDER_RENDEZVOUS };

enum config_backend_state {
	CONFIG_BACKEND_ACTIVE,
	CONFIG_BACKEND_DRAIN,    /* no new flow; those it has stay until the deadline */
	CONFIG_BACKEND_DISABLED, /* no packet goes there any more; its flows move */
};

/* A number of backends, or a percentage of them. A number of 0 is never undercut. */
struct config_threshold {
	uint32_t number;
	bool is_percent;
};

/* What becomes of new flows while no backend of a pool is up. */
enum config_all_down {
	CONFIG_ALL_DOWN_ALL,      /* they go to all backends: a check may be wrong */
	CONFIG_ALL_DOWN_DROP,     /* they go nowhere */
	CONFIG_ALL_DOWN_WITHDRAW, /* they go nowhere, and the VIPs are to be announced no more */
};

/* What becomes of the established flows of a backend whose check has failed. */
enum config_flows {
	CONFIG_FLOWS_KEEP, /* they stay for fail_grace_s */
	CONFIG_FLOWS_MOVE, /* they go at once to where the table points */
};

/* By protocol; QUIC counts as UDP. */
struct config_unhealthy_flows {
	enum config_flows tcp;
	enum config_flows udp;
};

enum config_zone_state {
	CONFIG_ZONE_ACTIVE,
	CONFIG_ZONE_DRAIN, /* its backends take no new flows as long as any others can */
};

struct config_zone {
	char name[CONFIG_NAME_SIZE];
	enum config_zone_state state;
};

struct config_neighbour {
	struct address address;
	uint8_t mac[6];
};

struct config_port {
	char name[CONFIG_NAME_SIZE];
	char *device; /* DPDK device string, handed to DPDK as it is */
	uint16_t mtu; /* bytes of L3 packet */
	enum config_host_path host_path;
	struct config_neighbour *neighbours;
	size_t neighbour_count;
	bool has_gateway_mac;
	uint8_t gateway_mac[6];
};

struct config_dataplane {
	bool workers_by_number; /* "workers": 2 rather than [1, 2] */
	unsigned int worker_count;
	uint16_t worker_cpus[CONFIG_WORKERS_MAX]; /* only where listed */
	enum config_idle idle;
	uint32_t mbufs; /* packet buffers per NUMA node */
	uint32_t pins;  /* flows that have room for a pin */
	char **eal;     /* further EAL arguments */
	size_t eal_count;
	char *state_file;
	struct address tunnel_source_ipv4; /* ADDRESS_NONE where absent */
	struct address tunnel_source_ipv6;
	struct config_port *ports;
	size_t port_count;
};

struct config_health;

struct config_backend {
	char name[CONFIG_MEMBER_SIZE];
	struct address address;
	char key[CONFIG_KEY_SIZE]; /* its seat; the text of its address where none is given */
	uint16_t weight;           /* 0-65535; 0: a drain without a deadline */
	uint16_t seat_weight;      /* of its seat in the base table while weight is 0; 0: no seat */
	enum config_backend_state state;
	struct address health_address; /* where it is probed instead; ADDRESS_NONE: there */
	uint16_t health_port;          /* host byte order; 0: that of the pool */
	char zone[CONFIG_NAME_SIZE];   /* "": none, which is as near as the node's own */
};

/*
 * A seat that no backend has now. It stays in the base table, so that the slots of the others stay
 * where they are, and takes no flow.
 */
struct config_vacant {
	char key[CONFIG_KEY_SIZE];
	uint16_t weight; /* 1-65535, as its last backend had it */
};

/* How flows stay with their backends through changes (W, Q, H and G of transitions.h). Seconds. */
struct config_affinity {
	uint32_t observe_s; /* old flows are recorded this long before their slot moves home */
	uint32_t settle_s;  /* a slot must rest this long before that begins */
	uint32_t hold_s;    /* how long a failed backend keeps its slots; at least fail_grace_s */
	uint32_t fail_grace_s; /* flows of a backend that failed stay with it this long */
	uint32_t guard_s;      /* every new flow is pinned this long after a slot moved home */
};

/* A new backend's share grows to its weight in so many steps. */
struct config_slow_start {
	uint32_t duration_s; /* 0: none, it has its share at once */
	uint32_t steps;
};

/* A pool among those of a service. */
struct config_service_pool {
	size_t pool;     /* index into config->pools */
	uint16_t weight; /* its share of the new flows, among those of the same `backup` */
	uint16_t backup; /* 0: first of all; others take new flows once none before them does */
	struct config_threshold below; /* of a backup: or once fewer of those before it are up */
};

/* What a derived pool has of one of the written pools. */
struct config_pool_part {
	struct config_service_pool part;
	size_t first_backend, backend_count; /* among those of the derived pool */
	size_t first_vacant, vacant_count;
};

/* Where a written pool is a part of a derived one. */
struct config_use {
	size_t pool; /* index into config->pools */
	size_t part; /* of that pool */
};

struct config_pool {
	char name[CONFIG_NAME_SIZE]; /* of a derived pool "service:www", which no written one has */
	uint32_t slots;              /* M: a prime, 251-5,000,011 */
	enum config_builder builder;
	struct config_affinity affinity;
	struct config_slow_start slow_start;
	uint32_t drain_deadline_s;       /* default of a drain */
	uint32_t max_disruption_percent; /* of the slots by one change; 100: no budget */
	struct config_health *health;    /* shared (config_health.h); NULL: no checks */
	uint32_t max_load_percent;       /* of a backend's fair share after a change; 0: no limit */
	struct config_threshold fail_open_below;
	struct config_threshold withdraw_below;
	enum config_all_down all_down;
	struct config_unhealthy_flows unhealthy_flows;
	bool cross_zone;                    /* or the node's own zone first */
	struct config_threshold zone_below; /* a percentage is one of the zone's weight */
	struct config_backend *backends;
	size_t backend_count;
	struct config_vacant *vacant; /* no key of a backend is among them */
	size_t vacant_count;
	struct config_pool_part *parts; /* of a derived pool (config_derive.h) */
	size_t part_count;              /* 0: written by the operator */
	struct config_use *uses;        /* of a written pool */
	size_t use_count;
};

/* Clients of a service that go by another pool. */
struct config_prefix {
	struct address address; /* host bits are zero; ADDRESS_NONE: any */
	uint8_t length;         /* bits */
};
#define CONFIG_PREFIX_TEXT_SIZE (ADDRESS_TEXT_SIZE + 4)

struct config_split {
	struct config_prefix from;  /* ADDRESS_NONE: by family */
	enum address_family family; /* of the clients; ADDRESS_NONE: by prefix */
	size_t pool;                /* index into config->pools, one of the document */
};

struct config_service {
	char name[CONFIG_NAME_SIZE];
	struct address vip;
	enum config_protocol protocol;
	uint16_t port; /* host byte order; 0 means any port */
	size_t pool;   /* index into config->pools: with several pools, the one derived from them */
	struct config_service_pool *parts; /* its pools, where it has several */
	size_t part_count;                 /* 0: it has `pool` alone */
	struct config_split *splits;
	size_t split_count;
	enum config_forward forward;
	enum config_udp udp; /* of a service of UDP only */
};

struct config {
	atomic_uint references; /* owners beside the first one */
	char node_name[CONFIG_NAME_SIZE];
	char node_zone[CONFIG_NAME_SIZE];       /* "": none */
	uint8_t hash_key[CONFIG_HASH_KEY_SIZE]; /* secret: never printed, logged or returned */
	struct config_dataplane dataplane;
	char *socket;                 /* path of the control socket */
	char group[CONFIG_NAME_SIZE]; /* who may read it, and the state file; "": none named */
	uint32_t max_removed_percent; /* of services, or backends, by one change; 100: no limit */
	struct config_zone *zones;    /* those whose state is listed */
	size_t zone_count;
	struct config_pool *pools; /* those of the document, then those derived from them */
	size_t pool_count;
	size_t written_pool_count; /* of the document */
	struct config_service *services;
	size_t service_count;
};

/*
 * Reads bytes as a JSON document: UTF-8, one value, no duplicate keys, no NUL, nothing after it,
 * nesting of at most 16. Returns a new reference, or NULL with line and column in the sentence.
 */
json_t *config_document_parse(const char *text, size_t length, struct error *error);

/*
 * Reads a whole file by its path: a regular file of at most CONFIG_FILE_MAX bytes. To be freed;
 * NULL with a sentence that names the file.
 */
char *config_document_read(const char *path, size_t *length, struct error *error);

/* The same, then as a document. Each of its sentences names the file. */
json_t *config_document_load(const char *path, struct error *error);

/*
 * Validates a document and returns it as a value, or NULL with the sentence. `hash_key`, where not
 * NULL, stands in for an absent node.hash_key (a document that config_print() made, sent back over
 * the socket); otherwise the key is required.
 */
struct config *config_read(const json_t *document, const uint8_t *hash_key, struct error *error);

/*
 * The same with all that is wrong, as far as `findings` has room. A value is returned where every
 * part of the document could be read; with findings it is good for nothing but feasible_validate().
 * Rules between parts of a document are checked only if all parts could be read.
 */
struct config *config_validate(
	const json_t *document, const uint8_t *hash_key, struct findings *findings);

/* Frees what a pool or service owns, not itself. */
void config_pool_fini(struct config_pool *pool);
void config_service_fini(struct config_service *service);

/* A deep copy, of its own; NULL with the sentence where memory is short. */
struct config *config_copy(const struct config *config, struct error *error);

/* Takes a reference, to be released with config_destroy(). Any thread may release the last. */
struct config *config_ref(struct config *config);

void config_destroy(struct config *config); /* NULL is allowed */

/*
 * Reports what is allowed but hardly intended (`pools[0].slots: ...`), a sentence each, and returns
 * how many there were. `report` may be NULL.
 */
size_t config_warnings(const struct config *config,
	void (*report)(void *context, const char *sentence), void *context);

/*
 * Whether a running `old` can become `new`. Returns 0; -EPERM with `dataplane.mbufs: needs a
 * restart`, the first difference in canonical order, where anything of node, dataplane or control
 * differs but a port's neighbours and gateway; or -ENOMEM. Neither value is repeated.
 */
int config_compare_restart(const struct config *old, const struct config *new, struct error *error);

/*
 * The canonical form: every key in the order of the table (config_keys.h), defaults spelt out,
 * addresses as RFC 5952, MACs in lower case; node.hash_key left out, because no command shows it.
 * Reading the result (with the key) and printing it again gives the same. New reference.
 */
json_t *config_print(const struct config *config);

/* The same with node.hash_key: only for the file that is written back to disk. New reference. */
json_t *config_print_with_secret(const struct config *config);

/* "198.51.100.0/24"; returns `text`. */
const char *config_prefix_format(
	const struct config_prefix *prefix, char text[static CONFIG_PREFIX_TEXT_SIZE]);

/* Whether the rule is about clients of this family. */
bool config_split_fits(const struct config_split *split, enum address_family family);

/* "from 198.51.100.0/24" or "family ipv6"; returns `text`. */
#define CONFIG_SPLIT_TEXT_SIZE (CONFIG_PREFIX_TEXT_SIZE + 8)
const char *config_split_format(
	const struct config_split *split, char text[static CONFIG_SPLIT_TEXT_SIZE]);

const char *config_forward_name(enum config_forward forward);
const char *config_protocol_name(enum config_protocol protocol);
const char *config_backend_state_name(enum config_backend_state state);
const char *config_builder_name(enum config_builder builder);
const char *config_udp_name(enum config_udp udp);
const char *config_all_down_name(enum config_all_down all_down);
const char *config_flows_name(enum config_flows flows);
const char *config_zone_state_name(enum config_zone_state state);
const char *config_host_path_name(enum config_host_path host_path);

/*
 * The pools of the document that serve a service, those of its split last: how many, and which.
 * CONFIG_NO_POOL: none of that name was found.
 */
size_t config_service_pool_count(const struct config_service *service);
size_t config_service_pool_at(const struct config_service *service, size_t index);

/* By name; the index, or -ENOENT. A pool of the document. */
int config_find_pool(const struct config *config, const char *name);
int config_find_service(const struct config *config, const char *name);
int config_find_backend(const struct config_pool *pool, const char *name);

/*
 * The pool whose options (slow start, deadlines of drains, patience with failures) are those of a
 * backend of this pool: of a derived pool the written one that has the backend, else the pool
 * itself. One that is configured no more (from backend_count on) goes by the options of the pool.
 */
const struct config_pool *config_options_of(
	const struct config *config, size_t pool, size_t backend);
