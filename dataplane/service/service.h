/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service: which service claims a packet. A table of keys, (VIP, protocol, port) or (VIP, protocol,
 * any port); the more exact match wins. Built by the control thread, read-only from the moment
 * workers can reach it; service_lookup.h describes it, service_match.h searches it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "packet/address.h"
#include "packet/packet.h"

/* What a worker knows of a service: the slots of its flows, and the records of the backends. */
struct service {
	const _Atomic uint32_t *slots;     /* slot words (slots.h) of its pool, in the state file */
	const _Atomic uint32_t *record_of; /* first cell of the records, by index in the pool */
	uint32_t slot_count;               /* M */
	uint32_t counter;                  /* index of its counters in every worker's block */
	uint32_t pool;                     /* its number: whose members may take its flows */
	uint8_t udp;                       /* enum affinity_udp */
	uint8_t mode;                      /* enum record_mode: which of the records */
	uint8_t rule; /* of a split: which of its rules chose it, from 1; 0: none did */
};

/* Which clients go by another pool than that of the service: those of a prefix of its family. */
struct service_rule {
	uint8_t prefix[16]; /* network byte order, as in struct address */
	uint8_t length;     /* bits of the prefix; 0: all clients */
	struct service service;
};

#define SERVICE_RULES_MAX 64

struct service_key {
	struct address vip;
	rte_be16_t port; /* 0: any port */
	uint8_t protocol;
};

struct service_table;

/* A table with room for `count` services. NULL when memory is short. Control thread. */
struct service_table *service_table_create(size_t count);
/* Bytes that such a table takes. */
uint64_t service_table_memory(size_t count);

void service_table_destroy(struct service_table *table); /* NULL is allowed */

/* -EEXIST where the key is there already, -ENOSPC beyond the room asked for. `service` is copied.
 */
int service_table_add(
	struct service_table *table, const struct service_key *key, const struct service *service);

/*
 * The same with rules (1 to SERVICE_RULES_MAX, which are copied): a client goes by that with the
 * longest prefix that it is in, the first of equal ones, and by `service` where it is in none.
 * -ENOMEM, too. A service without rules costs a packet nothing for them.
 */
int service_table_add_split(struct service_table *table, const struct service_key *key,
	const struct service *service, const struct service_rule *rules, size_t count);

/* Whether any service has this VIP. Any thread. */
bool service_table_has_vip(const struct service_table *table, const struct address *vip);
