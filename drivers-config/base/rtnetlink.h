/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink: one request to the kernel about links, addresses, routes, rules and filters
 * (rtnetlink(7)), in the network namespace of the calling thread. Every call opens and closes its
 * own socket. Returns are 0 or -errno. Control thread.
 */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

#define RTNETLINK_ANSWER_SIZE 32768 /* the kernel sends no longer message of a dump */

struct rtnetlink {
	struct nlmsghdr header;
	char body[512];
};

/* Starts a request of `type` (RTM_...) whose fixed part is `body`. */
void rtnetlink_begin(struct rtnetlink *request, uint16_t type, const void *body, size_t size);

/* Appends an attribute. All attributes together must fit: this is a matter of the caller's code. */
void rtnetlink_add(struct rtnetlink *request, uint16_t type, const void *value, size_t size);
void rtnetlink_add_u8(struct rtnetlink *request, uint16_t type, uint8_t value);
void rtnetlink_add_u32(struct rtnetlink *request, uint16_t type, uint32_t value);

/* Appends an attribute that contains those which are added until it is closed. */
struct rtattr *rtnetlink_open(struct rtnetlink *request, uint16_t type);
void rtnetlink_close(struct rtnetlink *request, struct rtattr *attribute);

/* Asks for a change. `flags`: NLM_F_CREATE and the like. */
int rtnetlink_change(struct rtnetlink *request, uint16_t flags);

/* Asks for one thing. The answer is written to `answer` (aligned for a struct nlmsghdr). */
int rtnetlink_get(struct rtnetlink *request, void *answer, size_t size);

/* Asks for all things of a kind, and calls `each` with the message of each of them. */
typedef void rtnetlink_each_t(void *context, const struct nlmsghdr *message);
int rtnetlink_dump(struct rtnetlink *request, rtnetlink_each_t *each, void *context);

/* Finds an attribute of a message whose fixed part has `body_size` bytes. NULL: there is none. */
const struct rtattr *rtnetlink_attribute(
	const struct nlmsghdr *message, size_t body_size, uint16_t type);

/* The value of one. NULL also if it is shorter than `size`. */
const void *rtnetlink_find(
	const struct nlmsghdr *message, size_t body_size, uint16_t type, size_t size);
