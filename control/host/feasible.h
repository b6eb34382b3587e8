/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * feasible: what in a configuration file can never start, or should not. Beside the file, only the
 * groups of the machine are looked up. One set of rules for `sluiced --check` and for the start, on
 * top of those of the document (config_read()). Control thread.
 */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "base/error.h"
#include "json/findings.h"

/*
 * For a start: the interfaces' queues are looked at, too. `path` is the configuration's file. 0, or
 * -errno with a sentence that begins with the path in the document, or with the file.
 */
int feasible_check(const struct config *config, const char *path, struct error *error);

/*
 * Whether the hash key is a secret. feasible_check() does not ask: a site that already runs with a
 * published key must start again, because another key would break all connections.
 */
int feasible_check_secret(const struct config *config, struct error *error);

/*
 * Whether the memory for the state file is there; what else is taken is little beside it, or comes
 * from hugepages. 0 or -ENOMEM.
 */
int feasible_check_memory(const struct config *config, struct error *error);

/* The first two, with all that is wrong. */
void feasible_validate(const struct config *config, const char *path, struct findings *findings);

/*
 * Reasons of this host, and not of the file, why it cannot start: interfaces, their MTU and queues,
 * CPUs, memory. Nothing is opened.
 */
void feasible_validate_host(const struct config *config, struct findings *findings);

/* Whether all users may read the file, which holds node.hash_key. */
bool feasible_is_exposed(const char *path);

/* The warning about such a file: a format that takes its path. */
#define FEASIBLE_EXPOSED "%s: anybody may read it, and it holds node.hash_key: chmod 0640"
