/* SPDX-License-Identifier: BSD-3-Clause */
/* suggestion: the known word that a misspelt one probably stands for. */
#pragma once

#include <stddef.h>

struct suggestion {
	const char *meant; /* NULL: nothing that was offered comes near */
	size_t distance;
};

/* Offers one known word; `suggestion` keeps the nearest to `word` so far. Starts as { 0 }. Near is
 * at most one wrong, missing, extra or swapped letter in three. */
void suggestion_offer(struct suggestion *suggestion, const char *word, const char *known);
