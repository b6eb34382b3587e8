/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_key: a table of the keys that an object may have. One row describes a key completely: what
 * its value is, where it goes, what stands in for it, whether it needs a restart, and a sentence
 * for a person. Reading, printing, comparing, the JSON Schema and the reference in the manual page
 * are made from the same rows, so a new key is one row and its use.
 *
 * Tables are constant. Where a function takes an `owner`, it is the struct that the table
 * describes. Functions that validate return 0, or -EINVAL with a sentence that begins with the path
 * of the value; -ENOMEM where memory is short.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "json/json.h"

struct json_key;

/* What a kind of value can do; `owner` holds the field at key->offset. */
struct json_kind {
	/* What the manual calls such a value: "name", "IPv4 or IPv6 address". */
	const char *noun;
	/* Reads a value that is there. One of the two; `read_field` needs no more than the field.
	 */
	int (*read)(const struct json_key *key, const struct json_path *path, void *owner,
		struct error *error);
	json_reader *read_field;
	/* Sets the field to the default of its key. NULL: zeroes are the default, or none is. */
	int (*init)(const struct json_key *key, void *owner, struct error *error);
	/* New reference; NULL where memory is short. `context` is that of json_keys_print(). */
	json_t *(*print)(const struct json_key *key, const void *owner, const void *context);
	/* Its JSON Schema: a function of the key, or text. New reference. */
	json_t *(*describe)(const struct json_key *key);
	const char *schema;
};

enum json_key_presence {
	JSON_KEY_OPTIONAL,
	JSON_KEY_REQUIRED,
	/* Like REQUIRED, but the check of the object decides, because it may come from elsewhere.
	 */
	JSON_KEY_REQUIRED_IN_FILE,
};

enum json_key_restart {
	JSON_KEY_AS_PARENT, /* as the object that it is in; at the top: at once */
	JSON_KEY_AT_ONCE,
	JSON_KEY_RESTART,
	JSON_KEY_RESTART_TO_LOWER, /* a number that can grow while running */
};

struct json_key {
	const char *name;             /* NULL ends the table */
	const struct json_kind *kind; /* NULL: no key, but often looked for; see `instead` */
	enum json_key_presence presence;
	enum json_key_restart restart;
	size_t offset;                    /* of the field in its owner */
	size_t width;                     /* bytes of an integer */
	int64_t least, most;              /* of an integer, or entries of a list */
	const char *also;                 /* what else an integer must be: "a prime" */
	const char *what;                 /* "a port": `70000 is not a port (1-65535)` */
	const char *unit;                 /* "seconds"; NULL: it counts nothing */
	int64_t number;                   /* default of an integer, where has_default */
	const char *text;                 /* default of a word or text; NULL: none */
	bool has_default;                 /* of an integer */
	const struct json_choice *words;  /* of a word */
	const struct json_key *keys;      /* of an object, or of each object of a list */
	const struct json_kind *elements; /* of a list of plain values */
	size_t element_size;              /* bytes, of a list */
	size_t count_offset;              /* of the size_t with the number of entries, of a list */
	/* The rule about this value and its neighbours; of an object: after all its keys. */
	int (*check)(const struct json_path *path, void *owner, struct error *error);
	/* Whether the canonical form leaves it out. NULL: never. */
	bool (*is_absent)(const void *owner);
	const char *rule;    /* further JSON Schema of an object, as text; NULL: none */
	const char *summary; /* a sentence or two, for the manual and the schema */
	const char *instead; /* what to use; NULL: "not in this version" */
};

/* Kinds that every document has. */
extern const struct json_kind json_kind_integer; /* unsigned, of `width` 2, 4 or 8 bytes */
extern const struct json_kind json_kind_flag;    /* bool; default `number`, where has_default */
extern const struct json_kind json_kind_word;    /* one of `words`, an enum */
extern const struct json_kind json_kind_object;  /* `keys`, in the owner at `offset` */
extern const struct json_kind json_kind_objects; /* a list: a pointer, and a count */
extern const struct json_kind json_kind_list;    /* the same of plain values: `elements` */

/* The row of a key; NULL where there is none. */
const struct json_key *json_key_find(const struct json_key *keys, const char *name);

/* Fills in all defaults of a zeroed owner. */
int json_keys_init(const struct json_key *keys, void *owner, struct error *error);

/* Reads an object into its owner, which has its defaults. Unknown keys are refused. */
int json_keys_read(const struct json_key *keys, const struct json_path *path, void *owner,
	struct error *error);

/* The canonical form: in the order of the table, defaults spelt out. New reference, or NULL. */
json_t *json_keys_print(const struct json_key *keys, const void *owner, const void *context);

/* Whether a change of this key needs a restart, where that of its parent is known. */
enum json_key_restart json_key_restart(const struct json_key *key, enum json_key_restart parent);

/* The value of one key alone. */
json_t *json_key_print(const struct json_key *key, const void *owner, const void *context);

/*
 * Reads an object of the list that `key` is into its zeroed element, which owns what it has come to
 * hold, on failure as well.
 */
int json_key_read_element(const struct json_key *key, const struct json_path *path, void *element,
	struct error *error);
