/* SPDX-License-Identifier: BSD-3-Clause */
#include "impact/removals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/plural.h"
#include "plan/finder.h"

/* Each is found where it stood before, mostly. */

static void service_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	strcpy(key, ((const struct config_service *)list)[index].name);
}

static void pool_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	strcpy(key, ((const struct config_pool *)list)[index].name);
}

static void backend_key(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	address_format(&((const struct config_backend *)list)[index].address, key);
}

static size_t count_services(const struct config *old, const struct config *new)
{
	struct finder finder = { new->services, new->service_count, service_key, NULL };
	size_t gone = 0;

	for (size_t i = 0; i < old->service_count; i++)
		gone += finder_find(&finder, old->services[i].name, i) == FINDER_NONE;
	finder_fini(&finder);
	return gone;
}

static size_t count_in_pool(const struct config_pool *old, const struct config_pool *new)
{
	struct finder finder = { new->backends, new->backend_count, backend_key, NULL };
	size_t gone = 0;

	for (size_t i = 0; i < old->backend_count; i++) {
		char address[FINDER_KEY_SIZE];

		if (i < new->backend_count &&
			address_equal(&old->backends[i].address, &new->backends[i].address))
			continue;
		address_format(&old->backends[i].address, address);
		gone += finder_find(&finder, address, i) == FINDER_NONE;
	}
	finder_fini(&finder);
	return gone;
}

static size_t count_backends(const struct config *old, const struct config *new, size_t *all)
{
	struct finder finder = { new->pools, new->written_pool_count, pool_key, NULL };
	size_t gone = 0;

	*all = 0;
	for (size_t i = 0; i < old->written_pool_count; i++) {
		size_t index = finder_find(&finder, old->pools[i].name, i);

		*all += old->pools[i].backend_count;
		gone += index == FINDER_NONE ? old->pools[i].backend_count
					     : count_in_pool(&old->pools[i], &new->pools[index]);
	}
	finder_fini(&finder);
	return gone;
}

static int check(const char *noun, size_t gone, size_t all, uint32_t limit, struct error *error)
{
	if (gone * 100 <= all * limit)
		return 0;
	return error_set(error, -EPERM,
		"would remove %zu of %zu %s%s (%.1f %%), and control.max_removed_percent is %u: "
		"needs force",
		gone, all, noun, plural(all), 100.0 * gone / all, limit);
}

int removals_check(const struct config *old, const struct config *new, struct error *error)
{
	uint32_t limit = old->max_removed_percent;
	size_t all, gone;
	int code;

	if (limit >= 100)
		return 0;
	code = check("service", count_services(old, new), old->service_count, limit, error);
	if (code != 0)
		return code;
	gone = count_backends(old, new, &all);
	return check("backend", gone, all, limit, error);
}
