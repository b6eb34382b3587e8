/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/doubt.h"

#include <stdlib.h>

#include "common/events.h"

#define ANSWER_MS (2 * WITNESS_TIMEOUT_MS) /* that witnesses may take, on a busy machine too */

enum phase {
	CALM,
	ASKING,
	DOUBTING,
	RECOVERING, /* the witnesses are content, the checks may not be yet */
};

struct doubt {
	struct witness *witness;
	enum phase phase;
	uint64_t since_ms;
	uint64_t until_ms; /* of ASKING and RECOVERING */
	char sentence[WITNESS_SIZE];
};

struct doubt *doubt_create(struct checker *checker, struct port *const *ports, size_t port_count)
{
	struct doubt *doubt = calloc(1, sizeof(*doubt));

	if (doubt == NULL)
		return NULL;
	doubt->witness = witness_create(checker, ports, port_count);
	if (doubt->witness != NULL)
		return doubt;
	free(doubt);
	return NULL;
}

void doubt_destroy(struct doubt *doubt)
{
	if (doubt == NULL)
		return;
	witness_destroy(doubt->witness);
	free(doubt);
}

static void conclude(struct doubt *doubt)
{
	if (!witness_accuses(doubt->witness, doubt->sentence)) {
		doubt->phase = CALM;
		doubt->sentence[0] = '\0';
		return;
	}
	doubt->phase = DOUBTING;
	events_publish(EVENT(HEALTH, WARNING, NODE, NULL, .cause = "doubt"),
		"this node suspects itself, as more than half of a pool failed at once: %s; who serves "
		"stays as it was",
		doubt->sentence);
}

void doubt_raise(struct doubt *doubt, uint64_t since_ms, uint64_t now_ms)
{
	char sentence[WITNESS_SIZE];

	if (doubt->phase != CALM)
		return;
	doubt->since_ms = since_ms;
	doubt->phase = ASKING;
	doubt->until_ms = now_ms + ANSWER_MS;
	if (!witness_accuses(doubt->witness, sentence))
		witness_ask(doubt->witness);
	if (witness_is_done(doubt->witness))
		conclude(doubt);
}

bool doubt_follow(struct doubt *doubt, const struct checker_change *change, uint64_t now_ms)
{
	if (!witness_follow(doubt->witness, change))
		return false;
	if (doubt->phase == ASKING && witness_is_done(doubt->witness))
		conclude(doubt);
	return true;
}

static void recover(struct doubt *doubt, uint64_t calm_ms, uint64_t now_ms)
{
	char sentence[WITNESS_SIZE];

	if (witness_accuses(doubt->witness, sentence))
		return;
	doubt->phase = RECOVERING;
	doubt->until_ms = now_ms + calm_ms;
	events_publish(EVENT(HEALTH, INFO, NODE, NULL, .cause = "doubt"),
		"what made this node suspect itself is over: checks count again in %u s",
		(unsigned int)((calm_ms + 999) / 1000));
}

bool doubt_look(struct doubt *doubt, uint64_t calm_ms, uint64_t now_ms)
{
	enum phase before = doubt->phase;
	char sentence[WITNESS_SIZE];

	witness_look(doubt->witness);
	switch (doubt->phase) {
	case ASKING:
		if (now_ms >= doubt->until_ms)
			conclude(doubt);
		break;
	case DOUBTING: recover(doubt, calm_ms, now_ms); break;
	case RECOVERING:
		if (witness_accuses(doubt->witness, sentence))
			doubt->phase = DOUBTING;
		else if (now_ms >= doubt->until_ms)
			doubt->phase = CALM;
		break;
	default: break;
	}
	if (doubt->phase == CALM)
		doubt->sentence[0] = '\0';
	return doubt->phase != before;
}

bool doubt_is_asking(const struct doubt *doubt)
{
	return doubt->phase == ASKING;
}

uint64_t doubt_since(const struct doubt *doubt)
{
	return doubt->phase == DOUBTING || doubt->phase == RECOVERING ? doubt->since_ms : 0;
}

const char *doubt_sentence(const struct doubt *doubt)
{
	return doubt->sentence;
}
