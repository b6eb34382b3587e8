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

/* By the dictionary, or NULL: one after the other. */
static size_t find_pool(const struct config *config, const struct lookup *names, const char *name)
{
	size_t number;
	int found;

	if (names != NULL)
		return lookup_find(names, name, &number) == 0 ? number : CONFIG_NO_POOL;
	found = config_find_pool(config, name);
	return found < 0 ? CONFIG_NO_POOL : (size_t)found;
}

/* The pool that `pool` of an object names. */
static int link_pool(const struct json_path *object, const struct config *config,
	const struct lookup *names, size_t *pool, struct findings *findings)
{
	struct json_path path = json_path_key(object, "pool");
	const char *name = json_string_value(path.value);
	struct error error;

	*pool = find_pool(config, names, name);
	if (*pool != CONFIG_NO_POOL)
		return 0;
	return findings_take(
		findings, json_refuse(&path, &error, "there is no pool \"%s\"", name), &error);
}

static int link_service(const struct json_path *path, const struct config *config,
	const struct lookup *names, struct config_service *service, struct findings *findings)
{
	struct json_path pools = json_path_key(path, "pools");
	struct json_path split = json_path_key(path, "split");
	int result = 0;

	service->pool = CONFIG_NO_POOL; /* of several: config_derive() sets it */
	if (service->part_count == 0)
		result = link_pool(path, config, names, &service->pool, findings);
	for (size_t i = 0; i < service->part_count && result == 0; i++) {
		struct json_path part = json_path_element(&pools, i);

		result = link_pool(&part, config, names, &service->parts[i].pool, findings);
	}
	for (size_t i = 0; i < service->split_count && result == 0; i++) {
		struct json_path rule = json_path_element(&split, i);

		result = link_pool(&rule, config, names, &service->splits[i].pool, findings);
	}
	return result;
}

int config_links_resolve_one(const struct config *config, const struct json_path *path,
	struct config_service *service, struct findings *findings)
{
	return link_service(path, config, NULL, service, findings);
}

int config_links_resolve(
	struct config *config, const struct json_path *root, struct findings *findings)
{
	struct json_path services = json_path_key(root, "services");
	struct lookup *names = lookup_create();
	int result;

	if (names == NULL)
		return findings_out_of_memory(findings);
	result = enter_pools(names, config, findings);
	for (size_t i = 0; i < config->service_count && result == 0; i++) {
		struct json_path path = json_path_element(&services, i);

		result = link_service(&path, config, names, &config->services[i], findings);
	}
	lookup_destroy(names);
	return result;
}
