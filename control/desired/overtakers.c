/* SPDX-License-Identifier: BSD-3-Clause */
#include "desired/overtakers.h"

#include <stdlib.h>

void overtakers_init(struct overtakers *overtakers)
{
	STAILQ_INIT(&overtakers->list);
	overtakers->count = 0;
}

/* Takes the first off the list, and returns its arguments. */
static json_t *take_first(struct overtakers *overtakers)
{
	struct overtaker *first = STAILQ_FIRST(&overtakers->list);
	json_t *arguments = first->arguments;

	STAILQ_REMOVE_HEAD(&overtakers->list, next);
	overtakers->count--;
	free(first);
	return arguments;
}

void overtakers_fini(struct overtakers *overtakers)
{
	overtakers_forget(overtakers, UINT64_MAX);
}

json_t *overtakers_add(struct overtakers *overtakers, struct overtaker *overtaker)
{
	json_t *replaced = NULL;

	if (overtaker->source == DESIRED_DOCUMENT) {
		replaced = json_array();
		while (overtakers->count > 0)
			json_array_append_new(replaced, take_first(overtakers));
	}
	STAILQ_INSERT_TAIL(&overtakers->list, overtaker, next);
	overtakers->count++;
	return replaced;
}

void overtakers_forget(struct overtakers *overtakers, uint64_t oldest)
{
	const struct overtaker *first;

	while ((first = STAILQ_FIRST(&overtakers->list)) != NULL && first->number < oldest)
		json_decref(take_first(overtakers));
}

/* Leaves out a change whose object is not in the document any more. */
static void repeat(const struct overtaker *overtaker, struct config **config)
{
	struct config *next = NULL;
	struct error ignored;

	if (overtaker->source == DESIRED_DOCUMENT)
		next = config_read(overtaker->arguments, (*config)->hash_key, &ignored);
	else if (config_excerpt_edit(*config, &overtaker->excerpt, overtaker->edit,
			 overtaker->arguments, &next, &ignored) != 0)
		return;
	if (next == NULL)
		return;
	config_destroy(*config);
	*config = next;
}

void overtakers_repeat(const struct overtakers *overtakers, uint64_t number, struct config **config)
{
	const struct overtaker *overtaker;

	STAILQ_FOREACH(overtaker, &overtakers->list, next)
	if (overtaker->number > number)
		repeat(overtaker, config);
}
