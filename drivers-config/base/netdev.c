/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/netdev.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for any interface name and the longest of the files read here. */
#define SYSFS_PATH_SIZE (sizeof("/sys/class/net//queues") + IF_NAMESIZE)

/* Fills in the name, asks the kernel, and stores the answer in `request`. */
static int ask(const char *interface, unsigned long question, struct ifreq *request)
{
	int fd, result;

	if (strlen(interface) >= sizeof(request->ifr_name))
		return -ENODEV;
	strcpy(request->ifr_name, interface);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	result = ioctl(fd, question, request) < 0 ? -errno : 0;
	close(fd);
	return result;
}

/* `command` is one of the structures of linux/ethtool.h; they all begin with their number. */
static int ask_ethtool(const char *interface, void *command)
{
	struct ifreq request = { .ifr_data = command };

	return ask(interface, SIOCETHTOOL, &request);
}

int netdev_driver(const char *interface, char name[static NETDEV_DRIVER_SIZE])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	int result = ask_ethtool(interface, &info);

	if (result < 0)
		return result;
	static_assert(sizeof(info.driver) == NETDEV_DRIVER_SIZE, "the kernel's size");
	memcpy(name, info.driver, NETDEV_DRIVER_SIZE);
	name[NETDEV_DRIVER_SIZE - 1] = '\0';
	return 0;
}

int netdev_mtu(const char *interface, uint16_t *mtu)
{
	struct ifreq request = { 0 };
	int result = ask(interface, SIOCGIFMTU, &request);

	if (result < 0)
		return result;
	/* The loopback's 65,536 is the one MTU that an IP packet cannot use in full. */
	*mtu = request.ifr_mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)request.ifr_mtu;
	return 0;
}

int netdev_link(const char *interface, bool *up)
{
	struct ifreq request = { 0 };
	int result = ask(interface, SIOCGIFFLAGS, &request);

	if (result < 0)
		return result;
	/* IFF_RUNNING is the operational state of RFC 2863, which includes the carrier */
	*up = (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
	return 0;
}

int netdev_mac(const char *interface, uint8_t mac[static NETDEV_MAC_SIZE])
{
	struct ifreq request = { 0 };
	int result = ask(interface, SIOCGIFHWADDR, &request);

	if (result < 0)
		return result;
	memcpy(mac, request.ifr_hwaddr.sa_data, NETDEV_MAC_SIZE);
	return 0;
}

/* First line of a file below /sys/class/net/<interface>/, without its end. */
static int read_sysfs(const char *interface, const char *name, char *line, size_t size)
{
	char path[SYSFS_PATH_SIZE];
	FILE *file;
	int result;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", interface, name);
	file = fopen(path, "re");
	if (file == NULL)
		return -errno;
	result = fgets(line, (int)size, file) == NULL ? -EIO : 0;
	fclose(file);
	line[result == 0 ? strcspn(line, "\n") : 0] = '\0';
	return result;
}

/*
 * sysfs shows the namespace in which it was mounted, which may have another device of that name.
 * Index and MAC address together distinguish the two.
 */
static bool sysfs_is_ours(const char *interface)
{
	char index[16], address[32], line[64];
	uint8_t mac[NETDEV_MAC_SIZE];

	if (netdev_mac(interface, mac) < 0)
		return false;
	snprintf(index, sizeof(index), "%u", if_nametoindex(interface));
	snprintf(address, sizeof(address), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	return read_sysfs(interface, "ifindex", line, sizeof(line)) == 0 &&
	       strcmp(line, index) == 0 &&
	       read_sysfs(interface, "address", line, sizeof(line)) == 0 &&
	       strcmp(line, address) == 0;
}

static int count_queues_by_sysfs(const char *interface, struct netdev_queues *queues)
{
	char path[SYSFS_PATH_SIZE];
	struct dirent *entry;
	DIR *directory;

	if (!sysfs_is_ours(interface))
		return -ENODATA;
	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", interface);
	directory = opendir(path);
	if (directory == NULL)
		return -ENODATA;
	*queues = (struct netdev_queues){ 0 };
	while ((entry = readdir(directory)) != NULL)
		queues->rx += strncmp(entry->d_name, "rx-", 3) == 0;
	closedir(directory);
	queues->rx_max = queues->rx;
	return 0;
}

/*
 * Most drivers pair queues ("combined"), some count receive queues separately (veth). A few do not
 * report queues by ethtool; for these, sysfs has one directory for each queue in use.
 */
int netdev_rx_queues(const char *interface, struct netdev_queues *queues)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int result = ask_ethtool(interface, &channels);

	if (result == -EOPNOTSUPP)
		return count_queues_by_sysfs(interface, queues);
	if (result < 0)
		return result;
	queues->rx = channels.rx_count + channels.combined_count;
	queues->rx_max =
		channels.max_combined > channels.max_rx ? channels.max_combined : channels.max_rx;
	queues->channel = channels.max_combined > 0 ? "combined" : "rx";
	return 0;
}

int netdev_vlan_strip_get(const char *interface, bool *on)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	int result = ask_ethtool(interface, &flags);

	if (result < 0)
		return result;
	*on = (flags.data & ETH_FLAG_RXVLAN) != 0;
	return 0;
}

/* A driver may accept the change and then set the flag again, so check it afterwards. */
int netdev_vlan_strip_off(const char *interface)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	int result = ask_ethtool(interface, &flags);
	bool on = (flags.data & ETH_FLAG_RXVLAN) != 0;

	if (result < 0 || !on)
		return result;
	flags.cmd = ETHTOOL_SFLAGS;
	flags.data &= ~(uint32_t)ETH_FLAG_RXVLAN;
	result = ask_ethtool(interface, &flags);
	if (result == 0)
		result = netdev_vlan_strip_get(interface, &on);
	if (result == 0 && on)
		result = -EOPNOTSUPP;
	return result;
}

int netdev_merges(const char *interface, bool *on)
{
	struct ethtool_value gro = { .cmd = ETHTOOL_GGRO };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	int result = ask_ethtool(interface, &gro);

	if (result == 0)
		result = ask_ethtool(interface, &flags);
	*on = result == 0 && (gro.data != 0 || (flags.data & ETH_FLAG_LRO) != 0);
	return result;
}
