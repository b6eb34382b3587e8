/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counter_baselines: what workers have counted for a backend or a service. A counter is never
 * cleared, because workers write it; what it had when its number was handed out is subtracted.
 * Backends are known by their gid, services by their number. Control thread.
 */
#pragma once

#include <stdint.h>

#include "state/state.h"

struct counter_baselines;

/* `state` is borrowed. NULL when memory is short. */
struct counter_baselines *counter_baselines_create(struct state *state);
void counter_baselines_destroy(struct counter_baselines *baselines); /* NULL is allowed */

/* The number has a new owner, who has counted nothing yet. */
void counter_baselines_begin_backend(struct counter_baselines *baselines, uint32_t gid);
void counter_baselines_begin_service(struct counter_baselines *baselines, uint32_t number);

/*
 * The number's owner goes on from another process, where it has counted this; before any worker
 * counts.
 */
void counter_baselines_adopt_backend(
	struct counter_baselines *baselines, uint32_t gid, const struct counter *counted);
void counter_baselines_adopt_service(
	struct counter_baselines *baselines, uint32_t number, const struct counter *counted);

/* What the owner has counted, over all workers. */
void counter_baselines_count_backend(
	const struct counter_baselines *baselines, uint32_t gid, struct counter *counted);
void counter_baselines_count_service(
	const struct counter_baselines *baselines, uint32_t number, struct counter *counted);

/* The same as it was when this process began. */
void counter_baselines_start_backend(
	const struct counter_baselines *baselines, uint32_t gid, struct counter *counted);
void counter_baselines_start_service(
	const struct counter_baselines *baselines, uint32_t number, struct counter *counted);

/* What is subtracted, for the row in the state file. */
const struct counter *counter_baselines_of_backend(
	const struct counter_baselines *baselines, uint32_t gid);
const struct counter *counter_baselines_of_service(
	const struct counter_baselines *baselines, uint32_t number);
