/* SPDX-License-Identifier: BSD-3-Clause */
/* With a /proc and a tree of cgroups of its own. */
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory_left.h"

#define MIB UINT64_C(1048576)

static char top[] = "/tmp/memory_left.XXXXXX";

static void make_directory(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
}

__attribute__((format(printf, 2, 3))) static void write_file(
	const char *name, const char *format, ...)
{
	char path[PATH_MAX];
	va_list arguments;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	file = fopen(path, "w");
	assert_non_null(file);
	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	assert_int_equal(fclose(file), 0);
}

static void set_available(uint64_t mib)
{
	write_file("meminfo", "MemTotal: 999999999 kB\nMemFree: 1 kB\nMemAvailable: %lu kB\n",
		(unsigned long)(mib * 1024));
}

static int make_tree(void **state)
{
	strcpy(strrchr(top, '.'), ".XXXXXX");
	if (mkdtemp(top) == NULL)
		return -1;
	make_directory("self");
	make_directory("v1");
	make_directory("v2");
	make_directory("v2/outer");
	make_directory("v2/outer/inner");
	set_available(1000);
	write_file("self/cgroup", "0::/\n");
	write_file("self/mountinfo", "1 1 0:1 / / rw - ext4 none rw\n");
	return 0;
}

static int remove_tree(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", top);
	return system(command);
}

static void set_v2(const char *cgroup, const char *max, uint64_t used_mib, uint64_t cache_mib)
{
	char name[64];

	snprintf(name, sizeof(name), "v2/%s/memory.max", cgroup);
	write_file(name, "%s\n", max);
	snprintf(name, sizeof(name), "v2/%s/memory.current", cgroup);
	write_file(name, "%lu\n", (unsigned long)(used_mib * MIB));
	snprintf(name, sizeof(name), "v2/%s/memory.stat", cgroup);
	write_file(name, "anon 5\ninactive_file %lu\nactive_file %lu\n",
		(unsigned long)(cache_mib * MIB), (unsigned long)MIB);
}

static void the_host_counts_where_there_is_no_cgroup(void **state)
{
	struct memory_left left;

	memory_left_read(top, &left);
	assert_int_equal(left.bytes, 1000 * MIB);
	assert_string_equal(left.cgroup, "");
}

static void nothing_that_can_be_read_is_no_limit(void **state)
{
	struct error error = { "" };
	struct memory_left left;

	memory_left_read("/nowhere", &left);
	assert_true(left.bytes == MEMORY_LEFT_UNKNOWN);
	assert_int_equal(memory_left_check("/nowhere", UINT64_C(1) << 50, &error), 0);
}

static void the_tightest_of_the_cgroups_counts(void **state)
{
	struct memory_left left;
	char wanted[PATH_MAX];

	write_file("self/cgroup", "4:memory:/elsewhere\n0::/outer/inner\n");
	write_file("self/mountinfo",
		"7 1 0:9 / %s/v2 rw shared:3 - cgroup2 cgroup2 rw,nsdelegate\n", top);
	set_v2("outer/inner", "max", 50, 0);
	set_v2("outer", "104857600", 60, 9); /* page cache of 10 MiB is free */
	memory_left_read(top, &left);
	assert_int_equal(left.bytes, 50 * MIB);
	assert_int_equal(left.limit, 100 * MIB);
	snprintf(wanted, sizeof(wanted), "%s/v2/outer", top);
	assert_string_equal(left.cgroup, wanted);

	set_available(40);
	memory_left_read(top, &left);
	assert_int_equal(left.bytes, 40 * MIB);
	assert_string_equal(left.cgroup, "");
}

/* As in a container: the mount shows what is below the container's own cgroup. */
static void a_mount_shows_the_hierarchy_below_its_root(void **state)
{
	struct memory_left left;

	write_file("self/cgroup", "0::/docker/outer/inner\n");
	write_file("self/mountinfo", "7 1 0:9 /docker %s/v2 rw - cgroup2 cgroup2 rw\n", top);
	set_v2("outer/inner", "209715200", 190, 0);
	memory_left_read(top, &left);
	assert_int_equal(left.bytes, 11 * MIB); /* 1 MiB of it is cache */
}

static void version_1_counts_its_children_too(void **state)
{
	struct memory_left left;

	write_file("self/cgroup", "3:cpu,cpuacct:/\n4:memory:/\n0::/\n");
	write_file("self/mountinfo",
		"6 1 0:8 / %s/v2 rw - cgroup cgroup rw,cpu\n7 1 0:9 / %s/v1 rw - cgroup cgroup rw,memory\n",
		top, top);
	write_file("v1/memory.limit_in_bytes", "104857600\n");
	write_file("v1/memory.usage_in_bytes", "%lu\n", (unsigned long)(90 * MIB));
	write_file("v1/memory.stat",
		"inactive_file 1\ntotal_inactive_file %lu\ntotal_active_file 0\n",
		(unsigned long)(20 * MIB));
	memory_left_read(top, &left);
	assert_int_equal(left.bytes, 30 * MIB);
}

static void what_does_not_fit_is_refused_with_the_figures(void **state)
{
	struct error error = { "" };

	assert_int_equal(memory_left_check(top, 900 * MIB, &error), 0);
	assert_int_equal(memory_left_check(top, 960 * MIB, &error), -ENOMEM);
	assert_non_null(strstr(error.message, "1028 MiB"));
	assert_non_null(strstr(error.message, "1000 MiB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_host_counts_where_there_is_no_cgroup, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(
			nothing_that_can_be_read_is_no_limit, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(
			the_tightest_of_the_cgroups_counts, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(
			a_mount_shows_the_hierarchy_below_its_root, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(
			version_1_counts_its_children_too, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(
			what_does_not_fit_is_refused_with_the_figures, make_tree, remove_tree),
	};

	return cmocka_run_group_tests_name("memory_left", tests, NULL, NULL);
}
