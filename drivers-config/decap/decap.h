/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decap: the decapsulator on a network interface of a backend. The kernel keeps an attached program
 * and its maps; nothing is pinned and no process stays.
 *
 * Needs CAP_SYS_ADMIN (root). Acts in the network namespace of the calling thread. All functions
 * that return int return 0 or -errno, with a sentence in `error`, unless they say otherwise.
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
 * Attaches to `interface` and replaces a decapsulator that is there. Every packet meets the old
 * rules or the new ones, except when native XDP replaces generic XDP or the reverse: the kernel
 * allows one at a time. Counters start at zero. -EBUSY if a program that is not ours is attached
 * (it stays), or if another device on the interface receives for other MAC addresses
 * (netdev_upper.h); such a device that is added later is not noticed. `*attached` is the mode in
 * use. If auto was asked for and the mode is tc, `error` holds the reason.
 */
int decap_attach(const char *interface, enum decap_mode mode, const struct decap_rules *rules,
	enum decap_mode *attached, struct error *error);

/* Both: -ENOENT if none of ours is attached. Detaching leaves other programs alone. */
int decap_detach(const char *interface, struct error *error);
int decap_status(const char *interface, struct decap_status *status, struct error *error);
