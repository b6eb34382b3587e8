/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_kinds: the kinds of value that only a configuration has (json_key.h). Printing them takes
 * the struct config as its context.
 */
#pragma once

#include "json/json_key.h"

extern const struct json_kind config_kind_name;    /* char[CONFIG_NAME_SIZE] */
extern const struct json_kind config_kind_seat;    /* char[CONFIG_KEY_SIZE] */
extern const struct json_kind config_kind_address; /* struct address, of one host */
extern const struct json_kind config_kind_ipv4;    /* the same of one family */
extern const struct json_kind config_kind_ipv6;
extern const struct json_kind config_kind_vip;       /* the same, prefixes refused by name */
extern const struct json_kind config_kind_mac;       /* uint8_t[6] */
extern const struct json_kind config_kind_text;      /* char *, 1-1023 printable characters */
extern const struct json_kind config_kind_path;      /* char *, absolute */
extern const struct json_kind config_kind_socket;    /* char *, short enough for sun_path */
extern const struct json_kind config_kind_hash_key;  /* uint8_t[CONFIG_HASH_KEY_SIZE] */
extern const struct json_kind config_kind_workers;   /* three fields of struct config_dataplane */
extern const struct json_kind config_kind_port;      /* uint16_t, 0 for "any" */
extern const struct json_kind config_kind_threshold; /* struct config_threshold */
extern const struct json_kind config_kind_flows;     /* struct config_unhealthy_flows */
extern const struct json_kind config_kind_pool;      /* size_t, linked by config_services_link() */
extern const struct json_kind config_kind_prefix;    /* struct config_prefix */
