/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes are the answer to a query. They are read within their length; what is accepted has the
 * query's id and says that it is an answer, and an address that is found is among the bytes.
 *
 * The input: one byte of how it begins (MODE_*), one of which address is wanted, and the message.
 */
#include <string.h>

#include "probes/dns_message.h"
#include "require.h"

#define ID          0x1234
#define TYPE_A      1
#define MESSAGE_MAX 2048

/* So that an input need not find the id and the question by itself. */
enum mode { MODE_BYTES, MODE_AFTER_ID, MODE_AFTER_QUESTION, MODE_COUNT };

static const char *const wanted_addresses[] = { "", "192.0.2.7", "2001:db8::7", "0.0.0.0" };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

static size_t begin(const struct dns_query *query, enum mode mode, struct input *input,
	uint8_t message[MESSAGE_MAX])
{
	if (mode == MODE_BYTES)
		return 0;
	memcpy(message, query->bytes, query->length);
	if (mode == MODE_AFTER_ID)
		return 2;
	message[2] = 0x80 | input_take8(input);
	message[3] = input_take8(input);
	message[7] = input_take8(input);
	return query->length;
}

static bool occurs(const uint8_t *message, size_t length, const struct address *address)
{
	return memmem(message, length, address->bytes, address_length(address)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	enum mode mode = input_take8(&input) % MODE_COUNT;
	const char *text = wanted_addresses[input_take8(&input) % 4];
	struct address wanted = { .family = ADDRESS_NONE };
	uint8_t message[MESSAGE_MAX], *exact;
	struct dns_query query;
	struct dns_answer answer;
	const uint8_t *rest;
	size_t length, more;
	enum dns_verdict verdict;

	require(dns_query_write(&query, "www.example.org", TYPE_A, ID));
	require(text[0] == '\0' || address_parse(text, &wanted) == 0);
	length = begin(&query, mode, &input, message);
	rest = input_take(&input, sizeof(message) - length, &more);
	memcpy(message + length, rest, more);
	length += more;
	exact = malloc(length == 0 ? 1 : length);
	require(exact != NULL);
	memcpy(exact, message, length);
	verdict = dns_answer_read(exact, length, &query, &wanted, &answer);
	require(verdict == DNS_OTHER || memcmp(message, query.bytes, 2) == 0);
	require(verdict != DNS_ANSWER || (length >= 12 && (message[2] & 0x80) != 0));
	require(verdict != DNS_ANSWER || answer.rcode == (message[3] & 15));
	require(!answer.holds || occurs(message, length, &wanted));
	free(exact);
	return 0;
}
