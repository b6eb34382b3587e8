/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * station: which frames are addressed to a port, by their destination MAC address. A router takes
 * no frame of another station, and none that was broadcast or multicast on the link (RFC 1812,
 * 5.3.4 and 4.2.3.1): every balancer of the segment has those, too.
 *
 * The destination and the first two bytes of the source are compared as one word of eight bytes in
 * memory order; `mask` selects the first six. With a mask of 0 every frame is the port's.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include <rte_ether.h>

struct station {
	uint64_t address;
	uint64_t mask;
};

/* Bytes of a frame that station_compare() reads. */
#define STATION_BYTES 8

/* Every frame is for it: the address was checked elsewhere, or there is none. */
static inline struct station station_any(void)
{
	return (struct station){ 0 };
}

static inline struct station station_of(const struct rte_ether_addr *mac)
{
	struct station station = { 0 };

	memcpy(&station.address, mac, sizeof(*mac));
	memset(&station.mask, 0xff, sizeof(*mac));
	return station;
}

/*
 * The address of a port may change while workers compare with it; the mask does not. Costs no more
 * than a plain load.
 */
static inline struct station station_load(const struct station *station)
{
	return (struct station){
		.address = __atomic_load_n(&station->address, __ATOMIC_RELAXED),
		.mask = station->mask,
	};
}

/* Gives it another address. Control thread; workers have it with their next burst. */
static inline void station_move(struct station *station, const struct rte_ether_addr *mac)
{
	__atomic_store_n(&station->address, station_of(mac).address, __ATOMIC_RELAXED);
}

/*
 * The bits in which a frame differs from the station. Only the bits of `mask` count, so the results
 * of a whole burst can be combined by OR and masked once.
 */
static inline uint64_t station_compare(struct station station, const uint8_t *frame)
{
	uint64_t word;

	memcpy(&word, frame, sizeof(word));
	return word ^ station.address;
}
