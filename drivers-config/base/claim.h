/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * claim: the right to put an XDP program on an interface, as an exclusive lock on a file of
 * /run/sluice that names interface and network namespace. The kernel drops the lock with the
 * process, however that ends. The file stays, with the pid of its last holder and the id of its XDP
 * program, so that the next process recognises what was left behind. Control thread only.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

#define CLAIM_DIRECTORY "/run/sluice"

struct claim {
	int fd;           /* holds the lock; -1 while there is none */
	uint32_t program; /* XDP program id of the last holder until claim_note(); 0: none */
};

/*
 * Takes the lock for an interface of the calling thread's network namespace. `directory` is made
 * (0750) if it is missing, but not its parents. -EBUSY, with the holder's pid in the sentence, if
 * another process or this one has the lock already. Other errors name the file.
 */
int claim_take(struct claim *claim, const char *directory, unsigned int ifindex,
	const char *interface, struct error *error);

/* Writes the id for a next process that cannot open programs by id (see steer_prepare()). */
int claim_note(struct claim *claim);

void claim_release(struct claim *claim); /* one without a lock is allowed */
