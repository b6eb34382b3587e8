/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * claims: which services lose what they claim (VIP, protocol, port) when one configuration follows
 * another, and to what. An exact port wins over `any`, so a service can lose a part of its claim to
 * one that is added, and what an exact one gives up can fall to a wider one. Pure.
 */
#pragma once

#include <stddef.h>

#include "config/config.h"

enum claim_change {
	CLAIM_KEPT,    /* its packets go on as they did, perhaps under another name */
	CLAIM_GONE,    /* no service claims it any more */
	CLAIM_POOL,    /* the backends of another pool serve it */
	CLAIM_FORWARD, /* the same backends serve it, in another mode */
	CLAIM_PART,    /* a service with an exact port takes a part, to another pool or mode */
	CLAIM_CLIENTS, /* some clients go by another pool than before (split) */
};

#define CLAIM_NO_TAKER ((size_t)-1)

struct claim {
	enum claim_change change;
	size_t taker; /* the new service that has it, or the part; CLAIM_NO_TAKER */
};

/*
 * What becomes of the claims of all old services: `claims` has room for each. Returns how many are
 * not kept.
 */
int claims_compare(const struct config *old, const struct config *new, struct claim *claims);

/* "203.0.113.10 tcp 80" */
#define CLAIM_TEXT_SIZE (ADDRESS_TEXT_SIZE + 16)
const char *claim_format(const struct config_service *service, char text[static CLAIM_TEXT_SIZE]);
