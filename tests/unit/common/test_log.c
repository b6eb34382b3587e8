/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"

struct pipe_log {
	int reader;
	int stderr_before;
};

/* A pipe in the place of stderr, which blocks who writes too much. */
static int redirect(void **state)
{
	struct pipe_log *log = calloc(1, sizeof(*log));
	int ends[2];

	if (log == NULL || pipe(ends) != 0)
		return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	log->reader = ends[0];
	log->stderr_before = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	*state = log;
	return 0;
}

static int restore(void **state)
{
	struct pipe_log *log = *state;

	dup2(log->stderr_before, STDERR_FILENO);
	close(log->stderr_before);
	close(log->reader);
	free(log);
	return 0;
}

static size_t drain(const struct pipe_log *log, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;

	while ((got = read(log->reader, text + length, size - 1 - length)) > 0)
		length += got;
	text[length] = '\0';
	return length;
}

static void a_line_has_its_time_and_its_level(void **state)
{
	char text[256];

	log_warning("port %s: link is down", "edge");
	drain(*state, text, sizeof(text));
	assert_non_null(strstr(text, "Z warning: port edge: link is down\n"));
}

/* It would wait for ever here, were it to wait. */
static void a_log_that_nobody_reads_loses_lines_and_counts_them(void **state)
{
	enum { LINES = 20000, SIZE = 1 << 20 };
	char *text = malloc(SIZE), wanted[64], *line;
	unsigned int written = 0;

	for (unsigned int i = 0; i < LINES; i++)
		log_info("line %u", i);
	drain(*state, text, SIZE);
	for (line = text; (line = strchr(line, '\n')) != NULL; line++)
		written++;
	assert_in_range(written, 1, LINES - 1);
	log_info("heard again");
	drain(*state, text, SIZE);
	snprintf(wanted, sizeof(wanted), "lost before this one: %u\n", LINES - written);
	assert_non_null(strstr(text, wanted));
	assert_non_null(strstr(text, "Z heard again\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_line_has_its_time_and_its_level, redirect, restore),
		cmocka_unit_test_setup_teardown(
			a_log_that_nobody_reads_loses_lines_and_counts_them, redirect, restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
