/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket file is known again by its inode, of which `file` is held open so that its number
 * cannot be given to another. A script may remove it, or another server that was started by mistake
 * may take its name; so the name is looked at once a second.
 */
#include "rpc/rpc_listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/events.h"
#include "rpc/rpc.h"

#define FCHMODAT2      452 /* the system call; the headers of older kernels do not have it */
#define SOCKET_MODE    0660
#define UNBORN_MODE    0600 /* of the socket file until it has its group */
#define DIRECTORY_MODE 0750
#define BACKLOG        64
#define PATH_SIZE      sizeof(((struct sockaddr_un *)0)->sun_path)

/*
 * Connections that are accepted in one pass of the event loop, so that many at once delay no other
 * event.
 */
#define ACCEPTS_PER_PASS 8

struct rpc_listener {
	int fd;
	struct event *readable;
	struct event *pause; /* runs while the process has no descriptor to accept with */
	struct event *look;  /* at the name, once a second */
	struct sockaddr_un address;
	gid_t group;
	int file;             /* the socket file of `fd` (O_PATH), -1: none */
	struct error refused; /* why it cannot be made again, as the log has it; or "" */
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

static int give_directory(int directory, gid_t group)
{
	if (group != GROUP_NONE && fchown(directory, -1, group) != 0)
		return -errno;
	/* the umask may have taken the group's rights away */
	return fchmod(directory, DIRECTORY_MODE) == 0 ? 0 : -errno;
}

static int open_directory(const char *path, gid_t group, int *directory, struct error *error)
{
	bool created = mkdir(path, DIRECTORY_MODE) == 0;
	int result;

	if (!created && errno != EEXIST)
		return error_set(error, -errno, "%s: %m", path);
	*directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*directory < 0 && errno == ENOTDIR)
		return error_set(error, -ENOTDIR, "%s: not a directory, or a link to one", path);
	if (*directory < 0)
		return error_set(error, -errno, "%s: %m", path);
	result = created ? give_directory(*directory, group) : 0;
	return result == 0 ? 0 : error_set(error, result, "%s: %s", path, strerror(-result));
}

/*
 * No other user may replace our socket by one that clients take for ours. In a sticky directory
 * such as /tmp, only the owner of a file can replace it.
 */
static int check_directory(int directory, const char *path, struct error *error)
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

static int prepare_directory(const char *path, gid_t group, struct error *error)
{
	char directory[PATH_SIZE];
	int fd = -1;
	int result;

	fill_directory(directory, path);
	result = open_directory(directory, group, &fd, error);
	if (result == 0)
		result = check_directory(fd, directory, error);
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

/* Checks whether a server answers behind an existing socket file: 0 where none does. */
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

/* fchmod() refuses what was opened with O_PATH. Before Linux 6.6 only /proc has a way to it. */
static int change_mode(int file, mode_t mode)
{
	char path[32];

	if (syscall(FCHMODAT2, file, "", mode, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM) /* of a filter that does not know it */
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return chmod(path, mode) == 0 ? 0 : -errno;
}

/*
 * The umask would be simpler, but it belongs to the whole process, and other threads write files.
 * So at first only the owner may use the file; its group gets access by a descriptor, not by a path
 * that could lead elsewhere meanwhile.
 */
static int give_file(int file, gid_t group)
{
	if (group != GROUP_NONE && fchownat(file, "", -1, group, AT_EMPTY_PATH) != 0)
		return -errno;
	return change_mode(file, SOCKET_MODE);
}

/* The file's descriptor, or -errno. */
static int bind_narrowly(int fd, const struct sockaddr_un *address)
{
	int file;

	/* the file gets the mode of its socket, less the umask */
	if (fchmod(fd, UNBORN_MODE) != 0 ||
		bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		return -errno;
	file = open(address->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return file < 0 ? -errno : file;
}

static bool has_name(int file, const struct sockaddr_un *address)
{
	struct stat ours, named;

	return fstat(file, &ours) == 0 && lstat(address->sun_path, &named) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static void remove_file(int file, const struct sockaddr_un *address)
{
	if (file >= 0 && has_name(file, address))
		unlink(address->sun_path);
	if (file >= 0)
		close(file);
}

/* A new socket at the listener's address, and its file. 0 or -errno. */
static int open_socket(struct rpc_listener *listener, int *fd, int *file, struct error *error)
{
	const struct sockaddr_un *address = &listener->address;
	int result = prepare_directory(address->sun_path, listener->group, error);

	if (result == 0)
		result = remove_stale(address, error);
	if (result != 0)
		return result;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return error_set(error, -errno, "control socket: %m");
	*file = bind_narrowly(*fd, address);
	result = *file < 0 ? *file : give_file(*file, listener->group);
	if (result == 0 && listen(*fd, BACKLOG) != 0)
		result = -errno;
	if (result == 0)
		return 0;
	remove_file(*file, address);
	close(*fd);
	*fd = *file = -1;
	return error_set(error, result, "%s: %s", address->sun_path, strerror(-result));
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
		close(fd); /* an unknown peer may do nothing */
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

/* Clients that connected to the old socket and still wait are accepted. */
static void move_to(struct rpc_listener *listener, int fd, int file)
{
	struct event_base *base = event_get_base(listener->readable);

	for (int i = 0; i < BACKLOG / ACCEPTS_PER_PASS; i++)
		accept_some(listener->fd, EV_READ, listener);
	event_del(listener->readable);
	event_del(listener->pause);
	close(listener->fd);
	close(listener->file);
	listener->fd = fd;
	listener->file = file;
	event_assign(listener->readable, base, fd, EV_READ | EV_PERSIST, accept_some, listener);
	event_add(listener->readable, NULL);
}

static void log_refused(struct rpc_listener *listener, const struct error *error)
{
	if (strcmp(listener->refused.message, error->message) == 0)
		return;
	events_publish(EVENT(SOCKET, ERROR, NODE, NULL),
		"control socket: %s is gone and cannot be made again: %s",
		listener->address.sun_path, error->message);
	listener->refused = *error;
}

static void look_at_name(evutil_socket_t unused, short what, void *argument)
{
	struct rpc_listener *listener = argument;
	struct error error;
	int fd, file;

	if (has_name(listener->file, &listener->address)) {
		listener->refused.message[0] = '\0'; /* it was moved away and back */
		return;
	}
	if (open_socket(listener, &fd, &file, &error) != 0) {
		log_refused(listener, &error);
		return;
	}
	move_to(listener, fd, file);
	listener->refused.message[0] = '\0';
	events_publish(EVENT(SOCKET, WARNING, NODE, NULL),
		"control socket: %s was removed or replaced; it is made again",
		listener->address.sun_path);
}

/* A directory that exists already is left as it is, whatever its mode. */
static void warn_of_closed_directory(const struct rpc_listener *listener)
{
	gid_t group = listener->group;
	char path[PATH_SIZE];
	struct stat status;

	fill_directory(path, listener->address.sun_path);
	if (group == GROUP_NONE || stat(path, &status) != 0 || (status.st_mode & S_IXOTH) != 0 ||
		(status.st_gid == group && (status.st_mode & S_IXGRP) != 0))
		return;
	events_publish(EVENT(SOCKET, WARNING, NODE, NULL),
		"control socket: members of group %u cannot enter %s: chgrp %u %s && chmod g+x %s",
		(unsigned int)group, path, (unsigned int)group, path, path);
}

static int start_accepting(
	struct rpc_listener *listener, struct event_base *base, struct error *error)
{
	static const struct timeval period = { RPC_LISTENER_LOOK_MS / 1000,
		RPC_LISTENER_LOOK_MS % 1000 * 1000 };

	listener->readable =
		event_new(base, listener->fd, EV_READ | EV_PERSIST, accept_some, listener);
	listener->pause = evtimer_new(base, resume_accepting, listener);
	listener->look = event_new(base, -1, EV_PERSIST, look_at_name, listener);
	if (listener->readable == NULL || listener->pause == NULL || listener->look == NULL ||
		event_add(listener->readable, NULL) != 0 || event_add(listener->look, &period) != 0)
		return error_set(error, -ENOMEM, "control socket: out of memory");
	return 0;
}

struct rpc_listener *rpc_listener_create(struct event_base *base, const struct rpc_address *address,
	rpc_listener_accept *accepted, void *context, struct error *error)
{
	struct rpc_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		error_set(error, -ENOMEM, "control socket: out of memory");
		return NULL;
	}
	listener->fd = listener->file = -1;
	listener->group = address->group;
	listener->accepted = accepted;
	listener->context = context;
	if (fill_address(&listener->address, address->path, error) != 0 ||
		open_socket(listener, &listener->fd, &listener->file, error) != 0 ||
		start_accepting(listener, base, error) != 0) {
		rpc_listener_destroy(listener);
		return NULL;
	}
	warn_of_closed_directory(listener);
	return listener;
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

void rpc_listener_destroy(struct rpc_listener *listener)
{
	if (listener == NULL)
		return;
	free_event(listener->look);
	free_event(listener->readable);
	free_event(listener->pause);
	remove_file(listener->file, &listener->address);
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener);
}
