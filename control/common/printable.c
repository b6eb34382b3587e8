/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/printable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What RFC 3629, section 4, allows: by the first byte, how many follow and what the second may be.
 */
struct form {
	uint8_t first, last;
	uint8_t follow;
	uint8_t least, most; /* of the second byte */
};

static const struct form forms[] = {
	{ 0x20, 0x7e, 0, 0, 0 },
	{ 0xc2, 0xdf, 1, 0x80, 0xbf },
	{ 0xe0, 0xe0, 2, 0xa0, 0xbf },
	{ 0xe1, 0xec, 2, 0x80, 0xbf },
	{ 0xed, 0xed, 2, 0x80, 0x9f },
	{ 0xee, 0xef, 2, 0x80, 0xbf },
	{ 0xf0, 0xf0, 3, 0x90, 0xbf },
	{ 0xf1, 0xf3, 3, 0x80, 0xbf },
	{ 0xf4, 0xf4, 3, 0x80, 0x8f },
};

/*
 * Characters that show nothing and change how others are shown: formats such as the embeddings and
 * overrides of writing direction (Unicode, category Cf), line separators, and private use.
 */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x80, 0x9f }, /* C1 controls */
	{ 0xad, 0xad },
	{ 0x600, 0x605 },
	{ 0x61c, 0x61c },
	{ 0x180e, 0x180e },
	{ 0x200b, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2060, 0x206f },
	{ 0xe000, 0xf8ff },
	{ 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb },
	{ 0xe0000, 0xe007f },
	{ 0xf0000, 0x10ffff },
};

static bool is_hidden(const uint8_t *text, uint8_t follow)
{
	uint32_t code = follow == 0 ? text[0] : text[0] & (0x3f >> follow);

	for (uint8_t i = 1; i <= follow; i++)
		code = code << 6 | (text[i] & 0x3f);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return false;
}

static const struct form *find_form(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (byte >= forms[i].first && byte <= forms[i].last)
			return &forms[i];
	return NULL;
}

/*
 * Bytes of the character that begins here; 0: none does that could be printed. `*ends` if the text
 * ends within it.
 */
static size_t measure(const uint8_t *text, bool *ends)
{
	const struct form *form = find_form(text[0]);

	if (form == NULL)
		return 0;
	for (uint8_t i = 1; i <= form->follow; i++) {
		*ends = text[i] == '\0';
		if (text[i] < (i == 1 ? form->least : 0x80) ||
			text[i] > (i == 1 ? form->most : 0xbf))
			return 0;
	}
	return is_hidden(text, form->follow) ? 0 : form->follow + 1;
}

void printable_make(char *text)
{
	while (*text != '\0') {
		bool ends = false;
		size_t length = measure((const uint8_t *)text, &ends);

		if (ends)
			*text = '\0';
		else if (length == 0)
			*text++ = '?';
		else
			text += length;
	}
}
