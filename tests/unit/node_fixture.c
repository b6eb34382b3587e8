/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <sched.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "node_fixture.h"

const struct state_layout node_layout = {
	.workers = 2,
	.ports = NODE_PORTS,
	.services = 8,
	.backends = 32,
	.slot_words = 3 * 256,
	.records = RECORD_MODE_COUNT * (2 * 32 + 1),
	.pools = 4,
	.pin_buckets = 64,
};

uint64_t node_clock_ms = 1000000;

static uint64_t read_clock(void)
{
	return node_clock_ms;
}

/* EAL pins the thread that starts it, and threads to come inherit that: undone here. */
static int start_eal(void)
{
	char prefix[32];
	char *arguments[] = { "unit", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
		"-m64", "--log-level=error", prefix, NULL };
	cpu_set_t cpus;

	snprintf(prefix, sizeof(prefix), "--file-prefix=unit-%d", getpid());
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return -1;
	if (rte_eal_init(COUNT_OF(arguments) - 1, arguments) < 0) {
		print_error("DPDK did not start: %s\n", rte_strerror(rte_errno));
		return -1;
	}
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

static struct port *open_port(const struct node_host *host, const char *name, const char *device,
	uint16_t mtu, struct error *error)
{
	const struct port_options options = {
		.name = name,
		.device = device,
		.mtu = mtu,
		.queues = 1,
		.host_path = PORT_HOST_PATH_DEFAULT,
	};

	return port_open(&options, host->mempools, error);
}

int node_host_start(void **state)
{
	struct node_host *host = calloc(1, sizeof(*host));
	struct error error = { "" };

	if (host == NULL || start_eal() != 0)
		return -1;
	*state = host;
	host->mempools = mempools_create(1024, 1500, &error);
	if (host->mempools != NULL)
		host->ports[0] = open_port(host, "left", "net_null0", 1500, &error);
	if (host->ports[0] != NULL)
		host->ports[1] = open_port(host, "right", "net_null1", 9000, &error);
	if (host->ports[1] != NULL)
		return 0;
	print_error("%s\n", error.message);
	return -1;
}

int node_host_stop(void **state)
{
	struct node_host *host = *state;
	char runtime[512];
	int result;

	for (unsigned int i = 0; i < NODE_PORTS; i++)
		port_close(host->ports[i]);
	mempools_destroy(host->mempools);
	free(host);
	snprintf(runtime, sizeof(runtime), "%s", rte_eal_get_runtime_dir());
	result = rte_eal_cleanup();
	return result == 0 ? rmdir(runtime) : result; /* EAL leaves it behind, empty */
}

const char *node_state_path(const struct node *node, char path[static 64])
{
	snprintf(path, 64, "%s/state", node->directory);
	return path;
}

static void open_state(struct node *node)
{
	struct state_refusal refusal;
	char path[64];

	if (state_open(node_state_path(node, path), &node->layout, 0, &node->state, &refusal) != 0)
		fail_msg("%s", state_refusal_text(refusal.reason));
}

void node_commit(struct node *node)
{
	struct state_refusal refusal;

	if (state_commit(node->state, &refusal) != 0)
		fail_msg("%s", state_refusal_text(refusal.reason));
}

static void create_forwarding(struct node *node)
{
	node->publish = publish_create(node->readers);
	assert_non_null(node->publish);
	node->forwarding = forwarding_create(node->state, node->publish, &node->secret,
		node->host->ports, NODE_PORTS, read_clock);
	assert_non_null(node->forwarding);
}

struct node *node_create(
	const struct node_host *host, const struct state_layout *layout, unsigned int readers)
{
	static const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
		12, 13, 14, 15 };
	struct node *node = calloc(1, sizeof(*node));

	assert_non_null(node);
	node->host = host;
	node->readers = readers;
	flow_secret_generate(&node->secret, hash_key);
	strcpy(node->directory, "/tmp/sluice-unit-XXXXXX");
	assert_non_null(mkdtemp(node->directory));
	node->layout = *layout;
	open_state(node);
	node_commit(node);
	create_forwarding(node);
	return node;
}

static char *said_by_adoption;

static void note_said(const char *sentence)
{
	snprintf(said_by_adoption, NODE_SAID_SIZE, "%s", sentence);
}

void node_stop(struct node *node)
{
	publish_destroy(node->publish);
	forwarding_destroy(node->forwarding);
	state_close(node->state);
	config_destroy(node->config);
	node->config = NULL;
}

void node_adopt(struct node *node, const struct config *config, char said[static NODE_SAID_SIZE])
{
	struct error error = { "" };

	said[0] = '\0';
	said_by_adoption = said;
	open_state(node);
	create_forwarding(node);
	if (forwarding_adopt(node->forwarding, config, note_said, &error) != 0)
		fail_msg("%s", error.message);
}

void node_resume_unbuilt(struct node *node, struct config *config, char said[static NODE_SAID_SIZE])
{
	node_adopt(node, config, said);
	node_apply(node, config);
	node_commit(node);
}

void node_resume(struct node *node, struct config *config, char said[static NODE_SAID_SIZE])
{
	node_resume_unbuilt(node, config, said);
	node_build(node);
}

void node_restart(struct node *node, struct config *config, char said[static NODE_SAID_SIZE])
{
	node_stop(node);
	node_resume(node, config, said);
}

void node_destroy(struct node *node)
{
	publish_destroy(node->publish);
	forwarding_destroy(node->forwarding);
	state_discard(node->state);
	assert_int_equal(rmdir(node->directory), 0);
	config_destroy(node->config);
	free(node);
}

struct forwarding_change *node_prepare(
	struct node *node, const struct config *config, struct error *error)
{
	static const struct live_terms terms = { .force = false };

	return forwarding_prepare(node->forwarding, config, &terms, error);
}

void node_apply_by(struct node *node, struct config *config, const struct live_terms *terms)
{
	struct error error = { "" };
	struct forwarding_change *change;

	change = forwarding_prepare(node->forwarding, config, terms, &error);
	if (change == NULL)
		fail_msg("%s", error.message);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = config;
}

void node_apply(struct node *node, struct config *config)
{
	static const struct live_terms terms = { .force = false };

	node_apply_by(node, config, &terms);
}

void node_build(struct node *node)
{
	uint64_t clock_ms = node_clock_ms;
	uint32_t due_ms;

	while ((due_ms = forwarding_build_due(node->forwarding)) != FORWARDING_IDLE)
		node_clock_ms += due_ms;
	node_clock_ms = clock_ms;
}

void node_wait(struct node *node, unsigned int seconds)
{
	while (seconds-- > 0) {
		node_clock_ms += 1000;
		forwarding_advance(node->forwarding);
		while (forwarding_go_on(node->forwarding) != FORWARDING_IDLE)
			continue;
		publish_reclaim(node->publish);
	}
}

const char *node_refusal(struct node *node, struct config *config, struct error *error)
{
	error->message[0] = '\0';
	if (node_prepare(node, config, error) != NULL)
		fail_msg("prepared what should be refused");
	config_destroy(config);
	return error->message;
}
