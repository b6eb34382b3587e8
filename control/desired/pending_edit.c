/* SPDX-License-Identifier: BSD-3-Clause */
/* The edit of a change, in the work thread. in_force and overtakers do not change meanwhile. */
#include <errno.h>

#include "desired/pending.h"
#include "edit/config_changes.h"
#include "edit/config_differences.h"

static int make_config(struct pending *pending)
{
	const struct desired_change *change = &pending->change;
	const struct config *config = pending->in_force->config;
	int code = 0;

	switch (change->source) {
	case DESIRED_FILE: break; /* it has been loaded */
	case DESIRED_EDIT:
		code = config_excerpt_edit(config, &change->excerpt, change->edit,
			change->arguments, &pending->config, &pending->error);
		if (code == -ENOENT)
			config_excerpt_suggest(config, &change->excerpt, &pending->error);
		else if (code != 0)
			config_excerpt_name_path(config, &pending->error);
		break;
	case DESIRED_DOCUMENT:
		pending->config =
			pending_validate_document(pending, change->arguments, config->hash_key);
		break;
	case DESIRED_SAVE: pending->config = config_copy(config, &pending->error); break;
	}
	return code != 0 ? code : pending->config == NULL ? -EINVAL : 0;
}

static int check_revision(struct pending *pending)
{
	uint64_t in_force = pending->in_force->digest.all;

	if (!pending->change.has_revision || pending->change.revision == in_force)
		return 0;
	return error_set(&pending->error, -ESTALE,
		"the configuration is at revision %016lx and not at %016lx: it was changed since "
		"that one was read",
		(unsigned long)in_force, (unsigned long)pending->change.revision);
}

static void describe(struct pending *pending)
{
	bool is_whole = pending->change.source == DESIRED_FILE ||
			pending->change.source == DESIRED_DOCUMENT;

	pending->changes[0] = '\0';
	if (is_whole && pending->digest.all != pending->in_force->digest.all)
		config_changes_describe(pending->in_force->config, pending->config,
			pending->changes, sizeof(pending->changes));
	json_decref(pending->differences);
	pending->differences =
		is_whole && pending->change.dry_run
			? config_differences(pending->in_force->config, pending->config)
			: NULL;
}

void pending_work_on_edit(struct background_job *job)
{
	struct pending *pending = job->context;

	pending->error.message[0] = '\0';
	pending->code = pending->stored ? 0 : check_revision(pending);
	if (pending->code == 0 && pending->config == NULL)
		pending->code = make_config(pending);
	/* the file gets what was in force when the save was requested; overtakers are added after
	 * that */
	if (pending->code == 0 && (pending->change.source != DESIRED_SAVE || pending->stored))
		overtakers_repeat(pending->overtakers, pending->number, &pending->config);
	if (pending->code == 0)
		pending->code = config_compare_restart(
			pending->in_force->config, pending->config, &pending->error);
	if (pending->code == 0) {
		pending->digest = config_digest_of(pending->config);
		describe(pending);
	}
}
