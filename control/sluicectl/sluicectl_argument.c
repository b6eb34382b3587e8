/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_argument.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/suggestion.h"

#define NUMBER_MAX  9007199254740991UL
#define SECONDS_MAX 4294967295UL
#define PORT_MAX    65535UL
#define WEIGHT_MAX  65535UL
#define COUNT_MAX   65535UL
#define TURN_MAX    15

bool argument_is_option(const struct argument *argument)
{
	return argument->name[0] == '-';
}

bool argument_takes_value(const struct argument *argument)
{
	return argument->kind != ARGUMENT_FLAG && argument->kind != ARGUMENT_MARK &&
	       argument->kind != ARGUMENT_SWITCH;
}

/* Sets "a.b" as member b of object a, which is made where it is missing. Takes over `value`. */
static void set_member(json_t *params, const char *path, json_t *value)
{
	const char *dot = strchr(path, '.');
	char name[32];
	json_t *object = params;

	if (dot != NULL) {
		snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
		object = json_object_get(params, name);
		if (object == NULL) {
			object = json_object();
			if (json_object_set_new(params, name, object) != 0)
				errx(1, "out of memory");
		}
		path = dot + 1;
	}
	if (json_object_set_new(object, path, value) != 0)
		errx(1, "out of memory");
}

static bool read_number(
	const char *text, unsigned long least, unsigned long most, unsigned long *number)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*number = strtoul(text, &end, 10);
	return errno == 0 && *end == '\0' && *number >= least && *number <= most;
}

static int store_text(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	json_t *value = json_string(text);

	if (value == NULL)
		return error_set(error, -EINVAL, "%s: not UTF-8", argument->name);
	set_member(params, argument->member, value);
	return 0;
}

static int store_number(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	unsigned long number;

	if (!read_number(text, 0, NUMBER_MAX, &number))
		return error_set(
			error, -EINVAL, "%s: \"%s\" is not a number", argument->name, text);
	set_member(params, argument->member, json_integer(number));
	return 0;
}

/* The percentage in "50%", or 0 where it is none. */
static unsigned long read_percent(const char *text)
{
	size_t length = strlen(text);
	unsigned long percent;
	char digits[4];

	if (length < 2 || length > sizeof(digits) || text[length - 1] != '%')
		return 0;
	snprintf(digits, sizeof(digits), "%.*s", (int)length - 1, text);
	return read_number(digits, 1, 100, &percent) ? percent : 0;
}

static int store_weight(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	unsigned long number, percent = read_percent(text);
	char percent_member[64];

	if (percent > 0) {
		snprintf(percent_member, sizeof(percent_member), "%s_percent", argument->member);
		set_member(params, percent_member, json_integer(percent));
		return 0;
	}
	if (!read_number(text, 0, WEIGHT_MAX, &number))
		return error_set(error, -EINVAL,
			"%s: \"%s\" is neither a weight (0-65535) nor a share of it (1%%-100%%)",
			argument->name, text);
	set_member(params, argument->member, json_integer(number));
	return 0;
}

static int store_threshold(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	unsigned long number;

	if (read_percent(text) > 0 || strcmp(text, "0%") == 0)
		return store_text(argument, text, params, error);
	if (!read_number(text, 0, COUNT_MAX, &number))
		return error_set(error, -EINVAL,
			"%s: \"%s\" is neither a number (0-65535) nor a percentage (0%%-100%%)",
			argument->name, text);
	set_member(params, argument->member, json_integer(number));
	return 0;
}

static int store_yes_no(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	bool is_true = strcmp(text, "true") == 0;

	if (!is_true && strcmp(text, "false") != 0)
		return error_set(error, -EINVAL, "%s: \"%s\" is neither true nor false",
			argument->name, text);
	set_member(params, argument->member, json_boolean(is_true));
	return 0;
}

static int store_object(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	json_error_t cause;
	json_t *object;

	if (text[strspn(text, " \t\n")] != '{')
		return error_set(error, -EINVAL,
			"%s: \"%s\" is not an object in JSON (as '{\"key\": \"value\"}')",
			argument->name, text);
	object = json_loads(text, JSON_REJECT_DUPLICATES, &cause);
	if (object == NULL)
		return error_set(error, -EINVAL, "%s: line %d column %d: %s", argument->name,
			cause.line, cause.column, cause.text);
	set_member(params, argument->member, object);
	return 0;
}

static int store_flows(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	return strchr(text, '{') != NULL ? store_object(argument, text, params, error)
					 : store_text(argument, text, params, error);
}

/* Seconds in a unit, 0 where there is no such unit. */
static unsigned long unit_seconds(const char *unit)
{
	static const struct {
		const char *name;
		unsigned long seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].name, unit) == 0)
			return units[i].seconds;
	return 0;
}

static int store_duration(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long number, seconds = unit_seconds(text + digits);
	char count[16];

	snprintf(count, sizeof(count), "%.*s", (int)digits, text);
	if (seconds == 0 || digits >= sizeof(count) ||
		!read_number(count, 0, SECONDS_MAX / seconds, &number))
		return error_set(error, -EINVAL,
			"%s: \"%s\" is not a duration (as 90, 90s, 10m, 2h or 1d)", argument->name,
			text);
	if (number == 0)
		return error_set(error, -EINVAL, "%s: \"%s\" is no time: a second is the least",
			argument->name, text);
	set_member(params, argument->member, json_integer(number * seconds));
	return 0;
}

static int store_port(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	unsigned long number;

	if (strcmp(text, "any") == 0)
		return store_text(argument, text, params, error);
	if (!read_number(text, 1, PORT_MAX, &number))
		return error_set(error, -EINVAL, "%s: \"%s\" is not a port (1-65535) or any",
			argument->name, text);
	set_member(params, argument->member, json_integer(number));
	return 0;
}

static int store_choice(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	struct suggestion suggestion = { 0 };
	char list[256] = "";
	size_t used = 0;

	for (size_t i = 0; argument->words[i] != NULL; i++) {
		if (strcmp(argument->words[i], text) == 0)
			return store_text(argument, text, params, error);
		suggestion_offer(&suggestion, text, argument->words[i]);
		if (used < sizeof(list))
			used += snprintf(list + used, sizeof(list) - used, "%s%s",
				i == 0 ? "" : ", ", argument->words[i]);
	}
	if (suggestion.meant != NULL)
		return error_set(error, -EINVAL, "%s: \"%s\" is not one of %s; did you mean %s?",
			argument->name, text, list, suggestion.meant);
	return error_set(error, -EINVAL, "%s: \"%s\" is not one of %s", argument->name, text, list);
}

/* Each is judged as if it were the only one. */
static int store_words(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	json_t *list = json_array();

	for (const char *at = text;; at++) {
		size_t length = strcspn(at, ",");
		json_t *word = json_stringn(at, length), *one = json_object();
		int code = word == NULL
				   ? error_set(error, -EINVAL, "%s: not UTF-8", argument->name)
				   : store_choice(argument, json_string_value(word), one, error);

		json_decref(one);
		if (code != 0) {
			json_decref(word);
			json_decref(list);
			return code;
		}
		json_array_append_new(list, word);
		at += length;
		if (*at == '\0')
			break;
	}
	set_member(params, argument->member, list);
	return 0;
}

static int refuse_endpoint(const struct argument *argument, const char *text, struct error *error)
{
	return error_set(error, -EINVAL, "%s: \"%s\" is not ADDRESS:PORT or [IPV6]:PORT",
		argument->name, text);
}

static int store_endpoint(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	const char *colon = strrchr(text, ':');
	char address[64], port_member[64];
	size_t length = colon != NULL ? (size_t)(colon - text) : 0;
	unsigned long port;

	if (length < 3 || length >= sizeof(address) || !read_number(colon + 1, 0, PORT_MAX, &port))
		return refuse_endpoint(argument, text, error);
	/* no address is shorter than "::", and brackets with nothing in them are none */
	if (text[0] == '[' && text[length - 1] == ']')
		snprintf(address, sizeof(address), "%.*s", (int)length - 2, text + 1);
	else if (memchr(text, ':', length) == NULL)
		snprintf(address, sizeof(address), "%.*s", (int)length, text);
	else /* which colon begins the port of fd00::1:80 is anybody's guess */
		return refuse_endpoint(argument, text, error);
	snprintf(port_member, sizeof(port_member), "%s_port", argument->member);
	set_member(params, port_member, json_integer(port));
	return store_text(argument, address, params, error);
}

/* Reads the number behind `sign`, where that is next; false where it is none. */
static bool read_signed(const char **text, char sign, unsigned long most, long *number)
{
	size_t digits;
	char copy[8];
	unsigned long value;

	*number = -1;
	if (**text != sign)
		return true;
	digits = strspn(++*text, "0123456789");
	if (digits == 0 || digits >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)digits, *text);
	*text += digits;
	if (!read_number(copy, 0, most, &value))
		return false;
	*number = (long)value;
	return true;
}

/* A number, or one with a percent sign, behind a colon; NULL where there is neither. */
static json_t *read_threshold(const char **text)
{
	size_t digits = strspn(*text + 1, "0123456789");
	const char *start = *text + 1;
	bool is_percent;

	if (**text != ':' || digits == 0 || digits > 5)
		return NULL;
	is_percent = start[digits] == '%';
	*text = start + digits + is_percent;
	return is_percent ? json_stringn(start, digits + 1) : json_integer(atol(start));
}

/*
 * POOL, POOL=WEIGHT, POOL:TURN or POOL=WEIGHT:TURN, a turn also with :THRESHOLD behind it, up to a
 * comma or the end. NULL: it is none.
 */
static json_t *read_share(const char **text)
{
	size_t length = strcspn(*text, "=:,");
	json_t *share = json_pack("{s:s%}", "pool", *text, length);
	json_t *below = NULL;
	long weight, turn = -1;

	*text += length;
	if (length == 0 || share == NULL || !read_signed(text, '=', WEIGHT_MAX, &weight) ||
		!read_signed(text, ':', TURN_MAX, &turn)) {
		json_decref(share);
		return NULL;
	}
	if (turn >= 0)
		below = read_threshold(text);
	if (below != NULL)
		json_object_set_new(share, "below", below);
	if (**text != ',' && **text != '\0') {
		json_decref(share);
		return NULL;
	}
	if (weight >= 0)
		json_object_set_new(share, "weight", json_integer(weight));
	if (turn >= 0)
		json_object_set_new(share, "backup", json_integer(turn));
	return share;
}

/* Of those that are no backups: one that has no weight although another has one; NULL: none. */
static const json_t *find_without_weight(const json_t *shares)
{
	const json_t *share, *without = NULL;
	size_t index, with_count = 0;

	json_array_foreach (shares, index, share) {
		if (json_object_get(share, "backup") != NULL)
			continue;
		if (json_object_get(share, "weight") != NULL)
			with_count++;
		else if (without == NULL)
			without = share;
	}
	return with_count > 0 ? without : NULL;
}

/* Who gives one pool a weight and forgets another means no weight of 100 for that. */
static int check_weights(const struct argument *argument, const json_t *shares, struct error *error)
{
	const json_t *without = find_without_weight(shares);
	const char *pool = json_string_value(json_object_get(without, "pool"));

	if (without == NULL)
		return 0;
	return error_set(error, -EINVAL, "%s: pool %s wants a weight, too (%s=N)", argument->name,
		pool, pool);
}

static int store_shares(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	json_t *shares = json_array();
	const char *at = text;

	for (;;) {
		json_t *share = read_share(&at);

		if (share == NULL || json_array_append_new(shares, share) != 0) {
			json_decref(shares);
			return error_set(error, -EINVAL,
				"%s: \"%s\" is not a list of pools (as web=95,canary=5,spare:1: with a "
				"weight, and as the first backup)",
				argument->name, text);
		}
		if (*at == '\0')
			break;
		at++;
	}
	if (check_weights(argument, shares, error) != 0) {
		json_decref(shares);
		return -EINVAL;
	}
	set_member(params, argument->member, shares);
	return 0;
}

static int store_document(
	const struct argument *argument, const char *path, json_t *params, struct error *error)
{
	bool from_input = strcmp(path, "-") == 0;
	FILE *file = from_input ? stdin : fopen(path, "re");
	json_error_t cause;
	json_t *document;

	if (file == NULL)
		return error_set(error, -ENOENT, "%s: %m", path);
	document = json_loadf(file, JSON_REJECT_DUPLICATES, &cause);
	if (!from_input)
		fclose(file);
	if (document == NULL)
		return error_set(error, -EBADMSG, "%s: line %d column %d: %s", path, cause.line,
			cause.column, cause.text);
	set_member(params, argument->member, document);
	return 0;
}

int argument_store(
	const struct argument *argument, const char *text, json_t *params, struct error *error)
{
	switch (argument->kind) {
	case ARGUMENT_TEXT: return store_text(argument, text, params, error);
	case ARGUMENT_NUMBER: return store_number(argument, text, params, error);
	case ARGUMENT_WEIGHT: return store_weight(argument, text, params, error);
	case ARGUMENT_DURATION: return store_duration(argument, text, params, error);
	case ARGUMENT_PORT: return store_port(argument, text, params, error);
	case ARGUMENT_CHOICE: return store_choice(argument, text, params, error);
	case ARGUMENT_WORDS: return store_words(argument, text, params, error);
	case ARGUMENT_YES_NO: return store_yes_no(argument, text, params, error);
	case ARGUMENT_THRESHOLD: return store_threshold(argument, text, params, error);
	case ARGUMENT_OBJECT: return store_object(argument, text, params, error);
	case ARGUMENT_FLOWS: return store_flows(argument, text, params, error);
	case ARGUMENT_ENDPOINT: return store_endpoint(argument, text, params, error);
	case ARGUMENT_SHARES: return store_shares(argument, text, params, error);
	case ARGUMENT_DOCUMENT: return store_document(argument, text, params, error);
	case ARGUMENT_FLAG:
	case ARGUMENT_MARK:
	case ARGUMENT_SWITCH: break;
	}
	set_member(params, argument->member, json_true());
	return 0;
}

void argument_store_absent(const struct argument *argument, json_t *params)
{
	if (argument->kind == ARGUMENT_FLAG)
		set_member(params, argument->member, json_false());
}

void argument_print_usage(const struct argument *argument, FILE *out)
{
	fprintf(out, "%s%s", argument->required ? "" : "[", argument->name);
	if (argument_is_option(argument) && argument_takes_value(argument))
		fprintf(out, " %s", argument->value);
	fputs(argument->required ? "" : "]", out);
}
