/* SPDX-License-Identifier: BSD-3-Clause */
/* device: a DPDK device string, "NAME[,KEY=VALUE]...". Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Copies the name, at most `size` - 1 characters of it. */
void device_name(const char *device, char *name, size_t size);

/*
 * Copies the value of `key`, which ends in "=", at most `size` - 1 characters of it. False where
 * the string does not have the key.
 */
bool device_argument(const char *device, const char *key, char *value, size_t size);

/* Whether the string lacks the key of `argument`, "KEY=VALUE". */
bool device_lacks(const char *device, const char *argument);

/*
 * Appends ",ARGUMENT" to a device string in a buffer of `size` bytes. -ENAMETOOLONG: there is no
 * room for it, and the string is as it was.
 */
int device_append(char *device, size_t size, const char *argument);
