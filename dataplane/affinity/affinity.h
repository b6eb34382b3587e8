/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * affinity: where a packet goes whose slot is not quiet (SLOT_TRACK). New flows go to the slot's
 * cur, old ones to where they are: to the backend that a pin remembers, else to the slot's home. In
 * quiet times nothing here runs.
 *
 * No I/O, no clock of its own. Workers; what control writes meanwhile are single atomics.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#include "affinity/affinity_counters.h"
#include "affinity/member.h"
#include "packet/packet.h"
#include "affinity/pins.h"
#include "affinity/sketch.h"
#include "tables/tables.h"

/* How UDP packets of a service find their flow. */
enum affinity_udp {
	AFFINITY_UDP_PIN,  /* any packet may begin a flow: pinned for as long as it goes on */
	AFFINITY_UDP_HASH, /* no flows: every packet goes where the table says now */
	AFFINITY_UDP_QUIC, /* Initial and 0-RTT begin a flow (RFC 9000, RFC 9369) */
};

/* Ticks (pin.h) for which a second SYN is taken for a retransmission, while there was no answer. */
#define AFFINITY_RETRANSMIT_TICKS 16

/*
 * What workers and the control thread tell each other about one pool, by its number. Control fills
 * the budgets once a second; workers take from them, maybe to below 0, and only where something is
 * rare: a budget that is used up is read and no longer written.
 */
struct affinity_pool {
	_Alignas(64) _Atomic int32_t observe_tokens; /* old flows that may still be recorded */
	_Atomic int32_t strains;     /* new flows that may still evict one another: then a flood */
	_Atomic int32_t confirms;    /* new flows that may still settle: the same */
	_Atomic uint32_t lapsed;     /* workers: an old flow found no token; control clears it */
	_Atomic uint32_t unobserved; /* the same, but an old flow found no room */
	_Atomic bool flooded;        /* control */
};

static_assert(sizeof(struct affinity_pool) == 64, "a line for each pool");

/* What all workers share. */
struct affinity {
	struct pins *_Atomic pins;    /* the current table; older ones follow (pins_older.h) */
	const struct member *members; /* by gid; MEMBER_COUNT_MAX of them: a pin says anything */
	struct affinity_pool *pools;  /* by number */
	/*
	 * By gid, MEMBER_COUNT_MAX of them, or NULL: what counts the flows of a member that drains.
	 * NULL where nobody asks. Control's; a sketch is freed a grace period after it was taken
	 * out.
	 */
	_Atomic(struct sketch *) *sketches;
	uint32_t udp_idle_ticks; /* a UDP pin that is older belongs to a flow that ended */
	/* the state file's clock in ticks (pin.h); control stores it once a second */
	_Atomic uint16_t tick;
};

/* Why a packet went where it went; for counters and `explain`. Quiet ones are not counted. */
#define AFFINITY_REASON_TABLE(X)                                                              \
	X(NEW, new, "a new flow, to where the table says now")                                \
	X(PIN, pin, "a pin remembers its backend")                                            \
	X(HOME, home, "an old flow without a pin: it lives where its slot was at home")       \
	X(CURRENT, current, "an old flow whose backend is gone: to where the table says now") \
	X(HASH, hash, "its service keeps no flows: to where the table says now")              \
	X(QUIET, quiet, "its slot is quiet: to where the table says, as all of its flows")

enum affinity_reason {
#define AFFINITY_REASON_ENUM(upper, lower, text) AFFINITY_##upper,
	AFFINITY_REASON_TABLE(AFFINITY_REASON_ENUM)
#undef AFFINITY_REASON_ENUM
		AFFINITY_REASON_COUNT
};

/* "new", ... and the sentence. Static text. */
const char *affinity_reason_name(enum affinity_reason reason);
const char *affinity_reason_text(enum affinity_reason reason);

static_assert(AFFINITY_REASON_COUNT <= AFFINITY_REASON_ROOM &&
		      PINS_PUT_COUNT <= AFFINITY_PUT_ROOM && PINS_STEP_COUNT <= AFFINITY_STEP_ROOM,
	"all are counted");

static inline struct pins *affinity_pins(const struct affinity *affinity)
{
	return atomic_load_explicit(&affinity->pins, memory_order_acquire);
}

/* How a worker sees it during one burst. */
struct affinity_view {
	const struct affinity *affinity;
	struct affinity_counters *counters; /* NULL: only look, write neither pins nor counters */
	uint16_t tick;                      /* affinity->tick, loaded once */
};

/* What the packet is for its flow. */
enum affinity_kind {
	AFFINITY_START,    /* begins one */
	AFFINITY_CONTINUE, /* goes on with one */
	AFFINITY_END,      /* ends one: TCP FIN or RST */
	AFFINITY_EITHER,   /* UDP, where nobody can tell */
	AFFINITY_NONE,     /* UDP of a service that keeps no flows */
};

/* Of a parsed TCP or UDP packet; `udp` is its service's. */
enum affinity_kind affinity_classify(const struct packet *packet, enum affinity_udp udp);

struct affinity_choice {
	uint32_t backend; /* index in the pool, or SLOT_NO_BACKEND */
	enum affinity_reason reason;
	/* of an ICMP error: the flow may as well be at cur, so a copy is to go there */
	bool also_cur;
	uint64_t pin; /* of the flow, as it was found; 0: none */
};

/*
 * The backend of a packet of a slot that is not quiet; its service, hash, key and word are known.
 * Puts, continues and forgets its pin, and counts, unless the view only looks. ICMP errors only
 * count: they leave pins as they are, because anybody can send one.
 */
struct affinity_choice affinity_choose(
	const struct affinity_view *view, const struct tables *tables, const struct packet *packet);
