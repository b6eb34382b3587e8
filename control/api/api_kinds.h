/* SPDX-License-Identifier: BSD-3-Clause */
/* api_kinds: the kinds of value that only parameters of methods have (json_key.h). */
#pragma once

#include "json/json_key.h"

extern const struct json_kind api_kind_text;     /* const char *, borrowed */
extern const struct json_kind api_kind_address;  /* struct address */
extern const struct json_kind api_kind_instance; /* const char *, borrowed */
extern const struct json_kind api_kind_revision; /* struct api_revision */
extern const struct json_kind api_kind_words;    /* a list of `words`: uint32_t, a bit for each */

/*
 * Parts of a configuration, which are judged with the rest of it when the change's turn comes:
 * const json_t *, borrowed.
 */
extern const struct json_kind api_kind_key;    /* a key: the row of this name in `keys` */
extern const struct json_kind api_kind_object; /* an object with `keys` */
extern const struct json_kind api_kind_pool;   /* the same, which may leave out `backends` */
extern const struct json_kind
	api_kind_document; /* a whole configuration, perhaps without its secret */
