/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc_listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_MODE    0660
#define DIRECTORY_MODE 0750
#define BACKLOG        64
#define PATH_SIZE      sizeof(((struct sockaddr_un *)0)->sun_path)

/* One pass of the event loop lets in this many, so that a storm of them holds up nobody. */
#define ACCEPTS_PER_PASS 8

struct rpc_listener {
	int fd;
	struct event *readable;
	struct event *pause; /* runs while the process has no descriptor to accept with */
	struct sockaddr_un address;
	bool bound;
	dev_t device; /* the file we made, to know it again */
	ino_t inode;
	rpc_listener_accept *accepted;
	void *context;
};

static int fill_address(struct sockaddr_un *address, const char *path, struct error *error)
{
	address->sun_family = AF_UNIX;
	if (path[0] == '\0')
		return error_set(error, -EINVAL, "the control socket has no path");
	if (strlen(path) >= sizeof(address->sun_path))
		return error_set(error, -ENAMETOOLONG, "%s: a socket path has at most %zu bytes",
			path, sizeof(address->sun_path) - 1);
	strcpy(address->sun_path, path);
	return 0;
}

/* Cuts a path off before its last name. */
static void fill_directory(char directory[static PATH_SIZE], const char *path)
{
	char *slash;

	strcpy(directory, path);
	slash = strrchr(directory, '/');
	if (slash == NULL)
		strcpy(directory, ".");
	else
		slash[slash == directory ? 1 : 0] = '\0';
}

static int open_directory(const char *path, int *directory, struct error *error)
{
	bool created = mkdir(path, DIRECTORY_MODE) == 0;

	if (!created && errno != EEXIST)
		return error_set(error, -errno, "%s: %m", path);
	*directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*directory < 0 && errno == ENOTDIR)
		return error_set(error, -ENOTDIR, "%s: not a directory, or a link to one", path);
	if (*directory < 0)
		return error_set(error, -errno, "%s: %m", path);
	/* the umask may have taken the group's rights away */
	if (created && fchmod(*directory, DIRECTORY_MODE) != 0)
		return error_set(error, -errno, "%s: %m", path);
	return 0;
}

/*
 * Nobody else may put another socket in the place of ours and be taken for us. In a directory like
 * /tmp, where the sticky bit lets only the owner of a file replace it, nobody can.
 */
static int judge_directory(int directory, const char *path, struct error *error)
{
	struct stat status;

	if (fstat(directory, &status) != 0)
		return error_set(error, -errno, "%s: %m", path);
	if (status.st_uid != geteuid() && status.st_uid != 0)
		return error_set(
			error, -EPERM, "%s: the directory belongs to user %u", path, status.st_uid);
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status.st_mode & S_ISVTX) == 0)
		return error_set(error, -EPERM, "%s: others may write to the directory (%04o)",
			path, status.st_mode & 07777);
	return 0;
}

static int prepare_directory(const char *path, struct error *error)
{
	char directory[PATH_SIZE];
	int fd = -1;
	int result;

	fill_directory(directory, path);
	result = open_directory(directory, &fd, error);
	if (result == 0)
		result = judge_directory(fd, directory, error);
	if (fd >= 0)
		close(fd);
	return result;
}

static int refuse_living(int fd, const char *path, struct error *error)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.pid == 0)
		return error_set(error, -EADDRINUSE, "%s is served by another process", path);
	return error_set(error, -EADDRINUSE, "%s is served by process %d", path, (int)peer.pid);
}

/* Judges what answers behind an existing socket file: 0 when nobody does. */
static int refuse_unless_dead(const struct sockaddr_un *address, struct error *error)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int result = 0;

	if (fd < 0)
		return error_set(error, -errno, "control socket: %m");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		result = refuse_living(fd, address->sun_path, error);
	else if (errno == EAGAIN)
		result = error_set(error, -EADDRINUSE,
			"%s is served by another process, which is too busy to answer",
			address->sun_path);
	else if (errno != ECONNREFUSED)
		result = error_set(error, -errno, "%s: %m", address->sun_path);
	close(fd);
	return result;
}

static int remove_stale(const struct sockaddr_un *address, struct error *error)
{
	const char *path = address->sun_path;
	struct stat file;
	int result;

	if (lstat(path, &file) != 0)
		return errno == ENOENT ? 0 : error_set(error, -errno, "%s: %m", path);
	if (!S_ISSOCK(file.st_mode))
		return error_set(error, -EEXIST, "%s exists and is not a socket", path);
	result = refuse_unless_dead(address, error);
	if (result != 0)
		return result;
	if (unlink(path) != 0 && errno != ENOENT)
		return error_set(error, -errno, "%s: %m", path);
	return 0;
}

/*
 * The file gets the mode of its socket less the umask, so it never has any other mode, and nothing
 * is changed by a path that could lead elsewhere meanwhile.
 */
static int bind_narrowly(int fd, const struct sockaddr_un *address)
{
	mode_t umask_before;
	int result;

	if (fchmod(fd, SOCKET_MODE) != 0)
		return -errno;
	umask_before = umask(~SOCKET_MODE & 0777);
	result = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
	umask(umask_before);
	return result;
}

static int bind_and_listen(struct rpc_listener *listener, struct error *error)
{
	const char *path = listener->address.sun_path;
	int result = bind_narrowly(listener->fd, &listener->address);
	struct stat file;

	if (result != 0)
		return error_set(error, result, "%s: %s", path, strerror(-result));
	if (lstat(path, &file) != 0)
		return error_set(error, -errno, "%s: %m", path);
	listener->bound = true;
	listener->device = file.st_dev;
	listener->inode = file.st_ino;
	if (listen(listener->fd, BACKLOG) != 0)
		return error_set(error, -errno, "%s: %m", path);
	return 0;
}

/* Out of descriptors or memory, the connection stays in the queue and the socket readable: without
 * a pause the loop would spin. */
static void pause_accepting(struct rpc_listener *listener)
{
	struct timeval second = { 1, 0 };

	event_del(listener->readable);
	evtimer_add(listener->pause, &second);
}

static void resume_accepting(evutil_socket_t fd, short what, void *argument)
{
	struct rpc_listener *listener = argument;

	event_add(listener->readable, NULL);
}

static void let_in(struct rpc_listener *listener, int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
		close(fd); /* whoever it is may do nothing */
		return;
	}
	listener->accepted(listener->context, fd, &peer);
}

static void accept_some(evutil_socket_t socket, short what, void *argument)
{
	struct rpc_listener *listener = argument;

	for (int i = 0; i < ACCEPTS_PER_PASS; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			let_in(listener, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(listener);
		return;
	}
}

static int start_accepting(
	struct rpc_listener *listener, struct event_base *base, struct error *error)
{
	listener->readable =
		event_new(base, listener->fd, EV_READ | EV_PERSIST, accept_some, listener);
	listener->pause = evtimer_new(base, resume_accepting, listener);
	if (listener->readable == NULL || listener->pause == NULL ||
		event_add(listener->readable, NULL) != 0)
		return error_set(error, -ENOMEM, "control socket: out of memory");
	return 0;
}

static int open_socket(struct rpc_listener *listener, const char *path, struct error *error)
{
	int result = fill_address(&listener->address, path, error);

	if (result == 0)
		result = prepare_directory(path, error);
	if (result == 0)
		result = remove_stale(&listener->address, error);
	if (result != 0)
		return result;
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return error_set(error, -errno, "control socket: %m");
	return bind_and_listen(listener, error);
}

struct rpc_listener *rpc_listener_create(struct event_base *base, const char *path,
	rpc_listener_accept *accepted, void *context, struct error *error)
{
	struct rpc_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		error_set(error, -ENOMEM, "control socket: out of memory");
		return NULL;
	}
	listener->fd = -1;
	listener->accepted = accepted;
	listener->context = context;
	if (open_socket(listener, path, error) != 0 ||
		start_accepting(listener, base, error) != 0) {
		rpc_listener_destroy(listener);
		return NULL;
	}
	return listener;
}

static bool file_is_ours(const struct rpc_listener *listener)
{
	struct stat file;

	return listener->bound && lstat(listener->address.sun_path, &file) == 0 &&
	       file.st_dev == listener->device && file.st_ino == listener->inode;
}

void rpc_listener_destroy(struct rpc_listener *listener)
{
	if (listener == NULL)
		return;
	if (listener->readable != NULL)
		event_free(listener->readable);
	if (listener->pause != NULL)
		event_free(listener->pause);
	if (file_is_ours(listener))
		unlink(listener->address.sun_path);
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener);
}
