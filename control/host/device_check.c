/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/device_check.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "quirks.h"
#include "common/suggestion.h"

#define NAME_SIZE 64
#define SLIPS_MAX 2 /* letters; drivers of hardware that DPDK knows differ by more */

/* DPDK's drivers without hardware: a device is named after its driver, with a number. */
static const char *const drivers[] = { "net_af_packet", "net_af_xdp", "net_bonding", "net_failsafe",
	"net_memif", "net_null", "net_pcap", "net_ring", "net_softnic", "net_tap",
	"net_vdev_netvsc", "net_vhost", "net_virtio_user" };

#define DRIVER_COUNT (sizeof(drivers) / sizeof(drivers[0]))

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The drivers, their previous names in DPDK (aliases), and net_tun. */
static bool is_known(const char *name)
{
	if (has_prefix(name, "eth_") || has_prefix(name, "net_tun"))
		return true;
	for (size_t i = 0; i < DRIVER_COUNT; i++)
		if (has_prefix(name, drivers[i]))
			return true;
	return false;
}

/* NULL for a name that DPDK may know although we do not. */
static const char *find_similar_driver(const char *name)
{
	struct suggestion suggestion = { 0 };
	char driver[NAME_SIZE];

	snprintf(driver, sizeof(driver), "%s", name);
	driver[strcspn(driver, "0123456789")] = '\0';
	for (size_t i = 0; i < DRIVER_COUNT; i++)
		suggestion_offer(&suggestion, driver, drivers[i]);
	return suggestion.distance <= SLIPS_MAX ? suggestion.meant : NULL;
}

/* As the kernel calls interfaces; PCI addresses and the like have a colon, drivers an underscore.
 */
static bool may_be_interface(const char *name)
{
	return strlen(name) < IF_NAMESIZE && strpbrk(name, ":=") == NULL &&
	       strchr(name, '_') == NULL;
}

static int check_name(const char *device, const char *path, struct error *error)
{
	char name[NAME_SIZE];
	const char *similar;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (is_known(name))
		return 0;
	similar = find_similar_driver(name);
	if (similar != NULL)
		return error_set(error, -EINVAL, "%s: there is no driver %s, did you mean %s?",
			path, name, similar);
	if (may_be_interface(name))
		return error_set(error, -EINVAL,
			"%s: %s is no DPDK device; for the kernel's interface of that name write "
			"net_af_xdp0,iface=%s",
			path, name, name);
	return 0;
}

/* Whether the device string has the argument `key`, which ends with "=", and a value. */
static bool has_argument(const char *device, const char *key)
{
	const char *at = device;

	while ((at = strchr(at, ',')) != NULL)
		if (has_prefix(++at, key) && strcspn(at + strlen(key), ",") > 0)
			return true;
	return false;
}

static int check_host_path(const struct config_port *port, const struct quirk *quirk, size_t index,
	struct error *error)
{
	const char *name = config_host_path_name(port->host_path);

	if ((port->host_path == CONFIG_HOST_PATH_XDP && quirk->host_path != HOST_PATH_XDP) ||
		(port->host_path == CONFIG_HOST_PATH_COPY && quirk->host_path != HOST_PATH_COPY))
		return error_set(error, -EINVAL,
			"dataplane.ports[%zu].host_path: %s needs a device of %s, which %s is not",
			index, name,
			port->host_path == CONFIG_HOST_PATH_XDP ? "net_af_xdp" : "net_af_packet",
			port->device);
	return 0;
}

static bool steers(const struct config_port *port, const struct quirk *quirk)
{
	return quirk->host_path == HOST_PATH_XDP && port->host_path != CONFIG_HOST_PATH_DROP;
}

int device_check(const struct config_port *port, size_t index, struct error *error)
{
	const struct quirk *quirk = quirk_find(port->device);
	char path[64];

	snprintf(path, sizeof(path), "dataplane.ports[%zu].device", index);
	if (check_name(port->device, path, error) != 0)
		return -EINVAL;
	if (quirk->kernel_interface && !has_argument(port->device, "iface="))
		return error_set(
			error, -EINVAL, "%s: %s needs iface= and an interface", path, port->device);
	if (steers(port, quirk) && has_argument(port->device, "xdp_prog="))
		return error_set(error, -EINVAL,
			"%s: it brings an xdp_prog of its own, which host path xdp would replace",
			path);
	if (quirk->mtu_max != 0 && port->mtu > quirk->mtu_max)
		return error_set(error, -EINVAL,
			"dataplane.ports[%zu].mtu: %u is more than the %u that %s can take", index,
			port->mtu, quirk->mtu_max, quirk->driver);
	return check_host_path(port, quirk, index, error);
}
