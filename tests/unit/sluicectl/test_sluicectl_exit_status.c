/* SPDX-License-Identifier: BSD-3-Clause */
/* The exit status of the program, which is its argument. */
#include "unit.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluicectl_fixture.h"

/* The program, with its messages in `said`; returns its exit status. `output` is its stdout. */
static int run_program(const char *program, const char *socket, const char *line, int output,
	char said[static 512])
{
	char *words[WORDS_MAX] = { (char *)program, "--socket", (char *)socket };
	char copy[256];
	int ends[2], status;
	ssize_t got, length = 0;
	pid_t child;

	strcpy(copy, line);
	words[3 + split(copy, words + 3)] = NULL;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		dup2(output, STDOUT_FILENO);
		close(ends[0]);
		execv(program, words);
		_exit(127);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + length, 511 - length)) > 0)
		length += got;
	said[length] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define GRANTED                                                                                  \
	"{\"jsonrpc\":\"2.0\",\"result\":{\"changed\":true,\"dry_run\":false,\"slots_moved\":0," \
	"\"slots_total\":251},\"id\":1}\n"
#define REFUSED "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"no\"},\"id\":1}\n"
#define REFUSED_TWICE                                                                              \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"no\",\"data\":{\"errors\":" \
	"[\"no\",\"nor that\"],\"complete\":false}},\"id\":1}\n"
#define CHANGE "backend set web web-1 --state disabled"

static void the_exit_status_says_what_became_of_a_change(void **state)
{
	static const struct {
		const char *line;
		const char *answer; /* NULL where nothing is asked */
		const char *output;
		int status;
		const char *said;
	} rows[] = {
		{ CHANGE, GRANTED, "/dev/null", 0, "" },
		{ CHANGE, REFUSED, "/dev/null", 1, "sluicectl: no\n" },
		{ CHANGE, REFUSED_TWICE, "/dev/null", 1,
			"sluicectl: no\nsluicectl: nor that\n"
			"sluicectl: there may be more, which shows when these are mended\n" },
		{ CHANGE " --json", REFUSED_TWICE, "/dev/null", 1,
			"{\"error\":{\"message\":\"no\",\"status\":1,\"errors\":[\"no\",\"nor that\"],"
			"\"complete\":false}}\n" },
		{ CHANGE, "", "/dev/null", 3,
			"sluicectl: sluiced hung up without an answer\n"
			"sluicectl: the change may have been made: see sluicectl status\n" },
		{ CHANGE, "{\"jsonrpc\":\"2.0\",\"result\":{\"cha", "/dev/null", 3,
			"sluicectl: sluiced hung up without an answer\n"
			"sluicectl: the change may have been made: see sluicectl status\n" },
		{ CHANGE, GRANTED, "/dev/full", 3,
			"sluicectl: writing the answer: No space left on device\n"
			"sluicectl: the change was made\n" },
		{ CHANGE " --dry-run", "", "/dev/null", 1,
			"sluicectl: sluiced hung up without an answer\n" },
		{ "status", "", "/dev/null", 1, "sluicectl: sluiced hung up without an answer\n" },
		{ CHANGE, NULL, "/dev/null", 1, "sluicectl: cannot reach sluiced at " },
		{ "backend set web", NULL, "/dev/null", 2, "sluicectl: backend set wants NAME\n" },
	};
	const char *program = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int output = open(rows[i].output, O_WRONLY);
		struct stand_in stand_in = { "/nowhere/socket", 0 };
		char said[512];

		if (rows[i].answer != NULL)
			start(&stand_in, rows[i].answer, true);
		assert_int_equal(run_program(program, stand_in.path, rows[i].line, output, said),
			rows[i].status);
		assert_memory_equal(said, rows[i].said, strlen(rows[i].said));
		assert_int_equal(said[0] == '\0', rows[i].said[0] == '\0');
		if (rows[i].answer != NULL)
			stop(&stand_in);
		close(output);
	}
}

#define BACKEND(state, life, flows)                                                              \
	"{\"jsonrpc\":\"2.0\",\"result\":[{\"name\":\"web-1\",\"weight\":100,\"state\":\"" state \
	"\",\"life\":\"" life "\",\"flows_left\":" flows "}],\"id\":1}\n"
#define COUNTED(flows) "{\"estimate\":" flows ",\"complete\":true}"

static void the_exit_status_says_how_a_drain_ended(void **state)
{
	static const struct {
		const char *seen, *then; /* NULL: it has ended when it is seen first */
		int status;
	} rows[] = {
		{ BACKEND("drain", "drain", COUNTED("0")), NULL, 0 },
		{ BACKEND("drain", "drain", COUNTED("4")), BACKEND("drain", "drained", "null"), 5 },
		{ BACKEND("drain", "drain", COUNTED("4")), BACKEND("active", "up", "null"), 6 },
		{ BACKEND("drain", "drain", COUNTED("4")), BACKEND("drain", "absent", "null"), 7 },
		{ BACKEND("drain", "drain", COUNTED("4")), BACKEND("disabled", "off", "null"), 7 },
		{ BACKEND("drain", "drain", "null"), BACKEND("drain", "drained", "null"), 8 },
		{ BACKEND("drain", "drained", "null"), NULL, 8 },
		{ "{\"jsonrpc\":\"2.0\",\"result\":[],\"id\":1}\n", NULL, 7 },
		{ "", NULL, 3 },
	};
	const char *program = *state;
	int output = open("/dev/null", O_WRONLY);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *answers[] = { GRANTED, rows[i].seen, rows[i].then };
		struct stand_in stand_in;
		char said[512];

		start_with(&stand_in, answers, rows[i].then == NULL ? 2 : 3, true);
		assert_int_equal(run_program(program, stand_in.path,
					 "backend drain web web-1 --wait", output, said),
			rows[i].status);
		stop(&stand_in);
	}
	close(output);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(the_exit_status_says_what_became_of_a_change, argv[1]),
		cmocka_unit_test_prestate(the_exit_status_says_how_a_drain_ended, argv[1]),
	};

	return cmocka_run_group_tests_name("sluicectl_exit_status", tests, NULL, NULL);
}
