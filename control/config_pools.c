/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_pools.h"

#include "config_choice.h"
#include "config_field.h"
#include "maglev.h"

#define DEFAULT_SLOTS  65537
#define DEFAULT_WEIGHT 100
#define SLOTS_MIN      251
#define SLOTS_MAX      5000011 /* itself a prime: every bad number has a next good one */

/* A prime, because only then every (offset, skip) of Maglev walks through all slots. */
static int read_slots(const struct json_place *place, void *field, struct error *error)
{
	uint32_t *slots = field;
	int64_t number = 0;
	int result = json_read_integer(place, SLOTS_MIN, SLOTS_MAX,
		"a number of slots (a prime, 251-5000011)", &number, error);
	uint32_t next = (uint32_t)number;

	if (result != 0)
		return result;
	*slots = (uint32_t)number;
	while (!maglev_is_prime(next))
		next++;
	if (next != *slots)
		return json_refuse(
			place, error, "%u is not a prime (%u is the next)", *slots, next);
	return 0;
}

static int read_weight(const struct json_place *place, void *field, struct error *error)
{
	uint16_t *weight = field;
	int64_t number = 0;
	int result = json_read_integer(place, 0, 65535, "a weight (1-65535)", &number, error);

	*weight = (uint16_t)number;
	if (result == 0 && number == 0)
		return json_refuse(place, error,
			"0 is a drain without deadline, which is not in this version; "
			"use \"state\": \"disabled\"");
	return result;
}

static int read_backend(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "name", JSON_REQUIRED, offsetof(struct config_backend, name),
			config_field_read_name },
		{ "address", JSON_REQUIRED, offsetof(struct config_backend, address),
			config_field_read_address },
		{ "weight", JSON_OPTIONAL, offsetof(struct config_backend, weight), read_weight },
		{ "state", JSON_OPTIONAL, offsetof(struct config_backend, state),
			config_choice_read_state },
		{ "key", JSON_NOT_YET, 0, NULL },
		{ "zone", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};
	struct config_backend *backend = field;

	backend->weight = DEFAULT_WEIGHT;
	backend->state = CONFIG_BACKEND_ACTIVE;
	return json_read_object(place, members, backend, error);
}

static int read_backends(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_list backends = { 0, CONFIG_BACKENDS_MAX,
		sizeof(struct config_backend), read_backend };
	struct config_pool *pool = field;

	pool->backends = json_list_create(place, &backends, &pool->backend_count, error);
	return json_list_read(place, &backends, pool->backends, error);
}

static int read_pool(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "name", JSON_REQUIRED, offsetof(struct config_pool, name),
			config_field_read_name },
		{ "slots", JSON_OPTIONAL, offsetof(struct config_pool, slots), read_slots },
		{ "backends", JSON_REQUIRED, 0, read_backends },
		{ "affinity", JSON_NOT_YET, 0, NULL },
		{ "builder", JSON_NOT_YET, 0, NULL },
		{ "cross_zone", JSON_NOT_YET, 0, NULL },
		{ "drain_deadline_s", JSON_NOT_YET, 0, NULL },
		{ "health", JSON_NOT_YET, 0, NULL },
		{ "max_disruption_percent", JSON_NOT_YET, 0, NULL },
		{ "slow_start", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};
	struct config_pool *pool = field;

	pool->slots = DEFAULT_SLOTS;
	return json_read_object(place, members, pool, error);
}

int config_pools_read(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_list pools = { 0, CONFIG_POOLS_MAX, sizeof(struct config_pool),
		read_pool };
	struct config *config = field;

	config->pools = json_list_create(place, &pools, &config->pool_count, error);
	return json_list_read(place, &pools, config->pools, error);
}
