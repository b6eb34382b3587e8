/* SPDX-License-Identifier: BSD-3-Clause */
#include "affinity/affinity.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_atomic.h>
#include <rte_byteorder.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "affinity/pins_older.h"
#include "affinity/slots.h"

#define QUIC_VERSION_1 0x00000001 /* RFC 9000 */
#define QUIC_VERSION_2 0x6b3343cf /* RFC 9369 */

/* Everything that a choice depends on, gathered once. */
struct question {
	const struct affinity_view *view;
	const struct tables *tables;
	const struct packet *packet;
	uint64_t pin;                /* 0: none */
	const struct member *member; /* the pin's, while packets may be sent there; else NULL */
	struct pins *pins;           /* the table that the pin is in, else the current one */
	uint32_t position;           /* of the pin */
	uint32_t word;               /* the packet's */
};

const char *affinity_reason_name(enum affinity_reason reason)
{
	static const char *const names[AFFINITY_REASON_COUNT] = {
#define AFFINITY_REASON_NAME(upper, lower, text) [AFFINITY_##upper] = #lower,
		AFFINITY_REASON_TABLE(AFFINITY_REASON_NAME)
#undef AFFINITY_REASON_NAME
	};

	return names[reason];
}

const char *affinity_reason_text(enum affinity_reason reason)
{
	static const char *const texts[AFFINITY_REASON_COUNT] = {
#define AFFINITY_REASON_TEXT(upper, lower, text) [AFFINITY_##upper] = text,
		AFFINITY_REASON_TABLE(AFFINITY_REASON_TEXT)
#undef AFFINITY_REASON_TEXT
	};

	return texts[reason];
}

/* What the packet is. */

static enum affinity_kind classify_tcp(const struct packet *packet)
{
	const struct rte_tcp_hdr *tcp = (const void *)packet_at(packet, packet->l4_offset);

	if (packet->flags & PACKET_SYN)
		return AFFINITY_START;
	if (tcp->tcp_flags & (RTE_TCP_FIN_FLAG | RTE_TCP_RST_FLAG))
		return AFFINITY_END;
	return AFFINITY_CONTINUE;
}

/* Only long headers name their type; the types of Initial and 0-RTT differ by version. */
static enum affinity_kind classify_quic(const struct packet *packet)
{
	uint16_t payload = packet->l4_offset + sizeof(struct rte_udp_hdr);
	uint16_t end = packet->l2_length + packet->l3_length;
	const uint8_t *quic = packet_at(packet, payload);
	rte_be32_t version;
	uint8_t type;

	if (end - payload < 5 || (quic[0] & 0x80) == 0)
		return AFFINITY_CONTINUE;
	memcpy(&version, quic + 1, sizeof(version));
	type = quic[0] >> 4 & 3;
	switch (rte_be_to_cpu_32(version)) {
	case QUIC_VERSION_1: return type == 0 || type == 1 ? AFFINITY_START : AFFINITY_CONTINUE;
	case QUIC_VERSION_2: return type == 1 || type == 2 ? AFFINITY_START : AFFINITY_CONTINUE;
	default: return AFFINITY_START; /* an unknown version begins by being negotiated */
	}
}

static bool is_tcp(const struct packet *packet)
{
	uint8_t protocol =
		packet->flags & PACKET_IPV6 ? packet->key.ipv6.protocol : packet->key.ipv4.protocol;

	return protocol == IPPROTO_TCP;
}

static uint32_t sequence_of(const struct packet *packet)
{
	const struct rte_tcp_hdr *tcp = (const void *)packet_at(packet, packet->l4_offset);

	return rte_be_to_cpu_32(tcp->sent_seq);
}

static inline enum affinity_kind classify(const struct packet *packet, enum affinity_udp udp)
{
	if (is_tcp(packet))
		return classify_tcp(packet);
	switch (udp) {
	case AFFINITY_UDP_QUIC: return classify_quic(packet);
	case AFFINITY_UDP_HASH: return AFFINITY_NONE;
	default: return AFFINITY_EITHER;
	}
}

enum affinity_kind affinity_classify(const struct packet *packet, enum affinity_udp udp)
{
	return classify(packet, udp);
}

/* Backends. */

/* Of the backend, for packets as this one. */
static enum member_state seen_state(const struct question *question, const struct member *member)
{
	return member_state_seen_by(
		member, is_tcp(question->packet) ? MEMBER_MOVES_TCP : MEMBER_MOVES_UDP);
}

/* Finds the gid of the backend with that index; false if there is no such backend. */
static bool find_gid(const struct question *question, uint32_t index, uint16_t *gid)
{
	const struct service *service = question->packet->service;
	uint32_t cell;

	if (index == SLOT_NO_BACKEND)
		return false;
	cell = atomic_load_explicit(&service->record_of[index], memory_order_acquire);
	if (cell == RECORD_NONE)
		return false;
	*gid = question->tables->records[cell].gid;
	return true;
}

/* NULL if the index has no backend. */
static const struct member *find_member(const struct question *question, uint32_t index)
{
	uint16_t gid;

	return find_gid(question, index, &gid) ? &question->view->affinity->members[gid] : NULL;
}

static enum member_state state_of(const struct question *question, uint32_t index)
{
	const struct member *member = find_member(question, index);

	return member == NULL ? MEMBER_NONE : seen_state(question, member);
}

static bool is_ours(const struct question *question, uint64_t pin)
{
	const struct member *member = &question->view->affinity->members[pin_gid(pin)];

	return atomic_load_explicit(&member->pool, memory_order_relaxed) ==
	       question->packet->service->pool;
}

/*
 * Looks into older tables while they empty. Moves only a pin of this flow, because the hash of any
 * other flow is unknown. A pin whose backend is gone is left to the sweep, which must see all of
 * them before the backend's gid is reused.
 */
static __rte_noinline uint64_t find_older(struct question *question, struct pins *older)
{
	struct pins *current = question->pins;
	uint64_t hash = question->packet->hash;
	uint64_t pin = pins_find_older(current, older, hash, &question->pins, &question->position);

	if (question->pins == current || question->view->counters == NULL ||
		!is_ours(question, pin) ||
		!member_state_is_usable(
			member_state(&question->view->affinity->members[pin_gid(pin)])))
		return pin;
	return pins_move(current, hash, pin, &question->pins, &question->position);
}

/*
 * The older table is read before the lookup in the current one, and searched even if it has been
 * taken away meanwhile: it may have become empty just because this pin moved.
 */
static uint64_t look_up(struct question *question, struct pins *current)
{
	struct pins *older = pins_older(current);
	uint64_t pin;

	question->pins = current;
	pin = pins_find(current, question->packet->hash, &question->position);
	if (pin == 0 && unlikely(older != NULL))
		pin = find_older(question, older);
	return pin;
}

/*
 * A pin of another pool belongs to another flow with the same tag, or dates from when this service
 * had another pool. It is neither followed nor forgotten.
 */
static void find_pin(struct question *question)
{
	const struct affinity *affinity = question->view->affinity;
	const struct member *member;
	struct pins *current;
	uint64_t pin;

	do {
		current = affinity_pins(affinity);
		pin = look_up(question, current);
		if (likely(pin != 0))
			break;
		/* the pin may have moved into a table that appeared after this lookup began */
		rte_smp_rmb();
	} while (unlikely(affinity_pins(affinity) != current));
	if (pin == 0 || !is_ours(question, pin))
		return;
	member = &affinity->members[pin_gid(pin)];
	question->pin = pin;
	if (member_state_is_usable(seen_state(question, member)))
		question->member = member;
}

static struct affinity_choice choose_pinned(const struct question *question)
{
	return (struct affinity_choice){
		.backend = atomic_load_explicit(&question->member->index, memory_order_relaxed),
		.reason = AFFINITY_PIN,
		.pin = question->pin,
	};
}

static struct affinity_choice choose_cur(
	const struct question *question, enum affinity_reason reason)
{
	return (struct affinity_choice){
		.backend = slot_cur(question->word),
		.reason = reason,
		.pin = question->pin,
	};
}

static struct affinity_choice choose_home(const struct question *question)
{
	return (struct affinity_choice){
		.backend = slot_home(question->word),
		.reason = AFFINITY_HOME,
		.pin = question->pin,
	};
}

/* What is written. */

static struct affinity_pool *pool_of(const struct question *question)
{
	return &question->view->affinity->pools[question->packet->service->pool];
}

/* Takes one from a budget. False if it is used up; then nothing is written. */
static bool take(_Atomic int32_t *budget)
{
	if (atomic_load_explicit(budget, memory_order_relaxed) <= 0)
		return false;
	atomic_fetch_sub_explicit(budget, 1, memory_order_relaxed);
	return true;
}

static void note(_Atomic uint32_t *mark)
{
	if (atomic_load_explicit(mark, memory_order_relaxed) == 0)
		atomic_store_explicit(mark, 1, memory_order_relaxed);
}

/* An old flow of that pool could not be observed for lack of room. */
static void note_unobserved(struct affinity_pool *pool)
{
	note(&pool->unobserved);
}

/*
 * Draws conclusions from an eviction. An evicted observed pin is a lapse of that pin's pool. New
 * flows that evict new flows of the same pool are a sign of a flood in it. Across pools they are
 * not, or an attack on one pool would count against all.
 */
static void note_eviction(const struct question *question, uint64_t evicted)
{
	const struct affinity *affinity = question->view->affinity;
	uint32_t pool = atomic_load_explicit(
		&affinity->members[pin_gid(evicted)].pool, memory_order_relaxed);

	if (member_state(&affinity->members[pin_gid(evicted)]) == MEMBER_NONE)
		return;
	if (pin_class(evicted) == PIN_OBSERVED) {
		question->view->counters->unobserved++;
		note_unobserved(&affinity->pools[pool]);
	} else if (pin_class(evicted) == PIN_PROBATION && pool == question->packet->service->pool) {
		take(&affinity->pools[pool].strains);
	}
}

static enum pins_put put(const struct question *question, uint32_t index, enum pin_class class)
{
	const struct affinity_view *view = question->view;
	struct pins *pins = affinity_pins(view->affinity);
	uint64_t hash = question->packet->hash, pin, evicted;
	enum pins_put outcome;
	uint16_t gid;

	if (!find_gid(question, index, &gid))
		return PINS_PUT_KEPT; /* no backend, so no flow */
	pin = pin_pack(hash, gid, class, view->tick);
	if (class == PIN_PROBATION && is_tcp(question->packet))
		pin = pin_expect(pin, sequence_of(question->packet) + 1);
	outcome = pins_put_packed(pins, hash, pin, view->tick, &evicted);
	if (unlikely(question->pin != 0 && question->pins != pins))
		pins_delete(question->pins, question->position, question->pin); /* superseded */
	view->counters->puts[outcome]++;
	if (evicted != 0)
		note_eviction(question, evicted);
	if (outcome == PINS_PUT_REFUSED && class == PIN_PROBATION)
		take(&pool_of(question)->strains);
	return outcome;
}

/* Pins a flow that begins. False if there was no room. */
static bool remember(const struct question *question, uint32_t index)
{
	enum pins_put outcome;

	if (question->view->counters == NULL)
		return true;
	outcome = put(question, index, PIN_PROBATION);
	return outcome != PINS_PUT_REFUSED && outcome != PINS_PUT_LOST;
}

static void forget(const struct question *question)
{
	const struct affinity_view *view = question->view;

	if (view->counters != NULL)
		view->counters
			->steps[pins_delete(question->pins, question->position, question->pin)]++;
}

static bool is_flooded(const struct affinity_pool *pool)
{
	return atomic_load_explicit(&pool->flooded, memory_order_relaxed) ||
	       atomic_load_explicit(&pool->confirms, memory_order_relaxed) <= 0;
}

/*
 * Whether a datagram's flow may be older than its pin: shortly after the slot moved, every datagram
 * without a pin goes to home.
 */
static bool may_be_older(const struct question *question)
{
	return !is_tcp(question->packet) && (question->word & SLOT_RECENT) != 0 &&
	       atomic_load_explicit(&question->member->index, memory_order_relaxed) ==
		       slot_home(question->word);
}

/*
 * Whether a new flow was confirmed; too many of these are a flood. Observed pins of old flows do
 * not count: all of a pool's become established within the same seconds.
 */
static bool is_new_flow_settling(const struct question *question, enum pins_step step)
{
	switch (step) {
	case PINS_STEP_REVIVED: return true;
	case PINS_STEP_CONFIRMED:
	case PINS_STEP_TRIED:
		return pin_class(question->pin) == PIN_PROBATION && !may_be_older(question);
	default: return false;
	}
}

/* If the packet would not change the pin, nothing else is read. */
static enum pins_step step_on(
	const struct question *question, enum affinity_kind kind, enum pin_class established)
{
	const struct affinity_view *view = question->view;
	struct pins *pins = question->pins;
	struct affinity_pool *pool;
	enum pins_step step;

	if (kind == AFFINITY_END)
		return pins_finish_slowly(pins, question->position, question->pin, view->tick,
			is_flooded(pool_of(question)));
	if (pin_is_current(question->pin, view->tick))
		return PINS_STEP_NONE;
	pool = pool_of(question);
	step = pins_continue_slowly(
		pins, question->position, question->pin, established, view->tick, is_flooded(pool));
	if (is_new_flow_settling(question, step))
		take(&pool->confirms);
	return step;
}

static void go_on(
	const struct question *question, enum affinity_kind kind, enum pin_class established)
{
	if (question->view->counters != NULL)
		question->view->counters->steps[step_on(question, kind, established)]++;
}

/* Observes an old flow, so that its slot can get another home. */
static void observe(const struct question *question)
{
	struct affinity_counters *counters = question->view->counters;
	struct affinity_pool *pool = pool_of(question);
	enum pins_put outcome;

	if (counters == NULL || atomic_load_explicit(&pool->flooded, memory_order_relaxed))
		return; /* no slot of the pool changes its home during a flood */
	if (!take(&pool->observe_tokens)) {
		counters->unobserved++;
		note(&pool->lapsed);
		return;
	}
	outcome = put(question, slot_home(question->word), PIN_OBSERVED);
	if (outcome == PINS_PUT_REFUSED || outcome == PINS_PUT_LOST) {
		counters->unobserved++;
		note_unobserved(pool);
	}
}

/*
 * Counts the flow as one that is left on a draining member. A packet that went to cur does not
 * count, because a draining member takes no new flows.
 */
static void sketch_flow(const struct question *question, const struct affinity_choice *choice)
{
	const struct affinity *affinity = question->view->affinity;
	const struct member *member = NULL;
	struct sketch *sketch;

	if (affinity->sketches == NULL)
		return;
	if (choice->reason == AFFINITY_PIN)
		member = question->member;
	else if (choice->reason == AFFINITY_HOME)
		member = find_member(question, choice->backend);
	if (member == NULL || member_state(member) != MEMBER_DRAIN)
		return;
	sketch = atomic_load_explicit(
		&affinity->sketches[member - affinity->members], memory_order_acquire);
	if (sketch != NULL)
		sketch_add(sketch, question->packet->hash);
}

/* The choice. */

/* Whether packets without a pin go to home. Plain UDP does so only for a moment (SLOT_RECENT). */
static bool belongs_home(const struct question *question)
{
	return is_tcp(question->packet) || question->packet->service->udp == AFFINITY_UDP_QUIC;
}

/*
 * Starts a flow that needs a pin, without room for one. It starts on home if home is usable, even
 * if home takes no new flows: its next packets go there without a pin, so on any other backend it
 * would break at once. On home it looks like an unobserved old flow and is counted as one.
 */
static struct affinity_choice begin_unpinned(const struct question *question)
{
	struct affinity_counters *counters = question->view->counters;
	struct affinity_choice choice = choose_cur(question, AFFINITY_NEW);
	enum member_state home = state_of(question, slot_home(question->word));

	if (home != MEMBER_UP || !belongs_home(question))
		counters->unpinned++;
	if (!belongs_home(question) || !member_state_is_usable(home))
		return choice;
	if ((question->word & SLOT_OBSERVE) != 0) {
		counters->unobserved++;
		note_unobserved(pool_of(question));
	}
	choice.backend = slot_home(question->word);
	return choice;
}

static struct affinity_choice begin(const struct question *question)
{
	uint32_t word = question->word;

	if (slot_cur(word) != slot_home(word) || (word & SLOT_GUARD) != 0)
		return remember(question, slot_cur(word)) ? choose_cur(question, AFFINITY_NEW)
							  : begin_unpinned(question);
	if (question->pin != 0)
		forget(question); /* the flow of this pin has ended */
	return choose_cur(question, AFFINITY_NEW);
}

/*
 * Whether a packet that starts a flow goes to the pinned backend. A pin on probation is from the
 * first copy of a SYN that is now retransmitted; a backend whose check fails may never have
 * answered it. A SYN does not break an established flow, because anyone can forge one: if the
 * client really reuses the port, any usable backend will do. After a FIN only a backend that takes
 * new flows will do.
 */
static bool is_known(const struct question *question)
{
	enum member_state state;

	if (question->member == NULL)
		return false;
	state = member_state(question->member);
	switch (pin_class(question->pin)) {
	case PIN_PROBATION:
		return state != MEMBER_SUSPECT &&
		       pin_age(question->pin, question->view->tick) < AFFINITY_RETRANSMIT_TICKS;
	case PIN_OBSERVED: return state != MEMBER_SUSPECT;
	case PIN_FINISHED: return state == MEMBER_UP;
	default: return true;
	}
}

/* The flow of a finished pin begins again on the same backend. */
static void reopen(const struct question *question)
{
	const struct affinity_view *view = question->view;
	enum pins_step step;

	if (view->counters == NULL || pin_class(question->pin) != PIN_FINISHED)
		return;
	step = pins_reopen(question->pins, question->position, question->pin, view->tick);
	view->counters->steps[step]++;
	if (is_new_flow_settling(question, step))
		take(&pool_of(question)->confirms);
}

/* The client may have started over with another sequence number: the last SYN counts. */
static void expect_anew(const struct question *question)
{
	const struct affinity_view *view = question->view;
	uint64_t next;

	if (view->counters == NULL || pin_class(question->pin) != PIN_PROBATION ||
		(question->pin & PIN_NOTED) != 0 || !is_tcp(question->packet))
		return;
	next = pin_expect(question->pin, sequence_of(question->packet) + 1);
	if (next != question->pin)
		view->counters->steps[pins_change(
			question->pins, question->position, question->pin, next)]++;
}

static struct affinity_choice choose_start(const struct question *question)
{
	if (!is_known(question))
		return begin(question);
	reopen(question);
	expect_anew(question);
	return choose_pinned(question);
}

/*
 * Whether a forged SYN put the flow's pin: the sequence number of this packet is far from that of
 * the SYN. Then this is an old flow, which lives at home.
 */
static bool is_forged(const struct question *question)
{
	return pin_class(question->pin) == PIN_PROBATION && is_tcp(question->packet) &&
	       !pin_expects(question->pin, sequence_of(question->packet)) &&
	       member_state_is_usable(state_of(question, slot_home(question->word)));
}

/*
 * Whether the client rejects the answer to its SYN. That happens if the backend still has an older
 * connection from the same port: its ACK carries a number that this client never used, and so does
 * the RST (RFC 9293, 3.5.2). The RST must reach that backend, which then answers the next SYN. Any
 * other backend ignores an RST with a wrong number.
 */
static bool is_reset_of_pinned(const struct question *question)
{
	const struct packet *packet = question->packet;
	const struct rte_tcp_hdr *tcp = (const void *)packet_at(packet, packet->l4_offset);

	return question->member != NULL && (tcp->tcp_flags & RTE_TCP_RST_FLAG) != 0;
}

/* Turns the pin into an observed pin of home, which the next forged SYN cannot replace. */
static struct affinity_choice reclaim(const struct question *question, enum affinity_kind kind)
{
	const struct affinity_view *view = question->view;
	uint16_t gid;

	if (view->counters != NULL && kind != AFFINITY_END &&
		find_gid(question, slot_home(question->word), &gid))
		view->counters->steps[pins_change(question->pins, question->position, question->pin,
			pin_reclaim(question->pin, gid, view->tick))]++;
	return choose_home(question);
}

static struct affinity_choice choose_continue(
	const struct question *question, enum affinity_kind kind, enum pin_class established)
{
	if (unlikely(is_forged(question)))
		return is_reset_of_pinned(question) ? choose_pinned(question)
						    : reclaim(question, kind);
	if (question->member != NULL) {
		go_on(question, kind, established);
		return choose_pinned(question);
	}
	if (question->pin != 0) {
		/* its backend is gone: another one, if any, answers with a reset */
		if (slot_cur(question->word) != SLOT_NO_BACKEND)
			forget(question);
		return choose_cur(question, AFFINITY_CURRENT);
	}
	if (!member_state_is_usable(state_of(question, slot_home(question->word))))
		return choose_cur(question, AFFINITY_CURRENT);
	if ((question->word & SLOT_OBSERVE) != 0 && kind != AFFINITY_END)
		observe(question);
	return choose_home(question);
}

/*
 * Whether a datagram without a pin counts as part of an old flow. It may also start a new one,
 * which must not go to a backend whose check fails, and to a draining one only for a short time.
 */
static bool may_be_old(const struct question *question)
{
	enum member_state home = state_of(question, slot_home(question->word));

	return (question->word & SLOT_RECENT) != 0 && (home == MEMBER_UP || home == MEMBER_DRAIN);
}

/* A start cannot be recognized: a flow without a pin counts as old for a while, then as new. */
static struct affinity_choice choose_either(const struct question *question)
{
	const struct affinity_view *view = question->view;
	uint32_t home = slot_home(question->word);

	if (question->member != NULL &&
		pin_age(question->pin, view->tick) <= view->affinity->udp_idle_ticks) {
		go_on(question, AFFINITY_CONTINUE, PIN_UDP);
		return choose_pinned(question);
	}
	if (may_be_old(question)) {
		if (!remember(question, home))
			view->counters->unpinned++; /* it will count as new later */
		return choose_home(question);
	}
	return begin(question);
}

/*
 * An ICMP error follows the flow that it is about. A flow without a pin may be at home, or at cur
 * without room for a pin. So both home and cur get the error, and the one without such a flow
 * ignores it.
 */
static struct affinity_choice choose_error(const struct question *question)
{
	uint32_t cur = slot_cur(question->word), home = slot_home(question->word);
	struct affinity_choice choice;

	if (question->packet->service->udp == AFFINITY_UDP_HASH && !is_tcp(question->packet))
		return choose_cur(question, AFFINITY_HASH);
	if (question->member != NULL)
		return choose_pinned(question);
	if (question->pin != 0 || !member_state_is_usable(state_of(question, home)))
		return choose_cur(question, AFFINITY_CURRENT);
	choice = choose_home(question);
	choice.also_cur = cur != home && cur != SLOT_NO_BACKEND;
	return choice;
}

static struct affinity_choice choose_by_kind(const struct question *question)
{
	enum affinity_udp udp = question->packet->service->udp;
	enum affinity_kind kind = classify(question->packet, udp);
	enum pin_class established = is_tcp(question->packet) ? PIN_ESTABLISHED : PIN_QUIC;

	switch (kind) {
	case AFFINITY_START: return choose_start(question);
	case AFFINITY_EITHER: return choose_either(question);
	case AFFINITY_NONE: return choose_cur(question, AFFINITY_HASH);
	default: return choose_continue(question, kind, established);
	}
}

static struct affinity_choice choose(const struct question *question)
{
	if (question->packet->flags & PACKET_ICMP_ERROR)
		return choose_error(question);
	return choose_by_kind(question);
}

static void count(const struct question *question, const struct affinity_choice *choice)
{
	question->view->counters->reasons[choice->reason]++;
	if ((question->packet->flags & PACKET_ICMP_ERROR) == 0)
		sketch_flow(question, choice);
}

static __rte_always_inline struct affinity_choice choose_packet(
	const struct affinity_view *view, const struct tables *tables, const struct packet *packet)
{
	struct question question = {
		.view = view,
		.tables = tables,
		.packet = packet,
		.word = packet->word,
	};
	struct affinity_choice choice;

	find_pin(&question);
	choice = choose(&question);
	if (view->counters != NULL)
		count(&question, &choice);
	return choice;
}

void affinity_choose_burst(const struct affinity_view *view, const struct tables *tables,
	struct packet **packets, unsigned int count, struct affinity_choice *choices)
{
	for (unsigned int i = 0; i < count; i++)
		choices[i] = choose_packet(view, tables, packets[i]);
}

struct affinity_choice affinity_choose(
	const struct affinity_view *view, const struct tables *tables, const struct packet *packet)
{
	struct packet copy = *packet;
	struct affinity_choice choice;

	affinity_choose_burst(view, tables, &(struct packet *){ &copy }, 1, &choice);
	return choice;
}
