/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_field: the kinds of value that occur all over the configuration. Each is a json_reader
 * (json.h): 0, or -EINVAL with the sentence and the field in any state.
 */
#pragma once

#include "json/json.h"

/* char[CONFIG_NAME_SIZE]: 1-63 of [A-Za-z0-9._-], not starting with '-' or '.'. */
int config_field_read_name(const struct json_path *path, void *field, struct error *error);

/* char[CONFIG_KEY_SIZE]: a seat, 1-63 of [A-Za-z0-9._:-]. */
int config_field_read_key(const struct json_path *path, void *field, struct error *error);

/* struct address: one that a single host can have. */
int config_field_read_address(const struct json_path *path, void *field, struct error *error);

/* struct address: the same, with a prefix named as what a later version will take. */
int config_field_read_vip(const struct json_path *path, void *field, struct error *error);

/* uint8_t[6]: six pairs of hex digits with colons, the MAC address of one station. */
int config_field_read_mac(const struct json_path *path, void *field, struct error *error);

/* char *: a new string of 1-1023 printable characters; what the field held is freed. */
int config_field_read_text(const struct json_path *path, void *field, struct error *error);

/* char *: the same, an absolute path of a file. */
int config_field_read_file(const struct json_path *path, void *field, struct error *error);

/* char *: the same, short enough for the address of a Unix socket. */
int config_field_read_socket(const struct json_path *path, void *field, struct error *error);

/* uint8_t[CONFIG_HASH_KEY_SIZE], from hex digits. No sentence repeats any of them. */
int config_field_read_hash_key(const struct json_path *path, void *field, struct error *error);
