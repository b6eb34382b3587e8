/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers with the whole configuration, and says whether its file still holds the same. A large
 * document takes long to print, so a thread does it, once for each revision.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "json/json_build.h"
#include "rpc/rpc_answer.h"
#include "rpc/rpc_message.h"

/* Someone who wants the document of a revision. */
struct api_reader {
	STAILQ_ENTRY(api_reader) next;
	struct rpc_call *call;
	bool with_revision;
	uint64_t revision;
};

/* A printed document, shared by the answers that are under way. Control thread. */
struct api_document {
	char *text; /* JSON; NULL: memory was short */
	size_t length;
	unsigned int owners;
};

static void release(void *context)
{
	struct api_document *document = context;

	if (document == NULL || --document->owners > 0)
		return;
	free(document->text);
	free(document);
}

/* An answer with the document in it. */
struct response {
	struct api_document *document;
	bool with_revision;
	uint64_t revision;
};

/* One piece, for the text is there already and is not copied into it. */
static enum rpc_step write_document(void *production, struct rpc_answer *answer)
{
	struct response *response = production;
	struct api_document *document = response->document;

	if (response->with_revision) {
		rpc_answer_open_object(answer, NULL);
		rpc_answer_value(answer, "revision", api_json_digest(response->revision));
	}
	document->owners++;
	rpc_answer_text(answer, response->with_revision ? "config" : NULL, document->text,
		document->length, release, document);
	if (response->with_revision)
		rpc_answer_close(answer);
	return RPC_STEP_LAST;
}

static void end_response(void *production)
{
	struct response *response = production;

	release(response->document);
	free(response);
}

static void answer(const struct api_printing *printing, const struct api_reader *reader)
{
	static const struct rpc_source source = { write_document, end_response };
	struct response *response = NULL;

	if (printing->document != NULL && printing->document->text != NULL)
		response = malloc(sizeof(*response));
	if (response == NULL) {
		rpc_call_error(reader->call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	printing->document->owners++;
	*response =
		(struct response){ printing->document, reader->with_revision, printing->revision };
	rpc_call_produce(reader->call, &source, response);
}

/* Printed once for each revision, all of it aside: a large document takes tens of milliseconds. */
static void work(struct background_job *job)
{
	struct api_printing *printing = job->context;
	json_t *printed = config_print(printing->config);
	struct api_document *document = calloc(1, sizeof(*document));

	printing->document = document;
	if (document != NULL) {
		document->owners = 1;
		document->text = json_dumps(printed, RPC_PRINT_FLAGS);
		document->length = document->text == NULL ? 0 : strlen(document->text);
	}
	json_decref(printed);
	config_destroy(printing->config);
}

void api_forget_document(struct api_printing *printing)
{
	release(printing->document);
	printing->document = NULL;
}

static void print(struct api *api);

/* Those who came after a further change want the document after it. */
static void printed(struct background_job *job)
{
	struct api_printing *printing = job->context;
	struct api *api = printing->api;
	struct api_reader_list waiting = STAILQ_HEAD_INITIALIZER(waiting);
	struct api_reader *reader;

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
	if (printing->document != NULL && printing->document->text == NULL)
		api_forget_document(printing); /* the next one who asks may have more luck */
	if (!STAILQ_EMPTY(&printing->readers))
		print(api);
}

static void print(struct api *api)
{
	struct api_printing *printing = &api->printing;
	struct api_reader *reader;

	api_forget_document(printing);
	printing->config = desired_config_ref(api->running.desired);
	printing->revision = desired_revision(api->running.desired);
	/* whoever waits gets this one, which is not older than what they asked for */
	for (reader = STAILQ_FIRST(&printing->readers); reader != NULL;
		reader = STAILQ_NEXT(reader, next))
		reader->revision = printing->revision;
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

void api_config_get(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	struct api_printing *printing = &api->printing;
	struct api_reader reader = {
		.call = call,
		.with_revision = params->with_revision,
		.revision = desired_revision(api->running.desired),
	};

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
	struct json_build object = json_build_begin();

	json_build_value(
		&object, "revision", api_json_digest(desired_revision(api->running.desired)));
	json_build_text(&object, "file", file.path);
	json_build_text(&object, "file_state", state_name(file.state));
	json_build_value(&object, "unsaved_since",
		file.unsaved_since == 0 ? json_null() : api_json_time(file.unsaved_since));
	return json_build_end(&object);
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
