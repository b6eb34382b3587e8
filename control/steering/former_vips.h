/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * former_vips: addresses that were VIPs and are none any more. As long as the router sends their
 * packets here, a host that routes would send them back; so these packets are filtered until an
 * operator confirms that the route is withdrawn, or until the address is a VIP again. There are at
 * most FORMER_VIPS_MAX, the oldest first.
 *
 * The list outlives the process in a small file of text beside the state file, together with the
 * VIPs in use: one that leaves the configuration while no process runs is a former VIP, too.
 * Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/address.h"
#include "base/error.h"

#define FORMER_VIPS_MAX 1024

struct former_vip {
	struct address vip;
	int64_t since_s; /* CLOCK_REALTIME */
};

struct former_vips {
	struct former_vip *list; /* sorted by `since_s` */
	size_t count;
	size_t room; /* elements of the list; private */
};

/*
 * Reads what the previous process left at `path`: its former VIPs, and its VIPs, as if they had all
 * become former ones at `now_s` (the caller takes out those that it serves). Nothing where there is
 * no file. -errno with the sentence where it cannot be read, belongs to another user, or is
 * damaged: then what is left of it has been read.
 */
int former_vips_load(
	struct former_vips *former, const char *path, int64_t now_s, struct error *error);

/* Adds one as the latest; one that is on the list already keeps its position. 0 or -ENOMEM. */
int former_vips_add(struct former_vips *former, const struct address *vip, int64_t now_s);

/*
 * Adds `vips`, which are sorted (address_compare) and all different, as the latest; those on the
 * list keep their positions. 0, or -ENOMEM and nothing is added.
 */
int former_vips_extend(
	struct former_vips *former, const struct address *vips, size_t count, int64_t now_s);

/* The index of an address, or -ENOENT. */
int former_vips_find(const struct former_vips *former, const struct address *vip);

void former_vips_remove(struct former_vips *former, size_t index);

/* Takes out the first `count`. */
void former_vips_drop_oldest(struct former_vips *former, size_t count);

/* `copy` is empty before. 0 or -ENOMEM. */
int former_vips_copy(struct former_vips *copy, const struct former_vips *former);
bool former_vips_equal(const struct former_vips *a, const struct former_vips *b);

/* Takes out all that are among `vips`, which are sorted (address_compare). */
void former_vips_subtract(struct former_vips *former, const struct address *vips, size_t count);

/* Writes the file anew, in one step: the former VIPs, and `vips`, those in use. 0 or -errno. */
int former_vips_save(const struct former_vips *former, const char *path, const struct address *vips,
	size_t count);

void former_vips_fini(struct former_vips *former);
