/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_schema.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "config/config_keys.h"
#include "json/json_schema.h"

static const char description[] =
	"What one document can say by itself. Rules that look at several values at once (unique "
	"names, dangling references, prime numbers of slots, next hops, tunnel sources) are judged "
	"by sluiced --check.";

static int finish(FILE *file)
{
	return fflush(file) == 0 && !ferror(file) ? 0 : -EIO;
}

int config_schema_print(FILE *file)
{
	json_t *schema = json_schema_document(config_keys, "Configuration of sluice", description);
	int result;

	if (schema == NULL)
		return -ENOMEM;
	result = json_dumpf(schema, file, JSON_INDENT(2));
	json_decref(schema);
	fputc('\n', file);
	return result == 0 ? finish(file) : -EIO;
}

int config_schema_write_manual(FILE *input, FILE *file)
{
	char line[1024];
	bool is_found = false;

	while (fgets(line, sizeof(line), input) != NULL) {
		if (strcmp(line, "@KEYS@\n") != 0) {
			fputs(line, file);
			continue;
		}
		json_schema_write_manual(config_keys, file);
		is_found = true;
	}
	return is_found ? finish(file) : -EINVAL;
}
