/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "forwarding/forwarding_live.h"
#include "state/identity.h"

void forwarding_write_pool(struct forwarding *forwarding, const struct member_pool *pool)
{
	struct identity_pool *row = state_pool_row(forwarding->state, pool->live->number);

	state_rows_begin(forwarding->state);
	row->slots = pool->live->slots;
	row->first_word = pool->live->first_word;
	snprintf(row->name, sizeof(row->name), "%s", pool->name);
	identity_set_used(&row->used);
	state_rows_end(forwarding->state);
}

static_assert(CONFIG_NAME_SIZE == IDENTITY_NAME_SIZE && CONFIG_KEY_SIZE == IDENTITY_NAME_SIZE,
	"a row has room for what configurations call things");

/* Each field by itself is right at any moment, and together they are close enough. */
void forwarding_write_backend(struct forwarding *forwarding, const struct live_pool *pool,
	const struct live_backend *backend)
{
	struct identity_backend *row = state_backend_row(forwarding->state, backend->gid);
	const struct membership_facts *facts = &backend->facts;
	const struct membership_life *life = &backend->life;

	state_rows_begin(forwarding->state);
	row->index = backend->index;
	row->pool = pool->number;
	memcpy(row->name, backend->name, sizeof(row->name));
	memcpy(row->key, backend->key, sizeof(row->key));
	row->address = backend->address;
	row->weight = backend->weight;
	row->wish = facts->wish;
	row->healthy = facts->healthy;
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
	row->baseline = forwarding->backend_baselines[backend->gid];
	identity_set_used(&row->used);
	state_rows_end(forwarding->state);
}

void forwarding_write_service(struct forwarding *forwarding, const struct live_service *service)
{
	struct identity_service *row = state_service_row(forwarding->state, service->place);

	state_rows_begin(forwarding->state);
	snprintf(row->name, sizeof(row->name), "%s", service->name);
	row->baseline = forwarding->service_baselines[service->place];
	identity_set_used(&row->used);
	state_rows_end(forwarding->state);
}

void forwarding_erase_pool(struct forwarding *forwarding, uint32_t number)
{
	state_rows_begin(forwarding->state);
	identity_set_unused(&state_pool_row(forwarding->state, number)->used);
	state_rows_end(forwarding->state);
}

void forwarding_erase_backend(struct forwarding *forwarding, uint32_t gid)
{
	state_rows_begin(forwarding->state);
	identity_set_unused(&state_backend_row(forwarding->state, gid)->used);
	state_rows_end(forwarding->state);
}

void forwarding_erase_service(struct forwarding *forwarding, uint32_t place)
{
	state_rows_begin(forwarding->state);
	identity_set_unused(&state_service_row(forwarding->state, place)->used);
	state_rows_end(forwarding->state);
}
