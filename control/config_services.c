/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_services.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "config_choice.h"
#include "config_field.h"
#include "lookup.h"

/* `8000-8999`, as a later version will take it. */
static bool is_port_range(const char *text)
{
	static const char digits[] = "0123456789";
	size_t first = strspn(text, digits);
	size_t last = text[first] == '-' ? strspn(text + first + 1, digits) : 0;

	return first > 0 && last > 0 && text[first + 1 + last] == '\0';
}

static int read_port(const struct json_place *place, void *field, struct error *error)
{
	uint16_t *port = field;
	const char *text = json_string_value(place->value);
	int64_t number = 0;
	int result;
	char quoted[JSON_QUOTE_SIZE];

	if (text == NULL) {
		result = json_read_integer(place, 1, 65535, "a port (1-65535)", &number, error);
		*port = (uint16_t)number;
		return result;
	}
	*port = 0;
	if (strcmp(text, "any") == 0)
		return 0;
	if (is_port_range(text))
		return json_refuse(place, error, "%s is a range, which is not in this version",
			json_quote(text, quoted));
	return json_mismatch(place, "a port (1-65535 or \"any\")", error);
}

/* Only judged here: the pool itself may not have been read yet. */
static int read_pool_name(const struct json_place *place, void *field, struct error *error)
{
	char name[CONFIG_NAME_SIZE];

	return config_field_read_name(place, name, error);
}

static int read_service(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "name", JSON_REQUIRED, offsetof(struct config_service, name),
			config_field_read_name },
		{ "vip", JSON_REQUIRED, offsetof(struct config_service, vip),
			config_field_read_vip },
		{ "protocol", JSON_REQUIRED, offsetof(struct config_service, protocol),
			config_choice_read_protocol },
		{ "port", JSON_REQUIRED, offsetof(struct config_service, port), read_port },
		{ "pool", JSON_REQUIRED, 0, read_pool_name },
		{ "forward", JSON_REQUIRED, offsetof(struct config_service, forward),
			config_choice_read_forward },
		{ "udp", JSON_OPTIONAL, offsetof(struct config_service, udp),
			config_choice_read_udp },
		{ "hash", JSON_NOT_YET, 0, NULL },
		{ "pools", JSON_NOT_YET, 0, NULL },
		{ "split", JSON_NOT_YET, 0, NULL },
		{ "dscp", JSON_NOT_YET, 0, NULL },
		{ "outer_dscp", JSON_NOT_YET, 0, NULL },
		{ "mss", JSON_NOT_YET, 0, NULL },
		{ "echo", JSON_NOT_YET, 0, NULL },
		{ "announce", JSON_NOT_YET, 0, NULL },
		{ "allow", JSON_NOT_YET, 0, NULL },
		{ "deny", JSON_NOT_YET, 0, NULL },
		{ "limit", JSON_NOT_YET, 0, NULL },
		{ "quic", JSON_NOT_YET, 0, NULL },
		{ "labels", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};
	const struct config_service *service = field;
	struct json_place udp = json_place_member(place, "udp");
	int result = json_read_object(place, members, field, error);

	if (result == 0 && udp.value != NULL && service->protocol != CONFIG_PROTOCOL_UDP)
		return json_refuse(&udp, error, "only a service of udp has it");
	return result;
}

int config_services_read(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_list services = { 0, CONFIG_SERVICES_MAX,
		sizeof(struct config_service), read_service };
	struct config *config = field;

	config->services = json_list_create(place, &services, &config->service_count, error);
	return json_list_read(place, &services, config->services, error);
}

/* Of two pools with one name the first is entered; config_unique refuses the second. */
static int enter_pools(struct lookup *names, const struct config *config, struct findings *findings)
{
	for (size_t i = 0; i < config->pool_count; i++) {
		size_t earlier;

		if (lookup_add(names, config->pools[i].name, i, &earlier) == -ENOMEM)
			return findings_out_of_memory(findings);
	}
	return 0;
}

static int link_service(const struct json_place *place, const struct lookup *names,
	struct config_service *service, struct findings *findings)
{
	struct json_place pool = json_place_member(place, "pool");
	const char *name = json_string_value(pool.value);
	struct error error;

	service->pool = CONFIG_NO_POOL;
	if (lookup_find(names, name, &service->pool) != 0)
		return findings_take(findings,
			json_refuse(&pool, &error, "there is no pool \"%s\"", name), &error);
	return 0;
}

int config_services_link(
	struct config *config, const struct json_place *root, struct findings *findings)
{
	struct json_place services = json_place_member(root, "services");
	struct lookup *names = lookup_create();
	int result;

	if (names == NULL)
		return findings_out_of_memory(findings);
	result = enter_pools(names, config, findings);
	for (size_t i = 0; i < config->service_count && result == 0; i++) {
		struct json_place place = json_place_element(&services, i);

		result = link_service(&place, names, &config->services[i], findings);
	}
	lookup_destroy(names);
	return result;
}
