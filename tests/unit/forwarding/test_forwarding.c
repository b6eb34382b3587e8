/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables follow the plan; what stays keeps its place, and what a worker holds stays what it was. */
#include "unit.h"

#include "balance.h"
#include "forwarding_fixture.h"

#define VIP "203.0.113.10"

static void every_slot_leads_to_the_backend_that_the_plan_says(void **state)
{
	struct node *node = *state;

	apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
}

static void services_of_one_pool_share_its_slots(void **state)
{
	struct node *node = *state;

	apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
	assert_ptr_equal(find_service(node, 0)->slots, find_service(node, 1)->slots);
	assert_ptr_equal(find_service(node, 0)->record_of, find_service(node, 1)->record_of);
	assert_ptr_equal(find_service(node, 2)->slots, find_service(node, 3)->slots);
	assert_ptr_equal(find_service(node, 2)->record_of, find_service(node, 3)->record_of);
	assert_int_not_equal(find_service(node, 2)->mode, find_service(node, 3)->mode);
}

static void a_backend_that_stays_keeps_its_index_and_its_record(void **state)
{
	struct node *node = *state;
	uint32_t index, cell, index_after, cell_after;

	apply(node, small_config_web(1, 4, IPIP));
	find_backend(node, "w3", &index, &cell);
	apply(node, small_config_web(2, 3, IPIP)); /* two go */
	find_backend(node, "w3", &index_after, &cell_after);
	assert_int_equal(index_after, index);
	assert_int_equal(cell_after, cell);
	apply(node, small_config_web(3, 9, IPIP)); /* six come, one goes */
	find_backend(node, "w3", &index_after, &cell_after);
	assert_int_equal(index_after, index);
	assert_int_equal(cell_after, cell);
}

static void reordering_and_renaming_store_no_word(void **state)
{
	struct node *node = *state;
	uint32_t before[251], after[251];

	apply(node, small_config_web(1, 3, IPIP));
	copy_words(node, before);
	apply(node, small_config_backends("{'name': 'x', 'address': '10.2.0.3'}, "
					  "{'name': 'w1', 'address': '10.2.0.1'}, "
					  "{'name': 'y', 'address': '10.2.0.2'}"));
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
}

static uint32_t owned(const struct node *node, size_t backend)
{
	return forwarding_plan(node->forwarding)->pools[0].seats[backend].owned;
}

static void weights_change_the_shares(void **state)
{
	struct node *node = *state;

	apply(node, small_config_web(1, 2, IPIP));
	assert_in_range(owned(node, 0), 125, 126);
	apply(node, small_config_backends("{'name': 'w1', 'address': '10.2.0.1', 'weight': 50}, "
					  "{'name': 'w2', 'address': '10.2.0.2', 'weight': 150}"));
	assert_in_range(owned(node, 0), 61, 65);
}

static void a_disabled_backend_owns_no_slot_and_keeps_its_index(void **state)
{
	struct node *node = *state;
	uint32_t index, cell, index_after, cell_after;

	apply(node, small_config_web(1, 2, IPIP));
	find_backend(node, "w2", &index, &cell);
	apply(node, small_config_backends(
			    "{'name': 'w1', 'address': '10.2.0.1'}, "
			    "{'name': 'w2', 'address': '10.2.0.2', 'state': 'disabled'}"));
	assert_int_equal(owned(node, 1), 0);
	apply(node, small_config_web(1, 2, IPIP));
	find_backend(node, "w2", &index_after, &cell_after);
	assert_int_equal(index_after, index);
	assert_int_equal(cell_after, cell);
}

static void a_service_whose_pool_is_empty_has_no_backend(void **state)
{
	struct node *node = *state;
	struct packet packet = { .slot = 17 };

	apply(node, small_config_web(1, 2, IPIP));
	apply(node, small_config_backends(""));
	packet.service = find_service(node, 0);
	assert_int_equal(balance_choose(forwarding_tables(node->forwarding), NULL, &packet),
		VERDICT_NO_BACKEND);
	apply(node, small_config_web(1, 2, IPIP));
	assert_int_equal(
		balance_choose(forwarding_tables(node->forwarding), NULL, &packet), VERDICT_NEXT);
}

/* A worker may be reading the old one; the backend keeps its index. */
static void a_record_that_changed_gets_another_cell(void **state)
{
	struct node *node = *state;
	struct config *config = small_config_web(1, 2, IPIP);
	uint32_t index, cell, index_after, cell_after;

	config->dataplane.ports[0].neighbours[1].mac[0] = 0x06;
	apply(node, config);
	find_backend(node, "w2", &index, &cell);
	apply(node, small_config_web(1, 2, IPIP));
	find_backend(node, "w2", &index_after, &cell_after);
	assert_int_equal(index_after, index);
	assert_int_not_equal(cell_after, cell);
}

static void another_number_of_slots_is_another_table(void **state)
{
	struct node *node = *state;
	const _Atomic uint32_t *words;

	apply(node, small_config_web(1, 3, IPIP));
	words = find_service(node, 0)->slots;
	apply(node, small_config_read("[{'name': 'web', 'slots': 257, 'backends': "
				      "[{'name': 'w1', 'address': '10.2.0.1'}]}]",
			    "[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', "
			    "'port': 80, 'pool': 'web', 'forward': 'ipip'}]"));
	assert_ptr_not_equal(find_service(node, 0)->slots, words);
	release_retired(node);
	apply(node, small_config_web(1, 3, IPIP));
	assert_ptr_equal(find_service(node, 0)->slots, words);
}

static void packet_to_a_service_that_is_gone_is_left_to_the_host(void **state)
{
	struct node *node = *state;
	struct address vip;

	assert_int_equal(address_parse(VIP, &vip), 0);
	apply(node, small_config_web(1, 3, IPIP));
	assert_true(service_table_has_vip(forwarding_tables(node->forwarding)->services, &vip));
	apply(node, small_config_read("[]", "[]"));
	assert_false(service_table_has_vip(forwarding_tables(node->forwarding)->services, &vip));
	assert_int_equal(forwarding_find_service(node->forwarding, 0), -1);
}

static void another_forwarding_mode_has_records_of_its_own(void **state)
{
	struct node *node = *state;
	const _Atomic uint32_t *words, *record_of;

	apply(node, small_config_web(1, 3, IPIP));
	words = find_service(node, 0)->slots;
	record_of = find_service(node, 0)->record_of;
	assert_int_equal(find_service(node, 0)->mode, RECORD_MODE_IPIP);
	apply(node, small_config_web(1, 3, L2DSR));
	assert_ptr_equal(find_service(node, 0)->slots, words);
	assert_ptr_equal(find_service(node, 0)->record_of, record_of);
	assert_int_equal(find_service(node, 0)->mode, RECORD_MODE_L2DSR);
}

static void what_numbers_stand_for_is_known_of_live_ones_only(void **state)
{
	struct node *node = *state;
	uint32_t index, cell;

	apply(node, small_config_web(1, 2, IPIP));
	find_backend(node, "w2", &index, &cell);
	assert_int_equal(forwarding_find_backend(node->forwarding, 0, index), 1);
	assert_int_equal(forwarding_find_backend(node->forwarding, 0, index + 1), -1);
	apply(node, small_config_web(1, 1, IPIP));
	assert_int_equal(forwarding_find_backend(node->forwarding, 0, index), 1); /* it goes */
	apply(node, small_config_read("[]", "[]"));
	apply(node, small_config_web(1, 1, IPIP));
	assert_int_equal(forwarding_find_backend(node->forwarding, 0, index), -1);
}

/* Each round replaces everything; the state file has room for three pools, not for fifty. */
static void room_is_used_again_for_ever(void **state)
{
	struct node *node = *state;

	for (unsigned int i = 0; i < 50; i++) {
		apply(node, small_config_web(1, 10, i % 3 == 0 ? L2DSR : IPIP));
		apply(node, small_config_web(11, 20, IPIP));
		apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
		apply(node, small_config_read("[]", "[]"));
		let_go(node);
		release_retired(node);
	}
}

/* An index of the old tables must not name another backend as long as those tables are read. */
static void what_a_worker_holds_stays_what_it_was(void **state)
{
	struct node *node = *state;
	const struct service *held;
	struct backend_record record;
	uint32_t index, cell;

	apply(node, small_config_web(1, 1, IPIP));
	publish_reader_enter(node->publish, 0);
	held = find_service(node, 0);
	find_backend(node, "w1", &index, &cell);
	record = forwarding_tables(node->forwarding)->records[cell];
	for (unsigned int i = 2; i < 12; i++) {
		apply(node, small_config_web(i, i, IPIP));
		let_go(node);
		assert_true(publish_reclaim(node->publish) > 0);
		assert_int_equal(cell_of(held, index), cell);
		assert_memory_equal(&forwarding_tables(node->forwarding)->records[cell], &record,
			sizeof(record));
	}
	publish_reader_leave(node->publish, 0);
	release_retired(node);
	assert_int_equal(find_service(node, 0)->record_of[index], RECORD_NONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_node, close_node)
	const struct CMUnitTest tests[] = {
		TEST(every_slot_leads_to_the_backend_that_the_plan_says),
		TEST(services_of_one_pool_share_its_slots),
		TEST(a_backend_that_stays_keeps_its_index_and_its_record),
		TEST(reordering_and_renaming_store_no_word),
		TEST(weights_change_the_shares),
		TEST(a_disabled_backend_owns_no_slot_and_keeps_its_index),
		TEST(a_service_whose_pool_is_empty_has_no_backend),
		TEST(a_record_that_changed_gets_another_cell),
		TEST(another_number_of_slots_is_another_table),
		TEST(packet_to_a_service_that_is_gone_is_left_to_the_host),
		TEST(another_forwarding_mode_has_records_of_its_own),
		TEST(what_numbers_stand_for_is_known_of_live_ones_only),
		TEST(room_is_used_again_for_ever),
		TEST(what_a_worker_holds_stays_what_it_was),
	};
#undef TEST

	return cmocka_run_group_tests_name("forwarding", tests, node_host_start, node_host_stop);
}
