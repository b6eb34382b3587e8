/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decap: the decapsulator on a network interface of a backend. The kernel keeps an attached program
 * and its maps; nothing is pinned and no process stays.
 *
 * Needs CAP_SYS_ADMIN (root). Acts in the network namespace of the calling thread. All functions
 * that return int return 0 or -errno, with a sentence in `error`, unless told otherwise.
 */
#pragma once

#include <stdint.h>

#include "decap/decap_hook.h"
#include "decap/decap_program.h"
#include "base/error.h"

struct decap_status {
	enum decap_mode mode;
	uint32_t program_id;
	struct decap_description program;
};

/*
 * Attaches to `interface`, in the place of the decapsulator that may be there: every packet meets
 * the old rules or the new ones, except when native and generic XDP change places, of which the
 * kernel allows one at a time. Counters start at zero. A program that is not ours is left alone and
 * refused with -EBUSY, and so is an interface on which another device receives for other MAC
 * addresses (netdev_upper.h). One that comes to stand there later is not noticed. `*attached` is
 * the mode in use; where the wish was auto and it is tc, `error` holds the reason.
 */
int decap_attach(const char *interface, enum decap_mode mode, const struct decap_rules *rules,
	enum decap_mode *attached, struct error *error);

/* Both: -ENOENT where there is none of ours. Detaching leaves everybody else's in place. */
int decap_detach(const char *interface, struct error *error);
int decap_status(const char *interface, struct decap_status *status, struct error *error);
