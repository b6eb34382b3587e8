/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes that come to nothing, and room in the state file and in memory. Needs root. */
#include "unit.h"

#include <malloc.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "forwarding_fixture.h"
#include "affinity/slots.h"

#define NO_ROOM(what)                               \
	"the state file has no room left for " what \
	"; a restart makes room for twice the configuration, up to the limits of a state file"

/* Less than the smallest block of the heap for each round: what is cached comes and goes. */
static void assert_no_growth(size_t before, unsigned int rounds)
{
	assert_true(mallinfo2().uordblks < before + 16 * rounds);
}

static void abort_once(struct node *node, const struct config *config)
{
	struct forwarding_change *change;
	struct error error = { "" };

	change = forwarding_prepare(node->forwarding, config, &now, &error);
	if (change == NULL)
		fail_msg("%s", error.message);
	forwarding_abort(node->forwarding, change);
}

/* The change takes all that there is: a second one without the first given back would not fit. */
static void aborted_changes_give_everything_back(void **state)
{
	struct node *node = *state;
	struct config *config = small_config_read(BOTH_FAMILIES, EVERY_MODE);
	size_t heap;

	apply(node, small_config_web(1, 20, IPIP));
	abort_once(node, config);
	heap = mallinfo2().uordblks;
	for (unsigned int i = 0; i < 10000; i++)
		abort_once(node, config);
	assert_no_growth(heap, 10000);
	apply(node, config);
}

static void an_aborted_change_is_not_seen(void **state)
{
	struct node *node = *state;
	struct config *config = small_config_web(2, 9, L2DSR);
	uint32_t before[251], after[251];
	struct forwarding_change *change;
	const struct tables *tables;
	struct error error;

	apply(node, small_config_web(1, 3, IPIP));
	copy_words(node, before);
	tables = forwarding_tables(node->forwarding);
	change = node_prepare(node, config, &error);
	assert_non_null(change);
	assert_ptr_equal(forwarding_tables(node->forwarding), tables);
	assert_follows_plan(node);
	forwarding_abort(node->forwarding, change);
	assert_ptr_equal(forwarding_tables(node->forwarding), tables);
	copy_words(node, after);
	assert_memory_equal(after, before, sizeof(before));
	assert_follows_plan(node);
	config_destroy(config);
}

/* A node with so little room, its first three backends in force. */
static struct node *create_tight(struct node *node, const struct state_layout *layout)
{
	struct node *tight = node_create(node->host, layout, READERS);

	apply(tight, small_config_web(1, 3, IPIP));
	return tight;
}

/* Refused with the sentence, as often as it is tried, and nothing changed. */
static void assert_refused(struct node *node, const char *sentence)
{
	struct config *config = small_config_web(1, 6, IPIP);
	struct error error = { "" };
	size_t heap = mallinfo2().uordblks;

	for (unsigned int i = 0; i < 1000; i++) {
		assert_null(node_prepare(node, config, &error));
		assert_string_equal(error.message, sentence);
	}
	assert_no_growth(heap, 1000);
	assert_follows_plan(node);
	apply(node, small_config_web(2, 4, IPIP)); /* what fits still goes */
	config_destroy(config);
}

static void more_backends_than_there_are_counters_for_are_refused(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;

	layout.backends = 5;
	tight = create_tight(*state, &layout);
	assert_refused(tight, NO_ROOM("another backend"));
	node_destroy(tight);
}

static void more_records_than_there_are_cells_are_refused(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;

	layout.records = RECORD_MODE_COUNT * (1 + 4);
	tight = create_tight(*state, &layout);
	assert_refused(tight, NO_ROOM("the records of another backend"));
	node_destroy(tight);
}

static void more_slots_than_there_are_words_are_refused(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;
	struct error error;

	layout.slot_words = 256;
	tight = create_tight(*state, &layout);
	assert_string_equal(
		node_refusal(tight, small_config_read(BOTH_FAMILIES, EVERY_MODE), &error),
		NO_ROOM("the slots of another pool"));
	assert_follows_plan(tight);
	apply(tight, small_config_web(2, 4, IPIP));
	node_destroy(tight);
}

/* In mounts of this thread alone, until end_shortage(). Root needed. */
static void begin_shortage(unsigned int available_mib)
{
	char path[] = "/tmp/sluice-meminfo.XXXXXX";
	int descriptor = mkstemp(path);

	assert_true(descriptor >= 0);
	assert_true(dprintf(descriptor, "MemAvailable: %u kB\n", available_mib * 1024) > 0);
	close(descriptor);
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount(path, "/proc/meminfo", NULL, MS_BIND, NULL), 0);
	unlink(path);
}

static void end_shortage(void)
{
	assert_int_equal(umount("/proc/meminfo"), 0);
}

/* The kernel would kill the process, whose packets would stop. */
static void more_memory_than_there_is_is_refused(void **state)
{
	struct node *node = *state;
	struct config *config;
	struct error error;

	apply(node, small_config_web(1, 3, IPIP));
	begin_shortage(50);

	config = small_config_web(1, 3, IPIP);
	config->dataplane.pins += 20000000;
	assert_non_null(strstr(node_refusal(node, config, &error), "dataplane.pins: it takes"));
	assert_non_null(strstr(error.message, "50 MiB available"));

	config = small_config_web(1, 3, IPIP);
	config->pools[0].slots = 5000011;
	assert_non_null(strstr(node_refusal(node, config, &error), "pools: their slots: it takes"));

	apply(node, small_config_web(1, 4, IPIP)); /* what takes little still goes */
	end_shortage();
	assert_follows_plan(node);
}

static void more_services_than_there_are_counters_for_are_refused(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;
	struct error error;

	layout.services = 3;
	tight = create_tight(*state, &layout);
	assert_string_equal(
		node_refusal(tight, small_config_read(BOTH_FAMILIES, EVERY_MODE), &error),
		NO_ROOM("another service"));
	assert_follows_plan(tight);
	apply(tight, two_services("a", "b"));
	node_destroy(tight);
}

static void room_is_not_used_again_while_a_worker_may_hold_it(void **state)
{
	struct state_layout layout = node_layout;
	struct node *tight;
	struct error error;

	layout.backends = 4;
	tight = create_tight(*state, &layout);
	publish_reader_enter(tight->publish, 0);
	publish_reader_quiescent(tight->publish, 0);
	apply(tight, small_config_web(4, 4, IPIP)); /* three go, but may be held */
	let_go(tight);
	assert_string_equal(node_refusal(tight, small_config_web(4, 5, IPIP), &error),
		NO_ROOM("another backend"));
	publish_reader_quiescent(tight->publish, 0);
	let_go(tight);
	apply(tight, small_config_web(4, 5, IPIP));
	publish_reader_leave(tight->publish, 0);
	node_destroy(tight);
}

/* Backends `first` to `last`, more than fit a line. */
static struct config *read_many(unsigned int first, unsigned int last)
{
	json_t *document = small_config_document("[]", "[]");
	json_t *backends = json_array();
	struct error error = { "" };
	struct config *config;

	for (unsigned int i = first; i <= last; i++)
		json_array_append_new(
			backends, json_pack("{s:o, s:o}", "name", json_sprintf("b%u", i), "address",
					  json_sprintf("12.0.%u.%u", i >> 8, i & 0xff)));
	json_array_append_new(json_object_get(document, "pools"),
		json_pack("{s:s, s:i, s:o}", "name", "web", "slots", 16411, "backends", backends));
	config = config_read(document, NULL, &error);
	json_decref(document);
	if (config == NULL)
		fail_msg("%s", error.message);
	return config;
}

static void a_full_pool_takes_another_backend_after_one_has_gone_for_good(void **state)
{
	static const char all_taken[] =
		"pool \"web\": 16383 backends is all that a pool can know at a time, those that go "
		"included: remove some first";
	const unsigned int most = SLOT_BACKEND_MAX;
	struct state_layout layout = node_layout;
	struct node *node = *state, *full;
	struct error error;

	layout.backends = 2 * most;
	layout.records = RECORD_MODE_COUNT * (1 + 2 * most);
	layout.slot_words = 16416;
	full = node_create(node->host, &layout, READERS);
	publish_reader_enter(full->publish, 0);
	apply(full, read_many(1, most));
	assert_string_equal(node_refusal(full, read_many(2, most + 1), &error), all_taken);
	apply(full, read_many(2, most));
	let_go(full);
	assert_string_equal(node_refusal(full, read_many(2, most + 1), &error), all_taken);
	publish_reader_quiescent(full->publish, 0);
	let_go(full);
	apply(full, read_many(2, most + 1));
	publish_reader_leave(full->publish, 0);
	node_destroy(full);
}

static void the_state_file_has_room_for_growth(void **state)
{
	struct config *config = small_config_read(BOTH_FAMILIES, EVERY_MODE);
	struct state_layout layout;

	forwarding_layout(config, 2, &layout);
	assert_int_equal(layout.workers, 2);
	assert_int_equal(layout.ports, NODE_PORTS);
	assert_int_equal(layout.services, 1024);
	assert_int_equal(layout.backends, 4096);
	assert_int_equal(layout.records, RECORD_MODE_COUNT * (2 * 4096 + 1));
	assert_int_equal(layout.slot_words, 32 * 65552);
	config->service_count = 3000;
	config->pools[0].backend_count = 10000;
	config->pools[1].slots = 5000011;
	forwarding_layout(config, 1, &layout);
	assert_int_equal(layout.services, 6000);
	assert_int_equal(layout.backends, 2 * 10002);
	assert_int_equal(layout.records, RECORD_MODE_COUNT * (2 * 2 * 10002 + 1));
	assert_int_equal(layout.slot_words, 2 * (256 + 5000016));
	config->service_count = CONFIG_SERVICES_MAX;
	config->pools[0].backend_count = CONFIG_BACKENDS_MAX;
	config->pools[1].backend_count = CONFIG_MEMBERSHIPS_MAX - CONFIG_BACKENDS_MAX;
	forwarding_layout(config, 1, &layout);
	assert_int_equal(layout.services, 2 * CONFIG_SERVICES_MAX);
	assert_int_equal(layout.backends, CONFIG_MEMBERSHIPS_MAX);
	assert_int_equal(layout.pools, 256);
	config->pools[0].backend_count = 3;
	config->pools[1].backend_count = 2;
	config->service_count = 4;
	config_destroy(config);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_node, close_node)
	const struct CMUnitTest tests[] = {
		TEST(aborted_changes_give_everything_back),
		TEST(an_aborted_change_is_not_seen),
		TEST(more_backends_than_there_are_counters_for_are_refused),
		TEST(more_records_than_there_are_cells_are_refused),
		TEST(more_slots_than_there_are_words_are_refused),
		TEST(more_memory_than_there_is_is_refused),
		TEST(more_services_than_there_are_counters_for_are_refused),
		TEST(room_is_not_used_again_while_a_worker_may_hold_it),
		TEST(a_full_pool_takes_another_backend_after_one_has_gone_for_good),
		TEST(the_state_file_has_room_for_growth),
	};
#undef TEST

	return cmocka_run_group_tests_name(
		"forwarding_room", tests, node_host_start, node_host_stop);
}
