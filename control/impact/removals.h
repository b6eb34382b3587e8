/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * removals: whether a document takes away more than it is likely to be meant to, as one that was
 * cut short or made by a broken program does. Pure.
 */
#pragma once

#include "base/error.h"
#include "config/config.h"

/*
 * Whether `new` has nearly all of the services, by name, and of the backends, by pool and address,
 * that `old` has: no more are gone than max_removed_percent of `old` allows, for a broken document
 * may lack that key, too. 0, or -EPERM with the sentence.
 */
int removals_check(const struct config *old, const struct config *new, struct error *error);
