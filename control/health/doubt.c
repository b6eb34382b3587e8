/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/doubt.h"

#include <stdlib.h>

#include "common/events.h"

enum phase {
	CALM,
	ASKING,
	DOUBTING,
	RECOVERING, /* the witnesses are content, the checks may not be yet */
};

struct doubt {
	struct witness *witness;
	enum phase phase;
	uint32_t turns;
	uint64_t since_ms, well_ms;
	uint64_t asked_ms;   /* ASKING since then */
	uint64_t began_ms;   /* DOUBTING, or RECOVERING, since then */
	uint64_t content_ms; /* RECOVERING since then */
	uint64_t until_ms;   /* of RECOVERING */
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

static void turn(struct doubt *doubt, enum phase phase)
{
	doubt->phase = phase;
	doubt->turns++;
	if (phase == CALM)
		doubt->sentence[0] = '\0';
}

static void conclude(struct doubt *doubt, uint64_t now_ms)
{
	if (!witness_accuses(doubt->witness, doubt->well_ms, now_ms, doubt->sentence)) {
		turn(doubt, CALM);
		return;
	}
	doubt->began_ms = now_ms;
	turn(doubt, DOUBTING);
	events_publish(EVENT(HEALTH, WARNING, NODE, NULL, .cause = "doubt"),
		"this node suspects itself, as more than half of what it checks failed at once: "
		"%s; who serves stays as it was",
		doubt->sentence);
}

void doubt_raise(struct doubt *doubt, uint64_t since_ms, uint64_t well_ms, uint64_t now_ms)
{
	char sentence[WITNESS_SIZE];

	if (doubt->phase != CALM)
		return;
	doubt->since_ms = since_ms;
	doubt->well_ms = well_ms;
	doubt->asked_ms = now_ms;
	turn(doubt, ASKING);
	if (!witness_accuses(doubt->witness, well_ms, now_ms, sentence))
		witness_ask(doubt->witness);
	if (witness_is_done(doubt->witness))
		conclude(doubt, now_ms);
}

bool doubt_follow(struct doubt *doubt, const struct checker_change *change, uint64_t now_ms)
{
	if (!witness_follow(doubt->witness, change, now_ms))
		return false;
	if (doubt->phase == ASKING && witness_is_done(doubt->witness))
		conclude(doubt, now_ms);
	return true;
}

static void look_at_answers(struct doubt *doubt, uint64_t now_ms)
{
	if (now_ms - doubt->asked_ms >= DOUBT_ASKING_MS)
		witness_give_up(doubt->witness, now_ms);
	if (witness_is_done(doubt->witness))
		conclude(doubt, now_ms);
}

static void recover(struct doubt *doubt, uint64_t recovery_ms, uint64_t now_ms)
{
	if (recovery_ms > DOUBT_RECOVERY_MS)
		recovery_ms = DOUBT_RECOVERY_MS;
	doubt->content_ms = now_ms;
	doubt->until_ms = now_ms + recovery_ms;
	turn(doubt, RECOVERING);
	events_publish(EVENT(HEALTH, INFO, NODE, NULL, .cause = "doubt"),
		"what made this node suspect itself is over: checks count again within %u s",
		(unsigned int)((recovery_ms + 999) / 1000));
}

static void end_late(struct doubt *doubt)
{
	events_publish(EVENT(HEALTH, WARNING, NODE, NULL, .cause = "doubt"),
		"this node has suspected itself for %d s, and no longer does: checks count again, "
		"though %s",
		DOUBT_MOST_MS / 1000, doubt->sentence);
	turn(doubt, CALM);
}

static void look_at_witnesses(struct doubt *doubt, uint64_t recovery_ms, uint64_t now_ms)
{
	char sentence[WITNESS_SIZE];
	bool accused = witness_accuses(doubt->witness, doubt->well_ms, now_ms, sentence);

	if (doubt->phase == DOUBTING && !accused)
		recover(doubt, recovery_ms, now_ms);
	else if (accused && now_ms - doubt->began_ms >= DOUBT_MOST_MS)
		end_late(doubt);
	else if (doubt->phase == RECOVERING && accused)
		turn(doubt, DOUBTING);
	else if (doubt->phase == RECOVERING && now_ms >= doubt->until_ms)
		turn(doubt, CALM);
}

void doubt_look(struct doubt *doubt, uint64_t recovery_ms, uint64_t now_ms)
{
	witness_look(doubt->witness, now_ms);
	if (doubt->phase == ASKING)
		look_at_answers(doubt, now_ms);
	else if (doubt->phase != CALM)
		look_at_witnesses(doubt, recovery_ms, now_ms);
}

bool doubt_is_asking(const struct doubt *doubt)
{
	return doubt->phase == ASKING;
}

uint64_t doubt_wait_ms(const struct doubt *doubt, uint64_t now_ms)
{
	uint64_t until_ms = doubt->asked_ms + DOUBT_ASKING_MS;

	if (doubt->phase != ASKING)
		return 0;
	return until_ms > now_ms ? until_ms - now_ms : 1;
}

uint32_t doubt_turns(const struct doubt *doubt)
{
	return doubt->turns;
}

bool doubt_holds(const struct doubt *doubt, const struct doubt_pace *pace, uint64_t now_ms)
{
	uint64_t recovery_ms = pace->recovery_ms;

	if (recovery_ms > DOUBT_RECOVERY_MS)
		recovery_ms = DOUBT_RECOVERY_MS;
	switch (doubt->phase) {
	case DOUBTING: return true;
	case RECOVERING: return now_ms - doubt->content_ms < recovery_ms;
	default: return false;
	}
}

bool doubt_covers(
	const struct doubt *doubt, const struct doubt_pace *pace, uint64_t fell_ms, uint64_t now_ms)
{
	if (!doubt_holds(doubt, pace, now_ms) || fell_ms < doubt->since_ms)
		return false;
	return doubt->phase == DOUBTING || fell_ms <= doubt->content_ms + pace->timeout_ms;
}

const char *doubt_sentence(const struct doubt *doubt)
{
	return doubt->sentence;
}
