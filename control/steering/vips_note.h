/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vips_note: the file of former VIPs (former_vips.h) as the running process keeps it: written in
 * the background, only when something has changed, and the latest state where several changed.
 * Thread of the event loop.
 */
#pragma once

#include <stddef.h>

#include "packet/address.h"
#include "common/background.h"
#include "steering/former_vips.h"

struct vips_note;

/* `disk` is borrowed. NULL for no memory. */
struct vips_note *vips_note_create(const char *path, struct background *disk);

/* Waits until the latest content is written. NULL is allowed. */
void vips_note_destroy(struct vips_note *note);

/* Sets the content of the file: former VIPs, and those in use. Both are copied. */
void vips_note_update(struct vips_note *note, const struct former_vips *former,
	const struct address *in_use, size_t count);

/* Removes the file: it is not kept up to date any more. */
void vips_note_forget(struct vips_note *note);
