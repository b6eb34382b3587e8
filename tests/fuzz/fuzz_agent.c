/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes are what a backend says of itself: a line of an agent, the header of its weight, and a
 * part of a sentence. Nothing is written where it is senseless; numbers are within their bounds; a
 * sentence is printable.
 */
#include <string.h>

#include "common/printable.h"
#include "probes/probe_agent.h"
#include "require.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

static bool is_empty(const struct probe_result *result)
{
	return result->word == PROBE_WORD_NONE && !result->has_weight &&
	       !result->has_weight_percent && result->weight == 0 && result->weight_percent == 0;
}

static void check_numbers(const struct probe_result *result)
{
	require((unsigned int)result->word < PROBE_WORD_COUNT);
	require(result->weight <= PROBE_WEIGHT_MAX);
	require(result->weight_percent <= PROBE_WEIGHT_PERCENT_MAX);
}

static void read_line(const char *bytes, size_t length)
{
	struct probe_result result = { .passed = false };
	enum agent_finding finding = probe_agent_read(bytes, length, &result);

	check_numbers(&result);
	require((finding == AGENT_UNDERSTOOD) == !is_empty(&result));
}

static void read_header(const char *bytes, size_t length)
{
	struct probe_result result = { .passed = false };
	enum agent_finding finding = probe_weight_read(bytes, length, &result);

	check_numbers(&result);
	require((finding == AGENT_UNDERSTOOD) == result.has_weight);
}

static void clean(const char *bytes, size_t length)
{
	char *text = strndup(bytes, length);
	size_t before;

	require(text != NULL);
	before = strlen(text);
	printable_make(text);
	require(strlen(text) <= before);
	for (const char *at = text; *at != '\0'; at++)
		require((unsigned char)*at >= ' ' && *at != 0x7f);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* of its very length */
	char *bytes = malloc(size == 0 ? 1 : size);

	require(bytes != NULL);
	if (size > 0)
		memcpy(bytes, data, size);
	read_line(bytes, size);
	read_header(bytes, size);
	clean(bytes, size);
	free(bytes);
	return 0;
}
