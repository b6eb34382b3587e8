/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "The same table everywhere", on the real thing from the document to the slot words: whatever is
 * done to the backends of three pools, and to a service that shares its flows between two of them,
 * by edits of the socket and by whole documents, by checks and by restarts,
 *
 *	a node that gets nothing but the written documents, with their lists in any order, and
 *	a plan that begins from the written document, without a plan before it, and
 *	a node that starts cold with it
 *
 * have the same digest and the same owner of every slot, provided that they have the same view of
 * who serves. And a removal moves no slot but those of the backend that goes; who comes to a vacant
 * seat takes slots for itself alone.
 *
 * SLUICE_PROPERTY_WORLDS sets how many sequences of changes are played, each from a seed of its
 * own.
 */
#include "unit.h"

#include "edit/config_edit.h"
#include "life_fixture.h"
#include "service/service_lookup.h"

#define WORLDS    12
#define STEPS     150
#define POOLS     3
#define ADDRESSES 24 /* of each pool: 10.2.0.1 and so on, 10.2.1.1 ... */
#define CALM_S    11 /* until a dynamic weight is followed, whenever the last change of it was */

struct world {
	const struct node_host *host;
	uint64_t seed, random;
	struct node *origin;   /* where changes are made */
	struct node *follower; /* which gets the documents */
	unsigned int names;    /* handed out */
	bool has_ramps;        /* of slow start and of dynamic weights: a cold start knows none */
	unsigned int edits, documents, restarts, colds, rests, seats_left, seats_taken, shared;
};

static uint64_t draw(struct world *world)
{
	uint64_t mixed = world->random += 0x9e3779b97f4a7c15; /* SplitMix64 (S. Vigna) */

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return mixed ^ mixed >> 31;
}

static uint32_t draw_below(struct world *world, uint32_t limit)
{
	return draw(world) % limit;
}

/* Documents. */

static const char *const pool_names[POOLS] = { "web", "other", "canary" };
static const char *const all_names[] = { "web", "other", "canary", "service:shop", "service:dns" };

/* Derived ones, too. */
static size_t find_pool(const struct config *config, const char *name)
{
	size_t number = 0;

	while (number < config->pool_count && strcmp(config->pools[number].name, name) != 0)
		number++;
	if (number == config->pool_count)
		fail_msg("there is no pool %s", name);
	return number;
}

static struct config *first_config(const struct world *world)
{
	const char *ramp = world->has_ramps ? "'slow_start': {'duration_s': 40, 'steps': 7}," : "";
	char pools[1024];

	snprintf(pools, sizeof(pools),
		"[{'name': 'web', 'slots': 1021, 'drain_deadline_s': 60, %s 'backends': [" W1
		", " W2 ", " W3 "]}, {'name': 'other', 'slots': 503, 'drain_deadline_s': 60, "
		"%s 'backends': [{'name': 'a', 'address': '10.2.1.4', 'key': 'seat-a', 'weight': "
		"30}, {'name': 'b', 'address': '10.2.1.5', 'weight': 70}]}, {'name': 'canary', "
		"'slots': 1021, 'drain_deadline_s': 60, 'builder': 'rendezvous', 'backends': "
		"[{'name': 'a', 'address': '10.2.2.4', 'key': 'seat-a'}, {'name': 'b', 'address': "
		"'10.2.2.5'}]}]",
		ramp, ramp);
	return small_config_read(pools,
		"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': "
		"'web', 'forward': 'ipip'}, {'name': 'dns', 'vip': '203.0.113.11', 'protocol': "
		"'udp', 'port': 53, 'udp': 'hash', 'pools': [{'pool': 'other'}], 'forward': "
		"'ipip'}, {'name': 'shop', 'vip': '203.0.113.12', 'protocol': 'tcp', 'port': 80, "
		"'pools': [{'pool': 'web', 'weight': 95}, {'pool': 'canary', 'weight': 5}], "
		"'forward': 'ipip'}]");
}

static void shuffle(struct world *world, json_t *list)
{
	for (size_t left = json_array_size(list); left > 1; left--) {
		size_t place = draw_below(world, left);
		json_t *element = json_incref(json_array_get(list, place));

		json_array_remove(list, place);
		json_array_append_new(list, element);
	}
}

static void shuffle_all(struct world *world, json_t *document)
{
	json_t *pools = json_object_get(document, "pools"), *pool;
	size_t index;

	json_array_foreach (pools, index, pool) {
		shuffle(world, json_object_get(pool, "backends"));
		shuffle(world, json_object_get(pool, "vacant"));
	}
	shuffle(world, pools);
	pools = json_object_get(document, "services");
	json_array_foreach (pools, index, pool)
		shuffle(world, json_object_get(pool, "pools"));
	shuffle(world, pools);
}

static struct config *read_document(const json_t *document)
{
	struct error error = { "" };
	struct config *config = config_read(document, NULL, &error);

	if (config == NULL)
		fail_msg("%s", error.message);
	return config;
}

/* What is on disk after a change, read by another process, with its lists in another order. */
static struct config *written(struct world *world)
{
	json_t *printed = config_print_with_secret(world->origin->config);
	char *text = json_dumps(printed, JSON_INDENT(2));
	struct error error = { "" };
	json_t *document = config_document_parse(text, strlen(text), &error);
	struct config *config;

	assert_non_null(document);
	shuffle_all(world, document);
	config = read_document(document);
	json_decref(document);
	free(text);
	json_decref(printed);
	return config;
}

/* Owners. */

static const struct address *owner_of(const struct plan_pool *pool, uint32_t slot)
{
	uint16_t seat = pool->table->seats[slot];

	return seat == PLAN_NO_BACKEND ? NULL : &pool->seats[seat].address;
}

static bool same_owner(const struct address *a, const struct address *b)
{
	return a == NULL || b == NULL ? a == b : address_equal(a, b);
}

static void assert_same(const struct world *world, const struct plan *a, const struct plan *b)
{
	for (size_t i = 0; i < COUNT_OF(all_names); i++) {
		const struct plan_pool *one = plan_find_pool(a, all_names[i]);
		const struct plan_pool *other = plan_find_pool(b, all_names[i]);

		for (uint32_t slot = 0; slot < one->slots; slot++)
			if (!same_owner(owner_of(one, slot), owner_of(other, slot)))
				fail_msg("seed %lu: slot %u of %s has two owners", world->seed,
					slot, one->name);
		assert_int_equal(one->digest, other->digest);
	}
	assert_int_equal(a->digest, b->digest);
}

/* That workers see what was planned. */
static void assert_stored_by(const struct node *node, size_t number)
{
	const struct config_service *configured = &node->config->services[number];
	struct service_words words = service_words_of(false, configured->vip.bytes,
		configured->protocol, rte_cpu_to_be_16(configured->port));
	const struct service *service =
		&service_find(forwarding_tables(node->forwarding)->services, false, &words)
			 ->service;
	const struct plan_pool *plan = &forwarding_plan(node->forwarding)->pools[configured->pool];
	const struct live_backend *backends;
	size_t count;

	backends = forwarding_backends(node->forwarding, configured->pool, &count);
	for (uint32_t slot = 0; slot < plan->slots; slot++) {
		uint32_t cur = slot_cur(slot_load(&service->slots[slot]));
		int place = cur == SLOT_NO_BACKEND ? -1
						   : forwarding_find_backend(node->forwarding,
							     configured->pool, cur);

		assert_true(same_owner(
			place < 0 ? NULL : &backends[place].address, owner_of(plan, slot)));
	}
}

static void assert_stored(const struct node *node)
{
	for (size_t i = 0; i < node->config->service_count; i++)
		assert_stored_by(node, i);
}

/* Views of who serves. */

static const struct live_backend *find_live(
	const struct node *node, const char *pool, const struct address *address, size_t *place)
{
	const struct live_backend *backends;
	size_t count;

	backends = forwarding_backends(node->forwarding, find_pool(node->config, pool), &count);
	for (*place = 0; *place < count; (*place)++)
		if (address_equal(&backends[*place].address, address))
			return &backends[*place];
	return NULL;
}

struct view {
	const struct world *world;
	const struct config *config;
};

static struct plan_share share_of(void *context, size_t pool, size_t backend)
{
	const struct view *view = context;
	const struct config_pool *config = &view->config->pools[pool];
	size_t place;
	const struct live_backend *live = find_live(
		view->world->origin, config->name, &config->backends[backend].address, &place);

	assert_non_null(live);
	return live_backend_share(
		live, config_options_of(view->config, pool, backend), node_clock_ms);
}

static void update_node(struct node *node, const char *pool, const struct address *address,
	const struct forwarding_update *update)
{
	struct forwarding_handle handle;
	size_t place;
	const struct live_backend *live = find_live(node, pool, address, &place);

	assert_non_null(live);
	assert_int_equal(forwarding_find(node->forwarding, pool, live->name, &handle), 0);
	assert_int_equal(
		forwarding_update(node->forwarding, &handle, update, false, NULL, NULL), 0);
	node_build(node);
}

static void assert_cold_plan_is_the_same(struct world *world)
{
	struct view view = { .world = world, .config = written(world) };
	struct planner *planner = planner_create(&world->origin->secret);
	struct error error = { "" };
	struct plan *cold;

	assert_non_null(planner);
	cold = plan_create(planner, view.config, NULL, share_of, &view, &error);
	assert_non_null(cold);
	assert_same(world, forwarding_plan(world->origin->forwarding), cold);
	plan_destroy(cold);
	planner_destroy(planner);
	config_destroy((struct config *)view.config);
}

static const struct state_layout layout = {
	.workers = 1,
	.ports = NODE_PORTS,
	.services = 8,
	.backends = 512,
	.slot_words = 8 * 1024,
	.records = 2 * 512 + 1,
	.pools = 8,
	.pin_buckets = 64,
};

/* What a node that starts cold is told of a backend, where it is not what it takes for granted. */
static void tell_all_of(struct node *node, const char *pool, const struct address *address,
	const struct membership_facts *facts)
{
	const struct forwarding_update update = {
		.has_health = true,
		.healthy = facts->healthy,
		.has_rest = true,
		.rests = facts->rests,
	};

	if (!facts->healthy || facts->rests)
		update_node(node, pool, address, &update);
}

static void assert_cold_node_is_the_same(struct world *world)
{
	struct node *cold = node_create(world->host, &layout, 1);

	node_apply(cold, written(world));
	for (size_t i = 0; i < POOLS; i++) {
		const struct config_pool *pool = &cold->config->pools[i];

		for (size_t k = 0; k < pool->backend_count; k++) {
			const struct address *address = &pool->backends[k].address;
			size_t place;

			tell_all_of(cold, pool->name, address,
				&find_live(world->origin, pool->name, address, &place)->facts);
		}
	}
	node_wait(cold, 1);
	assert_same(world, forwarding_plan(world->origin->forwarding),
		forwarding_plan(cold->forwarding));
	assert_stored(cold);
	node_destroy(cold);
	world->colds++;
}

/* Changes. */

static void wait_for_all(struct world *world, unsigned int seconds)
{
	while (seconds-- > 0) {
		node_wait(world->origin, 1);
		forwarding_advance(world->follower->forwarding);
		while (forwarding_go_on(world->follower->forwarding) != FORWARDING_IDLE)
			continue;
		publish_reclaim(world->follower->publish);
	}
}

/* Makes `document`, which it takes over, the one in force, and the follower gets what is written.
 */
static void change_to(struct world *world, json_t *document)
{
	node_apply(world->origin, read_document(document));
	json_decref(document);
	node_apply(world->follower, written(world));
}

static json_t *document_now(const struct world *world)
{
	return config_print_with_secret(world->origin->config);
}

/* Until the next change. */
static const struct config_pool *pool_of(const struct world *world, const char *name)
{
	const struct config *config = world->origin->config;

	return &config->pools[config_find_pool(config, name)];
}

static const struct config_backend *any_backend(struct world *world, const char *pool)
{
	const struct config_pool *config = pool_of(world, pool);

	return &config->backends[draw_below(world, config->backend_count)];
}

/* Who owns each slot of a pool, before a change that is to move few of them. */
struct owners {
	const char *pool;
	uint32_t slots;
	bool has[1021];
	struct address of[1021];
};

static void note_owners(const struct world *world, const char *pool, struct owners *owners)
{
	const struct plan_pool *plan =
		plan_find_pool(forwarding_plan(world->origin->forwarding), pool);

	owners->pool = plan->name;
	owners->slots = plan->slots;
	for (uint32_t slot = 0; slot < plan->slots; slot++) {
		const struct address *owner = owner_of(plan, slot);

		owners->has[slot] = owner != NULL;
		if (owner != NULL)
			owners->of[slot] = *owner;
	}
}

/* Whatever has moved since was, or is now, that backend's. */
static void assert_only_moved(const struct world *world, const char *pool,
	const struct owners *owners, const struct address *backend)
{
	const struct plan_pool *plan =
		plan_find_pool(forwarding_plan(world->origin->forwarding), pool);

	for (uint32_t slot = 0; slot < plan->slots; slot++) {
		const struct address *before = owners->has[slot] ? &owners->of[slot] : NULL;
		const struct address *after = owner_of(plan, slot);

		if (!same_owner(before, after) && !same_owner(before, backend) &&
			!same_owner(after, backend))
			fail_msg("seed %lu: slot %u of %s moved between others", world->seed, slot,
				pool);
	}
}

static size_t count_vacant(const struct world *world, const char *pool)
{
	return pool_of(world, pool)->vacant_count;
}

static bool is_taken(const struct config_pool *pool, const char *address, const char *key)
{
	char text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < pool->backend_count; i++)
		if (strcmp(address_format(&pool->backends[i].address, text), address) == 0 ||
			strcmp(pool->backends[i].key, key) == 0)
			return true;
	return false;
}

/* Adds a backend at a free address, with the key of a vacant seat, or (NULL) any other. */
static void add(struct world *world, const char *pool_name, const char *key, int weight)
{
	const struct config_pool *pool =
		&world->origin->config->pools[config_find_pool(world->origin->config, pool_name)];
	char name[32], text[32], own_key[32];
	json_t *document, *backend;
	struct owners owners;
	struct error error = { "" };
	struct address address;
	size_t vacant = pool->vacant_count;
	unsigned int network = 0;

	while (strcmp(pool_names[network], pool_name) != 0)
		network++;
	snprintf(text, sizeof(text), "10.2.%u.%u", network, 1 + draw_below(world, ADDRESSES));
	snprintf(own_key, sizeof(own_key), "%s", text);
	if (key == NULL && draw_below(world, 2) == 0)
		snprintf(own_key, sizeof(own_key), "key-%u", draw_below(world, 20));
	if (key != NULL)
		snprintf(own_key, sizeof(own_key), "%s", key);
	if (is_taken(pool, text, own_key))
		return;
	snprintf(name, sizeof(name), "n%u", world->names++);
	backend = json_pack("{s:s, s:s, s:s, s:i}", "name", name, "address", text, "key", own_key,
		"weight", weight);
	note_owners(world, pool_name, &owners);
	document = document_now(world);
	change_to(world, config_edit_backend_add(document, pool_name, backend, &error));
	json_decref(document);
	json_decref(backend);
	address_parse(text, &address);
	if (key != NULL && count_vacant(world, pool_name) + 1 == vacant) {
		if (!world->has_ramps) /* whose factors go on meanwhile */
			assert_only_moved(world, pool_name, &owners, &address);
		world->seats_taken++;
	}
	world->edits++;
}

static void remove_backend(struct world *world, const char *pool_name, const char *name)
{
	const struct config_pool *pool = pool_of(world, pool_name);
	struct address address = pool->backends[config_find_backend(pool, name)].address;
	size_t vacant = pool->vacant_count;
	json_t *document = document_now(world);
	struct error error = { "" };
	struct owners owners;

	note_owners(world, pool_name, &owners);
	change_to(world, config_edit_backend_remove(document, pool_name, name, &error));
	json_decref(document);
	if (count_vacant(world, pool_name) > vacant) {
		if (!world->has_ramps)
			assert_only_moved(world, pool_name, &owners, &address);
		world->seats_left++;
	}
	world->edits++;
}

static void set(struct world *world, const char *pool, const char *name, json_t *changes)
{
	json_t *document = document_now(world);
	struct error error = { "" };

	change_to(world, config_edit_backend_set(document, pool, name, changes, &error));
	json_decref(document);
	json_decref(changes);
	world->edits++;
}

static void remove_any(struct world *world, const char *pool)
{
	if (pool_of(world, pool)->backend_count > 1)
		remove_backend(world, pool, any_backend(world, pool)->name);
}

static void replace(struct world *world, const char *pool)
{
	const struct config_backend *backend = any_backend(world, pool);
	char key[CONFIG_KEY_SIZE];
	int weight = backend->weight;

	if (pool_of(world, pool)->backend_count < 2)
		return;
	strcpy(key, backend->key);
	remove_backend(world, pool, backend->name);
	add(world, pool, key, weight);
}

static void take_vacant(struct world *world, const char *pool)
{
	const struct config_vacant *vacant;
	char key[CONFIG_KEY_SIZE];

	if (count_vacant(world, pool) == 0)
		return;
	vacant = &pool_of(world, pool)->vacant[draw_below(world, count_vacant(world, pool))];
	strcpy(key, vacant->key);
	add(world, pool, key, draw_below(world, 4) == 0 ? 0 : vacant->weight);
}

/* A weight of 0 and back, or any other. */
static void reweigh(struct world *world, const char *pool)
{
	const struct config_backend *backend = any_backend(world, pool);
	int weight = 1 + draw_below(world, 100);

	if (draw_below(world, 3) != 0)
		weight = backend->weight != 0 ? 0 : backend->seat_weight;
	set(world, pool, backend->name, json_pack("{s:i}", "weight", weight));
}

static void set_state(struct world *world, const char *pool)
{
	static const char *const states[] = { "active", "drain", "disabled", "active" };

	set(world, pool, any_backend(world, pool)->name,
		json_pack("{s:s}", "state", states[draw_below(world, COUNT_OF(states))]));
}

/* The shares of a service's pools, one of them a backup now and then. */
static void share_out(struct world *world)
{
	json_t *document = document_now(world);
	json_t *services = json_object_get(document, "services"), *service, *part;
	size_t index, k;

	json_array_foreach (services, index, service)
		json_array_foreach (json_object_get(service, "pools"), k, part) {
			json_object_set_new(part, "weight", json_integer(draw_below(world, 100)));
			json_object_del(part, "backup");
			json_object_del(part, "below");
			if (k > 0 && draw_below(world, 3) == 0)
				json_object_set_new(part, "backup", json_integer(1));
		}
	change_to(world, document);
	world->shared++;
}

static void update_all(
	struct world *world, const char *pool, const struct forwarding_update *update)
{
	const struct address *address = &any_backend(world, pool)->address;

	update_node(world->origin, pool, address, update);
	update_node(world->follower, pool, address, update);
}

static void report(struct world *world, const char *pool)
{
	const struct forwarding_update update = {
		.has_health = true,
		.healthy = draw_below(world, 2),
	};

	update_all(world, pool, &update);
}

static void report_rest(struct world *world, const char *pool)
{
	const struct forwarding_update update = {
		.has_rest = true,
		.rests = draw_below(world, 2),
		.gathers = draw_below(world, 2),
	};

	update_all(world, pool, &update);
	world->rests += update.rests;
}

static void report_share(struct world *world, const char *pool)
{
	const struct forwarding_update update = {
		.has_share = true,
		.share = 1 + draw_below(world, FACTOR_ONE),
	};

	if (world->has_ramps)
		update_all(world, pool, &update);
}

/* A whole document as somebody wrote it, with or without what edits have noted in it. */
static void apply_document(struct world *world)
{
	json_t *document = document_now(world);
	json_t *pools = json_object_get(document, "pools");
	json_t *pool = json_array_get(pools, draw_below(world, POOLS));
	json_t *backends = json_object_get(pool, "backends");

	switch (draw_below(world, 5)) {
	case 0: json_object_del(pool, "vacant"); break;
	case 1:
		if (json_array_size(backends) > 2)
			json_array_remove(backends, draw_below(world, json_array_size(backends)));
		break;
	case 2:
		json_object_set_new(pool, "builder",
			json_string(draw_below(world, 2) == 0 ? "rendezvous" : "maglev"));
		break;
	default: break;
	}
	shuffle_all(world, document);
	change_to(world, document);
	world->documents++;
}

static void restart(struct world *world)
{
	struct node *node = draw_below(world, 2) == 0 ? world->origin : world->follower;
	struct config *config = written(world);
	char said[NODE_SAID_SIZE];

	node_restart(node, config, said);
	assert_string_equal(said, "");
	wait_for_all(world, CALM_S);
	world->restarts++;
}

static void change_something(struct world *world)
{
	const char *pool = pool_names[draw_below(world, POOLS)];

	switch (draw_below(world, 17)) {
	case 16: share_out(world); break;
	case 0:
	case 1: add(world, pool, NULL, 100); break;
	case 2:
	case 3: take_vacant(world, pool); break;
	case 4:
	case 5: remove_any(world, pool); break;
	case 6: replace(world, pool); break;
	case 7:
	case 8: reweigh(world, pool); break;
	case 9: set_state(world, pool); break;
	case 10: report(world, pool); break;
	case 11: report_share(world, pool); break;
	case 12: apply_document(world); break;
	case 13:
	case 14: report_rest(world, pool); break;
	default: restart(world); break;
	}
}

static void play(struct world *world)
{
	for (unsigned int step = 0; step < STEPS; step++) {
		change_something(world);
		wait_for_all(world, 1 + draw_below(world, CALM_S));
		assert_same(world, forwarding_plan(world->origin->forwarding),
			forwarding_plan(world->follower->forwarding));
		assert_stored(world->origin);
		assert_stored(world->follower);
		assert_cold_plan_is_the_same(world);
		if (!world->has_ramps && step % 15 == 7)
			assert_cold_node_is_the_same(world);
	}
}

static void run(const struct node_host *host, uint64_t seed)
{
	struct world world = { .host = host, .seed = seed, .random = seed };

	world.has_ramps = seed % 2 == 0;
	world.origin = node_create(host, &layout, 1);
	world.follower = node_create(host, &layout, 1);
	node_apply(world.origin, first_config(&world));
	node_apply(world.follower, written(&world));
	play(&world);
	print_message(
		"seed %lu: %u edits, %u documents, %u restarts, %u cold starts, %u rests, seats "
		"left %u and taken %u\n",
		seed, world.edits, world.documents, world.restarts, world.colds, world.rests,
		world.seats_left, world.seats_taken);
	assert_true(world.edits > 50 && world.documents > 0 && world.restarts > 0 &&
		    world.rests > 0 && world.seats_left > 0 && world.seats_taken > 0 &&
		    world.shared > 0);
	node_destroy(world.follower);
	node_destroy(world.origin);
}

static void the_same_document_has_the_same_tables_whatever_came_before(void **state)
{
	const char *wanted = getenv("SLUICE_PROPERTY_WORLDS");
	uint64_t worlds = wanted == NULL ? WORLDS : strtoull(wanted, NULL, 10);

	for (uint64_t seed = 1; seed <= worlds; seed++)
		run(*state, seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_document_has_the_same_tables_whatever_came_before),
	};

	return cmocka_run_group_tests_name(
		"tables_property", tests, node_host_start, node_host_stop);
}
