/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config_health.h"
#include "config/config_via.h"

static uint16_t port_of(
	const struct target_source *source, size_t pool, const struct config_backend *backend)
{
	const struct config_health *settings = source->config->pools[pool].health;
	size_t service = source->services[pool];

	if (backend->health_port != 0)
		return backend->health_port;
	if (settings->port != 0 || service == CONFIG_NO_SERVICE)
		return settings->port;
	return source->config->services[service].port;
}

/* The record that workers use for packets of the service. Without a way it is the dummy. */
static const struct backend_record *record_of(const struct target_source *source, size_t pool,
	size_t backend, const struct config_service *service)
{
	size_t count;
	const struct live_backend *live = forwarding_backends(source->forwarding, pool, &count);
	uint32_t records = live[backend].records;

	return state_record(source->state, records + (uint32_t)service->forward);
}

static void hinder(struct checker_target *target, int code, const struct error *error)
{
	target->hindrance = code == -EHOSTUNREACH ? PROBE_PATH : PROBE_LOCAL;
	snprintf(target->why, sizeof(target->why), "%s", error->message);
}

static void probe_directly(const struct config_backend *backend, struct checker_target *target)
{
	target->address = backend->health_address.family != ADDRESS_NONE ? backend->health_address
									 : backend->address;
}

/*
 * Whether it is how this node is set up that hinders probes to a VIP, and not something that it
 * lacks for now: another way of probing finds other things, and is not changed to in passing.
 */
static bool is_lasting(int code)
{
	switch (code) {
	case -EADDRINUSE:    /* the VIP is its own */
	case -EXDEV:         /* its reverse path filter */
	case -EADDRNOTAVAIL: /* no address to answer to */
	case -EAFNOSUPPORT:
	case -EOPNOTSUPP: return true;
	default: return false;
	}
}

/* To the VIP, in the way of the service's packets. */
static void probe_by_vip(const struct target_source *source, size_t pool, size_t backend,
	const struct config_service *service, struct checker_target *target, struct error *detour)
{
	const struct config_pool *config = &source->config->pools[pool];
	const struct backend_record *record = record_of(source, pool, backend, service);
	struct error error = { "" };
	struct way way;
	int code = ways_find(source->ways, target->number, record, &service->vip, &way, &error);

	if (is_lasting(code) && config->health->via == CONFIG_HEALTH_VIA_DEFAULT &&
		!config->health->probe_mtu) {
		*detour = error;
		probe_directly(&config->backends[backend], target);
		return;
	}
	target->address = service->vip;
	target->source = way.source;
	target->mark = way.mark;
	target->mtu = way.mtu;
	if (code != 0)
		hinder(target, code, &error);
}

bool target_find(const struct target_source *source, size_t pool, size_t backend,
	struct checker_target *target, struct error *detour)
{
	const struct config_pool *config = &source->config->pools[pool];
	const struct config_backend *of = &config->backends[backend];
	size_t service = source->vias[pool];

	*detour = (struct error){ "" };
	target->health = config->health;
	target->port = port_of(source, pool, of);
	snprintf(target->name, sizeof(target->name), "%s/%.*s", config->name, CONFIG_NAME_SIZE - 1,
		of->name);
	if (service != CONFIG_NO_SERVICE &&
		config_via_find(source->config, config, of) == CONFIG_HEALTH_VIA_VIP)
		probe_by_vip(
			source, pool, backend, &source->config->services[service], target, detour);
	else
		probe_directly(of, target);
	return target->port != 0 || !config_health_needs_port(config->health);
}

bool target_is_same(const struct checker_target *a, const struct checker_target *b)
{
	return a->health->digest == b->health->digest && address_equal(&a->address, &b->address) &&
	       address_equal(&a->source, &b->source) && a->port == b->port && a->mark == b->mark &&
	       a->mtu == b->mtu && a->hindrance == b->hindrance && strcmp(a->why, b->why) == 0 &&
	       strcmp(a->interface, b->interface) == 0 && strcmp(a->name, b->name) == 0;
}
