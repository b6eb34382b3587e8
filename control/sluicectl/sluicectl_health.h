/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_health: what checks have found, as people read it. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* Of health.list: a row for each backend; and with the last changes of each. */
void health_report(const json_t *result, FILE *out);
void health_report_all(const json_t *result, FILE *out);

/*
 * Rows of pools with the member "up_text" beside: "3 of 4". A new reference; NULL for NULL. Ends
 * the program without memory.
 */
json_t *health_copy_pools(const json_t *pools);
