/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/program_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SETPRIV     "/usr/bin/setpriv"
#define PRLIMIT     "/usr/bin/prlimit"
#define FILES_USUAL 1024
#define LIMIT_FILES "--nofile=1024:" /* the soft limit */

/* Exit statuses of setpriv and prlimit, as their source has them. */
#define LAUNCHER_CANNOT   127 /* take privileges away, or find what it is to run */
#define LAUNCHER_NOT_EXEC 126

/*
 * Before the program and its arguments. The first two are left out where there is no more to limit:
 * a program may use select(2), or close all descriptors that there could be.
 */
static const char *const launchers[] = { PRLIMIT, LIMIT_FILES, SETPRIV, "--clear-groups",
	"--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs", "--pdeathsig=SIGKILL" };

#define LAUNCHERS      (sizeof(launchers) / sizeof(launchers[0]))
#define LAUNCHER_LIMIT 2
#define ALL_MAX        (LAUNCHERS + 3 + PROGRAM_ARGUMENTS_MAX + 1) /* user, group, --, and a NULL */

static const char *const surroundings[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C.UTF-8",
};

#define SURROUNDINGS (sizeof(surroundings) / sizeof(surroundings[0]))

/* What posix_spawn() is to do between fork and exec. */
struct preparation {
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
};

static int prepare_files(posix_spawn_file_actions_t *files, int output)
{
	int code = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);

	if (code == 0)
		code = posix_spawn_file_actions_adddup2(files, output, STDERR_FILENO);
	if (code == 0)
		code = posix_spawn_file_actions_addopen(
			files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (code == 0)
		code = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
	return code == 0 ? posix_spawn_file_actions_addchdir_np(files, "/") : code;
}

/* With no signal blocked or ignored, whatever this thread does. */
static int prepare_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int code;

	sigemptyset(&none);
	sigfillset(&all);
	code = posix_spawnattr_setsigmask(attributes, &none);
	if (code == 0)
		code = posix_spawnattr_setsigdefault(attributes, &all);
	return code == 0 ? posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
									POSIX_SPAWN_SETSIGDEF |
									POSIX_SPAWN_SETSID)
			 : code;
}

/* This process may have raised its own limit. */
static bool has_more_files_than_usual(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > FILES_USUAL;
}

static int spawn(char *const *arguments, char *const *environment, int output, pid_t *process)
{
	struct preparation preparation;
	int code = posix_spawn_file_actions_init(&preparation.files);

	if (code != 0)
		return -code;
	code = posix_spawnattr_init(&preparation.attributes);
	if (code == 0) {
		code = prepare_files(&preparation.files, output);
		if (code == 0)
			code = prepare_attributes(&preparation.attributes);
		if (code == 0)
			code = posix_spawn(process, arguments[0], &preparation.files,
				&preparation.attributes, arguments, environment);
		posix_spawnattr_destroy(&preparation.attributes);
	}
	posix_spawn_file_actions_destroy(&preparation.files);
	return -code;
}

static void fill_environment(const char *const *given,
	const char *environment[PROGRAM_ENVIRONMENT_MAX + SURROUNDINGS + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < SURROUNDINGS; i++)
		environment[count++] = surroundings[i];
	for (size_t i = 0; given[i] != NULL && i < PROGRAM_ENVIRONMENT_MAX; i++)
		environment[count++] = given[i];
	environment[count] = NULL;
}

int program_spawn(char *const *arguments, size_t count, const char *const *environment,
	struct program_identity identity, int output, pid_t *process)
{
	const char *variables[PROGRAM_ENVIRONMENT_MAX + SURROUNDINGS + 1];
	const char *all[ALL_MAX];
	char user[32], group[32];
	size_t used = 0;

	if (count == 0 || count > PROGRAM_ARGUMENTS_MAX)
		return -E2BIG;
	for (size_t i = has_more_files_than_usual() ? 0 : LAUNCHER_LIMIT; i < LAUNCHERS; i++)
		all[used++] = launchers[i];
	snprintf(user, sizeof(user), "--reuid=%ju", (uintmax_t)identity.user);
	snprintf(group, sizeof(group), "--regid=%ju", (uintmax_t)identity.group);
	all[used++] = user;
	all[used++] = group;
	all[used++] = "--";
	for (size_t i = 0; i < count; i++)
		all[used++] = arguments[i];
	all[used] = NULL;
	fill_environment(environment, variables);
	/* the strings are not written to: the types are those of POSIX */
	return spawn((char *const *)all, (char *const *)variables, output, process);
}

/* What follows the launcher's name; NULL: it is a line of the program itself. */
static const char *launcher_says(const char *line)
{
	static const char *const names[] = { "setpriv: ", "prlimit: " };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			return line + strlen(names[i]);
	return NULL;
}

int program_spawn_failure(int status, const char **line)
{
	const char *said = launcher_says(*line);

	if ((status != LAUNCHER_CANNOT && status != LAUNCHER_NOT_EXEC) || said == NULL)
		return 0;
	*line = said;
	if (status == LAUNCHER_NOT_EXEC)
		return EACCES;
	return strncmp(said, "failed to execute", 17) == 0 ? ENOENT : EPERM;
}
