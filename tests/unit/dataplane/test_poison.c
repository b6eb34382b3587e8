/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Always compiled with AddressSanitizer, whatever the rest of the build is. Each deliberate read
 * beyond a packet happens in a child, which must die of it with the report on its stderr.
 */
#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include <sanitizer/asan_interface.h>

#include "poison.h"

#define ROOM    256 /* bytes of one buffer */
#define OFFSET  128 /* of the packet in it, as DPDK has it */
#define BUFFERS 2

/* As in a mempool: the buffers of several packets in one allocation. */
struct pool {
	struct rte_mbuf mbufs[BUFFERS];
	uint8_t *memory;
};

static void create(struct pool *pool, uint16_t offset, uint16_t length)
{
	memset(pool, 0, sizeof(*pool));
	pool->memory = calloc(BUFFERS, ROOM);
	assert_non_null(pool->memory);
	for (unsigned int i = 0; i < BUFFERS; i++) {
		struct rte_mbuf *mbuf = &pool->mbufs[i];

		mbuf->buf_addr = pool->memory + (size_t)i * ROOM;
		mbuf->buf_len = ROOM;
		mbuf->data_off = offset;
		mbuf->data_len = length;
		mbuf->nb_segs = 1;
	}
}

static void destroy(struct pool *pool)
{
	for (unsigned int i = 0; i < BUFFERS; i++)
		poison_clear(&pool->mbufs[i]);
	free(pool->memory);
}

static const uint8_t *data(const struct pool *pool, unsigned int packet)
{
	return rte_pktmbuf_mtod(&pool->mbufs[packet], const uint8_t *);
}

/* What a child writes to its stderr while it reads one byte, and its exit status. */
static int read_byte_in_child(const uint8_t *byte, char *report, size_t size)
{
	size_t used = 0;
	ssize_t count;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		*(volatile const uint8_t *)byte;
		_exit(0);
	}
	close(ends[1]);
	while (used < size - 1 && (count = read(ends[0], report + used, size - 1 - used)) > 0)
		used += (size_t)count;
	report[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void assert_read_is_seen(const uint8_t *byte)
{
	char report[16384];
	int status = read_byte_in_child(byte, report, sizeof(report));

	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_non_null(strstr(report, "AddressSanitizer: use-after-poison"));
	assert_non_null(strstr(report, "READ of size 1"));
}

static void assert_read_is_allowed(const uint8_t *byte)
{
	char report[16384];
	int status = read_byte_in_child(byte, report, sizeof(report));

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_string_equal(report, "");
}

static void one_byte_behind_a_packet_is_seen(void **state)
{
	struct pool pool;

	create(&pool, OFFSET, 61);
	poison_set(&pool.mbufs[0]);
	assert_read_is_seen(data(&pool, 0) + 61);
	destroy(&pool);
}

static void one_byte_before_a_packet_is_seen(void **state)
{
	struct pool pool;

	create(&pool, OFFSET, 61);
	poison_set(&pool.mbufs[1]);
	assert_read_is_seen(data(&pool, 1) - 1);
	destroy(&pool);
}

/* The step that a mempool hides: the byte belongs to another packet. */
static void a_read_into_the_next_buffer_is_seen(void **state)
{
	struct pool pool;

	create(&pool, OFFSET, ROOM - OFFSET);
	poison_set(&pool.mbufs[0]);
	poison_set(&pool.mbufs[1]);
	assert_read_is_seen(data(&pool, 0) + (ROOM - OFFSET));
	destroy(&pool);
}

static void the_packet_itself_may_be_read(void **state)
{
	struct pool pool;

	create(&pool, OFFSET, 61);
	poison_set(&pool.mbufs[0]);
	poison_set(&pool.mbufs[1]);
	assert_read_is_allowed(data(&pool, 0));
	assert_read_is_allowed(data(&pool, 0) + 60);
	assert_read_is_allowed(data(&pool, 1));
	destroy(&pool);
}

static void cleared_poison_leaves_no_trace(void **state)
{
	struct pool pool;

	create(&pool, OFFSET, 61);
	for (unsigned int i = 0; i < BUFFERS; i++)
		poison_set(&pool.mbufs[i]);
	for (unsigned int i = 0; i < BUFFERS; i++)
		poison_clear(&pool.mbufs[i]);
	assert_null(__asan_region_is_poisoned(pool.memory, BUFFERS * ROOM));
	destroy(&pool);
}

/* Poison comes in units of 8 bytes, of which the first few may be left readable. */
static void every_length_at_every_offset_is_poisoned_to_the_byte(void **state)
{
	for (uint16_t offset = OFFSET; offset < OFFSET + 8; offset++)
		for (uint16_t length = 0; length < 80; length++) {
			struct pool pool;
			uint8_t *packet;

			create(&pool, offset, length);
			packet = (uint8_t *)pool.memory + offset;
			poison_set(&pool.mbufs[0]);
			assert_null(length == 0 ? NULL : __asan_region_is_poisoned(packet, length));
			for (uint8_t *byte = packet + length; byte < pool.memory + ROOM; byte++)
				assert_true(__asan_address_is_poisoned(byte));
			for (uint8_t *byte = pool.memory; byte < packet - offset % 8; byte++)
				assert_true(__asan_address_is_poisoned(byte));
			assert_false(__asan_address_is_poisoned(pool.memory + ROOM));
			destroy(&pool);
		}
}

static void every_segment_is_poisoned(void **state)
{
	struct pool pool;

	create(&pool, OFFSET, 40);
	pool.mbufs[0].next = &pool.mbufs[1];
	poison_set(&pool.mbufs[0]);
	assert_true(__asan_address_is_poisoned(data(&pool, 0) + 40));
	assert_true(__asan_address_is_poisoned(data(&pool, 1) + 40));
	poison_clear(&pool.mbufs[0]);
	assert_null(__asan_region_is_poisoned(pool.memory, BUFFERS * ROOM));
	destroy(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_byte_behind_a_packet_is_seen),
		cmocka_unit_test(one_byte_before_a_packet_is_seen),
		cmocka_unit_test(a_read_into_the_next_buffer_is_seen),
		cmocka_unit_test(the_packet_itself_may_be_read),
		cmocka_unit_test(cleared_poison_leaves_no_trace),
		cmocka_unit_test(every_length_at_every_offset_is_poisoned_to_the_byte),
		cmocka_unit_test(every_segment_is_poisoned),
	};

	return cmocka_run_group_tests_name("poison", tests, NULL, NULL);
}
