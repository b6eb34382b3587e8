/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What another process learns from a state file: owners are processes of their own here, and the
 * test has never mapped what they write to.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state_fixture.h"
#include "state/state_names.h"

#define BACKEND 3 /* gid of the one there is */

static struct state_layout two_workers(void)
{
	struct state_layout layout = small;

	layout.workers = 2;
	return layout;
}

static void write_service(struct state *state, const char *name)
{
	struct identity_service *row = state_service_row(state, 1);

	state_rows_begin(state);
	snprintf(row->name, sizeof(row->name), "%s", name);
	row->baseline = (struct counter){ .packets = 10, .bytes = 1000 };
	identity_set_used(&row->used);
	state_rows_end(state);
}

static void write_pool(struct state *state)
{
	struct identity_pool *row = state_pool_row(state, 1);

	state_rows_begin(state);
	row->slots = 251;
	snprintf(row->name, sizeof(row->name), "web");
	identity_set_used(&row->used);
	state_rows_end(state);
}

static void write_backend(struct state *state)
{
	struct identity_backend *row = state_backend_row(state, BACKEND);

	state_rows_begin(state);
	row->pool = 1;
	snprintf(row->name, sizeof(row->name), "web-3");
	row->baseline.new_flows = 2;
	identity_set_used(&row->used);
	state_rows_end(state);
}

/* Two workers count 1 and 2 times as much. */
static void fill(struct state *state)
{
	state_name_port(state, 0, "eth0");
	state_name_lcore(state, 0, 0);
	state_name_lcore(state, 1, 6);
	write_service(state, "web:443");
	write_pool(state);
	write_backend(state);
	for (uint32_t i = 0; i < 2; i++) {
		struct worker_counters *block = state_counters(state, i);
		struct counter *backend =
			&block->counters[counters_backend_cell(small.services, BACKEND)];

		block->packets = 100 * (i + 1);
		block->verdicts[VERDICT_FORWARDED] = 20 * (i + 1);
		block->ports[0].tx_bytes = 7 * (i + 1);
		block->counters[counters_service_cell(1)].packets = 30 * (i + 1);
		block->counters[counters_service_cell(1)].bytes = 3000 * (i + 1);
		backend->packets = 5 * (i + 1);
		backend->new_flows = 4 * (i + 1);
	}
}

/* Ends in the middle of a row: the name is written and the rest is not. */
static void fill_torn(struct state *state)
{
	fill(state);
	state_rows_begin(state);
	strcpy(state_service_row(state, 1)->name, "web:444");
}

/* For as long as it lives. */
static void fill_again_and_again(struct state *state, int tell)
{
	static const char *const names[] = {
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
	};

	fill(state);
	assert_int_equal(write(tell, "r", 1), 1);
	/* rests after each of them in turn, or a reader beside other programs would see one only */
	for (unsigned int i = 0;; i++) {
		write_service(state, names[i % 2]);
		if (i % 3 == 2)
			usleep(1);
	}
}

static void fill_and_wait(struct state *state, int tell)
{
	fill(state);
	assert_int_equal(write(tell, "r", 1), 1);
	pause();
}

static void tear_and_wait(struct state *state, int tell)
{
	fill_torn(state);
	assert_int_equal(write(tell, "r", 1), 1);
	pause();
}

/* Starts a process that owns the file, and returns once that has been filled. */
static pid_t start_owner(const struct scratch *scratch, void (*run)(struct state *state, int tell))
{
	const struct state_layout layout = two_workers();
	int tell[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(tell), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(start_state(scratch, &layout), tell[1]);
		_exit(1);
	}
	close(tell[1]);
	assert_int_equal(read(tell[0], &byte, 1), 1);
	close(tell[0]);
	return child;
}

static void kill_owner(pid_t owner)
{
	assert_int_equal(kill(owner, SIGKILL), 0);
	assert_int_equal(waitpid(owner, NULL, 0), owner);
}

static struct state_reader *attach(const struct scratch *scratch)
{
	struct state_reader *reader = NULL;

	assert_int_equal(state_attach(scratch->path, &reader), 0);
	return reader;
}

static void assert_verdicts(const struct state_reader *reader)
{
	struct named_verdict verdict;

	assert_int_equal(state_names_verdict(reader, VERDICT_NEXT, &verdict), -ENOENT);
	for (uint32_t i = 1; i < VERDICT_COUNT; i++) {
		assert_int_equal(state_names_verdict(reader, i, &verdict), 0);
		assert_string_equal(verdict.name, verdict_name(i));
		assert_int_equal(verdict.packets, i == VERDICT_FORWARDED ? 60 : 0);
	}
	assert_int_equal(state_names_verdict(reader, VERDICT_COUNT, &verdict), -ERANGE);
}

static void assert_ports_and_lcores(const struct state_reader *reader)
{
	struct named_port port;
	struct named_lcore lcore;

	assert_int_equal(state_names_port(reader, 0, &port), 0);
	assert_string_equal(port.name, "eth0");
	assert_int_equal(port.counter.tx_bytes, 21);
	assert_int_equal(state_names_port(reader, 1, &port), -ENOENT);
	assert_int_equal(state_names_port(reader, 2, &port), -ERANGE);
	assert_int_equal(state_names_lcore(reader, 0, &lcore), 0);
	assert_int_equal(lcore.lcore, 0);
	assert_int_equal(state_names_lcore(reader, 1, &lcore), 0);
	assert_int_equal(lcore.lcore, 6);
	assert_int_equal(lcore.packets, 200);
	assert_int_equal(state_names_lcore(reader, 2, &lcore), -ERANGE);
}

static void assert_pool(const struct state_reader *reader)
{
	struct named_pool pool;

	assert_int_equal(state_names_pool(reader, 0, &pool), -ENOENT);
	assert_int_equal(state_names_pool(reader, 1, &pool), 0);
	assert_string_equal(pool.name, "web");
	assert_int_equal(pool.slots, 251);
	assert_int_equal(pool.counter.packets, 15);
	assert_int_equal(state_names_pool(reader, 2, &pool), -ERANGE);
}

static void assert_backend(const struct state_reader *reader)
{
	struct named_counter backend;

	assert_int_equal(state_names_backend(reader, BACKEND - 1, &backend), -ENOENT);
	assert_int_equal(state_names_backend(reader, BACKEND, &backend), 0);
	assert_string_equal(backend.name, "web-3");
	assert_string_equal(backend.pool, "web");
	assert_int_equal(backend.counter.packets, 15);
	assert_int_equal(backend.counter.new_flows, 10);
	assert_int_equal(state_names_backend(reader, small.backends, &backend), -ERANGE);
}

static void assert_service(const struct state_reader *reader, const char *name)
{
	struct named_counter service;

	assert_int_equal(state_names_service(reader, 0, &service), -ENOENT);
	assert_int_equal(state_names_service(reader, 1, &service), 0);
	assert_string_equal(service.name, name);
	assert_int_equal(service.counter.packets, 80);
	assert_int_equal(service.counter.bytes, 8000);
	assert_int_equal(state_names_service(reader, small.services, &service), -ERANGE);
}

static void assert_everything(const struct state_reader *reader)
{
	assert_verdicts(reader);
	assert_ports_and_lcores(reader);
	assert_pool(reader);
	assert_backend(reader);
	assert_service(reader, "web:443");
}

static void counters_are_read_by_name_from_a_running_and_from_a_dead_owner(void **state)
{
	const struct scratch *scratch = *state;
	pid_t owner = start_owner(scratch, fill_and_wait);
	struct state_reader *reader = attach(scratch), *late;

	assert_true(state_reader_has_owner(reader));
	assert_everything(reader);
	kill_owner(owner);
	late = attach(scratch);
	assert_false(state_reader_has_owner(reader));
	assert_everything(reader);
	assert_everything(late);
	state_detach(late);
	state_detach(reader);
}

/* A reader's own lock is none of an owner. */
static void a_torn_row_is_waited_for_while_its_owner_lives(void **state)
{
	const struct scratch *scratch = *state;
	pid_t owner = start_owner(scratch, tear_and_wait);
	struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	struct state_reader *reader = attach(scratch);
	struct named_counter service;
	struct named_pool pool;
	int file = open(scratch->path, O_RDONLY);

	assert_int_equal(state_names_service(reader, 1, &service), -EAGAIN);
	assert_int_equal(state_names_backend(reader, BACKEND, &service), -EAGAIN);
	assert_int_equal(state_names_pool(reader, 1, &pool), -EAGAIN);
	assert_verdicts(reader);
	kill_owner(owner);
	assert_int_equal(fcntl(file, F_OFD_SETLK, &whole), 0);
	assert_service(reader, "web:444");
	assert_backend(reader);
	assert_pool(reader);
	assert_ports_and_lcores(reader);
	close(file);
	state_detach(reader);
}

static void no_name_is_half_of_another(void **state)
{
	const struct scratch *scratch = *state;
	pid_t owner = start_owner(scratch, fill_again_and_again);
	struct state_reader *reader = attach(scratch);
	unsigned int seen[2] = { 0 };

	for (unsigned int i = 0; i < 1000 || seen[0] == 0 || seen[1] == 0; i++) {
		struct named_counter service;
		int result = state_names_service(reader, 1, &service);
		char first;

		if (result == -EAGAIN)
			continue;
		assert_int_equal(result, 0);
		first = service.name[0];
		if (first == 'w')
			continue;
		assert_in_range(first, 'a', 'b');
		assert_int_equal(strspn(service.name, first == 'a' ? "a" : "b"), 48);
		seen[first - 'a']++;
	}
	kill_owner(owner);
	state_detach(reader);
}

static void a_reader_of_a_replaced_file_is_told(void **state)
{
	const struct scratch *scratch = *state;
	struct state_reader *reader;
	struct named_verdict verdict;
	struct named_counter service;
	struct named_port port;

	kill_owner(start_owner(scratch, fill_and_wait));
	reader = attach(scratch);
	kill_owner(start_owner(scratch, fill_and_wait));
	assert_int_equal(state_names_verdict(reader, 1, &verdict), -ESTALE);
	assert_int_equal(state_names_service(reader, 1, &service), -ESTALE);
	assert_int_equal(state_names_port(reader, 0, &port), -ESTALE);
	state_detach(reader);
}

/* Overwrites bytes of the file that its owner has left. */
static void damage(const struct scratch *scratch, uint64_t offset, const void *bytes, size_t length)
{
	int file = open(scratch->path, O_WRONLY);

	assert_true(file >= 0);
	assert_int_equal(pwrite(file, bytes, length, offset), length);
	close(file);
}

/* Names without end, and a pool that there is none of. */
static void damaged_names_are_errors_and_leave_the_others(void **state)
{
	const struct scratch *scratch = *state;
	const uint32_t beyond = UINT32_MAX;
	char endless[IDENTITY_NAME_SIZE];
	struct state_reader *reader;
	const struct state_header *header;
	struct named_counter answer;
	struct named_pool pool;
	struct named_port port;

	kill_owner(start_owner(scratch, fill_and_wait));
	reader = attach(scratch);
	header = state_reader_header(reader);
	memset(endless, 'x', sizeof(endless));
	damage(scratch, offsetof(struct state_header, port_names), endless, sizeof(endless));
	damage(scratch,
		header->regions[STATE_SERVICE_ROWS].offset + sizeof(struct identity_service) +
			offsetof(struct identity_service, name),
		endless, sizeof(endless));
	damage(scratch,
		header->regions[STATE_POOL_ROWS].offset + sizeof(struct identity_pool) +
			offsetof(struct identity_pool, name),
		"a b", 4);
	assert_int_equal(state_names_port(reader, 0, &port), -EBADMSG);
	assert_int_equal(state_names_service(reader, 1, &answer), -EBADMSG);
	assert_int_equal(state_names_pool(reader, 1, &pool), -EBADMSG);
	assert_int_equal(state_names_backend(reader, BACKEND, &answer), 0);
	assert_string_equal(answer.name, "web-3");
	assert_string_equal(answer.pool, "");
	damage(scratch,
		header->regions[STATE_BACKEND_ROWS].offset +
			BACKEND * sizeof(struct identity_backend) +
			offsetof(struct identity_backend, pool),
		&beyond, sizeof(beyond));
	assert_int_equal(state_names_backend(reader, BACKEND, &answer), -EBADMSG);
	assert_verdicts(reader);
	state_detach(reader);
}

static void a_file_with_another_verdict_name_is_damaged(void **state)
{
	const struct scratch *scratch = *state;
	struct state_reader *reader;

	kill_owner(start_owner(scratch, fill_and_wait));
	damage(scratch, offsetof(struct state_header, verdict_names[VERDICT_MTU_EXCEEDED]), "T", 1);
	assert_int_equal(state_attach(scratch->path, &reader), -EINVAL);
}

/* Whatever the bytes of names and rows are, each answer is a number or an error of the list. */
static void random_bytes_crash_no_reader(void **state)
{
	const struct scratch *scratch = *state;
	const uint64_t names = offsetof(struct state_header, rows_sequence);
	struct state_reader *reader;
	uint8_t noise[4096];
	unsigned int answers = 0;

	kill_owner(start_owner(scratch, fill_and_wait));
	reader = attach(scratch);
	srandom(1);
	for (unsigned int round = 0; round < 50; round++) {
		const struct state_header *header = state_reader_header(reader);

		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = random();
		damage(scratch, names, noise, sizeof(struct state_header) - names);
		for (int region = STATE_POOL_ROWS; region < STATE_REGION_COUNT; region++)
			damage(scratch, header->regions[region].offset, noise,
				header->regions[region].length);
		for (uint32_t i = 0; i < 200; i++) {
			union {
				struct named_port port;
				struct named_lcore lcore;
				struct named_pool pool;
				struct named_counter counter;
			} any;
			int results[] = {
				state_names_port(reader, i, &any.port),
				state_names_lcore(reader, i, &any.lcore),
				state_names_pool(reader, i, &any.pool),
				state_names_service(reader, i, &any.counter),
				state_names_backend(reader, i, &any.counter),
			};

			for (size_t k = 0; k < sizeof(results) / sizeof(*results); k++) {
				assert_true(results[k] == 0 || results[k] == -ENOENT ||
					    results[k] == -ERANGE || results[k] == -EBADMSG);
				answers += results[k] == -EBADMSG;
			}
		}
	}
	assert_true(answers > 0);
	state_detach(reader);
}

static void every_error_has_a_sentence(void **state)
{
	static const int errors[] = { -EINVAL, -EBADMSG, -EPROTONOSUPPORT, -EAGAIN, -ESTALE,
		-ENOENT, -ERANGE, -EACCES };

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(state_names_error_text(errors[i]),
				state_names_error_text(errors[k]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(counters_are_read_by_name_from_a_running_and_from_a_dead_owner),
		SCRATCH_TEST(a_torn_row_is_waited_for_while_its_owner_lives),
		SCRATCH_TEST(no_name_is_half_of_another),
		SCRATCH_TEST(a_reader_of_a_replaced_file_is_told),
		SCRATCH_TEST(damaged_names_are_errors_and_leave_the_others),
		SCRATCH_TEST(a_file_with_another_verdict_name_is_damaged),
		SCRATCH_TEST(random_bytes_crash_no_reader),
		cmocka_unit_test(every_error_has_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
