/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service_rates: the rate of each service, by its number in the configuration and by its name.
 * Pure, control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "observe/rates.h"

struct service_rates;

struct service_rates *service_rates_create(void);        /* NULL: no memory */
void service_rates_destroy(struct service_rates *rates); /* NULL is allowed */

/* How many services there are from now on; false, and all as it was, where memory is short. */
bool service_rates_fit(struct service_rates *rates, size_t count);

/*
 * A look at the counter of the service with this number, which is below the count. A service with
 * the same name and number goes on; one that has another number begins anew.
 */
void service_rates_follow(struct service_rates *rates, size_t number,
	const char name[static CONFIG_NAME_SIZE], const struct counter *sum, uint64_t now_ms);

/* NULL where it is not known yet. `hint`: the number that it may have. Valid until the next look.
 */
const struct rate *service_rates_find(struct service_rates *rates, const char *name, size_t hint);
