/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer/steer_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "steer/steer_maps.h"

#define KIND        "bpf"
#define ANSWER_SIZE 8192

struct request {
	struct nlmsghdr header;
	struct tcmsg filter;
	char attributes[512];
};

static struct request make_request(int ifindex, uint32_t handle, uint16_t type, uint16_t flags)
{
	return (struct request){
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | flags },
		.filter = { .tcm_family = AF_UNSPEC,
			.tcm_ifindex = ifindex,
			.tcm_handle = handle,
			.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
			.tcm_info = TC_H_MAKE(STEER_LOOP_PREFERENCE << 16, htons(ETH_P_ALL)) },
	};
}

/* Where the next attribute goes. All attributes of this file fit into `attributes`. */
static struct rtattr *add(
	struct request *request, unsigned short type, const void *value, size_t size)
{
	struct rtattr *attribute =
		(void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size > 0)
		memcpy(RTA_DATA(attribute), value, size);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
	return attribute;
}

/* Sends the request and stores the kernel's answer in `answer`. 0 or -errno. */
static int ask(struct request *request, void *answer, size_t size)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct nlmsghdr *header = answer;
	ssize_t length;
	int result = 0;

	if (fd < 0)
		return -errno;
	if (send(fd, request, request->header.nlmsg_len, 0) < 0 ||
		(length = recv(fd, answer, size, 0)) < 0)
		result = -errno;
	else if (!NLMSG_OK(header, (size_t)length))
		result = -EBADMSG;
	else if (header->nlmsg_type == NLMSG_ERROR)
		result = ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	close(fd);
	return result;
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
	const struct tcmsg *body = NLMSG_DATA(message);
	int length = (int)TCA_PAYLOAD(message);

	for (const struct rtattr *at = TCA_RTA(body); RTA_OK(at, length); at = RTA_NEXT(at, length))
		if (at->rta_type == TCA_OPTIONS)
			read_options(at, filter);
	if (filter->id == 0)
		filter->id = UINT32_MAX;
}

int steer_filter_query(int ifindex, uint32_t handle, struct steer_filter *filter)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	struct request request = make_request(ifindex, handle, RTM_GETTFILTER, 0);
	const struct nlmsghdr *message = (const void *)answer;
	int result = ask(&request, answer, sizeof(answer));

	*filter = (struct steer_filter){ 0 };
	if (result == -ENOENT || result == -EINVAL) /* no such filter; no clsact */
		return 0;
	if (result == 0 && message->nlmsg_type == RTM_NEWTFILTER)
		read_filter(message, filter);
	return result;
}

int steer_filter_attach(int ifindex, uint32_t handle, int program, const char *name)
{
	const uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT, fd = (uint32_t)program;
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	struct request request =
		make_request(ifindex, handle, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_ACK);
	struct rtattr *options;

	add(&request, TCA_KIND, KIND, sizeof(KIND));
	options = add(&request, TCA_OPTIONS, NULL, 0);
	add(&request, TCA_BPF_FD, &fd, sizeof(fd));
	add(&request, TCA_BPF_NAME, name, strnlen(name, STEER_FILTER_NAME_SIZE - 1) + 1);
	add(&request, TCA_BPF_FLAGS, &flags, sizeof(flags));
	options->rta_len =
		(unsigned short)((char *)&request + request.header.nlmsg_len - (char *)options);
	return ask(&request, answer, sizeof(answer));
}
