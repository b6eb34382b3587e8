/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_rows.h"

#include <stdlib.h>
#include <string.h>

#include "state/state.h"

static void begin_anew(struct api_rows *rows)
{
	rows->part = 0;
	rows->outer = rows->inner = 0;
	rows->opened = false;
}

static void look_at_configuration(struct api_rows *rows)
{
	rows->generation = state_generation(rows->api->running.state);
	free(rows->index);
	rows->index = NULL;
	if (rows->kind->begin != NULL)
		rows->kind->begin(rows);
}

static enum rpc_step write_row(void *production, struct rpc_answer *answer)
{
	struct api_rows *rows = production;

	if (rows->generation != state_generation(rows->api->running.state)) {
		look_at_configuration(rows);
		if (rows->restarts++ < API_ROWS_AGAIN) {
			begin_anew(rows);
			return RPC_STEP_AGAIN;
		}
	}
	return rows->kind->write(rows, answer) ? RPC_STEP_MORE : RPC_STEP_LAST;
}

static void end_rows(void *production)
{
	struct api_rows *rows = production;

	free(rows->index);
	free(rows->only);
	free(rows);
}

void api_rows_answer(const struct api *api, const struct api_rows_kind *kind, const char *only,
	struct rpc_call *call)
{
	static const struct rpc_source source = { write_row, end_rows };
	struct api_rows *rows = calloc(1, sizeof(*rows));

	if (rows == NULL || (only != NULL && (rows->only = strdup(only)) == NULL)) {
		free(rows);
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	rows->api = api;
	rows->kind = kind;
	look_at_configuration(rows);
	rpc_call_produce(call, &source, rows);
}
