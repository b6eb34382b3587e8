/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * impact: whose connections a change breaks, known before it is made: services that lose what they
 * claim (claims.h), and backends that give up the flows that live on them. What moves without
 * breaking anything is plan_compare.h's. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "impact/claims.h"
#include "config/config.h"
#include "state/counters.h"
#include "base/error.h"

struct impact_service {
	char name[CONFIG_NAME_SIZE];
	char pool[CONFIG_NAME_SIZE]; /* that served it */
	char claim[CLAIM_TEXT_SIZE];
	enum claim_change change;     /* never CLAIM_KEPT */
	char taker[CONFIG_NAME_SIZE]; /* the service that has it then; "" */
	struct counter counted;       /* so far */
	double pool_share;            /* of all packets of the services of its pool */
};

struct impact_backend {
	char pool[CONFIG_NAME_SIZE];
	char name[CONFIG_MEMBER_SIZE];
	uint32_t slots;   /* whose flows live there: at home there, or sent there when they began */
	uint32_t in_s;    /* seconds until its flows are given up: 0 where that is at once */
	bool flows_known; /* it drains, so its flows are counted */
	bool flows_complete; /* and have been for long enough; else there are more */
	uint64_t flows;
};

/* What the losses of its backends come to in one pool. */
struct impact_pool {
	char name[CONFIG_NAME_SIZE];
	uint32_t cut;       /* slots with flows that are given up */
	uint32_t cut_still; /* of these, slots whose new flows do not go there: they may not move */
	uint32_t pins; /* at the last sweep: flows that may live there in slots of others, too */
};

struct impact {
	struct impact_service *services;
	size_t service_count;
	struct impact_backend *backends;
	size_t backend_count;
	struct impact_pool *pools;
	size_t pool_count;
	struct impact_index *index; /* private; NULL until it is made */
};

/* Nothing breaks. NULL when memory is short. */
struct impact *impact_create(void);
void impact_destroy(struct impact *impact); /* NULL is allowed */

/* Zeroed room for one more, or NULL when memory is short. Moves those that are there. */
struct impact_service *impact_add_service(struct impact *impact);
struct impact_backend *impact_add_backend(struct impact *impact);
struct impact_pool *impact_add_pool(struct impact *impact);

/*
 * To be called when all is added, so that pools are found at once and not one by one: there are as
 * many as 65,535 of them, and of services. 0 or -ENOMEM.
 */
int impact_make_index(struct impact *impact);

/* Needs the index. By name; NULL where no backend of the pool gives up flows, or `impact` is NULL.
 */
const struct impact_pool *impact_find_pool(const struct impact *impact, const char *pool);

/* Needs the index. How much of a pool's traffic is of services that lose it: 0 to 1. */
double impact_pool_share(const struct impact *impact, const char *pool);

/* What happens to a service's packets, in a sentence. */
#define IMPACT_TEXT_SIZE 384
const char *impact_change_name(enum claim_change change); /* "gone" */
const char *impact_describe(
	const struct impact_service *service, char text[static IMPACT_TEXT_SIZE]);

/* Seconds until the first flows are given up; 0 where some are at once, and where none are. */
uint32_t impact_in_s(const struct impact *impact);

/*
 * Whether the services allow the change without force: none that ever had a packet loses anything.
 * 0, or -EPERM with the sentence.
 */
int impact_check(const struct impact *impact, struct error *error);
