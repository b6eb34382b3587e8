/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/verdict.h"

#include <assert.h>

static_assert(VERDICT_NEXT == 0 && VERDICT_FORWARDED == 1 && VERDICT_LEFT_TO_HOST == 2 &&
		      VERDICT_NO_HOST_PATH == 3 && VERDICT_NO_SERVICE == 4 &&
		      VERDICT_NO_BACKEND == 5 && VERDICT_FRAGMENT == 6 &&
		      VERDICT_MTU_EXCEEDED == 7 && VERDICT_MALFORMED == 8 &&
		      VERDICT_TRUNCATED == 9 && VERDICT_MULTI_SEGMENT == 10 &&
		      VERDICT_NO_HEADROOM == 11 && VERDICT_TRANSMIT_FULL == 12,
	"numbers of verdicts stay: add new ones at the end of the table, and here");
static_assert(VERDICT_COUNT == 13, "a new verdict has its number held above");

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
