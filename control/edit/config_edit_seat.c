/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/config_edit_seat.h"

#include <errno.h>
#include <string.h>

#include "config/config.h"

#define NO_SEAT (-1)

/* A document in canonical form has a weight; an added backend may leave it to the default. */
static json_int_t weight_of(const json_t *backend)
{
	const json_t *weight = json_object_get(backend, "weight");

	return weight == NULL ? CONFIG_DEFAULT_WEIGHT : json_integer_value(weight);
}

/* Of its seat in the base; 0: it has none. */
static json_int_t seat_weight_of(const json_t *backend)
{
	json_int_t weight = weight_of(backend);

	return weight != 0 ? weight : json_integer_value(json_object_get(backend, "seat_weight"));
}

/* NULL where the value is invalid, which reading refuses. */
static const char *key_of(const json_t *backend, char text[static ADDRESS_TEXT_SIZE])
{
	const char *key = json_string_value(json_object_get(backend, "key"));
	const char *written = json_string_value(json_object_get(backend, "address"));
	struct address address;

	if (key != NULL)
		return key;
	if (written == NULL || address_parse(written, &address) != 0)
		return NULL;
	return address_format(&address, text);
}

static bool has_base(const json_t *pool)
{
	const char *builder = json_string_value(json_object_get(pool, "builder"));

	return builder != NULL && strcmp(builder, config_builder_name(CONFIG_BUILDER_MAGLEV)) == 0;
}

static ssize_t find_vacant(const json_t *vacant, const char *key)
{
	for (size_t i = 0; i < json_array_size(vacant); i++) {
		const json_t *other = json_object_get(json_array_get(vacant, i), "key");

		if (key != NULL && strcmp(json_string_value(other), key) == 0)
			return (ssize_t)i;
	}
	return NO_SEAT;
}

/* The base table changes, or too much of it would be vacant. */
static void drop_vacant(json_t *pool)
{
	json_object_del(pool, "vacant");
}

static void limit_vacant(json_t *pool)
{
	size_t vacant = json_array_size(json_object_get(pool, "vacant"));
	size_t backends = json_array_size(json_object_get(pool, "backends"));
	json_int_t slots = json_integer_value(json_object_get(pool, "slots"));

	if (vacant == 0 || vacant > backends || vacant + backends > CONFIG_BACKENDS_MAX ||
		(json_int_t)(vacant + backends) > slots)
		drop_vacant(pool);
}

static int out_of_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "out of memory");
}

int config_edit_seat_leave(json_t *pool, const json_t *backend, struct error *error)
{
	json_t *vacant = json_object_get(pool, "vacant");
	char text[ADDRESS_TEXT_SIZE];
	const char *key = key_of(backend, text);
	json_int_t weight = seat_weight_of(backend);

	if (has_base(pool) && key != NULL && weight != 0) {
		if (vacant == NULL && json_object_set_new(pool, "vacant", json_array()) != 0)
			return out_of_memory(error);
		vacant = json_object_get(pool, "vacant");
		if (json_array_append_new(
			    vacant, json_pack("{s:s, s:I}", "key", key, "weight", weight)) != 0)
			return out_of_memory(error);
	}
	limit_vacant(pool);
	return 0;
}

/* A backend that is added without a weight gets the seat all the same. */
static int take_vacant(json_t *pool, json_t *backend, size_t position, struct error *error)
{
	json_t *vacant = json_object_get(pool, "vacant");
	json_int_t weight =
		json_integer_value(json_object_get(json_array_get(vacant, position), "weight"));
	bool is_weightless = weight_of(backend) == 0;

	json_array_remove(vacant, position);
	if (is_weightless && json_object_get(backend, "seat_weight") == NULL &&
		json_object_set_new(backend, "seat_weight", json_integer(weight)) != 0)
		return out_of_memory(error);
	if (seat_weight_of(backend) != weight)
		drop_vacant(pool);
	return 0;
}

int config_edit_seat_take(json_t *pool, json_t *backend, struct error *error)
{
	char text[ADDRESS_TEXT_SIZE];
	ssize_t position = NO_SEAT;
	int result = 0;

	if (has_base(pool))
		position = find_vacant(json_object_get(pool, "vacant"), key_of(backend, text));
	if (position != NO_SEAT)
		result = take_vacant(pool, backend, (size_t)position, error);
	else if (seat_weight_of(backend) != 0)
		drop_vacant(pool);
	limit_vacant(pool);
	return result;
}

int config_edit_seat_reweigh(
	json_t *pool, const json_t *before, json_t *backend, struct error *error)
{
	json_int_t seat_before = seat_weight_of(before);

	if (weight_of(backend) != 0) {
		json_object_del(backend, "seat_weight");
		if (weight_of(backend) != seat_before)
			drop_vacant(pool);
		return 0;
	}
	if (has_base(pool) && seat_before != 0 &&
		json_object_set_new(backend, "seat_weight", json_integer(seat_before)) != 0)
		return out_of_memory(error);
	return 0;
}
