/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/service_split.h"

#include <stdlib.h>
#include <string.h>

/* An address in two words, as in memory. */
struct words {
	uint64_t part[2];
};

struct split_rule {
	struct words mask;
	struct words prefix; /* masked */
	struct service service;
	uint8_t length;
};

struct service_split {
	struct service own;
	size_t count;
	struct split_rule rules[];
};

static struct words mask_of(uint8_t length)
{
	uint8_t bytes[16] = { 0 };
	struct words mask;

	for (uint8_t bit = 0; bit < length; bit++)
		bytes[bit / 8] |= 0x80 >> bit % 8;
	memcpy(&mask, bytes, sizeof(mask));
	return mask;
}

static struct split_rule rule_of(const struct service_rule *rule)
{
	struct split_rule made = {
		.mask = mask_of(rule->length),
		.service = rule->service,
		.length = rule->length,
	};

	memcpy(&made.prefix, rule->prefix, sizeof(made.prefix));
	made.prefix.part[0] &= made.mask.part[0];
	made.prefix.part[1] &= made.mask.part[1];
	return made;
}

/* Keeps its place among the longer ones and those of its length. */
static void insert(struct service_split *split, const struct split_rule *rule)
{
	size_t at = split->count++;

	for (; at > 0 && split->rules[at - 1].length < rule->length; at--)
		split->rules[at] = split->rules[at - 1];
	split->rules[at] = *rule;
}

struct service_split *service_split_create(
	const struct service *own, const struct service_rule *rules, size_t count)
{
	struct service_split *split = calloc(1, sizeof(*split) + count * sizeof(split->rules[0]));

	if (split == NULL)
		return NULL;
	split->own = *own;
	for (size_t i = 0; i < count; i++) {
		struct split_rule rule = rule_of(&rules[i]);

		insert(split, &rule);
	}
	return split;
}

void service_split_destroy(struct service_split *split)
{
	free(split);
}

static struct words source_of(bool ipv6, const struct flow_key *flow)
{
	struct words source = { { 0, 0 } };

	if (ipv6)
		memcpy(&source, flow->ipv6.source, 16);
	else
		memcpy(&source, flow->ipv4.source, 4);
	return source;
}

const struct service *service_split_choose(
	const struct service_split *split, bool ipv6, const struct flow_key *flow)
{
	const struct words source = source_of(ipv6, flow);

	for (size_t i = 0; i < split->count; i++) {
		const struct split_rule *rule = &split->rules[i];

		if ((((source.part[0] & rule->mask.part[0]) ^ rule->prefix.part[0]) |
			    ((source.part[1] & rule->mask.part[1]) ^ rule->prefix.part[1])) == 0)
			return &rule->service;
	}
	return &split->own;
}
