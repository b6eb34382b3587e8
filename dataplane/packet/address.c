/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int address_parse(const char *text, struct address *address)
{
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, address->bytes) == 1) {
		address->family = ADDRESS_IPV4;
		return 0;
	}
	if (inet_pton(AF_INET6, text, address->bytes) == 1) {
		address->family = ADDRESS_IPV6;
		return 0;
	}
	memset(address, 0, sizeof(*address));
	return -EINVAL;
}

const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
	int family = address->family == ADDRESS_IPV6 ? AF_INET6 : AF_INET;

	if (address->family == ADDRESS_NONE)
		strcpy(text, "none");
	else
		inet_ntop(family, address->bytes, text, ADDRESS_TEXT_SIZE);
	return text;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return address_compare(a, b) == 0;
}

int address_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

size_t address_length(const struct address *address)
{
	switch (address->family) {
	case ADDRESS_IPV4: return 4;
	case ADDRESS_IPV6: return 16;
	default: return 0;
	}
}
