/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * api_methods: all methods of the control socket, in one table with their parameters. What
 * json_key.h does with such a table reads the parameters before a method is called; rpc.discover,
 * the commands of sluicectl, its help, completion and manual page are made from the same rows.
 */
#pragma once

#include "api/api_params.h"
#include "json/json_key.h"
#include "rpc/rpc.h"

struct api;

struct api_method {
	const char *name;
	bool changes; /* only root and the server's own user may call it */
	bool lists;   /* answers a list, not an object */
	/* Answers the call exactly once, perhaps later. */
	void (*handle)(struct api *api, const struct api_params *params, struct rpc_call *call);
	const struct json_key *params; /* of struct api_params */
	const char *summary;           /* a sentence or two */
};

extern const struct api_method api_methods[];
extern const size_t api_method_count;

/* NULL where there is none of this name. */
const struct api_method *api_method_find(const char *name);

/* What says all of a parameter: its own row, or that of the configuration whose key it is. */
const struct json_key *api_method_row(const struct json_key *param);
