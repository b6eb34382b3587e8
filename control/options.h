/* SPDX-License-Identifier: BSD-3-Clause */
/* options: the command line of sluiced. */
#pragma once

#include <stdbool.h>

#define OPTIONS_CONFIG_DEFAULT "/etc/sluice/sluice.json"

struct options {
	const char *config_path; /* points into argv */
	bool check;              /* validate the configuration, print it, and end */
	bool schema;             /* print the JSON Schema and end */
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT_OK, OPTIONS_EXIT_USAGE };

/* Reads argv; prints help, version or what is wrong where that is all there is to do. */
enum options_result options_read(int argc, char **argv, struct options *options);
