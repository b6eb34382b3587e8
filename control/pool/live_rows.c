/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/live_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "state/identity.h"

void live_rows_write_pool(const struct live_pool *pool, const char *name)
{
	struct identity_pool *row = state_pool_row(pool->state, pool->number);

	state_rows_begin(pool->state);
	row->slots = pool->slots;
	row->first_word = pool->first_word;
	snprintf(row->name, sizeof(row->name), "%s", name);
	identity_set_used(&row->used);
	state_rows_end(pool->state);
}

static_assert(CONFIG_NAME_SIZE == IDENTITY_NAME_SIZE && CONFIG_KEY_SIZE == IDENTITY_NAME_SIZE,
	"a row has room for what configurations call things");

/* Each field by itself is right at any moment, and together they are close enough. */
void live_rows_write_backend(const struct live_pool *pool, const struct live_backend *backend,
	const struct counter *baseline)
{
	struct identity_backend *row = state_backend_row(pool->state, backend->gid);
	const struct membership_facts *facts = &backend->facts;
	const struct membership_life *life = &backend->life;

	state_rows_begin(pool->state);
	row->index = backend->index;
	row->pool = pool->number;
	/* that of a derived pool may be cut off: it is known by its address */
	snprintf(row->name, sizeof(row->name), "%.*s", IDENTITY_NAME_SIZE - 1, backend->name);
	memcpy(row->key, backend->key, sizeof(row->key));
	row->address = backend->address;
	row->weight = backend->weight;
	row->wish = facts->wish;
	row->healthy = facts->healthy;
	row->rests = facts->rests;
	row->health_s = facts->health_s;
	row->deadline_s = facts->deadline_s;
	row->state = life->state;
	row->changed_s = life->changed_s;
	row->instance_s = life->instance_s;
	row->instance = life->instance;
	row->joining = backend->joining;
	row->steps = backend->dynamic.factor / (FACTOR_ONE / FACTOR_DYNAMIC_STEPS);
	row->ramp_s = backend->ramp_s;
	row->share = backend->asked_share;
	row->baseline = *baseline;
	identity_set_used(&row->used);
	state_rows_end(pool->state);
}

void live_rows_adopt_health(struct state *state, uint32_t gid, const struct state_health *before)
{
	struct state_health copy;

	memcpy(&copy, before, sizeof(copy));
	if (!health_row_is_sound(&copy))
		return;
	state_rows_begin(state);
	memcpy(state_health_row(state, gid), &copy, sizeof(copy));
	state_rows_end(state);
}

void live_rows_write_service(
	struct state *state, uint32_t number, const char *name, const struct counter *baseline)
{
	struct identity_service *row = state_service_row(state, number);

	state_rows_begin(state);
	snprintf(row->name, sizeof(row->name), "%s", name);
	row->baseline = *baseline;
	identity_set_used(&row->used);
	state_rows_end(state);
}

void live_rows_erase_pool(struct state *state, uint32_t number)
{
	state_rows_begin(state);
	identity_set_unused(&state_pool_row(state, number)->used);
	state_rows_end(state);
}

void live_rows_erase_backend(struct state *state, uint32_t gid)
{
	state_rows_begin(state);
	identity_set_unused(&state_backend_row(state, gid)->used);
	memset(state_health_row(state, gid), 0, sizeof(struct state_health));
	state_rows_end(state);
}

void live_rows_erase_service(struct state *state, uint32_t number)
{
	state_rows_begin(state);
	identity_set_unused(&state_service_row(state, number)->used);
	state_rows_end(state);
}
