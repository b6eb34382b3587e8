/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of a start matters. First we lock the file at the path; before that nothing is written.
 * Then the path is looked up again, because the previous owner may have removed or replaced the
 * file between our open and our lock, and a lock on a file without a name protects nothing. Then a
 * new file is made beside it. It holds our process id, for later starts, and all of its space is
 * allocated, so that a full file system is a refusal now and not a SIGBUS in a worker later. It
 * gets the name when it is complete: a start that fails or is killed before that leaves the old
 * file unchanged.
 */
#include "state/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "state/state_header.h"

#define FILE_MODE      0640
#define DIRECTORY_MODE 0750
#define NEXT_PREFIX    "."
#define NEXT_SUFFIX    ".new"
#define ARBITER_SUFFIX ".lock"
#define PRIVATE_MODE   0600

const char *state_refusal_text(enum state_refusal_reason reason)
{
	static const char *const texts[STATE_REFUSAL_COUNT] = {
		[STATE_REFUSED_LAYOUT] = "cannot be laid out for so many workers, ports or records",
		[STATE_REFUSED_PATH] = "has a path that names no file",
		[STATE_REFUSED_DIRECTORY] = "has a directory that cannot be opened",
		[STATE_REFUSED_DIRECTORY_OWNER] = "is in a directory of another user",
		[STATE_REFUSED_DIRECTORY_MODE] = "is in a directory that others may write to",
		[STATE_REFUSED_FILE] = "cannot be opened",
		[STATE_REFUSED_KIND] = "is not a regular file",
		[STATE_REFUSED_OWNER] = "belongs to another user",
		[STATE_REFUSED_MODE] = "has a mode that allows more than 0640",
		[STATE_REFUSED_LINKS] = "has more than one name",
		[STATE_REFUSED_FOREIGN] = "is no state file of sluice, and is left as it is",
		[STATE_REFUSED_HELD] = "is held by another process",
		[STATE_REFUSED_SPACE] = "does not fit into its file system",
		[STATE_REFUSED_MEMORY] = "does not fit into memory",
	};

	return texts[reason];
}

int state_refuse(struct state_refusal *refusal, enum state_refusal_reason reason, int code)
{
	refusal->reason = reason;
	refusal->code = code;
	return code;
}

/* Cuts a path into the directory, to be freed by the caller, and the name of the file in it. */
static char *split_path(const char *path, char name[static NAME_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;

	if (last[0] == '\0' || strlen(last) > NAME_MAX - strlen(NEXT_PREFIX NEXT_SUFFIX))
		return NULL;
	strcpy(name, last);
	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, slash - path);
}

static int make_directory(const char *path, int *directory, bool *created)
{
	*created = mkdir(path, DIRECTORY_MODE) == 0;
	if (!*created && errno != EEXIST)
		return -errno;
	*directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*directory < 0)
		return -errno;
	/* The umask may have taken the group's rights away. */
	if (*created && fchmod(*directory, DIRECTORY_MODE) != 0)
		return -errno;
	return 0;
}

/* Others must not be able to replace the file; a sticky bit as in /tmp is enough for that. */
static int validate_directory(int directory, struct state_refusal *refusal)
{
	struct stat status;

	if (fstat(directory, &status) != 0)
		return state_refuse(refusal, STATE_REFUSED_DIRECTORY, -errno);
	refusal->owner = status.st_uid;
	refusal->mode = status.st_mode & 07777;
	if (status.st_uid != geteuid() && status.st_uid != 0)
		return state_refuse(refusal, STATE_REFUSED_DIRECTORY_OWNER, -EPERM);
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) && !(status.st_mode & S_ISVTX))
		return state_refuse(refusal, STATE_REFUSED_DIRECTORY_MODE, -EPERM);
	return 0;
}

static int open_directory(struct state_file *file, const char *path, struct state_refusal *refusal)
{
	char *directory = split_path(path, file->name);
	int result;

	if (!directory)
		return state_refuse(refusal, STATE_REFUSED_PATH, -EINVAL);
	snprintf(
		file->next_name, sizeof(file->next_name), NEXT_PREFIX "%s" NEXT_SUFFIX, file->name);
	result = make_directory(directory, &file->directory, &file->made_directory);
	free(directory);
	if (result != 0)
		return state_refuse(refusal, STATE_REFUSED_DIRECTORY, result);
	return validate_directory(file->directory, refusal);
}

/* O_NONBLOCK: a FIFO at the path must not block us. */
static int open_name(struct state_file *file)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	file->locked = false;
	file->descriptor = openat(file->directory, file->name, flags | O_CREAT | O_EXCL, FILE_MODE);
	file->created = file->descriptor >= 0;
	if (!file->created && errno == EEXIST)
		file->descriptor = openat(file->directory, file->name, flags);
	if (file->descriptor < 0)
		return -errno;
	if (file->created && fchmod(file->descriptor, FILE_MODE) != 0)
		return -errno;
	return 0;
}

/* Every file of ours is signed before it gets its name. */
static bool begins_as_ours(int descriptor)
{
	uint64_t magic;

	return pread(descriptor, &magic, sizeof(magic), 0) == sizeof(magic) && magic == STATE_MAGIC;
}

static int validate_file(const struct state_file *file, struct state_refusal *refusal)
{
	struct stat status;

	if (fstat(file->descriptor, &status) != 0)
		return state_refuse(refusal, STATE_REFUSED_FILE, -errno);
	refusal->owner = status.st_uid;
	refusal->mode = status.st_mode & 07777;
	if (!S_ISREG(status.st_mode))
		return state_refuse(refusal, STATE_REFUSED_KIND, -EINVAL);
	if (status.st_uid != geteuid())
		return state_refuse(refusal, STATE_REFUSED_OWNER, -EPERM);
	if (refusal->mode & ~FILE_MODE)
		return state_refuse(refusal, STATE_REFUSED_MODE, -EPERM);
	if (status.st_nlink > 1)
		return state_refuse(refusal, STATE_REFUSED_LINKS, -EPERM);
	if (status.st_size != 0 && !begins_as_ours(file->descriptor))
		return state_refuse(refusal, STATE_REFUSED_FOREIGN, -EEXIST);
	return 0;
}

/* The pid that the owner wrote first; 0 if the file holds anything else. */
static pid_t read_signature(int descriptor)
{
	struct state_header header;

	if (pread(descriptor, &header, sizeof(header), 0) != sizeof(header))
		return 0;
	if (header.magic != STATE_MAGIC || header.pid > INT_MAX)
		return 0;
	return header.pid;
}

/* While an owner is starting, its signature is in the file that it prepares. */
static pid_t read_holder(const struct state_file *file)
{
	int next = openat(file->directory, file->next_name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	pid_t holder = 0;

	if (next >= 0) {
		holder = read_signature(next);
		close(next);
	}
	return holder != 0 ? holder : read_signature(file->descriptor);
}

static bool lock(int descriptor)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(descriptor, F_OFD_SETLK, &whole) == 0;
}

bool state_file_has_owner(int descriptor)
{
	struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return fcntl(descriptor, F_OFD_GETLK, &whole) != 0 || whole.l_type != F_UNLCK;
}

/* Opens the second lock file; makes it with O_CREAT in `flags`. */
static int open_arbiter(const struct state_file *file, int flags)
{
	char name[sizeof(file->name) + sizeof(NEXT_PREFIX ARBITER_SUFFIX)];

	snprintf(name, sizeof(name), NEXT_PREFIX "%s" ARBITER_SUFFIX, file->name);
	return openat(file->directory, name,
		flags | O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, PRIVATE_MODE);
}

/* Of several starts that find a reader's lock on the file, lets one at a time go on. */
static bool lock_beside_readers(struct state_file *file)
{
	file->arbiter = open_arbiter(file, O_CREAT);
	return file->arbiter >= 0 && lock(file->arbiter) && !state_file_has_owner(file->descriptor);
}

/* Whether another start is going on that found a reader's lock, which is gone by now. */
static bool is_arbitrated(const struct state_file *file)
{
	int arbiter = open_arbiter(file, 0);
	bool locked;

	if (arbiter < 0)
		return false;
	locked = state_file_has_owner(arbiter);
	close(arbiter);
	return locked;
}

static int lock_file(struct state_file *file, struct state_refusal *refusal)
{
	bool ours = lock(file->descriptor);

	if (!ours && errno != EAGAIN && errno != EACCES)
		return state_refuse(refusal, STATE_REFUSED_FILE, -errno);
	file->locked = ours ? !is_arbitrated(file) : lock_beside_readers(file);
	if (file->locked)
		return 0;
	refusal->holder = read_holder(file);
	return state_refuse(refusal, STATE_REFUSED_HELD, -EBUSY);
}

static bool is_named(int directory, const char *name, int descriptor)
{
	struct stat ours, named;

	return fstat(descriptor, &ours) == 0 &&
	       fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* Whether the file we have open is the one that has the name. */
static bool has_name(const struct state_file *file)
{
	return is_named(file->directory, file->name, file->descriptor);
}

/* False after someone removed the file and another start made a new one at the path. */
static bool has_next_name(const struct state_file *file)
{
	return is_named(file->directory, file->next_name, file->next);
}

static int open_and_lock(struct state_file *file, struct state_refusal *refusal)
{
	int result = open_name(file);

	if (result == -ENOENT)
		return -ESTALE; /* it existed, and is gone now */
	if (result == -ELOOP || result == -EISDIR || result == -ENXIO)
		return state_refuse(refusal, STATE_REFUSED_KIND, result);
	if (result != 0)
		return state_refuse(refusal, STATE_REFUSED_FILE, result);
	result = validate_file(file, refusal);
	if (result == 0)
		result = lock_file(file, refusal);
	if (result == 0 && !has_name(file))
		result = -ESTALE;
	return result;
}

/* Starts over whenever the previous owner removes the file meanwhile. */
int state_file_open(struct state_file *file, const char *path, struct state_refusal *refusal)
{
	int result;

	file->directory = file->descriptor = file->next = file->arbiter = -1;
	result = open_directory(file, path, refusal);
	if (result != 0)
		return result;
	result = open_and_lock(file, refusal);
	while (result == -ESTALE) {
		if (file->descriptor >= 0)
			close(file->descriptor);
		if (file->arbiter >= 0)
			close(file->arbiter);
		file->arbiter = -1;
		result = open_and_lock(file, refusal);
	}
	return result;
}

/* Writes all of it, or returns -1 with errno: pwrite() may write a part without an error. */
static ssize_t write_whole(int descriptor, const void *bytes, size_t length)
{
	size_t done = 0;
	ssize_t count = 1;

	while (done < length && count > 0) {
		count = pwrite(descriptor, (const uint8_t *)bytes + done, length - done, done);
		if (count > 0)
			done += count;
	}
	return count < 0 ? count : (ssize_t)done;
}

/* Signs the file, so that another start can name us while we are still starting. */
static int sign(int descriptor)
{
	struct state_header signature = { .magic = STATE_MAGIC, .pid = getpid() };
	ssize_t length = write_whole(descriptor, &signature, sizeof(signature));

	if (length < 0)
		return -errno;
	return length == sizeof(signature) ? 0 : -ENOSPC;
}

/* Sets only the length; whether there is enough space is checked next. */
static int extend(int descriptor, const struct state_file_part *part)
{
	struct stat status;
	off_t end = part->offset + part->length;

	if (fstat(descriptor, &status) != 0)
		return -errno;
	if (status.st_size < end && ftruncate(descriptor, end) != 0)
		return -errno;
	return state_file_check_space(descriptor, part->length);
}

/* Not posix_fallocate(): where the file system has no way to do it, that writes into every block,
 * beside workers that write there by then. */
int state_file_allocate(int descriptor, const struct state_file_part *part)
{
	int code;

	if (part->length == 0)
		return 0;
	do
		code = fallocate(descriptor, 0, part->offset, part->length) == 0 ? 0 : -errno;
	while (code == -EINTR);
	return code == -EOPNOTSUPP ? extend(descriptor, part) : code;
}

/* A file system without a limit says that it has no blocks at all. */
int state_file_check_space(int descriptor, uint64_t length)
{
	struct statvfs status;
	uint64_t free;

	if (length == 0)
		return 0;
	if (fstatvfs(descriptor, &status) != 0)
		return -errno;
	free = geteuid() == 0 ? status.f_bfree : status.f_bavail;
	return status.f_blocks != 0 && free < length / status.f_frsize ? -ENOSPC : 0;
}

static int allocate(int descriptor, uint64_t size, const struct state_file_part *later)
{
	uint64_t end = later->offset + later->length;
	struct state_file_part before = { 0, later->offset }, behind = { end, size - end };
	int result = state_file_allocate(descriptor, &before);

	if (result == 0)
		result = state_file_allocate(descriptor, &behind);
	return result == 0 ? state_file_check_space(descriptor, later->length) : result;
}

/* Only the owner of the lock makes this file, so an existing one is left from a failed start. */
static int make_next(struct state_file *file)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	if (unlinkat(file->directory, file->next_name, 0) != 0 && errno != ENOENT)
		return -errno;
	file->next = openat(file->directory, file->next_name, flags, PRIVATE_MODE);
	if (file->next < 0 || !lock(file->next))
		return -errno;
	return fchmod(file->next, FILE_MODE) == 0 ? 0 : -errno;
}

static void drop_next(struct state_file *file)
{
	if (file->next < 0)
		return;
	if (has_next_name(file))
		unlinkat(file->directory, file->next_name, 0);
	close(file->next);
	file->next = -1;
}

int state_file_prepare(struct state_file *file, uint64_t size, const struct state_file_part *later,
	struct state_refusal *refusal)
{
	int result = make_next(file);

	refusal->bytes = size;
	if (result != 0) {
		drop_next(file);
		return state_refuse(refusal, STATE_REFUSED_FILE, result);
	}
	result = sign(file->next);
	/* after a power cut, a file at the path must still be recognizable as ours */
	if (result == 0 && fdatasync(file->next) != 0 && errno != EINVAL)
		result = -errno;
	if (result == 0)
		result = allocate(file->next, size, later);
	if (result == 0)
		return 0;
	drop_next(file);
	return state_refuse(refusal, STATE_REFUSED_SPACE, result);
}

int state_file_set_group(struct state_file *file, gid_t group)
{
	if (fchown(file->next, -1, group) != 0)
		return -errno;
	return file->made_directory && fchown(file->directory, -1, group) != 0 ? -errno : 0;
}

int state_file_replace(struct state_file *file, int *old, struct state_refusal *refusal)
{
	if (!has_next_name(file))
		return state_refuse(refusal, STATE_REFUSED_FILE, -ESTALE);
	if (renameat(file->directory, file->next_name, file->directory, file->name) != 0)
		return state_refuse(refusal, STATE_REFUSED_FILE, -errno);
	*old = file->descriptor;
	file->descriptor = file->next;
	file->next = -1;
	file->created = true;
	return 0;
}

void state_file_remove(struct state_file *file)
{
	drop_next(file);
	if (file->created && file->locked && has_name(file))
		unlinkat(file->directory, file->name, 0);
}

void state_file_close(struct state_file *file)
{
	drop_next(file);
	if (file->descriptor >= 0)
		close(file->descriptor);
	if (file->directory >= 0)
		close(file->directory);
	if (file->arbiter >= 0)
		close(file->arbiter);
	file->descriptor = file->directory = file->arbiter = -1;
}
