/* SPDX-License-Identifier: BSD-3-Clause */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void device_name(const char *device, char *name, size_t size)
{
	snprintf(name, size, "%.*s", (int)strcspn(device, ","), device);
}

bool device_argument(const char *device, const char *key, char *value, size_t size)
{
	const char *at = device;
	size_t length = strlen(key);

	while ((at = strchr(at, ',')) != NULL) {
		at++;
		if (strncmp(at, key, length) != 0)
			continue;
		at += length;
		snprintf(value, size, "%.*s", (int)strcspn(at, ","), at);
		return true;
	}
	return false;
}

bool device_lacks(const char *device, const char *argument)
{
	char key[32], value[8];

	snprintf(key, sizeof(key), "%.*s=", (int)strcspn(argument, "="), argument);
	return !device_argument(device, key, value, sizeof(value));
}

int device_append(char *device, size_t size, const char *argument)
{
	size_t used = strlen(device);

	if (used + 1 + strlen(argument) >= size)
		return -ENAMETOOLONG;
	snprintf(device + used, size - used, ",%s", argument);
	return 0;
}
