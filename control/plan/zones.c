/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/zones.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/lookup.h"

struct zones {
	struct lookup *by_name;
	char (*names)[CONFIG_NAME_SIZE];
	bool *drained;
	uint16_t count;
	uint16_t own;
};

/* Room doubles at powers of two. */
static int grow(struct zones *zones)
{
	size_t count = zones->count, room = count == 0 ? 1 : 2 * count;
	void *names, *drained;

	if ((count & (count - 1)) != 0)
		return 0;
	names = realloc(zones->names, room * sizeof(*zones->names));
	if (names != NULL)
		zones->names = names;
	drained = realloc(zones->drained, room * sizeof(*zones->drained));
	if (drained != NULL)
		zones->drained = drained;
	return names != NULL && drained != NULL ? 0 : -ENOMEM;
}

/*
 * As many as there are numbers: the node's own and those whose state is listed come first, so that
 * each of these has one.
 */
static int enter(struct zones *zones, const char *name)
{
	size_t earlier;

	if (name[0] == '\0' || zones->count == ZONES_NONE ||
		lookup_find(zones->by_name, name, &earlier) == 0)
		return 0;
	if (grow(zones) != 0 || lookup_add(zones->by_name, name, zones->count, &earlier) != 0)
		return -ENOMEM;
	strcpy(zones->names[zones->count], name);
	zones->drained[zones->count] = false;
	zones->count++;
	return 0;
}

/* Neighbours in a list mostly have the same zone. */
static int enter_pool(struct zones *zones, const struct config_pool *pool)
{
	const char *last = "";
	int code = 0;

	for (size_t i = 0; code == 0 && i < pool->backend_count; i++) {
		const char *name = pool->backends[i].zone;

		if (strcmp(name, last) != 0)
			code = enter(zones, name);
		last = name;
	}
	return code;
}

static int enter_all(struct zones *zones, const struct config *config)
{
	int code = enter(zones, config->node_zone);

	for (size_t i = 0; code == 0 && i < config->zone_count; i++)
		code = enter(zones, config->zones[i].name);
	for (size_t i = 0; code == 0 && i < config->pool_count; i++)
		code = enter_pool(zones, &config->pools[i]);
	return code;
}

struct zones *zones_create(const struct config *config)
{
	struct zones *zones = calloc(1, sizeof(*zones));

	if (zones == NULL)
		return NULL;
	zones->by_name = lookup_create();
	if (zones->by_name == NULL || enter_all(zones, config) != 0) {
		zones_destroy(zones);
		return NULL;
	}
	zones->own = zones_find(zones, config->node_zone);
	for (size_t i = 0; i < config->zone_count; i++)
		if (config->zones[i].state == CONFIG_ZONE_DRAIN)
			zones->drained[zones_find(zones, config->zones[i].name)] = true;
	return zones;
}

void zones_destroy(struct zones *zones)
{
	if (zones == NULL)
		return;
	lookup_destroy(zones->by_name);
	free(zones->names);
	free(zones->drained);
	free(zones);
}

uint16_t zones_find(const struct zones *zones, const char *name)
{
	size_t zone;

	return name[0] != '\0' && lookup_find(zones->by_name, name, &zone) == 0 ? zone : ZONES_NONE;
}

uint16_t zones_count(const struct zones *zones)
{
	return zones->count;
}

const char *zones_name(const struct zones *zones, uint16_t zone)
{
	return zones->names[zone];
}

uint16_t zones_own(const struct zones *zones)
{
	return zones->own;
}

const bool *zones_drained(const struct zones *zones)
{
	return zones->drained;
}
