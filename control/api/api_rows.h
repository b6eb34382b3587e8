/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * api_rows: a long answer as rows, a few of them in each slice of the control thread's time.
 *
 * The configuration may change between two slices. Then the answer begins anew, so that all of its
 * rows are of one configuration; but after API_ROWS_AGAIN times it goes on from where it was, for
 * who asks must get an answer although changes never cease: a row may be missing then, or stand
 * there twice. Rows are of the moment that they are made in any case: counters and health go on.
 */
#pragma once

#include "api/api_internal.h"
#include "rpc/rpc_answer.h"

#define API_ROWS_AGAIN 3

struct api_rows;

struct api_rows_kind {
	/* Before the first row, and again after a change: what rows are made from. May be NULL. */
	void (*begin)(struct api_rows *rows);
	/* Writes the row at `part`, `outer`, `inner` and moves on; false: there is none any more.
	 */
	bool (*write)(struct api_rows *rows, struct rpc_answer *answer);
};

struct api_rows {
	const struct api *api;
	const struct api_rows_kind *kind;
	unsigned int part; /* of an answer with several lists */
	size_t outer;      /* pool or service */
	size_t inner;      /* backend of it */
	bool opened;       /* the list of this part */
	char *only;        /* name of the pool that is asked for; NULL: all */
	void *index;       /* made by begin(), freed by free() */
	uint64_t generation;
	unsigned int restarts;
};

/* Answers `call`. `only` is copied, and may be NULL. */
void api_rows_answer(const struct api *api, const struct api_rows_kind *kind, const char *only,
	struct rpc_call *call);
