/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/config_excerpt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_check.h"
#include "config/config_derive.h"
#include "config/config_digest.h"
#include "config/config_health.h"
#include "edit/config_edit.h"
#include "config/config_keys.h"
#include "config/config_links.h"
#include "common/suggestion.h"

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
			    : is_pool  ? config->written_pool_count
				       : config->service_count,
		.exists = found >= 0,
	};
}

static bool is_pool(const struct part *part)
{
	return part->list->element_size == sizeof(struct config_pool);
}

/* NULL where the edit adds it. */
static const void *element_of(const struct config *config, const struct part *part)
{
	if (!part->exists)
		return NULL;
	return is_pool(part) ? (const void *)&config->pools[part->position]
			     : &config->services[part->position];
}

/* A document with that one pool or service in it. New reference, or NULL where memory is short. */
static json_t *print(const struct config *config, const struct part *part, const void *value)
{
	json_t *element = NULL;
	json_t *document = json_pack("{s:[], s:[]}", "pools", "services");

	if (value != NULL)
		element = json_keys_print(part->list->keys, value, config);
	if (document != NULL &&
		(value == NULL || json_array_append_new(json_object_get(document, part->list->name),
					  element) == 0))
		return document;
	if (document == NULL)
		json_decref(element);
	json_decref(document);
	return NULL;
}

/* ---- the edited value in a copy of the configuration. 0, or not where judging is to stop */

static int read_element(const struct part *part, const struct json_path *path, void *element,
	struct findings *findings)
{
	struct error error = { "" };
	int code = json_key_read_element(part->list, path, element, &error);

	code = findings_take(findings, code, &error);
	return code != 0 ? code : findings->count != 0 ? -EINVAL : 0;
}

/* A copy has room for one more pool. It has no derived ones while it is edited. */
static int put_pool(struct config *copy, const struct config *config, const struct part *part,
	const struct json_path *path, struct findings *findings)
{
	struct config_pool pool = { .slots = 0 };

	if (read_element(part, path, &pool, findings) != 0) {
		config_pool_fini(&pool);
		return -EINVAL;
	}
	if (part->exists)
		config_pool_fini(&copy->pools[part->position]);
	else
		copy->pool_count = ++copy->written_pool_count;
	copy->pools[part->position] = pool;
	return part->exists ? config_check_pool(copy, part->position,
				      &config->pools[part->position], findings)
			    : config_check(copy, findings);
}

static int put_service(struct config *copy, const struct part *part, const struct json_path *path,
	struct findings *findings)
{
	struct config_service service = { .port = 0 };
	int code = read_element(part, path, &service, findings);

	if (code == 0)
		code = config_links_resolve_one(copy, path, &service, findings);
	if (code != 0) {
		config_service_fini(&service);
		return code;
	}
	if (part->exists)
		config_service_fini(&copy->services[part->position]);
	else
		copy->service_count++; /* a copy has room for one more */
	copy->services[part->position] = service;
	return config_check_services(copy, findings);
}

static bool follow_removal(size_t *pool, size_t removed)
{
	if (*pool == removed)
		return false;
	if (*pool != CONFIG_NO_POOL && *pool > removed)
		(*pool)--;
	return true;
}

/* An element that no other one names can be removed, and that breaks no rule. */
static int remove_pool(struct config *copy, const struct part *part, struct findings *findings)
{
	struct config_pool *pool = &copy->pools[part->position];

	for (size_t i = 0; i < copy->service_count; i++) {
		struct config_service *service = &copy->services[i];
		bool is_free = follow_removal(&service->pool, part->position);

		for (size_t k = 0; k < service->part_count; k++)
			is_free &= follow_removal(&service->parts[k].pool, part->position);
		for (size_t k = 0; k < service->split_count; k++)
			is_free &= follow_removal(&service->splits[k].pool, part->position);
		if (!is_free)
			return findings_add(
				findings, CONFIG_EDIT_POOL_IN_USE, service->name, pool->name);
	}
	config_pool_fini(pool);
	copy->pool_count = --copy->written_pool_count;
	memmove(pool, pool + 1, (copy->pool_count - part->position) * sizeof(*pool));
	memset(&copy->pools[copy->pool_count], 0, sizeof(*pool));
	return 0;
}

static int remove_service(struct config *copy, const struct part *part)
{
	struct config_service *service = &copy->services[part->position];

	config_service_fini(service);
	copy->service_count--;
	memmove(service, service + 1, (copy->service_count - part->position) * sizeof(*service));
	return 0;
}

/* `value` is the part as it is to be; NULL: removed. */
static int put(struct config *copy, const struct config *config, const struct part *part,
	const json_t *value, struct findings *findings)
{
	struct json_path root = json_path_root(NULL);
	struct json_path list, path;

	root.findings = findings;
	list = json_path_key(&root, part->list->name);
	path = json_path_element(&list, part->position);
	path.value = value;
	if (value != NULL)
		return is_pool(part) ? put_pool(copy, config, part, &path, findings)
				     : put_service(copy, part, &path, findings);
	return is_pool(part) ? remove_pool(copy, part, findings) : remove_service(copy, part);
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
	config_derive_drop(*edited);
	put(*edited, config, part, value, &findings);
	if (findings.count == 0)
		config_derive(*edited, &findings);
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
	json_t *document = print(config, part, element_of(config, part)), *changed = NULL;
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

/* ---- one backend of a pool, whose other backends need not be printed and read for that */

static bool same_vacant(const struct config_pool *a, const struct config_pool *b)
{
	if (a->vacant_count != b->vacant_count)
		return false;
	for (size_t i = 0; i < a->vacant_count; i++)
		if (a->vacant[i].weight != b->vacant[i].weight ||
			strcmp(a->vacant[i].key, b->vacant[i].key) != 0)
			return false;
	return true;
}

/* Whether only values have changed that no rule compares with others. */
static bool is_reweighed(const struct config_pool *before, const struct config_backend *backend,
	const struct config_pool *after)
{
	const struct config_backend *next = after->backends;

	return after->backend_count == 1 && strcmp(next->name, backend->name) == 0 &&
	       strcmp(next->key, backend->key) == 0 &&
	       address_equal(&next->address, &backend->address) &&
	       config_digest_pool_options(after) == config_digest_pool_options(before) &&
	       (after->vacant_count == 0 || same_vacant(before, after));
}

static struct config *reweigh(
	const struct config *config, const struct part *part, size_t number, const json_t *document)
{
	const struct config_pool *before = &config->pools[part->position];
	struct json_path root = json_path_root(NULL), list, path;
	struct config_pool pool = { .slots = 0 };
	struct config *edited = NULL;
	struct findings findings;
	struct error ignored;

	list = json_path_key(&root, part->list->name);
	path = json_path_element(&list, part->position);
	path.value = json_array_get(json_object_get(document, part->list->name), 0);
	if (path.value != NULL && json_key_read_element(part->list, &path, &pool, &ignored) == 0 &&
		is_reweighed(before, &before->backends[number], &pool))
		edited = config_copy(config, &ignored);
	if (edited != NULL) {
		edited->pools[part->position].backends[number] = pool.backends[0];
		edited->pools[part->position].vacant_count = pool.vacant_count;
		findings_init(&findings, 1);
		if (before->use_count != 0)
			config_derive(edited, &findings);
		if (findings.count != 0) { /* as the edit of the whole pool will say */
			config_destroy(edited);
			edited = NULL;
		}
	}
	config_pool_fini(&pool);
	return edited;
}

/* NULL where the edit, or its refusal, needs the whole pool. */
static struct config *edit_backend(const struct config *config, const struct part *part,
	const char *name, config_editor_t *editor, const json_t *arguments)
{
	struct config_pool alone = config->pools[part->position];
	int number = config_find_backend(&alone, name);
	json_t *document, *changed = NULL;
	struct config *edited = NULL;
	struct error ignored;

	if (number < 0)
		return NULL;
	alone.backends += number;
	alone.backend_count = 1;
	document = print(config, part, &alone);
	if (document != NULL && editor(document, arguments, &changed, &ignored) == 0)
		edited = reweigh(config, part, number, changed);
	json_decref(changed);
	json_decref(document);
	return edited;
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
	if (is_pool(&part) && part.exists && excerpt->backend != NULL)
		*edited = edit_backend(config, &part, excerpt->backend, editor, arguments);
	if (*edited != NULL)
		return 0;
	/* the length of the list is checked in the whole document */
	if (!part.exists && part.position >= (size_t)part.list->most)
		return edit_whole(config, editor, arguments, edited, error);
	return edit_part(config, &part, editor, arguments, edited, error);
}

static void offer_pools(const struct config *config, const char *name, struct suggestion *meant)
{
	for (size_t i = 0; i < config->written_pool_count; i++)
		suggestion_offer(meant, name, config->pools[i].name);
}

static void offer_services(const struct config *config, const char *name, struct suggestion *meant)
{
	for (size_t i = 0; i < config->service_count; i++)
		suggestion_offer(meant, name, config->services[i].name);
}

static void offer_backends(
	const struct config_pool *pool, const char *name, struct suggestion *meant)
{
	for (size_t i = 0; i < pool->backend_count; i++)
		suggestion_offer(meant, name, pool->backends[i].name);
}

void config_excerpt_suggest(
	const struct config *config, const struct config_excerpt *excerpt, struct error *error)
{
	struct error cause = *error;
	struct suggestion meant = { 0 };
	struct part part;

	if (excerpt->part == CONFIG_WHOLE || excerpt->name == NULL)
		return;
	part = find_part(config, excerpt);
	if (part.exists && is_pool(&part) && excerpt->backend != NULL)
		offer_backends(&config->pools[part.position], excerpt->backend, &meant);
	else if (!part.exists && is_pool(&part))
		offer_pools(config, excerpt->name, &meant);
	else if (!part.exists)
		offer_services(config, excerpt->name, &meant);
	if (meant.meant != NULL)
		error_set(
			error, -ENOENT, "%.350s; did you mean \"%s\"?", cause.message, meant.meant);
}

/* Reads the number in `text` behind that word; `length` is that of both. False where there is none.
 */
static bool read_index(const char *text, const char *word, size_t *number, size_t *length)
{
	size_t start = strlen(word), digits;

	if (strncmp(text, word, start) != 0)
		return false;
	digits = strspn(text + start, "0123456789");
	if (digits == 0 || digits > 9 || text[start + digits] != ']')
		return false;
	*number = strtoul(text + start, NULL, 10);
	*length = start + digits + 1;
	return true;
}

void config_excerpt_name_path(const struct config *config, struct error *error)
{
	char named[sizeof(error->message)];
	const struct config_pool *pool = NULL;
	const char *text = error->message;
	size_t used = 0;

	while (*text != '\0' && used < sizeof(named) - 1) {
		const char *word = "", *name = "new";
		size_t number, length;

		if (read_index(text, "pools[", &number, &length)) {
			pool = number < config->written_pool_count ? &config->pools[number] : NULL;
			name = pool == NULL ? name : pool->name;
			word = "pools";
		} else if (read_index(text, "services[", &number, &length)) {
			if (number < config->service_count)
				name = config->services[number].name;
			word = "services";
		} else if (read_index(text, ".backends[", &number, &length)) {
			if (pool != NULL && number < pool->backend_count)
				name = pool->backends[number].name;
			word = ".backends";
		} else {
			named[used++] = *text++;
			continue;
		}
		used += snprintf(named + used, sizeof(named) - used, "%s[%s]", word, name);
		text += length;
	}
	named[used < sizeof(named) ? used : sizeof(named) - 1] = '\0';
	strcpy(error->message, named);
}
