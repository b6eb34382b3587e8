/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * turns: when forwarding gets its turns in the event loop: once a second, when a table is due that
 * updates have put off, and in between for what is done in slices. Tables that a restart has left
 * are rebuilt when no other work wants a turn. Control thread.
 */
#pragma once

#include "base/error.h"
#include "forwarding/forwarding.h"

struct turns;
struct event_base;

/* From now on. Both are borrowed. NULL with the sentence. */
struct turns *turns_create(
	struct event_base *base, struct forwarding *forwarding, struct error *error);
void turns_destroy(struct turns *turns); /* NULL is allowed */
