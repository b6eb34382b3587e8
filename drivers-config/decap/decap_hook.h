/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decap_hook: the places of a network device where a decapsulator can stand, and who stands there.
 * There is one place for XDP, which has room for one program, native or generic. In tc every
 * program has a place of its own on the ingress side; ours is given by its priority and handle.
 *
 * Control thread only. All return 0 or -errno with a sentence in `error`.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

enum decap_mode {
	DECAP_MODE_AUTO,       /* native XDP, else tc; a wish, never where a program stands */
	DECAP_MODE_XDP,        /* in the driver */
	DECAP_MODE_XDPGENERIC, /* XDP for any driver, slower */
	DECAP_MODE_TC,         /* clsact, ingress */
};

/* "auto", "xdp", "xdpgeneric", "tc"; the other way -EINVAL where `name` is none of them. */
const char *decap_mode_name(enum decap_mode mode);
int decap_mode_parse(const char *name, enum decap_mode *mode);

#define DECAP_HOOK_NAME_SIZE 16 /* of a BPF program, with its NUL */

/* Who stands there. `fd` is -1 where nobody does, and is closed by decap_hook_fini(). */
struct decap_hook {
	enum decap_mode mode;
	int fd;
	uint32_t id;
	char name[DECAP_HOOK_NAME_SIZE];
};

int decap_hook_find_xdp(int ifindex, struct decap_hook *hook, struct error *error);
int decap_hook_find_tc(int ifindex, struct decap_hook *hook, struct error *error);
void decap_hook_fini(struct decap_hook *hook);

/*
 * Puts `program_fd` where `old` was found, which is replaced with no packet in between; it fails
 * when somebody else got there since. Makes clsact where it is missing. The program stays when the
 * caller is gone.
 */
int decap_hook_put(int ifindex, const struct decap_hook *old, enum decap_mode mode, int program_fd,
	struct error *error);

/* Leaves clsact in place, others may use it. */
int decap_hook_remove(int ifindex, const struct decap_hook *hook, struct error *error);
