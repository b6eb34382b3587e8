/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service_split: the clients of a service that go by another pool than the others. A list of
 * prefixes, the longest first, that is walked for each packet: 2 to 3 cycles for a rule. Read-only
 * from the moment workers can reach it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "packet/flow.h"
#include "service/service.h"

struct service_split;

/* `own` is for whom no rule is. NULL when memory is short. Control thread. */
struct service_split *service_split_create(
	const struct service *own, const struct service_rule *rules, size_t count);
void service_split_destroy(struct service_split *split); /* NULL is allowed */

/* What serves this flow, of the family that the rules are of. Workers. */
const struct service *service_split_choose(
	const struct service_split *split, bool ipv6, const struct flow_key *flow);
