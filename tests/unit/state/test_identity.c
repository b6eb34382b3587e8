/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "maglev/factor.h"
#include "state/identity.h"
#include "affinity/member.h"
#include "affinity/slots.h"
#include "state/state_header.h"

#define NOW_S 1000

static const struct state_layout layout = { .pools = 4, .slot_words = 512 };

static const struct identity_pool sound_pool = {
	.used = IDENTITY_USED, .slots = 251, .first_word = 256, .name = "web"
};

static const struct identity_backend sound_backend = {
	.used = IDENTITY_USED,
	.pool = 3,
	.index = 7,
	.state = MEMBER_UP,
	.healthy = 1,
	.weight = 100,
	.steps = FACTOR_DYNAMIC_STEPS,
	.share = FACTOR_ONE,
	.changed_s = NOW_S,
	.instance_s = 900,
	.health_s = 800,
	.ramp_s = 0,
	.instance = UINT64_MAX,
	.address = { .bytes = { 192, 0, 2, 1 }, .family = ADDRESS_IPV4 },
	.name = "web-1",
	.key = "192.0.2.1:80",
};

static const struct identity_service sound_service = { .used = IDENTITY_USED, .name = "web:443" };

/* Another value of one field; `size` bytes of it are the field's, little endian. */
struct change {
	size_t at, size;
	uint64_t value;
};

#define CHANGE(row, field, value)                                                    \
	{                                                                            \
		offsetof(struct row, field), sizeof(((struct row *)0)->field), value \
	}

static void apply(void *row, const struct change *change)
{
	memcpy((uint8_t *)row + change->at, &change->value, change->size);
}

static bool pool_survives(const struct change *change)
{
	struct identity_pool row;

	memcpy(&row, &sound_pool, sizeof(row));
	apply(&row, change);
	return identity_pool_is_sound(&row, &layout);
}

static bool backend_survives(const struct change *change)
{
	struct identity_backend row;

	memcpy(&row, &sound_backend, sizeof(row));
	apply(&row, change);
	return identity_backend_is_sound(&row, &layout, NOW_S);
}

static void a_pool_whose_words_are_not_all_there_is_unsound(void **state)
{
	static const struct change unsound[] = {
		CHANGE(identity_pool, used, 0), CHANGE(identity_pool, used, IDENTITY_USED ^ 1),
		CHANGE(identity_pool, slots, 0), CHANGE(identity_pool, slots, 257),
		CHANGE(identity_pool, slots, 513), CHANGE(identity_pool, slots, UINT32_MAX),
		CHANGE(identity_pool, slots, UINT32_MAX - 255), /* the sum would be 0 */
		CHANGE(identity_pool, first_word, 512 - 251 + 1),
		CHANGE(identity_pool, first_word, 512),
		CHANGE(identity_pool, first_word, UINT32_MAX),
		CHANGE(identity_pool, first_word, UINT32_MAX - 250), /* the sum would be 0 */
	};
	static const struct change sound[] = {
		CHANGE(identity_pool, slots, 1),
		CHANGE(identity_pool, slots, 256),
		CHANGE(identity_pool, first_word, 0),
		CHANGE(identity_pool, first_word, 512 - 251),
	};

	assert_true(identity_pool_is_sound(&sound_pool, &layout));
	for (size_t i = 0; i < COUNT_OF(unsound); i++)
		assert_false(pool_survives(&unsound[i]));
	for (size_t i = 0; i < COUNT_OF(sound); i++)
		assert_true(pool_survives(&sound[i]));
}

static void a_backend_with_any_field_out_of_range_is_unsound(void **state)
{
	static const struct change unsound[] = {
		CHANGE(identity_backend, used, 0),
		CHANGE(identity_backend, used, UINT32_MAX),
		CHANGE(identity_backend, pool, 4),
		CHANGE(identity_backend, pool, UINT32_MAX),
		CHANGE(identity_backend, index, SLOT_BACKEND_MAX),
		CHANGE(identity_backend, index, UINT16_MAX),
		CHANGE(identity_backend, state, MEMBER_NONE),
		CHANGE(identity_backend, state, MEMBER_STATE_COUNT),
		CHANGE(identity_backend, state, UINT8_MAX),
		CHANGE(identity_backend, healthy, 2),
		CHANGE(identity_backend, rests, 2),
		CHANGE(identity_backend, joining, UINT8_MAX),
		CHANGE(identity_backend, weight, UINT16_MAX + 1),
		CHANGE(identity_backend, weight, UINT32_MAX),
		CHANGE(identity_backend, steps, 0),
		CHANGE(identity_backend, steps, FACTOR_DYNAMIC_STEPS + 1),
		CHANGE(identity_backend, share, 0),
		CHANGE(identity_backend, share, FACTOR_ONE + 1),
		CHANGE(identity_backend, share, UINT32_MAX),
		CHANGE(identity_backend, changed_s, NOW_S + 1),
		CHANGE(identity_backend, instance_s, NOW_S + 1),
		CHANGE(identity_backend, health_s, UINT32_MAX),
		CHANGE(identity_backend, ramp_s, NOW_S + 1),
		CHANGE(identity_backend, address.family, ADDRESS_NONE),
		CHANGE(identity_backend, address.family, 5),
		CHANGE(identity_backend, address.family, UINT8_MAX),
	};

	assert_true(identity_backend_is_sound(&sound_backend, &layout, NOW_S));
	for (size_t i = 0; i < COUNT_OF(unsound); i++)
		assert_false(backend_survives(&unsound[i]));
}

static void a_backend_at_the_ends_of_every_range_is_sound(void **state)
{
	static const struct change sound[] = {
		CHANGE(identity_backend, pool, 0),
		CHANGE(identity_backend, index, 0),
		CHANGE(identity_backend, index, SLOT_BACKEND_MAX - 1),
		CHANGE(identity_backend, state, MEMBER_STATE_COUNT - 1),
		CHANGE(identity_backend, wish, UINT8_MAX), /* the caller's to judge */
		CHANGE(identity_backend, healthy, 0),
		CHANGE(identity_backend, rests, 1),
		CHANGE(identity_backend, joining, 1),
		CHANGE(identity_backend, weight, 0),
		CHANGE(identity_backend, weight, UINT16_MAX),
		CHANGE(identity_backend, steps, 1),
		CHANGE(identity_backend, share, 1),
		CHANGE(identity_backend, instance_s, 0),
		CHANGE(identity_backend, ramp_s, NOW_S),
		CHANGE(identity_backend, deadline_s, UINT32_MAX),
		CHANGE(identity_backend, instance, 0),
		CHANGE(identity_backend, address.family, ADDRESS_IPV6),
	};

	for (size_t i = 0; i < COUNT_OF(sound); i++)
		assert_true(backend_survives(&sound[i]));
}

/* Puts the bytes in the place of each name, and says whether any of the rows is still sound. */
static bool any_takes_name(const char name[IDENTITY_NAME_SIZE])
{
	struct identity_pool pool;
	struct identity_backend named, keyed;
	struct identity_service service;

	memcpy(&pool, &sound_pool, sizeof(pool));
	memcpy(&named, &sound_backend, sizeof(named));
	memcpy(&keyed, &sound_backend, sizeof(keyed));
	memcpy(&service, &sound_service, sizeof(service));
	memcpy(pool.name, name, IDENTITY_NAME_SIZE);
	memcpy(named.name, name, IDENTITY_NAME_SIZE);
	memcpy(keyed.key, name, IDENTITY_NAME_SIZE);
	memcpy(service.name, name, IDENTITY_NAME_SIZE);
	return identity_pool_is_sound(&pool, &layout) ||
	       identity_backend_is_sound(&named, &layout, NOW_S) ||
	       identity_backend_is_sound(&keyed, &layout, NOW_S) ||
	       identity_service_is_sound(&service);
}

static void a_name_is_of_few_characters_and_ends(void **state)
{
	const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-/";
	char name[IDENTITY_NAME_SIZE] = "";

	assert_false(any_takes_name(name));
	for (int c = 1; c < 256; c++) {
		strcpy(name, "web-?");
		name[4] = (char)c;
		assert_int_equal(any_takes_name(name), strchr(allowed, c) != NULL);
	}
	memset(name, 'a', sizeof(name));
	assert_false(any_takes_name(name));
	name[IDENTITY_NAME_SIZE - 1] = '\0';
	assert_true(any_takes_name(name));
}

static void a_row_is_in_use_from_the_mark_to_its_removal(void **state)
{
	struct identity_service row = { .name = "web:443" };

	assert_false(identity_service_is_sound(&row));
	identity_set_used(&row.used);
	assert_true(identity_service_is_sound(&row));
	identity_set_unused(&row.used);
	assert_false(identity_service_is_sound(&row));
}

/* Of any bytes at all, a sound row has only numbers that can be used. */
static void assert_usable(const struct identity_pool *pool, const struct identity_backend *backend)
{
	if (identity_pool_is_sound(pool, &layout))
		assert_true((uint64_t)pool->first_word + pool->slots <= layout.slot_words);
	if (!identity_backend_is_sound(backend, &layout, NOW_S))
		return;
	assert_true(backend->pool < layout.pools && backend->index < SLOT_BACKEND_MAX);
	assert_true(strlen(backend->name) < IDENTITY_NAME_SIZE);
	assert_true(strlen(backend->key) < IDENTITY_NAME_SIZE);
}

static void any_bytes_can_be_judged(void **state)
{
	struct identity_pool pool;
	struct identity_backend backend;
	unsigned int random = 1;

	for (int i = 0; i < 20000; i++) {
		memcpy(&pool, &sound_pool, sizeof(pool));
		memcpy(&backend, &sound_backend, sizeof(backend));
		for (int flips = rand_r(&random) % 4; flips >= 0; flips--) {
			((uint8_t *)&pool)[rand_r(&random) % sizeof(pool)] = rand_r(&random);
			((uint8_t *)&backend)[rand_r(&random) % sizeof(backend)] = rand_r(&random);
		}
		assert_usable(&pool, &backend);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_whose_words_are_not_all_there_is_unsound),
		cmocka_unit_test(a_backend_with_any_field_out_of_range_is_unsound),
		cmocka_unit_test(a_backend_at_the_ends_of_every_range_is_sound),
		cmocka_unit_test(a_name_is_of_few_characters_and_ends),
		cmocka_unit_test(a_row_is_in_use_from_the_mark_to_its_removal),
		cmocka_unit_test(any_bytes_can_be_judged),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
