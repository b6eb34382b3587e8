/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_excerpt: an edit of one pool or one service of a large configuration. Only that part is
 * printed, edited (config_edit.h) and read again; everything else is copied as a value, and only
 * rules that the edit can break are checked. The result, and the sentence of a refusal with its
 * path, are those of the edit of the whole document. Any thread; the configuration is borrowed and
 * stays.
 */
#pragma once

#include <jansson.h>

#include "config/config.h"
#include "base/error.h"

enum config_part { CONFIG_WHOLE, CONFIG_POOL, CONFIG_SERVICE };

/* All that an edit touches. */
struct config_excerpt {
	enum config_part part;
	const char *name; /* of the pool or service, borrowed; NULL: one is added at the end */
	/*
	 * Of a pool, the only backend that the edit looks at, borrowed: it may change its weight
	 * and state, and drop vacant seats. NULL: the edit sees all backends.
	 */
	const char *backend;
};

/*
 * Makes `*edited` (new reference) of `document`: 0, or -errno with the sentence. The whole document
 * is in canonical form with the secret. A part has only the lists `pools` and `services`, and in
 * them the element that is named, if it exists. It may be called again with a larger document.
 */
typedef int config_editor_t(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error);

/* 0 with the new configuration, or -errno with the sentence. */
int config_excerpt_edit(const struct config *config, const struct config_excerpt *excerpt,
	config_editor_t *editor, const json_t *arguments, struct config **edited,
	struct error *error);

/*
 * Adds to the sentence of an edit that has found no such pool, service or backend which one may
 * have been meant, if any. Looks at each name.
 */
void config_excerpt_suggest(
	const struct config *config, const struct config_excerpt *excerpt, struct error *error);

/*
 * Puts names in the place of numbers into the sentence of a refused edit, whose author never saw
 * the document: pools[web].backends[web-1].weight. What the edit would add is [new].
 */
void config_excerpt_name_path(const struct config *config, struct error *error);
