/* SPDX-License-Identifier: BSD-3-Clause */
/* write_manual INPUT: the manual page of the configuration, with the reference of its keys. */
#include <stdio.h>

#include "config/config_schema.h"

int main(int argc, char **argv)
{
	FILE *input = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (input == NULL || config_schema_write_manual(input, stdout) != 0) {
		fputs("usage: write_manual INPUT, which has a line @KEYS@\n", stderr);
		return 1;
	}
	fclose(input);
	return 0;
}
