/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe/probe_answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/rtnetlink.h"

#define UNFIT_FLAGS (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED | IFA_F_TEMPORARY)

struct search {
	uint32_t ifindex;
	uint8_t family; /* AF_* */
	bool found;
	uint8_t *bytes;
};

/* What the kernel says of a destination. */
struct route {
	struct probe_answer_route answer;
	bool has_source;
	uint8_t source[16];
};

static uint8_t kernel_family(uint8_t family)
{
	return family == 4 ? AF_INET : AF_INET6;
}

static size_t address_size(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

static void check_address(void *context, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *body = NLMSG_DATA(message);
	struct search *search = context;
	const bool ipv4 = search->family == AF_INET;
	const size_t size = ipv4 ? 4 : 16;
	const void *flags = rtnetlink_find(message, sizeof(*body), IFA_FLAGS, sizeof(uint32_t));
	const void *address =
		rtnetlink_find(message, sizeof(*body), ipv4 ? IFA_LOCAL : IFA_ADDRESS, size);
	uint32_t value = 0;

	if (message->nlmsg_type != RTM_NEWADDR || body->ifa_family != search->family ||
		body->ifa_index != search->ifindex || body->ifa_scope != RT_SCOPE_UNIVERSE)
		return;
	if (flags != NULL)
		memcpy(&value, flags, sizeof(value));
	if (search->found || address == NULL || (value & UNFIT_FLAGS) != 0)
		return;
	memcpy(search->bytes, address, size);
	search->found = true;
}

int probe_answer_address(unsigned int ifindex, uint8_t family, uint8_t bytes[static 16])
{
	const struct ifaddrmsg body = { .ifa_family = kernel_family(family) };
	struct search search = {
		.ifindex = ifindex, .family = kernel_family(family), .bytes = bytes
	};
	struct rtnetlink request;
	int result;

	memset(bytes, 0, 16);
	rtnetlink_begin(&request, RTM_GETADDR, &body, sizeof(body));
	result = rtnetlink_dump(&request, check_address, &search);
	if (result < 0)
		return result;
	return search.found ? 0 : -EADDRNOTAVAIL;
}

/* The next hops of a route that has several. */
static bool has_next_hop(const struct rtattr *hops, uint32_t ifindex)
{
	const struct rtnexthop *hop = RTA_DATA(hops);

	int length = (int)RTA_PAYLOAD(hops);

	while (length >= (int)sizeof(*hop) && RTNH_OK(hop, length)) {
		if (hop->rtnh_ifindex == (int)ifindex)
			return true;
		length -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return false;
}

static void read_route(
	const struct nlmsghdr *message, uint8_t family, uint32_t ifindex, struct route *route)
{
	const struct rtmsg *body = NLMSG_DATA(message);
	const size_t size = address_size(family);
	const void *interface = rtnetlink_find(message, sizeof(*body), RTA_OIF, sizeof(ifindex));
	const void *source = rtnetlink_find(message, sizeof(*body), RTA_PREFSRC, size);
	const struct rtattr *hops = rtnetlink_attribute(message, sizeof(*body), RTA_MULTIPATH);

	route->answer.type = body->rtm_type;
	if (interface != NULL)
		route->answer.is_by_interface = memcmp(interface, &ifindex, sizeof(ifindex)) == 0;
	if (hops != NULL)
		route->answer.is_by_interface = has_next_hop(hops, ifindex);
	if (source == NULL)
		return;
	memcpy(route->source, source, size);
	route->has_source = true;
}

/* `flags` are those of rtm_flags. 0, or -errno if the kernel could not be asked. */
static int find_route(uint8_t family, const uint8_t destination[static 16], uint32_t flags,
	uint32_t ifindex, struct route *route)
{
	const struct rtmsg body = { .rtm_family = kernel_family(family),
		.rtm_dst_len = (uint8_t)(8 * address_size(family)),
		.rtm_flags = flags };
	_Alignas(struct nlmsghdr) char answer[8192];
	struct rtnetlink request;
	int result;

	*route = (struct route){ .answer.type = RTN_UNREACHABLE };
	rtnetlink_begin(&request, RTM_GETROUTE, &body, sizeof(body));
	rtnetlink_add(&request, RTA_DST, destination, address_size(family));
	result = rtnetlink_get(&request, answer, sizeof(answer));
	if (result == 0)
		read_route((const void *)answer, family, ifindex, route);
	/* no route, unreachable, blackhole, prohibit */
	if (result == -ENETUNREACH || result == -EHOSTUNREACH || result == -EINVAL ||
		result == -EACCES)
		return 0;
	return result;
}

int probe_answer_address_towards(
	uint8_t family, const uint8_t destination[static 16], uint8_t bytes[static 16])
{
	struct route route;
	int result = find_route(family, destination, 0, 0, &route);

	if (result < 0)
		return result;
	if (!route.has_source || route.answer.type != RTN_UNICAST)
		return -EADDRNOTAVAIL;
	memcpy(bytes, route.source, sizeof(route.source));
	return 0;
}

/* 0 also where it cannot be read. */
static int read_setting(const char *interface)
{
	char path[sizeof("/proc/sys/net/ipv4/conf//rp_filter") + IF_NAMESIZE];
	int value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", interface);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%d", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

enum probe_reverse_path probe_answer_reverse_path(const char *interface)
{
	int all = read_setting("all"), own = read_setting(interface);

	return (enum probe_reverse_path)(all > own ? all : own);
}

static bool passes_filter(
	enum probe_reverse_path reverse_path, const struct probe_answer_route *route)
{
	switch (reverse_path) {
	case PROBE_REVERSE_PATH_OFF: return true;
	case PROBE_REVERSE_PATH_LOOSE: return route->type == RTN_UNICAST;
	default: return route->type == RTN_UNICAST && route->is_by_interface;
	}
}

int probe_answer_find_route(unsigned int ifindex, uint8_t family, const uint8_t vip[static 16],
	struct probe_answer_route *route)
{
	struct route found;
	/* the route as it is configured: it may have several next hops, and each of them will do */
	int result = find_route(family, vip, RTM_F_FIB_MATCH, ifindex, &found);

	*route = found.answer;
	return result;
}

int probe_answer_judge(const char *interface, enum probe_reverse_path reverse_path, uint8_t family,
	const uint8_t vip[static 16], const struct probe_answer_route *route, struct error *error)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(kernel_family(family), vip, text, sizeof(text));
	if (route->type == RTN_LOCAL)
		return error_set(error, -EADDRINUSE,
			"%s is an address of this host, so the kernel keeps what is sent to it: "
			"remove it (ip addr del), or say via: direct",
			text);
	if (family == 4 && !passes_filter(reverse_path, route))
		return error_set(error, -EXDEV,
			"the reverse path filter drops what %s answers: set "
			"net.ipv4.conf.%s.rp_filter and that of all to 0, or say via: direct",
			text, interface);
	return 0;
}

int probe_answer_check(
	const char *interface, uint8_t family, const uint8_t vip[static 16], struct error *error)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct probe_answer_route route;
	int result = probe_answer_find_route(if_nametoindex(interface), family, vip, &route);

	inet_ntop(kernel_family(family), vip, text, sizeof(text));
	if (result < 0)
		return error_set(error, result, "cannot ask for the route to %s: %s", text,
			strerror(-result));
	return probe_answer_judge(
		interface, probe_answer_reverse_path(interface), family, vip, &route, error);
}
