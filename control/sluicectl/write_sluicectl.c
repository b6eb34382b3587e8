/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * write_sluicectl INPUT [NAMES]: a manual page or a completion, with what commands and methods are
 * in place of the lines
 *
 *	@COMMAND backend set@   how that command is written
 *	@METHODS@               the methods of the control socket and their parameters
 *	@COMPLETION@            functions of a shell that know the commands, behind the file NAMES
 */
#include <stdio.h>
#include <string.h>

#include "sluicectl/sluicectl_completion.h"
#include "sluicectl/sluicectl_page.h"

#define COMMAND "@COMMAND "

static int write_line(const char *line, const char *names)
{
	if (strncmp(line, COMMAND, strlen(COMMAND)) == 0)
		return page_write_command(
			line + strlen(COMMAND), strcspn(line + strlen(COMMAND), "@"));
	if (strcmp(line, "@COMPLETION@\n") == 0)
		return completion_write(names);
	if (strcmp(line, "@METHODS@\n") == 0)
		page_write_methods();
	else
		fputs(line, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	FILE *input = argc == 2 || argc == 3 ? fopen(argv[1], "r") : NULL;
	char line[1024];
	int code = 0;

	if (input == NULL) {
		fputs("usage: write_sluicectl INPUT [NAMES]\n", stderr);
		return 1;
	}
	while (code == 0 && fgets(line, sizeof(line), input) != NULL)
		code = write_line(line, argc == 3 ? argv[2] : NULL);
	fclose(input);
	if (code == 0)
		code = page_check();
	return code != 0 || fflush(stdout) != 0 || ferror(stdout);
}
