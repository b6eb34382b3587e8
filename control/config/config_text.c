/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text is kept in pieces: for each pool its own keys, and its backends in groups; all services
 * together. A piece is used again if its values are the same byte by byte: different padding only
 * costs printing it again.
 */
#include "config/config_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_keys.h"

#define CHUNK_BACKENDS 32

/* Elements of a list, without its brackets. */
struct piece {
	char *text; /* NULL: not printed */
	size_t length;
};

struct pool_text {
	struct piece itself; /* as if it had no backends */
	size_t backends_at;  /* where these belong in it */
	struct piece *chunks;
	size_t chunk_count;
};

struct config_text {
	struct config *config; /* whose pieces these are; NULL: of none */
	struct pool_text *pools;
	struct piece services;
	size_t length; /* of what was printed last */
};

struct config_text *config_text_create(void)
{
	return calloc(1, sizeof(struct config_text));
}

static void forget_pool(struct pool_text *pool)
{
	for (size_t i = 0; i < pool->chunk_count; i++)
		free(pool->chunks[i].text);
	free(pool->chunks);
	free(pool->itself.text);
}

static void forget(struct config_text *text)
{
	for (size_t i = 0; text->pools != NULL && i < text->config->written_pool_count; i++)
		forget_pool(&text->pools[i]);
	free(text->pools);
	free(text->services.text);
	config_destroy(text->config);
	*text = (struct config_text){ .config = NULL };
}

void config_text_destroy(struct config_text *text)
{
	if (text == NULL)
		return;
	forget(text);
	free(text);
}

/* ---- what is the same */

static bool same_bytes(const void *a, const void *b, size_t size)
{
	return size == 0 || memcmp(a, b, size) == 0;
}

/* Apart from their backends. */
static bool same_pool(const struct config_pool *a, const struct config_pool *b)
{
	struct config_pool bare_a, bare_b;

	memcpy(&bare_a, a, sizeof(bare_a));
	memcpy(&bare_b, b, sizeof(bare_b));
	bare_a.backends = bare_b.backends = NULL;
	bare_a.vacant = bare_b.vacant = NULL;
	bare_a.backend_count = bare_b.backend_count = 0;
	bare_a.uses = bare_b.uses = NULL; /* which services have it is not printed with it */
	bare_a.use_count = bare_b.use_count = 0;
	return memcmp(&bare_a, &bare_b, sizeof(bare_a)) == 0 &&
	       same_bytes(a->vacant, b->vacant, a->vacant_count * sizeof(*a->vacant));
}

static size_t count_chunks(const struct config_pool *pool)
{
	return (pool->backend_count + CHUNK_BACKENDS - 1) / CHUNK_BACKENDS;
}

static size_t chunk_length(const struct config_pool *pool, size_t chunk)
{
	size_t rest = pool->backend_count - chunk * CHUNK_BACKENDS;

	return rest < CHUNK_BACKENDS ? rest : CHUNK_BACKENDS;
}

static bool same_chunk(const struct config_pool *a, const struct config_pool *b, size_t chunk)
{
	size_t first = chunk * CHUNK_BACKENDS;

	return chunk < count_chunks(a) && chunk_length(a, chunk) == chunk_length(b, chunk) &&
	       same_bytes(&a->backends[first], &b->backends[first],
		       chunk_length(a, chunk) * sizeof(*a->backends));
}

static bool same_service(const struct config_service *a, const struct config_service *b)
{
	struct config_service bare_a, bare_b;

	memcpy(&bare_a, a, sizeof(bare_a));
	memcpy(&bare_b, b, sizeof(bare_b));
	bare_a.parts = bare_b.parts = NULL;
	bare_a.splits = bare_b.splits = NULL;
	if (a->part_count != 0)
		bare_a.pool = bare_b.pool; /* derived from them */
	return memcmp(&bare_a, &bare_b, sizeof(bare_a)) == 0 &&
	       same_bytes(a->parts, b->parts, a->part_count * sizeof(*a->parts)) &&
	       same_bytes(a->splits, b->splits, a->split_count * sizeof(*a->splits));
}

/* They name pools. */
static bool same_services(const struct config *a, const struct config *b)
{
	if (a->service_count != b->service_count || a->written_pool_count != b->written_pool_count)
		return false;
	for (size_t i = 0; i < a->service_count; i++)
		if (!same_service(&a->services[i], &b->services[i]))
			return false;
	for (size_t i = 0; i < a->written_pool_count; i++)
		if (strcmp(a->pools[i].name, b->pools[i].name) != 0)
			return false;
	return true;
}

/* ---- printing */

/* The text of an object with that one entry, which is taken over. */
static char *dump_key(const char *name, json_t *value)
{
	json_t *object = json_object();
	char *text = NULL;

	if (json_object_set_new(object, name, value) == 0)
		text = json_dumps(object, JSON_INDENT(2));
	json_decref(object);
	return text;
}

/* A list of the document, which is taken over, without its brackets. */
static struct piece print_list(const char *name, json_t *list)
{
	size_t before = strlen("{\n  \"\": [\n") + strlen(name), after = strlen("\n  ]\n}");
	char *text = dump_key(name, list);
	size_t length = text == NULL ? 0 : strlen(text);

	if (length < before + after)
		return (struct piece){ .text = text }; /* it has none */
	length -= before + after;
	memmove(text, text + before, length);
	return (struct piece){ text, length };
}

static const struct json_key *find_key(const struct json_key *keys, const char *name)
{
	while (strcmp(keys->name, name) != 0)
		keys++;
	return keys;
}

/* False where memory is short. */
static bool print_pool(const struct config *config, size_t number, struct pool_text *text)
{
	static const char no_backends[] = "\n      \"backends\": [";
	const struct json_key *key = find_key(config_keys, "pools");
	struct config_pool bare = config->pools[number];
	struct config alone = *config;
	const char *found;

	alone.pools = &bare;
	alone.written_pool_count = 1;
	bare.backend_count = 0;
	text->itself = print_list(key->name, json_key_print(key, &alone, &alone));
	if (text->itself.text == NULL)
		return false;
	found = strstr(text->itself.text, no_backends); /* no string has a line break in it */
	text->backends_at = found - text->itself.text + strlen(no_backends);
	return true;
}

/* A list of the document's pools, which is taken over, as print_list() does. */
static struct piece print_pool_list(const char *name, json_t *list)
{
	static const char before[] = "\n    {\n      \"\": [\n", after[] = "\n      ]\n    }";
	json_t *pool = json_object(), *pools = json_array();
	struct piece piece = { .text = NULL };
	size_t skipped = strlen(before) - 1 + strlen(name);

	if (json_object_set_new(pool, name, list) == 0 && json_array_append(pools, pool) == 0)
		piece = print_list("pools", json_incref(pools));
	json_decref(pool);
	json_decref(pools);
	if (piece.text == NULL)
		return piece;
	piece.length -= skipped + strlen(after);
	memmove(piece.text, piece.text + skipped, piece.length);
	return piece;
}

static struct piece print_chunk(const struct config *config, size_t number, size_t chunk)
{
	const struct json_key *pools = find_key(config_keys, "pools");
	const struct json_key *key = find_key(pools->keys, "backends");
	struct config_pool some = config->pools[number];

	some.backend_count = chunk_length(&config->pools[number], chunk);
	some.backends += chunk * CHUNK_BACKENDS;
	return print_pool_list(key->name, json_key_print(key, &some, config));
}

static struct piece print_services(const struct config *config)
{
	const struct json_key *key = find_key(config_keys, "services");

	return print_list(key->name, json_key_print(key, config, config));
}

static struct piece take(struct piece *piece)
{
	struct piece taken = *piece;

	piece->text = NULL;
	return taken;
}

/* The pieces that `before` had for it, and new ones. False where memory is short. */
static bool make_pool(struct pool_text *text, const struct config *config, size_t number,
	struct pool_text *before, const struct config_pool *pool_before)
{
	const struct config_pool *pool = &config->pools[number];

	text->chunks = calloc(count_chunks(pool) + 1, sizeof(*text->chunks));
	if (text->chunks == NULL)
		return false;
	text->chunk_count = count_chunks(pool);
	for (size_t i = 0; i < text->chunk_count; i++) {
		text->chunks[i] = before != NULL && same_chunk(pool_before, pool, i)
					  ? take(&before->chunks[i])
					  : print_chunk(config, number, i);
		if (text->chunks[i].text == NULL)
			return false;
	}
	if (before == NULL || !same_pool(pool_before, pool))
		return print_pool(config, number, text);
	text->itself = take(&before->itself);
	text->backends_at = before->backends_at;
	return true;
}

/* `index` is where it was before, if it existed. */
static bool take_pool(struct config_text *before, size_t *index, const struct config *config,
	size_t number, struct pool_text *text)
{
	size_t count = before->config == NULL ? 0 : before->config->written_pool_count;

	/* a pool is changed, added at the end, or gone */
	for (size_t i = *index; i < count && i < *index + 2; i++) {
		const struct config_pool *pool = &before->config->pools[i];

		if (strcmp(pool->name, config->pools[number].name) != 0)
			continue;
		*index = i + 1;
		return make_pool(text, config, number, &before->pools[i], pool);
	}
	++*index;
	return make_pool(text, config, number, NULL, NULL);
}

static struct piece take_services(struct config_text *before, const struct config *config)
{
	if (before->config == NULL || !same_services(before->config, config))
		return print_services(config);
	return take(&before->services);
}

/* False where memory is short. */
static bool print_pieces(struct config_text *text, struct config *config)
{
	struct config_text next = {
		.config = config_ref(config),
		.pools = calloc(config->written_pool_count + 1, sizeof(*next.pools)),
		.length = text->length,
	};
	size_t index = 0;
	bool is_whole = next.pools != NULL;

	for (size_t i = 0; is_whole && i < config->written_pool_count; i++)
		is_whole = take_pool(text, &index, config, i, &next.pools[i]);
	if (is_whole)
		next.services = take_services(text, config);
	is_whole = is_whole && next.services.text != NULL;
	forget(text);
	*text = next;
	return is_whole;
}

/* ---- joining */

struct text {
	char *bytes; /* NULL: memory is short */
	size_t length, room;
};

static void add(struct text *text, const char *bytes, size_t length)
{
	char *grown = text->bytes;

	if (text->bytes != NULL && text->length + length >= text->room) {
		text->room = 2 * (text->length + length);
		grown = realloc(text->bytes, text->room);
		if (grown == NULL)
			free(text->bytes);
		text->bytes = grown;
	}
	if (text->bytes == NULL)
		return;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

static void add_words(struct text *text, const char *words)
{
	add(text, words, strlen(words));
}

static void add_pool(struct text *text, const struct pool_text *pool)
{
	const struct piece *itself = &pool->itself;

	add(text, itself->text, pool->backends_at);
	for (size_t i = 0; i < pool->chunk_count; i++) {
		add_words(text, i == 0 ? "\n" : ",\n");
		add(text, pool->chunks[i].text, pool->chunks[i].length);
	}
	if (pool->chunk_count != 0)
		add_words(text, "\n      ");
	add(text, itself->text + pool->backends_at, itself->length - pool->backends_at);
}

static void add_pools(struct text *text, const struct config_text *pieces)
{
	size_t count = pieces->config->written_pool_count;

	for (size_t i = 0; i < count; i++) {
		add_words(text, i == 0 ? "\n" : ",\n");
		add_pool(text, &pieces->pools[i]);
	}
	if (count != 0)
		add_words(text, "\n  ");
}

static void add_services(struct text *text, const struct config_text *pieces)
{
	if (pieces->config->service_count == 0)
		return;
	add_words(text, "\n");
	add(text, pieces->services.text, pieces->services.length);
	add_words(text, "\n  ");
}

static void add_list(struct text *text, const struct json_key *key,
	void (*add_elements)(struct text *text, const struct config_text *pieces),
	const struct config_text *pieces)
{
	add_words(text, "  \"");
	add_words(text, key->name);
	add_words(text, "\": [");
	add_elements(text, pieces);
	add_words(text, "]");
}

/* False where memory is short. */
static bool add_member(struct text *text, const struct json_key *key, const struct config *config)
{
	char *entry = dump_key(key->name, json_key_print(key, config, config));

	if (entry == NULL)
		return false;
	add(text, entry + 2, strlen(entry) - 4); /* without the braces and their lines */
	free(entry);
	return true;
}

static bool join(struct text *text, const struct config_text *pieces)
{
	const struct config *config = pieces->config;
	const char *separator = "{\n";

	for (const struct json_key *key = config_keys; key->name != NULL; key++) {
		if (key->kind == NULL || (key->is_absent != NULL && key->is_absent(config)))
			continue;
		add_words(text, separator);
		separator = ",\n";
		if (strcmp(key->name, "pools") == 0)
			add_list(text, key, add_pools, pieces);
		else if (strcmp(key->name, "services") == 0)
			add_list(text, key, add_services, pieces);
		else if (!add_member(text, key, config))
			return false;
	}
	add_words(text, "\n}\n");
	return text->bytes != NULL;
}

char *config_text_print(struct config_text *text, struct config *config, size_t *length)
{
	struct text joined = { .room = text->length + 4096 }; /* mostly about as long as before */

	if (!print_pieces(text, config)) {
		forget(text);
		return NULL;
	}
	joined.bytes = malloc(joined.room);
	if (!join(&joined, text)) {
		free(joined.bytes);
		return NULL;
	}
	*length = text->length = joined.length;
	return joined.bytes;
}

char *config_text_dump(const json_t *document, size_t *length)
{
	char *text = json_dumps(document, JSON_INDENT(2));
	char *line = text == NULL ? NULL : realloc(text, strlen(text) + 2);

	if (line == NULL) {
		free(text);
		return NULL;
	}
	strcat(line, "\n");
	*length = strlen(line);
	return line;
}
