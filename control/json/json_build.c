/* SPDX-License-Identifier: BSD-3-Clause */
#include "json/json_build.h"

struct json_build json_build_begin(void)
{
	return (struct json_build){ json_object() };
}

json_t *json_build_end(struct json_build *build)
{
	json_t *object = build->object;

	build->object = NULL;
	return object;
}

static void fail(struct json_build *build)
{
	json_decref(build->object);
	build->object = NULL;
}

void json_build_value(struct json_build *build, const char *name, json_t *value)
{
	if (json_object_set_new(build->object, name, value) != 0)
		fail(build);
}

void json_build_text(struct json_build *build, const char *name, const char *text)
{
	json_build_value(build, name, text == NULL ? json_null() : json_string(text));
}

void json_build_integer(struct json_build *build, const char *name, int64_t number)
{
	json_build_value(build, name, json_integer(number));
}

void json_build_flag(struct json_build *build, const char *name, bool flag)
{
	json_build_value(build, name, json_boolean(flag));
}

void json_build_merge(struct json_build *build, json_t *keys)
{
	if (keys == NULL || json_object_update_new(build->object, keys) != 0)
		fail(build);
}
