/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/echo_message.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define IP_HEADER_LEAST 20

static void put16(uint8_t *bytes, uint16_t number)
{
	bytes[0] = (uint8_t)(number >> 8);
	bytes[1] = (uint8_t)number;
}

/* RFC 1071, of an even number of bytes. */
static uint16_t checksum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum > UINT16_MAX)
		sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)~sum;
}

void echo_request_write(const struct echo *echo, uint8_t message[static ECHO_LENGTH])
{
	bool ipv4 = echo->family == ADDRESS_IPV4;

	memset(message, 0, ECHO_HEADER_LENGTH);
	message[0] = ipv4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	put16(message + 4, echo->id);
	put16(message + 6, echo->sequence);
	memcpy(message + ECHO_HEADER_LENGTH, echo->token, ECHO_TOKEN_LENGTH);
	if (ipv4)
		put16(message + 2, checksum(message, ECHO_LENGTH));
}

static size_t ip_header_length(const uint8_t *bytes, size_t length)
{
	return length < IP_HEADER_LEAST ? length : (size_t)(bytes[0] & 0xf) * 4;
}

bool echo_is_answered(const struct echo *echo, const uint8_t *bytes, size_t length)
{
	size_t header = echo->ip_header ? ip_header_length(bytes, length) : 0;
	uint8_t id[2];

	if (length < header || length - header != ECHO_LENGTH + echo->padding)
		return false;
	bytes += header;
	put16(id, echo->id);
	return bytes[0] == (echo->family == ADDRESS_IPV4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
	       bytes[1] == 0 && (echo->kernel_id || memcmp(bytes + 4, id, sizeof(id)) == 0) &&
	       memcmp(bytes + ECHO_HEADER_LENGTH, echo->token, ECHO_TOKEN_LENGTH) == 0;
}
