/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dns_message: the one question that a probe asks, and the judgement of its answer (RFC 1035,
 * section 4). Pure. An answer comes from the network: whatever it holds, the work is bounded by its
 * length.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/address.h"

#define DNS_QUERY_SIZE 272 /* header 12, name 255, type and class 4, rounded up */

/* As it is sent, and as the answer has to repeat it. */
struct dns_query {
	uint8_t bytes[DNS_QUERY_SIZE];
	size_t length;
};

enum dns_verdict {
	DNS_ANSWER,    /* to this query */
	DNS_OTHER,     /* another id or question, or no answer at all: someone else's, or forged */
	DNS_MALFORMED, /* has the id, and ends or points where it may not */
};

struct dns_answer {
	int rcode;      /* of the header: 0 to 15 */
	bool truncated; /* more would have followed over TCP */
	bool holds;     /* a record of the answer section has the wanted address */
};

/*
 * Writes a query of class IN with recursion desired. `name` is in text, without a final dot ("" is
 * the root), `type` in host byte order. False where the name has a label that is empty or longer
 * than 63 bytes, or is too long.
 */
bool dns_query_write(struct dns_query *query, const char *name, uint16_t type, uint16_t id);

/*
 * Judges a message. The question must be the same, but for upper case; a server that did not
 * understand it may leave it out, and says so by an rcode that is not 0. `wanted` is looked for in
 * A or AAAA records of the answer section, whoever's they are: names may be aliases. ADDRESS_NONE:
 * the records are not looked at.
 */
enum dns_verdict dns_answer_read(const uint8_t *bytes, size_t length, const struct dns_query *query,
	const struct address *wanted, struct dns_answer *answer);
