/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_change: what a change has moved, or a dry run would: sentences and who owns what.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* With the backends that change, and how many others there are in their pools; or with all. */
void change_report(const json_t *result, FILE *out);
void change_report_all(const json_t *result, FILE *out);
