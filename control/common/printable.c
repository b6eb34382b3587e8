/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/printable.h"

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

/* Bytes of the character that begins here; 0: none does that could be printed. */
static size_t measure(const uint8_t *text)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *form = &forms[i];

		if (text[0] < form->first || text[0] > form->last)
			continue;
		if (form->follow > 0 && (text[1] < form->least || text[1] > form->most))
			return 0;
		if (text[0] == 0xc2 && text[1] < 0xa0) /* C1 controls, U+0080 to U+009F */
			return 0;
		for (size_t more = 2; more <= form->follow; more++)
			if (text[more] < 0x80 || text[more] > 0xbf)
				return 0;
		return form->follow + 1;
	}
	return 0;
}

void printable_make(char *text)
{
	while (*text != '\0') {
		size_t length = measure((const uint8_t *)text);

		if (length == 0)
			*text = '?';
		text += length == 0 ? 1 : length;
	}
}
