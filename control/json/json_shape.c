/* SPDX-License-Identifier: BSD-3-Clause */
#include "json/json_shape.h"

static void pass_string(struct json_shape *shape, char byte)
{
	if (shape->escaped)
		shape->escaped = false;
	else if (byte == '\\')
		shape->escaped = true;
	else if (byte == '"')
		shape->in_string = false;
}

static void pass_structure(struct json_shape *shape, char byte)
{
	switch (byte) {
	case '"': shape->in_string = true; break;
	case '[':
	case '{':
		shape->values++;
		shape->depth++;
		if (shape->depth > shape->deepest)
			shape->deepest = shape->depth;
		break;
	case ']':
	case '}':
		if (shape->depth > 0)
			shape->depth--;
		break;
	case ',': shape->values++; break;
	}
}

void json_shape_pass(struct json_shape *shape, char byte)
{
	if (shape->in_string)
		pass_string(shape, byte);
	else
		pass_structure(shape, byte);
}
