/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket file while its server runs: whose it is, and what becomes of it when somebody takes it
 * away. The event loop is turned by hand until a condition holds.
 */
#include "unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "rpc/rpc.h"
#include "rpc/rpc_listener.h"

#define DEADLINE_MS 60000
#define READERS     12346 /* a group without a name */

struct fixture {
	char directory[64];
	char run[80]; /* where the socket is */
	char path[96];
	struct event_base *base;
	struct rpc_listener *listener;
	gid_t group;
	unsigned int accepted;
	int log;    /* stands for stderr */
	int stderr; /* the true one */
};

static void accept_one(void *context, int fd, const struct ucred *peer)
{
	struct fixture *fixture = context;

	fixture->accepted++;
	close(fd);
}

static struct rpc_listener *listen_at(struct fixture *fixture, struct error *error)
{
	struct rpc_address address = { fixture->path, fixture->group };

	return rpc_listener_create(fixture->base, &address, accept_one, fixture, error);
}

static void start_listener(struct fixture *fixture)
{
	struct error error = { "" };

	fixture->listener = listen_at(fixture, &error);
	assert_string_equal(error.message, "");
	assert_non_null(fixture->listener);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	strcpy(fixture->directory, "/tmp/sluice-rpc-listener-XXXXXX");
	if (mkdtemp(fixture->directory) == NULL)
		return -1;
	snprintf(fixture->run, sizeof(fixture->run), "%s/run", fixture->directory);
	snprintf(fixture->path, sizeof(fixture->path), "%s/socket", fixture->run);
	fixture->group = GROUP_NONE;
	fixture->base = loop_create();
	fixture->log = memfd_create("log", MFD_CLOEXEC);
	fixture->stderr = dup(STDERR_FILENO);
	dup2(fixture->log, STDERR_FILENO);
	start_listener(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	rpc_listener_destroy(fixture->listener);
	event_base_free(fixture->base);
	dup2(fixture->stderr, STDERR_FILENO);
	close(fixture->stderr);
	close(fixture->log);
	unlink(fixture->path);
	rmdir(fixture->run);
	rmdir(fixture->directory);
	free(fixture);
	return 0;
}

static const char *read_log(const struct fixture *fixture)
{
	static char text[8192];
	ssize_t length = pread(fixture->log, text, sizeof(text) - 1, 0);

	assert_true(length >= 0);
	text[length] = '\0';
	return text;
}

static unsigned int count_lines(const struct fixture *fixture, const char *part)
{
	unsigned int count = 0;

	for (const char *at = read_log(fixture); (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

static bool has_sentence(const struct fixture *fixture, const char *part)
{
	return count_lines(fixture, part) != 0;
}

static void turn_until(struct fixture *fixture,
	bool (*holds)(const struct fixture *fixture, const char *text), const char *text)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int waited_ms = 0; !holds(fixture, text); waited_ms++) {
		if (waited_ms > DEADLINE_MS)
			fail_msg("no \"%s\" in: %s", text, read_log(fixture));
		event_base_loop(fixture->base, EVLOOP_NONBLOCK);
		nanosleep(&pause, NULL);
	}
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool has_accepted(const struct fixture *fixture, const char *text)
{
	return fixture->accepted != 0;
}

static void expect_service(struct fixture *fixture)
{
	int fd = connect_to(fixture->path);

	assert_true(fd >= 0);
	fixture->accepted = 0;
	turn_until(fixture, has_accepted, "");
	close(fd);
}

static struct stat look_at(const char *path)
{
	struct stat file;

	assert_int_equal(lstat(path, &file), 0);
	return file;
}

static void assert_file(const char *path, mode_t mode, gid_t group)
{
	assert_int_equal(look_at(path).st_mode & 07777, mode);
	assert_int_equal(look_at(path).st_gid, group);
}

static void the_file_and_the_directory_that_is_made_have_the_group(void **state)
{
	struct fixture *fixture = *state;

	rpc_listener_destroy(fixture->listener);
	assert_int_equal(rmdir(fixture->run), 0);
	fixture->group = READERS;
	start_listener(fixture);
	assert_file(fixture->run, 0750, READERS);
	assert_file(fixture->path, 0660, READERS);
	assert_string_equal(read_log(fixture), "");
	expect_service(fixture);
}

static void a_directory_that_the_group_cannot_enter_is_warned_of(void **state)
{
	struct fixture *fixture = *state;

	rpc_listener_destroy(fixture->listener);
	assert_int_equal(chmod(fixture->run, 0750), 0);
	fixture->group = READERS;
	start_listener(fixture);
	assert_file(fixture->run, 0750, getegid());
	assert_file(fixture->path, 0660, READERS);
	assert_int_equal(count_lines(fixture, "members of group 12346 cannot enter"), 1);
}

static void a_file_that_is_removed_is_made_again(void **state)
{
	struct fixture *fixture = *state;
	int early;

	early = connect_to(fixture->path); /* and is not let in before the file goes */
	assert_true(early >= 0);
	assert_int_equal(unlink(fixture->path), 0);
	turn_until(fixture, has_sentence, "it is made again");
	assert_file(fixture->path, 0660, getegid());
	assert_int_equal(fixture->accepted, 1);
	expect_service(fixture);
	assert_int_equal(count_lines(fixture, "control socket"), 1);
	close(early);
}

/* In a mount namespace of its own. The exit status: 0. */
static int listen_without_proc(struct fixture *fixture)
{
	struct error error = { "" };
	struct stat status;

	rpc_listener_destroy(fixture->listener);
	fixture->listener = NULL;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("none", "/proc", "tmpfs", 0, NULL) != 0)
		return 1;
	fixture->listener = listen_at(fixture, &error);
	if (fixture->listener == NULL)
		return 2;
	if (stat(fixture->path, &status) != 0 || (status.st_mode & 07777) != 0660)
		return 3;
	rpc_listener_destroy(fixture->listener);
	return 0;
}

/* As in a container, or a chroot, that mounts none. Root needed, and Linux 6.6 or later. */
static void proc_is_not_needed(void **state)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(listen_without_proc(*state));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_directory_that_is_removed_is_made_again(void **state)
{
	struct fixture *fixture = *state;

	rpc_listener_destroy(fixture->listener);
	fixture->group = READERS;
	assert_int_equal(rmdir(fixture->run), 0);
	start_listener(fixture);
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(rmdir(fixture->run), 0);
	turn_until(fixture, has_sentence, "it is made again");
	assert_file(fixture->run, 0750, READERS);
	assert_file(fixture->path, 0660, READERS);
	expect_service(fixture);
}

/* As a process leaves it that was killed: the file is there and there is no answer. */
static void leave_a_dead_socket(const struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, fixture->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
}

static void a_file_that_is_replaced_by_a_dead_one_is_made_again(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unlink(fixture->path), 0);
	leave_a_dead_socket(fixture);
	turn_until(fixture, has_sentence, "it is made again");
	expect_service(fixture);
}

/* Only a process that lives can own a socket; here it is a socket of the test itself. */
static int take_the_name(const struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, fixture->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static bool has_been_tried_again(const struct fixture *fixture, const char *text)
{
	int owner = text[0];
	int fd = accept4(owner, NULL, NULL, SOCK_NONBLOCK);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void a_file_that_a_living_server_owns_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	char owner[2] = { 0 };
	struct stat file;

	assert_int_equal(unlink(fixture->path), 0);
	owner[0] = take_the_name(fixture);
	file = look_at(fixture->path);
	turn_until(fixture, has_sentence, "cannot be made again");
	for (int i = 0; i < 2; i++) /* the first was before the sentence */
		turn_until(fixture, has_been_tried_again, owner);
	assert_int_equal(look_at(fixture->path).st_ino, file.st_ino);
	assert_int_equal(count_lines(fixture, "control socket"), 1);
	assert_true(has_sentence(fixture, "is served by process"));
	close(owner[0]); /* it ends, and leaves its file */
	turn_until(fixture, has_sentence, "it is made again");
	expect_service(fixture);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unlink(fixture->path), 0);
	close(open(fixture->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	turn_until(fixture, has_sentence, "exists and is not a socket");
	assert_true(S_ISREG(look_at(fixture->path).st_mode));
	assert_int_equal(unlink(fixture->path), 0);
	turn_until(fixture, has_sentence, "it is made again");
	expect_service(fixture);
}

/* The end of a listener whose file has gone must not take that of another with it. */
static void the_file_of_another_outlives_the_listener(void **state)
{
	struct fixture *fixture = *state;
	int owner;

	assert_int_equal(unlink(fixture->path), 0);
	owner = take_the_name(fixture);
	rpc_listener_destroy(fixture->listener);
	fixture->listener = NULL;
	assert_int_equal(access(fixture->path, F_OK), 0);
	close(owner);
}

#define with_listener(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_listener(the_file_and_the_directory_that_is_made_have_the_group),
		with_listener(a_directory_that_the_group_cannot_enter_is_warned_of),
		with_listener(a_file_that_is_removed_is_made_again),
		with_listener(proc_is_not_needed),
		with_listener(a_directory_that_is_removed_is_made_again),
		with_listener(a_file_that_is_replaced_by_a_dead_one_is_made_again),
		with_listener(a_file_that_a_living_server_owns_is_left_alone),
		with_listener(what_is_no_socket_is_left_alone),
		with_listener(the_file_of_another_outlives_the_listener),
	};

	return cmocka_run_group_tests_name("rpc_listener", tests, NULL, NULL);
}
