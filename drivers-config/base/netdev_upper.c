/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/netdev_upper.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/netdev.h"

#define ANSWER_SIZE 32768 /* the kernel fills no more into one message of a dump */

/* One device in a message. The pointers point into the message; NULL: it does not say. */
struct device {
	unsigned int index;
	const uint8_t *mac;
	unsigned int lower;  /* device that it is on top of; 0: none, or of another namespace */
	unsigned int master; /* device that it is a port of, 0 for none */
	const char *kind;    /* "vlan", ... */
	const char *master_kind;
};

/* The device to look for, and the index of the one that was found. */
struct search {
	unsigned int index;
	uint8_t mac[NETDEV_MAC_SIZE];
	unsigned int found; /* 0: none */
};

static void read_kinds(struct device *device, const struct rtattr *info)
{
	int length = RTA_PAYLOAD(info);

	for (const struct rtattr *at = RTA_DATA(info); RTA_OK(at, length);
		at = RTA_NEXT(at, length)) {
		if (at->rta_type == IFLA_INFO_KIND)
			device->kind = RTA_DATA(at);
		if (at->rta_type == IFLA_INFO_SLAVE_KIND)
			device->master_kind = RTA_DATA(at);
	}
}

static void take_attribute(struct device *device, const struct rtattr *attribute)
{
	const void *value = RTA_DATA(attribute);

	switch (attribute->rta_type) {
	case IFLA_LINK: memcpy(&device->lower, value, sizeof(device->lower)); break;
	case IFLA_MASTER: memcpy(&device->master, value, sizeof(device->master)); break;
	case IFLA_LINKINFO: read_kinds(device, attribute); break;
	case IFLA_ADDRESS:
		if (RTA_PAYLOAD(attribute) == NETDEV_MAC_SIZE)
			device->mac = value;
		break;
	}
}

static void read_device(const struct nlmsghdr *message, struct device *device)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	int length = (int)IFLA_PAYLOAD(message);
	bool elsewhere = false;

	*device = (struct device){ .index = (unsigned int)info->ifi_index };
	for (const struct rtattr *at = IFLA_RTA(info); RTA_OK(at, length);
		at = RTA_NEXT(at, length)) {
		take_attribute(device, at);
		elsewhere |= at->rta_type == IFLA_LINK_NETNSID;
	}
	if (elsewhere)
		device->lower = 0;
}

static bool is_one_of(const char *kind, const char *const *kinds)
{
	while (kind != NULL && *kinds != NULL) {
		if (strcmp(kind, *kinds++) == 0)
			return true;
	}
	return false;
}

/* The ports of a bond, a team or a VRF receive under their own address only. */
static bool is_bridge_port(const struct device *device)
{
	static const char *const kinds[] = { "bridge", "openvswitch", NULL };

	return is_one_of(device->master_kind, kinds);
}

/* A veth names its peer as its lower device, so the kind has to be checked. */
static bool is_above(const struct device *device, const struct search *search)
{
	static const char *const kinds[] = { "macvlan", "macvtap", "vlan", NULL };

	return device->lower == search->index && is_one_of(device->kind, kinds) &&
	       device->mac != NULL && memcmp(device->mac, search->mac, sizeof(search->mac)) != 0;
}

static void check_device(struct search *search, const struct device *device)
{
	if (device->index == search->index) {
		if (is_bridge_port(device))
			search->found = device->master;
		return;
	}
	if (search->found == 0 && is_above(device, search))
		search->found = device->index;
}

/* One message of the dump may hold many devices. 1 at the end of them all, else 0 or -errno. */
static int read_answer(struct search *search, const void *bytes, ssize_t size)
{
	const struct nlmsghdr *message = bytes;
	const struct nlmsgerr *refusal;
	struct device device;

	for (int length = (int)size; NLMSG_OK(message, (uint32_t)length);
		message = NLMSG_NEXT(message, length)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR) {
			refusal = NLMSG_DATA(message);
			return refusal->error < 0 ? refusal->error : -EIO;
		}
		if (message->nlmsg_type != RTM_NEWLINK)
			continue;
		read_device(message, &device);
		check_device(search, &device);
	}
	return 0;
}

static int read_answers(int fd, struct search *search)
{
	static _Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	ssize_t size;
	int result = 0;

	while (result == 0) {
		size = recv(fd, answer, sizeof(answer), 0);
		if (size < 0)
			return -errno;
		result = read_answer(search, answer, size);
	}
	return result < 0 ? result : 0;
}

static int ask_for_devices(struct search *search)
{
	const struct {
		struct nlmsghdr header;
		struct ifinfomsg body;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int result;

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		result = -errno;
	else
		result = read_answers(fd, search);
	close(fd);
	return result;
}

int netdev_upper_find(const char *interface, char name[static IF_NAMESIZE])
{
	struct search search = { .index = if_nametoindex(interface) };
	int result;

	if (search.index == 0)
		return -ENODEV;
	result = netdev_mac(interface, search.mac);
	if (result == 0)
		result = ask_for_devices(&search);
	if (result < 0 || search.found == 0)
		return result;
	return if_indextoname(search.found, name) == NULL ? -errno : 1;
}
