/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The canonical form. Where memory runs out the whole is NULL, never a document with a gap: it may
 * be written over the operator's file.
 */
#include "config/config.h"

#include "config/config_keys.h"

json_t *config_print_with_secret(const struct config *config)
{
	return json_keys_print(config_keys, config, config);
}

json_t *config_print(const struct config *config)
{
	json_t *document = config_print_with_secret(config);

	json_object_del(json_object_get(document, "node"), "hash_key");
	return document;
}
