/* SPDX-License-Identifier: BSD-3-Clause */
#include "verdict.h"

static const struct {
	const char *name;
	const char *text;
} verdicts[VERDICT_COUNT] = { [VERDICT_NEXT] = { "next", "undecided" },
#define VERDICT_ROW(upper, lower, sentence) [VERDICT_##upper] = { #lower, sentence },
	VERDICT_TABLE(VERDICT_ROW)
#undef VERDICT_ROW
};

const char *verdict_name(enum verdict verdict)
{
	return verdicts[verdict].name;
}

const char *verdict_text(enum verdict verdict)
{
	return verdicts[verdict].text;
}
