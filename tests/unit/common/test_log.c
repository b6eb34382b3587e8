/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "common/events.h"

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

	events_publish(EVENT(PORT, WARNING, PORT, "edge"), "port %s: link is down", "edge");
	drain(*state, text, sizeof(text));
	assert_non_null(strstr(text, "Z warning: port edge: link is down\n"));
}

static void a_line_and_its_event_have_the_same_time_and_sentence(void **state)
{
	struct error error = { "" };
	const struct event_entry *entry;
	char text[256], stamp[32], wanted[128];
	time_t seconds;

	assert_int_equal(events_open(NULL, &error), 0);
	events_publish(EVENT(WORKER, ERROR, WORKER, "3"), "worker on lcore 3 has stalled");
	entry = events_find(1);
	assert_non_null(entry);
	seconds = entry->time_ms / 1000;
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", gmtime(&seconds));
	snprintf(wanted, sizeof(wanted), "%s.%03dZ error: %s\n", stamp,
		(int)(entry->time_ms % 1000), entry->sentence);
	drain(*state, text, sizeof(text));
	assert_string_equal(text, wanted);
	events_close();
}

/* It would wait for ever here, were it to wait. */
static void a_log_that_nobody_reads_loses_lines_and_counts_them(void **state)
{
	enum { LINES = 20000, SIZE = 1 << 20 };
	char *text = malloc(SIZE), wanted[64], *line;
	unsigned int written = 0;

	for (unsigned int i = 0; i < LINES; i++)
		events_publish(EVENT(NODE, INFO, NODE, NULL), "line %u", i);
	drain(*state, text, SIZE);
	for (line = text; (line = strchr(line, '\n')) != NULL; line++)
		written++;
	assert_in_range(written, 1, LINES - 1);
	events_publish(EVENT(NODE, INFO, NODE, NULL), "heard again");
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
			a_line_and_its_event_have_the_same_time_and_sentence, redirect, restore),
		cmocka_unit_test_setup_teardown(
			a_log_that_nobody_reads_loses_lines_and_counts_them, redirect, restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
