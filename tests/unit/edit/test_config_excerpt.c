/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "config/config_digest.h"
#include "edit/config_edit.h"
#include "edit/config_excerpt.h"
#include "config_fixture.h"
#include "config/config_text.h"

/* The arguments: what is to be done ("do"), to what ("pool", "name"), and the `value` for it. */
static int edit(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	const char *what = json_string_value(json_object_get(arguments, "do"));
	const char *pool = json_string_value(json_object_get(arguments, "pool"));
	const char *name = json_string_value(json_object_get(arguments, "name"));
	const json_t *value = json_object_get(arguments, "value");

	if (strcmp(what, "service.add") == 0)
		*edited = config_edit_service_add(document, value, error);
	else if (strcmp(what, "service.remove") == 0)
		*edited = config_edit_service_remove(document, name, error);
	else if (strcmp(what, "service.set") == 0)
		*edited = config_edit_service_set(document, name, value, error);
	else if (strcmp(what, "pool.add") == 0)
		*edited = config_edit_pool_add(document, value, error);
	else if (strcmp(what, "pool.remove") == 0)
		*edited = config_edit_pool_remove(document, name, error);
	else if (strcmp(what, "backend.add") == 0)
		*edited = config_edit_backend_add(document, pool, value, error);
	else if (strcmp(what, "backend.remove") == 0)
		*edited = config_edit_backend_remove(document, pool, name, error);
	else
		*edited = config_edit_backend_set(document, pool, name, value, error);
	return *edited == NULL ? -errno : 0;
}

static struct config_excerpt excerpt_of(const json_t *arguments)
{
	const char *what = json_string_value(json_object_get(arguments, "do"));
	bool is_backend = strncmp(what, "backend.", 8) == 0;

	return (struct config_excerpt){
		.part = strncmp(what, "service.", 8) == 0 ? CONFIG_SERVICE : CONFIG_POOL,
		.name = json_string_value(json_object_get(arguments, is_backend ? "pool" : "name")),
		.backend = strcmp(what, "backend.set") == 0
				   ? json_string_value(json_object_get(arguments, "name"))
				   : NULL,
	};
}

static char *dump(const struct config *config)
{
	return config_fixture_dump(config_print_with_secret(config));
}

/* Does it both ways, which must come to the same: the new configuration, or NULL and `error`. */
/* What is not printed: which pools services have, and the derived ones. */
static void assert_same_pools(const struct config *a, const struct config *b)
{
	assert_int_equal(a->pool_count, b->pool_count);
	assert_int_equal(a->written_pool_count, b->written_pool_count);
	for (size_t i = 0; i < a->service_count; i++)
		assert_int_equal(a->services[i].pool, b->services[i].pool);
	for (size_t i = 0; i < a->pool_count; i++) {
		assert_string_equal(a->pools[i].name, b->pools[i].name);
		assert_int_equal(a->pools[i].backend_count, b->pools[i].backend_count);
		assert_int_equal(a->pools[i].vacant_count, b->pools[i].vacant_count);
		assert_int_equal(a->pools[i].part_count, b->pools[i].part_count);
		assert_int_equal(a->pools[i].use_count, b->pools[i].use_count);
		for (size_t k = 0; k < a->pools[i].backend_count; k++)
			assert_int_equal(config_digest_backend(&a->pools[i].backends[k]),
				config_digest_backend(&b->pools[i].backends[k]));
	}
}

static struct config *edit_both_ways(
	const struct config *config, const json_t *arguments, struct error *error)
{
	const struct config_excerpt whole = { .part = CONFIG_WHOLE };
	const struct config_excerpt part = excerpt_of(arguments);
	struct config *expected, *edited;
	char *before = dump(config), *after = dump(config);
	struct error wanted = { "" };
	int code;

	error->message[0] = '\0';
	code = config_excerpt_edit(config, &whole, edit, arguments, &expected, &wanted);
	assert_int_equal(config_excerpt_edit(config, &part, edit, arguments, &edited, error), code);
	assert_string_equal(error->message, wanted.message);
	assert_int_equal(code == 0, edited != NULL);
	free(after);
	after = dump(config);
	assert_string_equal(after, before);
	if (code == 0) {
		free(before);
		free(after);
		before = dump(expected);
		after = dump(edited);
		assert_string_equal(after, before);
		assert_true(config_digest_of(edited).all == config_digest_of(expected).all);
		assert_same_pools(edited, expected);
	}
	config_destroy(expected);
	free(before);
	free(after);
	return edited;
}

static struct config *full(void)
{
	json_t *document = config_fixture_load("full.json");
	struct config *config = config_fixture_read(document);

	json_decref(document);
	return config;
}

static void assert_refused(const char *text, const char *sentence)
{
	struct config *config = full();
	json_t *arguments = json_loads(text, 0, NULL);
	struct error error = { "" };

	assert_non_null(arguments);
	assert_null(edit_both_ways(config, arguments, &error));
	assert_string_equal(error.message, sentence);
	json_decref(arguments);
	config_destroy(config);
}

#define DO(what) "{\"do\": \"" what "\", "

static void a_part_is_refused_with_its_path_in_the_whole(void **state)
{
	assert_refused(DO("backend.set") "\"pool\": \"near\", \"name\": \"near-2\", \"value\": "
					 "{\"weight\": 65536}}",
		"pools[1].backends[1].weight: 65536 is not a weight (0-65535)");
	assert_refused(DO("backend.set") "\"pool\": \"near\", \"name\": \"x\", \"value\": {}}",
		"pool \"near\" has no backend \"x\"");
	assert_refused(DO("backend.remove") "\"pool\": \"shop\", \"name\": \"x\"}",
		"there is no pool \"shop\"");
	assert_refused(DO("service.set") "\"name\": \"dns\", \"value\": {\"pool\": \"shop\"}}",
		"services[2].pool: there is no pool \"shop\"");
	assert_refused(DO("service.add") "\"value\": 7}", "services[3]: 7 is not an object");
	assert_refused(DO("pool.remove") "\"name\": \"near\"}",
		"service \"dns\" uses pool \"near\": give it another pool or remove it first");
}

static void assert_suggested(
	const struct config *config, struct config_excerpt excerpt, const char *expected)
{
	struct error error;

	error_set(&error, -ENOENT, "no such thing");
	config_excerpt_suggest(config, &excerpt, &error);
	assert_string_equal(error.message, expected);
}

static void a_name_that_is_nearly_one_is_told(void **state)
{
	struct config *config = full();

	assert_suggested(config, (struct config_excerpt){ CONFIG_POOL, "wbe", NULL },
		"no such thing; did you mean \"web\"?");
	assert_suggested(config, (struct config_excerpt){ CONFIG_POOL, "web", "web-" },
		"no such thing; did you mean \"web-1\"?");
	assert_suggested(config, (struct config_excerpt){ CONFIG_SERVICE, "dsn", NULL },
		"no such thing; did you mean \"dns\"?");
	assert_suggested(
		config, (struct config_excerpt){ CONFIG_POOL, "shop", NULL }, "no such thing");
	assert_suggested(
		config, (struct config_excerpt){ CONFIG_WHOLE, "wbe", NULL }, "no such thing");
	config_destroy(config);
}

static void paths_of_edits_have_names_in_them(void **state)
{
	static const struct {
		const char *sentence, *expected;
	} rows[] = {
		{ "pools[0].backends[1].weight: 70000 is too much",
			"pools[web].backends[web-2].weight: 70000 is too much" },
		{ "pools[1].backends[2].address: a is the VIP of services[0], packets",
			"pools[near].backends[new].address: a is the VIP of services[www], packets" },
		{ "services[99].port: x", "services[new].port: x" },
		{ "pools[7].backends[0].name: x", "pools[new].backends[new].name: x" },
		{ "pools[x] pools[ pools[99999999999] services[]",
			"pools[x] pools[ pools[99999999999] services[]" },
	};
	struct config *config = full();
	struct error error;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		error_set(&error, -EINVAL, "%s", rows[i].sentence);
		config_excerpt_name_path(config, &error);
		assert_string_equal(error.message, rows[i].expected);
	}
	/* names are longer than numbers: what has no room is cut off */
	memset(error.message, 'x', sizeof(error.message));
	memcpy(error.message + sizeof(error.message) - 12, "services[0]", 12);
	config_excerpt_name_path(config, &error);
	assert_int_equal(strlen(error.message), sizeof(error.message) - 1);
	config_destroy(config);
}

static void a_part_is_held_against_the_rest(void **state)
{
	assert_refused(DO("backend.add") "\"pool\": \"near\", \"value\": {\"name\": \"n\", "
					 "\"address\": \"10.2.0.21\"}}",
		"pools[1].backends[2].address: 10.2.0.21 is taken by pools[1].backends[0]");
	assert_refused(DO("backend.add") "\"pool\": \"web\", \"value\": {\"name\": \"n\", "
					 "\"address\": \"203.0.113.10\"}}",
		"pools[0].backends[2].address: 203.0.113.10 is the VIP of services[0], packets "
		"would come back");
	assert_refused(DO("backend.add") "\"pool\": \"near\", \"value\": {\"name\": \"n\", "
					 "\"address\": \"10.2.0.23\"}}",
		"pools[1].backends[2].address: 10.2.0.23 is not in the neighbours of any port, "
		"which l2dsr of services[2] needs");
	assert_refused(DO("service.set") "\"name\": \"www\", \"value\": {\"forward\": \"l2dsr\"}}",
		"pools[0].backends[1].address: fd00:2::22 is not in the neighbours of any port, "
		"which l2dsr of services[0] needs");
	assert_refused(DO("pool.add") "\"value\": {\"name\": \"web\"}}",
		"pools[2].name: web is taken by pools[0]");
}

/* ---- whatever is done, one after the other */

static uint64_t draw(uint64_t *random, uint64_t limit)
{
	uint64_t mixed = *random += 0x9e3779b97f4a7c15; /* SplitMix64 (S. Vigna) */

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return (mixed ^ mixed >> 31) % limit;
}

static const char *draw_word(uint64_t *random, const char *const *words, size_t count)
{
	return words[draw(random, count)];
}

#define DRAW(words) draw_word(random, words, COUNT_OF(words))

static const char *const pools[] = { "web", "near", "third", "fourth" };
static const char *const backends[] = { "web-1", "web-2", "near-1", "near-2", "a", "b", "-c" };
static const char *const services[] = { "www", "www6", "dns", "s", "t" };
static const char *const addresses[] = { "10.2.0.21", "10.2.0.22", "fd00:2::21", "10.2.0.30",
	"203.0.113.10", "203.0.113.20", "10.2.0.10", "10.2" };

static json_t *draw_backend(uint64_t *random)
{
	json_t *backend =
		json_pack("{s:s, s:s}", "name", DRAW(backends), "address", DRAW(addresses));

	if (draw(random, 2) == 0)
		json_object_set_new(backend, "weight", json_integer((json_int_t)draw(random, 3)));
	if (draw(random, 4) == 0)
		json_object_set_new(backend, "key", json_string(DRAW(addresses)));
	return backend;
}

static json_t *draw_backend_changes(uint64_t *random)
{
	static const char *const states[] = { "active", "drain", "disabled", "off" };

	if (draw(random, 2) == 0)
		return json_pack("{s:s}", "state", DRAW(states));
	return json_pack("{s:I}", "weight", (json_int_t)draw(random, 4) - 1);
}

static json_t *draw_pool(uint64_t *random)
{
	json_t *pool = json_pack(
		"{s:s, s:i}", "name", DRAW(pools), "slots", draw(random, 8) == 0 ? 252 : 251);

	if (draw(random, 2) == 0)
		json_object_set_new(pool, "backends", json_pack("[o]", draw_backend(random)));
	return pool;
}

/* Some of it is refused: pools of other sizes, with backends of one address, or twice the same. */
static json_t *draw_parts(uint64_t *random)
{
	json_t *parts = json_array();

	for (uint64_t left = 1 + draw(random, 2); left > 0; left--) {
		json_t *part = json_pack(
			"{s:s, s:I}", "pool", DRAW(pools), "weight", (json_int_t)draw(random, 3));

		if (draw(random, 4) == 0)
			json_object_set_new(part, "backup", json_integer(1));
		json_array_append_new(parts, part);
	}
	return parts;
}

static json_t *draw_service_changes(uint64_t *random)
{
	static const char *const forwards[] = { "ipip", "l2dsr" };
	static const char *const protocols[] = { "tcp", "udp" };

	switch (draw(random, 6)) {
	case 0: return json_pack("{s:s}", "forward", DRAW(forwards));
	case 5: return json_pack("{s:o}", "pools", draw_parts(random));
	case 1: return json_pack("{s:s}", "pool", DRAW(pools));
	case 2: return json_pack("{s:s}", "vip", DRAW(addresses));
	case 3: return json_pack("{s:I}", "port", (json_int_t)draw(random, 3));
	default: return json_pack("{s:s}", "protocol", DRAW(protocols));
	}
}

static json_t *draw_service(uint64_t *random)
{
	static const char *const forwards[] = { "ipip", "l2dsr" };

	json_t *service = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "name", DRAW(services), "vip",
		DRAW(addresses), "protocol", "tcp", "port", (json_int_t)draw(random, 3) + 80,
		"pool", DRAW(pools), "forward", DRAW(forwards));

	if (draw(random, 3) == 0) {
		json_object_del(service, "pool");
		json_object_set_new(service, "pools", draw_parts(random));
	}
	return service;
}

static json_t *draw_edit(uint64_t *random)
{
	switch (draw(random, 8)) {
	case 0:
		return json_pack("{s:s, s:s, s:o}", "do", "backend.add", "pool", DRAW(pools),
			"value", draw_backend(random));
	case 1:
		return json_pack("{s:s, s:s, s:s}", "do", "backend.remove", "pool", DRAW(pools),
			"name", DRAW(backends));
	case 2:
		return json_pack("{s:s, s:s, s:s, s:o}", "do", "backend.set", "pool", DRAW(pools),
			"name", DRAW(backends), "value", draw_backend_changes(random));
	case 3: return json_pack("{s:s, s:o}", "do", "pool.add", "value", draw_pool(random));
	case 4: return json_pack("{s:s, s:s}", "do", "pool.remove", "name", DRAW(pools));
	case 5: return json_pack("{s:s, s:o}", "do", "service.add", "value", draw_service(random));
	case 6: return json_pack("{s:s, s:s}", "do", "service.remove", "name", DRAW(services));
	default:
		return json_pack("{s:s, s:s, s:o}", "do", "service.set", "name", DRAW(services),
			"value", draw_service_changes(random));
	}
}

static void any_edit_of_a_part_is_that_of_the_whole(void **state)
{
	struct config *config = full();
	uint64_t random = 1;
	unsigned int made = 0, refused = 0;

	for (unsigned int i = 0; i < 2000; i++) {
		json_t *arguments = draw_edit(&random);
		struct error error = { "" };
		struct config *edited = edit_both_ways(config, arguments, &error);

		json_decref(arguments);
		if (edited == NULL) {
			refused++;
			continue;
		}
		made++;
		config_destroy(config);
		config = edited;
	}
	config_destroy(config);
	assert_in_range(made, 200, 1800);
	assert_in_range(refused, 200, 1800);
}

static void assert_text(struct config_text *text, struct config *config)
{
	json_t *document = config_print_with_secret(config);
	size_t length = 0, wanted_length = 0;
	char *wanted = config_text_dump(document, &wanted_length);
	char *printed = config_text_print(text, config, &length);

	assert_non_null(printed);
	assert_string_equal(printed, wanted);
	assert_int_equal(length, wanted_length);
	assert_int_equal(length, strlen(printed));
	free(printed);
	free(wanted);
	json_decref(document);
}

/* Two texts: one goes with every edit, the other meets some of what they came to. */
static void the_text_of_what_was_edited_is_that_of_the_whole(void **state)
{
	struct config_text *text = config_text_create(), *other = config_text_create();
	struct config *config = full();
	uint64_t random = 2;

	assert_text(text, config);
	for (unsigned int i = 0; i < 1000; i++) {
		json_t *arguments = draw_edit(&random);
		struct error error = { "" };
		struct config *edited = edit_both_ways(config, arguments, &error);

		json_decref(arguments);
		if (edited == NULL)
			continue;
		config_destroy(config);
		config = edited;
		assert_text(text, config);
		if (draw(&random, 8) == 0)
			assert_text(other, config);
	}
	config_destroy(config);
	config_text_destroy(other);
	config_text_destroy(text);
}

static json_t *numbered(uint64_t number)
{
	char name[16], address[16];

	snprintf(name, sizeof(name), "many-%u", (unsigned int)number);
	snprintf(address, sizeof(address), "10.9.0.%u", (unsigned int)number);
	return json_pack("{s:s, s:s}", "name", name, "address", address);
}

static json_t *draw_edit_of_many(uint64_t *random)
{
	json_t *backend = numbered(draw(random, 200));
	const char *name = json_string_value(json_object_get(backend, "name"));
	json_t *edit;

	switch (draw(random, 4)) {
	case 0:
		edit = json_pack(
			"{s:s, s:s, s:O}", "do", "backend.add", "pool", "web", "value", backend);
		break;
	case 1:
		edit = json_pack(
			"{s:s, s:s, s:s}", "do", "backend.remove", "pool", "web", "name", name);
		break;
	default:
		edit = json_pack("{s:s, s:s, s:s, s:o}", "do", "backend.set", "pool", "web", "name",
			name, "value", draw_backend_changes(random));
	}
	json_decref(backend);
	return edit;
}

static void the_text_of_many_backends_is_that_of_the_whole(void **state)
{
	json_t *document = config_fixture_load("full.json");
	json_t *many =
		json_object_get(json_array_get(json_object_get(document, "pools"), 0), "backends");
	struct config_text *text = config_text_create();
	struct config *config;
	uint64_t random = 3;
	size_t most = 0;

	for (unsigned int number = 0; number < 100; number++)
		json_array_append_new(many, numbered(number));
	config = config_fixture_read(document);
	assert_text(text, config);
	for (unsigned int i = 0; i < 500; i++) {
		json_t *arguments = draw_edit_of_many(&random);
		struct error error = { "" };
		struct config *edited = edit_both_ways(config, arguments, &error);

		json_decref(arguments);
		if (edited == NULL)
			continue;
		config_destroy(config);
		config = edited;
		assert_text(text, config);
		if (config->pools[0].backend_count > most)
			most = config->pools[0].backend_count;
	}
	assert_true(most > 100);
	config_destroy(config);
	config_text_destroy(text);
	json_decref(document);
}

static void the_text_of_nothing_has_empty_lists(void **state)
{
	json_t *document = config_fixture_load("full.json");
	struct config_text *text = config_text_create();
	struct config *config;

	json_object_set_new(document, "services", json_array());
	config = config_fixture_read(document);
	assert_text(text, config);
	config_destroy(config);
	json_object_set_new(document, "pools", json_array());
	config = config_fixture_read(document);
	assert_text(text, config);
	config_destroy(config);
	config_text_destroy(text);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_is_refused_with_its_path_in_the_whole),
		cmocka_unit_test(a_name_that_is_nearly_one_is_told),
		cmocka_unit_test(paths_of_edits_have_names_in_them),
		cmocka_unit_test(a_part_is_held_against_the_rest),
		cmocka_unit_test(any_edit_of_a_part_is_that_of_the_whole),
		cmocka_unit_test(the_text_of_what_was_edited_is_that_of_the_whole),
		cmocka_unit_test(the_text_of_many_backends_is_that_of_the_whole),
		cmocka_unit_test(the_text_of_nothing_has_empty_lists),
	};

	return cmocka_run_group_tests_name("config_excerpt", tests, NULL, NULL);
}
