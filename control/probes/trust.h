/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trust: the certificates of issuers that are trusted, by file. A file is read once, and again when
 * it has changed. One thread.
 */
#pragma once

#include <openssl/x509.h>

#include "base/error.h"

struct trust;

/* NULL: out of memory. */
struct trust *trust_create(void);

/* NULL is allowed. */
void trust_destroy(struct trust *trust);

/*
 * Those of a PEM file, or with NULL those that the system trusts. It is the trust's, and the next
 * call may free it: whoever keeps it takes a reference. NULL with -errno in `*code` and a sentence
 * in `error`.
 */
X509_STORE *trust_find(struct trust *trust, const char *path, int *code, struct error *error);
