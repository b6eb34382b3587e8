/* SPDX-License-Identifier: BSD-3-Clause */
#include "decap/decap_host.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "decap/decap_address.h"

/* The least values with which a host neither answers nor asks in the name of a VIP on loopback. */
#define ARP_IGNORE_MIN   1
#define ARP_ANNOUNCE_MIN 2

static bool has_address(const struct ifaddrs *entry, const struct decap_address *address)
{
	if (entry->ifa_addr == NULL)
		return false;
	if (entry->ifa_addr->sa_family == AF_INET && address->family == 4)
		return memcmp(&((struct sockaddr_in *)entry->ifa_addr)->sin_addr, address->bytes,
			       4) == 0;
	if (entry->ifa_addr->sa_family == AF_INET6 && address->family == 6)
		return memcmp(&((struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr, address->bytes,
			       16) == 0;
	return false;
}

static const struct ifaddrs *find_address(
	const struct ifaddrs *list, const struct decap_address *address)
{
	while (list != NULL && !has_address(list, address))
		list = list->ifa_next;
	return list;
}

static void print_vip_hint(FILE *out, const struct ifaddrs *list, const struct decap_address *vip)
{
	const struct ifaddrs *found = find_address(list, vip);
	char text[DECAP_ADDRESS_TEXT_SIZE];

	decap_address_format(vip, text);
	if (found == NULL)
		fprintf(out,
			vip->family == 4
				? "hint: %s is no address of this host: ip address add %s/32 dev lo\n"
				: "hint: %s is no address of this host: ip address add %s/128 dev lo nodad\n",
			text, text);
	else if ((found->ifa_flags & (IFF_LOOPBACK | IFF_NOARP)) == 0)
		fprintf(out, "hint: %s is on %s, which answers for it on its link: put it on lo\n",
			text, found->ifa_name);
}

/* 0 where it cannot be read, which is the value that asks for a hint. */
static int read_arp_setting(const char *interface, const char *name)
{
	char path[sizeof("/proc/sys/net/ipv4/conf///") + IF_NAMESIZE + 16];
	int value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", interface, name);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%d", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

/* The kernel takes the greater of the interface's own value and the one for all. */
static void print_arp_hint(FILE *out, const char *interface, const char *name, int least)
{
	if (read_arp_setting("all", name) >= least || read_arp_setting(interface, name) >= least)
		return;
	fprintf(out,
		"hint: this host speaks ARP in the name of its VIPs: sysctl -w net.ipv4.conf.all.%s=%d\n",
		name, least);
}

void decap_host_print_hints(FILE *out, const char *interface, const struct decap_rules *rules)
{
	struct ifaddrs *list = NULL;
	bool ipv4 = false;

	if (getifaddrs(&list) < 0) {
		fprintf(out,
			"hint: cannot look up this host's addresses: see that VIPs are on lo\n");
		return;
	}
	for (size_t i = 0; i < rules->vip_count; i++) {
		print_vip_hint(out, list, &rules->vips[i]);
		ipv4 |= rules->vips[i].family == 4;
	}
	freeifaddrs(list);
	if (!ipv4)
		return;
	print_arp_hint(out, interface, "arp_ignore", ARP_IGNORE_MIN);
	print_arp_hint(out, interface, "arp_announce", ARP_ANNOUNCE_MIN);
}
