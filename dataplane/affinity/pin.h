/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pin: what is remembered of one flow, in one word of 64 bits.
 *
 *	bits 32-63	tag	upper half of the flow's hash (flow.h): tells its slot, too
 *	bits 16-31	gid	the backend it lives on, by its number on this node
 *	bits 4-15	stamp	tick of the last packet that was recorded here; a tick is 4 s;
 *			for PIN_PROBATION see below
 *	bits 1-3	class	see enum pin_class
 *	bit 0		remote	learned from a peer; for PIN_PROBATION, which no peer sends: see
 *below
 *
 * A word whose class is PIN_EMPTY is no pin, whatever else stands in it.
 *
 * The life of a pin is a pure function from word to word, defined here; pins.h makes each step one
 * atomic exchange. A flow begins on probation (or observed) and gets established; the class then is
 * that of its protocol, PIN_ESTABLISHED (TCP), PIN_UDP or PIN_QUIC:
 *
 *	                        calm                         flood
 *	probation   continue    established                  1st: noted; 2nd, a tick later: on trial
 *	observed    continue    established, a tick later    on trial, a tick later
 *	trial       continue    established                  stays
 *	finished    continue    established, 2 ticks later   the same
 *	established continue    stays                        stays
 *	probation   finish      finished                     stays
 *	observed    finish      finished                     stays
 *	trial       finish      finished                     back on probation
 *	established finish      finished                     finished
 *
 * During a flood a pin goes on trial instead of becoming established. Pins on trial may hold only
 * some of a bucket's ways, and the class shows which pins these are. On probation bit 0 says that a
 * packet of the flow was noted; probation has no other use for the bit. During a flood no path
 * leads from probation through finished to established: otherwise a FIN and an ACK would bypass the
 * trial.
 *
 * A finished pin can be revived only two ticks later: a client that closes first sends a bare ACK
 * after its FIN, which would otherwise leave the pin established for hours after the flow. A flow
 * that survives a forged RST keeps its pin meanwhile.
 *
 * Probation is short, so its stamp needs fewer bits: bits 4-8 are the tick modulo 32 (2 min). Bits
 * 9-15 are bits 14-20 of the first sequence number that a TCP client sends after its SYN. A packet
 * whose number is outside the window of 96 KiB around it (pin_expects()) does not belong to that
 * SYN: someone forged the SYN for an older flow. (Or it is an RST to a backend that still has an
 * older connection from the same port; an RST follows the SYN.) With arbitrary sequence numbers an
 * old flow goes unrecognized in 6 of 128 cases. A forged FIN or RST is never recognized: it makes
 * the pin finished, and the flow needs a packet 8 to 60 s later (tracking.c). For UDP and QUIC, and
 * once a packet was noted, these bits mean nothing.
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
	PIN_PROBATION = 1,   /* began here, not answered yet */
	PIN_OBSERVED = 2,    /* flow is older than the pin; seen once */
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
#define PIN_AGE_AHEAD    4032 /* from here on the stamp is ahead of a lagging clock: age zero */

/* Same, for PIN_PROBATION. */
#define PIN_PROBATION_TICK_MASK 0x1f
#define PIN_PROBATION_AGE_AHEAD 30

/*
 * Sequence numbers are kept in units of 16 KiB. The window starts one unit before the expected one.
 */
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
 * A pin for the flow with that hash. Here and below only the bits of `now` count that the stamp of
 * the class has.
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

/*
 * Whether a packet that continues the flow leaves the pin unchanged; checks the common case only.
 */
static inline bool pin_is_current(uint64_t pin, uint16_t now)
{
	const uint32_t established = 1 << PIN_ESTABLISHED | 1 << PIN_UDP | 1 << PIN_QUIC;

	return (established >> pin_class(pin) & 1) != 0 && pin_stamp(pin) == (now & PIN_TICK_MASK);
}

/* 1 in the byte of its class: the sum over up to 255 pins counts all classes at once. */
static inline uint64_t pin_class_unit(uint64_t pin)
{
	return UINT64_C(1) << pin_class(pin) * 8;
}

static inline uint32_t pin_class_sum(uint64_t units, enum pin_class class)
{
	return units >> class * 8 & 0xff;
}

/*
 * The pin after a packet that neither begins nor ends its flow. `established` is the class that the
 * flow's protocol gets: PIN_ESTABLISHED, PIN_UDP or PIN_QUIC. An older stamp becomes `now`. If the
 * word is unchanged there is nothing to write.
 */
uint64_t pin_continue(uint64_t pin, enum pin_class established, uint16_t now);
uint64_t pin_continue_in_flood(uint64_t pin, enum pin_class established, uint16_t now);

/* The pin after a packet with FIN or RST. A finished pin keeps the stamp of the first one. */
uint64_t pin_finish(uint64_t pin, uint16_t now);
uint64_t pin_finish_in_flood(uint64_t pin, uint16_t now);

/* A pin on probation that a forged SYN has put: it becomes an observed pin of home. */
uint64_t pin_reclaim(uint64_t pin, uint16_t home_gid, uint16_t now);

/* The pin of a flow that would get established, without room for that: it is observed. */
uint64_t pin_wait(uint64_t pin, uint16_t now);

/* The pin after a packet that begins its flow again: one that has finished is established. */
uint64_t pin_reopen(uint64_t pin, uint16_t now);

/* The pin with another stamp, and nothing else changed. */
uint64_t pin_restamp(uint64_t pin, uint16_t now);
