/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_digest: configurations compared as values, without printing them. Two that print the same
 * canonical form have the same digest, in any order of keys; the secret does not count. Not for
 * other versions of this program: a key that is added changes the digest.
 */
#pragma once

#include <stdint.h>

#include "config/config.h"

struct config_digest {
	uint64_t all;
	uint64_t services; /* of pools and services alone */
	uint64_t rest;     /* of all else */
};

struct config_digest config_digest_of(const struct config *config);

/* The third of these by itself. */
uint64_t config_digest_rest(const struct config *config);

/* Of one thing alone; a service by the names of its pools, a pool without its backends. */
uint64_t config_digest_service(const struct config *config, size_t service);
uint64_t config_digest_pool_options(const struct config_pool *pool);
uint64_t config_digest_backend(const struct config_backend *backend);
