/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe_run.h"
#include "probes/program.h"
#include "probes/program_spawn.h"

#define TIMEOUT_MS 300
#define LOCAL      "this node could not probe: "

static char *shell[] = { "/bin/sh", "-c", "", NULL };

static void set_command(struct probe_run *run, char *const *command, size_t count)
{
	run->settings.command = (char **)(uintptr_t)command; /* not written to */
	run->settings.command_count = count;
}

/* The script must stay until the result. */
static void set_script(struct probe_run *run, const char *script)
{
	shell[2] = (char *)(uintptr_t)script;
	set_command(run, shell, 3);
}

static int open_run(void **state)
{
	struct probe_run *run;
	int result = probe_run_open(state);

	run = *state;
	run->settings.type = CONFIG_HEALTH_EXTERNAL;
	run->settings.timeout_ms = PROBE_RUN_DEADLINE_S * 1000 / 2;
	run->target.name = "web/web-1";
	strcpy(run->settings.user, "nobody");
	probe_run_set_target(run, "192.0.2.1", 80);
	set_script(run, "exit 0");
	return result;
}

static void expect_script(
	void **state, const char *script, enum probe_reason reason, const char *sentence)
{
	set_script(*state, script);
	probe_run_expect(*state, reason, sentence);
}

static void exit_status_is_the_result(void **state)
{
	struct probe_run *run = *state;

	expect_script(state, "exit 0", PROBE_PASSED, "exit status 0");
	expect_script(state, "exit 2", PROBE_EXIT, "exit status 2");
	assert_int_equal(run->result.detail, 2);
	expect_script(state, "exit 127", PROBE_EXIT, "exit status 127");
}

static void first_line_of_output_is_in_the_sentence(void **state)
{
	expect_script(
		state, "echo disk full; echo more; exit 2", PROBE_EXIT, "exit status 2: disk full");
	expect_script(state, "echo all is well", PROBE_PASSED, "exit status 0: all is well");
	expect_script(state, "echo; printf '\\r\\n no end' >&2; exit 1", PROBE_EXIT,
		"exit status 1:  no end");
	expect_script(state, "printf 'a\\377\\001\\303\\251\\tb\\000c\\n'; exit 1", PROBE_EXIT,
		"exit status 1: a??\303\251?b?c");
}

static void long_line_is_cut_off(void **state)
{
	struct probe_run *run = *state;

	set_script(run, "head -c 100000 /dev/zero | tr '\\0' x; exit 3");
	probe_run_begin(run);
	probe_run_await(run);
	assert_int_equal(run->result.detail, 3);
	assert_int_equal(strlen(run->result.sentence), PROBE_SENTENCE_SIZE - 1);
	assert_memory_equal(run->result.sentence, "exit status 3: xxxx", 19);
}

static void much_output_holds_nothing_up(void **state)
{
	expect_script(state, "echo first; head -c 10000000 /dev/zero; echo; exit 4", PROBE_EXIT,
		"exit status 4: first");
}

static void output_without_an_end_is_ended(void **state)
{
	expect_script(state, "echo first; exec cat /dev/zero", PROBE_PROTOCOL,
		"wrote more than 16 MB: first");
}

static void signal_is_named(void **state)
{
	struct probe_run *run = *state;

	expect_script(state, "echo going; kill -SEGV $$", PROBE_SIGNAL,
		"ended by signal 11 (Segmentation fault): going");
	assert_int_equal(run->result.detail, SIGSEGV);
}

/* The sentence has the process's number behind its last space. */
static pid_t process_in_sentence(const struct probe_run *run)
{
	const char *space = strrchr(run->result.sentence, ' ');

	assert_non_null(space);
	return (pid_t)strtol(space + 1, NULL, 10);
}

/* A zombie of another parent may stay for as long as that likes. */
static bool is_running(pid_t process)
{
	char path[32], state = 'X';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
	fclose(file);
	return state != 'Z' && state != 'X';
}

/* The deadline of the loop ends what hangs. */
static void await_death(struct probe_run *run, pid_t process)
{
	assert_true(process > 1);
	while (is_running(process))
		probe_run_turn(run);
}

static void program_that_hangs_is_killed_with_its_children(void **state)
{
	struct probe_run *run = *state;
	char path[] = "/tmp/sluice-external-XXXXXX", script[128], sentence[64];
	int fd = mkstemp(path), child = 0;
	FILE *file;

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0666), 0);
	snprintf(script, sizeof(script), "sleep 1000 & echo $! >%s; echo at work; wait", path);
	/* so that it has got that far */
	run->settings.timeout_ms = TIMEOUT_MS;
	do {
		assert_int_equal(ftruncate(fd, 0), 0);
		set_script(run, script);
		probe_run_begin(run);
		probe_run_await(run);
		snprintf(sentence, sizeof(sentence), "still running after %u ms: at work",
			run->settings.timeout_ms);
		run->settings.timeout_ms *= 2;
	} while (strcmp(run->result.sentence, sentence) != 0);
	assert_int_equal(run->result.reason, PROBE_TIMEOUT);
	file = fdopen(fd, "r");
	assert_int_equal(fscanf(file, "%d", &child), 1);
	fclose(file);
	unlink(path);
	await_death(run, child);
}

/* It holds the output open, too. */
static void child_that_is_left_behind_is_killed(void **state)
{
	struct probe_run *run = *state;

	set_script(run, "sleep 1000 & echo $!");
	probe_run_begin(run);
	probe_run_await(run);
	assert_true(run->result.passed);
	await_death(run, process_in_sentence(run));
}

static void closed_output_does_not_end_the_program(void **state)
{
	expect_script(state, "echo bye; exec >&- 2>&-; sleep 0.05; exit 5", PROBE_EXIT,
		"exit status 5: bye");
}

/* Whichever of the two that come before it cannot run the next one. */
static void failure_of_a_launcher_is_told_from_the_programs(void **state)
{
	static const struct {
		int status, failure;
		const char *line, *said;
	} cases[] = {
		{ 127, ENOENT, "setpriv: failed to execute /x: No such file or directory",
			"failed to execute /x: No such file or directory" },
		{ 127, ENOENT, "prlimit: failed to execute /usr/bin/setpriv: No such file",
			"failed to execute /usr/bin/setpriv: No such file" },
		{ 126, EACCES, "prlimit: failed to execute /usr/bin/setpriv: Permission denied",
			"failed to execute /usr/bin/setpriv: Permission denied" },
		{ 127, EPERM, "setpriv: setresuid failed: Operation not permitted",
			"setresuid failed: Operation not permitted" },
		{ 1, 0, "prlimit: of the program", "prlimit: of the program" },
		{ 127, 0, "sh: no such command", "sh: no such command" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *line = cases[i].line;

		assert_int_equal(program_spawn_failure(cases[i].status, &line), cases[i].failure);
		assert_string_equal(line, cases[i].said);
	}
}

static void program_that_cannot_be_run_says_nothing_of_the_backend(void **state)
{
	static char *const missing[] = { "/nonesuch/check" };
	static char *const unfit[] = { "/etc/passwd" };
	struct probe_run *run = *state;

	set_command(run, missing, 1);
	probe_run_expect(run, PROBE_LOCAL,
		LOCAL "failed to execute /nonesuch/check: No such file or directory");
	assert_int_equal(run->result.detail, ENOENT);
	set_command(run, unfit, 1);
	probe_run_expect(
		run, PROBE_LOCAL, LOCAL "failed to execute /etc/passwd: Permission denied");
	assert_int_equal(run->result.detail, EACCES);
	strcpy(run->settings.user, "no-such-user");
	probe_run_expect(run, PROBE_LOCAL, LOCAL "there is no user no-such-user");
	assert_int_equal(run->result.detail, ENOENT);
}

static void arguments_reach_no_shell(void **state)
{
	static char *const command[] = { "/bin/echo", "$HOME", "`id`; *", "" };

	set_command(*state, command, 4);
	probe_run_expect(*state, PROBE_PASSED, "exit status 0: $HOME `id`; * ");
}

static void program_has_no_privileges(void **state)
{
	struct probe_run *run = *state;

	expect_script(state, "id -u; exit 1", PROBE_EXIT, "exit status 1: 65534");
	expect_script(state, "id -G; exit 1", PROBE_EXIT, "exit status 1: 65534");
	expect_script(state,
		"sed -n 's/^NoNewPrivs:.//p; s/^CapPrm:.//p; s/^CapAmb:.//p' "
		"/proc/self/status | tr '\\n' ' '",
		PROBE_PASSED, "exit status 0: 0000000000000000 0000000000000000 1 ");
	strcpy(run->settings.user, "daemon");
	expect_script(state, "id -un; exit 1", PROBE_EXIT, "exit status 1: daemon");
}

static void environment_tells_the_backend(void **state)
{
	expect_script(state, "env | grep ^SLUICE_ | sort | tr '\\n' ' '", PROBE_PASSED,
		"exit status 0: SLUICE_ADDRESS=192.0.2.1 SLUICE_BACKEND=web-1 SLUICE_POOL=web "
		"SLUICE_PORT=80 ");
	/* PWD and _ are of the shell */
	expect_script(state, "env | grep -v '^SLUICE_\\|^_=\\|^PWD=' | sort | tr '\\n' ' '",
		PROBE_PASSED,
		"exit status 0: LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
		"/usr/bin:/sbin:/bin ");
}

static void nothing_is_inherited(void **state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int fd = dup(STDERR_FILENO); /* without FD_CLOEXEC */
	struct rlimit files, raised;
	sigset_t all, mask;

	assert_true(fd > STDERR_FILENO);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	sigaction(SIGPIPE, &ignore, &before);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	raised = (struct rlimit){ files.rlim_max, files.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &raised), 0);
	/* the third one is the directory that ls reads */
	expect_script(
		state, "ls /proc/self/fd | tr '\\n' ' '", PROBE_PASSED, "exit status 0: 0 1 2 3 ");
	expect_script(state, "cat; readlink /proc/$$/fd/0; pwd", PROBE_PASSED,
		"exit status 0: /dev/null");
	expect_script(state, "pwd", PROBE_PASSED, "exit status 0: /");
	/* the C library ignores two signals of its own, above these */
	expect_script(state,
		"sed -n 's/^SigBlk:.//p; s/^SigIgn:.*\\(....\\)$/\\1/p' /proc/self/status | "
		"tr '\\n' ' '",
		PROBE_PASSED, "exit status 0: 0000000000000000 0000 ");
	expect_script(state, "ulimit -S -n", PROBE_PASSED, "exit status 0: 1024");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	sigaction(SIGPIPE, &before, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(fd);
}

static void on_done(void *context, const struct probe_result *result)
{
	unsigned int *count = context;

	assert_string_equal(result->sentence, "exit status 0");
	++*count;
}

static void waiting_for_others_is_no_failure(void **state)
{
	static char *const hanging[] = { "/bin/sleep", "1000" };
	struct probe_run *run = *state;
	struct config_health patient = run->settings, hasty = run->settings;
	struct probe *probes[PROGRAMS_MAX];
	struct timeval pause = { 1, 600000 };
	unsigned int done = 0;

	patient.command = (char **)(uintptr_t)hanging;
	patient.command_count = 2;
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		probes[i] = probe_start(run->prober, &patient, &run->target, on_done, &done);
	hasty.timeout_ms = 1500; /* over before the pause is, and long enough to run */
	probe_cancel(probe_start(run->prober, &hasty, &run->target, on_done, &done));
	probe_start(run->prober, &hasty, &run->target, on_done, &done);
	event_base_loopexit(run->base, &pause);
	event_base_dispatch(run->base);
	assert_int_equal(done, 0); /* neither run nor failed */
	probe_cancel(probes[0]);
	while (done == 0)
		event_base_loop(run->base, EVLOOP_ONCE);
	assert_int_equal(done, 1);
	for (size_t i = 1; i < PROGRAMS_MAX; i++)
		probe_cancel(probes[i]);
	/* their end is awaited by probe_run_close() */
}

static void cancelled_probe_gives_no_result(void **state)
{
	struct probe_run *run = *state;

	probe_run_begin(run);
	probe_cancel(run->probe);
	set_script(run, "echo at work; exec sleep 1000");
	probe_run_begin(run);
	for (int i = 0; i < 20; i++)
		probe_run_turn(run);
	probe_cancel(run->probe);
	strcpy(run->settings.user, "no-such-user");
	probe_run_begin(run);
	probe_cancel(run->probe);
	for (int i = 0; i < 20; i++)
		probe_run_turn(run);
	assert_int_equal(run->results, 0);
}

static void lack_of_descriptors_says_nothing_of_the_backend(void **state)
{
	struct probe_run *run = *state;
	struct rlimit before, none;
	int next;

	/* what the loop and the user's entry need is there */
	probe_run_expect(run, PROBE_PASSED, "exit status 0");
	next = dup(STDERR_FILENO);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	/* none for the pipe; one of its two; both, and none for the process */
	for (int more = 0; more <= 2; more++) {
		none = (struct rlimit){ (rlim_t)(next + more), before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		probe_run_begin(run);
		probe_run_await(run);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (more < 2)
			assert_string_equal(run->result.sentence,
				LOCAL "cannot run setpriv: Too many open files");
	}
	probe_run_expect(run, PROBE_PASSED, "exit status 0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_run, probe_run_close)
	const struct CMUnitTest tests[] = {
		TEST(exit_status_is_the_result),
		TEST(first_line_of_output_is_in_the_sentence),
		TEST(long_line_is_cut_off),
		TEST(much_output_holds_nothing_up),
		TEST(output_without_an_end_is_ended),
		TEST(signal_is_named),
		TEST(program_that_hangs_is_killed_with_its_children),
		TEST(child_that_is_left_behind_is_killed),
		TEST(closed_output_does_not_end_the_program),
		TEST(failure_of_a_launcher_is_told_from_the_programs),
		TEST(program_that_cannot_be_run_says_nothing_of_the_backend),
		TEST(arguments_reach_no_shell),
		TEST(program_has_no_privileges),
		TEST(environment_tells_the_backend),
		TEST(nothing_is_inherited),
		TEST(waiting_for_others_is_no_failure),
		TEST(cancelled_probe_gives_no_result),
		TEST(lack_of_descriptors_says_nothing_of_the_backend),
	};

	return cmocka_run_group_tests(tests, probe_run_enter, NULL);
}
