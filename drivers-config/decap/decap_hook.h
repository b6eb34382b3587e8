/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decap_hook: the hooks of a network device where a decapsulator can be attached, and what is
 * attached there. The XDP hook holds one program, native or generic. The ingress of tc holds many;
 * ours has a fixed priority and handle.
 *
 * Control thread only. All return 0 or -errno with a sentence in `error`.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

enum decap_mode {
	DECAP_MODE_AUTO,       /* native XDP, else tc; asked for only, no program has it */
	DECAP_MODE_XDP,        /* in the driver */
	DECAP_MODE_XDPGENERIC, /* XDP for any driver, slower */
	DECAP_MODE_TC,         /* clsact, ingress */
};

/* "auto", "xdp", "xdpgeneric", "tc", and back: -EINVAL if `name` is none of them. */
const char *decap_mode_name(enum decap_mode mode);
int decap_mode_parse(const char *name, enum decap_mode *mode);

#define DECAP_HOOK_NAME_SIZE 16 /* of a BPF program, with its NUL */

/* The program there. `fd` is -1 if there is none; decap_hook_fini() closes it. */
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
 * Replaces `old` by `program_fd` without missing a packet. Fails if another program was attached
 * meanwhile. Makes clsact if it is missing. The program stays when the process ends.
 */
int decap_hook_put(int ifindex, const struct decap_hook *old, enum decap_mode mode, int program_fd,
	struct error *error);

/* Leaves clsact: others may use it. */
int decap_hook_remove(int ifindex, const struct decap_hook *hook, struct error *error);
