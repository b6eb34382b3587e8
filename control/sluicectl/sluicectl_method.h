/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sluicectl_method: the methods of the control socket with their parameters. The table is written
 * while building from the one that sluiced reads parameters by (write_methods).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum param_kind {
	PARAM_TEXT,
	PARAM_ADDRESS,
	PARAM_NUMBER,
	PARAM_SECONDS,
	PARAM_PORT,  /* a number, or "any" */
	PARAM_WORD,  /* one of `words` */
	PARAM_WORDS, /* a list of them */
	PARAM_FLAG,
	PARAM_YES_NO,    /* a flag that is true by default, so that false has to be said */
	PARAM_THRESHOLD, /* a number, or a percentage as text: "50%" */
	PARAM_OBJECT,    /* an object that is short enough for a command line */
	PARAM_FLOWS,     /* a word, or an object of such */
	PARAM_DOCUMENT,  /* a longer object, or a list */
};

struct param {
	const char *name; /* "pool", or "backend.weight" for a key of an object; NULL ends a list */
	enum param_kind kind;
	bool required;
	const char *const *words; /* ends with NULL */
	const char *values;       /* what it can be: "0-65535", "tcp, udp" */
	const char *fallback;     /* its default; NULL: none that could be named */
	const char *summary;      /* a sentence or more */
};

struct method {
	const char *name;
	bool changes;
	const struct param *params;
	const char *summary;
};

extern const struct method method_table[];
extern const size_t method_count;

/* NULL where there is none. */
const struct method *method_find(const char *name);

/* `name` need not end where `length` says. NULL where there is none. */
const struct param *method_find_param(const struct method *method, const char *name, size_t length);

void method_print_help(const struct method *method, FILE *out);

/* The first of the sentences, as help tells it: "name of the pool". Returns `text`. */
#define METHOD_SUMMARY_SIZE 256
const char *method_shorten(const char *sentences, char text[static METHOD_SUMMARY_SIZE]);
