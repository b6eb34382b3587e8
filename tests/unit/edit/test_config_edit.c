/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "edit/config_edit.h"
#include "config_fixture.h"

/* The canonical form of full.json, as the control socket holds it. */
static json_t *canonical(void)
{
	json_t *document = config_fixture_load("full.json");
	struct config *config = config_fixture_read(document);
	json_t *printed = config_print_with_secret(config);

	config_destroy(config);
	json_decref(document);
	return printed;
}

/* Asserts what an edit made of the canonical form: `value` at `pointer`, or nothing there. */
static void assert_edited(json_t *edited, const char *pointer, const char *value)
{
	json_t *original = canonical();
	json_t *expected = config_fixture_change_one(original, pointer, value);

	assert_non_null(edited);
	assert_true(json_equal(edited, expected));
	config_destroy(config_fixture_read(edited));
	json_decref(expected);
	json_decref(original);
	json_decref(edited);
}

static void assert_refused(
	const json_t *edited, const struct error *error, int code, const char *sentence)
{
	int seen = errno;

	assert_null(edited);
	assert_int_equal(seen, code);
	assert_string_equal(error->message, sentence);
}

static void a_service_is_added_at_the_end(void **state)
{
	static const char text[] =
		"{\"name\": \"new\", \"vip\": \"203.0.113.12\", \"protocol\": "
		"\"tcp\", \"port\": 443, \"pool\": \"web\", \"forward\": \"ipip\"}";
	json_t *document = canonical();
	json_t *service = json_loads(text, 0, NULL);
	struct error error = { "" };

	assert_edited(config_edit_service_add(document, service, &error), "/services/-", text);
	json_decref(service);
	json_decref(document);
}

static void a_service_is_removed_by_its_name(void **state)
{
	json_t *document = canonical();
	struct error error = { "" };
	json_t *edited = config_edit_service_remove(document, "www6", &error);

	assert_non_null(edited);
	assert_int_equal(json_array_size(json_object_get(edited, "services")), 2);
	assert_int_equal(json_array_size(json_object_get(document, "services")), 3);
	json_decref(edited);
	edited = config_edit_service_remove(document, "w\"", &error);
	assert_refused(edited, &error, ENOENT, "there is no service \"w\\\"\"");
	json_decref(document);
}

static void a_zone_is_drained_and_restored_in_the_list_of_zones(void **state)
{
	json_t *document = canonical(), *drained;
	struct error error = { "" };

	drained = config_edit_zone_set(document, "ams1", "drain", &error);
	assert_edited(json_incref(drained), "/zones",
		"[{\"name\": \"ams2\", \"state\": \"drain\"}, "
		"{\"name\": \"ams1\", \"state\": \"drain\"}]");
	assert_edited(config_edit_zone_set(drained, "ams1", "active", &error), "/zones",
		"[{\"name\": \"ams2\", \"state\": \"drain\"}]");
	assert_edited(config_edit_zone_set(document, "ams2", "active", &error), "/zones",
		"[{\"name\": \"ams1\", \"state\": \"active\"}]");
	json_object_del(document, "zones");
	json_decref(drained);
	drained = config_edit_zone_set(document, "ams1", "drain", &error);
	assert_edited(drained, "/zones", "[{\"name\": \"ams1\", \"state\": \"drain\"}]");
	json_decref(document);
}

static void a_zone_that_nothing_is_in_cannot_be_drained(void **state)
{
	json_t *document = canonical();
	struct error error = { "" };

	assert_refused(config_edit_zone_set(document, "ams9", "drain", &error), &error, ENOENT,
		"nothing is in a zone \"ams9\"");
	json_decref(document);
}

static void a_backend_is_added_to_its_pool(void **state)
{
	static const char text[] =
		"{\"name\": \"web-3\", \"address\": \"10.2.0.23\", \"weight\": 7}";
	json_t *document = canonical();
	json_t *backend = json_loads(text, 0, NULL);
	struct error error = { "" };
	json_t *edited = config_edit_backend_add(document, "web", backend, &error);

	assert_edited(edited, "/pools/0/backends/-", text);
	edited = config_edit_backend_add(document, "shop", backend, &error);
	assert_refused(edited, &error, ENOENT, "there is no pool \"shop\"");
	json_decref(backend);
	json_decref(document);
}

static void a_backend_is_removed_from_its_pool_only(void **state)
{
	json_t *document = canonical();
	struct error error = { "" };
	json_t *edited = config_edit_backend_remove(document, "web", "web-1", &error);

	assert_edited(edited, "/pools/0/backends",
		"[{\"name\": \"web-2\", \"address\": \"fd00:2::22\", \"key\": \"seat:2\", "
		"\"weight\": 50, \"state\": \"disabled\"}]");
	edited = config_edit_backend_remove(document, "web", "web-9", &error);
	assert_refused(edited, &error, ENOENT, "pool \"web\" has no backend \"web-9\"");
	edited = config_edit_backend_remove(document, "shop", "web-1", &error);
	assert_refused(edited, &error, ENOENT, "there is no pool \"shop\"");
	json_decref(document);
}

static json_t *set_backend(
	const char *pool, const char *name, const char *text, struct error *error)
{
	json_t *document = canonical();
	json_t *changes = json_loads(text, JSON_DECODE_ANY, NULL);
	json_t *edited = config_edit_backend_set(document, pool, name, changes, error);
	int code = errno;

	json_decref(changes);
	json_decref(document);
	errno = code;
	return edited;
}

static void weight_and_state_of_a_backend_are_set(void **state)
{
	struct error error = { "" };

	assert_edited(set_backend("web", "web-1", "{\"weight\": 7}", &error),
		"/pools/0/backends/0/weight", "7");
	assert_edited(set_backend("web", "web-1", "{\"state\": \"disabled\"}", &error),
		"/pools/0/backends/0/state", "\"disabled\"");
	assert_edited(set_backend("web", "web-1", "{\"state\": \"drain\"}", &error),
		"/pools/0/backends/0/state", "\"drain\"");
	assert_edited(set_backend("web", "web-1", "{\"weight\": 0}", &error),
		"/pools/0/backends/0/weight", "0");
	assert_edited(set_backend("web", "web-2", "{\"state\": \"drain\", \"weight\": 9}", &error),
		"/pools/0/backends/1",
		"{\"name\": \"web-2\", \"address\": \"fd00:2::22\", \"key\": \"seat:2\", "
		"\"weight\": 9, \"state\": \"drain\"}");
}

static void nothing_else_of_a_backend_is_set(void **state)
{
	struct error error = { "" };

	assert_refused(set_backend("web", "web-9", "{\"weight\": 7}", &error), &error, ENOENT,
		"pool \"web\" has no backend \"web-9\"");
	assert_refused(set_backend("web", "web-1", "{}", &error), &error, EINVAL,
		"nothing to set: give a weight or a state");
	assert_refused(set_backend("web", "web-1", "7", &error), &error, EINVAL,
		"nothing to set: give a weight or a state");
	assert_refused(
		set_backend("web", "web-1", "{\"weight\": 7, \"address\": \"10.2.0.99\"}", &error),
		&error, EINVAL, "address: cannot be set (a backend's weight and state can)");
	assert_refused(set_backend("web", "web-1", "{\"key\": \"seat:1\"}", &error), &error, EINVAL,
		"key: cannot be set (a backend's weight and state can)");
}

/* Pool "near" of full.json with other backends and vacant seats (NULL: none). */
static json_t *near(const char *backends, const char *vacant)
{
	json_t *original = canonical();
	json_t *given = config_fixture_change_one(original, "/pools/1/backends", backends);
	json_t *by_ipip = config_fixture_change_one(given, "/services/2/forward", "\"ipip\"");
	json_t *document = config_fixture_change_one(by_ipip, "/pools/1/vacant", vacant);

	json_decref(by_ipip);
	json_decref(given);
	json_decref(original);
	return document;
}

/* Asserts what an edit of such a pool made of it (NULL: no list), and drops both. */
static void assert_near(json_t *document, json_t *edited, const char *backends, const char *vacant)
{
	json_t *pool = json_array_get(json_object_get(edited, "pools"), 1);
	json_t *wanted = json_loads(backends, 0, NULL);
	json_t *seats = vacant == NULL ? NULL : json_loads(vacant, 0, NULL);

	assert_non_null(edited);
	assert_true(json_equal(json_object_get(pool, "backends"), wanted));
	if (seats == NULL)
		assert_null(json_object_get(pool, "vacant"));
	else
		assert_true(json_equal(json_object_get(pool, "vacant"), seats));
	config_destroy(config_fixture_read(edited));
	json_decref(seats);
	json_decref(wanted);
	json_decref(edited);
	json_decref(document);
}

static json_t *set_near(json_t *document, const char *name, const char *text)
{
	json_t *changes = json_loads(text, 0, NULL);
	struct error error = { "" };
	json_t *edited = config_edit_backend_set(document, "near", name, changes, &error);

	json_decref(changes);
	return edited;
}

static json_t *add_near(json_t *document, const char *text)
{
	json_t *backend = json_loads(text, 0, NULL);
	struct error error = { "" };
	json_t *edited = config_edit_backend_add(document, "near", backend, &error);

	json_decref(backend);
	return edited;
}

static json_t *remove_near(json_t *document, const char *name)
{
	struct error error = { "" };

	return config_edit_backend_remove(document, "near", name, &error);
}

#define ROW(name, address, weight) \
	"{\"name\": \"" name "\", \"address\": \"" address "\", \"weight\": " weight "}"
#define A         ROW("a", "10.2.0.21", "10")
#define B         ROW("b", "10.2.0.22", "20")
#define SEAT(key) "{\"key\": \"" key "\", \"weight\": 20}"
#define KEPT(weight) \
	"{\"name\": \"b\", \"address\": \"10.2.0.22\", \"weight\": 0, \"seat_weight\": " weight "}"
#define SEATLESS ROW("b", "10.2.0.22", "0")

static void a_removed_backend_leaves_its_seat(void **state)
{
	json_t *document = near("[" A ", " B "]", NULL);

	assert_near(document, remove_near(document, "b"), "[" A "]", "[" SEAT("10.2.0.22") "]");
	document = near("[" A ", " KEPT("20") "]", NULL);
	assert_near(document, remove_near(document, "b"), "[" A "]", "[" SEAT("10.2.0.22") "]");
	document = near("[" A ", " SEATLESS "]", NULL);
	assert_near(document, remove_near(document, "b"), "[" A "]", NULL);
}

/* More of them than backends, and the table is made anew without any. */
static void seats_are_left_as_long_as_they_are_the_fewer(void **state)
{
	json_t *document = near("[" A ", " B "]", "[" SEAT("x") "]");

	assert_near(document, remove_near(document, "b"), "[" A "]", NULL);
	document = near("[" B "]", NULL);
	assert_near(document, remove_near(document, "b"), "[]", NULL);
}

static void a_backend_that_is_added_takes_the_seat_of_its_key(void **state)
{
	json_t *document = near("[" A "]", "[" SEAT("10.2.0.22") "]");

	assert_near(document, add_near(document, B), "[" A ", " B "]", NULL);
	document = near("[" A ", " ROW("c", "10.2.0.11", "1") "]",
		"[" SEAT("x") ", " SEAT("10.2.0.22") "]");
	assert_near(document, add_near(document, B),
		"[" A ", " ROW("c", "10.2.0.11", "1") ", " B "]", "[" SEAT("x") "]");
	document = near("[" A "]", "[" SEAT("fd00:2::22") "]");
	assert_near(document,
		add_near(document, "{\"name\": \"b\", \"address\": \"10.2.0.22\", \"key\": "
				   "\"fd00:2::22\", \"weight\": 20}"),
		"[" A ", {\"name\": \"b\", \"address\": \"10.2.0.22\", \"key\": "
		"\"fd00:2::22\", \"weight\": 20}]",
		NULL);
	document = near("[" A "]", "[" SEAT("10.2.0.22") "]");
	assert_near(document, add_near(document, SEATLESS), "[" A ", " KEPT("20") "]", NULL);
}

/* The base table is another one: seats that hold the slots of others in place have no use. */
static void another_key_or_weight_drops_the_vacant_seats(void **state)
{
	json_t *document = near("[" A "]", "[" SEAT("x") "]");

	assert_near(document, add_near(document, B), "[" A ", " B "]", NULL);
	document = near("[" A ", " B "]", "[" SEAT("x") ", " SEAT("10.2.0.11") "]");
	assert_near(document, add_near(document, ROW("d", "10.2.0.11", "21")),
		"[" A ", " B ", " ROW("d", "10.2.0.11", "21") "]", NULL);
	document = near("[" A "]", "[" SEAT("x") "]");
	assert_near(
		document, add_near(document, SEATLESS), "[" A ", " SEATLESS "]", "[" SEAT("x") "]");
	document = near("[" A ", " B "]", "[" SEAT("x") "]");
	assert_near(document, set_near(document, "b", "{\"weight\": 21}"),
		"[" A ", " ROW("b", "10.2.0.22", "21") "]", NULL);
	document = near("[" A ", " B "]", "[" SEAT("x") "]");
	assert_near(document, set_near(document, "b", "{\"weight\": 20}"), "[" A ", " B "]",
		"[" SEAT("x") "]");
}

static void a_weight_of_0_leaves_the_seat_its_weight(void **state)
{
	json_t *document = near("[" A ", " B "]", "[" SEAT("x") "]");

	assert_near(document, set_near(document, "b", "{\"weight\": 0}"), "[" A ", " KEPT("20") "]",
		"[" SEAT("x") "]");
	document = near("[" A ", " KEPT("20") "]", NULL);
	assert_near(document, set_near(document, "b", "{\"weight\": 0}"), "[" A ", " KEPT("20") "]",
		NULL);
	document = near("[" A ", " SEATLESS "]", NULL);
	assert_near(document, set_near(document, "b", "{\"weight\": 0}"), "[" A ", " SEATLESS "]",
		NULL);
	document = near("[" A ", " KEPT("20") "]", "[" SEAT("x") "]");
	assert_near(document, set_near(document, "b", "{\"weight\": 20}"), "[" A ", " B "]",
		"[" SEAT("x") "]");
	document = near("[" A ", " KEPT("21") "]", "[" SEAT("x") "]");
	assert_near(document, set_near(document, "b", "{\"weight\": 20}"), "[" A ", " B "]", NULL);
}

/* Of a pool whose builder has no base. */
static void no_seats_are_left_by_rendezvous(void **state)
{
	json_t *document = canonical();
	struct error error = { "" };
	json_t *edited = config_edit_backend_remove(document, "web", "web-1", &error);
	json_t *pool = json_array_get(json_object_get(edited, "pools"), 0);

	assert_null(json_object_get(pool, "vacant"));
	json_decref(edited);
	json_decref(document);
}

static void what_an_edit_puts_in_is_judged_by_reading(void **state)
{
	struct error error = { "" };
	json_t *edited = set_backend("web", "web-1", "{\"weight\": 65536}", &error);

	assert_non_null(edited);
	assert_string_equal(config_fixture_refusal(edited, &error),
		"pools[0].backends[0].weight: 65536 is not a weight (0-65535)");
	json_decref(edited);
}

/* The sentence with which full.json cannot become what one change makes of it; "" if it can. */
static void assert_restart(const char *pointer, const char *value, const char *sentence)
{
	json_t *old_document = config_fixture_load("full.json");
	json_t *new_document = config_fixture_change_one(old_document, pointer, value);
	struct config *old = config_fixture_read(old_document);
	struct config *new = config_fixture_read(new_document);
	struct error error = { "" };
	int code = sentence[0] == '\0' ? 0 : -EPERM;

	assert_int_equal(config_compare_restart(old, new, &error), code);
	assert_string_equal(error.message, sentence);
	config_destroy(new);
	config_destroy(old);
	json_decref(new_document);
	json_decref(old_document);
}

static void what_the_process_is_built_on_needs_a_restart(void **state)
{
	static const struct {
		const char *pointer;
		const char *value; /* NULL: removed */
		const char *sentence;
	} rows[] = {
		{ "/node/name", "\"edge-2\"", "node.name: needs a restart" },
		{ "/node/hash_key", "\"000102030405060708090a0b0c0d0e10\"",
			"node.hash_key: needs a restart" },
		{ "/control/socket", "\"/tmp/other\"", "control.socket: needs a restart" },
		{ "/control/group", "\"staff\"", "control.group: needs a restart" },
		{ "/dataplane/mbufs", "4096", "dataplane.mbufs: needs a restart" },
		{ "/dataplane/pins", "8191", "dataplane.pins: needs a restart" },
		{ "/dataplane/workers", "2", "dataplane.workers: needs a restart" },
		{ "/dataplane/workers/1", "2", "dataplane.workers[1]: needs a restart" },
		{ "/dataplane/eal", "[]", "dataplane.eal: needs a restart" },
		{ "/dataplane/tunnel_source/ipv6", "\"fd00:2::11\"",
			"dataplane.tunnel_source.ipv6: needs a restart" },
		{ "/dataplane/ports/0/host_path", NULL,
			"dataplane.ports[0].host_path: needs a restart" },
		{ "/dataplane/ports/1/host_path", "\"drop\"",
			"dataplane.ports[1].host_path: needs a restart" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_restart(rows[i].pointer, rows[i].value, rows[i].sentence);
}

static void pools_and_services_change_while_running(void **state)
{
	assert_restart("/services", "[]", "");
	assert_restart("/dataplane/pins", "8193", "");
	assert_restart("/pools/0/slots", "1021", "");
	assert_restart("/pools/0/affinity/observe_s", "60", "");
	assert_restart("/pools/0/slow_start", NULL, "");
	assert_restart("/pools/0/backends/0/key", "\"seat:1\"", "");
	assert_restart("/services/2/udp", "\"hash\"", "");
	assert_restart("/dataplane/ports/0/gateway_mac", "\"02:00:DE:AD:BE:AF\"", "");
	assert_restart("/dataplane/ports/0/gateway_mac", "\"02:00:de:ad:be:00\"", "");
	assert_restart("/dataplane/ports/0/neighbours/1/mac", "\"02:00:00:00:00:99\"", "");
	assert_restart("/dataplane/ports/1/neighbours", "[]", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_is_added_at_the_end),
		cmocka_unit_test(a_service_is_removed_by_its_name),
		cmocka_unit_test(a_zone_is_drained_and_restored_in_the_list_of_zones),
		cmocka_unit_test(a_zone_that_nothing_is_in_cannot_be_drained),
		cmocka_unit_test(a_backend_is_added_to_its_pool),
		cmocka_unit_test(a_backend_is_removed_from_its_pool_only),
		cmocka_unit_test(weight_and_state_of_a_backend_are_set),
		cmocka_unit_test(nothing_else_of_a_backend_is_set),
		cmocka_unit_test(a_removed_backend_leaves_its_seat),
		cmocka_unit_test(seats_are_left_as_long_as_they_are_the_fewer),
		cmocka_unit_test(a_backend_that_is_added_takes_the_seat_of_its_key),
		cmocka_unit_test(another_key_or_weight_drops_the_vacant_seats),
		cmocka_unit_test(a_weight_of_0_leaves_the_seat_its_weight),
		cmocka_unit_test(no_seats_are_left_by_rendezvous),
		cmocka_unit_test(what_an_edit_puts_in_is_judged_by_reading),
		cmocka_unit_test(what_the_process_is_built_on_needs_a_restart),
		cmocka_unit_test(pools_and_services_change_while_running),
	};

	return cmocka_run_group_tests_name("config_edit", tests, NULL, NULL);
}
