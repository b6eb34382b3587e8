/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "steer.h"

static int compare_vips(const void *a, const void *b)
{
	return address_compare(a, b);
}

/* The VIPs of a configuration, sorted, once for each service. NULL for none; free() it. */
static struct address *collect_vips(const struct config *config, size_t *count)
{
	struct address *vips;

	*count = config == NULL ? 0 : config->service_count;
	if (*count == 0)
		return NULL;
	vips = calloc(*count, sizeof(*vips));
	if (vips == NULL) {
		*count = 0;
		return NULL;
	}
	for (size_t i = 0; i < *count; i++)
		vips[i] = config->services[i].vip;
	qsort(vips, *count, sizeof(*vips), compare_vips);
	return vips;
}

typedef int steer_change_t(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);

static unsigned int change_vip(struct port *const *ports, size_t port_count,
	const struct address *vip, steer_change_t *change, const char *what)
{
	unsigned int failures = 0;

	for (size_t i = 0; i < port_count; i++) {
		char text[ADDRESS_TEXT_SIZE];
		int code;

		if (port_steer(ports[i]) == NULL)
			continue;
		code = change(port_steer(ports[i]), vip->bytes, vip->family);
		if (code == 0)
			continue;
		log_error("port %s: cannot %s %s: %s", port_name(ports[i]), what,
			address_format(vip, text), strerror(-code));
		failures++;
	}
	return failures;
}

/* Applies `change` to every VIP that is in `those` and not in `others`. */
static unsigned int change_difference(struct port *const *ports, size_t port_count,
	const struct config *those, const struct config *others, steer_change_t *change,
	const char *what)
{
	size_t vip_count, other_count;
	struct address *vips = collect_vips(those, &vip_count);
	struct address *other_vips = collect_vips(others, &other_count);
	unsigned int failures = 0;

	for (size_t i = 0; i < vip_count; i++) {
		if (i > 0 && address_equal(&vips[i], &vips[i - 1]))
			continue;
		if (other_count > 0 && bsearch(&vips[i], other_vips, other_count, sizeof(*vips),
					       compare_vips) != NULL)
			continue;
		failures += change_vip(ports, port_count, &vips[i], change, what);
	}
	free(vips);
	free(other_vips);
	return failures;
}

unsigned int steering_withdraw(struct port *const *ports, size_t port_count,
	const struct config *before, const struct config *after)
{
	return change_difference(
		ports, port_count, before, after, steer_remove, "stop steering VIP");
}

unsigned int steering_extend(struct port *const *ports, size_t port_count,
	const struct config *before, const struct config *after)
{
	return change_difference(ports, port_count, after, before, steer_add, "steer VIP");
}
