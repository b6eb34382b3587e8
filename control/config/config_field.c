/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_field.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "packet/address.h"
#include "config/config.h"

#define TEXT_MAX 1023 /* characters of a device string, an argument or a path */
#define MAC_TEXT 17   /* characters of 02:00:00:00:00:21 */

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool is_name(const char *text)
{
	static const char allowed[] = ALPHANUMERIC "._-";
	size_t length = strlen(text);

	return length > 0 && length < CONFIG_NAME_SIZE && strspn(text, allowed) == length &&
	       text[0] != '-' && text[0] != '.';
}

int config_field_read_name(const struct json_path *path, void *field, struct error *error)
{
	static const char wanted[] =
		"a name (1-63 of A-Z a-z 0-9 . _ -, starting with neither . nor -)";
	const char *text = json_read_string(path, wanted, error);

	if (text == NULL)
		return -EINVAL;
	if (!is_name(text))
		return json_mismatch(path, wanted, error);
	strcpy(field, text);
	return 0;
}

int config_field_read_key(const struct json_path *path, void *field, struct error *error)
{
	static const char wanted[] = "a key (1-63 of A-Z a-z 0-9 . _ : -)";
	static const char allowed[] = ALPHANUMERIC "._:-";
	const char *text = json_read_string(path, wanted, error);
	size_t length;

	if (text == NULL)
		return -EINVAL;
	length = strlen(text);
	if (length == 0 || length >= CONFIG_KEY_SIZE || strspn(text, allowed) != length)
		return json_mismatch(path, wanted, error);
	strcpy(field, text);
	return 0;
}

static const char *ipv4_flaw(const uint8_t bytes[4])
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };
	static const uint8_t unspecified[4];

	if (memcmp(bytes, unspecified, 4) == 0)
		return "the unspecified address";
	if (bytes[0] == 127)
		return "a loopback address";
	if ((bytes[0] & 0xf0) == 0xe0)
		return "a multicast address";
	if (memcmp(bytes, broadcast, 4) == 0)
		return "the broadcast address";
	return NULL;
}

static const char *ipv6_flaw(const uint8_t bytes[16])
{
	static const uint8_t unspecified[16];
	static const uint8_t loopback[16] = { [15] = 1 };
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(bytes, unspecified, 16) == 0)
		return "the unspecified address";
	if (memcmp(bytes, loopback, 16) == 0)
		return "a loopback address";
	if (bytes[0] == 0xff)
		return "a multicast address";
	if (memcmp(bytes, mapped, 12) == 0)
		return "an IPv4-mapped address, which no packet carries";
	return NULL;
}

int config_field_read_address(const struct json_path *path, void *field, struct error *error)
{
	struct address *address = field;
	const char *text = json_read_string(path, "an address", error);
	const char *flaw;

	if (text == NULL)
		return -EINVAL;
	if (address_parse(text, address) != 0)
		return json_mismatch(path, "an address", error);
	flaw = address->family == ADDRESS_IPV4 ? ipv4_flaw(address->bytes)
					       : ipv6_flaw(address->bytes);
	if (flaw != NULL)
		return json_refuse(path, error, "%s is %s", text, flaw);
	return 0;
}

/* Whether an address stands before the slash. */
static bool is_prefix(const char *text)
{
	char head[ADDRESS_TEXT_SIZE];
	struct address address;
	size_t length = strcspn(text, "/");

	if (text[length] == '\0' || length >= sizeof(head))
		return false;
	memcpy(head, text, length);
	head[length] = '\0';
	return address_parse(head, &address) == 0;
}

int config_field_read_vip(const struct json_path *path, void *field, struct error *error)
{
	const char *text = json_string_value(path->value);
	char quoted[JSON_QUOTE_SIZE];

	if (text != NULL && is_prefix(text))
		return json_refuse(path, error, "%s is a prefix, which is not in this version",
			json_quote(text, quoted));
	return config_field_read_address(path, field, error);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two hex digits as a byte, or -1; reads the second only where the first is one. */
static int hex_byte(const char *text)
{
	int high = hex_digit(text[0]);
	int low = high < 0 ? -1 : hex_digit(text[1]);

	return low < 0 ? -1 : high << 4 | low;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	if (strlen(text) != MAC_TEXT)
		return false;
	for (size_t i = 0; i < 6; i++) {
		int byte = hex_byte(text + 3 * i);

		if (byte < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return false;
		mac[i] = (uint8_t)byte;
	}
	return true;
}

int config_field_read_mac(const struct json_path *path, void *field, struct error *error)
{
	static const char wanted[] = "a MAC address (written as 02:00:00:00:00:21)";
	static const uint8_t zero[6];
	const char *text = json_read_string(path, wanted, error);
	uint8_t *mac = field;

	if (text == NULL)
		return -EINVAL;
	if (!parse_mac(text, mac))
		return json_mismatch(path, wanted, error);
	if (memcmp(mac, zero, sizeof(zero)) == 0)
		return json_refuse(path, error, "%s is the MAC address of no station", text);
	if ((mac[0] & 1) != 0)
		return json_refuse(path, error, "%s is the MAC address of a group", text);
	return 0;
}

static bool is_text(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return length > 0 && length <= TEXT_MAX;
}

static int keep_text(char **field, const char *text, struct error *error)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

int config_field_read_text(const struct json_path *path, void *field, struct error *error)
{
	static const char wanted[] = "a text (1-1023 printable characters)";
	const char *text = json_read_string(path, wanted, error);

	if (text == NULL)
		return -EINVAL;
	if (!is_text(text))
		return json_mismatch(path, wanted, error);
	return keep_text(field, text, error);
}

int config_field_read_file(const struct json_path *path, void *field, struct error *error)
{
	static const char wanted[] = "an absolute path (1-1023 printable characters)";
	const char *text = json_read_string(path, wanted, error);

	if (text == NULL)
		return -EINVAL;
	if (!is_text(text) || text[0] != '/' || text[strlen(text) - 1] == '/')
		return json_mismatch(path, wanted, error);
	return keep_text(field, text, error);
}

int config_field_read_socket(const struct json_path *path, void *field, struct error *error)
{
	const size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);
	const char *text = json_string_value(path->value);

	if (text != NULL && strlen(text) >= room)
		return json_refuse(path, error, "%zu characters, a socket's path has at most %zu",
			strlen(text), room - 1);
	return config_field_read_file(path, field, error);
}

int config_field_read_hash_key(const struct json_path *path, void *field, struct error *error)
{
	static const uint8_t zero[CONFIG_HASH_KEY_SIZE];
	const char *text = json_string_value(path->value);
	uint8_t *key = field;

	if (text == NULL || strlen(text) != 2 * CONFIG_HASH_KEY_SIZE)
		return json_refuse(path, error, "not a string of 32 hex digits");
	for (size_t i = 0; i < CONFIG_HASH_KEY_SIZE; i++) {
		int byte = hex_byte(text + 2 * i);

		if (byte < 0)
			return json_refuse(path, error, "not a string of 32 hex digits");
		key[i] = (uint8_t)byte;
	}
	if (memcmp(key, zero, sizeof(zero)) == 0)
		return json_refuse(path, error, "nothing but zeros is no secret");
	return 0;
}
