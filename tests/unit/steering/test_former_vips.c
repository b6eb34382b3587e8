/* SPDX-License-Identifier: BSD-3-Clause */
/* The list and its file, in a directory of its own. */
#include "unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "steering/former_vips.h"
#include "steering/vips_note.h"

#define NOW_S 1764460800

static char directory[] = "/tmp/test-former-vips-XXXXXX";
static char path[sizeof(directory) + 8];

static struct address address(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static void add(struct former_vips *former, const char *text, int64_t now_s)
{
	const struct address vip = address(text);

	assert_int_equal(former_vips_add(former, &vip, now_s), 0);
}

static void check(const struct former_vips *former, size_t index, const char *text, int64_t since_s)
{
	char written[ADDRESS_TEXT_SIZE];

	assert_true(index < former->count);
	assert_string_equal(address_format(&former->list[index].vip, written), text);
	assert_int_equal(former->list[index].since_s, since_s);
}

static void load(struct former_vips *former, int64_t now_s)
{
	struct error error = { "" };

	if (former_vips_load(former, path, now_s, &error) != 0)
		fail_msg("%s", error.message);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0640), 0);
}

static void without_a_file_there_are_none(void **state)
{
	struct former_vips former = { 0 };

	unlink(path);
	load(&former, NOW_S);
	assert_int_equal(former.count, 0);
	former_vips_fini(&former);
}

/* Cut off, overwritten, emptied: what is left of it is known, and that there was more. */
static void a_file_that_is_not_whole_is_told(void **state)
{
	static const struct {
		const char *text;
		size_t count;
	} damaged[] = {
		{ "", 0 },
		{ "xxxxxxxxxxxx", 0 },
		{ "sluice VIPs 1\nformer 203.0.113.10 5\n", 1 },
		{ "sluice VIPs 1\nformer 203.0.113.10 5\nvip 203.0.1", 1 },
		{ "sluice VIPs 1\nformer 203.0.113.10 5\n2 VIPs\n", 1 },
		{ "former 203.0.113.10 5\n1 VIPs\n", 1 },
		{ "former 203.0.113.10 5\nvip nonsense\n", 1 },
	};
	struct former_vips former = { 0 };
	struct error error = { "" };
	char *large = malloc(100001);

	for (size_t i = 0; i < COUNT_OF(damaged); i++) {
		write_file(damaged[i].text);
		assert_int_equal(former_vips_load(&former, path, NOW_S, &error), -EBADMSG);
		assert_non_null(strstr(error.message, "is damaged"));
		assert_int_equal(former.count, damaged[i].count);
		former_vips_fini(&former);
	}
	memset(large, 'x', 100000);
	large[100000] = '\0';
	write_file(large);
	assert_int_equal(former_vips_load(&former, path, NOW_S, &error), -EBADMSG);
	free(large);

	write_file("vip 203.0.113.10\n"); /* as a former version wrote it */
	load(&former, NOW_S);
	assert_int_equal(former.count, 1);
	former_vips_fini(&former);
	assert_int_equal(former_vips_save(&former, path, NULL, 0), 0);
	load(&former, NOW_S);
	assert_int_equal(former.count, 0);
	former_vips_fini(&former);
	unlink(path);
}

static void one_that_is_added_twice_stays_where_it_is(void **state)
{
	struct former_vips former = { 0 };
	const struct address unknown = address("203.0.113.12");

	add(&former, "203.0.113.10", NOW_S);
	add(&former, "2001:db8::10", NOW_S + 1);
	add(&former, "203.0.113.10", NOW_S + 2);
	assert_int_equal(former.count, 2);
	check(&former, 0, "203.0.113.10", NOW_S);
	check(&former, 1, "2001:db8::10", NOW_S + 1);
	assert_int_equal(former_vips_find(&former, &former.list[1].vip), 1);
	assert_int_equal(former_vips_find(&former, &unknown), -ENOENT);
	former_vips_remove(&former, 0);
	assert_int_equal(former.count, 1);
	check(&former, 0, "2001:db8::10", NOW_S + 1);
	former_vips_fini(&former);
}

/* As many as there can be services, of which some are on the list already. */
static void many_are_added_at_once_in_their_order(void **state)
{
	enum { COUNT = 65535 };
	struct address *vips = calloc(COUNT, sizeof(*vips));
	struct former_vips former = { 0 }, copy = { 0 };

	for (size_t i = 0; i < COUNT; i++)
		vips[i] = (struct address){ { 10, 0, i >> 8, i & 0xff }, ADDRESS_IPV4 };
	add(&former, "10.0.0.7", NOW_S);
	add(&former, "203.0.113.10", NOW_S);
	assert_int_equal(former_vips_extend(&former, vips, COUNT, NOW_S + 1), 0);
	assert_int_equal(former.count, COUNT + 1);
	check(&former, 0, "10.0.0.7", NOW_S);
	check(&former, 1, "203.0.113.10", NOW_S);
	check(&former, 2, "10.0.0.0", NOW_S + 1);
	check(&former, 9, "10.0.0.8", NOW_S + 1);
	check(&former, COUNT, "10.0.255.254", NOW_S + 1);
	assert_int_equal(former_vips_copy(&copy, &former), 0);
	assert_true(former_vips_equal(&copy, &former));
	former_vips_drop_oldest(&former, COUNT - 1);
	assert_false(former_vips_equal(&copy, &former));
	assert_int_equal(former.count, 2);
	check(&former, 0, "10.0.255.253", NOW_S + 1);
	assert_int_equal(former_vips_extend(&former, NULL, 0, NOW_S + 1), 0);
	assert_int_equal(former.count, 2);
	former_vips_fini(&copy);
	former_vips_fini(&former);
	free(vips);
}

static ino_t inode(void)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_ino;
}

/* Each writing makes a new file. */
static void the_file_is_written_where_something_has_changed_and_with_the_latest(void **state)
{
	const struct address in_use[] = { address("203.0.113.10"), address("203.0.113.11") };
	struct event_base *base = event_base_new();
	struct error error = { "" };
	struct background *disk = background_create(base, &error);
	struct vips_note *note = vips_note_create(path, disk);
	struct former_vips former = { 0 }, read = { 0 };
	ino_t first;
	int kept;

	unlink(path);
	vips_note_update(note, &former, in_use, 1);
	background_finish(disk);
	first = inode();
	kept = open(path, O_RDONLY); /* so that its number is not given to another file */
	vips_note_update(note, &former, in_use, 1);
	background_finish(disk);
	assert_int_equal(inode(), first);
	/* several at once: the last counts */
	vips_note_update(note, &former, in_use, 2);
	add(&former, "203.0.113.12", NOW_S);
	vips_note_update(note, &former, in_use, 2);
	vips_note_update(note, &former, in_use, 0);
	vips_note_destroy(note);
	assert_int_not_equal(inode(), first);
	load(&read, NOW_S);
	assert_int_equal(read.count, 1);
	check(&read, 0, "203.0.113.12", NOW_S);
	former_vips_fini(&read);
	former_vips_fini(&former);
	close(kept);
	background_destroy(disk);
	event_base_free(base);
}

static void a_file_without_an_owner_is_removed(void **state)
{
	struct event_base *base = event_base_new();
	struct error error = { "" };
	struct background *disk = background_create(base, &error);
	struct vips_note *note = vips_note_create(path, disk);

	write_file("vip 203.0.113.10\n");
	vips_note_forget(note);
	assert_int_equal(access(path, F_OK), -1);
	vips_note_forget(note);
	vips_note_destroy(note);
	background_destroy(disk);
	event_base_free(base);
}

static void what_is_in_use_again_is_taken_out(void **state)
{
	const struct address in_use[] = { address("203.0.113.10"), address("2001:db8::10") };
	struct former_vips former = { 0 };

	add(&former, "2001:db8::10", NOW_S);
	add(&former, "203.0.113.11", NOW_S + 1);
	add(&former, "203.0.113.10", NOW_S + 2);
	former_vips_subtract(&former, in_use, COUNT_OF(in_use));
	assert_int_equal(former.count, 1);
	check(&former, 0, "203.0.113.11", NOW_S + 1);
	former_vips_subtract(&former, NULL, 0);
	assert_int_equal(former.count, 1);
	former_vips_fini(&former);
}

/* The next process knows them by their own time, and the VIPs in use as of its start. */
static void the_next_process_reads_them_and_the_vips_that_were_in_use(void **state)
{
	const struct address in_use[] = { address("203.0.113.10"), address("203.0.113.10"),
		address("2001:db8::10") };
	struct former_vips former = { 0 }, next = { 0 };
	struct stat status;

	add(&former, "203.0.113.11", NOW_S);
	assert_int_equal(former_vips_save(&former, path, in_use, COUNT_OF(in_use)), 0);
	assert_int_equal(former_vips_save(&former, path, in_use, COUNT_OF(in_use)), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	load(&next, NOW_S + 100);
	assert_int_equal(next.count, 3);
	check(&next, 0, "203.0.113.11", NOW_S);
	check(&next, 1, "203.0.113.10", NOW_S + 100);
	check(&next, 2, "2001:db8::10", NOW_S + 100);
	former_vips_fini(&former);
	former_vips_fini(&next);
}

static void lines_that_make_no_sense_are_skipped(void **state)
{
	struct former_vips former = { 0 };
	struct error error = { "" };

	write_file("former 203.0.113.11 1764460000\n"
		   "former 203.0.113.12\n"
		   "vip nonsense\n"
		   "\n"
		   "vip 203.0.113.10 and more\n"
		   "former 203.0.113.13 9999999999\n" /* of a clock that was set back since */
		   "vip 2001:db8::1");
	assert_int_equal(former_vips_load(&former, path, NOW_S, &error), -EBADMSG);
	assert_int_equal(former.count, 4);
	check(&former, 0, "203.0.113.11", 1764460000);
	check(&former, 1, "203.0.113.10", NOW_S);
	check(&former, 2, "203.0.113.13", NOW_S);
	check(&former, 3, "2001:db8::1", NOW_S);
	former_vips_fini(&former);
}

static void check_refused(int code)
{
	struct former_vips former = { 0 };
	struct error error = { "" };

	assert_int_equal(former_vips_load(&former, path, NOW_S, &error), code);
	assert_non_null(strstr(error.message, path));
	assert_int_equal(former.count, 0);
	unlink(path);
}

static void a_file_that_others_may_write_or_a_link_is_not_believed(void **state)
{
	write_file("vip 203.0.113.10\n");
	assert_int_equal(chmod(path, 0660), 0);
	check_refused(-EPERM);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	check_refused(-ELOOP);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_refused(-EPERM);
}

static void where_it_cannot_be_written_the_old_file_stays(void **state)
{
	const struct address vip = address("203.0.113.10");
	struct former_vips former = { 0 };

	assert_int_equal(former_vips_save(&former, "/nowhere/at/all", &vip, 1), -ENOENT);
	assert_int_equal(former_vips_save(&former, path, &vip, 1), 0);
	load(&former, NOW_S);
	assert_int_equal(former.count, 1);
	former_vips_fini(&former);
}

static int make_directory(void **state)
{
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/vips", directory);
	return 0;
}

static int remove_directory(void **state)
{
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_is_not_whole_is_told),
		cmocka_unit_test(without_a_file_there_are_none),
		cmocka_unit_test(one_that_is_added_twice_stays_where_it_is),
		cmocka_unit_test(many_are_added_at_once_in_their_order),
		cmocka_unit_test(
			the_file_is_written_where_something_has_changed_and_with_the_latest),
		cmocka_unit_test(a_file_without_an_owner_is_removed),
		cmocka_unit_test(what_is_in_use_again_is_taken_out),
		cmocka_unit_test(the_next_process_reads_them_and_the_vips_that_were_in_use),
		cmocka_unit_test(lines_that_make_no_sense_are_skipped),
		cmocka_unit_test(a_file_that_others_may_write_or_a_link_is_not_believed),
		cmocka_unit_test(where_it_cannot_be_written_the_old_file_stays),
	};

	return cmocka_run_group_tests_name("former_vips", tests, make_directory, remove_directory);
}
