/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as a whole: told to readers, and how it and its file stand to each other. A
 * large document takes long to print, so a thread does it, once for each revision.
 */
#include <stddef.h>
#include <stdlib.h>

#include "api_internal.h"
#include "json.h"

/* Someone who wants the document of a revision. */
struct api_reader {
	STAILQ_ENTRY(api_reader) next;
	struct rpc_call *call;
	bool with_revision;
	uint64_t revision;
};

static void answer(const struct api_printing *printing, const struct api_reader *reader)
{
	if (reader->with_revision)
		rpc_call_result(reader->call,
			json_pack("{s:o, s:O}", "revision", api_json_digest(printing->revision),
				"config", printing->document));
	else
		rpc_call_result(reader->call, json_incref(printing->document));
}

static void work(struct background_job *job)
{
	struct api_printing *printing = job->context;

	printing->document = config_print(printing->config);
}

static void print(struct api *api);

/* Those who came after a further change want the document after it. */
static void printed(struct background_job *job)
{
	struct api_printing *printing = job->context;
	struct api *api = printing->api;
	struct api_reader_list waiting = STAILQ_HEAD_INITIALIZER(waiting);
	struct api_reader *reader;

	config_destroy(printing->config);
	printing->config = NULL;
	STAILQ_CONCAT(&waiting, &printing->readers);
	while ((reader = STAILQ_FIRST(&waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&waiting, next);
		if (reader->revision != printing->revision) {
			STAILQ_INSERT_TAIL(&printing->readers, reader, next);
			continue;
		}
		answer(printing, reader);
		free(reader);
	}
	if (!STAILQ_EMPTY(&printing->readers))
		print(api);
}

static void print(struct api *api)
{
	struct api_printing *printing = &api->printing;

	json_decref(printing->document);
	printing->document = NULL;
	printing->config = desired_share(api->running.desired);
	printing->revision = desired_revision(api->running.desired);
	printing->api = api;
	printing->job = (struct background_job){
		.work = work,
		.done = printed,
		.context = printing,
	};
	background_run(api->running.work, &printing->job);
}

static void wait_for_document(struct api *api, const struct api_reader *wanted)
{
	struct api_printing *printing = &api->printing;
	struct api_reader *reader = malloc(sizeof(*reader));

	if (reader == NULL) {
		rpc_call_error(wanted->call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	*reader = *wanted;
	STAILQ_INSERT_TAIL(&printing->readers, reader, next);
	if (printing->config == NULL)
		print(api);
}

void api_config_get(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = {
		{ "revision", JSON_OPTIONAL, offsetof(struct api_reader, with_revision),
			api_read_bool },
		{ NULL, 0, 0, NULL },
	};
	struct api *api = context;
	struct api_printing *printing = &api->printing;
	struct api_reader reader = {
		.call = call,
		.revision = desired_revision(api->running.desired),
	};

	if (api_read_params(params, members, &reader, call) != 0)
		return;
	if (printing->config == NULL && printing->document != NULL &&
		printing->revision == reader.revision)
		answer(printing, &reader);
	else
		wait_for_document(api, &reader);
}

static const char *state_name(enum config_file_state state)
{
	static const char *const names[] = {
		[CONFIG_FILE_SAME] = "same",
		[CONFIG_FILE_EDITED] = "edited",
		[CONFIG_FILE_ELSEWHERE] = "elsewhere",
		[CONFIG_FILE_UNREADABLE] = "unreadable",
	};

	return names[state];
}

json_t *api_json_configuration(const struct api *api)
{
	struct desired_file file = desired_file(api->running.desired);

	return json_pack("{s:o, s:s, s:s, s:o}", "revision",
		api_json_digest(desired_revision(api->running.desired)), "file", file.path,
		"file_state", state_name(file.state), "unsaved_since",
		file.unsaved_since == 0 ? json_null() : api_json_time(file.unsaved_since));
}

static const char *state_warning(enum config_file_state state)
{
	switch (state) {
	case CONFIG_FILE_EDITED: return "has been edited and is not loaded";
	case CONFIG_FILE_ELSEWHERE: return "leads to another file than was loaded";
	case CONFIG_FILE_UNREADABLE: return "cannot be read any more";
	default: return NULL;
	}
}

void api_warn_of_file(const struct api *api, json_t *list)
{
	struct desired_file file = desired_file(api->running.desired);
	const char *warning = state_warning(file.state);
	json_t *since;

	if (warning != NULL)
		json_array_append_new(
			list, json_sprintf("the configuration file %s %s", file.path, warning));
	if (file.unsaved_since == 0)
		return;
	since = api_json_time(file.unsaved_since);
	json_array_append_new(list,
		json_sprintf(
			"what runs differs from the configuration file since %s: the next change "
			"that is not volatile, or config.save, writes it",
			json_string_value(since)));
	json_decref(since);
}
