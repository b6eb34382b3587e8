/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_pools.h"

#include "config_choice.h"
#include "config_field.h"
#include "config_limits.h"
#include "maglev.h"

#define DEFAULT_SLOTS            65537
#define DEFAULT_DRAIN_DEADLINE_S 3600
#define DEFAULT_STEPS            10
#define NO_BUDGET                100 /* percent */
#define SLOTS_MIN                251
#define SLOTS_MAX                5000011 /* itself a prime: every bad number has a next good one */

/*
 * Longer than common idle timeouts; what a slow deploy takes to settle; a reboot; a check that
 * flaps; the skew of nodes that promote a slot together.
 */
static const struct config_affinity default_affinity = {
	.observe_s = 900,
	.settle_s = 60,
	.hold_s = 300,
	.fail_grace_s = 30,
	.guard_s = 10,
};

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
	int result = json_read_integer(place, 0, 65535, "a weight (0-65535)", &number, error);

	*weight = (uint16_t)number;
	return result;
}

static int read_seat_weight(const struct json_place *place, void *field, struct error *error)
{
	uint16_t *weight = field;
	int64_t number = 0;
	int result = json_read_integer(
		place, 1, 65535, "the weight of a seat (1-65535)", &number, error);

	*weight = (uint16_t)number;
	return result;
}

/* A key that people look for. */
static int refuse_port(const struct json_place *place, void *field, struct error *error)
{
	return json_refuse(place, error,
		"ipip and l2dsr leave ports as they are: backends listen at the service's port (nat "
		"would change it, which is not in this version)");
}

static int read_backend(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "name", JSON_REQUIRED, offsetof(struct config_backend, name),
			config_field_read_name },
		{ "address", JSON_REQUIRED, offsetof(struct config_backend, address),
			config_field_read_address },
		{ "key", JSON_OPTIONAL, offsetof(struct config_backend, key),
			config_field_read_key },
		{ "weight", JSON_OPTIONAL, offsetof(struct config_backend, weight), read_weight },
		{ "seat_weight", JSON_OPTIONAL, offsetof(struct config_backend, seat_weight),
			read_seat_weight },
		{ "state", JSON_OPTIONAL, offsetof(struct config_backend, state),
			config_choice_read_state },
		{ "port", JSON_NOT_YET, 0, refuse_port },
		{ "zone", JSON_NOT_YET, 0, NULL },
		{ "server_id", JSON_NOT_YET, 0, NULL },
		{ "health", JSON_NOT_YET, 0, NULL },
		{ "labels", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};
	const struct json_place seat_weight = json_place_member(place, "seat_weight");
	struct config_backend *backend = field;
	int result;

	backend->weight = CONFIG_DEFAULT_WEIGHT;
	backend->state = CONFIG_BACKEND_ACTIVE;
	result = json_read_object(place, members, backend, error);
	if (result == 0 && backend->weight != 0 && backend->seat_weight != 0)
		return json_refuse(&seat_weight, error,
			"goes with a weight of 0 only: with another one that is the seat's, too");
	if (result == 0 && backend->key[0] == '\0')
		address_format(&backend->address, backend->key);
	return result;
}

static int read_backends(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_list backends = { 0, CONFIG_BACKENDS_MAX,
		sizeof(struct config_backend), read_backend };
	struct config_pool *pool = field;

	pool->backends = json_list_create(place, &backends, &pool->backend_count, error);
	return json_list_read(place, &backends, pool->backends, error);
}

static int read_vacant(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "key", JSON_REQUIRED, offsetof(struct config_vacant, key),
			config_field_read_key },
		{ "weight", JSON_REQUIRED, offsetof(struct config_vacant, weight),
			read_seat_weight },
		{ .key = NULL },
	};

	return json_read_object(place, members, field, error);
}

static int read_vacants(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_list vacants = { 0, CONFIG_BACKENDS_MAX,
		sizeof(struct config_vacant), read_vacant };
	struct config_pool *pool = field;

	pool->vacant = json_list_create(place, &vacants, &pool->vacant_count, error);
	return json_list_read(place, &vacants, pool->vacant, error);
}

static int read_affinity(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "observe_s", JSON_OPTIONAL, offsetof(struct config_affinity, observe_s),
			config_limits_read },
		{ "settle_s", JSON_OPTIONAL, offsetof(struct config_affinity, settle_s),
			config_limits_read },
		{ "hold_s", JSON_OPTIONAL, offsetof(struct config_affinity, hold_s),
			config_limits_read },
		{ "fail_grace_s", JSON_OPTIONAL, offsetof(struct config_affinity, fail_grace_s),
			config_limits_read },
		{ "guard_s", JSON_OPTIONAL, offsetof(struct config_affinity, guard_s),
			config_limits_read },
		{ .key = NULL },
	};
	const struct config_affinity *affinity = field;
	struct json_place hold = json_place_member(place, "hold_s");
	int result = json_read_object(place, members, field, error);

	if (result == 0 && affinity->hold_s < affinity->fail_grace_s)
		return json_refuse(&hold, error, "%u is less than fail_grace_s, which is %u",
			affinity->hold_s, affinity->fail_grace_s);
	return result;
}

static int read_slow_start(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "duration_s", JSON_REQUIRED, offsetof(struct config_slow_start, duration_s),
			config_limits_read },
		{ "steps", JSON_OPTIONAL, offsetof(struct config_slow_start, steps),
			config_limits_read },
		{ .key = NULL },
	};
	struct config_slow_start *slow_start = field;

	slow_start->steps = DEFAULT_STEPS;
	return json_read_object(place, members, slow_start, error);
}

static int read_pool(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "name", JSON_REQUIRED, offsetof(struct config_pool, name),
			config_field_read_name },
		{ "slots", JSON_OPTIONAL, offsetof(struct config_pool, slots), read_slots },
		{ "builder", JSON_OPTIONAL, offsetof(struct config_pool, builder),
			config_choice_read_builder },
		{ "affinity", JSON_OPTIONAL, offsetof(struct config_pool, affinity),
			read_affinity },
		{ "slow_start", JSON_OPTIONAL, offsetof(struct config_pool, slow_start),
			read_slow_start },
		{ "drain_deadline_s", JSON_OPTIONAL, offsetof(struct config_pool, drain_deadline_s),
			config_limits_read },
		{ "max_disruption_percent", JSON_OPTIONAL,
			offsetof(struct config_pool, max_disruption_percent), config_limits_read },
		{ "backends", JSON_REQUIRED, 0, read_backends },
		{ "vacant", JSON_OPTIONAL, 0, read_vacants },
		{ "cross_zone", JSON_NOT_YET, 0, NULL },
		{ "health", JSON_NOT_YET, 0, NULL },
		{ "health_check", JSON_NOT_YET, 0, NULL },
		{ "fail_open_below", JSON_NOT_YET, 0, NULL },
		{ "withdraw_below", JSON_NOT_YET, 0, NULL },
		{ "all_down", JSON_NOT_YET, 0, NULL },
		{ "unhealthy_flows", JSON_NOT_YET, 0, NULL },
		{ "zone_below", JSON_NOT_YET, 0, NULL },
		{ "max_load_percent", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};
	struct config_pool *pool = field;

	pool->slots = DEFAULT_SLOTS;
	pool->affinity = default_affinity;
	pool->drain_deadline_s = DEFAULT_DRAIN_DEADLINE_S;
	pool->max_disruption_percent = NO_BUDGET;
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
