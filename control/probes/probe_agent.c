/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/probe_agent.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Bytes of the text that are not read yet. */
struct rest {
	const char *at;
	size_t length;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_separator(char c)
{
	return is_blank(c) || c == ',';
}

/* Without blanks at either end. */
static struct rest trim(struct rest text)
{
	while (text.length > 0 && is_blank(text.at[0])) {
		text.at++;
		text.length--;
	}
	while (text.length > 0 && is_blank(text.at[text.length - 1]))
		text.length--;
	return text;
}

static struct rest first_line(const char *text, size_t length)
{
	const char *end = length == 0 ? NULL : memchr(text, '\n', length);
	struct rest line = { text, end == NULL ? length : (size_t)(end - text) };

	if (line.length > 0 && line.at[line.length - 1] == '\r')
		line.length--;
	return line;
}

/* Digits and nothing else, of a number of at most `max`. */
static bool read_number(struct rest text, uint32_t max, uint32_t *number)
{
	*number = 0;
	for (size_t i = 0; i < text.length; i++) {
		if (!isdigit((unsigned char)text.at[i]))
			return false;
		*number = *number * 10 + (uint32_t)(text.at[i] - '0');
		if (*number > max)
			return false;
	}
	return text.length > 0;
}

static enum probe_word find_word(struct rest text)
{
	for (enum probe_word word = PROBE_WORD_NONE + 1; word < PROBE_WORD_COUNT; word++) {
		const char *name = probe_word_name(word);

		if (text.length == strlen(name) && strncasecmp(text.at, name, text.length) == 0)
			return word;
	}
	return PROBE_WORD_NONE;
}

static struct rest next_token(struct rest *line)
{
	struct rest token;

	while (line->length > 0 && is_separator(*line->at)) {
		line->at++;
		line->length--;
	}
	token.at = line->at;
	while (line->length > 0 && !is_separator(*line->at)) {
		line->at++;
		line->length--;
	}
	token.length = (size_t)(line->at - token.at);
	return token;
}

/* False where it is neither a word nor a percentage, or one too many. */
static bool read_token(struct rest token, struct probe_result *said)
{
	enum probe_word word = find_word(token);

	if (word != PROBE_WORD_NONE) {
		if (said->word != PROBE_WORD_NONE)
			return false;
		said->word = word;
		return true;
	}
	if (token.at[token.length - 1] != '%' || said->has_weight_percent)
		return false;
	token.length--;
	said->has_weight_percent =
		read_number(token, PROBE_WEIGHT_PERCENT_MAX, &said->weight_percent);
	return said->has_weight_percent;
}

enum agent_finding probe_agent_read(const char *text, size_t length, struct probe_result *result)
{
	struct rest line = first_line(text, length);
	struct probe_result said = { .word = PROBE_WORD_NONE };
	bool is_empty = true;
	struct rest token;

	if (line.length > PROBE_AGENT_LINE_MAX)
		return AGENT_SENSELESS;
	while ((token = next_token(&line)).length > 0) {
		if (!read_token(token, &said))
			return AGENT_SENSELESS;
		is_empty = false;
	}
	if (is_empty)
		return AGENT_MISSING;
	result->word = said.word;
	result->has_weight_percent = said.has_weight_percent;
	result->weight_percent = said.weight_percent;
	return AGENT_UNDERSTOOD;
}

enum agent_finding probe_weight_read(const char *text, size_t length, struct probe_result *result)
{
	struct rest value = trim((struct rest){ text, length });
	uint32_t weight;

	if (value.length == 0)
		return AGENT_MISSING;
	if (!read_number(value, PROBE_WEIGHT_MAX, &weight))
		return AGENT_SENSELESS;
	result->has_weight = true;
	result->weight = weight;
	return AGENT_UNDERSTOOD;
}
