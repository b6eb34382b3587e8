/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/config_changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_digest.h"
#include "edit/config_differences.h"
#include "json/lookup.h"

#define NAMES_MAX 4 /* of one kind, one way */

enum way { ADDED, REMOVED, CHANGED, WAYS };

/* Names of things of one kind: those added, removed and changed. */
struct names {
	char text[WAYS][NAMES_MAX * 2 * CONFIG_NAME_SIZE];
	size_t count[WAYS];
};

static void note(struct names *names, enum way way, const char *owner, const char *name)
{
	char *text = names->text[way];
	size_t used = strlen(text);

	if (names->count[way]++ >= NAMES_MAX)
		return;
	snprintf(text + used, sizeof(names->text[way]) - used, "%s%s%s%s", used > 0 ? ", " : "",
		owner, owner[0] != '\0' ? "/" : "", name);
}

/* A list of things with names. */
struct list {
	const void *elements;
	size_t count, size; /* each element begins with its name */
	const char *owner;  /* of all, or "" */
};

static const char *name_at(const struct list *list, size_t index)
{
	return (const char *)list->elements + index * list->size;
}

static struct lookup *index_names(const struct list *list)
{
	struct lookup *lookup = lookup_create();
	size_t earlier;

	for (size_t i = 0; lookup != NULL && i < list->count; i++)
		lookup_add(lookup, name_at(list, i), i, &earlier);
	return lookup;
}

typedef bool same_t(const void *context, size_t before, size_t after);

/* Without memory the names are missing: they are for the log only. */
static void compare(const struct list *before, const struct list *after, same_t *same,
	const void *context, struct names *names)
{
	struct lookup *old = index_names(before), *new = index_names(after);
	size_t found;

	for (size_t i = 0; old != NULL && i < after->count; i++) {
		if (lookup_find(old, name_at(after, i), &found) != 0)
			note(names, ADDED, after->owner, name_at(after, i));
		else if (!same(context, found, i))
			note(names, CHANGED, after->owner, name_at(after, i));
	}
	for (size_t i = 0; new != NULL &&i < before->count; i++)
		if (lookup_find(new, name_at(before, i), &found) != 0)
			note(names, REMOVED, before->owner, name_at(before, i));
	lookup_destroy(new);
	lookup_destroy(old);
}

struct pair {
	const struct config *before, *after;
	const struct config_pool *pool_before, *pool_after;
};

static bool same_service(const void *context, size_t before, size_t after)
{
	const struct pair *pair = context;

	return config_digest_service(pair->before, before) ==
	       config_digest_service(pair->after, after);
}

static bool same_pool(const void *context, size_t before, size_t after)
{
	const struct pair *pair = context;

	return config_digest_pool_options(&pair->before->pools[before]) ==
	       config_digest_pool_options(&pair->after->pools[after]);
}

static bool same_backend(const void *context, size_t before, size_t after)
{
	const struct pair *pair = context;

	return config_digest_backend(&pair->pool_before->backends[before]) ==
	       config_digest_backend(&pair->pool_after->backends[after]);
}

static struct list pools_of(const struct config *config)
{
	return (struct list){ config->pools, config->written_pool_count, sizeof(*config->pools),
		"" };
}

static struct list services_of(const struct config *config)
{
	return (struct list){ config->services, config->service_count, sizeof(*config->services),
		"" };
}

static struct list backends_of(const struct config_pool *pool)
{
	return (struct list){ pool->backends, pool->backend_count, sizeof(*pool->backends),
		pool->name };
}

/* Of pools that exist before and after. */
static void compare_backends(struct pair *pair, struct names *names)
{
	const struct list before = pools_of(pair->before);
	struct lookup *pools = index_names(&before);
	size_t found;

	for (size_t i = 0; pools != NULL && i < pair->after->written_pool_count; i++) {
		struct list old, new;

		pair->pool_after = &pair->after->pools[i];
		if (lookup_find(pools, pair->pool_after->name, &found) != 0)
			continue;
		pair->pool_before = &pair->before->pools[found];
		old = backends_of(pair->pool_before);
		new = backends_of(pair->pool_after);
		compare(&old, &new, same_backend, pair, names);
	}
	lookup_destroy(pools);
}

/* Keys outside of pools and services, by their paths. */
static void compare_rest(const struct pair *pair, struct names *names)
{
	json_t *differences, *difference;
	size_t i;

	if (config_digest_rest(pair->before) == config_digest_rest(pair->after))
		return;
	differences = config_differences_of_rest(pair->before, pair->after);
	json_array_foreach (json_object_get(differences, "keys"), i, difference) {
		enum way way = json_object_get(difference, "before") == NULL  ? ADDED
			       : json_object_get(difference, "after") == NULL ? REMOVED
									      : CHANGED;

		note(names, way, "", json_string_value(json_object_get(difference, "path")));
	}
	json_decref(differences);
}

static void append(char *text, size_t size, const char *kind, const struct names *names)
{
	static const char *const ways[WAYS] = { "added", "removed", "changed" };
	size_t used = strlen(text);

	for (int way = 0; way < WAYS; way++) {
		size_t more = names->count[way] > NAMES_MAX ? names->count[way] - NAMES_MAX : 0;

		if (names->count[way] == 0 || used >= size)
			continue;
		used += snprintf(text + used, size - used, "%s%s %s %s", used > 0 ? "; " : "", kind,
			ways[way], names->text[way]);
		if (more > 0 && used < size)
			used += snprintf(text + used, size - used, " and %zu more", more);
	}
}

void config_changes_describe(
	const struct config *before, const struct config *after, char *text, size_t size)
{
	struct list old_services = services_of(before), new_services = services_of(after);
	struct list old_pools = pools_of(before), new_pools = pools_of(after);
	struct names *names = calloc(4, sizeof(*names));
	struct pair pair = { .before = before, .after = after };

	text[0] = '\0';
	if (names == NULL)
		return;
	compare(&old_services, &new_services, same_service, &pair, &names[0]);
	compare(&old_pools, &new_pools, same_pool, &pair, &names[1]);
	compare_backends(&pair, &names[2]);
	compare_rest(&pair, &names[3]);
	append(text, size, "services", &names[0]);
	append(text, size, "pools", &names[1]);
	append(text, size, "backends", &names[2]);
	append(text, size, "keys", &names[3]);
	free(names);
}
