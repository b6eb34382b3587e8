/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_digest: configurations compared as values, without printing them. Two that print the same
 * canonical form have the same digest, in any order of keys; the secret does not count. Not for
 * other versions of this program: a key that is added changes the digest.
 */
#pragma once

#include <stdint.h>

#include "config.h"

struct config_digest {
	uint64_t all;
	uint64_t services; /* of pools and services alone */
	uint64_t rest;     /* of node, dataplane and control alone */
};

struct config_digest config_digest_of(const struct config *config);
