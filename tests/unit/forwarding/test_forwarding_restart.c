/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the next process makes of what this one has left, with the configuration as it was and as it
 * may have been edited meanwhile.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "balance.h"
#include "life_fixture.h"
#include "affinity/slots.h"
#include "state/state_names.h"
#include "state/state_reader.h"

static void copy_words(const struct node *node, uint32_t words[LIFE_SLOTS])
{
	for (uint32_t slot = 0; slot < LIFE_SLOTS; slot++)
		words[slot] = slot_load(&life_service(node)->slots[slot]);
}

static void restart_by(struct node *node, const char *options, const char *backends)
{
	char said[NODE_SAID_SIZE];

	node_restart(node, life_config(options, backends), said);
	assert_string_equal(said, "");
	assert_int_equal(state_start(node->state), STATE_WARM);
}

static void restart(struct node *node, const char *backends)
{
	restart_by(node, "", backends);
}

static struct state_health *health_of(const struct node *node, const char *name)
{
	return state_health_row(node->state, life_find(node, name)->gid);
}

static void note_change(const struct node *node, const char *name, int64_t time_ms, uint8_t status)
{
	const struct health_change change = { .time_ms = time_ms, .status = status };

	state_rows_begin(node->state);
	health_row_add(health_of(node, name), &change);
	state_rows_end(node->state);
}

static void what_checks_have_found_is_known_to_the_next_process(void **state)
{
	struct node *node = *state;
	struct health_change changes[HEALTH_CHANGES_MAX];

	life_apply(node, W1 ", " W2 ", " W3);
	for (int i = 0; i < 40; i++)
		note_change(node, "w2", 1000 + i, HEALTH_UP + i % 2);
	note_change(node, "w3", 7, HEALTH_UP);
	health_of(node, "w3")->override = HEALTH_OVERRIDE_DOWN;
	restart(node, W3 ", " W2);
	assert_int_equal(health_row_list(health_of(node, "w2"), changes), HEALTH_CHANGES_MAX);
	assert_int_equal(changes[HEALTH_CHANGES_MAX - 1].time_ms, 1039);
	assert_int_equal(health_of(node, "w2")->status, HEALTH_DOWN);
	assert_int_equal(health_row_list(health_of(node, "w3"), changes), 1);
	assert_int_equal(health_of(node, "w3")->override, HEALTH_OVERRIDE_DOWN);
}

static void health_that_makes_no_sense_is_not_taken_over(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	note_change(node, "w1", 7, HEALTH_UP);
	note_change(node, "w2", 7, HEALTH_UP);
	health_of(node, "w2")->status = HEALTH_STATUS_COUNT;
	restart(node, W1 ", " W2);
	assert_int_equal(health_of(node, "w1")->status, HEALTH_UP);
	assert_int_equal(health_of(node, "w2")->status, HEALTH_INITIAL);
	assert_int_equal(health_of(node, "w2")->changes, 0);
}

static void a_backend_that_has_gone_leaves_no_health_behind(void **state)
{
	static const struct state_health none;
	const struct live_terms now = { .now = true };
	struct node *node = *state;
	uint32_t gid;

	life_apply(node, W1 ", " W2);
	note_change(node, "w2", 7, HEALTH_DOWN);
	gid = life_find(node, "w2")->gid;
	node_apply_by(node, life_config("", W1), &now);
	node_wait(node, 30);
	assert_memory_equal(state_health_row(node->state, gid), &none, sizeof(none));
}

static void slots_are_what_they_were(void **state)
{
	struct node *node = *state;
	uint32_t before[LIFE_SLOTS], after[LIFE_SLOTS];

	life_apply(node, W1 ", " W2 ", " W3);
	copy_words(node, before);
	restart(node, W1 ", " W2 ", " W3);
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
	node_wait(node, 6);
	assert_int_equal(life_share(node, "w1").tracked, 0);
}

/* Everything but the tables: workers could start. `config` is taken over. */
static void resume_without_tables(struct node *node, struct config *config)
{
	char said[NODE_SAID_SIZE];

	node_stop(node);
	node_resume_unbuilt(node, config, said);
	assert_string_equal(said, "");
}

static void packets_flow_before_tables_are_rebuilt(void **state)
{
	struct node *node = *state;
	struct affinity_counters counters = { 0 };
	uint32_t before[LIFE_SLOTS], after[LIFE_SLOTS];
	size_t pools;

	life_apply(node, W1 ", " W2 ", " W3);
	copy_words(node, before);
	resume_without_tables(node, life_config("", W1 ", " W2 ", " W3));
	assert_int_equal(forwarding_unbuilt(node->forwarding, &pools), 1);
	assert_int_equal(pools, 1);
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
	life_begin_flows(node, &counters);
	node_build(node);
	assert_int_equal(forwarding_unbuilt(node->forwarding, &pools), 0);
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
	life_apply(node, W1 ", " W2);
	assert_int_equal(life_share(node, "w3").cur, 0);
	assert_int_not_equal(life_share(node, "w3").home, 0);
}

/* It would take a millisecond for each pool, and nothing else would have a turn meanwhile. */
static void a_second_builds_no_first_table(void **state)
{
	struct node *node = *state;
	size_t pools;

	life_apply(node, W1 ", " W2);
	resume_without_tables(node, life_config("", W1 ", " W2));
	node_wait(node, 6);
	assert_int_equal(forwarding_unbuilt(node->forwarding, &pools), 1);
	node_build(node);
	assert_int_equal(forwarding_unbuilt(node->forwarding, &pools), 0);
}

static void news_is_taken_while_tables_are_rebuilt(void **state)
{
	struct node *node = *state;
	struct life_share before;

	life_apply(node, W1 ", " W2 ", " W3);
	before = life_share(node, "w2");
	resume_without_tables(node, life_config("", W1 ", " W2 ", " W3_DRAIN));
	assert_int_equal(life_of(node, "w3"), MEMBER_DRAIN);
	life_fail(node, 1); /* and builds */
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	assert_int_equal(life_share(node, "w1").cur, LIFE_SLOTS);
	assert_int_equal(life_share(node, "w2").home, before.home);
}

static void note_effect(void *context, const struct forwarding_effect *effect)
{
	int *count = context;

	assert_ptr_equal(effect->before, effect->after);
	(*count)++;
}

static void news_that_builds_a_first_table_is_answered(void **state)
{
	struct node *node = *state;
	struct forwarding_update update = { .has_health = true };
	struct forwarding_handle handle;
	int count = 0;
	size_t pools;

	life_apply(node, W1 ", " W2 ", " W3);
	resume_without_tables(node, life_config("", W1 ", " W2 ", " W3));
	assert_int_equal(forwarding_find(node->forwarding, "web", "w2", &handle), 0);
	assert_int_equal(
		forwarding_update(node->forwarding, &handle, &update, true, note_effect, &count),
		0);
	assert_int_equal(count, 1);
	assert_int_equal(
		forwarding_update(node->forwarding, &handle, &update, false, note_effect, &count),
		0);
	assert_int_equal(count, 2);
	node_build(node);
	assert_int_equal(forwarding_unbuilt(node->forwarding, &pools), 0);
	assert_int_equal(life_share(node, "w2").cur, 0);
}

static void flags_and_homes_go_on(void **state)
{
	struct node *node = *state;
	struct life_share before;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w2");
	life_apply(node, W1 ", " W2_DRAIN);
	restart(node, W1 ", " W2_DRAIN);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w2").cur, 0);
	assert_int_equal(life_share(node, "w2").home, before.home);
}

static void a_drain_has_the_end_that_it_had(void **state)
{
	struct node *node = *state;
	const struct live_terms soon = { .deadline_s = 30 };

	life_apply(node, W1 ", " W2);
	node_apply_by(node, life_config("", W1 ", " W2_DRAIN), &soon);
	node_wait(node, 20);
	restart(node, W1 ", " W2_DRAIN);
	node_wait(node, 9);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	node_wait(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_DEAD);
}

static void health_is_remembered(void **state)
{
	struct node *node = *state;
	struct life_share before;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w2");
	life_fail(node, 1);
	node_wait(node, 12);
	restart(node, W1 ", " W2);
	assert_int_equal(life_of(node, "w2"), MEMBER_ABSENT);
	assert_int_equal(life_share(node, "w2").cur, 0);
	assert_int_equal(life_share(node, "w2").home, before.home);
	life_pass(node, 1);
	assert_int_equal(life_share(node, "w2").cur, before.cur);
}

#define W2_RENAMED   "{'name': 'new', 'address': '10.2.0.2'}"
#define W2_SEAT      "{'name': 'w2', 'address': '10.2.0.2', 'key': 'seat'}"
#define W2_ELSEWHERE "{'name': 'w2', 'address': '10.2.0.12', 'key': 'seat'}"

static void another_order_and_other_names_move_nothing(void **state)
{
	struct node *node = *state;
	uint32_t before[LIFE_SLOTS], after[LIFE_SLOTS];

	life_apply(node, W1 ", " W2 ", " W3);
	copy_words(node, before);
	restart(node, W3 ", " W2_RENAMED ", " W1);
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
	assert_int_equal(life_of(node, "new"), MEMBER_UP);
	assert_int_equal(life_of(node, "w2"), MEMBER_NONE);
}

static void a_backend_that_is_missing_drains(void **state)
{
	struct node *node = *state;
	struct life_share before;

	life_apply(node, W1 ", " W2 ", " W3);
	before = life_share(node, "w2");
	restart(node, W1 ", " W3);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w2").cur, 0);
	assert_int_equal(life_share(node, "w2").home, before.home);
	restart(node, W3 ", " W1); /* once more: it is nowhere but in the state file */
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w2").home, before.home);
}

static void a_backend_that_was_added_takes_new_flows_only(void **state)
{
	struct node *node = *state;
	struct life_share before;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w1");
	restart(node, W1 ", " W2 ", " W3);
	assert_true(life_share(node, "w3").cur > 60);
	assert_int_equal(life_share(node, "w3").home, 0);
	assert_int_equal(life_share(node, "w1").home, before.home);
}

static void a_seat_with_another_address_keeps_its_slots(void **state)
{
	struct node *node = *state;
	struct life_share before;
	const struct live_backend *backends;
	size_t count;

	life_apply(node, W1 ", " W2_SEAT);
	before = life_share(node, "w2");
	restart(node, W1 ", " W2_ELSEWHERE);
	backends = forwarding_backends(node->forwarding, 0, &count);
	assert_int_equal(count, 3);
	assert_int_equal(backends[1].life.state, MEMBER_UP);
	assert_int_equal(backends[2].life.state, MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w2").cur, before.cur); /* of the new one */
	assert_int_equal(life_share(node, "w2").home, 0);
}

#define W2_SEAT_VACANT "'vacant': [{'key': '10.2.0.2', 'weight': 100}],"

/* The base has the seat of the one that has gone: nothing of the others moves. */
static void a_vacant_seat_outlives_the_process(void **state)
{
	struct node *node = *state;
	const struct live_terms now = { .now = true };
	uint32_t before[LIFE_SLOTS], after[LIFE_SLOTS];

	life_apply(node, W1 ", " W2 ", " W3);
	node_apply_by(node, life_config(W2_SEAT_VACANT, W1 ", " W3), &now);
	node_wait(node, 12);
	copy_words(node, before);
	restart_by(node, W2_SEAT_VACANT, W1 ", " W3);
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
}

#define W2_IDLE "{'name': 'w2', 'address': '10.2.0.2', 'weight': 0, 'seat_weight': 100}"

/* It is to get its slots back, whichever process serves by then. */
static void a_weight_of_0_leaves_the_seat_its_slots_in_the_next_process(void **state)
{
	struct node *node = *state;
	uint32_t before[LIFE_SLOTS], after[LIFE_SLOTS];

	life_apply(node, W1 ", " W2 ", " W3);
	life_apply(node, W1 ", " W2_IDLE ", " W3);
	copy_words(node, before);
	restart(node, W1 ", " W2_IDLE ", " W3);
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
}

static void a_dynamic_weight_is_applied_as_it_was(void **state)
{
	struct node *node = *state;
	const struct forwarding_update update = { .has_share = true,
		.share = FACTOR_ONE * 34 / 100 };
	struct life_share before;

	life_apply(node, W1 ", " W2 ", " W3);
	life_tell(node, 1, &update);
	node_wait(node, 20);
	before = life_share(node, "w2");
	assert_true(before.cur < 60);
	restart(node, W1 ", " W2 ", " W3);
	assert_int_equal(life_share(node, "w2").cur, before.cur);
}

/* Both had the seat, one after the other, and it is vacant now: the base has it once. */
static void a_seat_that_two_left_is_vacant_once(void **state)
{
	static const char vacant[] = "'vacant': [{'key': 'seat', 'weight': 100}],";
	struct node *node = *state;
	uint32_t before[LIFE_SLOTS], after[LIFE_SLOTS];

	life_apply(node, W1 ", " W2_SEAT ", " W3);
	life_apply(node, W1 ", " W2_ELSEWHERE ", " W3);
	node_apply(node, life_config(vacant, W1 ", " W3));
	copy_words(node, before);
	restart_by(node, vacant, W1 ", " W3);
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
}

static void another_number_of_slots_starts_cold_and_says_so(void **state)
{
	struct node *node = *state;
	char said[NODE_SAID_SIZE];

	life_apply(node, W1 ", " W2);
	node_restart(node,
		small_config_read("[{'name': 'web', 'slots': 257, 'backends': [" W1 "]}]",
			"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, "
			"'pool': 'web', 'forward': 'ipip'}]"),
		said);
	assert_string_equal(said, "pool web starts cold: it had 251 slots and now has 257");
	assert_int_equal(life_service(node)->slot_count, 257);
}

static void pins_are_found_and_lead_to_the_same_backends(void **state)
{
	struct node *node = *state;
	struct affinity_counters counters = { 0 };
	uint64_t pins;

	life_apply(node, W1 ", " W2 ", " W3);
	life_apply(node, W1 ", " W2_DRAIN ", " W3);
	life_begin_flows(node, &counters);
	pins = counters.puts[PINS_PUT_PLACED];
	assert_true(pins > 60);
	restart(node, W3 ", " W1 ", " W2_DRAIN);
	memset(&counters, 0, sizeof(counters));
	life_begin_flows(node, &counters); /* for the second time: each finds its pin */
	assert_int_equal(counters.reasons[AFFINITY_PIN], pins);
	assert_int_equal(counters.puts[PINS_PUT_PLACED], 0);
}

/* The process after has the number of pins that the file was laid out for: fewer of them. */
static void pins_are_found_after_their_number_has_grown(void **state)
{
	struct node *node = *state;
	struct affinity_counters counters = { 0 };
	struct config *config = life_config("", W1 ", " W2_DRAIN ", " W3);
	uint64_t pins;

	life_apply(node, W1 ", " W2 ", " W3);
	life_apply(node, W1 ", " W2_DRAIN ", " W3);
	life_begin_flows(node, &counters);
	pins = counters.puts[PINS_PUT_PLACED];
	config->dataplane.pins += 60;
	node_apply(node, config);
	restart(node, W3 ", " W1 ", " W2_DRAIN);
	assert_true(state_pin_tables(node->state)->count >= 2);
	memset(&counters, 0, sizeof(counters));
	life_begin_flows(node, &counters);
	assert_int_equal(counters.reasons[AFFINITY_PIN], pins);
	assert_int_equal(counters.puts[PINS_PUT_PLACED], 0);
}

/* A UDP flow of one packet waits for its second for as long as before. */
static void a_udp_flow_on_probation_keeps_its_pin(void **state)
{
	static const char services[] =
		"[{'name': 'dns', 'vip': '203.0.113.10', 'protocol': 'udp', 'port': 53, 'udp': "
		"'pin', 'pool': 'web', 'forward': 'ipip'}]";
	static const char pools[] =
		"[{'name': 'web', 'slots': 251, 'backends': [" W1 ", " W2_DRAIN "]}]";
	struct node *node = *state;
	struct tracking_report report;
	char said[NODE_SAID_SIZE];
	struct pins all;

	node_apply(node, small_config_read(pools, services));
	pins_init(&all, state_pins(node->state), state_layout(node->state)->pin_buckets);
	assert_int_equal(pins_put(&all, 0x8000000000000000, life_find(node, "w2")->gid,
				 PIN_PROBATION, node_clock_ms / 4000),
		PINS_PUT_PLACED);
	node_wait(node, 30);
	tracking_report(forwarding_tracking(node->forwarding), &report);
	assert_int_equal(report.found[PIN_PROBATION], 1);
	node_restart(node, small_config_read(pools, services), said);
	node_wait(node, 6);
	tracking_report(forwarding_tracking(node->forwarding), &report);
	assert_int_equal(report.found[PIN_PROBATION], 1);
}

static void count(const struct node *node, uint32_t place, uint64_t packets)
{
	state_counters(node->state, 1)->counters[place].packets += packets;
}

static void assert_counted(const struct node *node, uint64_t packets, uint64_t baseline)
{
	struct counter sum;

	forwarding_count_service(node->forwarding, 0, &sum);
	assert_int_equal(sum.packets, packets);
	forwarding_baseline_service(node->forwarding, 0, &sum);
	assert_int_equal(sum.packets, baseline);
}

static uint32_t counter_of(const struct node *node, const char *name)
{
	const struct live_backend *backend = life_find(node, name);

	return counters_backend_cell(state_layout(node->state)->services, backend->gid);
}

static void counters_go_on_by_identity(void **state)
{
	struct node *node = *state;
	struct counter sum;

	life_apply(node, W1 ", " W2);
	count(node, life_service(node)->counter, 7);
	count(node, counter_of(node, "w2"), 5);
	restart(node, W2 ", " W1);
	assert_counted(node, 7, 7);
	count(node, life_service(node)->counter, 4);
	assert_counted(node, 11, 7);
	forwarding_count_backend(node->forwarding, 0, 0, &sum);
	assert_int_equal(sum.packets, 5);
	restart(node, W1 ", " W2);
	assert_counted(node, 11, 11);
}

/* All that a reader of the file finds in its lists. */
static struct named_counter find_in_file(const struct state_reader *reader,
	int (*look)(const struct state_reader *, uint32_t, struct named_counter *),
	const char *name)
{
	struct named_counter answer, found = { 0 };
	int result;

	for (uint32_t i = 0; (result = look(reader, i, &answer)) != -ERANGE; i++) {
		assert_true(result == 0 || result == -ENOENT);
		if (result == 0 && strcmp(answer.name, name) == 0)
			found = answer;
	}
	return found;
}

static void assert_in_file(const struct node *node, uint64_t service, uint64_t backend)
{
	struct state_reader *reader = NULL;
	struct named_counter found;
	char path[64];

	assert_int_equal(state_attach(node_state_path(node, path), &reader), 0);
	found = find_in_file(reader, state_names_service, "www");
	assert_string_equal(found.name, "www");
	assert_int_equal(found.counter.packets, service);
	found = find_in_file(reader, state_names_backend, "w2");
	assert_string_equal(found.pool, "web");
	assert_int_equal(found.counter.packets, backend);
	assert_string_equal(find_in_file(reader, state_names_backend, "w3").name, "");
	state_detach(reader);
}

static void a_reader_of_the_file_finds_counters_by_name(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	count(node, life_service(node)->counter, 7);
	count(node, counter_of(node, "w2"), 5);
	assert_in_file(node, 7, 5);
	restart(node, W2 ", " W1);
	count(node, life_service(node)->counter, 4);
	assert_in_file(node, 11, 5);
}

/* Forty of them: what is left over each time would fill the room for pools and backends. */
static void restarts_use_nothing_up(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2 ", " W3);
	for (int i = 0; i < 40; i++) {
		restart(node, i % 2 == 0 ? W1 ", " W3 : W1 ", " W2 ", " W3);
		node_wait(node, 3);
	}
	assert_int_equal(life_of(node, "w2"), MEMBER_UP);
}

static unsigned int damage_seed = 1;

/* Bytes anywhere but in the header, which has a checksum: those of rows and words count most. */
static void damage(const struct node *node)
{
	char path[64];
	int file = open(node_state_path(node, path), O_RDWR);
	struct state_header header;

	assert_true(file >= 0);
	assert_int_equal(pread(file, &header, sizeof(header), 0), sizeof(header));
	for (int i = 0; i < 40; i++) {
		enum state_region region = rand_r(&damage_seed) % STATE_REGION_COUNT;
		uint64_t length = RTE_MIN(header.regions[region].length, UINT64_C(4096));
		uint8_t byte = rand_r(&damage_seed);

		assert_int_equal(
			pwrite(file, &byte, 1,
				header.regions[region].offset + rand_r(&damage_seed) % length),
			1);
	}
	close(file);
}

static void a_damaged_file_is_never_a_crash(void **state)
{
	struct node *node = *state;
	struct affinity_counters counters = { 0 };
	char said[NODE_SAID_SIZE];

	life_apply(node, W1 ", " W2 ", " W3);
	for (int round = 0; round < 400; round++) {
		node_stop(node);
		damage(node);
		node_resume(node, life_config("", round % 2 == 0 ? W1 ", " W3 : W1 ", " W2 ", " W3),
			said);
		life_begin_flows(node, &counters);
		node_wait(node, 7);
	}
}

/* Changes without end: what they move stays at home, for no backend has died and no time has gone
 * by.
 */
static void change_until_killed(struct node *node, int started)
{
	static const char *const steps[] = { W1 ", " W2_DRAIN ", " W3, W3 ", " W1,
		W1 ", " W2 ", " W3 ", {'name': 'w4', 'address': '10.2.0.4'}", W2 ", " W1 ", " W3 };
	char said[NODE_SAID_SIZE];

	node_resume(node, life_config("", steps[3]), said);
	if (write(started, "", 1) != 1)
		_exit(1);
	for (size_t i = 0;; i++)
		life_apply(node, steps[i % COUNT_OF(steps)]);
}

static void copy_homes(const struct node *node, struct address homes[LIFE_SLOTS])
{
	const struct live_backend *backends;
	size_t count;

	backends = forwarding_backends(node->forwarding, 0, &count);
	for (uint32_t slot = 0; slot < LIFE_SLOTS; slot++) {
		uint32_t home = slot_home(slot_load(&life_service(node)->slots[slot]));

		for (size_t i = 0; i < count; i++)
			if (backends[i].index == home)
				homes[slot] = backends[i].address;
	}
}

#define KILLS            100
#define KILLS_THAT_COUNT 11
#define KILLS_DEADLINE_S 240

/* Killed while it starts, or a little later: it dies in all places of starting and publishing. On a
   busy machine most are killed before they have had the processor for a change, so this goes on
   until enough of them were in the midst of some. */
static void a_process_that_is_killed_while_it_publishes_loses_no_home(void **state)
{
	struct node *node = *state;
	struct address before[LIFE_SLOTS] = { 0 }, after[LIFE_SLOTS] = { 0 };
	const time_t deadline = time(NULL) + KILLS_DEADLINE_S;
	unsigned int interrupted = 0;
	char said[NODE_SAID_SIZE];

	life_apply(node, W1 ", " W2 ", " W3);
	copy_homes(node, before);
	for (unsigned int round = 0; round < KILLS || interrupted < KILLS_THAT_COUNT; round++) {
		const struct timespec life = { .tv_nsec = round % KILLS * 70000 };
		int started[2], status;
		pid_t child;
		char byte;

		node_stop(node);
		assert_int_equal(pipe(started), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			change_until_killed(node, started[1]);
		if (round % 2 == 0)
			assert_int_equal(read(started[0], &byte, 1), 1);
		close(started[0]);
		close(started[1]);
		nanosleep(&life, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		node_resume(node, life_config("", W1 ", " W2 ", " W3), said);
		assert_int_equal(state_start(node->state), STATE_WARM);
		copy_homes(node, after);
		assert_memory_equal(after, before, sizeof(before));
		interrupted += life_share(node, "w1").tracked != 0;
		assert_true(time(NULL) < deadline);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_open, life_close)
	const struct CMUnitTest tests[] = {
		TEST(what_checks_have_found_is_known_to_the_next_process),
		TEST(health_that_makes_no_sense_is_not_taken_over),
		TEST(a_backend_that_has_gone_leaves_no_health_behind),
		TEST(slots_are_what_they_were),
		TEST(packets_flow_before_tables_are_rebuilt),
		TEST(a_second_builds_no_first_table),
		TEST(news_is_taken_while_tables_are_rebuilt),
		TEST(news_that_builds_a_first_table_is_answered),
		TEST(flags_and_homes_go_on),
		TEST(a_drain_has_the_end_that_it_had),
		TEST(health_is_remembered),
		TEST(another_order_and_other_names_move_nothing),
		TEST(a_backend_that_is_missing_drains),
		TEST(a_backend_that_was_added_takes_new_flows_only),
		TEST(a_seat_with_another_address_keeps_its_slots),
		TEST(a_vacant_seat_outlives_the_process),
		TEST(a_weight_of_0_leaves_the_seat_its_slots_in_the_next_process),
		TEST(a_dynamic_weight_is_applied_as_it_was),
		TEST(a_seat_that_two_left_is_vacant_once),
		TEST(another_number_of_slots_starts_cold_and_says_so),
		TEST(pins_are_found_and_lead_to_the_same_backends),
		TEST(pins_are_found_after_their_number_has_grown),
		TEST(a_udp_flow_on_probation_keeps_its_pin),
		TEST(counters_go_on_by_identity),
		TEST(a_reader_of_the_file_finds_counters_by_name),
		TEST(restarts_use_nothing_up),
		TEST(a_damaged_file_is_never_a_crash),
		TEST(a_process_that_is_killed_while_it_publishes_loses_no_home),
	};

	return cmocka_run_group_tests_name(
		"forwarding_restart", tests, node_host_start, node_host_stop);
}
