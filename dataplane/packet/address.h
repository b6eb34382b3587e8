/* SPDX-License-Identifier: BSD-3-Clause */
/* address: an IPv4 or IPv6 address as the dataplane and the configuration both use it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum address_family {
	ADDRESS_NONE = 0,
	ADDRESS_IPV4 = 4,
	ADDRESS_IPV6 = 6,
};

struct address {
	uint8_t bytes[16]; /* network byte order; IPv4 in the first four, the rest zero */
	uint8_t family;    /* enum address_family */
};

/* Longest text form with its NUL: an IPv6 address of 39 characters, or an IPv4-mapped one of 45. */
#define ADDRESS_TEXT_SIZE 46

/* Reads dotted quad or RFC 4291 text. Returns 0, or -EINVAL when it is neither. */
int address_parse(const char *text, struct address *address);

/* Writes the canonical form (RFC 5952) and returns `text`. */
const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE]);

bool address_equal(const struct address *a, const struct address *b);

/* Orders IPv4 before IPv6, then by bytes; for sorting. */
int address_compare(const struct address *a, const struct address *b);

/* Bytes that count: 4 or 16, 0 for ADDRESS_NONE. */
size_t address_length(const struct address *address);
