/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "api/api_internal.h"
#include "json/json_build.h"

json_t *api_json_digest(uint64_t digest)
{
	return json_sprintf("%016" PRIx64, digest);
}

json_t *api_json_pool_digest(const struct plan_pool *pool)
{
	return pool == NULL || pool->table == NULL ? json_null() : api_json_digest(pool->digest);
}

json_t *api_json_table_digest(const struct plan *plan)
{
	for (size_t i = 0; i < plan->pool_count; i++)
		if (plan->pools[i].table == NULL)
			return json_null();
	return api_json_digest(plan->digest);
}

json_t *api_json_address(const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];

	return json_string(address_format(address, text));
}

json_t *api_json_time(int64_t seconds)
{
	const time_t time = (time_t)seconds;
	struct tm utc;
	char text[32];

	gmtime_r(&time, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(text);
}

json_t *api_json_mac(const uint8_t mac[6])
{
	return json_sprintf(
		"%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

json_t *api_json_counter(const struct counter *counter)
{
	struct json_build object = json_build_begin();

	json_build_integer(&object, "packets", counter->packets);
	json_build_integer(&object, "bytes", counter->bytes);
	json_build_integer(&object, "new_flows", counter->new_flows);
	return json_build_end(&object);
}

json_t *api_json_tenths(double number)
{
	return json_real(round(number * 10) / 10);
}

json_t *api_json_pool(const struct plan_pool *pool)
{
	struct json_build object = json_build_begin();
	size_t active = 0;

	for (size_t i = 0; i < pool->backend_count; i++)
		active += pool->seats[i].share != 0;
	json_build_text(&object, "name", pool->name);
	json_build_integer(&object, "slots", pool->slots);
	json_build_value(&object, "digest", api_json_pool_digest(pool));
	json_build_integer(&object, "backends", pool->backend_count);
	json_build_integer(&object, "active", active);
	return json_build_end(&object);
}
