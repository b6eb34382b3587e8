/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of records are stepped over, never followed: a name ends with the root or with a pointer
 * (RFC 1035, section 4.1.4), so loops of pointers lead nowhere.
 */
#include "probes/dns_message.h"

#include <string.h>

#define HEADER_LENGTH 12
#define LABEL_MAX     63
#define NAME_MAX_WIRE 255
#define CLASS_IN      1
#define TYPE_A        1
#define TYPE_AAAA     28
#define FIXED_LENGTH  10 /* type, class, ttl and length of a record */

/* The third and fourth byte of the header. */
#define QR     0x80
#define OPCODE 0x78
#define TC     0x02
#define RD     0x01
#define RCODE  0x0f

/* What is left of a message. */
struct reader {
	const uint8_t *at;
	size_t left;
};

static uint16_t read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void write16(struct dns_query *query, uint16_t number)
{
	query->bytes[query->length++] = (uint8_t)(number >> 8);
	query->bytes[query->length++] = (uint8_t)number;
}

static bool write_name(struct dns_query *query, const char *name)
{
	while (*name != '\0') {
		size_t length = strcspn(name, ".");

		if (length == 0 || length > LABEL_MAX ||
			query->length + length + 2 > HEADER_LENGTH + NAME_MAX_WIRE)
			return false;
		query->bytes[query->length++] = (uint8_t)length;
		memcpy(query->bytes + query->length, name, length);
		query->length += length;
		name += length;
		if (*name == '.' && *++name == '\0')
			return false;
	}
	query->bytes[query->length++] = 0;
	return true;
}

bool dns_query_write(struct dns_query *query, const char *name, uint16_t type, uint16_t id)
{
	*query = (struct dns_query){ .length = 0 };
	write16(query, id);
	write16(query, RD << 8);
	write16(query, 1);
	query->length = HEADER_LENGTH; /* no records */
	if (!write_name(query, name))
		return false;
	write16(query, type);
	write16(query, CLASS_IN);
	return true;
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

/* The lengths of labels are below 'A', so they are compared along with them. */
static bool is_same_question(const uint8_t *a, const uint8_t *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static bool skip(struct reader *reader, size_t length)
{
	if (length > reader->left)
		return false;
	reader->at += length;
	reader->left -= length;
	return true;
}

static bool skip_name(struct reader *reader)
{
	while (reader->left > 0) {
		uint8_t length = *reader->at;

		if (length >= 0xc0)
			return skip(reader, 2);
		if (length > LABEL_MAX || !skip(reader, 1 + (size_t)length))
			return false;
		if (length == 0)
			return true;
	}
	return false;
}

static bool is_address(const uint8_t *fixed, const struct address *wanted)
{
	uint16_t type = wanted->family == ADDRESS_IPV4 ? TYPE_A : TYPE_AAAA;
	size_t length = address_length(wanted);

	return read16(fixed) == type && read16(fixed + 2) == CLASS_IN &&
	       read16(fixed + 8) == length &&
	       memcmp(fixed + FIXED_LENGTH, wanted->bytes, length) == 0;
}

/* False where a record does not end in the message. */
static bool find_address(
	struct reader reader, size_t records, const struct address *wanted, bool *holds)
{
	for (; records > 0; records--) {
		const uint8_t *fixed;

		if (!skip_name(&reader))
			return false;
		fixed = reader.at;
		if (!skip(&reader, FIXED_LENGTH) || !skip(&reader, read16(fixed + 8)))
			return false;
		*holds = *holds || is_address(fixed, wanted);
	}
	return true;
}

/* Steps over the question; false where it is not that of the query. */
static bool take_question(struct reader *reader, const struct dns_query *query)
{
	size_t length = query->length - HEADER_LENGTH;

	return reader->left >= length &&
	       is_same_question(reader->at, query->bytes + HEADER_LENGTH, length) &&
	       skip(reader, length);
}

enum dns_verdict dns_answer_read(const uint8_t *bytes, size_t length, const struct dns_query *query,
	const struct address *wanted, struct dns_answer *answer)
{
	struct reader reader = { bytes, length };

	*answer = (struct dns_answer){ .rcode = 0 };
	if (length < 2 || memcmp(bytes, query->bytes, 2) != 0)
		return DNS_OTHER;
	if (!skip(&reader, HEADER_LENGTH))
		return DNS_MALFORMED;
	if ((bytes[2] & QR) == 0 || (bytes[2] & OPCODE) != 0)
		return DNS_OTHER;
	answer->rcode = bytes[3] & RCODE;
	answer->truncated = (bytes[2] & TC) != 0;
	if (read16(bytes + 4) == 0 && answer->rcode != 0)
		return DNS_ANSWER;
	if (read16(bytes + 4) != 1 || !take_question(&reader, query))
		return DNS_OTHER;
	if (wanted->family == ADDRESS_NONE)
		return DNS_ANSWER;
	if (!find_address(reader, read16(bytes + 6), wanted, &answer->holds) && !answer->truncated)
		return DNS_MALFORMED;
	return DNS_ANSWER;
}
