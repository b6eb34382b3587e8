/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/feasible.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "host/device_check.h"
#include "host/eal.h"
#include "forwarding/forwarding.h"
#include "common/group.h"
#include "common/memory_left.h"
#include "base/plural.h"
#include "port.h"

#define HALF (CONFIG_HASH_KEY_SIZE / 2)

/* Keys that have been published, the oldest first. */
static const uint8_t published[][CONFIG_HASH_KEY_SIZE] = {
	{ 0x5c, 0x1f, 0x0e, 0x7a, 0x93, 0xb2, 0x4d, 0x68, 0x8f, 0x02, 0xc6, 0xab, 0x17, 0xde, 0x40,
		0x93 },
};

static bool is_published(const uint8_t key[static CONFIG_HASH_KEY_SIZE])
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		if (memcmp(key, published[i], CONFIG_HASH_KEY_SIZE) == 0)
			return true;
	return false;
}

/* Equal bytes, bytes that rise or fall evenly, the same half twice: not random. */
static bool is_pattern(const uint8_t key[static CONFIG_HASH_KEY_SIZE])
{
	const uint8_t step = (uint8_t)(key[1] - key[0]);
	bool even = true;

	for (size_t i = 1; i < CONFIG_HASH_KEY_SIZE; i++)
		even &= (uint8_t)(key[i] - key[i - 1]) == step;
	return even || memcmp(key, key + HALF, HALF) == 0;
}

static int check_secret(const struct config *config, struct findings *findings)
{
	const char *what = is_published(config->hash_key)
				   ? "it is the key of the documentation"
				   : "it is a pattern that anybody would try";

	if (!is_published(config->hash_key) && !is_pattern(config->hash_key))
		return 0;
	return findings_add(
		findings, "node.hash_key: %s, and no secret; make one: openssl rand -hex 16", what);
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat status, other;

	if (stat(a, &status) == 0 && stat(b, &other) == 0)
		return status.st_dev == other.st_dev && status.st_ino == other.st_ino;
	return strcmp(a, b) == 0;
}

static int check_files(const struct config *config, const char *path, struct findings *findings)
{
	int result = 0;

	if (is_same_file(config->dataplane.state_file, path))
		result = findings_add(findings,
			"dataplane.state_file: %s is this configuration file, which it would "
			"overwrite",
			config->dataplane.state_file);
	if (result == 0 && is_same_file(config->socket, path))
		return findings_add(
			findings, "control.socket: %s is this configuration file", config->socket);
	return result;
}

static int check_group(const struct config *config, struct findings *findings)
{
	struct error error = { "" };
	gid_t group;

	return findings_take(findings, group_find(config->group, &group, &error), &error);
}

static int check_devices(const struct config *config, struct findings *findings)
{
	int result = 0;

	for (size_t i = 0; i < config->dataplane.port_count && result == 0; i++) {
		struct error error = { "" };

		result = device_check(&config->dataplane.ports[i], i, &error);
		result = findings_take(findings, result, &error);
	}
	return result;
}

static int check_mbufs(const struct config *config, struct findings *findings)
{
	const struct config_dataplane *dataplane = &config->dataplane;
	uint64_t queues = dataplane->port_count * dataplane->worker_count;
	uint64_t needed = 0;

	for (size_t i = 0; i < dataplane->port_count; i++)
		needed += port_mbufs_held(
			dataplane->ports[i].device, (uint16_t)dataplane->worker_count);
	if (dataplane->mbufs > needed)
		return 0;
	return findings_add(findings,
		"dataplane.mbufs: %u are too few: the queue%s of %zu port%s for %u worker%s hold%s "
		"%lu",
		dataplane->mbufs, plural(queues), dataplane->port_count,
		plural(dataplane->port_count), dataplane->worker_count,
		plural(dataplane->worker_count), queues == 1 ? "s" : "", (unsigned long)needed);
}

static int check_slots(const struct config *config, struct findings *findings)
{
	uint64_t words = forwarding_slot_words(config);

	if (words <= FORWARDING_SLOT_WORDS_MAX)
		return 0;
	return findings_add(findings,
		"pools: %lu slots in all, and a state file has room for %u: give them fewer slots",
		(unsigned long)words, FORWARDING_SLOT_WORDS_MAX);
}

static int check_rest(const struct config *config, const char *path, struct findings *findings)
{
	int result = check_files(config, path, findings);

	if (result == 0)
		result = check_group(config, findings);
	if (result == 0)
		result = eal_check(config, findings);
	if (result == 0)
		result = check_devices(config, findings);
	if (result == 0)
		result = check_slots(config, findings);
	return result;
}

/*
 * Only at a start, because it depends on this host; without the queues, buffers for them do not
 * matter.
 */
static int check_queues(const struct config *config, struct findings *findings)
{
	const struct config_dataplane *dataplane = &config->dataplane;
	int result = 0;

	for (size_t i = 0; i < dataplane->port_count && result == 0; i++) {
		const struct config_port *port = &dataplane->ports[i];
		struct error error = { "" };

		if (port->host_path == CONFIG_HOST_PATH_DROP)
			continue;
		result = port_check_device_queues(
			port->device, (uint16_t)dataplane->worker_count, &error);
		if (result != 0)
			error_wrap(&error, result, "dataplane.ports[%zu].device", i);
		result = findings_take(findings, result, &error);
	}
	return result;
}

void feasible_validate(const struct config *config, const char *path, struct findings *findings)
{
	int result = check_secret(config, findings);

	if (result == 0)
		result = check_rest(config, path, findings);
	if (result == 0)
		check_mbufs(config, findings);
}

static int check_interfaces(const struct config *config, struct findings *findings)
{
	const struct config_dataplane *dataplane = &config->dataplane;
	int result = 0;

	for (size_t i = 0; i < dataplane->port_count && result == 0; i++) {
		const struct config_port *port = &dataplane->ports[i];
		struct error error = { "" };

		result = port_check_device_interface(port->device, port->mtu, &error);
		if (result != 0)
			error_wrap(&error, result, "dataplane.ports[%zu].device", i);
		result = findings_take(findings, result, &error);
	}
	return result;
}

void feasible_validate_host(const struct config *config, struct findings *findings)
{
	struct error error = { "" };
	int result = check_interfaces(config, findings);

	if (result == 0)
		result = check_queues(config, findings);
	if (result == 0)
		result = findings_take(findings, eal_check_cpus(config, &error), &error);
	if (result == 0)
		findings_take(findings, feasible_check_memory(config, &error), &error);
}

int feasible_check_memory(const struct config *config, struct error *error)
{
	struct state_layout layout = { 0 };
	int code;

	forwarding_layout(config, config->dataplane.worker_count, &layout);
	code = memory_left_check("/proc", state_memory(&layout), error);
	return code == 0 ? 0 : error_wrap(error, code, "dataplane.pins, pools: the state file");
}

int feasible_check_secret(const struct config *config, struct error *error)
{
	struct findings findings;

	findings_init(&findings, 1);
	check_secret(config, &findings);
	return findings_first(&findings, error);
}

int feasible_check(const struct config *config, const char *path, struct error *error)
{
	struct findings findings;

	findings_init(&findings, 1);
	if (check_rest(config, path, &findings) == 0 && check_queues(config, &findings) == 0)
		check_mbufs(config, &findings);
	return findings_first(&findings, error);
}

bool feasible_is_exposed(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0;
}
