/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_argument: what a command takes on its line, and which parameter it becomes. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

enum argument_kind {
	ARGUMENT_TEXT,
	ARGUMENT_NUMBER,    /* 0 to 9007199254740991, as far as JSON is sure to carry integers */
	ARGUMENT_PORT,      /* 1 to 65535, or any */
	ARGUMENT_WEIGHT,    /* a number; or 1% to 100%, which is the parameter `member`_percent */
	ARGUMENT_DURATION,  /* 90, 90s, 10m, 2h, 1d; as a number of seconds */
	ARGUMENT_CHOICE,    /* one of `words` */
	ARGUMENT_WORDS,     /* some of `words`, with commas between; as a list */
	ARGUMENT_FLAG,      /* takes no value; false where it is absent */
	ARGUMENT_MARK,      /* takes no value; left out where it is absent */
	ARGUMENT_SWITCH,    /* takes no value; for sluicectl itself, never sent */
	ARGUMENT_YES_NO,    /* true or false */
	ARGUMENT_THRESHOLD, /* 0 to 65535 as a number, 0% to 100% as text */
	ARGUMENT_OBJECT,    /* an object, as JSON */
	ARGUMENT_FLOWS,     /* text, or an object, as JSON */
	ARGUMENT_ENDPOINT,  /* ADDRESS:PORT, [IPV6]:PORT; also sets the parameter `member`_port */
	ARGUMENT_SHARES,    /* POOL=WEIGHT:TURN,POOL... as the list of pools of a service */
	ARGUMENT_DOCUMENT,  /* the JSON document in a file; - is standard input */
};

struct argument {
	const char *name;  /* "--vip"; or "POOL", then it is positional. NULL ends a list */
	const char *value; /* what help calls the value of an option */
	enum argument_kind kind;
	const char *member; /* the parameter: "pool", or "backend.weight" for one in an object */
	bool required;
	const char *const *words; /* of ARGUMENT_CHOICE and ARGUMENT_WORDS; ends with NULL */
	const char *summary;
};

bool argument_is_option(const struct argument *argument);
bool argument_takes_value(const struct argument *argument);

/* Puts `text` into `params` as what the argument says it is. Returns 0; -EINVAL for a wrong use;
 * any other errno for a document that cannot be had. The sentence begins with the argument. */
int argument_store(
	const struct argument *argument, const char *text, json_t *params, struct error *error);

/* Puts in what holds while the argument is not given. */
void argument_store_absent(const struct argument *argument, json_t *params);

/* `POOL`, `--vip ADDRESS`, `[--protocol tcp|udp]` */
void argument_print_usage(const struct argument *argument, FILE *out);
