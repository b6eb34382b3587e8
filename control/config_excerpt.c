/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_excerpt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "config_keys.h"
#include "config_links.h"

/* The one pool or service that an edit is about. */
struct part {
	const struct json_key *list; /* of the document */
	size_t position;             /* in that list; its length where the edit adds */
	bool exists;
};

static const struct json_key *find_list(const char *name)
{
	const struct json_key *key = config_keys;

	while (strcmp(key->name, name) != 0)
		key++;
	return key;
}

static struct part find_part(const struct config *config, const struct config_excerpt *excerpt)
{
	bool is_pool = excerpt->part == CONFIG_POOL;
	int found = -ENOENT;

	if (excerpt->name != NULL)
		found = is_pool ? config_find_pool(config, excerpt->name)
				: config_find_service(config, excerpt->name);
	return (struct part){
		.list = find_list(is_pool ? "pools" : "services"),
		.position = found >= 0 ? (size_t)found
			    : is_pool  ? config->pool_count
				       : config->service_count,
		.exists = found >= 0,
	};
}

static bool is_pool(const struct part *part)
{
	return part->list->element_size == sizeof(struct config_pool);
}

static const void *element_of(const struct config *config, const struct part *part)
{
	return is_pool(part) ? (const void *)&config->pools[part->position]
			     : &config->services[part->position];
}

/* New reference, or NULL where memory is short. */
static json_t *print(const struct config *config, const struct part *part)
{
	json_t *element = NULL;
	json_t *document = json_pack("{s:[], s:[]}", "pools", "services");

	if (part->exists)
		element = json_keys_print(part->list->keys, element_of(config, part), config);
	if (document != NULL &&
		(!part->exists || json_array_append_new(json_object_get(document, part->list->name),
					  element) == 0))
		return document;
	if (document == NULL)
		json_decref(element);
	json_decref(document);
	return NULL;
}

/* ---- the edited value in a copy of the configuration. 0, or not where judging is to stop */

static int read_element(const struct part *part, const struct json_place *place, void *element,
	struct findings *findings)
{
	struct error error = { "" };
	int code = json_key_read_element(part->list, place, element, &error);

	code = findings_take(findings, code, &error);
	return code != 0 ? code : findings->count != 0 ? -EINVAL : 0;
}

static void free_pool(struct config_pool *pool)
{
	free(pool->backends);
	free(pool->vacant);
}

/* A copy has room for one more pool. */
static int put_pool(struct config *copy, const struct config *config, const struct part *part,
	const struct json_place *place, struct findings *findings)
{
	struct config_pool pool = { .slots = 0 };

	if (read_element(part, place, &pool, findings) != 0) {
		free_pool(&pool);
		return -EINVAL;
	}
	if (part->exists)
		free_pool(&copy->pools[part->position]);
	else
		copy->pool_count++;
	copy->pools[part->position] = pool;
	return part->exists ? config_check_pool(copy, part->position,
				      &config->pools[part->position], findings)
			    : config_check(copy, findings);
}

static int put_service(struct config *copy, const struct part *part, const struct json_place *place,
	struct findings *findings)
{
	struct config_service service = { .port = 0 };
	int code = read_element(part, place, &service, findings);

	if (code == 0)
		code = config_links_resolve_one(copy, place, &service, findings);
	if (code != 0)
		return code;
	if (!part->exists) {
		size_t size = (copy->service_count + 1) * sizeof(*copy->services);
		struct config_service *services = realloc(copy->services, size);

		if (services == NULL)
			return findings_out_of_memory(findings);
		copy->services = services;
		copy->service_count++;
	}
	copy->services[part->position] = service;
	return config_check_services(copy, findings);
}

/* What nobody names can go, and breaks no rule by that. */
static int remove_pool(struct config *copy, const struct part *part,
	const struct json_place *services, struct findings *findings)
{
	struct config_pool *pool = &copy->pools[part->position];

	for (size_t i = 0; i < copy->service_count; i++) {
		struct json_place place = json_place_element(services, i);

		if (copy->services[i].pool == part->position)
			return config_links_refuse(&place, pool->name, findings);
		if (copy->services[i].pool > part->position)
			copy->services[i].pool--;
	}
	free_pool(pool);
	copy->pool_count--;
	memmove(pool, pool + 1, (copy->pool_count - part->position) * sizeof(*pool));
	return 0;
}

static int remove_service(struct config *copy, const struct part *part)
{
	struct config_service *service = &copy->services[part->position];

	copy->service_count--;
	memmove(service, service + 1, (copy->service_count - part->position) * sizeof(*service));
	return 0;
}

/* `value` is the part as it is to be; NULL: removed. */
static int put(struct config *copy, const struct config *config, const struct part *part,
	const json_t *value, struct findings *findings)
{
	struct json_place root = json_place_root(NULL);
	struct json_place list, place;

	root.findings = findings;
	list = json_place_member(&root, part->list->name);
	place = json_place_element(&list, part->position);
	place.value = value;
	if (value != NULL)
		return is_pool(part) ? put_pool(copy, config, part, &place, findings)
				     : put_service(copy, part, &place, findings);
	list = json_place_member(&root, "services");
	return is_pool(part) ? remove_pool(copy, part, &list, findings)
			     : remove_service(copy, part);
}

static int make(const struct config *config, const struct part *part, const json_t *document,
	struct config **edited, struct error *error)
{
	const json_t *value = json_array_get(json_object_get(document, part->list->name), 0);
	struct findings findings;
	int code;

	*edited = config_copy(config, error);
	if (*edited == NULL)
		return -ENOMEM;
	findings_init(&findings, 1);
	put(*edited, config, part, value, &findings);
	code = findings_first(&findings, error);
	if (code == 0)
		return 0;
	config_destroy(*edited);
	*edited = NULL;
	return code;
}

static int edit_part(const struct config *config, const struct part *part, config_editor_t *editor,
	const json_t *arguments, struct config **edited, struct error *error)
{
	json_t *document = print(config, part), *changed = NULL;
	int code;

	if (document == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	code = editor(document, arguments, &changed, error);
	if (code == 0)
		code = make(config, part, changed, edited, error);
	json_decref(changed);
	json_decref(document);
	return code;
}

static int edit_whole(const struct config *config, config_editor_t *editor, const json_t *arguments,
	struct config **edited, struct error *error)
{
	json_t *document = config_print_with_secret(config), *changed = NULL;
	int code;

	if (document == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	code = editor(document, arguments, &changed, error);
	if (code == 0) {
		*edited = config_read(changed, config->hash_key, error);
		code = *edited == NULL ? -EINVAL : 0;
	}
	json_decref(changed);
	json_decref(document);
	return code;
}

int config_excerpt_edit(const struct config *config, const struct config_excerpt *excerpt,
	config_editor_t *editor, const json_t *arguments, struct config **edited,
	struct error *error)
{
	struct part part;

	*edited = NULL;
	if (excerpt->part == CONFIG_WHOLE)
		return edit_whole(config, editor, arguments, edited, error);
	part = find_part(config, excerpt);
	/* the length of the list is for the whole document to judge */
	if (!part.exists && part.position >= (size_t)part.list->most)
		return edit_whole(config, editor, arguments, edited, error);
	return edit_part(config, &part, editor, arguments, edited, error);
}
