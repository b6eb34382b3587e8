/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Needs root: files of other owners and a small file system are made here. Without it, the tests
 * that need it fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "packet/flow.h"
#include "affinity/pins.h"
#include "encap/record.h"
#include "affinity/slots.h"
#include "state_fixture.h"

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	return status.st_mode & 07777;
}

static void file_and_directory_are_for_owner_and_group(void **state)
{
	static const mode_t masks[] = { 0, 022, 077 };
	const struct scratch *scratch = *state;

	for (size_t i = 0; i < COUNT_OF(masks); i++) {
		mode_t mask = umask(masks[i]);
		struct state *opened = start_state(scratch, &small);

		umask(mask);
		assert_int_equal(mode_of(scratch->directory), 0750);
		assert_int_equal(mode_of(scratch->path), 0640);
		state_discard(opened);
		assert_false(exists(scratch->path));
		assert_int_equal(rmdir(scratch->directory), 0);
	}
}

/* A process of the group may open it for reading, and another may not. */
static bool may_read(const char *path, gid_t group)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (setgroups(1, &group) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
			_exit(2);
		_exit(open(path, O_RDWR) >= 0 ? 3 : open(path, O_RDONLY) >= 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

static void a_group_may_be_let_read_it(void **state)
{
	const gid_t readers = 12346;
	const struct scratch *scratch = *state;
	struct state *opened = open_state(scratch, &small);

	assert_int_equal(state_set_group(opened, readers), 0);
	commit(opened);
	assert_int_equal(chmod(scratch->root, 0755), 0);
	assert_int_equal(mode_of(scratch->directory), 0750);
	assert_int_equal(mode_of(scratch->path), 0640);
	assert_true(may_read(scratch->path, readers));
	assert_false(may_read(scratch->path, readers + 1));
	state_close(opened);
	/* the next process has it from the configuration again */
	opened = start_state(scratch, &small);
	assert_int_equal(state_start(opened), STATE_WARM);
	assert_false(may_read(scratch->path, readers));
	state_close(opened);
}

static void all_space_is_allocated_at_the_start(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	struct stat status;

	layout.slot_words = 1 << 20;
	layout.workers = 4;
	state_close(start_state(scratch, &layout));
	assert_int_equal(stat(scratch->path, &status), 0);
	assert_int_equal(status.st_size, state_memory(&layout));
	assert_true(status.st_blocks * 512 >= status.st_size);
	/* header, 4 MB of words, records, a page for each worker, pins, four kinds of rows */
	assert_int_equal(status.st_size, 4096 + (4 << 20) + 4096 + 4 * 4096 + 4096 + 4 * 4096);
}

static void a_file_that_others_may_write_is_refused(void **state)
{
	static const mode_t wrong[] = { 0660, 0642, 0666, 0644, 0641, 0650, 0740, 04640 };
	static const mode_t right[] = { 0600, 0640 };
	const struct scratch *scratch = *state;

	state_close(start_state(scratch, &small));
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct state_refusal refusal;

		assert_int_equal(chmod(scratch->path, wrong[i]), 0);
		refusal = refused(scratch->path, &small);
		assert_int_equal(refusal.reason, STATE_REFUSED_MODE);
		assert_int_equal(refusal.mode, wrong[i]);
	}
	for (size_t i = 0; i < COUNT_OF(right); i++) {
		assert_int_equal(chmod(scratch->path, right[i]), 0);
		state_close(start_state(scratch, &small));
	}
}

static void a_file_of_another_owner_is_refused(void **state)
{
	const struct scratch *scratch = *state;
	struct state_refusal refusal;

	state_close(start_state(scratch, &small));
	assert_int_equal(chown(scratch->path, 65534, 65534), 0); /* root needed */
	refusal = refused(scratch->path, &small);
	assert_int_equal(refusal.reason, STATE_REFUSED_OWNER);
	assert_int_equal(refusal.owner, 65534);
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	close(listener);
}

static void only_a_regular_file_will_do(void **state)
{
	const struct scratch *scratch = *state;
	struct state_reader *reader;
	char target[128];

	snprintf(target, sizeof(target), "%s/target", scratch->root);
	assert_int_equal(mkdir(scratch->directory, 0750), 0);

	assert_int_equal(symlink(target, scratch->path), 0);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_KIND);
	assert_false(exists(target));
	close(open(target, O_WRONLY | O_CREAT, 0640));
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_KIND);
	assert_int_equal(state_attach(scratch->path, &reader), -ELOOP);
	assert_int_equal(unlink(scratch->path), 0);

	assert_int_equal(link(target, scratch->path), 0);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_LINKS);
	assert_int_equal(unlink(scratch->path), 0);

	assert_int_equal(mkdir(scratch->path, 0750), 0);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_KIND);
	assert_int_equal(state_attach(scratch->path, &reader), -EINVAL);
	assert_int_equal(rmdir(scratch->path), 0);

	assert_int_equal(mkfifo(scratch->path, 0640), 0);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_KIND);
	assert_int_equal(state_attach(scratch->path, &reader), -EINVAL);
	assert_int_equal(unlink(scratch->path), 0);

	make_socket(scratch->path);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_KIND);
	assert_int_equal(unlink(scratch->path), 0);
}

static void a_directory_that_others_may_write_to_is_refused(void **state)
{
	const struct scratch *scratch = *state;
	struct state_refusal refusal;

	state_close(start_state(scratch, &small));
	assert_int_equal(chmod(scratch->directory, 0770), 0);
	refusal = refused(scratch->path, &small);
	assert_int_equal(refusal.reason, STATE_REFUSED_DIRECTORY_MODE);
	assert_int_equal(refusal.mode, 0770);
	assert_int_equal(chmod(scratch->directory, 0757), 0);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_DIRECTORY_MODE);
	assert_int_equal(chmod(scratch->directory, 01777), 0); /* as /tmp: nobody else can rename */
	state_close(start_state(scratch, &small));

	assert_int_equal(chmod(scratch->directory, 0750), 0);
	assert_int_equal(chown(scratch->directory, 65534, 65534), 0); /* root needed */
	refusal = refused(scratch->path, &small);
	assert_int_equal(refusal.reason, STATE_REFUSED_DIRECTORY_OWNER);
	assert_int_equal(refusal.owner, 65534);
}

static void a_path_that_leads_nowhere_is_refused(void **state)
{
	const struct scratch *scratch = *state;
	struct state_refusal refusal;
	char path[512];

	snprintf(path, sizeof(path), "%s/absent/too/state", scratch->root);
	refusal = refused(path, &small);
	assert_int_equal(refusal.reason, STATE_REFUSED_DIRECTORY);
	assert_int_equal(refusal.code, -ENOENT);

	snprintf(path, sizeof(path), "%s/", scratch->directory);
	assert_int_equal(refused(path, &small).reason, STATE_REFUSED_PATH);
	snprintf(path, sizeof(path), "%s/%0256d", scratch->directory, 0);
	assert_int_equal(refused(path, &small).reason, STATE_REFUSED_PATH);
	assert_int_equal(refused("", &small).reason, STATE_REFUSED_PATH);

	assert_int_equal(symlink(scratch->root, scratch->directory), 0);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_DIRECTORY);
	assert_int_equal(unlink(scratch->directory), 0);
	close(open(scratch->directory, O_WRONLY | O_CREAT, 0640));
	refusal = refused(scratch->path, &small);
	assert_int_equal(refusal.reason, STATE_REFUSED_DIRECTORY);
	assert_int_equal(refusal.code, -ENOTDIR);
}

static void an_impossible_layout_is_refused_and_leaves_no_file(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layouts[] = { small, small, small, small, small, small };

	layouts[0].workers = 0;
	layouts[1].workers = STATE_WORKERS_MAX + 1;
	layouts[2].records = RECORD_MODE_COUNT - 1;
	layouts[3].ports = COUNTERS_PORT_ROOM + 1;
	layouts[4].pin_buckets = 0;
	layouts[5].pin_buckets = PINS_BUCKETS_MAX + 1;
	for (size_t i = 0; i < COUNT_OF(layouts); i++) {
		assert_int_equal(state_memory(&layouts[i]), 0);
		assert_int_equal(refused(scratch->path, &layouts[i]).reason, STATE_REFUSED_LAYOUT);
	}
	assert_false(exists(scratch->path));
}

/* Of a process of its own: holds the file, committed or not, until its input ends. */
static void hold(const struct scratch *scratch, bool committed, int ready, int until)
{
	struct state_refusal refusal;
	struct state *opened;
	char byte;

	if (state_open(scratch->path, &small, STATE_FIXTURE_KEY, &opened, &refusal) != 0)
		_exit(1);
	if (committed && state_commit(opened, &refusal) != 0)
		_exit(2);
	if (write(ready, "", 1) != 1 || read(until, &byte, 1) != 0)
		_exit(3);
	state_close(opened);
	_exit(0);
}

/* A process that holds the file until it is killed or its input ends. */
static pid_t start_holder(const struct scratch *scratch, bool committed, int *input)
{
	int ready[2], until[2];
	char byte;
	pid_t holder;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(until), 0);
	holder = fork();
	assert_true(holder >= 0);
	if (holder == 0) {
		close(until[1]);
		hold(scratch, committed, ready[1], until[0]);
	}
	close(ready[1]);
	close(until[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*input = until[1];
	return holder;
}

static void stop_holder(pid_t holder, int input)
{
	int status;

	close(input);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void kill_holder(pid_t holder, int input)
{
	int status;

	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	close(input);
}

static void assert_held_by(const struct scratch *scratch, pid_t holder)
{
	struct state_refusal refusal = refused(scratch->path, &small);

	assert_int_equal(refusal.reason, STATE_REFUSED_HELD);
	assert_int_equal(refusal.code, -EBUSY);
	assert_int_equal(refusal.holder, holder);
}

/* In the first round there is no file yet, in the second one there is, of this process. */
static void a_second_start_names_the_process_that_holds_the_file(void **state)
{
	const struct scratch *scratch = *state;

	for (int round = 0; round < 2; round++) {
		int input;
		pid_t holder = start_holder(scratch, false, &input);

		assert_held_by(scratch, holder);
		stop_holder(holder, input);
		holder = start_holder(scratch, true, &input);
		assert_held_by(scratch, holder);
		stop_holder(holder, input);
		state_close(start_state(scratch, &small));
	}
}

static bool lock_as_reader(const struct scratch *scratch, int *reader)
{
	struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	*reader = open(scratch->path, O_RDONLY | O_CLOEXEC);
	assert_true(*reader >= 0);
	return fcntl(*reader, F_OFD_SETLK, &whole) == 0;
}

/* It stands in for a member of the group, who may open the file for reading. */
static void a_lock_of_a_reader_keeps_no_start_from_the_file(void **state)
{
	const struct scratch *scratch = *state;
	struct state *opened;
	char arbiter[256];
	int reader;

	state_close(start_state(scratch, &small));
	assert_true(lock_as_reader(scratch, &reader));
	opened = open_state(scratch, &small);
	assert_int_equal(state_start(opened), STATE_WARM);
	/* one at a time, also when the reader has let go */
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_HELD);
	close(reader);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_HELD);
	commit(opened);
	assert_int_equal(refused(scratch->path, &small).reason, STATE_REFUSED_HELD);
	state_close(opened);
	state_close(start_state(scratch, &small));
	snprintf(arbiter, sizeof(arbiter), "%s/.%s.lock", scratch->directory,
		strrchr(scratch->path, '/') + 1);
	assert_int_equal(unlink(arbiter), 0);
}

static void a_reader_cannot_lock_a_file_that_has_an_owner(void **state)
{
	const struct scratch *scratch = *state;
	struct state *opened = start_state(scratch, &small);
	int reader;

	assert_false(lock_as_reader(scratch, &reader));
	close(reader);
	state_close(opened);
}

static void a_holder_is_named_beside_what_a_killed_start_left(void **state)
{
	const struct scratch *scratch = *state;
	pid_t holder;
	int input;

	kill_a_start(scratch);
	assert_true(exists(scratch->next_path));
	holder = start_holder(scratch, false, &input);
	assert_held_by(scratch, holder);
	stop_holder(holder, input);
}

static void a_killed_holder_leaves_the_file_to_the_next(void **state)
{
	const struct scratch *scratch = *state;

	for (int committed = 0; committed < 2; committed++) {
		int input;
		pid_t holder = start_holder(scratch, committed, &input);

		kill_holder(holder, input);
		state_close(start_state(scratch, &small));
	}
}

static void a_refused_start_harms_neither_the_holder_nor_its_file(void **state)
{
	const struct scratch *scratch = *state;
	struct state *opened = open_state(scratch, &small);

	state_counters(opened, 0)->packets = 4711;
	assert_held_by(scratch, getpid());
	commit(opened);
	assert_held_by(scratch, getpid());
	assert_int_equal(state_counters(opened, 0)->packets, 4711);
	assert_held_by(scratch, getpid()); /* the first refusal did not unlock it */
	state_close(opened);
}

/* The file has the name only when it is complete; an empty one keeps the place of the first. */
static void a_reader_finds_no_file_that_is_not_committed(void **state)
{
	const struct scratch *scratch = *state;
	struct state *opened = open_state(scratch, &small);
	struct state_reader *reader;

	assert_int_equal(state_attach(scratch->path, &reader), -EAGAIN);
	assert_int_equal(state_attach(scratch->next_path, &reader), -EAGAIN);
	commit(opened);
	assert_int_equal(state_attach(scratch->path, &reader), 0);
	state_detach(reader);
	state_close(opened);
}

/* Of the one owner: commits or not, and lets go of the file or removes it. */
static void take_turn(
	const struct scratch *scratch, struct state *opened, int turn, _Atomic int *owners)
{
	struct state_refusal refusal;

	if (atomic_fetch_add(owners, 1) != 0 || !exists(scratch->path))
		_exit(1);
	if (turn % 4 < 2 && state_commit(opened, &refusal) != 0)
		_exit(2);
	if (atomic_fetch_sub(owners, 1) != 1 || !exists(scratch->path))
		_exit(1);
	if (turn % 2 == 0)
		state_discard(opened);
	else
		state_close(opened);
}

/* Opens again and again; exits with 1 as soon as it is not the only owner. */
static void contend(const struct scratch *scratch, _Atomic int *owners)
{
	for (int turns = 0; turns < 200;) {
		struct state_refusal refusal;
		struct state *opened;

		if (state_open(scratch->path, &small, STATE_FIXTURE_KEY, &opened, &refusal) == 0)
			take_turn(scratch, opened, turns++, owners);
		else if (refusal.reason != STATE_REFUSED_HELD)
			_exit(3);
	}
	_exit(0);
}

static void there_is_one_owner_at_a_time_though_the_file_comes_and_goes(void **state)
{
	const struct scratch *scratch = *state;
	_Atomic int *owners = mmap(
		NULL, sizeof(*owners), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[3];

	assert_ptr_not_equal(owners, MAP_FAILED);
	for (size_t i = 0; i < COUNT_OF(children); i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			contend(scratch, owners);
	}
	for (size_t i = 0; i < COUNT_OF(children); i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	munmap((void *)owners, sizeof(*owners));
}

static void discarding_spares_a_file_that_took_the_name(void **state)
{
	const struct scratch *scratch = *state;
	struct state *first = start_state(scratch, &small), *second;

	assert_int_equal(unlink(scratch->path), 0); /* somebody's mistake */
	second = start_state(scratch, &small);
	state_discard(first);
	assert_true(exists(scratch->path));
	state_discard(second);
	assert_false(exists(scratch->path));
}

static void a_start_spares_the_prepared_file_of_another(void **state)
{
	const struct scratch *scratch = *state;
	struct state *first = open_state(scratch, &small), *second;
	struct state_refusal refusal;

	assert_int_equal(unlink(scratch->path), 0); /* somebody's mistake */
	second = open_state(scratch, &small);
	assert_int_equal(state_commit(first, &refusal), -ESTALE);
	assert_int_equal(refusal.reason, STATE_REFUSED_FILE);
	state_discard(first);
	assert_true(exists(scratch->next_path));
	commit(second);
	assert_true(exists(scratch->path));
	state_discard(second);
	assert_false(exists(scratch->path));
}

static void a_full_file_system_is_a_refusal_at_the_start(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	struct state_refusal refusal;

	/* Private mounts, gone with this process at the latest. Root needed. */
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mkdir(scratch->directory, 0750), 0);
	assert_int_equal(mount("none", scratch->directory, "tmpfs", 0, "size=256k,mode=0750"), 0);

	layout.slot_words = 1 << 17;
	refusal = refused(scratch->path, &layout);
	assert_int_equal(refusal.reason, STATE_REFUSED_SPACE);
	assert_int_equal(refusal.code, -ENOSPC);
	assert_int_equal(refusal.bytes, state_memory(&layout));
	assert_false(exists(scratch->path)); /* no half a file stays behind */
	assert_false(exists(scratch->next_path));

	state_close(start_state(scratch, &small));
	assert_int_equal(refused(scratch->path, &layout).reason, STATE_REFUSED_SPACE);
	assert_true(exists(scratch->path));
	assert_false(exists(scratch->next_path));

	/* of 64 pages the file before has 9, and 8 are not of words: one page too many, and not */
	layout.slot_words = (64 - 9 - 8 + 1) * 1024;
	assert_int_equal(refused(scratch->path, &layout).reason, STATE_REFUSED_SPACE);
	layout.slot_words -= 1024;
	state_close(start_state(scratch, &layout));
	assert_int_equal(umount(scratch->directory), 0);
}

/* As ramfs is: to write every block of a large file instead would take long, and race with those
 * who write there by then. */
static void a_file_system_that_cannot_allocate_gets_the_length_only(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	struct state *owner;
	struct stat status;

	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mkdir(scratch->directory, 0750), 0);
	assert_int_equal(mount("none", scratch->directory, "ramfs", 0, "mode=0750"), 0);

	layout.slot_words = 4 << 20;
	owner = start_state(scratch, &layout);
	assert_int_equal(state_allocate_rest(owner), 0);
	assert_int_equal(stat(scratch->path, &status), 0);
	assert_true((uint64_t)status.st_size >= layout.slot_words * sizeof(uint32_t));
	assert_true(status.st_blocks * 512 < status.st_size / 2);
	state_close(owner);
	assert_int_equal(umount(scratch->directory), 0);
}

/* As sluiced does, which ignores SIGXFSZ. */
static void a_limit_of_file_sizes_is_a_refusal_with_its_own_reason(void **state)
{
	const rlim_t limits[] = { 1000, state_memory(&small) / 2 };
	const struct scratch *scratch = *state;
	struct rlimit before, limit;
	struct state_refusal refusal;
	struct state_pin_table more;
	struct state *opened;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		limit = (struct rlimit){ limits[i], before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		refusal = refused(scratch->path, &small);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_int_equal(refusal.reason, STATE_REFUSED_SPACE);
		assert_int_equal(refusal.code, -EFBIG);
	}

	opened = start_state(scratch, &small);
	limit = (struct rlimit){ state_memory(&small) + 4096, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(state_pins_append(state_pin_tables(opened), 1 << 16, &more), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(state_pins_append(state_pin_tables(opened), 1 << 16, &more), 0);
	state_close(opened);
	signal(SIGXFSZ, SIG_DFL);
}

/* A region begins on a page, not before `from`; where it ends. */
static uintptr_t assert_region(const void *region, uintptr_t from, size_t length)
{
	assert_int_equal((uintptr_t)region % 4096, 0);
	assert_true((uintptr_t)region >= from);
	return (uintptr_t)region + length;
}

static void regions_are_apart_and_aligned(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = {
		.workers = 3,
		.services = 100,
		.backends = 300,
		.slot_words = 1000,
		.records = 33,
		.pools = 7,
		.pin_buckets = 100,
	};
	struct state *opened = start_state(scratch, &layout);
	uintptr_t slots = (uintptr_t)state_slots(opened, 0);
	uintptr_t records = (uintptr_t)state_record(opened, 0);
	uintptr_t end = records + 33 * 128;

	assert_memory_equal(state_layout(opened), &layout, sizeof(layout));
	assert_int_equal(slots % 4096, 0);
	assert_int_equal(records % 4096, 0);
	assert_true(slots + 1000 * 4 <= records);
	for (uint32_t i = 0; i < layout.workers; i++) {
		uintptr_t block = (uintptr_t)state_counters(opened, i);

		assert_int_equal(block % 4096, 0);
		assert_true(block >= end);
		end = block + counters_size(layout.services, layout.backends);
	}
	end = assert_region(state_pins(opened), end, pins_memory(100));
	end = assert_region(state_pool_row(opened, 0), end, 7 * sizeof(struct identity_pool));
	end = assert_region(
		state_backend_row(opened, 0), end, 300 * sizeof(struct identity_backend));
	end = assert_region(
		state_service_row(opened, 0), end, 100 * sizeof(struct identity_service));
	end = assert_region(state_health_row(opened, 0), end, 300 * sizeof(struct state_health));
	assert_true(end <= slots - 4096 + state_memory(&layout));
	state_close(opened);
}

static void tables_never_overlap_and_begin_on_a_cache_line(void **state)
{
	const struct scratch *scratch = *state;
	struct state_layout layout = small;
	struct state *opened;
	uint32_t firsts[4], again;

	layout.slot_words = 3 * state_slots_room(251) + state_slots_room(1);
	opened = start_state(scratch, &layout);
	for (uint32_t i = 0; i < 3; i++) {
		_Atomic uint32_t *words;

		assert_int_equal(state_slots_allocate(opened, 251, &firsts[i]), 0);
		assert_int_equal(firsts[i], i * 256);
		words = state_slots(opened, firsts[i]);
		assert_int_equal((uintptr_t)words % 64, 0);
		for (uint32_t j = 0; j < 251; j++)
			slot_store(&words[j], slot_pack(i, i));
	}
	for (uint32_t i = 0; i < 3; i++)
		for (uint32_t j = 0; j < 251; j++)
			assert_int_equal(
				slot_cur(slot_load(state_slots(opened, firsts[i] + j))), i);
	assert_int_equal(state_slots_allocate(opened, 251, &again), -ENOSPC);
	assert_int_equal(state_slots_allocate(opened, 16, &firsts[3]), 0);
	assert_int_equal(state_slots_allocate(opened, 1, &again), -ENOSPC);
	state_slots_free(opened, firsts[1], 251);
	assert_int_equal(state_slots_allocate(opened, 257, &again), -ENOSPC);
	assert_int_equal(state_slots_allocate(opened, 251, &again), 0);
	assert_int_equal(again, firsts[1]);
	state_close(opened);
}

static void words_that_are_written_at_once_are_those_of_the_mapping(void **state)
{
	const struct scratch *scratch = *state;
	uint32_t written[251], read[251], first;
	struct state *opened = open_state(scratch, &small);
	struct state_reader *reader;

	assert_int_equal(
		state_slots_allocate(opened, 16, &first), 0); /* so that no table is at 0 */
	assert_int_equal(state_slots_allocate(opened, 251, &first), 0);
	for (uint32_t i = 0; i < 251; i++)
		written[i] = slot_pack(i, 251 - i);
	state_slots_write(opened, first, written, 250);
	slot_store(state_slots(opened, first + 250), written[250]);
	for (uint32_t i = 0; i < 251; i++)
		assert_int_equal(slot_load(state_slots(opened, first + i)), written[i]);
	commit(opened);
	written[7] = slot_pack(3, 4);
	state_slots_write(opened, first + 7, &written[7], 1);
	assert_int_equal(state_attach(scratch->path, &reader), 0);
	state_reader_copy_slots(reader, first, 251, read);
	assert_memory_equal(read, written, sizeof(read));
	state_detach(reader);
	state_close(opened);
}

/* AddressSanitizer makes mlock() do nothing, so there is nothing to see in its build. */
#ifndef __SANITIZE_ADDRESS__
/* Of this process, in bytes. */
static uint64_t locked_bytes(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[256];

	assert_non_null(status);
	while (fgets(line, sizeof(line), status) != NULL && sscanf(line, "VmLck: %lu", &kib) != 1)
		continue;
	fclose(status);
	return kib * 1024;
}

/* Without the capability and with no limit left. */
static int lock_as_nobody(struct state *opened)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || setresuid(65534, 65534, 65534) != 0)
		return 0;
	return state_lock(opened);
}

static void a_file_is_locked_in_memory_where_that_is_allowed(void **state)
{
	const struct scratch *scratch = *state;
	struct state *opened = start_state(scratch, &small);
	uint64_t before = locked_bytes();
	int status;
	pid_t child = fork(); /* locks are not inherited */

	assert_true(child >= 0);
	if (child == 0)
		_exit(-lock_as_nobody(opened));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == EPERM || WEXITSTATUS(status) == ENOMEM);

	assert_int_equal(state_lock(opened), 0);
	assert_int_equal(locked_bytes() - before, state_memory(state_layout(opened)));
	state_close(opened);
	assert_int_equal(locked_bytes(), before);
}
#endif

static void cells_are_handed_out_once_zeroed_and_never_the_first(void **state)
{
	const struct scratch *scratch = *state;
	struct state *opened = start_state(scratch, &small);
	const uint32_t two = 2 * RECORD_MODE_COUNT;
	uint32_t seen = 0;

	for (uint32_t i = 1; i < small.records / RECORD_MODE_COUNT; i++) {
		uint32_t first = state_records_allocate(opened);

		assert_in_range(first, RECORD_MODE_COUNT, small.records - RECORD_MODE_COUNT);
		assert_int_equal(first % RECORD_MODE_COUNT, 0);
		assert_false(seen & 1u << first);
		seen |= 1u << first;
		memset(state_record(opened, first), 0xff, RECORD_MODE_COUNT * STATE_RECORD_SIZE);
	}
	assert_int_equal(state_records_allocate(opened), STATE_RECORD_NONE);
	state_records_free(opened, two);
	assert_int_equal(state_records_allocate(opened), two);
	for (size_t i = 0; i < RECORD_MODE_COUNT * STATE_RECORD_SIZE; i++)
		assert_int_equal(((uint8_t *)state_record(opened, two))[i], 0);
	assert_int_equal(((uint8_t *)state_record(opened, two - 1))[127], 0xff);
	assert_int_equal(((uint8_t *)state_record(opened, two + RECORD_MODE_COUNT))[0], 0xff);
	state_close(opened);
}

static void slot_words_hold_two_backends_and_leave_the_flags_alone(void **state)
{
	static const uint32_t backends[] = { 0, 1, 255, 8191, SLOT_BACKEND_MAX - 1,
		SLOT_NO_BACKEND };

	for (size_t i = 0; i < COUNT_OF(backends); i++)
		for (size_t j = 0; j < COUNT_OF(backends); j++) {
			uint32_t word = slot_pack(backends[i], backends[j]);
			uint32_t flagged = word | SLOT_TRACK | SLOT_OBSERVE | SLOT_GUARD;

			assert_int_equal(word >> 28, 0);
			assert_int_equal(slot_cur(flagged), backends[i]);
			assert_int_equal(slot_home(flagged), backends[j]);
		}
	assert_true(SLOT_NO_BACKEND >= SLOT_BACKEND_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(file_and_directory_are_for_owner_and_group),
		SCRATCH_TEST(a_group_may_be_let_read_it),
		SCRATCH_TEST(all_space_is_allocated_at_the_start),
		SCRATCH_TEST(a_file_that_others_may_write_is_refused),
		SCRATCH_TEST(a_file_of_another_owner_is_refused),
		SCRATCH_TEST(only_a_regular_file_will_do),
		SCRATCH_TEST(a_directory_that_others_may_write_to_is_refused),
		SCRATCH_TEST(a_path_that_leads_nowhere_is_refused),
		SCRATCH_TEST(an_impossible_layout_is_refused_and_leaves_no_file),
		SCRATCH_TEST(a_second_start_names_the_process_that_holds_the_file),
		SCRATCH_TEST(a_lock_of_a_reader_keeps_no_start_from_the_file),
		SCRATCH_TEST(a_reader_cannot_lock_a_file_that_has_an_owner),
		SCRATCH_TEST(a_killed_holder_leaves_the_file_to_the_next),
		SCRATCH_TEST(a_refused_start_harms_neither_the_holder_nor_its_file),
		SCRATCH_TEST(a_holder_is_named_beside_what_a_killed_start_left),
		SCRATCH_TEST(a_reader_finds_no_file_that_is_not_committed),
		SCRATCH_TEST(there_is_one_owner_at_a_time_though_the_file_comes_and_goes),
		SCRATCH_TEST(discarding_spares_a_file_that_took_the_name),
		SCRATCH_TEST(a_start_spares_the_prepared_file_of_another),
		SCRATCH_TEST(a_full_file_system_is_a_refusal_at_the_start),
		SCRATCH_TEST(a_file_system_that_cannot_allocate_gets_the_length_only),
		SCRATCH_TEST(a_limit_of_file_sizes_is_a_refusal_with_its_own_reason),
		SCRATCH_TEST(regions_are_apart_and_aligned),
		SCRATCH_TEST(tables_never_overlap_and_begin_on_a_cache_line),
		SCRATCH_TEST(words_that_are_written_at_once_are_those_of_the_mapping),
#ifndef __SANITIZE_ADDRESS__
		SCRATCH_TEST(a_file_is_locked_in_memory_where_that_is_allowed),
#endif
		SCRATCH_TEST(cells_are_handed_out_once_zeroed_and_never_the_first),
		cmocka_unit_test(slot_words_hold_two_backends_and_leave_the_flags_alone),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
