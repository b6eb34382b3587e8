/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_choice: the words of the configuration that stand for an enum, with those that a later
 * version will know, in one table per enum for both directions. The names for the outside are
 * declared in config.h.
 */
#pragma once

#include "config.h"
#include "json.h"

/* json_reader of one enum field each. */
int config_choice_read_idle(const struct json_place *place, void *field, struct error *error);
int config_choice_read_host_path(const struct json_place *place, void *field, struct error *error);
int config_choice_read_protocol(const struct json_place *place, void *field, struct error *error);
int config_choice_read_forward(const struct json_place *place, void *field, struct error *error);
int config_choice_read_state(const struct json_place *place, void *field, struct error *error);
int config_choice_read_builder(const struct json_place *place, void *field, struct error *error);
int config_choice_read_udp(const struct json_place *place, void *field, struct error *error);

const char *config_idle_name(enum config_idle idle);
