/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may have an interface, and what a start makes of the program that it finds there. Needs root.
 */
#include "steer_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"

static void a_second_claim_names_the_process_that_holds_the_interface(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("edge");
	char expected[64];

	snprintf(expected, sizeof(expected), "edge is in use by process %d", getpid());
	assert_int_equal(claim_again("edge", &error), -EBUSY);
	assert_string_equal(error.message, expected);
	assert_int_equal(claim_again("core", &error), 0);
	steer_destroy(steer);
	assert_int_equal(claim_again("edge", &error), 0);
}

/*
 * Runs in a child until it is killed; says so by a byte once it has done its part. A test that
 * fails in between must not leave it behind, where it would hold the runner's pipes open.
 */
static void claim_and_wait(int done)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	claim("edge");
	if (write(done, "x", 1) == 1)
		pause();
	_exit(1);
}

static void a_killed_holder_gives_the_interface_back(void **state)
{
	struct error error = { "" };
	char byte, expected[64];
	int done[2];
	pid_t child;

	assert_int_equal(pipe(done), 0);
	child = fork();
	if (child == 0)
		claim_and_wait(done[1]);
	assert_int_equal(read(done[0], &byte, 1), 1);
	snprintf(expected, sizeof(expected), "edge is in use by process %d", child);
	assert_int_equal(claim_again("edge", &error), -EBUSY);
	assert_string_equal(error.message, expected);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(claim_again("edge", &error), 0);
	close(done[0]);
	close(done[1]);
}

static void an_unknown_interface_cannot_be_claimed(void **state)
{
	struct error error = { "" };

	assert_int_equal(claim_again("nowhere", &error), -ENODEV);
	assert_string_equal(error.message, "there is no interface nowhere");
}

static void the_lock_is_in_a_directory_that_others_cannot_enter(void **state)
{
	struct stat status;

	steer_destroy(claim("edge"));
	assert_int_equal(stat(run_directory, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
}

static void the_path_of_a_lock(char path[static 512])
{
	DIR *locks = opendir(run_directory);
	struct dirent *entry;
	char suffix[32];

	assert_non_null(locks);
	snprintf(suffix, sizeof(suffix), "-%u.lock", if_nametoindex("edge"));
	*path = '\0';
	while ((entry = readdir(locks)) != NULL) {
		if (strstr(entry->d_name, suffix) != NULL)
			snprintf(path, 512, "%s/%s", run_directory, entry->d_name);
	}
	closedir(locks);
	assert_string_not_equal(path, "");
}

static void a_lock_that_is_a_link_or_anybodys_to_write_is_refused(void **state)
{
	struct error error = { "" };
	char path[512];

	steer_destroy(claim("edge"));
	the_path_of_a_lock(path);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(claim_again("edge", &error), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(claim_again("edge", &error), -ELOOP);
	assert_non_null(strstr(error.message, path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(claim_again("edge", &error), -EPERM);
	assert_int_equal(unlink(path), 0);
}

static void the_program_of_a_killed_process_is_taken_off(void **state)
{
	struct steer *steer;

	leave_a_stale_program("edge");
	steer = claim("edge");
	prepare(steer, 1);
	assert_int_equal(attached_program("edge"), 0);
	steer_destroy(steer);
}

static void it_is_taken_off_without_cap_sys_admin_too(void **state)
{
	struct steer *steer;

	leave_a_stale_program("edge");
	set_sys_admin(false);
	/* A start that got no further than this leaves the next one as wise. */
	steer_destroy(claim("edge"));
	steer = claim("edge");
	prepare(steer, 1);
	set_sys_admin(true);
	assert_int_equal(attached_program("edge"), 0);
	steer_destroy(steer);
}

static void a_foreign_program_is_refused_by_its_name_and_stays(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("edge");
	bool stripping = false;
	uint32_t id;

	assert_int_equal(netns_run("ethtool -K edge rxvlan on"), 0);
	attach_foreign_program("edge");
	id = attached_program("edge");
	assert_int_equal(steer_prepare(steer, 1, &error), -EBUSY);
	assert_non_null(strstr(error.message, "somebody_else"));
	assert_int_equal(attached_program("edge"), id);
	assert_int_equal(netdev_vlan_strip_get("edge", &stripping), 0);
	assert_true(stripping);
	steer_destroy(steer);
	assert_int_equal(attached_program("edge"), id);
	detach_any_program("edge");
}

static void a_foreign_program_is_refused_before_the_driver_begins(void **state)
{
	struct error error = { "" };

	attach_foreign_program("edge");
	assert_int_equal(claim_again("edge", &error), -EBUSY);
	assert_non_null(strstr(error.message, "somebody_else"));
	assert_true(attached_program("edge") != 0);
	detach_any_program("edge");
	assert_int_equal(claim_again("edge", &error), 0);
}

static void a_foreign_program_is_refused_without_cap_sys_admin_too(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("edge");
	char id[32];
	int result;

	attach_foreign_program("edge");
	set_sys_admin(false);
	result = steer_prepare(steer, 1, &error);
	set_sys_admin(true);
	assert_int_equal(result, -EBUSY);
	snprintf(id, sizeof(id), "(id %u)", attached_program("edge"));
	assert_non_null(strstr(error.message, id));
	detach_any_program("edge");
	steer_destroy(steer);
}

static void vlan_stripping_is_switched_off(void **state)
{
	struct steer *steer = claim("edge");
	bool on = false;

	assert_int_equal(netns_run("ethtool -K edge rxvlan on"), 0);
	assert_int_equal(netdev_vlan_strip_get("edge", &on), 0);
	assert_true(on);
	prepare(steer, 1);
	assert_int_equal(netdev_vlan_strip_get("edge", &on), 0);
	assert_false(on);
	steer_destroy(steer);
}

static void another_number_of_queues_is_refused_with_what_cures_it(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("wide");

	prepare(steer, 2);
	assert_int_equal(steer_prepare(steer, 1, &error), -EINVAL);
	assert_string_equal(error.message,
		"wide has 2 receive queues where 1 is needed, one per worker; run: "
		"ethtool -L wide rx 1");
	assert_int_equal(steer_prepare(steer, 4, &error), -EINVAL);
	assert_string_equal(error.message,
		"wide has 2 receive queues where 4 are needed, one per worker, and cannot have "
		"that many");
	steer_destroy(steer);
}

static void before_the_driver_its_own_limit_of_queues_is_named(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("wide");

	assert_int_equal(steer_check_queues(steer, 2, &error), -EINVAL);
	assert_string_equal(error.message,
		"2 workers need as many receive queues of wide, which has 2, and DPDK's af_xdp "
		"driver serves but one of an interface without combined channels: configure one "
		"worker");
	assert_int_equal(steer_check_queues(steer, 1, &error), -EINVAL);
	assert_non_null(strstr(error.message, "ethtool -L wide rx 1"));
	steer_destroy(steer);
	steer = claim("edge");
	assert_int_equal(steer_check_queues(steer, 1, &error), 0);
	assert_int_equal(steer_check_queues(steer, 2, &error), -EINVAL);
	assert_non_null(strstr(
		error.message, "2 workers need as many receive queues of edge, which has 1"));
	steer_destroy(steer);
}

static void attaching_needs_no_cap_sys_admin(void **state)
{
	struct port port;

	set_sys_admin(false);
	port = open_ready_port("edge");
	set_sys_admin(true);
	assert_true(steer_is_attached(port.steer));
	close_port(&port);
}

static void an_interface_without_a_program_of_this_process_is_refused(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("edge");

	assert_int_equal(steer_attach(steer, own_mac, &error), -ENOENT);
	assert_string_equal(error.message, "no XDP program is attached to edge");
	attach_foreign_program("edge");
	assert_int_equal(steer_attach(steer, own_mac, &error), -ENOENT);
	assert_non_null(strstr(error.message, "was not loaded by this process"));
	assert_false(steer_is_attached(steer));
	detach_any_program("edge");
	steer_destroy(steer);
}

static void a_program_that_was_taken_off_is_missed(void **state)
{
	struct port port = open_ready_port("edge");

	assert_true(steer_is_attached(port.steer));
	detach_any_program("edge");
	assert_false(steer_is_attached(port.steer));
	attach_foreign_program("edge");
	assert_false(steer_is_attached(port.steer));
	close_port(&port);
	assert_true(attached_program("edge") != 0);
	detach_any_program("edge");
}

static void a_program_that_was_taken_off_is_put_back(void **state)
{
	static const struct row vip = { "vip", .destination = VIP4, .protocol = TCP,
		.expected = STEER_COUNT_NO_SOCKET };
	struct port *port = *state;
	struct error error = { "" };
	uint32_t id = attached_program("edge");

	assert_int_equal(steer_restore(port->steer, &error), 0);
	detach_any_program("edge");
	assert_int_equal(steer_restore(port->steer, &error), 1);
	assert_int_equal(attached_program("edge"), id);
	assert_true(steer_is_attached(port->steer));
	check_row_on_queue(port, &vip, 0);
	detach_any_program("edge");
	attach_foreign_program("edge");
	assert_int_equal(steer_restore(port->steer, &error), -EBUSY);
	assert_non_null(strstr(error.message, "somebody_else"));
	detach_any_program("edge");
	assert_int_equal(steer_restore(port->steer, &error), 1);
}

static void another_mac_address_is_followed(void **state)
{
	static const struct row old = { "old", .destination = VIP4, .protocol = TCP, HOST };
	static const struct row new = { "new", .mac = other_mac, .destination = VIP4,
		.protocol = TCP, .expected = STEER_COUNT_NO_SOCKET };
	struct port *port = *state;

	assert_int_equal(steer_follow_mac(port->steer), 0);
	assert_int_equal(netns_run("ip link set edge address 02:00:00:00:00:11"), 0);
	assert_int_equal(steer_follow_mac(port->steer), 1);
	assert_int_equal(steer_follow_mac(port->steer), 0);
	check_row_on_queue(port, &new, 0);
	check_row_on_queue(port, &old, 0);
	assert_int_equal(netns_run("ip link set edge address 02:00:00:00:00:10"), 0);
	assert_int_equal(steer_follow_mac(port->steer), 1);
}

static void a_clean_end_takes_the_program_off(void **state)
{
	struct port port = open_ready_port("edge");

	close_port(&port);
	assert_int_equal(attached_program("edge"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_claim_names_the_process_that_holds_the_interface),
		cmocka_unit_test(a_killed_holder_gives_the_interface_back),
		cmocka_unit_test(an_unknown_interface_cannot_be_claimed),
		cmocka_unit_test(the_lock_is_in_a_directory_that_others_cannot_enter),
		cmocka_unit_test(a_lock_that_is_a_link_or_anybodys_to_write_is_refused),
		cmocka_unit_test(the_program_of_a_killed_process_is_taken_off),
		cmocka_unit_test(it_is_taken_off_without_cap_sys_admin_too),
		cmocka_unit_test(a_foreign_program_is_refused_by_its_name_and_stays),
		cmocka_unit_test(a_foreign_program_is_refused_before_the_driver_begins),
		cmocka_unit_test(a_foreign_program_is_refused_without_cap_sys_admin_too),
		cmocka_unit_test(vlan_stripping_is_switched_off),
		cmocka_unit_test(another_number_of_queues_is_refused_with_what_cures_it),
		cmocka_unit_test(before_the_driver_its_own_limit_of_queues_is_named),
		cmocka_unit_test(attaching_needs_no_cap_sys_admin),
		cmocka_unit_test(an_interface_without_a_program_of_this_process_is_refused),
		cmocka_unit_test(a_program_that_was_taken_off_is_missed),
		WITH_PORT(a_program_that_was_taken_off_is_put_back),
		WITH_PORT(another_mac_address_is_followed),
		cmocka_unit_test(a_clean_end_takes_the_program_off),
	};

	return cmocka_run_group_tests_name("steer_claim", tests, make_network, remove_files);
}
