/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_shape: how deep a JSON text nests and how many values it holds, read byte by byte before the
 * parser, which recurses and allocates as it goes. Brackets inside strings do not count.
 *
 * Invalid JSON may be counted wrongly from its first wrong byte on; the parser stops there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct json_shape {
	size_t depth; /* objects and arrays that are open */
	size_t deepest;
	size_t values; /* objects, arrays, and entries behind a comma */
	bool in_string;
	bool escaped; /* the byte before was a backslash that is not itself escaped */
};

/* The next byte of the text; a shape begins as zeroes. */
void json_shape_pass(struct json_shape *shape, char byte);
