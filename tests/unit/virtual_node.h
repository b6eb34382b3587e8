/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtual_node: one node with one pool under a clock that is turned by hand: the real modules from
 * the facts about backends to the record that a packet leaves by, without files, ports or threads.
 * Three services share the pool: TCP, UDP with pins, QUIC.
 *
 * Running out of memory or of room ends the program.
 */
#pragma once

#include "affinity/affinity.h"
#include "maglev/factor.h"
#include "maglev/maglev.h"
#include "plan/membership.h"
#include "maglev/patched.h"
#include "affinity/pins_sweep.h"
#include "pool/transitions.h"

#define VIRTUAL_BACKENDS 512 /* indices that a node hands out */
#define VIRTUAL_SEATS    512
#define VIRTUAL_NOBODY   UINT32_MAX

struct virtual_limits {
	struct transitions_times times;
	struct membership_limits membership;
	uint32_t udp_idle_s;
	uint32_t quic_idle_s;
	uint32_t sweep_every_s;
	int32_t observe_tokens; /* in each second */
};

/* A place in the base table: belongs to a key, whoever sits there. */
struct virtual_seat {
	char key[24];
	uint32_t weight;
	uint32_t occupant;  /* index of a backend, or VIRTUAL_NOBODY: a ghost */
	uint32_t dynamic;   /* of FACTOR_ONE */
	uint32_t started_s; /* slow start */
	uint32_t slow_start_s;
	bool joining; /* slow start has not been over yet */
};

struct virtual_backend {
	bool used;
	uint32_t unnamed_s; /* since when no slot word names it; 0: some does, or may */
	struct membership_facts facts;
	struct membership_life life;
};

enum virtual_protocol {
	VIRTUAL_TCP,
	VIRTUAL_UDP,
	VIRTUAL_QUIC,
	VIRTUAL_PROTOCOLS,
};

struct virtual_node {
	struct virtual_limits limits;
	uint32_t now_s;
	uint32_t slot_count;
	_Atomic uint32_t *slots;
	uint16_t *table;
	struct transitions *transitions;
	struct transitions_summary summary;

	struct virtual_backend backends[VIRTUAL_BACKENDS];
	struct member *members;                              /* by gid, which is the index here */
	const struct member *member_of[VIRTUAL_BACKENDS];    /* by index */
	struct backend_record records[VIRTUAL_BACKENDS + 1]; /* cell = index + 1 */
	_Atomic uint32_t record_of[VIRTUAL_BACKENDS];

	struct flow_secret secret;
	struct rendezvous *rendezvous;
	struct virtual_seat seats[VIRTUAL_SEATS];
	uint32_t seat_count;
	struct maglev_member list[VIRTUAL_SEATS];
	uint32_t factors[VIRTUAL_SEATS];
	bool joining[VIRTUAL_SEATS];
	struct maglev_base base;
	uint16_t *previous;
	bool base_is_stale, table_is_stale;

	struct pins pins;
	struct pins_sweep_pool *pool_of; /* by gid */
	struct pins_sweep_rules rules;
	uint8_t *seen;
	uint64_t swept;                 /* pins, by all sweeps */
	uint64_t kept[PIN_CLASS_COUNT]; /* by the last sweep */
	uint32_t builds;                /* of the table so far */
	uint32_t lapsed_s;

	struct service services[VIRTUAL_PROTOCOLS];
	struct tables tables;
	struct affinity_pool pool;
	struct affinity affinity;
	struct affinity_counters counters;
};

/* `slot_count` is a prime. */
struct virtual_node *virtual_node_create(uint32_t slot_count, uint32_t bucket_count,
	const struct virtual_limits *limits, uint32_t now_s);
void virtual_node_destroy(struct virtual_node *node);

/*
 * A new backend with that key. Where the key has a seat, its occupant gives it up. Returns the
 * index. Its facts may be changed at will from then on.
 */
uint32_t virtual_node_add(
	struct virtual_node *node, const char *key, uint32_t weight, uint32_t slow_start_s);

/* The seat of a backend, or NULL. After its weight was changed: base_is_stale. */
struct virtual_seat *virtual_node_seat(struct virtual_node *node, uint32_t index);

/* Applies facts and builders as they are now: what the control thread does after a change. */
void virtual_node_apply(struct virtual_node *node);

/* Sets the clock and does all that is due: states, slow start, rules, tokens, sweeps. */
void virtual_node_tick(struct virtual_node *node, uint32_t now_s);

/* Sends one packet of a flow. Returns the index of its backend, or VIRTUAL_NOBODY. */
uint32_t virtual_node_send(struct virtual_node *node, enum virtual_protocol protocol, uint64_t hash,
	enum affinity_kind kind);

/* The same by a worker of its own, with counters of its own. Threads may do so at once. */
uint32_t virtual_node_send_by(struct virtual_node *node, struct affinity_counters *counters,
	enum virtual_protocol protocol, uint64_t hash, enum affinity_kind kind);

/* Pins in the table now, if all have come by virtual_node_send(). */
uint64_t virtual_node_pins(const struct virtual_node *node);
