/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * affinity: chooses the backend of packets whose slot is tracked (SLOT_TRACK). New flows go to the
 * slot's cur. Old flows stay where they are: on the backend of their pin, or without a pin on the
 * slot's home. While all slots are quiet nothing here runs.
 *
 * No I/O, no clock of its own. Workers; whatever control writes meanwhile is a single atomic.
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

/* Until the flow goes on, a second SYN is a retransmission for this many ticks (pin.h). */
#define AFFINITY_RETRANSMIT_TICKS 16

/*
 * What workers and the control thread exchange about one pool. Control refills the budgets once a
 * second; workers take from them, possibly below 0. A used-up budget is only read, so that a flood
 * writes nothing here.
 */
struct affinity_pool {
	_Alignas(64) _Atomic int32_t observe_tokens; /* old flows that may still be observed */
	_Atomic int32_t strains;  /* new flows that may still evict one another; used up: a flood */
	_Atomic int32_t confirms; /* new flows that may still be confirmed; used up: a flood */
	_Atomic uint32_t lapsed;  /* workers: an old flow found no token; control clears it */
	_Atomic uint32_t unobserved; /* same, but the old flow found no room */
	_Atomic bool flooded;        /* control */
};

static_assert(sizeof(struct affinity_pool) == 64, "a line for each pool");

/* What all workers share. */
struct affinity {
	struct pins *_Atomic pins;    /* the current table; older ones follow (pins_older.h) */
	const struct member *members; /* [MEMBER_COUNT_MAX] by gid: a pin may hold any */
	struct affinity_pool *pools;  /* by number */
	/*
	 * NULL, or [MEMBER_COUNT_MAX] by gid: counts the flows of a draining member; NULL for all
	 * others. Owned by control, which frees a sketch a grace period after it removed it.
	 */
	_Atomic(struct sketch *) *sketches;
	uint32_t udp_idle_ticks; /* the flow of an older UDP pin has ended */
	/* the state file's clock in ticks (pin.h); control stores it once a second */
	_Atomic uint16_t tick;
};

/* Why a backend was chosen; for counters and `explain`. Packets of quiet slots are not counted. */
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

/* A worker's view of it during one burst. */
struct affinity_view {
	const struct affinity *affinity;
	struct affinity_counters *counters; /* NULL: only look, write neither pins nor counters */
	uint16_t tick;                      /* affinity->tick, loaded once */
};

/* The role of a packet in its flow. */
enum affinity_kind {
	AFFINITY_START,    /* begins one */
	AFFINITY_CONTINUE, /* goes on with one */
	AFFINITY_END,      /* ends one: TCP FIN or RST */
	AFFINITY_EITHER,   /* UDP, whose packets do not say */
	AFFINITY_NONE,     /* UDP of a service that keeps no flows */
};

/* Of a parsed TCP or UDP packet; `udp` is its service's. */
enum affinity_kind affinity_classify(const struct packet *packet, enum affinity_udp udp);

struct affinity_choice {
	uint32_t backend; /* index in the pool, or SLOT_NO_BACKEND */
	enum affinity_reason reason;
	/* ICMP error: the flow may also be at cur, which gets a copy */
	bool also_cur;
	uint64_t pin; /* of the flow, as it was found; 0: none */
};

/*
 * Chooses the backend of a packet whose slot is tracked. Its service, hash, key and word are known.
 * Puts, continues or forgets its pin and counts, unless view->counters is NULL. ICMP errors are
 * only counted and change no pin, because anyone can send one.
 */
struct affinity_choice affinity_choose(
	const struct affinity_view *view, const struct tables *tables, const struct packet *packet);

/*
 * Same for several packets, which it does not change: 40 instructions less for each than a call for
 * each. `choices` has room for `count`.
 */
void affinity_choose_burst(const struct affinity_view *view, const struct tables *tables,
	struct packet **packets, unsigned int count, struct affinity_choice *choices);
