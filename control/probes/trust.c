/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/trust.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#define ENTRIES_MAX 64        /* files; what has not been used for longest is read again */
#define FILE_MAX    (8 << 20) /* bytes: the system's own have a quarter of a million */

/* By which a change of a file is seen. */
struct version {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct entry {
	TAILQ_ENTRY(entry) link;
	char *path; /* NULL: the system's */
	struct version version;
	X509_STORE *store; /* NULL: it cannot be used, for the reason in `error` */
	int code;
	struct error error;
};

struct trust {
	TAILQ_HEAD(entry_list, entry) entries; /* the last one used first */
	size_t count;
};

struct trust *trust_create(void)
{
	struct trust *trust = calloc(1, sizeof(*trust));

	if (trust != NULL)
		TAILQ_INIT(&trust->entries);
	return trust;
}

static void remove_entry(struct trust *trust, struct entry *entry)
{
	TAILQ_REMOVE(&trust->entries, entry, link);
	trust->count--;
	X509_STORE_free(entry->store);
	free(entry->path);
	free(entry);
}

void trust_destroy(struct trust *trust)
{
	if (trust == NULL)
		return;
	while (!TAILQ_EMPTY(&trust->entries))
		remove_entry(trust, TAILQ_FIRST(&trust->entries));
	free(trust);
}

static bool is_same_path(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct entry *find_entry(struct trust *trust, const char *path)
{
	struct entry *entry;

	TAILQ_FOREACH(entry, &trust->entries, link)
	if (is_same_path(entry->path, path))
		return entry;
	return NULL;
}

/* Of the directory, where it is the system's. */
static int read_version(const char *path, struct version *version, struct error *error)
{
	struct stat found;

	memset(version, 0, sizeof(*version));
	if (stat(path == NULL ? X509_get_default_cert_dir() : path, &found) < 0)
		return error_set(error, -errno, "ca_file: %s", strerrordesc_np(errno));
	if (path != NULL && !S_ISREG(found.st_mode))
		return error_set(error, -EINVAL, "ca_file: not a file");
	if (path != NULL && found.st_size > FILE_MAX)
		return error_set(error, -EFBIG, "ca_file: more than %d MiB", FILE_MAX >> 20);
	version->device = found.st_dev;
	version->inode = found.st_ino;
	version->size = found.st_size;
	version->changed = found.st_mtim;
	return 0;
}

static bool is_same_version(const struct version *a, const struct version *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* An intermediate issuer, or a backend's own certificate, may be trusted as well as a root. */
static void load(struct entry *entry)
{
	int loaded;

	entry->store = X509_STORE_new();
	if (entry->store == NULL) {
		entry->code = error_set(&entry->error, -ENOMEM, "ca_file: out of memory");
		return;
	}
	X509_STORE_set_flags(entry->store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	if (entry->path == NULL)
		loaded = X509_STORE_set_default_paths(entry->store);
	else
		loaded = X509_STORE_load_file(entry->store, entry->path);
	ERR_clear_error();
	if (loaded == 1)
		return;
	X509_STORE_free(entry->store);
	entry->store = NULL;
	entry->code = error_set(&entry->error, -EINVAL, "ca_file: no certificate can be read");
}

static struct entry *add_entry(struct trust *trust, const char *path, const struct version *version)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	entry->version = *version;
	entry->path = path == NULL ? NULL : strdup(path);
	if (path != NULL && entry->path == NULL) {
		free(entry);
		return NULL;
	}
	if (trust->count == ENTRIES_MAX)
		remove_entry(trust, TAILQ_LAST(&trust->entries, entry_list));
	TAILQ_INSERT_HEAD(&trust->entries, entry, link);
	trust->count++;
	load(entry);
	return entry;
}

X509_STORE *trust_find(struct trust *trust, const char *path, int *code, struct error *error)
{
	struct entry *entry = find_entry(trust, path);
	struct version version;

	*code = read_version(path, &version, error);
	if (*code < 0)
		return NULL;
	if (entry != NULL && !is_same_version(&entry->version, &version)) {
		remove_entry(trust, entry);
		entry = NULL;
	}
	if (entry == NULL)
		entry = add_entry(trust, path, &version);
	if (entry == NULL) {
		*code = error_set(error, -ENOMEM, "ca_file: out of memory");
		return NULL;
	}
	TAILQ_REMOVE(&trust->entries, entry, link);
	TAILQ_INSERT_HEAD(&trust->entries, entry, link);
	*code = entry->code;
	*error = entry->error;
	return entry->store;
}
