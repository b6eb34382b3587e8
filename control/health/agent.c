/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/agent.h"

/* A weight of 0 is a wish to rest; a share is never 0. */
static void wish_for(struct agent_wish *wish, uint64_t wanted, uint64_t whole)
{
	if (wanted == 0)
		wish->rests = true;
	else if (wanted < whole)
		wish->share = (uint32_t)(wanted * FACTOR_ONE / whole);
	if (wish->share == 0)
		wish->share = 1;
}

struct agent_words agent_words_of(const struct probe_result *result)
{
	return (struct agent_words){
		.word = result->word,
		.has_weight = result->has_weight,
		.has_weight_percent = result->has_weight_percent,
		.weight = result->weight,
		.weight_percent = result->weight_percent,
	};
}

struct agent_wish agent_read(const struct agent_words *words, uint16_t weight)
{
	struct agent_wish wish = { .share = FACTOR_ONE };

	if (words->has_weight && weight != 0)
		wish_for(&wish, words->weight, weight);
	if (words->has_weight_percent)
		wish_for(&wish, words->weight_percent, 100);
	if (words->word == PROBE_WORD_DRAIN)
		wish.rests = true;
	if (words->word == PROBE_WORD_MAINT)
		wish.is_off = true;
	return wish;
}

/* Whether it is obeyed now. */
static bool linger(bool obeyed, bool wanted, uint64_t *until_ms, uint64_t now_ms)
{
	if (wanted || !obeyed)
		*until_ms = 0;
	else if (*until_ms == 0)
		*until_ms = now_ms + AGENT_WINDOW_MS;
	return wanted || (obeyed && now_ms < *until_ms);
}

bool agent_rest_follow(struct agent_rest *rest, const struct agent_wish *wish, uint64_t now_ms)
{
	struct agent_rest before = *rest;

	rest->rests = linger(rest->rests, wish->rests, &rest->rests_until_ms, now_ms);
	rest->is_off = linger(rest->is_off, wish->is_off, &rest->off_until_ms, now_ms);
	return rest->rests != before.rests || rest->is_off != before.is_off;
}

bool agent_budget_take(
	struct agent_budget *budget, uint64_t part, uint32_t percent, uint64_t now_ms)
{
	uint64_t whole = percent * UINT64_C(10000);
	uint64_t refilled = whole * (now_ms - budget->looked_ms) / AGENT_WINDOW_MS;

	budget->spent =
		budget->looked_ms == 0 || refilled > budget->spent ? 0 : budget->spent - refilled;
	budget->looked_ms = now_ms;
	/* a wish that is larger than the whole budget waits for a full one */
	if (budget->spent != 0 && budget->spent + part > whole)
		return false;
	budget->spent += part;
	return true;
}
