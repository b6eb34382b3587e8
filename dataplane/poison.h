/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poison: in a build with AddressSanitizer, the bytes of a packet buffer before and behind the
 * packet are poisoned while it is being parsed. A mempool is one allocation, so without the poison
 * a read past the end of a packet lands in the next buffer unnoticed. Up to 7 bytes in front of a
 * packet that does not begin on 8 bytes cannot be poisoned. Other builds do nothing.
 */
#pragma once

#include <rte_mbuf.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISON_ACTIVE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON_ACTIVE 1
#endif
#endif

#ifdef POISON_ACTIVE

#include <sanitizer/asan_interface.h>

/* Poisons head- and tailroom of every segment. */
static inline void poison_set(const struct rte_mbuf *mbuf)
{
	for (; mbuf != NULL; mbuf = mbuf->next) {
		const char *data = rte_pktmbuf_mtod(mbuf, const char *);

		ASAN_POISON_MEMORY_REGION(mbuf->buf_addr, mbuf->data_off);
		ASAN_POISON_MEMORY_REGION(
			data + mbuf->data_len, mbuf->buf_len - mbuf->data_off - mbuf->data_len);
	}
}

/* Must come before the buffer is changed, sent or freed. */
static inline void poison_clear(const struct rte_mbuf *mbuf)
{
	for (; mbuf != NULL; mbuf = mbuf->next)
		ASAN_UNPOISON_MEMORY_REGION(mbuf->buf_addr, mbuf->buf_len);
}

#else

static inline void poison_set(const struct rte_mbuf *mbuf)
{
	(void)mbuf;
}

static inline void poison_clear(const struct rte_mbuf *mbuf)
{
	(void)mbuf;
}

#endif
