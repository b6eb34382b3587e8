/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a lock: when the start of DPDK's af_xdp driver fails, it detaches any program on the
 * interface. So a second process on the same interface would cut the first one off from its
 * packets, unnoticed. Therefore the claim comes before the driver touches the interface.
 */
#include "base/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FILE_MODE       0600
#define CLAIM_NAME_SIZE 64 /* "xdp-<netns inode>-<ifindex>.lock" */
#define CLAIM_TEXT_SIZE 96 /* what claim_note() writes */

/* Interface numbers repeat from one network namespace to the next; the inode tells them apart. */
static int name_claim(unsigned int ifindex, char name[static CLAIM_NAME_SIZE])
{
	struct stat namespace;

	if (stat("/proc/thread-self/ns/net", &namespace) < 0)
		return -errno;
	snprintf(name, CLAIM_NAME_SIZE, "xdp-%ju-%u.lock", (uintmax_t) namespace.st_ino, ifindex);
	return 0;
}

static int open_directory(const char *directory)
{
	int fd;

	if (mkdir(directory, 0750) < 0 && errno != EEXIST)
		return -errno;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Only we or the owner of the directory may have written the file: we act on what it says. */
static bool is_trusted(int directory, int file)
{
	struct stat parent, status;

	return fstat(directory, &parent) == 0 && fstat(file, &status) == 0 &&
	       S_ISREG(status.st_mode) && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       (status.st_uid == geteuid() || status.st_uid == parent.st_uid);
}

/* O_NONBLOCK: a FIFO of this name must not block us. */
static int open_file(int directory, const char *name)
{
	int fd = openat(
		directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);

	if (fd < 0)
		return -errno;
	/* who can open the file can lock it, and an older version gave the group access */
	if (is_trusted(directory, fd) && (fchmod(fd, FILE_MODE) == 0 || errno == EPERM))
		return fd;
	close(fd);
	return -EPERM;
}

static int open_claim(const char *directory, const char *name)
{
	int directory_fd = open_directory(directory);
	int fd;

	if (directory_fd < 0)
		return directory_fd;
	fd = open_file(directory_fd, name);
	close(directory_fd);
	return fd;
}

/* Zeros for what is missing in the file: a new file is empty. */
static void read_claim(int fd, int *pid, struct claim *claim)
{
	char text[CLAIM_TEXT_SIZE];
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

	*pid = 0;
	claim->program = 0;
	if (length <= 0)
		return;
	text[length] = '\0';
	sscanf(text, "pid %d program %" SCNu32, pid, &claim->program);
}

int claim_note(struct claim *claim)
{
	char text[CLAIM_TEXT_SIZE];
	int length;

	length = snprintf(
		text, sizeof(text), "pid %d\nprogram %" PRIu32 "\n", getpid(), claim->program);
	if (pwrite(claim->fd, text, (size_t)length, 0) != length ||
		ftruncate(claim->fd, length) < 0)
		return -EIO;
	return 0;
}

static int refuse_second(int fd, const char *interface, struct error *error)
{
	struct claim other;
	int pid;

	read_claim(fd, &pid, &other);
	if (pid == 0)
		return error_set(error, -EBUSY, "another process just started on %s", interface);
	return error_set(error, -EBUSY, "%s is in use by process %d", interface, pid);
}

int claim_take(struct claim *claim, const char *directory, unsigned int ifindex,
	const char *interface, struct error *error)
{
	char name[CLAIM_NAME_SIZE];
	int fd, pid, result;

	claim->fd = -1;
	result = name_claim(ifindex, name);
	if (result < 0)
		return error_set(error, result, "network namespace: %s", strerror(-result));
	fd = open_claim(directory, name);
	if (fd < 0)
		return error_set(error, fd, "%s/%s: %s", directory, name, strerror(-fd));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		result = refuse_second(fd, interface, error);
		close(fd);
		return result;
	}
	claim->fd = fd;
	read_claim(fd, &pid, claim);
	result = claim_note(claim);
	if (result == 0)
		return 0;
	claim_release(claim);
	return error_set(error, result, "%s/%s: %s", directory, name, strerror(-result));
}

/* The file stays: if it were removed, two processes could lock two files of the same name. */
void claim_release(struct claim *claim)
{
	if (claim->fd >= 0)
		close(claim->fd);
	claim->fd = -1;
}
