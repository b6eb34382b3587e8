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

static int refuse(const struct json_path *service, const char *pool, struct findings *findings)
{
	struct json_path path = json_path_key(service, "pool");
	struct error error;

	return findings_take(
		findings, json_refuse(&path, &error, "there is no pool \"%s\"", pool), &error);
}

static int link_service(const struct json_path *path, const struct lookup *names,
	struct config_service *service, struct findings *findings)
{
	struct json_path pool = json_path_key(path, "pool");
	const char *name = json_string_value(pool.value);

	service->pool = CONFIG_NO_POOL;
	if (lookup_find(names, name, &service->pool) != 0)
		return refuse(path, name, findings);
	return 0;
}

int config_links_resolve_one(const struct config *config, const struct json_path *path,
	struct config_service *service, struct findings *findings)
{
	struct json_path pool = json_path_key(path, "pool");
	const char *name = json_string_value(pool.value);
	int found = config_find_pool(config, name);

	service->pool = found < 0 ? CONFIG_NO_POOL : (size_t)found;
	return found < 0 ? refuse(path, name, findings) : 0;
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

		result = link_service(&path, names, &config->services[i], findings);
	}
	lookup_destroy(names);
	return result;
}
