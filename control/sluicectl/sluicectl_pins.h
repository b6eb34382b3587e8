/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_pins: the flows that are remembered, and the slots for which they are, as tables. */
#pragma once

#include <jansson.h>
#include <stdio.h>

void pins_report(const json_t *result, FILE *out);
