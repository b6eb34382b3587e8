/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/rtnetlink.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *end_of(struct rtnetlink *request)
{
	return (char *)request + NLMSG_ALIGN(request->header.nlmsg_len);
}

void rtnetlink_begin(struct rtnetlink *request, uint16_t type, const void *body, size_t size)
{
	assert(size <= sizeof(request->body));
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	request->header.nlmsg_type = type;
	memcpy(NLMSG_DATA(&request->header), body, size);
}

static struct rtattr *append(
	struct rtnetlink *request, uint16_t type, const void *value, size_t size)
{
	struct rtattr *attribute = (void *)end_of(request);

	assert((char *)attribute + RTA_SPACE(size) <= (char *)(request + 1));
	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(size);
	if (size > 0)
		memcpy(RTA_DATA(attribute), value, size);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_SPACE(size);
	return attribute;
}

void rtnetlink_add(struct rtnetlink *request, uint16_t type, const void *value, size_t size)
{
	append(request, type, value, size);
}

void rtnetlink_add_u8(struct rtnetlink *request, uint16_t type, uint8_t value)
{
	append(request, type, &value, sizeof(value));
}

void rtnetlink_add_u32(struct rtnetlink *request, uint16_t type, uint32_t value)
{
	append(request, type, &value, sizeof(value));
}

struct rtattr *rtnetlink_open(struct rtnetlink *request, uint16_t type)
{
	return append(request, type, NULL, 0);
}

void rtnetlink_close(struct rtnetlink *request, struct rtattr *attribute)
{
	attribute->rta_len = (uint16_t)(end_of(request) - (char *)attribute);
}

/* A socket to which the request was sent, or -errno. */
static int send_request(struct rtnetlink *request, uint16_t flags)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int result;

	if (fd < 0)
		return -errno;
	request->header.nlmsg_flags = NLM_F_REQUEST | flags;
	if (send(fd, request, request->header.nlmsg_len, 0) >= 0)
		return fd;
	result = -errno;
	close(fd);
	return result;
}

static int error_of(const struct nlmsghdr *message)
{
	const struct nlmsgerr *refusal = NLMSG_DATA(message);

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*refusal)))
		return -EBADMSG;
	return refusal->error;
}

int rtnetlink_get(struct rtnetlink *request, void *answer, size_t size)
{
	int fd = send_request(request, request->header.nlmsg_flags);
	const struct nlmsghdr *message = answer;
	ssize_t length;
	int result = 0;

	if (fd < 0)
		return fd;
	length = recv(fd, answer, size, 0);
	if (length < 0)
		result = -errno;
	else if (!NLMSG_OK(message, (size_t)length))
		result = -EBADMSG;
	else if (message->nlmsg_type == NLMSG_ERROR)
		result = error_of(message);
	close(fd);
	return result;
}

int rtnetlink_change(struct rtnetlink *request, uint16_t flags)
{
	_Alignas(struct nlmsghdr) char answer[1024];

	request->header.nlmsg_flags = NLM_F_ACK | flags;
	return rtnetlink_get(request, answer, sizeof(answer));
}

/* One answer may hold many messages. 1 at the end of them all, else 0 or -errno. */
static int read_answer(const void *bytes, ssize_t size, rtnetlink_each_t *each, void *context)
{
	const struct nlmsghdr *message = bytes;

	for (int length = (int)size; NLMSG_OK(message, (uint32_t)length);
		message = NLMSG_NEXT(message, length)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR) {
			int code = error_of(message);

			return code < 0 ? code : -EIO;
		}
		each(context, message);
	}
	return 0;
}

int rtnetlink_dump(struct rtnetlink *request, rtnetlink_each_t *each, void *context)
{
	_Alignas(struct nlmsghdr) char answer[RTNETLINK_ANSWER_SIZE];
	int fd = send_request(request, NLM_F_DUMP);
	int result = 0;

	if (fd < 0)
		return fd;
	while (result == 0) {
		ssize_t size = recv(fd, answer, sizeof(answer), 0);

		result = size < 0 ? -errno : read_answer(answer, size, each, context);
	}
	close(fd);
	return result < 0 ? result : 0;
}

const struct rtattr *rtnetlink_attribute(
	const struct nlmsghdr *message, size_t body_size, uint16_t type)
{
	const size_t start = NLMSG_SPACE(body_size);
	int length = (int)message->nlmsg_len - (int)start;

	for (const struct rtattr *at = (const void *)((const char *)message + start);
		RTA_OK(at, length); at = RTA_NEXT(at, length)) {
		if ((at->rta_type & NLA_TYPE_MASK) == type)
			return at;
	}
	return NULL;
}

const void *rtnetlink_find(
	const struct nlmsghdr *message, size_t body_size, uint16_t type, size_t size)
{
	const struct rtattr *attribute = rtnetlink_attribute(message, body_size, type);

	return attribute == NULL || RTA_PAYLOAD(attribute) < size ? NULL : RTA_DATA(attribute);
}
