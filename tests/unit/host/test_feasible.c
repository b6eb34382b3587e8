/* SPDX-License-Identifier: BSD-3-Clause */
/* Documents that are right by themselves and can never start, each with its sentence. */
#include "unit.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/eal.h"
#include "host/feasible.h"
#include "forwarding/forwarding.h"

#define KEY "3f9a1c07d2e84b65a0b7c31e94f8d62b"

static char directory[] = "/tmp/test-feasible-XXXXXX";
static char path[sizeof(directory) + 16];

/* JSON with ' in the place of "; `dataplane` and `port` are members of these objects. */
static struct config *read_config(
	const char *key, const char *dataplane, const char *device, const char *port)
{
	struct error error = { "" };
	struct config *config;
	json_t *document;
	char text[2048];

	snprintf(text, sizeof(text),
		"{'node': {'name': 'n', 'hash_key': '%s'}, 'dataplane': {%s%s'ports': "
		"[{'name': 'edge', 'device': '%s'%s%s}]}, 'pools': [], 'services': []}",
		key, dataplane, dataplane[0] == '\0' ? "" : ", ", device,
		port[0] == '\0' ? "" : ", ", port);
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	document = config_document_parse(text, strlen(text), &error);
	config = document == NULL ? NULL : config_read(document, NULL, &error);
	json_decref(document);
	if (config == NULL)
		fail_msg("%s: %s", text, error.message);
	return config;
}

static void check(struct config *config, const char *sentence)
{
	struct error error = { "" };
	int result = feasible_check(config, path, &error);

	config_destroy(config);
	if (sentence == NULL ? result != 0 : result != -EINVAL)
		fail_msg("%d: '%s', expected '%s'", result, error.message,
			sentence == NULL ? "" : sentence);
	if (sentence != NULL)
		assert_string_equal(error.message, sentence);
}

static void what_can_start_is_let_by(void **state)
{
	static const char *const devices[] = { "net_null0", "0000:3b:00.0", "3b:00.0",
		"net_af_xdp0,iface=eth1", "net_af_packet0,iface=eth1,qpairs=2", "net_virtio_user0",
		"net_mlx5_0", "eth_af_packet0,iface=eth1", "net_tun0",
		"class=eth,mac=02:00:00:00:00:01", "635a7ae3-091e-4410-ad59-667c4f8c04c3" };

	for (size_t i = 0; i < COUNT_OF(devices); i++)
		check(read_config(KEY, "", devices[i], ""), NULL);
	check(read_config(KEY, "", "net_af_xdp0,iface=eth1", "'host_path': 'xdp'"), NULL);
	check(read_config(KEY, "", "net_af_xdp0,iface=eth1,xdp_prog=/x.o", "'host_path': 'drop'"),
		NULL);
	check(read_config(KEY, "'eal': ['--no-pci', '-m', '64', '--log-level=7']", "net_null0", ""),
		NULL);
}

static void a_device_that_cannot_be_is_refused_with_what_is_meant(void **state)
{
	static const struct {
		const char *device, *port, *sentence;
	} rows[] = {
		{ "eth1", "",
			"dataplane.ports[0].device: eth1 is no DPDK device; for the kernel's "
			"interface of that name write net_af_xdp0,iface=eth1" },
		{ "enp59s0f0np0", "",
			"dataplane.ports[0].device: enp59s0f0np0 is no DPDK device; for the "
			"kernel's interface of that name write net_af_xdp0,iface=enp59s0f0np0" },
		{ "net_afxdp0,iface=eth1", "",
			"dataplane.ports[0].device: there is no driver net_afxdp0, did you mean "
			"net_af_xdp?" },
		{ "net_af_paket0,iface=eth1", "",
			"dataplane.ports[0].device: there is no driver net_af_paket0, did you mean "
			"net_af_packet?" },
		{ "net_af_xdp0", "",
			"dataplane.ports[0].device: net_af_xdp0 needs iface= and an interface" },
		{ "net_af_packet0,iface=", "",
			"dataplane.ports[0].device: net_af_packet0,iface= needs iface= and an "
			"interface" },
		{ "net_null0", "'host_path': 'xdp'",
			"dataplane.ports[0].host_path: xdp needs a device of net_af_xdp, which "
			"net_null0 is not" },
		{ "net_af_xdp0,iface=eth1", "'host_path': 'copy'",
			"dataplane.ports[0].host_path: copy needs a device of net_af_packet, which "
			"net_af_xdp0,iface=eth1 is not" },
		{ "net_af_xdp0,iface=eth1,xdp_prog=/x.o", "",
			"dataplane.ports[0].device: it brings an xdp_prog of its own, which host "
			"path xdp would replace" },
		{ "net_af_packet0,iface=eth1", "'mtu': 9000",
			"dataplane.ports[0].mtu: 9000 is more than the 1964 that net_af_packet can "
			"take" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check(read_config(KEY, "", rows[i].device, rows[i].port), rows[i].sentence);
}

static void arguments_that_are_made_from_other_keys_are_refused(void **state)
{
	check(read_config(KEY, "'eal': ['--no-pci', '-l', '0']", "net_null0", ""),
		"dataplane.eal[1]: -l is made from dataplane.workers");
	check(read_config(KEY, "'eal': ['--main-lcore=1']", "net_null0", ""),
		"dataplane.eal[0]: --main-lcore is made from dataplane.workers");
}

static void too_few_buffers_for_the_queues_are_refused(void **state)
{
	struct config *config =
		read_config(KEY, "'workers': 2, 'mbufs': 1024", "net_af_xdp0,iface=eth1", "");
	struct error error = { "" };

	assert_int_equal(feasible_check(config, path, &error), -EINVAL);
	assert_non_null(strstr(error.message, "dataplane.mbufs: 1024 are too few"));
	config_destroy(config);
	/* a driver whose rings hold none */
	check(read_config(KEY, "'workers': 2, 'mbufs': 1024", "net_null0", ""), NULL);
}

/* A start names what must be mended first: without a queue no buffer helps. */
static void too_few_queues_are_named_before_too_few_buffers(void **state)
{
	struct config *config =
		read_config(KEY, "'workers': 2, 'mbufs': 1024", "net_af_xdp0,iface=lo", "");
	struct findings findings;
	struct error error = { "" };

	assert_int_equal(feasible_check(config, path, &error), -EINVAL);
	assert_non_null(strstr(error.message,
		"dataplane.ports[0].device: 2 workers need as many receive queues of lo, which has "
		"1"));
	findings_init(&findings, FINDINGS_MAX);
	feasible_validate(config, path, &findings); /* of another host, perhaps */
	assert_int_equal(findings.count, 1);
	assert_non_null(strstr(findings.errors[0].message, "dataplane.mbufs: 1024 are too few"));
	config_destroy(config);
}

static size_t check_host(struct config *config, struct findings *findings)
{
	findings_init(findings, FINDINGS_MAX);
	feasible_validate_host(config, findings);
	config_destroy(config);
	return findings->count;
}

static void what_this_host_lacks_is_told_apart_from_the_file(void **state)
{
	struct findings findings;

	assert_int_equal(
		check_host(read_config(KEY, "", "net_af_xdp0,iface=lo", ""), &findings), 0);
	assert_int_equal(check_host(read_config(KEY, "'workers': 2, 'idle': 'rest'",
					    "net_af_xdp0,iface=lo", ""),
				 &findings),
		1);
	assert_non_null(strstr(findings.errors[0].message,
		"dataplane.ports[0].device: 2 workers need as many receive queues of lo"));
	check(read_config(KEY, "", "net_af_xdp0,iface=no-such-one", ""), NULL);
	assert_int_equal(check_host(read_config(KEY, "'workers': [1023]",
					    "net_af_xdp0,iface=no-such-one", ""),
				 &findings),
		2);
	assert_string_equal(findings.errors[0].message,
		"dataplane.ports[0].device: interface no-such-one: No such device");
	assert_string_equal(findings.errors[1].message,
		"dataplane.workers[0]: CPU 1023 is not one that this process may use");
}

/* The arguments that begin with `option`, one after the other. */
static void assert_composed(struct config *config, const char *option, const char *expected)
{
	struct eal_arguments arguments = { 0 };
	struct error error = { "" };
	char found[256] = "";

	assert_int_equal(eal_compose(config, 0, &arguments, &error), 0);
	for (int i = 0; i < arguments.count; i++)
		if (strncmp(arguments.list[i], option, strlen(option)) == 0)
			strcat(strcat(found, arguments.list[i]), " ");
	assert_string_equal(found, expected);
	eal_arguments_fini(&arguments);
	config_destroy(config);
}

static void eal_opens_no_card_but_those_that_are_named(void **state)
{
	assert_composed(read_config(KEY, "", "net_null0", ""), "--no-pci", "--no-pci ");
	assert_composed(read_config(KEY, "", "net_null0", ""), "-a", "");
	assert_composed(read_config(KEY, "", "0000:3b:00.0,safe-mode-support=1", ""), "-a",
		"-a0000:3b:00.0,safe-mode-support=1 ");
	assert_composed(read_config(KEY, "", "0000:3b:00.0", ""), "--no-pci", "");
	assert_composed(
		read_config(KEY, "'eal': ['-b', '0000:00:03.0']", "0000:3b:00.0", ""), "-a", "");
	assert_composed(
		read_config(KEY, "'eal': ['-a', '0000:3b:00.0']", "0000:3b:00.0", ""), "-a", "-a ");
}

static void all_that_cannot_start_is_found_at_once(void **state)
{
	static const char *const sentences[] = {
		("node.hash_key: it is a pattern that anybody would try, and no secret; make one: "
		 "openssl rand -hex 16"),
		"dataplane.eal[0]: -l is made from dataplane.workers",
		"dataplane.eal[2]: -S is made from dataplane.workers",
		"dataplane.ports[0].device: net_af_xdp0 needs iface= and an interface",
		"dataplane.mbufs: 1024 are too few: the queue of 1 port for 1 worker holds 4096",
	};
	struct config *config = read_config("11111111111111111111111111111111",
		"'mbufs': 1024, 'eal': ['-l', '0', '-S', '1']", "net_af_xdp0", "");
	struct findings findings;

	findings_init(&findings, FINDINGS_MAX);
	feasible_validate(config, path, &findings);
	for (size_t i = 0; i < findings.count && i < COUNT_OF(sentences); i++)
		assert_string_equal(findings.errors[i].message, sentences[i]);
	assert_int_equal(findings.count, COUNT_OF(sentences));
	config_destroy(config);
}

/* A start asks apart from the rest, which holds after a restart as well. */
static void check_secret(const char *key, const char *sentence)
{
	struct config *config = read_config(key, "", "net_null0", "");
	struct error error = { "" };

	assert_int_equal(feasible_check_secret(config, &error), sentence == NULL ? 0 : -EINVAL);
	assert_string_equal(error.message, sentence == NULL ? "" : sentence);
	check(config, NULL);
}

static void a_secret_that_is_none_is_refused(void **state)
{
	static const char *const patterns[] = { "000102030405060708090a0b0c0d0e0f",
		"0f0e0d0c0b0a09080706050403020100", "11111111111111111111111111111111",
		"00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100",
		"0123456789abcdef0123456789abcdef", "deadbeefdeadbeefdeadbeefdeadbeef" };

	for (size_t i = 0; i < COUNT_OF(patterns); i++)
		check_secret(patterns[i],
			"node.hash_key: it is a pattern that anybody would try, and no secret; "
			"make one: openssl rand -hex 16");
	check_secret(KEY, NULL);
	check_secret("5c1f0e7a93b24d688f02c6ab17de4093",
		"node.hash_key: it is the key of the documentation, and no secret; make one: "
		"openssl rand -hex 16");
}

static void the_configuration_itself_is_no_state_file(void **state)
{
	struct config *config = read_config(KEY, "", "net_null0", "");
	char other[sizeof(path) + 8], sentence[256];

	free(config->dataplane.state_file);
	config->dataplane.state_file = strdup(path);
	snprintf(sentence, sizeof(sentence),
		"dataplane.state_file: %s is this configuration file, which it would overwrite",
		path);
	check(config, sentence);

	config = read_config(KEY, "", "net_null0", "");
	snprintf(other, sizeof(other), "%s.link", path);
	assert_int_equal(symlink(path, other), 0);
	free(config->dataplane.state_file);
	config->dataplane.state_file = strdup(other);
	snprintf(sentence, sizeof(sentence),
		"dataplane.state_file: %s is this configuration file, which it would overwrite",
		other);
	check(config, sentence);
	assert_int_equal(unlink(other), 0);
}

static void more_slots_than_a_state_file_has_room_for_are_refused(void **state)
{
	struct config *config = read_config(KEY, "", "net_null0", "");
	struct state_layout layout = { 0 };
	struct error error = { "" };

	free(config->pools);
	config->pools = calloc(16400, sizeof(*config->pools));
	config->pool_count = 16400;
	for (size_t i = 0; i < config->pool_count; i++)
		config->pools[i].slots = 65537;
	assert_int_equal(feasible_check(config, path, &error), -EINVAL);
	assert_string_equal(error.message,
		"pools: 1075052800 slots in all, and a state file has room for 1073741824: give "
		"them fewer slots");
	config->pool_count = 16000;
	assert_int_equal(feasible_check(config, path, &error), 0);
	forwarding_layout(config, 1, &layout);
	assert_int_equal(layout.slot_words, FORWARDING_SLOT_WORDS_MAX);
	config_destroy(config);
}

static void a_group_has_to_exist(void **state)
{
	struct config *config = read_config(KEY, "", "net_null0", "");

	assert_string_equal(config->group, "");
	strcpy(config->group, "no-such-group.sluice");
	check(config, "control.group: there is no group \"no-such-group.sluice\" on this machine "
		      "(groupadd --system no-such-group.sluice)");
	config = read_config(KEY, "", "net_null0", "");
	strcpy(config->group, "root");
	check(config, NULL);
}

static int load(mode_t mode, uid_t owner, struct error *error)
{
	json_t *document;

	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(chown(path, owner, 0), 0);
	document = config_document_load(path, error);
	assert_int_equal(chown(path, 0, 0), 0);
	if (document == NULL)
		return -1;
	json_decref(document);
	return 0;
}

static void a_file_that_others_may_write_is_refused(void **state)
{
	struct error error = { "" };

	assert_int_equal(load(0640, 0, &error), 0);
	assert_false(feasible_is_exposed(path));
	assert_int_equal(load(0644, 0, &error), 0);
	assert_true(feasible_is_exposed(path));
	assert_int_equal(load(0660, 0, &error), -1);
	assert_non_null(strstr(error.message, "mode 0660"));
	assert_int_equal(load(0602, 0, &error), -1);
	assert_non_null(strstr(error.message, "chmod go-w"));
	assert_int_equal(load(0600, 65534, &error), -1);
	assert_non_null(strstr(error.message, "belongs to user 65534"));
}

static int make_file(void **state)
{
	FILE *file;

	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/sluice.json", directory);
	file = fopen(path, "w");
	if (file == NULL || fputs("{}\n", file) < 0)
		return -1;
	return fclose(file);
}

static int remove_file(void **state)
{
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_can_start_is_let_by),
		cmocka_unit_test(a_device_that_cannot_be_is_refused_with_what_is_meant),
		cmocka_unit_test(arguments_that_are_made_from_other_keys_are_refused),
		cmocka_unit_test(too_few_buffers_for_the_queues_are_refused),
		cmocka_unit_test(too_few_queues_are_named_before_too_few_buffers),
		cmocka_unit_test(all_that_cannot_start_is_found_at_once),
		cmocka_unit_test(what_this_host_lacks_is_told_apart_from_the_file),
		cmocka_unit_test(eal_opens_no_card_but_those_that_are_named),
		cmocka_unit_test(a_secret_that_is_none_is_refused),
		cmocka_unit_test(the_configuration_itself_is_no_state_file),
		cmocka_unit_test(more_slots_than_a_state_file_has_room_for_are_refused),
		cmocka_unit_test(a_group_has_to_exist),
		cmocka_unit_test(a_file_that_others_may_write_is_refused),
	};

	return cmocka_run_group_tests_name("feasible", tests, make_file, remove_file);
}
