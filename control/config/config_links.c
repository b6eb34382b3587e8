/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_links.h"

#include <errno.h>

#include "json/lookup.h"

/* Of two pools with one name the first is entered; config_unique refuses the second. */
static int enter_pools(struct lookup *names, const struct config *config, struct findings *findings)
{
	for (size_t i = 0; i < config->pool_count; i++) {
		size_t earlier;

		if (lookup_add(names, config->pools[i].name, i, &earlier) == -ENOMEM)
			return findings_out_of_memory(findings);
	}
	return 0;
}

static int refuse(const struct json_place *service, const char *pool, struct findings *findings)
{
	struct json_place place = json_place_member(service, "pool");
	struct error error;

	return findings_take(
		findings, json_refuse(&place, &error, "there is no pool \"%s\"", pool), &error);
}

static int link_service(const struct json_place *place, const struct lookup *names,
	struct config_service *service, struct findings *findings)
{
	struct json_place pool = json_place_member(place, "pool");
	const char *name = json_string_value(pool.value);

	service->pool = CONFIG_NO_POOL;
	if (lookup_find(names, name, &service->pool) != 0)
		return refuse(place, name, findings);
	return 0;
}

int config_links_resolve_one(const struct config *config, const struct json_place *place,
	struct config_service *service, struct findings *findings)
{
	struct json_place pool = json_place_member(place, "pool");
	const char *name = json_string_value(pool.value);
	int found = config_find_pool(config, name);

	service->pool = found < 0 ? CONFIG_NO_POOL : (size_t)found;
	return found < 0 ? refuse(place, name, findings) : 0;
}

int config_links_resolve(
	struct config *config, const struct json_place *root, struct findings *findings)
{
	struct json_place services = json_place_member(root, "services");
	struct lookup *names = lookup_create();
	int result;

	if (names == NULL)
		return findings_out_of_memory(findings);
	result = enter_pools(names, config, findings);
	for (size_t i = 0; i < config->service_count && result == 0; i++) {
		struct json_place place = json_place_element(&services, i);

		result = link_service(&place, names, &config->services[i], findings);
	}
	lookup_destroy(names);
	return result;
}
