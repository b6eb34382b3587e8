/* SPDX-License-Identifier: BSD-3-Clause */
/* Results become text, whatever shape they have. */
#include "unit.h"

#include "sluicectl_fixture.h"
#include "sluicectl/sluicectl_backends.h"
#include "sluicectl/sluicectl_change.h"
#include "sluicectl/sluicectl_events.h"
#include "sluicectl/sluicectl_health.h"
#include "sluicectl/sluicectl_pins.h"
#include "sluicectl/sluicectl_report.h"

static void the_status_begins_with_whether_the_node_is_ready(void **state)
{
	expect_report(report_status,
		"{\"node\":\"edge-1\",\"version\":\"0.1.0\",\"pid\":77,\"uptime_s\":3723,"
		"\"ready\":false,\"reasons\":[\"worker 2 has stalled\"],"
		"\"configuration\":{\"revision\":\"fedcba9876543210\",\"file\":\"/etc/sluice.json\","
		"\"file_state\":\"edited\",\"unsaved_since\":null},"
		"\"state\":{\"file\":\"/run/sluice/state\",\"start\":\"cold\","
		"\"reason\":\"no state file\"},\"table_digest\":\"0123456789abcdef\","
		"\"workers\":[{\"lcore\":1,\"cpu\":0,\"state\":\"running\",\"packets\":123456,"
		"\"busy_percent\":12.34,\"cycles_per_packet\":61.7}],"
		"\"ports\":[{\"name\":\"edge\",\"device\":\"net_af_xdp0,iface=l0\","
		"\"driver\":\"net_af_xdp\",\"host_path\":\"xdp\",\"mtu\":1500,"
		"\"mac\":\"02:00:00:00:00:01\",\"link\":\"up\"}],"
		"\"pools\":[{\"name\":\"web\",\"slots\":65537,\"digest\":\"0123456789abcdef\","
		"\"backends\":3,\"active\":2,\"mode\":\"fail_open\",\"up\":1,\"down\":1,\"initial\":0}],\"warnings\":[\"no gateway\"],"
		"\"last_change\":{\"method\":\"backend.set\",\"report\":{\"slots_moved\":3277,\"slots_total\":65537}}}",
		"edge-1 is not ready\n"
		"  worker 2 has stalled\n"
		"warning: no gateway\n"
		"\n"
		"version        0.1.0\n"
		"pid            77\n"
		"uptime, s      3723\n"
		"table digest   0123456789abcdef\n"
		"revision       fedcba9876543210\n"
		"configuration  /etc/sluice.json\n"
		"which is       edited\n"
		"state file     /run/sluice/state\n"
		"start          cold\n"
		"because        no state file\n"
		"last change    backend.set: moved 3,277 of 65,537 slots of all pools\n"
		"\n"
		"workers\n"
		"lcore  cpu  state    packets  busy %  cycles/packet\n"
		"    1    0  running   123456    12.3           61.7\n"
		"\n"
		"ports\n"
		"name  link  mac                 mtu  host path  driver      device\n"
		"edge  up    02:00:00:00:00:01  1500  xdp        net_af_xdp  "
		"net_af_xdp0,iface=l0\n"
		"\n"
		"pools\n"
		"name  slots  digest            backends  active      up  mode\n"
		"web   65537  0123456789abcdef         3       2  1 of 2  fail_open\n");
}

static void the_status_begins_with_what_is_wrong(void **state)
{
	expect_report(report_status,
		"{\"node\":\"edge-1\",\"ready\":false,\"reasons\":[\"port edge: link is down\"],"
		"\"problems\":[{\"level\":\"error\",\"object\":\"node\",\"name\":null,\"since\":null,"
		"\"sentence\":\"port edge: link is down\"},{\"level\":\"warning\",\"object\":\"pool\","
		"\"name\":\"web\",\"since\":\"2026-11-30T09:30:31Z\","
		"\"sentence\":\"pool web: 1 of 3 backends is down: web-2 (connect refused)\"},7,{}],"
		"\"warnings\":[\"no gateway\"]}",
		"edge-1 is not ready\n"
		"  error: port edge: link is down\n"
		"  warning: pool web: 1 of 3 backends is down: web-2 (connect refused) "
		"(since 2026-11-30T09:30:31Z)\n"
		"  -: -\n"
		"  -: -\n"
		"warning: no gateway\n"
		"\n");
}

static void the_last_change_says_what_differed(void **state)
{
	expect_report(report_status,
		"{\"node\":\"edge-1\",\"ready\":true,\"last_change\":{\"method\":\"SIGHUP\",\"parameters\":"
		"\"backends changed web/web-1\",\"time\":\"2026-11-30T09:30:31Z\",\"report\":{"
		"\"slots_moved\":3678,\"slots_total\":131074,\"pools\":[{\"name\":\"web\",\"slots\":65537}]}}}",
		"edge-1 is ready\n"
		"\n"
		"last change  SIGHUP backends changed web/web-1: moved 3,678 of 65,537 slots of pool web, "
		"2026-11-30T09:30:31Z\n");
}

static void lists_are_tables(void **state)
{
	expect_report(report_services,
		"[{\"name\":\"www\",\"vip\":\"203.0.113.10\",\"protocol\":\"tcp\",\"port\":80,"
		"\"pool\":\"web\",\"forward\":\"ipip\",\"packets\":12,\"bytes\":3456,"
		"\"new_flows\":3},{\"name\":\"dns\",\"vip\":\"2001:db8::53\","
		"\"protocol\":\"udp\",\"port\":\"any\",\"pool\":\"dns\",\"forward\":\"l2dsr\","
		"\"packets\":1234567,\"bytes\":0,\"new_flows\":0}]",
		"name  vip           protocol  port  pool  forward  packets  bytes  new flows\n"
		"www   203.0.113.10  tcp         80  web   ipip          12   3456          3\n"
		"dns   2001:db8::53  udp        any  dns   l2dsr    1234567      0          0\n");
	expect_report(report_pools,
		"[{\"name\":\"web\",\"slots\":65537,\"digest\":\"0123456789abcdef\","
		"\"backends\":3,\"active\":2,\"mode\":\"normal\",\"up\":2,\"down\":0,"
		"\"initial\":1,\"services\":[\"www\",\"www6\"]},"
		"{\"name\":\"dns\",\"slots\":251,\"digest\":\"fedcba9876543210\","
		"\"backends\":1,\"active\":1,\"services\":[]}]",
		"name  slots  digest            backends  active      up  mode    services\n"
		"web   65537  0123456789abcdef         3       2  2 of 3  normal  www,www6\n"
		"dns     251  fedcba9876543210         1       1       -  -       -\n");
}

static void backends_tell_how_they_live_and_what_a_drain_has_left(void **state)
{
	expect_report(backends_report_all,
		"[{\"pool\":\"web\",\"name\":\"web-1\",\"address\":\"10.2.0.21\",\"weight\":100,"
		"\"key\":\"10.2.0.21\",\"state\":\"active\",\"life\":\"suspect\",\"health\":\"down\","
		"\"reason\":\"refused\",\"override\":null,"
		"\"flows_left\":null,\"slots\":32769,\"share_percent\":50.0008,\"packets\":1,"
		"\"packets_per_second\":12.34,\"bytes\":2,\"new_flows\":3},"
		"{\"pool\":\"web\",\"name\":\"web-2\",\"address\":\"10.2.0.22\",\"weight\":100,"
		"\"health\":\"up\",\"reason\":\"override\",\"override\":\"up\","
		"\"state\":\"drain\",\"life\":\"drain\",\"deadline_s\":598,\"flows_left\":"
		"{\"estimate\":120,\"error_percent\":8.8,\"window_s\":30},\"slots\":0,"
		"\"share_percent\":0,\"packets\":5,\"bytes\":6,\"new_flows\":0},"
		"{\"pool\":\"web\",\"name\":\"web-3\",\"address\":\"10.2.0.23\",\"removed\":true,"
		"\"life\":\"drain\",\"deadline_s\":9,\"flows_left\":{\"estimate\":7}}]",
		"pool  name   address    weight  state    life     health           left    flows  "
		"slots  share %  packets  packets/s  bytes  new flows  new/s\n"
		"web   web-1  10.2.0.21     100  active   suspect  down (refused)      -        -  "
		"32769     50.0        1       12.3      2          3      -\n"
		"web   web-2  10.2.0.22     100  drain    drain    up (override)   9m58s  120+-9%  "
		"    0        0        5          -      6          0      -\n"
		"web   web-3  10.2.0.23       -  removed  drain    -                  9s        7  "
		"    -        -  "
		"      -          -      -          -      -\n");
}

static void backends_of_an_older_daemon_are_shown_with_dashes(void **state)
{
	expect_report(backends_report_all,
		"[{\"pool\":\"web\",\"name\":\"web-1\",\"address\":\"10.2.0.21\",\"weight\":100,"
		"\"state\":\"active\",\"slots\":32769,\"share_percent\":50.0008,\"packets\":1,"
		"\"bytes\":2,\"new_flows\":3}]",
		"pool  name   address    weight  state   life  health  left  flows  slots  share %  "
		"packets  packets/s  bytes  new flows  new/s\n"
		"web   web-1  10.2.0.21     100  active  -     -          -      -  32769     50.0  "
		"      1          -      2          3      -\n");
}

static void what_a_drain_has_left_is_shown_in_two_units(void **state)
{
	static const struct {
		json_int_t seconds;
		const char *text;
	} rows[] = { { -1, " -1s " }, { 0, " 0s " }, { 59, " 59s " }, { 60, " 1m0s " },
		{ 3599, " 59m59s " }, { 3600, " 1h0m " }, { 86399, " 23h59m " },
		{ 86400, " 1d0h " }, { 604800, " 7d0h " } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *list = json_pack("[{s:I}]", "deadline_s", rows[i].seconds);
		size_t length;
		char *text;
		FILE *out = open_memstream(&text, &length);

		backends_report(list, out);
		fclose(out);
		assert_non_null(strstr(text, rows[i].text));
		free(text);
		json_decref(list);
	}
}

static void pins_are_shown_whole_by_class_and_by_pool(void **state)
{
	expect_report(pins_report,
		"{\"capacity\":786432,\"used\":1234,\"older_used\":7,\"fill_percent\":0.157,\"classes\":"
		"{\"probation\":34,\"established\":1200},\"inserts\":5000,\"refused\":1,"
		"\"evicted\":{\"probation\":2},\"flood\":false,\"crowded\":true,"
		"\"memory_bytes\":8388608,"
		"\"last_sweep_ms\":2.25,\"swept\":3763,\"unpinned\":0,\"pools\":["
		"{\"name\":\"web\",\"slots\":65537,\"pins\":1200,\"flood\":false,\"unresolved\":3277,"
		"\"reasons\":"
		"{\"settling\":3000,\"observing\":200,\"away\":70,\"pinned\":7},"
		"\"longest_wait_s\":912}]}",
		"capacity                         786432\n"
		"used                             1234\n"
		"in older tables                  7\n"
		"fill %                           0.2\n"
		"memory, bytes                    8388608\n"
		"inserts                          5000\n"
		"refused                          1\n"
		"flows without the pin they need  0\n"
		"flood                            no\n"
		"crowded                          yes\n"
		"last sweep, ms                   2.2\n"
		"swept                            3763\n"
		"\n"
		"classes\n"
		"class        pins  evicted\n"
		"probation      34        2\n"
		"established  1200        -\n"
		"\n"
		"pools\n"
		"name  slots  pins  flood  unresolved  settling  observing  away  pinned  longest "
		"wait, s\n"
		"web   65537  1200     no        3277      3000        200    70       7              "
		"912\n");
}

static void an_event_is_a_line_whatever_it_has(void **state)
{
	expect_report(events_report,
		"{\"epoch\":\"0123456789abcdef\",\"events\":[{\"number\":12,"
		"\"time\":\"2026-01-31T12:00:00.123Z\",\"kind\":\"publish\",\"level\":\"info\","
		"\"object\":\"pool\",\"name\":\"web\",\"sentence\":\"pool web: moved 5 slots\"},"
		"{\"number\":1234567,\"time\":\"2026-01-31T12:00:01.000Z\","
		"\"kind\":\"configuration\",\"level\":\"warning\",\"sentence\":\"\\u001b[2J\"},{}],"
		"\"first\":1,\"next\":1234568,\"lost\":0}",
		"2026-01-31T12:00:00.123Z     12 info    publish       pool web: moved 5 slots\n"
		"2026-01-31T12:00:01.000Z 1234567 warning configuration ?[2J\n"
		"-      0 -       -             -\n");
	expect_report(events_report, "{\"events\":[]}", "no events\n");
}

static void health_says_what_backends_ask_for_only_where_they_are_asked(void **state)
{
	expect_report(health_report,
		"[{\"pool\":\"web\",\"name\":\"web-1\",\"health\":\"up\",\"role\":\"serves\","
		"\"type\":\"http\",\"last\":null,\"sentence\":\"passed\",\"asked\":{\"word\":\"none\","
		"\"senseless\":false,\"percent\":25.0,\"applied_percent\":50.0}},"
		"{\"pool\":\"web\",\"name\":\"web-2\",\"health\":\"up\",\"role\":\"rests\","
		"\"type\":\"http\",\"last\":null,\"sentence\":\"it asks for no new flows\",\"asked\":{"
		"\"word\":\"drain\",\"senseless\":false,\"percent\":100,\"applied_percent\":100}},"
		"{\"pool\":\"web\",\"name\":\"web-3\",\"health\":\"up\",\"role\":\"serves\","
		"\"type\":\"http\",\"last\":null,\"sentence\":\"passed\",\"asked\":{\"word\":\"none\","
		"\"senseless\":true,\"percent\":100,\"applied_percent\":100}}]",
		"pool  name   health  role    since  check  ms  last result               asks for\n"
		"web   web-1  up      serves  -      http    -  passed                    25%, 50% applied\n"
		"web   web-2  up      rests   -      http    -  it asks for no new flows  100% drain\n"
		"web   web-3  up      serves  -      http    -  passed                    senseless\n");
	expect_report(health_report,
		"[{\"pool\":\"web\",\"name\":\"web-1\",\"health\":\"down\",\"role\":\"failed\","
		"\"since\":\"2026-11-30T09:30:31Z\",\"override\":\"down\",\"type\":\"tcp\","
		"\"sentence\":\"set by an operator\",\"asked\":null}]",
		"pool  name   health           role    since                 check  ms  last result\n"
		"web   web-1  down (override)  failed  2026-11-30T09:30:31Z  tcp     -  "
		"set by an operator\n");
}

static void health_says_what_a_backend_that_passes_still_needs(void **state)
{
	expect_report(health_report,
		"[{\"pool\":\"web\",\"name\":\"web-1\",\"health\":\"down\",\"role\":\"failed\","
		"\"type\":\"http\",\"sentence\":\"x\",\"last\":{\"passed\":true,\"sentence\":"
		"\"status 200\",\"passed_in_a_row\":13,\"failed_in_a_row\":0,"
		"\"needed_in_a_row\":32,\"returns\":4}},"
		"{\"pool\":\"web\",\"name\":\"web-2\",\"health\":\"down\",\"role\":\"failed\","
		"\"type\":\"http\",\"sentence\":\"x\",\"last\":{\"passed\":true,\"sentence\":"
		"\"status 200\",\"passed_in_a_row\":1,\"failed_in_a_row\":0,"
		"\"needed_in_a_row\":2,\"returns\":0}},"
		"{\"pool\":\"web\",\"name\":\"web-3\",\"health\":\"up\",\"role\":\"serves\","
		"\"type\":\"http\",\"sentence\":\"x\",\"last\":{\"passed\":true,\"sentence\":"
		"\"status 200\",\"passed_in_a_row\":9,\"failed_in_a_row\":0,"
		"\"needed_in_a_row\":null,\"returns\":0}}]",
		"pool  name   health  role    since  check  ms  last result\n"
		"web   web-1  down    failed  -      http    -  "
		"status 200 (13 of 32 in a row; it came back 4 times of late)\n"
		"web   web-2  down    failed  -      http    -  status 200 (1 of 2 in a row)\n"
		"web   web-3  up      serves  -      http    -  status 200\n");
}

static void empty_lists_say_so(void **state)
{
	expect_report(report_services, "[]", "no services\n");
	expect_report(report_pools, "[]", "no pools\n");
	expect_report(backends_report, "[]", "no backends\n");
}

static void an_explanation_shows_what_it_has(void **state)
{
	expect_report(report_explanation,
		"{\"verdict\":\"forwarded\",\"why\":\"service www claims it\",\"service\":\"www\","
		"\"slot\":123,\"outer_destination\":\"10.2.0.21\",\"mtu\":1500}",
		"verdict            forwarded\n"
		"why                service www claims it\n"
		"service            www\n"
		"slot               123\n"
		"outer destination  10.2.0.21\n"
		"mtu                1500\n");
}

static void an_explanation_says_why_a_flow_is_where_it_is(void **state)
{
	expect_report(report_explanation,
		"{\"verdict\":\"forwarded\",\"slot\":123,\"slot_state\":\"tracked\","
		"\"reason\":\"pin\",\"reason_text\":\"a pin remembers its backend\","
		"\"home\":\"web-1\",\"current\":\"web-2\",\"pin\":{\"backend\":\"web-1\","
		"\"class\":\"established\",\"age_s\":12},\"backend\":\"web-1\"}",
		"verdict     forwarded\n"
		"slot        123\n"
		"slot state  tracked\n"
		"home        web-1\n"
		"current     web-2\n"
		"reason      pin\n"
		"that is     a pin remembers its backend\n"
		"pin         web-1, established, 12 s old\n"
		"backend     web-1\n");
	expect_report(report_explanation,
		"{\"slot_state\":\"quiet\",\"home\":null,\"pin\":null,\"backend\":\"web-1\"}",
		"slot state  quiet\n"
		"backend     web-1\n");
}

static void an_explanation_says_which_health_made_the_choice(void **state)
{
	expect_report(report_explanation,
		"{\"verdict\":\"forwarded\",\"slot_state\":\"tracked\",\"home\":\"web-1\","
		"\"home_health\":{\"health\":\"down\",\"since\":\"2026-11-30T09:30:31Z\","
		"\"sentence\":\"connect refused\"},\"current\":\"web-2\",\"backend\":\"web-2\","
		"\"health\":{\"health\":\"up\",\"since\":null,\"sentence\":\"passed\"},"
		"\"pool_health\":{\"mode\":\"fail_open\",\"since\":\"2026-11-30T09:30:32Z\","
		"\"sentence\":\"1 of 3 backends is up\"},\"address\":\"10.2.0.22\"}",
		"verdict     forwarded\n"
		"slot state  tracked\n"
		"home        web-1\n"
		"home is     down since 2026-11-30T09:30:31Z: connect refused\n"
		"current     web-2\n"
		"backend     web-2\n"
		"health      up: passed\n"
		"pool mode   fail_open since 2026-11-30T09:30:32Z: 1 of 3 backends is up\n"
		"address     10.2.0.22\n");
}

static void statistics_have_the_checks_and_what_they_come_to(void **state)
{
	expect_report(report_statistics,
		"{\"checks\":{\"targets\":5,\"probes\":123,\"untried\":2,\"under_way\":1,\"waiting\":0,"
		"\"late_ms\":3,\"cpu_time_ms\":45,"
		"\"packets\":{\"sent\":77,\"unmarked\":0,\"mtu_exceeded\":6}},\"pools\":{\"web\":{\"initial\":1,\"up\":3,\"down\":2}}}",
		"ports\n"
		"none\n"
		"\n"
		"verdicts\n"
		"\n"
		"checks\n"
		"targets                          5\n"
		"probes                         123\n"
		"that this node could not make    2\n"
		"under way                        1\n"
		"waiting                          0\n"
		"latest, ms                       3\n"
		"cpu time, ms                    45\n"
		"packets to VIPs, sent           77\n"
		"packets to VIPs, mtu_exceeded    6\n"
		"\n"
		"health of pools\n"
		"name  up  down  initial\n"
		"web    3     2        1\n");
}

static void statistics_leave_out_what_drivers_count_as_zero(void **state)
{
	expect_report(report_statistics,
		"{\"ports\":{\"edge\":{\"rx_packets\":10,\"rx_bytes\":600,\"tx_packets\":9,"
		"\"tx_bytes\":720,\"rx_missed\":0,\"driver\":{\"rx_good\":10,\"rx_bad\":0},"
		"\"steer\":{\"to_worker\":0}}},\"verdicts\":{\"forwarded\":9,\"malformed\":0},"
		"\"services\":{\"www\":{\"packets\":9,\"bytes\":540,\"new_flows\":1}},"
		"\"backends\":{\"web/web-1\":{\"packets\":9,\"bytes\":540,\"new_flows\":1}},"
		"\"workers\":[{\"lcore\":1,\"packets\":10,\"busy_percent\":0.5,"
		"\"cycles_per_packet\":61.7}]}",
		"ports\n"
		"name  rx packets  rx bytes  tx packets  tx bytes  rx missed\n"
		"edge          10       600           9       720          0\n"
		"\n"
		"driver of port edge\n"
		"rx_good  10\n"
		"\n"
		"verdicts\n"
		"forwarded  9\n"
		"malformed  0\n"
		"\n"
		"services\n"
		"name  packets  bytes  new flows\n"
		"www         9    540          1\n"
		"\n"
		"backends\n"
		"name       packets  bytes  new flows\n"
		"web/web-1        9    540          1\n"
		"\n"
		"workers\n"
		"lcore  packets  busy %  cycles/packet\n"
		"    1       10     0.5           61.7\n");
}

static void results_of_another_shape_are_survived(void **state)
{
	static void (*const reports[])(const json_t *, FILE *) = { report_status, report_services,
		report_pools, backends_report, pins_report, report_explanation, report_statistics,
		change_report, report_document };
	static const char *const results[] = {
		"null", "3", "\"x\"", "[]", "{}", "[1,null,[]]",
		"{\"ports\":3,\"verdicts\":[],\"workers\":{\"a\":1},\"state\":7,\"pools\":[{}]}",
		"[{\"flows_left\":7,\"deadline_s\":\"x\",\"removed\":3,\"state\":{}},[]]",
		"{\"classes\":{\"a\":null},\"evicted\":[1],\"pools\":[{\"reasons\":3}]}",
		"{\"pin\":{\"backend\":[],\"age_s\":{}},\"largest_load_change\":{\"pool\":7}}",
		"{\"cut_percent\":7,\"services_cut\":[3,{}],\"backends_cut\":[null,{\"flows_left\":3}]}"
	};

	for (size_t i = 0; i < COUNT_OF(reports); i++) {
		for (size_t j = 0; j < COUNT_OF(results); j++) {
			json_t *value = json_loads(results[j], JSON_DECODE_ANY, NULL);
			size_t length;
			char *text;
			FILE *out = open_memstream(&text, &length);

			reports[i](value, out);
			assert_int_equal(fclose(out), 0);
			free(text);
			json_decref(value);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_begins_with_whether_the_node_is_ready),
		cmocka_unit_test(the_status_begins_with_what_is_wrong),
		cmocka_unit_test(the_last_change_says_what_differed),
		cmocka_unit_test(lists_are_tables),
		cmocka_unit_test(backends_tell_how_they_live_and_what_a_drain_has_left),
		cmocka_unit_test(backends_of_an_older_daemon_are_shown_with_dashes),
		cmocka_unit_test(what_a_drain_has_left_is_shown_in_two_units),
		cmocka_unit_test(pins_are_shown_whole_by_class_and_by_pool),
		cmocka_unit_test(an_event_is_a_line_whatever_it_has),
		cmocka_unit_test(health_says_what_backends_ask_for_only_where_they_are_asked),
		cmocka_unit_test(health_says_what_a_backend_that_passes_still_needs),
		cmocka_unit_test(empty_lists_say_so),
		cmocka_unit_test(an_explanation_shows_what_it_has),
		cmocka_unit_test(an_explanation_says_why_a_flow_is_where_it_is),
		cmocka_unit_test(an_explanation_says_which_health_made_the_choice),
		cmocka_unit_test(statistics_have_the_checks_and_what_they_come_to),
		cmocka_unit_test(statistics_leave_out_what_drivers_count_as_zero),
		cmocka_unit_test(results_of_another_shape_are_survived),
	};

	return cmocka_run_group_tests_name("sluicectl_report", tests, NULL, NULL);
}
