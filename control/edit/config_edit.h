/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_edit: the changes that the control socket offers, as pure functions from a document in
 * canonical form, or an excerpt of one (config_excerpt.h), to a changed deep copy. Values are
 * validated when the result is read, not here.
 *
 * Each returns a new reference, or NULL with the sentence and errno: ENOENT where a name is unknown
 * (`pool "web" has no backend "web-9"`), EINVAL, or ENOMEM. Everything passed in is borrowed.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"

json_t *config_edit_service_add(const json_t *document, const json_t *service, struct error *error);
json_t *config_edit_service_remove(const json_t *document, const char *name, struct error *error);

/* `changes` is an object with new values of keys of the service. */
json_t *config_edit_service_set(
	const json_t *document, const char *name, const json_t *changes, struct error *error);

/* A pool that lists no backends has none. */
json_t *config_edit_pool_add(const json_t *document, const json_t *pool, struct error *error);

/* A pool that a service uses is refused, and the sentence names both. */
#define CONFIG_EDIT_POOL_IN_USE \
	"service \"%s\" uses pool \"%s\": give it another pool or remove it first"
json_t *config_edit_pool_remove(const json_t *document, const char *name, struct error *error);

/*
 * Gives a zone that the node, a backend or the list of zones names this state, "drain" or "active";
 * one that is active has no entry in the list.
 */
json_t *config_edit_zone_set(
	const json_t *document, const char *name, const char *state, struct error *error);

json_t *config_edit_backend_add(
	const json_t *document, const char *pool, const json_t *backend, struct error *error);
json_t *config_edit_backend_remove(
	const json_t *document, const char *pool, const char *name, struct error *error);

/* `changes` is an object with the new `weight`, the new `state`, or both. */
json_t *config_edit_backend_set(const json_t *document, const char *pool, const char *name,
	const json_t *changes, struct error *error);
