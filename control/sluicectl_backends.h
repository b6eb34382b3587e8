/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_backends: the backends, those that are removed and still drain included, as a table. */
#pragma once

#include <jansson.h>
#include <stdio.h>

void backends_report(const json_t *result, FILE *out);
