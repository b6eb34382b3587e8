/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_edit_seat: what an edit of one backend records about the seats of its pool. Tables are a
 * function of the document alone (plan.h), so whatever a later document must know for slots to stay
 * where they are is in it: the seat of a backend that was removed, under `vacant`, and the weight
 * of a seat whose backend has a weight of 0, as `seat_weight`.
 *
 * A vacant seat is worth keeping only for as long as the base table is the same. An edit that
 * replaces the base (another key, another weight) drops all vacant seats of the pool, and so does
 * one that would leave more of them than there are backends.
 *
 * A builder without a base needs none of that, and nothing is written for it.
 *
 * Pools and backends are borrowed JSON objects of a document in canonical form, changed in place;
 * what was put in by the edit may be anything. 0, or -ENOMEM with the sentence.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"

/* `backend` has been taken out of the pool. */
int config_edit_seat_leave(json_t *pool, const json_t *backend, struct error *error);

/* `backend` has been added to the pool: it takes the vacant seat of its key, where there is one. */
int config_edit_seat_take(json_t *pool, json_t *backend, struct error *error);

/* `backend` of the pool has another weight or state than `before`. */
int config_edit_seat_reweigh(
	json_t *pool, const json_t *before, json_t *backend, struct error *error);
