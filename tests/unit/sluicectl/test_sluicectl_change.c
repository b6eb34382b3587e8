/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said about a change: what it moves, costs and breaks. */
#include "unit.h"

#include "sluicectl_fixture.h"
#include "sluicectl/sluicectl_change.h"

static void a_change_says_what_it_moved(void **state)
{
	static const char moved[] =
		"{\"changed\":%s,\"dry_run\":%s,\"slots_moved\":3277,\"slots_total\":65788,"
		"\"moved_percent\":4.98,\"table_digest\":\"0123456789abcdef\",\"pools\":["
		"{\"name\":\"web\",\"slots_moved\":3277,\"slots\":65537,\"digest\":\"00\","
		"\"backends\":[{\"name\":\"web-1\",\"slots_before\":32769,\"slots_after\":29492},"
		"{\"name\":\"web-2\",\"slots_before\":32768,\"slots_after\":36045}]},"
		"{\"name\":\"dns\",\"slots_moved\":0,\"slots\":251,\"digest\":\"00\","
		"\"backends\":[{\"name\":\"dns-1\",\"slots_before\":251,\"slots_after\":251}]}]}";
	static const char table[] =
		"%s 3,277 of 65,788 slots of all pools (5.0 %%)\n"
		"\n"
		"pool  backend  slots before  slots after  share %% before  share %% after\n"
		"web   web-1           32769        29492            50.0           45.0\n"
		"web   web-2           32768        36045            50.0           55.0\n";
	char result[1024], golden[1024];

	snprintf(result, sizeof(result), moved, "true", "false");
	snprintf(golden, sizeof(golden), table, "moved");
	expect_report(change_report, result, golden);
	snprintf(result, sizeof(result), moved, "false", "true");
	snprintf(golden, sizeof(golden), table, "would move");
	expect_report(change_report, result, golden);
}

static void a_document_says_what_differs_in_it(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251,"
		"\"changes\":\"services added www6; backends changed web/web-1\"}",
		"would change, no slot would move\n"
		"services added www6; backends changed web/web-1\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251,"
		"\"changes\":\"services added www6\",\"differences\":{\"keys\":["
		"{\"path\":\"pools[web].backends[web-1].weight\",\"before\":100,\"after\":50},"
		"{\"path\":\"pools[web].backends[web-2]\",\"before\":{}},"
		"{\"path\":\"pools[web].backends[web-3].address\",\"before\":\"10.2.0.1\","
		"\"after\":\"10.2.0.2\"},"
		"{\"path\":\"services[www6]\",\"after\":{}},"
		"{\"path\":\"x\\u001b\",\"before\":\"\\u001b[0m\",\"after\":["
		"\"1234567890\",\"1234567890\",\"1234567890\",\"1234567890\",\"1234567890\"]},"
		"{\"path\":\"seat\",\"before\":5}],\"left_out\":1}}",
		"would change, no slot would move\n"
		"services added www6\n"
		"  pools[web].backends[web-1].weight: 100 -> 50\n"
		"  pools[web].backends[web-2]: removed\n"
		"  pools[web].backends[web-3].address: \"10.2.0.1\" -> \"10.2.0.2\"\n"
		"    another address is another backend: the former drains, as one that is removed\n"
		"  services[www6]: added\n"
		"  x?: \"\\u001B[0m\" -> "
		"[\"1234567890\",\"1234567890\",\"1234567890\",\"1234567890\",\"123...\n"
		"  seat: 5 -> -\n"
		"  and 1 more key\n");
}

static void a_dynamic_weight_says_what_it_comes_to_and_when(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"dynamic_weight\":{\"asked_percent\":1,\"percent\":6.25,\"percent_before\":100.0,"
		"\"weight\":100,\"in_s\":7,\"slots_to_move\":11169}}",
		"changed, no slot moved\n"
		"weight is 6.25 % of 100, in 7 s (11,169 slots move then)\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251,"
		"\"dynamic_weight\":{\"asked_percent\":5,\"percent\":6.25,\"percent_before\":6.25,"
		"\"weight\":100,\"in_s\":0,\"slots_to_move\":0}}",
		"would change, no slot would move\n"
		"weight stays 6.25 % of 100\n");
}

static void a_change_that_moves_nothing_says_so(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251}",
		"changed, no slot moved\n");
	expect_report(change_report,
		"{\"changed\":false,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251}",
		"nothing to change\n");
	expect_report(change_report,
		"{\"changed\":false,\"dry_run\":false,\"written\":true,\"slots_moved\":0,"
		"\"slots_total\":251}",
		"the file is written; nothing else to change\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251}",
		"would change, no slot would move\n");
	expect_report(change_report,
		"{\"changed\":false,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251}",
		"nothing to change\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":1000000,"
		"\"slots_total\":5000011,\"moved_percent\":19.99}",
		"moved 1,000,000 of 5,000,011 slots of all pools (20.0 %)\n");
}

/* News that come thick and fast are built together: what moves is not known when it is answered. */
static void a_change_that_waits_for_the_next_build_says_so(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"pinned_percent\":0.0,\"pending_ms\":60}",
		"changed; slots move with the next build of the table, in 60 ms at most\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"pending_ms\":0}",
		"changed, no slot moved\n");
}

static void a_change_says_what_it_costs_in_a_line_each(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":3277,\"slots_total\":65537,"
		"\"moved_percent\":5.0,\"pinned_percent\":4.62,"
		"\"pinned\":{\"pool\":\"web\",\"pools\":3},\"forced\":true,"
		"\"largest_load_change\":{\"pool\":\"web\",\"backend\":\"web-2\","
		"\"slots_before\":32768,\"slots_after\":36045,\"percent\":10.0}}",
		"would move 3,277 of 65,537 slots of all pools (5.0 %)\n"
		"would pin about 4.6 % of the flows of pool web, and up to as many of 2 other "
		"pools\n"
		"largest change of load: web/web-2 from 32,768 to 36,045 slots (+10.0 %)\n"
		"would be forced\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":3277,\"slots_total\":65537,"
		"\"moved_percent\":5.0,\"pinned_percent\":0,\"forced\":true,"
		"\"largest_load_change\":{\"pool\":\"web\",\"backend\":\"web-2\","
		"\"slots_before\":32768,\"slots_after\":0,\"percent\":-100}}",
		"moved 3,277 of 65,537 slots of all pools (5.0 %)\n"
		"pins about 0.0 % of the flows\n"
		"largest change of load: web/web-2 from 32,768 to 0 slots (-100.0 %)\n"
		"forced\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"largest_load_change\":null,\"forced\":false}",
		"changed, no slot moved\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"largest_load_change\":{\"pool\":\"web\",\"backend\":\"new\","
		"\"slots_before\":0,\"slots_after\":251,\"percent\":null}}",
		"changed, no slot moved\n"
		"largest change of load: web/new from 0 to 251 slots\n");
}

static void a_change_says_who_has_most_to_bear(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":502,"
		"\"pools\":[{\"name\":\"web\",\"highest_load\":{\"backend\":\"web-1\","
		"\"percent\":150}},{\"name\":\"dns\",\"highest_load\":{\"backend\":\"dns-2\","
		"\"percent\":199.96}},{\"name\":\"idle\",\"highest_load\":null}]}",
		"would change, no slot would move\n"
		"highest load: dns/dns-2 with 200.0 % of its share\n");
}

static void a_change_names_whose_connections_it_breaks(void **state)
{
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":true,\"slots_moved\":0,\"slots_total\":251,"
		"\"cut_percent\":43.3,\"cut\":{\"pool\":\"web\",\"pools\":1},\"cut_pins\":1200,"
		"\"services_cut\":[{\"service\":\"www\",\"text\":\"gone\"}],"
		"\"backends_cut\":[{\"pool\":\"web\",\"backend\":\"web-1\",\"slots\":28400,"
		"\"in_s\":0,\"flows_left\":{\"estimate\":1204,\"complete\":false}}]}",
		"would change, no slot would move\n"
		"WOULD BREAK the connections of about 43.3 % of the flows of pool web, and of "
		"those among 1,200 pinned flows that live there\n"
		"  service www: gone\n"
		"  backend web/web-1: the flows of 28,400 slots, at least 1,204 flows left\n");
	expect_report(change_report,
		"{\"changed\":true,\"dry_run\":false,\"slots_moved\":0,\"slots_total\":251,"
		"\"cut_percent\":43.3,\"cut\":{\"pool\":\"web\",\"pools\":1},\"cut_in_s\":5,"
		"\"backends_cut\":[{\"pool\":\"web\",\"backend\":\"web-1\","
		"\"slots\":109,\"in_s\":5,\"flows_left\":null}]}",
		"changed, no slot moved\n"
		"WILL BREAK the connections of about 43.3 % of the flows of pool web\n"
		"  backend web/web-1: the flows of 109 slots, in 5 s\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_says_what_it_moved),
		cmocka_unit_test(a_document_says_what_differs_in_it),
		cmocka_unit_test(a_dynamic_weight_says_what_it_comes_to_and_when),
		cmocka_unit_test(a_change_that_moves_nothing_says_so),
		cmocka_unit_test(a_change_that_waits_for_the_next_build_says_so),
		cmocka_unit_test(a_change_says_what_it_costs_in_a_line_each),
		cmocka_unit_test(a_change_says_who_has_most_to_bear),
		cmocka_unit_test(a_change_names_whose_connections_it_breaks),
	};

	return cmocka_run_group_tests_name("sluicectl_change", tests, NULL, NULL);
}
