/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/gateway.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/rtnetlink.h"

/* Addresses of documentation (RFC 5737, 3849): nobody has a route of its own to them. */
static const uint8_t far_ipv4[16] = { 192, 0, 2, 1 };
static const uint8_t far_ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

int gateway_find(unsigned int ifindex, uint8_t family, uint8_t bytes[static 16])
{
	const struct rtmsg body = {
		.rtm_family = family == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = family == 4 ? 32 : 128,
	};
	const size_t size = family == 4 ? 4 : 16;
	_Alignas(struct nlmsghdr) char answer[RTNETLINK_ANSWER_SIZE];
	struct rtnetlink request;
	const void *gateway;
	int result;

	rtnetlink_begin(&request, RTM_GETROUTE, &body, sizeof(body));
	rtnetlink_add(&request, RTA_DST, family == 4 ? far_ipv4 : far_ipv6, size);
	rtnetlink_add_u32(&request, RTA_OIF, ifindex);
	result = rtnetlink_get(&request, answer, sizeof(answer));
	if (result < 0)
		return result == -ENETUNREACH ? -ENOENT : result;
	gateway = rtnetlink_find((const struct nlmsghdr *)answer, sizeof(body), RTA_GATEWAY, size);
	if (gateway == NULL)
		return -ENOENT;
	memset(bytes, 0, 16);
	memcpy(bytes, gateway, size);
	return 0;
}
