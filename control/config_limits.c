/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_limits.h"

#include <assert.h>
#include <string.h>

struct limits {
	const char *key;
	uint32_t least;
	uint32_t most;
	const char *wanted;
};

static const struct limits all[] = {
	{ "observe_s", 1, 86400, "a number of seconds (1-86400)" },
	{ "settle_s", 0, 3600, "a number of seconds (0-3600)" },
	{ "hold_s", 0, 86400, "a number of seconds (0-86400)" },
	{ "fail_grace_s", 0, 3600, "a number of seconds (0-3600)" },
	{ "guard_s", 0, 60, "a number of seconds (0-60)" },
	{ "duration_s", 1, 3600, "a number of seconds (1-3600)" },
	{ "steps", 1, 1000, "a number of steps (1-1000)" },
	{ "drain_deadline_s", 1, 604800, "a number of seconds (1-604800)" },
	{ "max_disruption_percent", 1, 100, "a percentage (1-100)" },
};

static const struct limits *find(const char *key)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].key, key) == 0)
			return &all[i];
	return NULL;
}

int config_limits_read(const struct json_place *place, void *field, struct error *error)
{
	const struct limits *limits = find(place->key);
	uint32_t *number = field;
	int64_t value = 0;
	int result;

	assert(limits != NULL);
	result = json_read_integer(
		place, limits->least, limits->most, limits->wanted, &value, error);
	*number = (uint32_t)value;
	return result;
}
