/* SPDX-License-Identifier: BSD-3-Clause */
#include "json/findings.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void findings_init(struct findings *findings, size_t limit)
{
	assert(limit >= 1 && limit <= FINDINGS_MAX);
	findings->limit = limit;
	findings->count = 0;
	findings->is_over = false;
	findings->is_partial = false;
}

bool findings_is_full(const struct findings *findings)
{
	return findings->is_over || findings->count == findings->limit;
}

static int add(struct findings *findings, const char *sentence)
{
	if (!findings_is_full(findings))
		error_set(&findings->errors[findings->count++], -EINVAL, "%s", sentence);
	return findings_is_full(findings) ? -EINVAL : 0;
}

int findings_add(struct findings *findings, const char *format, ...)
{
	char sentence[sizeof(struct error)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	return add(findings, sentence);
}

int findings_out_of_memory(struct findings *findings)
{
	add(findings, "out of memory");
	findings->is_over = true;
	return -ENOMEM;
}

int findings_take(struct findings *findings, int code, struct error *error)
{
	if (code == 0)
		return 0;
	if (error->message[0] != '\0')
		add(findings, error->message);
	error->message[0] = '\0';
	findings->is_over |= code == -ENOMEM;
	return findings_is_full(findings) ? code : 0;
}

int findings_first(const struct findings *findings, struct error *error)
{
	if (findings->count == 0)
		return 0;
	return error_set(
		error, findings->is_over ? -ENOMEM : -EINVAL, "%s", findings->errors[0].message);
}
