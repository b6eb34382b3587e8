/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decap_program: the BPF programs of decap.bpf.c and their maps: writes rules, reads rules and
 * counters. decap_hook attaches them.
 *
 * Needs CAP_SYS_ADMIN (root). All functions that return int return 0 or -errno, with a sentence in
 * `error`, unless they say otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decap/decap_hook.h"
#include "decap/decap_maps.h"
#include "base/error.h"

#define DECAP_MAC_SIZE 6

/* Tunnel packets that are let through. At least one source and one VIP. No locals: any. */
struct decap_rules {
	struct decap_prefix sources[DECAP_SOURCES_MAX];
	size_t source_count;
	struct decap_address vips[DECAP_VIPS_MAX];
	size_t vip_count;
	struct decap_address locals[DECAP_LOCALS_MAX]; /* outer destinations */
	size_t local_count;
	bool pass_unknown; /* packets that do not match go to the host unchanged */
};

/* The rules and the counters of a program in the kernel. */
struct decap_description {
	uint8_t mac[DECAP_MAC_SIZE]; /* frames for another unicast address are left alone */
	struct decap_rules rules;    /* sorted */
	uint64_t verdicts[DECAP_VERDICT_COUNT]; /* frames since it was loaded, by enum decap_verdict
						 */
};

/* "decapsulated", "unknown_source", ... and one line on what happened. */
const char *decap_verdict_name(enum decap_verdict verdict);
const char *decap_verdict_text(enum decap_verdict verdict);

/*
 * Loads the programs and fills their maps; `mac` is the address of the interface. The kernel keeps
 * a program that is attached. Returns NULL on error.
 */
struct decap_program;
struct decap_program *decap_program_create(
	const struct decap_rules *rules, const uint8_t mac[DECAP_MAC_SIZE], struct error *error);
void decap_program_destroy(struct decap_program *program);

/* Descriptor of the program for that mode (auto: for XDP), owned by `program`. */
int decap_program_fd(const struct decap_program *program, enum decap_mode mode);

/* -EOPNOTSUPP: this kernel cannot apply the rules in tc. */
int decap_program_check_tc(
	const struct decap_program *program, const struct decap_rules *rules, struct error *error);

/* Whether the program has our maps, of any version. */
bool decap_program_is_ours(int program_fd);

/* -ENOENT: the program is not ours. -EPROTO: it is of another version. */
int decap_program_describe(
	int program_fd, struct decap_description *description, struct error *error);
