/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vips: whether what VIPs answer to probes comes in by an interface of this host (probe_answer.h),
 * without asking the kernel about each of them all the time. A VIP is looked at when it is new,
 * and from then on in turn; until its turn comes, what was seen holds. One that nobody asks for
 * any more is forgotten.
 *
 * Control thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/address.h"
#include "probe/probe_answer.h"

#define VIPS_AGE_MS    5000 /* how old what is known of a VIP may be, while there are few of them */
#define VIPS_FORGET_MS 60000 /* after the last question */
#define VIPS_A_LOOK    500   /* that vips_look() looks at: about 10 ms */

struct vips;

/* An interface that answers come in by. */
struct vips_interface {
	unsigned int ifindex;
	const char *name;
	enum probe_reverse_path reverse_path;
};

struct vips *vips_create(void); /* NULL: no memory */

void vips_destroy(struct vips *vips); /* NULL is allowed */

/*
 * As probe_answer_judge() has it. A new VIP costs a question to the kernel, others do not. -ENOMEM,
 * or what the kernel says to the question about a new one, is not kept.
 */
int vips_check(struct vips *vips, const struct vips_interface *interface,
	const struct address *address, uint64_t now_ms, struct error *error);

/* Looks at those anew whose turn it is. Call it once a second. */
void vips_look(struct vips *vips, uint64_t now_ms);

/* From the next look on, all that is known now is old. */
void vips_doubt(struct vips *vips);

size_t vips_count(const struct vips *vips); /* that are known */
