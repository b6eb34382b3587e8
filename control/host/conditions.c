/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/conditions.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void conditions_begin(struct conditions *conditions)
{
	for (size_t i = 0; i < conditions->count; i++)
		conditions->list[i].holds = false;
}

static struct condition *find(struct conditions *conditions, const char *sentence)
{
	for (size_t i = 0; i < conditions->count; i++)
		if (strcmp(conditions->list[i].sentence, sentence) == 0)
			return &conditions->list[i];
	return NULL;
}

void conditions_note(struct conditions *conditions, int64_t now_s, const struct event_about *about,
	const char *format, ...)
{
	char sentence[CONDITION_SENTENCE_SIZE];
	struct condition *condition;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	condition = find(conditions, sentence);
	if (condition == NULL) {
		if (conditions->count == CONDITIONS_MAX)
			return;
		condition = &conditions->list[conditions->count++];
		memcpy(condition->sentence, sentence, sizeof(sentence));
		condition->since_s = now_s;
		condition->kind = about->kind;
		condition->object = about->object;
		snprintf(condition->name, sizeof(condition->name), "%s",
			about->name == NULL ? "" : about->name);
		events_publish(about, "%s", sentence);
	}
	condition->holds = true;
}

static void publish_end(const struct condition *condition)
{
	const struct event_about about = {
		.kind = condition->kind,
		.level = EVENT_LEVEL_INFO,
		.object = condition->object,
		.name = condition->name,
	};

	events_publish(&about, "over: %s", condition->sentence);
}

void conditions_end(struct conditions *conditions)
{
	size_t kept = 0;

	for (size_t i = 0; i < conditions->count; i++) {
		if (!conditions->list[i].holds) {
			publish_end(&conditions->list[i]);
			continue;
		}
		if (kept != i)
			conditions->list[kept] = conditions->list[i];
		kept++;
	}
	conditions->count = kept;
}
