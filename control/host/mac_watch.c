/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/mac_watch.h"

#include "common/events.h"
#include "config/config.h"
#include "forwarding/forwarding.h"
#include "host/workers.h"
#include "port.h"

/*
 * A backend for whose new record there is no room is tried again: workers may still use the one
 * that was retired.
 */
static void renew_records(struct mac_watch *watch, const struct config *config)
{
	bool was_owed = watch->owes_records;
	struct error error;
	size_t count;

	watch->owes_records = false;
	for (size_t pool = 0; pool < config->pool_count; pool++) {
		forwarding_backends(watch->forwarding, pool, &count);
		for (size_t i = 0; i < count; i++)
			if (forwarding_refresh_backend(watch->forwarding, pool, i, &error) < 0) {
				if (!watch->owes_records && !was_owed)
					events_publish(
						EVENT(PORT, ERROR, POOL, config->pools[pool].name),
						"pool %s: %s", config->pools[pool].name,
						error.message);
				watch->owes_records = true;
			}
	}
}

void mac_watch_look(struct mac_watch *watch, const struct config *config)
{
	bool changed = false;

	for (size_t i = 0; i < watch->port_count; i++) {
		if (port_follow_mac(watch->ports[i]) != 1)
			continue;
		workers_follow_mac(watch->workers, i, watch->ports[i]);
		events_publish(EVENT(PORT, WARNING, PORT, port_name(watch->ports[i])),
			"port %s: its MAC address has changed: frames are taken and sent with the "
			"new one",
			port_name(watch->ports[i]));
		changed = true;
	}
	if (changed)
		watch->owes_records = false; /* of the new address, failures are logged again */
	if (changed || watch->owes_records)
		renew_records(watch, config);
}
