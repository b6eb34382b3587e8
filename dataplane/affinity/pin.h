/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pin: what is remembered of one flow, in one word of 64 bits.
 *
 *	bits 32-63	tag	upper half of the flow's hash (flow.h): tells its slot, too
 *	bits 16-31	gid	the backend it lives on, by its number on this node
 *	bits 4-15	stamp	tick of its last packet that was written down; a tick is 4 s;
 *			for PIN_PROBATION see below
 *	bits 1-3	class	see enum pin_class
 *	bit 0		remote	a peer told us; for PIN_PROBATION, which no peer sends: see below
 *
 * A word whose class is PIN_EMPTY is no pin, whatever else stands in it.
 *
 * The life of a pin is a pure function from word to word, here; pins.h makes each step one atomic
 * exchange. A flow begins on probation (or observed) and settles as established, UDP or QUIC:
 *
 *	                     calm                         flood
 *	probation  continue  settles                      1st: noted; 2nd, a tick later: on trial
 *	observed   continue  settles, a tick later        on trial, a tick later
 *	trial      continue  settles                      stays
 *	finished   continue  settles, two ticks later     the same
 *	settled    continue  stays                        stays
 *	probation  finish    finished                     stays
 *	observed   finish    finished                     stays
 *	trial      finish    finished                     back on probation
 *	established finish   finished                     finished
 *
 * Trial is what the flood makes of settled: such pins may hold only some of a bucket's ways, and
 * the class itself is how we know them. That a packet of the flow was noted on probation stands in
 * bit 0, which probation has no other use for. No path leads from probation through finished to
 * settled during a flood, or a FIN and an ACK would be the way round the trial.
 *
 * A pin that has finished wakes up two ticks later and not at once: the last packet of a client
 * that closes first is a bare ACK after its FIN, and would leave the pin established, hours beyond
 * its flow. A flow that outlives a forged RST still has its pin in the meantime.
 *
 * Probation is short, so the stamp has room for more: bits 4-8 are the tick modulo 32 (2 min), and
 * bits 9-15 are bits 14-20 of the sequence number that a TCP client sends first after its SYN. A
 * packet whose number is outside of the window of 96 KiB around it (pin_expects()) is not of that
 * SYN: somebody has forged one for a flow that is older. (Or it is the RST to a backend that still
 * has an older connection from the same port; an RST stays with the SYN.) An old flow whose
 *sequence numbers stand anywhere is not told apart in 6 of 128 cases, and a forged FIN or RST is
 *not told apart at all: it makes a pin finished, and the flow needs a packet 8 to 60 s later
 *(tracking.c). Once a packet was noted, or for UDP and QUIC, those bits mean nothing.
 *
 * Ticks are counted modulo 4,096 (4.5 h). The sweeper keeps a pin from growing older than
 * PIN_AGE_MAX; it must see each pin once in 12 minutes for that. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "packet/flow.h"

/* The numbers are in the state file: never change them. */
enum pin_class {
	PIN_EMPTY = 0,
	PIN_PROBATION = 1,   /* began here, and nobody has answered for it yet */
	PIN_OBSERVED = 2,    /* was older than the pin; seen once */
	PIN_ESTABLISHED = 3, /* TCP */
	PIN_FINISHED = 4,    /* TCP, had a FIN or RST */
	PIN_UDP = 5,         /* second packet and later */
	PIN_QUIC = 6,        /* the same */
	PIN_TRIAL = 7,       /* of any protocol, confirmed during a flood */
	PIN_CLASS_COUNT,     /* fits three bits exactly */
};

#define PIN_TICK_SECONDS 4
#define PIN_TICK_MASK    0xfff
#define PIN_AGE_MAX      3840 /* ticks; a pin that old or older */
#define PIN_AGE_AHEAD    4032 /* from here on the stamp is ahead of a clock that lags: age zero */

/* The same of PIN_PROBATION. */
#define PIN_PROBATION_TICK_MASK 0x1f
#define PIN_PROBATION_AGE_AHEAD 30

/* Sequence numbers are kept in units of 16 KiB: so many, from one before the expected one on. */
#define PIN_SEQUENCE_SHIFT  14
#define PIN_SEQUENCE_MASK   0x7f
#define PIN_SEQUENCE_BIT    9
#define PIN_SEQUENCE_WINDOW 6

#define PIN_REVIVE_TICKS 2

#define PIN_REMOTE UINT64_C(1)
#define PIN_NOTED  UINT64_C(1) /* with PIN_PROBATION */

static inline uint32_t pin_tag(uint64_t pin)
{
	return pin >> 32;
}

static inline uint16_t pin_gid(uint64_t pin)
{
	return pin >> 16;
}

static inline uint16_t pin_stamp(uint64_t pin)
{
	return pin >> 4 & PIN_TICK_MASK;
}

static inline enum pin_class pin_class(uint64_t pin)
{
	return pin >> 1 & 7;
}

/* The slot of its flow: the tag stands where flow_slot() looks for it in a hash. */
static inline uint32_t pin_slot(uint64_t pin, uint32_t slot_count)
{
	return flow_slot(pin, slot_count);
}

static inline uint32_t pin_tick_mask(enum pin_class class)
{
	return class == PIN_PROBATION ? PIN_PROBATION_TICK_MASK : PIN_TICK_MASK;
}

/*
 * A pin for the flow of that hash. Of `now`, here and everywhere, only as many bits count as the
 * class has for it.
 */
static inline uint64_t pin_pack(uint64_t hash, uint16_t gid, enum pin_class class, uint16_t now)
{
	return hash >> 32 << 32 | (uint64_t)gid << 16 |
	       (uint64_t)(now & pin_tick_mask(class)) << 4 | (uint64_t) class << 1;
}

/* The pin, on probation, of a TCP client that will go on with that sequence number. */
static inline uint64_t pin_expect(uint64_t pin, uint32_t sequence)
{
	const uint64_t mask = (uint64_t)PIN_SEQUENCE_MASK << PIN_SEQUENCE_BIT;

	return (pin & ~mask) |
	       ((uint64_t)(sequence >> PIN_SEQUENCE_SHIFT) << PIN_SEQUENCE_BIT & mask);
}

/* Whether a TCP packet with that number may be the first one after the SYN of a pin on probation.
 */
static inline bool pin_expects(uint64_t pin, uint32_t sequence)
{
	uint32_t first = (uint32_t)(pin >> PIN_SEQUENCE_BIT) - 1;

	return (pin & PIN_NOTED) != 0 || (((sequence >> PIN_SEQUENCE_SHIFT) - first) &
						 PIN_SEQUENCE_MASK) < PIN_SEQUENCE_WINDOW;
}

/* Ticks since its stamp, below PIN_AGE_AHEAD. */
static inline uint32_t pin_age(uint64_t pin, uint16_t now)
{
	bool on_probation = pin_class(pin) == PIN_PROBATION;
	uint32_t age = (now - (uint32_t)(pin >> 4)) & pin_tick_mask(pin_class(pin));

	return age < (on_probation ? PIN_PROBATION_AGE_AHEAD : PIN_AGE_AHEAD) ? age : 0;
}

/* Whether a packet that continues the flow would leave the pin as it is, for the commonest case. */
static inline bool pin_is_current(uint64_t pin, uint16_t now)
{
	const uint32_t established = 1 << PIN_ESTABLISHED | 1 << PIN_UDP | 1 << PIN_QUIC;

	return (established >> pin_class(pin) & 1) != 0 && pin_stamp(pin) == (now & PIN_TICK_MASK);
}

/* One in the byte of its class: what up to 255 pins add up to counts all classes at once. */
static inline uint64_t pin_class_unit(uint64_t pin)
{
	return UINT64_C(1) << pin_class(pin) * 8;
}

static inline uint32_t pin_class_sum(uint64_t units, enum pin_class class)
{
	return units >> class * 8 & 0xff;
}

/*
 * The pin after a packet that neither begins nor ends its flow; `settled` is what the flow's
 * protocol settles as: PIN_ESTABLISHED, PIN_UDP or PIN_QUIC. Its stamp becomes `now` when it was
 * older; the same word: there is nothing to write.
 */
uint64_t pin_continue(uint64_t pin, enum pin_class established, uint16_t now);
uint64_t pin_continue_in_flood(uint64_t pin, enum pin_class established, uint16_t now);

/* The pin after a packet with FIN or RST. The stamp of a finished pin is that of the first one. */
uint64_t pin_finish(uint64_t pin, uint16_t now);
uint64_t pin_finish_in_flood(uint64_t pin, uint16_t now);

/* A pin on probation that was put by a SYN of another flow: it becomes an observed pin of home. */
uint64_t pin_reclaim(uint64_t pin, uint16_t home_gid, uint16_t now);

/* The pin of a flow that would settle where there is no room for that: it is observed. */
uint64_t pin_wait(uint64_t pin, uint16_t now);

/* The pin after a packet that begins its flow again: one that has finished is established. */
uint64_t pin_reopen(uint64_t pin, uint16_t now);

/* The pin with another stamp, and nothing else changed. */
uint64_t pin_restamp(uint64_t pin, uint16_t now);
