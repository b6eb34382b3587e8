/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe/probe_device.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rtnetlink.h"
#include "probe/probe_maps.h"

#define TUN_FILE "/dev/net/tun"

#define IPV4_TCP_HEADERS 40 /* bytes, without options */
#define IPV6_TCP_HEADERS 60

#define IPV4_LEAST_MTU 68   /* RFC 791 */
#define IPV6_LEAST_MTU 1280 /* RFC 8200 */

static uint32_t table_of(unsigned int number)
{
	return PROBE_TABLE_BASE + number;
}

/* The rule that leads the marks of a device to its table. */
static void begin_rule(
	struct rtnetlink *request, uint16_t type, uint8_t family, unsigned int number)
{
	const struct fib_rule_hdr body = { .family = family, .action = FR_ACT_TO_TBL };

	rtnetlink_begin(request, type, &body, sizeof(body));
	rtnetlink_add_u32(request, FRA_PRIORITY, PROBE_PREFERENCE);
	rtnetlink_add_u32(request, FRA_FWMARK, PROBE_MARK_BASE | number << PROBE_MARK_DEVICE);
	rtnetlink_add_u32(request, FRA_FWMASK, PROBE_MARK_MASK);
	rtnetlink_add_u32(request, FRA_TABLE, table_of(number));
	rtnetlink_add_u8(request, FRA_PROTOCOL, PROBE_PROTOCOL);
}

/* 1 if it was missing, 0, or -errno. */
static int add_rule(uint8_t family, unsigned int number)
{
	struct rtnetlink request;
	int result;

	begin_rule(&request, RTM_NEWRULE, family, number);
	result = rtnetlink_change(&request, NLM_F_CREATE | NLM_F_EXCL);
	return result == -EEXIST ? 0 : result < 0 ? result : 1;
}

static int delete_rule(uint8_t family, unsigned int number)
{
	struct rtnetlink request;

	begin_rule(&request, RTM_DELRULE, family, number);
	return rtnetlink_change(&request, 0);
}

static void name_device(unsigned int number, char name[static IF_NAMESIZE])
{
	snprintf(name, IF_NAMESIZE, PROBE_DEVICE_NAME "%u", number);
}

/* Sets the bit of the device that a rule of ours is for. `context` is a uint64_t. */
static void note_rule(void *context, const struct nlmsghdr *message)
{
	const size_t body = sizeof(struct fib_rule_hdr);
	const uint8_t *protocol = rtnetlink_find(message, body, FRA_PROTOCOL, sizeof(*protocol));
	const void *mark = rtnetlink_find(message, body, FRA_FWMARK, sizeof(uint32_t));
	uint64_t *numbers = context;
	uint32_t value;

	static_assert(PROBE_DEVICES_MAX <= 64, "a bit each");
	static_assert(PROBE_DEVICES_MAX << PROBE_MARK_DEVICE == 0, "the highest bits of a mark");
	if (message->nlmsg_type != RTM_NEWRULE || protocol == NULL || *protocol != PROBE_PROTOCOL ||
		mark == NULL)
		return;
	memcpy(&value, mark, sizeof(value));
	if ((value & ~(UINT32_MAX << PROBE_MARK_DEVICE)) == PROBE_MARK_BASE)
		*numbers |= UINT64_C(1) << (value >> PROBE_MARK_DEVICE);
}

/* Those of processes that were killed: their devices are gone. Failure leaves them as harmless. */
static void remove_stale_rules(uint8_t family)
{
	const struct fib_rule_hdr body = { .family = family };
	struct rtnetlink request;
	uint64_t numbers = 0;

	rtnetlink_begin(&request, RTM_GETRULE, &body, sizeof(body));
	rtnetlink_dump(&request, note_rule, &numbers);
	for (unsigned int number = 0; number < PROBE_DEVICES_MAX; number++) {
		char name[IF_NAMESIZE];

		name_device(number, name);
		if ((numbers >> number & 1) != 0 && if_nametoindex(name) == 0)
			delete_rule(family, number);
	}
}

/* The default route of the table, which goes away with the device. 1 if it was missing, 0, -errno.
 */
static int add_route(const struct probe_device *device, uint8_t family)
{
	const bool ipv4 = family == AF_INET;
	const uint16_t headers = ipv4 ? IPV4_TCP_HEADERS : IPV6_TCP_HEADERS;
	const uint16_t least = ipv4 ? IPV4_LEAST_MTU : IPV6_LEAST_MTU;
	const uint16_t inner = device->least - PROBE_OUTER_MAX;
	const struct rtmsg body = {
		.rtm_family = family,
		.rtm_protocol = PROBE_PROTOCOL,
		.rtm_scope = ipv4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct rtnetlink request;
	struct rtattr *metrics;
	int result;

	rtnetlink_begin(&request, RTM_NEWROUTE, &body, sizeof(body));
	rtnetlink_add_u32(&request, RTA_TABLE, table_of(device->number));
	rtnetlink_add_u32(&request, RTA_OIF, device->ifindex);
	metrics = rtnetlink_open(&request, RTA_METRICS);
	rtnetlink_add_u32(&request, RTAX_MTU, inner > least ? inner : least);
	rtnetlink_add_u32(&request, RTAX_ADVMSS, device->least - headers);
	rtnetlink_close(&request, metrics);
	result = rtnetlink_change(&request, NLM_F_CREATE | NLM_F_EXCL);
	return result == -EEXIST ? 0 : result < 0 ? result : 1;
}

static int change_link(struct rtnetlink *request)
{
	int result = rtnetlink_change(request, 0);

	return result < 0 ? result : 1;
}

/* 0 also for an attribute that is not there. */
static uint32_t read_u32(const struct nlmsghdr *link, uint16_t type)
{
	const void *bytes = rtnetlink_find(link, sizeof(struct ifinfomsg), type, sizeof(uint32_t));
	uint32_t value = 0;

	if (bytes != NULL)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

static const struct rtattr *find_nested(const struct rtattr *outer, uint16_t type)
{
	const struct rtattr *at = outer == NULL ? NULL : RTA_DATA(outer);
	int length = outer == NULL ? 0 : (int)RTA_PAYLOAD(outer);

	for (; length > 0 && RTA_OK(at, length); at = RTA_NEXT(at, length)) {
		if ((at->rta_type & NLA_TYPE_MASK) == type)
			return at;
	}
	return NULL;
}

/* True also where the kernel has no IPv6. */
static bool refuses_ipv6_addresses(const struct nlmsghdr *link)
{
	const struct rtattr *families =
		rtnetlink_attribute(link, sizeof(struct ifinfomsg), IFLA_AF_SPEC);
	const struct rtattr *mode =
		find_nested(find_nested(families, AF_INET6), IFLA_INET6_ADDR_GEN_MODE);

	return mode == NULL || RTA_PAYLOAD(mode) < sizeof(uint8_t) ||
	       *(const uint8_t *)RTA_DATA(mode) == IN6_ADDR_GEN_MODE_NONE;
}

/*
 * An address of its own would make the device a source of packets that are no probes: router
 * solicitations, for example. 1 if that was so, 0, or -errno.
 */
static int refuse_ipv6_addresses(const struct probe_device *device, const struct nlmsghdr *link)
{
	const struct ifinfomsg body = { .ifi_index = (int)device->ifindex };
	struct rtnetlink request;
	struct rtattr *families, *ipv6;

	if (refuses_ipv6_addresses(link))
		return 0;
	rtnetlink_begin(&request, RTM_NEWLINK, &body, sizeof(body));
	families = rtnetlink_open(&request, IFLA_AF_SPEC);
	ipv6 = rtnetlink_open(&request, AF_INET6);
	rtnetlink_add_u8(&request, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	rtnetlink_close(&request, ipv6);
	rtnetlink_close(&request, families);
	return change_link(&request);
}

/*
 * TCP makes one packet of each segment: the program cannot take several in one buffer. 1 if
 * something was otherwise, 0, or -errno.
 */
static int switch_on(const struct probe_device *device, const struct nlmsghdr *link)
{
	const struct ifinfomsg *is = NLMSG_DATA(link);
	const struct ifinfomsg body = {
		.ifi_index = (int)device->ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP
	};
	struct rtnetlink request;

	if ((is->ifi_flags & IFF_UP) != 0 && read_u32(link, IFLA_MTU) == device->mtu &&
		read_u32(link, IFLA_GSO_MAX_SEGS) == 1)
		return 0;
	rtnetlink_begin(&request, RTM_NEWLINK, &body, sizeof(body));
	rtnetlink_add_u32(&request, IFLA_MTU, device->mtu);
	rtnetlink_add_u32(&request, IFLA_GSO_MAX_SEGS, 1);
	return change_link(&request);
}

/*
 * Whatever is changed is told to all programs that listen (routing daemons, network managers): so
 * only what differs is. 1 if something did, 0, or -errno.
 */
static int set_up_link(const struct probe_device *device)
{
	const struct ifinfomsg body = { .ifi_index = (int)device->ifindex };
	_Alignas(struct nlmsghdr) char answer[8192];
	struct rtnetlink request;
	int result, addresses;

	rtnetlink_begin(&request, RTM_GETLINK, &body, sizeof(body));
	result = rtnetlink_get(&request, answer, sizeof(answer));
	if (result < 0)
		return result;
	addresses = refuse_ipv6_addresses(device, (const void *)answer);
	result = switch_on(device, (const void *)answer);
	return result < 0 ? result : result > 0 || addresses > 0;
}

static int make_tun(struct probe_device *device, const char *name, struct error *error)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int result = 0;

	device->fd = open(TUN_FILE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (device->fd < 0)
		return error_set(error, -errno, "%s: %s", TUN_FILE, strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(device->fd, TUNSETIFF, &request) < 0)
		result = -errno;
	if (result == -EPERM)
		return error_set(
			error, result, "cannot make a TUN device: CAP_NET_ADMIN is needed");
	if (result < 0)
		return error_set(error, result, "cannot make the TUN device %s: %s", name,
			strerror(-result));
	memcpy(device->name, request.ifr_name, sizeof(device->name));
	device->ifindex = if_nametoindex(device->name);
	device->number = (unsigned int)strtoul(device->name + strlen(PROBE_DEVICE_NAME), NULL, 10);
	if (device->number >= PROBE_DEVICES_MAX)
		return error_set(error, -EBUSY, "%u devices " PROBE_DEVICE_NAME "* exist already",
			PROBE_DEVICES_MAX);
	return 0;
}

/*
 * Whether the kernel sends marked packets to the device: a question that costs little, and says
 * that rule and route are there. The destination is of a documentation prefix (RFC 5737, RFC 3849);
 * where it is special for this host, the answer is no and nothing worse.
 */
static bool leads(const struct probe_device *device, uint8_t family)
{
	static const uint8_t ipv4[4] = { 192, 0, 2, 83 };
	static const uint8_t ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x83 };
	const size_t size = family == AF_INET ? sizeof(ipv4) : sizeof(ipv6);
	const struct rtmsg body = { .rtm_family = family, .rtm_dst_len = (uint8_t)(8 * size) };
	_Alignas(struct nlmsghdr) char answer[8192];
	const struct nlmsghdr *route = (const void *)answer;
	struct rtnetlink request;
	const void *interface;

	rtnetlink_begin(&request, RTM_GETROUTE, &body, sizeof(body));
	rtnetlink_add(&request, RTA_DST, family == AF_INET ? ipv4 : ipv6, size);
	rtnetlink_add_u32(
		&request, RTA_MARK, PROBE_MARK_BASE | device->number << PROBE_MARK_DEVICE);
	if (rtnetlink_get(&request, answer, sizeof(answer)) < 0)
		return false;
	interface = rtnetlink_find(route, sizeof(body), RTA_OIF, sizeof(device->ifindex));
	return interface != NULL &&
	       memcmp(interface, &device->ifindex, sizeof(device->ifindex)) == 0;
}

/* Leads marked packets of one family to the device. 1 if that was not so, 0, or -errno. */
static int lead(const struct probe_device *device, uint8_t family)
{
	int route, rule;

	if (leads(device, family))
		return 0;
	route = add_route(device, family);
	rule = route < 0 ? route : add_rule(family, device->number);
	return rule < 0 ? rule : route > 0 || rule > 0;
}

/* 1 if something was missing, 0, or -errno. */
static int set_up(struct probe_device *device, struct error *error)
{
	int link = set_up_link(device), ipv4, ipv6;

	if (link < 0)
		return error_set(
			error, link, "cannot switch %s on: %s", device->name, strerror(-link));
	ipv4 = lead(device, AF_INET);
	if (ipv4 < 0)
		return error_set(error, ipv4, "cannot make routes over %s: %s", device->name,
			strerror(-ipv4));
	ipv6 = lead(device, AF_INET6);
	device->has_ipv6 = ipv6 >= 0;
	return link > 0 || ipv4 > 0 || ipv6 > 0;
}

int probe_device_open(
	struct probe_device *device, uint16_t mtu, uint16_t least, struct error *error)
{
	int result;

	*device = (struct probe_device){ .fd = -1, .mtu = mtu, .least = least };
	remove_stale_rules(AF_INET);
	remove_stale_rules(AF_INET6);
	result = make_tun(device, PROBE_DEVICE_NAME "%d", error);
	if (result == 0)
		result = set_up(device, error);
	if (result < 0)
		probe_device_close(device);
	return result < 0 ? result : 0;
}

/* Under its own name, which is in the marks. */
static int make_again(struct probe_device *device, struct error *error)
{
	char name[IF_NAMESIZE];

	memcpy(name, device->name, sizeof(name));
	if (device->fd >= 0)
		close(device->fd);
	return make_tun(device, name, error);
}

/* Whatever is still there is left as it is. */
int probe_device_restore(struct probe_device *device, struct error *error)
{
	int result = 0;

	if (device->ifindex == 0 || if_nametoindex(device->name) != device->ifindex)
		result = make_again(device, error);
	return result < 0 ? result : set_up(device, error);
}

void probe_device_close(struct probe_device *device)
{
	if (device->ifindex != 0 && device->number < PROBE_DEVICES_MAX) {
		delete_rule(AF_INET, device->number);
		delete_rule(AF_INET6, device->number);
	}
	if (device->fd >= 0)
		close(device->fd);
	*device = (struct probe_device){ .fd = -1 };
}
