/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slots: the words of a pool's table, one for each slot, in the state file (state.h).
 *
 *	bits 0-13	cur	where new flows of the slot go
 *	bits 14-27	home	where flows live that no pin remembers
 *	bit 28		TRACK	look at the pins first
 *	bit 29		OBSERVE	pin old flows on sight
 *	bit 30		GUARD	pin every new flow
 *	bit 31		RECENT	cur left home a moment ago: UDP without a pin goes to home
 *
 * cur and home are indices of backends in the pool. Without TRACK no other flag counts, and home
 * equals cur.
 *
 * Only the control thread writes words, each by a single atomic store; workers read each by a
 * single atomic load. A word is never torn, and the words of a table are independent of each other.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define SLOT_BACKEND_BITS 14
#define SLOT_BACKEND_MAX  16383  /* backends in a pool: indices 0 to 16,382 */
#define SLOT_NO_BACKEND   0x3fff /* cur or home of a slot without owner: the pool is empty */

#define SLOT_TRACK   (UINT32_C(1) << 28)
#define SLOT_OBSERVE (UINT32_C(1) << 29)
#define SLOT_GUARD   (UINT32_C(1) << 30)
#define SLOT_RECENT  (UINT32_C(1) << 31)

/* The word without flags. Both indices are below SLOT_BACKEND_MAX, or SLOT_NO_BACKEND. */
static inline uint32_t slot_pack(uint32_t cur, uint32_t home)
{
	return cur | home << SLOT_BACKEND_BITS;
}

static inline uint32_t slot_cur(uint32_t word)
{
	return word & SLOT_NO_BACKEND;
}

static inline uint32_t slot_home(uint32_t word)
{
	return word >> SLOT_BACKEND_BITS & SLOT_NO_BACKEND;
}

/* Workers. Relaxed is enough: see slot_store(). */
static inline uint32_t slot_load(const _Atomic uint32_t *slot)
{
	return atomic_load_explicit(slot, memory_order_relaxed);
}

/*
 * Control thread. The store releases all that was written before it: a worker that reads a new
 * index in a word must find the backend's record in place. The worker needs no acquire for that,
 * because it computes the address of the record from the word, and on all processors that DPDK
 * supports a dependent load cannot overtake the load that it depends on. (memory_order_consume
 * would say so, but compilers turn it into a needless acquire.)
 */
static inline void slot_store(_Atomic uint32_t *slot, uint32_t word)
{
	atomic_store_explicit(slot, word, memory_order_release);
}
