/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket file and its directory, when a server starts and when it ends. */
#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc_fixture.h"

static unsigned int mode_of(const char *path)
{
	struct stat file;

	assert_int_equal(lstat(path, &file), 0);
	return file.st_mode & 07777;
}

static void the_directory_is_made_and_the_modes_are_narrow(void **state)
{
	struct fixture *fixture = *state;
	mode_t umask_before = umask(077);
	char run[80];

	rpc_server_destroy(fixture->server);
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(rmdir(run), 0);
	start_server(fixture);
	umask(umask_before);
	assert_int_equal(mode_of(run), 0750);
	assert_int_equal(mode_of(fixture->path), 0660);
}

static void no_umask_makes_the_socket_file_wider(void **state)
{
	struct fixture *fixture = *state;
	mode_t umask_before = umask(0);

	rpc_server_destroy(fixture->server);
	start_server(fixture);
	assert_int_equal(umask(umask_before), 0);
	assert_int_equal(mode_of(fixture->path), 0660);
}

static void expect_no_server(struct fixture *fixture, const char *path, const char *sentence)
{
	struct rpc_address address = { path, GROUP_NONE };
	struct error error = { "" };

	assert_null(rpc_server_create(fixture->base, &address, NULL, 0, fixture, &error));
	assert_string_equal(error.message, sentence);
}

/* Makes `run`/inner a directory of that mode and user, and tries to serve in it. */
static void expect_no_server_in(
	struct fixture *fixture, mode_t mode, uid_t user, const char *complaint)
{
	char directory[80], path[96], sentence[256];

	snprintf(directory, sizeof(directory), "%s/run/inner", fixture->directory);
	snprintf(path, sizeof(path), "%s/s", directory);
	snprintf(sentence, sizeof(sentence), "%s: %s", directory, complaint);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_int_equal(chown(directory, user, -1), 0);
	assert_int_equal(chmod(directory, mode), 0);
	expect_no_server(fixture, path, sentence);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(directory), 0);
}

static void a_directory_where_others_could_replace_the_socket_is_refused(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		fail_msg("this test needs root, to give a directory away");
	expect_no_server_in(fixture, 0757, 0, "others may write to the directory (0757)");
	expect_no_server_in(fixture, 0770, 0, "others may write to the directory (0770)");
	expect_no_server_in(fixture, 0755, 65534, "the directory belongs to user 65534");
	expect_no_server_in(fixture, 01777, 65534, "the directory belongs to user 65534");
}

static void a_sticky_directory_like_tmp_is_good_enough(void **state)
{
	struct fixture *fixture = *state;
	char run[80];

	rpc_server_destroy(fixture->server);
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(chmod(run, 01777), 0);
	start_server(fixture);
	expect_service(fixture, client_connect(fixture, 0));
}

static void links_on_the_way_to_the_socket_are_not_followed(void **state)
{
	struct fixture *fixture = *state;
	char run[80], link[96], path[112], sentence[256];

	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	snprintf(link, sizeof(link), "%s/link", run);
	assert_int_equal(symlink(run, link), 0);
	snprintf(path, sizeof(path), "%s/s", link);
	snprintf(sentence, sizeof(sentence), "%s: not a directory, or a link to one", link);
	expect_no_server(fixture, path, sentence);
	snprintf(sentence, sizeof(sentence), "%s exists and is not a socket", link);
	expect_no_server(fixture, link, sentence);
	assert_int_equal(unlink(link), 0);
}

static void the_socket_file_goes_with_the_server(void **state)
{
	struct fixture *fixture = *state;

	rpc_server_destroy(fixture->server);
	fixture->server = NULL;
	assert_int_equal(access(fixture->path, F_OK), -1);
}

static void the_socket_file_of_a_dead_process_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	rpc_server_destroy(fixture->server);
	strcpy(address.sun_path, fixture->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd); /* as a killed process leaves it: the file stays and there is no answer */
	start_server(fixture);
	expect_service(fixture, client_connect(fixture, 0));
}

static void a_living_server_is_named_and_left_alone(void **state)
{
	struct fixture *fixture = *state;
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "%s is served by process %d", fixture->path,
		(int)getpid());
	expect_no_server(fixture, fixture->path, sentence);
	expect_service(fixture, client_connect(fixture, 0));
}

static void what_is_no_socket_is_never_removed(void **state)
{
	struct fixture *fixture = *state;
	char path[96], sentence[256];

	snprintf(path, sizeof(path), "%s/run/file", fixture->directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(sentence, sizeof(sentence), "%s exists and is not a socket", path);
	expect_no_server(fixture, path, sentence);
	assert_int_equal(unlink(path), 0);
}

static void a_path_that_cannot_be_is_an_error_with_a_sentence(void **state)
{
	struct fixture *fixture = *state;
	char path[160], sentence[256];

	expect_no_server(fixture, "", "the control socket has no path");
	memset(path, 'x', sizeof(path));
	path[108] = '\0';
	snprintf(sentence, sizeof(sentence), "%s: a socket path has at most 107 bytes", path);
	expect_no_server(fixture, path, sentence);
	snprintf(path, sizeof(path), "%s/no/such", fixture->directory);
	snprintf(sentence, sizeof(sentence), "%s/no/such: No such file or directory",
		fixture->directory);
	strcat(path, "/socket");
	expect_no_server(fixture, path, sentence);
}

static void the_socket_file_of_a_successor_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_server *first = fixture->server;

	assert_int_equal(unlink(fixture->path), 0);
	start_server(fixture);
	rpc_server_destroy(first);
	expect_service(fixture, client_connect(fixture, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(the_directory_is_made_and_the_modes_are_narrow),
		with_server(no_umask_makes_the_socket_file_wider),
		with_server(a_directory_where_others_could_replace_the_socket_is_refused),
		with_server(a_sticky_directory_like_tmp_is_good_enough),
		with_server(links_on_the_way_to_the_socket_are_not_followed),
		with_server(the_socket_file_goes_with_the_server),
		with_server(the_socket_file_of_a_dead_process_is_replaced),
		with_server(a_living_server_is_named_and_left_alone),
		with_server(what_is_no_socket_is_never_removed),
		with_server(a_path_that_cannot_be_is_an_error_with_a_sentence),
		with_server(the_socket_file_of_a_successor_is_left_alone),
	};

	return cmocka_run_group_tests_name("rpc_address", tests, NULL, NULL);
}
