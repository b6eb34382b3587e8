/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_backends: the backends, those that are removed and still drain included, as a table. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* In 80 columns, or with every column. */
void backends_report(const json_t *result, FILE *out);
void backends_report_all(const json_t *result, FILE *out);

/* `flows_left` as a text: "120+-9%", ">=120", or "-" where they are not counted. */
#define BACKENDS_FLOWS_SIZE 64
const char *backends_format_flows(const json_t *flows, char text[static BACKENDS_FLOWS_SIZE]);
