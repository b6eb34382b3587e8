/* SPDX-License-Identifier: BSD-3-Clause */
#include "impact/claims.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plan/finder.h"

static_assert(CLAIM_TEXT_SIZE <= FINDER_KEY_SIZE, "a claim is a key");

static const char *format(
	const struct config_service *service, uint16_t port, char text[static CLAIM_TEXT_SIZE])
{
	const char *protocol = config_protocol_name(service->protocol);
	char vip[ADDRESS_TEXT_SIZE];

	address_format(&service->vip, vip);
	if (port == 0)
		snprintf(text, CLAIM_TEXT_SIZE, "%s %s any", vip, protocol);
	else
		snprintf(text, CLAIM_TEXT_SIZE, "%s %s %u", vip, protocol, port);
	return text;
}

const char *claim_format(const struct config_service *service, char text[static CLAIM_TEXT_SIZE])
{
	return format(service, service->port, text);
}

static void claim_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	claim_format((const struct config_service *)list + index, key);
}

static bool has_split(const struct config *config, const struct config_service *service,
	const struct config *of, const struct config_split *split)
{
	for (size_t i = 0; i < service->split_count; i++) {
		const struct config_split *own = &service->splits[i];

		if (own->family == split->family && own->from.length == split->from.length &&
			address_equal(&own->from.address, &split->from.address))
			return strcmp(config->pools[own->pool].name, of->pools[split->pool].name) ==
			       0;
	}
	return false;
}

/* In whatever order: the longest prefix wins, and no two rules are about the same clients. */
static bool same_splits(const struct config *old_config, const struct config_service *old,
	const struct config *new_config, const struct config_service *new)
{
	if (old->split_count != new->split_count)
		return false;
	for (size_t i = 0; i < old->split_count; i++)
		if (!has_split(new_config, new, old_config, &old->splits[i]))
			return false;
	return true;
}

/* What becomes of packets that `old` served and `new` serves. */
static enum claim_change compare(const struct config *old_config, const struct config_service *old,
	const struct config *new_config, const struct config_service *new)
{
	if (strcmp(old_config->pools[old->pool].name, new_config->pools[new->pool].name) != 0)
		return CLAIM_POOL;
	if (old->forward != new->forward)
		return CLAIM_FORWARD;
	return same_splits(old_config, old, new_config, new) ? CLAIM_KEPT : CLAIM_CLIENTS;
}

static bool is_the_same(const struct config *old_config, const struct config_service *old,
	const struct config *new_config, const struct config_service *new)
{
	return old->port == new->port &&
	       old->protocol == new->protocol &&address_equal(&old->vip, &new->vip) &&
	       compare(old_config, old, new_config, new) == CLAIM_KEPT;
}

/* The usual case: the change is about something else. */
static bool are_the_same(const struct config *old, const struct config *new)
{
	if (old->service_count != new->service_count)
		return false;
	for (size_t i = 0; i < old->service_count; i++)
		if (!is_the_same(old, &old->services[i], new, &new->services[i]))
			return false;
	return true;
}

/* By its exact claim, else by the wider one that then has it. */
static size_t find_taker(struct finder *finder, const struct config_service *service, size_t hint)
{
	char key[CLAIM_TEXT_SIZE];
	size_t index = finder_find(finder, claim_format(service, key), hint);

	if (index == FINDER_NONE && service->port != 0)
		index = finder_find(finder, format(service, 0, key), hint);
	return index;
}

/* A new exact claim takes its part from the wider one that had it. */
static void take_parts(const struct config *old, const struct config *new, struct finder *in_old,
	struct claim *claims)
{
	for (size_t i = 0; i < new->service_count; i++) {
		const struct config_service *service = &new->services[i];
		char key[CLAIM_TEXT_SIZE];
		size_t wide;

		if (service->port == 0 ||
			finder_find(in_old, claim_format(service, key), i) != FINDER_NONE)
			continue;
		wide = finder_find(in_old, format(service, 0, key), i);
		if (wide == FINDER_NONE || claims[wide].change != CLAIM_KEPT ||
			compare(old, &old->services[wide], new, service) == CLAIM_KEPT)
			continue;
		claims[wide] = (struct claim){ CLAIM_PART, i };
	}
}

int claims_compare(const struct config *old, const struct config *new, struct claim *claims)
{
	struct finder in_new = { new->services, new->service_count, claim_key, NULL };
	struct finder in_old = { old->services, old->service_count, claim_key, NULL };
	int lost = 0;

	memset(claims, 0, old->service_count * sizeof(*claims));
	if (are_the_same(old, new))
		return 0;
	for (size_t i = 0; i < old->service_count; i++) {
		const struct config_service *service = &old->services[i];
		size_t taker = find_taker(&in_new, service, i);

		claims[i] = (struct claim){ CLAIM_GONE, CLAIM_NO_TAKER };
		if (taker == FINDER_NONE)
			continue;
		claims[i].change = compare(old, service, new, &new->services[taker]);
		claims[i].taker = taker;
	}
	take_parts(old, new, &in_old, claims);
	finder_fini(&in_new);
	finder_fini(&in_old);
	for (size_t i = 0; i < old->service_count; i++)
		lost += claims[i].change != CLAIM_KEPT;
	return lost;
}
