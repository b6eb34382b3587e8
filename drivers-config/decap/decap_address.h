/* SPDX-License-Identifier: BSD-3-Clause */
/* decap_address: addresses and prefixes of the decapsulator's rules as text. */
#pragma once

#include "decap/decap_maps.h"
#include "base/error.h"

#define DECAP_ADDRESS_TEXT_SIZE 46 /* INET6_ADDRSTRLEN */
#define DECAP_PREFIX_TEXT_SIZE  (DECAP_ADDRESS_TEXT_SIZE + 4)

/* Dotted quad or RFC 4291 text. Both return 0, or -EINVAL with a sentence that quotes it. */
int decap_address_parse(const char *text, struct decap_address *address, struct error *error);

/* ADDRESS or ADDRESS/BITS; bits beyond the prefix must be zero. */
int decap_prefix_parse(const char *text, struct decap_prefix *prefix, struct error *error);

/* Canonical form (RFC 5952); a prefix of one address has no length. Return `text`. */
const char *decap_address_format(
	const struct decap_address *address, char text[static DECAP_ADDRESS_TEXT_SIZE]);
const char *decap_prefix_format(
	const struct decap_prefix *prefix, char text[static DECAP_PREFIX_TEXT_SIZE]);
