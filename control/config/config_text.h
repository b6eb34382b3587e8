/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_text: the text that is written to the file, for one configuration after the other. Parts
 * that are as in the previous one are not printed again. For one thread at a time.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "config/config.h"

struct config_text;

struct config_text *config_text_create(void);       /* NULL where memory is short */
void config_text_destroy(struct config_text *text); /* NULL is allowed */

/*
 * config_print_with_secret() as indented text with a newline at its end: to be freed; NULL where
 * memory is short. It keeps a reference to the configuration until the next one is printed.
 */
char *config_text_print(struct config_text *text, struct config *config, size_t *length);

/* The same of a document. */
char *config_text_dump(const json_t *document, size_t *length);
