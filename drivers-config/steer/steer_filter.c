/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer/steer_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/rtnetlink.h"
#include "steer/steer_maps.h"

#define KIND        "bpf"
#define ANSWER_SIZE 8192

static void begin(struct rtnetlink *request, uint16_t type, int ifindex, uint32_t handle)
{
	const struct tcmsg body = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_handle = handle,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		.tcm_info = TC_H_MAKE(STEER_LOOP_PREFERENCE << 16, htons(ETH_P_ALL)),
	};

	rtnetlink_begin(request, type, &body, sizeof(body));
}

static void read_options(const struct rtattr *options, struct steer_filter *filter)
{
	int length = RTA_PAYLOAD(options);

	for (const struct rtattr *at = RTA_DATA(options); RTA_OK(at, length);
		at = RTA_NEXT(at, length)) {
		if (at->rta_type == TCA_BPF_ID && RTA_PAYLOAD(at) == sizeof(filter->id))
			memcpy(&filter->id, RTA_DATA(at), sizeof(filter->id));
		if (at->rta_type == TCA_BPF_NAME)
			snprintf(filter->name, sizeof(filter->name), "%.*s", (int)RTA_PAYLOAD(at),
				(const char *)RTA_DATA(at));
	}
}

/* A filter of another kind has no program id; it counts as one with a foreign name. */
static void read_filter(const struct nlmsghdr *message, struct steer_filter *filter)
{
	const struct rtattr *options =
		rtnetlink_attribute(message, sizeof(struct tcmsg), TCA_OPTIONS);

	if (options != NULL)
		read_options(options, filter);
	if (filter->id == 0)
		filter->id = UINT32_MAX;
}

int steer_filter_query(int ifindex, uint32_t handle, struct steer_filter *filter)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	const struct nlmsghdr *message = (const void *)answer;
	struct rtnetlink request;
	int result;

	*filter = (struct steer_filter){ 0 };
	begin(&request, RTM_GETTFILTER, ifindex, handle);
	result = rtnetlink_get(&request, answer, sizeof(answer));
	if (result == -ENOENT || result == -EINVAL) /* no such filter; no clsact */
		return 0;
	if (result == 0 && message->nlmsg_type == RTM_NEWTFILTER)
		read_filter(message, filter);
	return result;
}

int steer_filter_attach(int ifindex, uint32_t handle, int program, const char *name)
{
	struct rtnetlink request;
	struct rtattr *options;

	begin(&request, RTM_NEWTFILTER, ifindex, handle);
	rtnetlink_add(&request, TCA_KIND, KIND, sizeof(KIND));
	options = rtnetlink_open(&request, TCA_OPTIONS);
	rtnetlink_add_u32(&request, TCA_BPF_FD, (uint32_t)program);
	rtnetlink_add(&request, TCA_BPF_NAME, name, strnlen(name, STEER_FILTER_NAME_SIZE - 1) + 1);
	rtnetlink_add_u32(&request, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	rtnetlink_close(&request, options);
	return rtnetlink_change(&request, NLM_F_CREATE);
}
