/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_via.h"

#include <stdlib.h>

#include "quirks.h"

/* The sentence names a port that cannot send probes to VIPs. 0 or -EOPNOTSUPP. */
static int check_ports(const struct config *config, struct error *error)
{
	for (size_t i = 0; i < config->dataplane.port_count; i++) {
		const struct config_port *port = &config->dataplane.ports[i];
		int host_path = port->host_path == CONFIG_HOST_PATH_DROP ? HOST_PATH_DROP : -1;
		int code = quirk_check_probes(port->device, host_path, error);

		if (code != 0)
			return error_wrap(error, code, "port %s", port->name);
	}
	return 0;
}

enum config_health_via config_via_find(const struct config *config, const struct config_pool *pool,
	const struct config_backend *backend)
{
	if (pool->health->type == CONFIG_HEALTH_EXTERNAL)
		return CONFIG_HEALTH_VIA_DIRECT;
	if (pool->health->via != CONFIG_HEALTH_VIA_DEFAULT)
		return pool->health->via;
	if (backend->health_address.family != ADDRESS_NONE || check_ports(config, NULL) != 0)
		return CONFIG_HEALTH_VIA_DIRECT;
	return CONFIG_HEALTH_VIA_VIP;
}

size_t *config_via_services(const struct config *config, const size_t *fitting)
{
	size_t *services =
		fitting == NULL ? NULL : malloc((config->pool_count + 1) * sizeof(*services));

	if (services == NULL)
		return NULL;
	for (size_t i = 0; i < config->pool_count; i++)
		services[i] = fitting[i];
	for (size_t i = 0; i < config->service_count; i++) {
		size_t pool = config->services[i].pool;

		if (pool != CONFIG_NO_POOL && services[pool] == CONFIG_NO_SERVICE)
			services[pool] = i;
	}
	return services;
}

/* The packets of the largest size are those that workers send. */
static int check_mtu(const struct config *config, size_t pool, int ports,
	const struct error *reason, struct findings *findings)
{
	const struct config_health *health = config->pools[pool].health;

	if (!health->probe_mtu)
		return 0;
	if (health->via == CONFIG_HEALTH_VIA_DIRECT)
		return findings_add(
			findings, "pools[%zu].health.probe_mtu: goes with via: vip only", pool);
	if (ports != 0)
		return findings_add(findings,
			"pools[%zu].health.probe_mtu: goes with via: vip only, and %s", pool,
			reason->message);
	return 0;
}

static int check_backends(const struct config *config, size_t pool, struct findings *findings)
{
	const struct config_pool *of = &config->pools[pool];
	int result = 0;

	for (size_t i = 0; i < of->backend_count && result == 0; i++) {
		if (of->backends[i].health_address.family != ADDRESS_NONE)
			result = findings_add(findings,
				"pools[%zu].backends[%zu].health.address: goes with via: direct "
				"only, as probes go to the VIP",
				pool, i);
	}
	return result;
}

int config_via_check(const struct config *config, struct findings *findings)
{
	struct error reason = { "" };
	const int ports = check_ports(config, &reason);
	int result = 0;

	for (size_t i = 0; i < config->pool_count && result == 0; i++) {
		const struct config_health *health = config->pools[i].health;

		if (!config_health_checks(health))
			continue;
		result = check_mtu(config, i, ports, &reason, findings);
		if (result == 0 && ports != 0 && health->via == CONFIG_HEALTH_VIA_VIP)
			result = findings_add(findings, "pools[%zu].health.via: %s: say direct", i,
				reason.message);
		if (result == 0 && (health->via == CONFIG_HEALTH_VIA_VIP || health->probe_mtu))
			result = check_backends(config, i, findings);
	}
	return result;
}
