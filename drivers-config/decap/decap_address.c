/* SPDX-License-Identifier: BSD-3-Clause */
#include "decap/decap_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(DECAP_ADDRESS_TEXT_SIZE == INET6_ADDRSTRLEN, "room for every address");

/* Of the address alone, without those of the family. */
static __u32 whole_bits(const struct decap_address *address)
{
	return address->family == 4 ? 32 : 128;
}

int decap_address_parse(const char *text, struct decap_address *address, struct error *error)
{
	*address = (struct decap_address){ .family = 4 };
	if (inet_pton(AF_INET, text, address->bytes) == 1)
		return 0;
	*address = (struct decap_address){ .family = 6 };
	if (inet_pton(AF_INET6, text, address->bytes) == 1)
		return 0;
	return error_set(error, -EINVAL, "\"%s\" is no IPv4 or IPv6 address", text);
}

static bool parse_bits(const char *text, __u32 whole, __u32 *bits)
{
	char *end;
	unsigned long value;

	if (text[0] < '0' || text[0] > '9')
		return false;
	value = strtoul(text, &end, 10);
	*bits = (__u32)value;
	return *end == '\0' && value <= whole;
}

static bool has_bits_beyond(const struct decap_address *address, __u32 bits)
{
	for (__u32 bit = bits; bit < whole_bits(address); bit++) {
		if ((address->bytes[bit / 8] & 0x80 >> bit % 8) != 0)
			return true;
	}
	return false;
}

int decap_prefix_parse(const char *text, struct decap_prefix *prefix, struct error *error)
{
	char address[DECAP_ADDRESS_TEXT_SIZE];
	size_t length = strcspn(text, "/");
	__u32 bits;
	int result;

	if (length >= sizeof(address))
		return error_set(error, -EINVAL, "\"%s\" is no address or prefix", text);
	memcpy(address, text, length);
	address[length] = '\0';
	result = decap_address_parse(address, &prefix->address, error);
	if (result < 0)
		return result;
	bits = whole_bits(&prefix->address);
	if (text[length] == '/' && !parse_bits(text + length + 1, bits, &bits))
		return error_set(error, -EINVAL, "\"%s\": the length of a prefix is 0 to %u", text,
			whole_bits(&prefix->address));
	if (has_bits_beyond(&prefix->address, bits))
		return error_set(error, -EINVAL, "\"%s\" has bits set beyond its length", text);
	prefix->bits = DECAP_FAMILY_BITS + bits;
	return 0;
}

const char *decap_address_format(
	const struct decap_address *address, char text[static DECAP_ADDRESS_TEXT_SIZE])
{
	int family = address->family == 4 ? AF_INET : AF_INET6;

	inet_ntop(family, address->bytes, text, DECAP_ADDRESS_TEXT_SIZE);
	return text;
}

const char *decap_prefix_format(
	const struct decap_prefix *prefix, char text[static DECAP_PREFIX_TEXT_SIZE])
{
	__u32 bits = prefix->bits - DECAP_FAMILY_BITS;
	size_t length;

	decap_address_format(&prefix->address, text);
	length = strlen(text);
	if (bits != whole_bits(&prefix->address))
		snprintf(text + length, DECAP_PREFIX_TEXT_SIZE - length, "/%u", bits);
	return text;
}
