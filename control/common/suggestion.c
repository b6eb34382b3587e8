/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/suggestion.h"

#include <string.h>

#define WORD_MAX 32

static size_t least(size_t a, size_t b, size_t c)
{
	size_t low = a < b ? a : b;

	return low < c ? low : c;
}

/*
 * Optimal string alignment distance (Damerau 1964, Levenshtein 1966): the changes of one letter,
 * or swaps of neighbours, that make one word of the other. Both have at most WORD_MAX letters.
 */
static size_t measure_distance(const char *from, const char *to)
{
	size_t cost[WORD_MAX + 1][WORD_MAX + 1];
	size_t rows = strlen(from), columns = strlen(to);

	for (size_t i = 0; i <= rows; i++)
		cost[i][0] = i;
	for (size_t j = 0; j <= columns; j++)
		cost[0][j] = j;
	for (size_t i = 1; i <= rows; i++) {
		for (size_t j = 1; j <= columns; j++) {
			cost[i][j] = least(cost[i - 1][j] + 1, cost[i][j - 1] + 1,
				cost[i - 1][j - 1] + (from[i - 1] != to[j - 1]));
			if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
				cost[i][j] = least(cost[i][j], cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost[rows][columns];
}

void suggestion_offer(struct suggestion *suggestion, const char *word, const char *known)
{
	size_t distance;

	if (strlen(word) > WORD_MAX || strlen(known) > WORD_MAX)
		return;
	distance = measure_distance(word, known);
	if (distance > (strlen(known) + 2) / 3)
		return;
	if (suggestion->meant != NULL && distance >= suggestion->distance)
		return;
	suggestion->meant = known;
	suggestion->distance = distance;
}
