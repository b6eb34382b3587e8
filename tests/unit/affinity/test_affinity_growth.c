/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where packets go while the pins of before move into a larger table: to the backend of their pin,
 * whichever table that is in, and at whatever moment the tables change.
 */
#include "pins_fixture.h"

#include <pthread.h>

#include "affinity/pins_older.h"
#include "affinity/slots.h"
#include "virtual_node.h"

#define SLOTS   251
#define HASH    UINT64_C(0x123456789abcdef0)
#define START_S 100000
#define NOW     (START_S / PIN_TICK_SECONDS)
#define GROWTHS 20000

enum { A, B, C, OTHER, BACKENDS };

#define OTHER_POOL 1

/* New flows go to B, old ones are at A, and what has a pin is at C. */
struct growth {
	struct virtual_node *node;
	struct pins larger; /* the current one */
};

static struct virtual_node *make_node(void)
{
	static const struct virtual_limits limits = { .udp_idle_s = 60, .sweep_every_s = 5 };
	static const char *const keys[BACKENDS] = { "a", "b", "c", "other" };
	struct virtual_node *node = virtual_node_create(SLOTS, 64, &limits, START_S);

	for (uint32_t i = 0; i < BACKENDS; i++)
		assert_int_equal(virtual_node_add(node, keys[i], 100, 0), i);
	atomic_store(&node->members[OTHER].pool, OTHER_POOL);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		slot_store(&node->slots[slot], SLOT_TRACK | slot_pack(B, A));
	return node;
}

static struct growth begin(uint32_t bucket_count)
{
	struct growth growth = { .node = make_node() };

	make_pins(&growth.larger, bucket_count);
	return growth;
}

/* From here on. The growth stays where it is. */
static void grow(struct growth *growth)
{
	atomic_store(&growth->larger.older, &growth->node->pins);
	atomic_store(&growth->node->affinity.pins, &growth->larger);
}

static void end(struct growth *growth)
{
	free_pins(&growth->larger);
	virtual_node_destroy(growth->node);
}

static uint32_t send(struct growth *growth, enum affinity_kind kind)
{
	return virtual_node_send(growth->node, VIRTUAL_TCP, HASH, kind);
}

static uint32_t look(struct growth *growth, enum affinity_kind kind)
{
	return virtual_node_send_by(growth->node, NULL, VIRTUAL_TCP, HASH, kind);
}

struct row {
	const char *name;
	enum affinity_kind kind;
	struct {
		enum pin_class class;
		uint16_t gid;
		uint16_t age;
	} before;                /* in the older table */
	enum member_state state; /* of C; 0: UP */
	bool full;               /* the current table */
	uint32_t backend;
	struct {
		enum pin_class class; /* PIN_EMPTY: there is no pin */
		uint16_t gid;
	} older, current;
};

static const struct row rows[] = {
	{ "a packet takes its pin along", AFFINITY_CONTINUE, { PIN_ESTABLISHED, C, 0 }, 0, false, C,
		{ 0 }, { PIN_ESTABLISHED, C } },
	{ "a packet takes its pin along and refreshes it", AFFINITY_CONTINUE,
		{ PIN_ESTABLISHED, C, 9 }, 0, false, C, { 0 }, { PIN_ESTABLISHED, C } },
	{ "a handshake goes on in the other table", AFFINITY_CONTINUE, { PIN_PROBATION, C, 0 }, 0,
		false, C, { 0 }, { PIN_ESTABLISHED, C } },
	{ "a FIN finishes the pin in the other table", AFFINITY_END, { PIN_ESTABLISHED, C, 0 }, 0,
		false, C, { 0 }, { PIN_FINISHED, C } },
	{ "a second SYN follows the first", AFFINITY_START, { PIN_PROBATION, C, 1 }, 0, false, C,
		{ 0 }, { PIN_PROBATION, C } },
	{ "a SYN does not cut off a flow", AFFINITY_START, { PIN_ESTABLISHED, C, 9 }, 0, false, C,
		{ 0 }, { PIN_ESTABLISHED, C } },
	{ "a pin of a backend that drains comes along", AFFINITY_CONTINUE,
		{ PIN_ESTABLISHED, C, 0 }, MEMBER_DRAIN, false, C, { 0 }, { PIN_ESTABLISHED, C } },
	{ "a pin of a backend that is gone is forgotten", AFFINITY_CONTINUE,
		{ PIN_ESTABLISHED, C, 0 }, MEMBER_DEAD, false, B, { 0 }, { 0 } },
	{ "a new flow overtakes the pin of a backend that is gone", AFFINITY_START,
		{ PIN_ESTABLISHED, C, 0 }, MEMBER_DEAD, false, B, { 0 }, { PIN_PROBATION, B } },
	{ "a SYN long after the first begins anew", AFFINITY_START, { PIN_PROBATION, C, 20 }, 0,
		false, B, { 0 }, { PIN_PROBATION, B } },
	{ "another pool's pin stays", AFFINITY_CONTINUE, { PIN_ESTABLISHED, OTHER, 0 }, 0, false, A,
		{ PIN_ESTABLISHED, OTHER }, { 0 } },
	{ "a pin that finds no room counts where it is", AFFINITY_CONTINUE,
		{ PIN_ESTABLISHED, C, 9 }, 0, true, C, { PIN_ESTABLISHED, C }, { 0 } },
	{ "a pin that finds no room finishes where it is", AFFINITY_END, { PIN_ESTABLISHED, C, 9 },
		0, true, C, { PIN_FINISHED, C }, { 0 } },
};

static struct growth begin_row(const struct row *row)
{
	struct growth growth = begin(row->full ? 1 : 128);
	struct pins *older = &growth.node->pins;

	for (uint32_t way = 0; row->full && way < PINS_WAYS; way++)
		growth.larger.words[way] =
			pin_pack((uint64_t)(way + 1) << 32, A, PIN_ESTABLISHED, NOW);
	older->words[pins_second_bucket(older, HASH) * PINS_WAYS + 5] =
		pin_pack(HASH, row->before.gid, row->before.class, NOW - row->before.age);
	if (row->state != 0)
		atomic_store(&growth.node->members[C].state, row->state);
	return growth;
}

static void assert_pin(
	const char *name, const struct pins *pins, enum pin_class class, uint16_t gid)
{
	uint64_t pin = pin_of(pins, HASH);

	if (pin_class(pin) != class || (class != PIN_EMPTY && pin_gid(pin) != gid))
		fail_msg("%s: %016lx", name, pin);
}

static void a_flow_is_found_in_an_older_table_and_goes_on_in_the_current_one(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct growth growth = begin_row(row);

		grow(&growth);
		if (send(&growth, row->kind) != row->backend)
			fail_msg("%s: it goes elsewhere", row->name);
		assert_pin(row->name, &growth.node->pins, row->older.class, row->older.gid);
		assert_pin(row->name, &growth.larger, row->current.class, row->current.gid);
		end(&growth);
	}
}

static void looking_moves_no_pin(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct growth growth = begin_row(row);
		uint64_t before = pin_of(&growth.node->pins, HASH);

		grow(&growth);
		if (look(&growth, row->kind) != row->backend)
			fail_msg("%s: it goes elsewhere", row->name);
		assert_int_equal(pin_of(&growth.node->pins, HASH), before);
		assert_int_equal(pin_of(&growth.larger, HASH), 0);
		end(&growth);
	}
}

static void an_old_flow_is_recorded_in_the_current_table(void **state)
{
	struct growth growth = begin(128);

	for (uint32_t slot = 0; slot < SLOTS; slot++)
		slot_store(&growth.node->slots[slot], SLOT_TRACK | SLOT_OBSERVE | slot_pack(B, A));
	atomic_store(&growth.node->pool.observe_tokens, 1);
	grow(&growth);
	assert_int_equal(send(&growth, AFFINITY_CONTINUE), A);
	assert_pin("observed", &growth.node->pins, PIN_EMPTY, 0);
	assert_pin("observed", &growth.larger, PIN_OBSERVED, A);
	end(&growth);
}

/* A worker that looks while the table grows, its pin moves, and the older table is taken away. */

struct looker {
	struct growth *growth;
	_Atomic uint64_t looks;
	_Atomic uint64_t missed;
	_Atomic bool stop;
};

static void *look_on(void *context)
{
	struct looker *looker = context;

	while (!atomic_load(&looker->stop)) {
		if (look(looker->growth, AFFINITY_CONTINUE) != C)
			atomic_fetch_add(&looker->missed, 1);
		atomic_fetch_add(&looker->looks, 1);
	}
	return NULL;
}

/* A look that was under way is over. */
static void await_look(struct looker *looker)
{
	uint64_t looks = atomic_load(&looker->looks);

	while (atomic_load(&looker->looks) < looks + 2)
		sched_yield();
}

static void grow_from(struct growth *growth, struct pins *from, struct pins *to, unsigned int wait)
{
	struct pins *table = from;
	uint32_t position;
	uint64_t pin = pins_find(from, HASH, &position);

	atomic_store(&to->older, from);
	atomic_store(&growth->node->affinity.pins, to);
	for (unsigned int i = 0; i < wait; i++)
		rte_pause();
	pins_move(to, HASH, pin, &table, &position);
	atomic_store(&to->older, NULL);
}

static void no_look_misses_the_pin_while_the_table_grows(void **state)
{
	struct growth growth = begin(64);
	struct looker looker = { .growth = &growth };
	struct pins *tables[] = { &growth.node->pins, &growth.larger };
	pthread_t thread;

	pins_put(tables[0], HASH, C, PIN_ESTABLISHED, NOW);
	assert_int_equal(pthread_create(&thread, NULL, look_on, &looker), 0);
	for (unsigned int i = 0; i < GROWTHS; i++) {
		grow_from(&growth, tables[i % 2], tables[1 - i % 2], i / 2 % 64);
		await_look(&looker);
	}
	atomic_store(&looker.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(looker.missed, 0);
	end(&growth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_found_in_an_older_table_and_goes_on_in_the_current_one),
		cmocka_unit_test(looking_moves_no_pin),
		cmocka_unit_test(an_old_flow_is_recorded_in_the_current_table),
		cmocka_unit_test(no_look_misses_the_pin_while_the_table_grows),
	};

	return cmocka_run_group_tests_name("affinity_growth", tests, NULL, NULL);
}
