/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sluicectl_report: results as people read them. What a result lacks is shown as "-", so that an
 * answer of another version is still legible.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

void report_status(const json_t *result, FILE *out);
void report_services(const json_t *result, FILE *out);
void report_released(const json_t *result, FILE *out);
void report_pools(const json_t *result, FILE *out);
void report_explanation(const json_t *result, FILE *out);
void report_statistics(const json_t *result, FILE *out);

/* The result as it is: one JSON document. */
void report_document(const json_t *result, FILE *out);
