/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * small_config: configurations that differ in pools and services only, written in a line each. JSON
 * is written with ' in the place of ". Whatever is wrong with one fails the test that is running.
 *
 * Two ports: "left" (mtu 1500) with a gateway and the neighbours 10.2.0.1 to 10.2.0.30, whose MACs
 * end in their number, and "right" (mtu 9000) with the neighbours fd00:2::1 to fd00:2::9 alike.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define SMALL_CONFIG_GATEWAY_MAC "02:00:de:ad:be:af"

/* New reference. NULL for what is not a list of pools or services is not allowed: "[]". */
json_t *small_config_document(const char *pools, const char *services);

struct config *small_config_read(const char *pools, const char *services);

/*
 * One pool "web" of 251 slots with backends w1 at 10.2.0.1 and so on, from `first` to `last`, and
 * one service of that forwarding mode for it: "www" at 203.0.113.10, TCP port 80.
 */
struct config *small_config_web(unsigned int first, unsigned int last, const char *forward);

/* 251 slots, backends as text in the brackets, www by ipip. */
struct config *small_config_backends(const char *backends);
