/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_change: what a change has moved, or a dry run would: sentences and who owns what.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

void change_report(const json_t *result, FILE *out);
