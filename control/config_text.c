/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each pool has a piece of text, and so have all services together. A piece is used again where the
 * values are the same byte by byte: padding that differs costs a printing, and nothing else.
 */
#include "config_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"

/* Elements of a list, without what is around them. */
struct piece {
	char *text; /* NULL: not printed */
	size_t length;
};

struct config_text {
	struct config *config; /* whose pieces these are; NULL: of none */
	struct piece *pools;   /* one each */
	struct piece services;
};

struct config_text *config_text_create(void)
{
	return calloc(1, sizeof(struct config_text));
}

static void forget(struct config_text *text)
{
	for (size_t i = 0; text->pools != NULL && i < text->config->pool_count; i++)
		free(text->pools[i].text);
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

static bool same_pool(const struct config_pool *a, const struct config_pool *b)
{
	struct config_pool bare_a, bare_b;

	memcpy(&bare_a, a, sizeof(bare_a));
	memcpy(&bare_b, b, sizeof(bare_b));
	bare_a.backends = bare_b.backends = NULL;
	bare_a.vacant = bare_b.vacant = NULL;
	return memcmp(&bare_a, &bare_b, sizeof(bare_a)) == 0 &&
	       same_bytes(a->backends, b->backends, a->backend_count * sizeof(*a->backends)) &&
	       same_bytes(a->vacant, b->vacant, a->vacant_count * sizeof(*a->vacant));
}

/* They name pools. */
static bool same_services(const struct config *a, const struct config *b)
{
	if (a->service_count != b->service_count || a->pool_count != b->pool_count ||
		!same_bytes(a->services, b->services, a->service_count * sizeof(*a->services)))
		return false;
	for (size_t i = 0; i < a->pool_count; i++)
		if (strcmp(a->pools[i].name, b->pools[i].name) != 0)
			return false;
	return true;
}

/* ---- printing */

/* The text of an object with that one member, which is taken over. */
static char *dump_member(const char *name, json_t *value)
{
	json_t *object = json_object();
	char *text = NULL;

	if (json_object_set_new(object, name, value) == 0)
		text = json_dumps(object, JSON_INDENT(2));
	json_decref(object);
	return text;
}

/* A list of the document, which is taken over, without what is around its elements. */
static struct piece print_list(const char *name, json_t *list)
{
	size_t before = strlen("{\n  \"\": [\n") + strlen(name), after = strlen("\n  ]\n}");
	char *text = dump_member(name, list);
	size_t length = text == NULL ? 0 : strlen(text);

	if (length < before + after)
		return (struct piece){ .text = text }; /* it has none */
	length -= before + after;
	memmove(text, text + before, length);
	return (struct piece){ text, length };
}

static struct piece print_pool(const struct config *config, size_t number)
{
	struct config alone = *config;

	alone.pools = &config->pools[number];
	alone.pool_count = 1;
	for (const struct json_key *key = config_keys; key->name != NULL; key++)
		if (strcmp(key->name, "pools") == 0)
			return print_list(key->name, json_key_print(key, &alone, &alone));
	return (struct piece){ .text = NULL };
}

static struct piece print_services(const struct config *config)
{
	for (const struct json_key *key = config_keys; key->name != NULL; key++)
		if (strcmp(key->name, "services") == 0)
			return print_list(key->name, json_key_print(key, config, config));
	return (struct piece){ .text = NULL };
}

/* The piece of before, which is taken, or a new one. `place` is where it stood, if it did. */
static struct piece take_pool(
	struct config_text *before, size_t *place, const struct config *config, size_t number)
{
	size_t count = before->config == NULL ? 0 : before->config->pool_count;

	/* a pool is changed, added at the end, or gone */
	for (size_t i = *place; i < count && i < *place + 2; i++) {
		struct piece piece = before->pools[i];

		if (!same_pool(&before->config->pools[i], &config->pools[number]))
			continue;
		before->pools[i].text = NULL;
		*place = i + 1;
		return piece;
	}
	++*place;
	return print_pool(config, number);
}

static struct piece take_services(struct config_text *before, const struct config *config)
{
	struct piece piece = before->services;

	if (before->config == NULL || !same_services(before->config, config))
		return print_services(config);
	before->services.text = NULL;
	return piece;
}

/* False where memory is short. */
static bool print_pieces(struct config_text *text, struct config *config)
{
	struct config_text next = {
		.config = config_share(config),
		.pools = calloc(config->pool_count + 1, sizeof(*next.pools)),
	};
	size_t place = 0;
	bool is_whole = next.pools != NULL;

	for (size_t i = 0; is_whole && i < config->pool_count; i++) {
		next.pools[i] = take_pool(text, &place, config, i);
		is_whole = next.pools[i].text != NULL;
	}
	if (is_whole)
		next.services = take_services(text, config);
	is_whole = is_whole && next.services.text != NULL;
	forget(text);
	*text = next;
	return is_whole;
}

static void write_list(
	FILE *stream, const char *name, const struct piece *pieces, size_t count, bool is_empty)
{
	fprintf(stream, "  \"%s\": [", name);
	for (size_t i = 0; i < count && !is_empty; i++) {
		fputs(i == 0 ? "\n" : ",\n", stream);
		fwrite(pieces[i].text, 1, pieces[i].length, stream);
	}
	fputs(is_empty ? "]" : "\n  ]", stream);
}

/* False where memory is short. */
static bool write_member(FILE *stream, const struct json_key *key, const struct config *config)
{
	char *text = dump_member(key->name, json_key_print(key, config, config));

	if (text == NULL)
		return false;
	fwrite(text + 2, 1, strlen(text) - 4, stream); /* without the braces and their lines */
	free(text);
	return true;
}

static bool write_document(FILE *stream, const struct config_text *text)
{
	const struct config *config = text->config;
	const char *separator = "{\n";

	for (const struct json_key *key = config_keys; key->name != NULL; key++) {
		if (key->kind == NULL || (key->is_absent != NULL && key->is_absent(config)))
			continue;
		fputs(separator, stream);
		separator = ",\n";
		if (strcmp(key->name, "pools") == 0)
			write_list(stream, key->name, text->pools, config->pool_count,
				config->pool_count == 0);
		else if (strcmp(key->name, "services") == 0)
			write_list(
				stream, key->name, &text->services, 1, config->service_count == 0);
		else if (!write_member(stream, key, config))
			return false;
	}
	fputs("\n}\n", stream);
	return true;
}

char *config_text_print(struct config_text *text, struct config *config, size_t *length)
{
	char *written = NULL;
	FILE *stream;
	bool is_whole;

	if (!print_pieces(text, config)) {
		forget(text);
		return NULL;
	}
	stream = open_memstream(&written, length);
	if (stream == NULL)
		return NULL;
	is_whole = write_document(stream, text) && ferror(stream) == 0;
	if (fclose(stream) == 0 && is_whole)
		return written;
	free(written);
	return NULL;
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
