/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Drops a character that was cut in the middle, so that the message stays UTF-8. */
static void end_on_character(char *text, size_t size)
{
	size_t length = strlen(text);

	if (length + 1 < size)
		return;
	while (length > 0 && ((unsigned char)text[length - 1] & 0xc0) == 0x80)
		length--;
	if (length > 0 && ((unsigned char)text[length - 1] & 0x80) != 0)
		length--;
	text[length] = '\0';
}

int error_set(struct error *error, int code, const char *format, ...)
{
	va_list arguments;

	if (error == NULL)
		return code;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	end_on_character(error->message, sizeof(error->message));
	return code;
}

int error_wrap(struct error *error, int code, const char *format, ...)
{
	char cause[sizeof(error->message)];
	va_list arguments;
	size_t used;

	if (error == NULL)
		return code;
	memcpy(cause, error->message, sizeof(cause));
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	used = strlen(error->message);
	snprintf(error->message + used, sizeof(error->message) - used, ": %s", cause);
	end_on_character(error->message, sizeof(error->message));
	return code;
}
