/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the file of somebody who edits it at the same time survives:
 *
 *   - An editor that writes a new file and renames it: our file and the one at the path change
 *     places in one step (renameat2, RENAME_EXCHANGE), and what came out is looked at. Where it is
 *     not what was read, they change places again; where that brings out yet another file than
 * ours, it is a still newer one, and so on.
 *   - An editor that writes into the file itself: while we hold a read lease on it, it cannot be
 *     open for writing, and whoever tries to waits until we are done. That it waits is seen after
 *     the swap, too, and the swap is undone, so that it goes on in the file that is there.
 *
 * What cannot be had on a file system (no exchange, no leases) is done without: what is left is a
 * window of some microseconds between the last look and the rename.
 */
#include "config/config_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL /* and a state on the stack */
#include <xxhash.h>

#include "config/config.h"
#include "common/events.h"
#include "config/config_attributes.h"

/* What is beside the file while it is written, and when it changes places; then random letters. */
#define PART_NAME ".sluiced-part-"
#define SWAP_NAME ".sluiced-swap-"
#define SUFFIX    "XXXXXX"
#define LETTERS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

#define READ_BYTES    65536
#define EXCHANGES_MAX 100 /* with an editor that saves again and again; a few in practice */

/* A file that is being replaced. */
struct swap {
	char path[PATH_MAX];      /* of the file, without links */
	char temporary[PATH_MAX]; /* beside it; "" while there is none */
	int directory;
	int old; /* the file as it was found, or -1 */
	struct stat found_status;
	int new;           /* ours */
	struct stat ours;  /* of `new`, once it is written */
	bool leased;       /* we hold a lease on `old` */
	bool whatever;     /* no matter what is there */
	bool kept;         /* the file at `temporary` may be an editor's, and stays there */
	uint64_t found[2]; /* digest of `old` */
};

static void digest_bytes(const void *bytes, size_t length, uint64_t digest[2])
{
	XXH128_hash_t hash = XXH3_128bits(bytes, length);

	digest[0] = hash.low64;
	digest[1] = hash.high64;
}

/* Of a whole file from its start; 0 or -errno. */
static int digest_file(int fd, uint64_t digest[2])
{
	XXH3_state_t state;
	char bytes[READ_BYTES];
	ssize_t count;
	XXH128_hash_t hash;
	off_t offset = 0;
	int code;

	XXH3_128bits_reset(&state);
	while ((count = pread(fd, bytes, sizeof(bytes), offset)) > 0) {
		XXH3_128bits_update(&state, bytes, count);
		offset += count;
	}
	code = count < 0 ? -errno : 0;
	hash = XXH3_128bits_digest(&state);
	digest[0] = hash.low64;
	digest[1] = hash.high64;
	return code;
}

static bool same_digest(const uint64_t a[2], const uint64_t b[2])
{
	return a[0] == b[0] && a[1] == b[1];
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool same_status(const struct stat *a, const struct stat *b)
{
	return same_file(a, b) && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

json_t *config_file_load(const char *path, struct config_file_version *version, struct error *error)
{
	json_t *document;
	size_t length;
	char *text;

	/* the status is taken first: a change in between is found at the next look */
	if (realpath(path, version->path) == NULL || stat(version->path, &version->status) != 0) {
		error_set(error, -errno, "%s: %s", path, strerror(errno));
		return NULL;
	}
	text = config_document_read(version->path, &length, error);
	if (text == NULL)
		return NULL;
	digest_bytes(text, length, version->digest);
	document = config_document_parse(text, length, error);
	if (document == NULL)
		error_wrap(error, -EINVAL, "%s", version->path);
	free(text);
	return document;
}

static enum config_file_state look_at_bytes(struct config_file_version *version)
{
	struct stat status;
	uint64_t digest[2];
	int fd = open(version->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int code = fd < 0 ? -errno : 0;

	if (fd < 0)
		return CONFIG_FILE_UNREADABLE;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		code = -EINVAL;
	if (code == 0)
		code = digest_file(fd, digest);
	close(fd);
	if (code != 0)
		return CONFIG_FILE_UNREADABLE;
	if (!same_digest(digest, version->digest))
		return CONFIG_FILE_EDITED;
	version->status = status;
	return CONFIG_FILE_SAME;
}

enum config_file_state config_file_look(const char *path, struct config_file_version *version)
{
	char now[PATH_MAX];
	struct stat status;

	if (realpath(path, now) == NULL || stat(now, &status) != 0)
		return CONFIG_FILE_UNREADABLE;
	if (strcmp(now, version->path) != 0)
		return CONFIG_FILE_ELSEWHERE;
	if (same_status(&status, &version->status))
		return CONFIG_FILE_SAME;
	return look_at_bytes(version);
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= written;
	}
	return 0;
}

/* The path of a file that is to be made: that of its directory without links, and its name. */
static int resolve_new(const char *path, char resolved[static PATH_MAX])
{
	char directory[PATH_MAX], name[PATH_MAX], parent[PATH_MAX];
	struct stat status;

	snprintf(directory, sizeof(directory), "%s", path);
	snprintf(name, sizeof(name), "%s", path);
	if (lstat(path, &status) == 0) /* a link that leads to nothing */
		return -ENOENT;
	if (realpath(dirname(directory), parent) == NULL)
		return -errno;
	if (snprintf(resolved, PATH_MAX, "%s/%s", parent, basename(name)) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

static int resolve(struct swap *swap, const char *path)
{
	if (realpath(path, swap->path) != NULL)
		return 0;
	if (errno != ENOENT || !swap->whatever)
		return -errno;
	return resolve_new(path, swap->path);
}

static int open_directory(struct swap *swap)
{
	char copy[PATH_MAX];

	strcpy(copy, swap->path);
	swap->directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return swap->directory < 0 ? -errno : 0;
}

/* Where leases cannot be had at all, we go on without. */
static int lease(struct swap *swap)
{
	/* a lease that is broken sends a signal, by default one that ends the process */
	if (fcntl(swap->old, F_SETSIG, SIGURG) != 0)
		return 0;
	if (fcntl(swap->old, F_SETLEASE, F_RDLCK) == 0) {
		swap->leased = true;
		return 0;
	}
	return errno == EAGAIN ? -ETXTBSY : 0;
}

static bool is_opened_for_writing(const struct swap *swap)
{
	return swap->leased && fcntl(swap->old, F_GETLEASE) != F_RDLCK;
}

/* The file that is there now. */
static int open_old(struct swap *swap)
{
	int code;

	swap->old = open(swap->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (swap->old < 0)
		return errno == ENOENT && swap->whatever ? 0 : -errno;
	if (fstat(swap->old, &swap->found_status) != 0)
		return -errno;
	if (!S_ISREG(swap->found_status.st_mode))
		return -EINVAL;
	code = lease(swap);
	return code == 0 ? digest_file(swap->old, swap->found) : code;
}

/*
 * From here on what is at `temporary` may be ours, what was found, or somebody's: should this
 * process be killed now, the digests in its name tell the next one (config_file_tidy()).
 */
static int name_for_swap(struct swap *swap, const char *text, size_t length)
{
	const char *suffix = swap->temporary + strlen(swap->temporary) - strlen(SUFFIX);
	char name[PATH_MAX];
	uint64_t ours[2];

	digest_bytes(text, length, ours);
	if (snprintf(name, sizeof(name), "%s" SWAP_NAME "%016" PRIx64 "-%016" PRIx64 "-%s",
		    swap->path, swap->found[0], ours[0], suffix) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (rename(swap->temporary, name) != 0)
		return -errno;
	strcpy(swap->temporary, name);
	return 0;
}

/* Ours, beside the old one, complete and on disk. */
static int write_new(struct swap *swap, const char *text, size_t length)
{
	int code;

	if (snprintf(swap->temporary, PATH_MAX, "%s" PART_NAME SUFFIX, swap->path) >= PATH_MAX) {
		swap->temporary[0] = '\0';
		return -ENAMETOOLONG;
	}
	swap->new = mkostemp(swap->temporary, O_CLOEXEC);
	if (swap->new < 0) {
		code = -errno;
		swap->temporary[0] = '\0';
		return code;
	}
	code = swap->old < 0 ? 0 : config_attributes_copy(swap->old, swap->new);
	if (code == 0)
		code = write_all(swap->new, text, length);
	if (code == 0 && fsync(swap->new) != 0)
		code = -errno;
	if (code == 0)
		code = name_for_swap(swap, text, length);
	if (code == 0 && fstat(swap->new, &swap->ours) != 0)
		code = -errno;
	return code;
}

static int exchange(const struct swap *swap)
{
	return renameat2(AT_FDCWD, swap->temporary, AT_FDCWD, swap->path, RENAME_EXCHANGE) == 0
		       ? 0
		       : -errno;
}

/*
 * Whether the file at `path` is the one that we have leased, so that it cannot have been written
 * to.
 */
static bool is_leased(const struct swap *swap, const char *path)
{
	struct stat status;

	return swap->leased && lstat(path, &status) == 0 &&
	       same_file(&status, &swap->found_status) && !is_opened_for_writing(swap);
}

/* Whether the file at `path` has the bytes that were found before. */
static bool is_old(const struct swap *swap, const char *path)
{
	uint64_t digest[2];
	bool same;
	int fd;

	if (is_leased(swap, path))
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	same = digest_file(fd, digest) == 0 && same_digest(digest, swap->found);
	close(fd);
	return same;
}

/*
 * Puts back the file that the swap brought out. If the second swap does not bring out ours, the
 * file was replaced meanwhile, and that one is newer than what has just been put back. False where
 * it cannot be put back.
 */
static bool undo(const struct swap *swap)
{
	struct stat put = swap->ours, out, next;

	for (int i = 0; i < EXCHANGES_MAX; i++) {
		if (lstat(swap->temporary, &next) != 0 || exchange(swap) != 0)
			return false;
		if (lstat(swap->temporary, &out) != 0 || same_file(&out, &put))
			return true;
		put = next;
	}
	return false;
}

/* Some file systems cannot sync a directory, and have no need to. */
static int sync_directory(const struct swap *swap)
{
	if (fsync(swap->directory) == 0 || errno == EINVAL || errno == ENOTSUP)
		return 0;
	return -errno;
}

/* Ours is in place and the other one at `temporary`: for good, or back again. */
static int check_exchange(struct swap *swap)
{
	int code = 0;

	if (!swap->whatever && !is_old(swap, swap->temporary))
		code = -ESTALE;
	if (code == 0 && is_opened_for_writing(swap))
		code = -ETXTBSY;
	if (code == 0)
		code = sync_directory(swap);
	if (code == 0 && is_opened_for_writing(swap))
		code = -ETXTBSY;
	if (code != 0)
		swap->kept = !undo(swap);
	return code;
}

/* Without an exchange: there is no file yet, or the file system knows none. */
static int rename_over(struct swap *swap)
{
	if (!swap->whatever && !is_old(swap, swap->path))
		return -ESTALE;
	if (rename(swap->temporary, swap->path) != 0)
		return -errno;
	swap->temporary[0] = '\0';
	sync_directory(swap); /* it is made, and is in force when this process is asked */
	return 0;
}

static int put_in_place(struct swap *swap)
{
	int code;

	if (swap->old < 0)
		return rename_over(swap);
	code = exchange(swap);
	if (code == -EINVAL || code == -ENOSYS)
		return rename_over(swap);
	return code == 0 ? check_exchange(swap) : code;
}

static void close_file(int fd)
{
	if (fd >= 0)
		close(fd); /* which gives back a lease */
}

/* The file that was replaced, without our lease, or -1. */
static int take_replaced(struct swap *swap)
{
	int old = swap->old;

	if (swap->leased)
		fcntl(old, F_SETLEASE, F_UNLCK);
	swap->old = -1;
	return old;
}

static void finish(struct swap *swap)
{
	if (swap->temporary[0] != '\0' && !swap->kept)
		unlink(swap->temporary);
	close_file(swap->old);
	close_file(swap->new);
	close_file(swap->directory);
}

/* Our file is at the path all the same: the operator has to put that right. */
static int refuse_kept(const struct swap *swap, int code, struct error *error)
{
	const char *name = strrchr(swap->temporary, '/') + 1;

	return error_set(error, code,
		"%.250s was written over (%s), and what was there could not be put back: it "
		"is beside it as %.120s",
		swap->path, code == -ESTALE ? "it had changed on disk" : strerror(-code), name);
}

static int refuse(const struct swap *swap, const char *path, int code, struct error *error)
{
	if (swap->kept)
		return refuse_kept(swap, code, error);
	if (code == -ESTALE)
		return error_set(
			error, code, "%s has changed on disk since it was read", swap->path);
	if (code == -ETXTBSY)
		return error_set(error, -ESTALE, "%s is open for writing somewhere", swap->path);
	return error_set(error, code, "cannot write %s: %s",
		swap->path[0] != '\0' ? swap->path : path, strerror(-code));
}

static int refuse_elsewhere(
	const char *path, const char *now, const char *then, struct error *error)
{
	return error_set(error, -ESTALE, "%.120s leads to %.120s now and was read from %.120s",
		path, now, then);
}

static int replace(struct swap *swap, const char *text, size_t length,
	const struct config_file_version *expected)
{
	int code = open_directory(swap);

	if (code == 0)
		code = open_old(swap);
	if (code == 0 && expected != NULL && !same_digest(swap->found, expected->digest))
		code = -ESTALE;
	if (code == 0)
		code = write_new(swap, text, length);
	return code == 0 ? put_in_place(swap) : code;
}

static void note_written(const struct swap *swap, const char *text, size_t length,
	struct config_file_version *version)
{
	strcpy(version->path, swap->path);
	digest_bytes(text, length, version->digest);
	/* again: the swap has changed its time */
	if (fstat(swap->new, &version->status) != 0)
		version->status = swap->ours;
}

/* Ends a saving whose result so far is `code`: returns that, or -errno with the sentence. */
static int end(struct swap *swap, const char *path, int code, const char *text, size_t length,
	struct config_file_version *version, int *replaced, struct error *error)
{
	*replaced = -1;
	if (code == 0) {
		note_written(swap, text, length, version);
		*replaced = take_replaced(swap);
	} else {
		code = refuse(swap, path, code, error);
	}
	finish(swap);
	return code;
}

int config_file_save(const char *path, const char *text, size_t length,
	struct config_file_version *expected, int *replaced, struct error *error)
{
	struct swap swap = { .directory = -1, .old = -1, .new = -1 };
	int code = resolve(&swap, path);

	*replaced = -1;
	if (code == 0 && strcmp(swap.path, expected->path) != 0)
		return refuse_elsewhere(path, swap.path, expected->path, error);
	if (code == 0)
		code = replace(&swap, text, length, expected);
	return end(&swap, path, code, text, length, expected, replaced, error);
}

int config_file_overwrite(const char *path, const char *text, size_t length,
	struct config_file_version *written, int *replaced, struct error *error)
{
	struct swap swap = { .directory = -1, .old = -1, .new = -1, .whatever = true };
	int code = resolve(&swap, path);

	if (code == 0)
		code = replace(&swap, text, length, NULL);
	return end(&swap, path, code, text, length, written, replaced, error);
}

/* To be freed; NULL where it cannot be read. */
static char *read_all(int fd, size_t *length)
{
	struct stat status;
	ssize_t count = 1;
	char *bytes;

	if (fstat(fd, &status) != 0)
		return NULL;
	bytes = malloc(status.st_size + 1);
	for (*length = 0;
		bytes != NULL && count > 0 && *length<(size_t)status.st_size; *length += count> 0
			? count
			: 0)
		count = pread(fd, bytes + *length, status.st_size - *length, *length);
	if (count >= 0)
		return bytes;
	free(bytes);
	return NULL;
}

int config_file_put_back(
	const char *path, int replaced, struct config_file_version *expected, struct error *error)
{
	size_t length;
	char *bytes = read_all(replaced, &length);
	int code, ours;

	if (bytes == NULL)
		return error_set(error, -EIO, "cannot read what %s was before", path);
	code = config_file_save(path, bytes, length, expected, &ours, error);
	free(bytes);
	close_file(ours);
	return code;
}

enum left { NOT_OURS, OURS, DOUBTFUL };

/* Whether `name` is a name's end as mkostemp() makes it. */
static bool is_suffix(const char *name)
{
	size_t length = strlen(SUFFIX);

	return strlen(name) == length && strspn(name, LETTERS) == length;
}

/* Whether the file holds what its name says that we wrote, or what we found before. */
static bool holds_either(int directory, const char *name, const uint64_t expected[2])
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	uint64_t digest[2];
	struct stat status;
	bool holds;

	if (fd < 0)
		return false;
	holds = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		digest_file(fd, digest) == 0 &&
		(digest[0] == expected[0] || digest[0] == expected[1]);
	close(fd);
	return holds;
}

/* `name` is behind that of the configuration. */
static enum left classify_left(int directory, const char *full_name, const char *name)
{
	uint64_t digests[2];
	int length = 0;

	if (strncmp(name, PART_NAME, strlen(PART_NAME)) == 0)
		return is_suffix(name + strlen(PART_NAME)) ? OURS : NOT_OURS;
	if (sscanf(name, SWAP_NAME "%16" SCNx64 "-%16" SCNx64 "-%n", &digests[0], &digests[1],
		    &length) != 2 ||
		length == 0 || !is_suffix(name + length))
		return NOT_OURS;
	return holds_either(directory, full_name, digests) ? OURS : DOUBTFUL;
}

static void tidy_one(int directory, const char *path, const char *full_name, const char *name)
{
	switch (classify_left(directory, full_name, name)) {
	case OURS:
		if (unlinkat(directory, full_name, 0) == 0)
			events_publish(EVENT(CONFIGURATION, INFO, NODE, NULL),
				"%s: removed %s, which a process that was killed has left", path,
				full_name);
		else
			events_publish(EVENT(CONFIGURATION, WARNING, NODE, NULL),
				"%s: %s, which a process that was killed has left, holds the hash "
				"key and cannot be removed: %m",
				path, full_name);
		break;
	case DOUBTFUL:
		events_publish(EVENT(CONFIGURATION, WARNING, NODE, NULL),
			"%s: %s was put aside when a process was killed, and may be somebody's "
			"edit: compare it and remove it, it holds the hash key",
			path, full_name);
		break;
	default: break;
	}
}

void config_file_tidy(const char *path)
{
	char file[PATH_MAX], copy[PATH_MAX];
	const struct dirent *entry;
	const char *base;
	DIR *directory;

	if (realpath(path, file) == NULL)
		return;
	strcpy(copy, file);
	directory = opendir(dirname(copy));
	if (directory == NULL)
		return;
	base = strrchr(file, '/') + 1;
	while ((entry = readdir(directory)) != NULL)
		if (strncmp(entry->d_name, base, strlen(base)) == 0)
			tidy_one(dirfd(directory), file, entry->d_name,
				entry->d_name + strlen(base));
	closedir(directory);
}
