/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/probe_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 3629, section 4: lead bytes, how many bytes follow, and the range of the first of them. */
static const struct lead {
	uint8_t first, last, more, low, high;
} leads[] = {
	{ 0x20, 0x7e, 0, 0, 0 },
	{ 0xc3, 0xdf, 1, 0x80, 0xbf },
	{ 0xc2, 0xc2, 1, 0xa0, 0xbf },
	{ 0xe0, 0xe0, 2, 0xa0, 0xbf },
	{ 0xe1, 0xec, 2, 0x80, 0xbf },
	{ 0xed, 0xed, 2, 0x80, 0x9f },
	{ 0xee, 0xef, 2, 0x80, 0xbf },
	{ 0xf0, 0xf0, 3, 0x90, 0xbf },
	{ 0xf1, 0xf3, 3, 0x80, 0xbf },
	{ 0xf4, 0xf4, 3, 0x80, 0x8f },
};

static const struct lead *find_lead(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	return NULL;
}

/* Bytes of the printable character at `at`; 0: there is none. `*ends` where the text ends in it. */
static size_t character_length(const uint8_t *at, bool *ends)
{
	const struct lead *lead = find_lead(at[0]);
	uint8_t low, high;

	if (lead == NULL)
		return 0;
	for (size_t i = 1; i <= lead->more; i++) {
		low = i == 1 ? lead->low : 0x80;
		high = i == 1 ? lead->high : 0xbf;
		*ends = at[i] == '\0';
		if (at[i] < low || at[i] > high)
			return 0;
	}
	return 1 + lead->more;
}

void probe_text_clean(char *text)
{
	uint8_t *at = (uint8_t *)text;

	while (*at != '\0') {
		bool ends = false;
		size_t length = character_length(at, &ends);

		if (ends)
			*at = '\0';
		else if (length == 0)
			*at++ = '?';
		else
			at += length;
	}
}
