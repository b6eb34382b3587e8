/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/host_watch.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/feasible.h"
#include "common/events.h"
#include "base/netdev.h"
#include "steer/steer.h"

#define ROUND_S     5                 /* a round of conditions */
#define PAUSE_MAX_S 64                /* between two attempts to attach a program again */
#define PEACE_S     (2 * PAUSE_MAX_S) /* a program that stayed this long is not disputed */

/*
 * When a program that was detached is attached again. If it is soon detached once more, or refused,
 * that is intended by someone: the pauses get longer. CLOCK_MONOTONIC.
 */
struct pace {
	unsigned int pause_s; /* between the last attempt and the next */
	time_t next_s;        /* no attempt before */
	time_t restored_s;    /* the last success; 0: none yet */
	bool failed;          /* the last attempt */
};

/* The state of one port, as last seen. */
struct port_watch {
	bool attached; /* our XDP program */
	bool link_up;
	struct pace program, filter;
	struct error refusal; /* of the program's last attempt, as it was logged */
};

struct host_watch {
	struct port *const *ports;
	size_t port_count;
	const char *path;
	struct port_watch *states;
	unsigned int looks;
	struct conditions conditions;
};

struct host_watch *host_watch_create(struct port *const *ports, size_t port_count, const char *path)
{
	struct host_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->ports = ports;
	watch->port_count = port_count;
	watch->path = path;
	watch->states = calloc(port_count + 1, sizeof(*watch->states));
	if (watch->states == NULL) {
		free(watch);
		return NULL;
	}
	for (size_t i = 0; i < port_count; i++)
		watch->states[i] = (struct port_watch){ .attached = true, .link_up = true };
	return watch;
}

void host_watch_destroy(struct host_watch *watch)
{
	if (watch == NULL)
		return;
	free(watch->states);
	free(watch);
}

const struct conditions *host_watch_conditions(const struct host_watch *watch)
{
	return &watch->conditions;
}

static time_t monotonic_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static bool is_fought_over(const struct pace *pace, time_t now_s)
{
	return pace->restored_s != 0 && now_s - pace->restored_s < PEACE_S;
}

/* Whether an attempt is due; if so, the next one is scheduled. */
static bool take_attempt(struct pace *pace, time_t now_s)
{
	if (now_s < pace->next_s)
		return false;
	if (pace->pause_s == 0 || !(pace->failed || is_fought_over(pace, now_s)))
		pace->pause_s = 1;
	else if (pace->pause_s < PAUSE_MAX_S)
		pace->pause_s *= 2;
	pace->next_s = now_s + pace->pause_s;
	return true;
}

static void note_attempt(struct pace *pace, bool success, time_t now_s)
{
	pace->failed = !success;
	if (success)
		pace->restored_s = now_s;
}

/* The same refusal has one event. */
static void publish_refusal(
	const struct port *port, struct port_watch *state, const struct error *error)
{
	if (strcmp(state->refusal.message, error->message) == 0)
		return;
	state->refusal = *error;
	events_publish(EVENT(PORT, ERROR, PORT, port_name(port)),
		"port %s: our XDP program cannot be put back: %s", port_name(port), error->message);
}

static void restore_program(const struct port *port, struct port_watch *state)
{
	const time_t now_s = monotonic_s();
	struct error error = { "" };
	int result;

	if (!take_attempt(&state->program, now_s))
		return;
	result = steer_restore(port_steer(port), &error);
	note_attempt(&state->program, result >= 0, now_s);
	if (result < 0) {
		publish_refusal(port, state, &error);
		return;
	}
	state->attached = true;
	state->refusal.message[0] = '\0';
	events_publish(EVENT(PORT, WARNING, PORT, port_name(port)),
		"port %s: our XDP program is back on its interface", port_name(port));
}

static void look_at_program(const struct port *port, struct port_watch *state)
{
	if (port_steer(port) == NULL)
		return;
	if (steer_is_attached(port_steer(port))) {
		state->attached = true;
		return;
	}
	if (state->attached) {
		events_publish(EVENT(PORT, ERROR, PORT, port_name(port)),
			"port %s: our XDP program was taken off its interface", port_name(port));
		if (!is_fought_over(&state->program, monotonic_s()))
			state->program = (struct pace){ 0 };
	}
	state->attached = false;
	restore_program(port, state);
}

static void look_at_link(const struct port *port, struct port_watch *state)
{
	const char *name = port_name(port);
	bool up = port_link_up(port);
	struct error error;

	if (up == state->link_up)
		return;
	state->link_up = up;
	if (up)
		events_publish(EVENT(PORT, INFO, PORT, name), "port %s: link is up", name);
	else if (port_check_interface(port, &error) != 0)
		events_publish(
			EVENT(PORT, WARNING, PORT, name), "port %s: %s", name, error.message);
	else
		events_publish(EVENT(PORT, WARNING, PORT, name), "port %s: link is down", name);
}

static void note_missing_filter(struct host_watch *watch, const struct port *port, int result,
	const struct pace *pace, int64_t now_s)
{
	if (result == -EBUSY)
		conditions_note(&watch->conditions, now_s,
			EVENT(PORT, WARNING, PORT, port_name(port)),
			"port %s: the tc filter that keeps VIPs from looping was removed, and "
			"another one is in its place",
			port_name(port));
	else if (result < 0)
		conditions_note(&watch->conditions, now_s,
			EVENT(PORT, WARNING, PORT, port_name(port)),
			"port %s: the tc filter that keeps VIPs from looping was removed, and "
			"cannot be put back: %s",
			port_name(port), strerror(-result));
	else
		conditions_note(&watch->conditions, now_s,
			EVENT(PORT, WARNING, PORT, port_name(port)),
			"port %s: the tc filter that keeps VIPs from looping is taken off again "
			"and again, and is put back every %u s",
			port_name(port), pace->pause_s);
}

static void look_at_filter(
	struct host_watch *watch, const struct port *port, struct port_watch *state, int64_t now_s)
{
	const struct steer *steer = port_steer(port);
	struct pace *pace = &state->filter;
	const time_t moment_s = monotonic_s();
	int result = steer == NULL ? 0 : steer_find_filter(steer);

	if (steer == NULL || result == 0)
		return;
	if (!pace->failed && !is_fought_over(pace, moment_s))
		*pace = (struct pace){ 0 };
	if (result == -ENOENT && take_attempt(pace, moment_s)) {
		result = steer_restore_filter(port_steer(port));
		note_attempt(pace, result >= 0, moment_s);
		if (result >= 0) {
			events_publish(EVENT(PORT, WARNING, PORT, port_name(port)),
				"port %s: the tc filter that keeps VIPs from looping was removed, "
				"and is back",
				port_name(port));
			return;
		}
	} else if (result == -ENOENT) {
		result = 0; /* its turn comes */
	}
	note_missing_filter(watch, port, result, pace, now_s);
}

static void look_at_mtu(struct host_watch *watch, const struct port *port, int64_t now_s)
{
	const char *interface = port_interface(port);
	uint16_t mtu;

	if (netdev_mtu(interface, &mtu) != 0 || mtu == port_mtu(port))
		return;
	if (mtu < port_mtu(port))
		conditions_note(&watch->conditions, now_s,
			EVENT(PORT, WARNING, PORT, port_name(port)),
			"port %s: interface %s has an MTU of %u and mtu is %u: longer packets are "
			"lost: ip link set %s mtu %u",
			port_name(port), interface, mtu, port_mtu(port), interface, port_mtu(port));
	else
		conditions_note(&watch->conditions, now_s,
			EVENT(PORT, WARNING, PORT, port_name(port)),
			"port %s: interface %s has an MTU of %u and mtu is %u: packets that are "
			"longer, with their outer header, are dropped as mtu_exceeded",
			port_name(port), interface, mtu, port_mtu(port));
}

/*
 * AF_PACKET delivers packets that the kernel has merged, which are longer than the driver's slots.
 */
static void look_at_offloads(struct host_watch *watch, const struct port *port, int64_t now_s)
{
	const char *interface = port_interface(port);
	bool merges;

	if (port_host_path(port) != HOST_PATH_XDP && netdev_merges(interface, &merges) == 0 &&
		merges)
		conditions_note(&watch->conditions, now_s,
			EVENT(PORT, WARNING, PORT, port_name(port)),
			"port %s: %s merges packets as they come in, which are then dropped as "
			"truncated: ethtool -K %s gro off lro off",
			port_name(port), interface, interface);
}

static bool has_address(const struct ifaddrs *one, const struct address *address)
{
	if (one->ifa_addr == NULL)
		return false;
	if (one->ifa_addr->sa_family == AF_INET)
		return address->family == ADDRESS_IPV4 &&
		       memcmp(&((const struct sockaddr_in *)one->ifa_addr)->sin_addr,
			       address->bytes, 4) == 0;
	if (one->ifa_addr->sa_family == AF_INET6)
		return address->family == ADDRESS_IPV6 &&
		       memcmp(&((const struct sockaddr_in6 *)one->ifa_addr)->sin6_addr,
			       address->bytes, 16) == 0;
	return false;
}

static const struct ifaddrs *find_address(const struct ifaddrs *all, const struct address *address)
{
	while (all != NULL && !has_address(all, address))
		all = all->ifa_next;
	return all;
}

static void look_at_source(struct host_watch *watch, const struct ifaddrs *all, const char *key,
	const struct address *source, int64_t now_s)
{
	char text[ADDRESS_TEXT_SIZE];

	if (source->family != ADDRESS_NONE && find_address(all, source) == NULL)
		conditions_note(&watch->conditions, now_s, EVENT(NODE, WARNING, NODE, NULL),
			"dataplane.tunnel_source.%s: %s is no address of this host: the network "
			"may not know a way to it, and the next hop may be gone as well",
			key, address_format(source, text));
}

/* A VIP on the loopback is intended: it makes the kernel answer pings. */
static void look_at_vips(struct host_watch *watch, const struct ifaddrs *all,
	const struct config *config, int64_t now_s)
{
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
		char text[ADDRESS_TEXT_SIZE];

		for (size_t i = 0;
			(one->ifa_flags & IFF_LOOPBACK) == 0 && i < config->service_count; i++) {
			if (!has_address(one, &config->services[i].vip))
				continue;
			address_format(&config->services[i].vip, text);
			conditions_note(&watch->conditions, now_s,
				EVENT(STEERING, WARNING, VIP, text),
				"services[%zu].vip: %s is an address of this host (%s): all TCP "
				"and UDP for it goes to the workers, ssh and BGP included",
				i, text, one->ifa_name);
			break;
		}
	}
}

static bool has_interface(const struct host_watch *watch)
{
	for (size_t i = 0; i < watch->port_count; i++)
		if (port_interface(watch->ports[i])[0] != '\0')
			return true;
	return false;
}

/* NICs that DPDK owns have no addresses of the host. */
static void look_at_addresses(struct host_watch *watch, const struct config *config, int64_t now_s)
{
	struct ifaddrs *all;

	if (!has_interface(watch) || getifaddrs(&all) != 0)
		return;
	look_at_source(watch, all, "ipv4", &config->dataplane.tunnel_source_ipv4, now_s);
	look_at_source(watch, all, "ipv6", &config->dataplane.tunnel_source_ipv6, now_s);
	look_at_vips(watch, all, config, now_s);
	freeifaddrs(all);
}

static void look_at_conditions(
	struct host_watch *watch, const struct config *config, bool is_exposed)
{
	const int64_t now_s = time(NULL);

	conditions_begin(&watch->conditions);
	for (size_t i = 0; i < watch->port_count; i++) {
		const struct port *port = watch->ports[i];

		look_at_filter(watch, port, &watch->states[i], now_s);
		if (port_interface(port)[0] == '\0')
			continue;
		look_at_mtu(watch, port, now_s);
		look_at_offloads(watch, port, now_s);
	}
	look_at_addresses(watch, config, now_s);
	if (is_exposed)
		conditions_note(&watch->conditions, now_s,
			EVENT(CONFIGURATION, WARNING, NODE, NULL), FEASIBLE_EXPOSED, watch->path);
	conditions_end(&watch->conditions);
}

void host_watch_look(struct host_watch *watch, const struct config *config, bool is_exposed)
{
	for (size_t i = 0; i < watch->port_count; i++) {
		look_at_program(watch->ports[i], &watch->states[i]);
		look_at_link(watch->ports[i], &watch->states[i]);
	}
	if (watch->looks++ % ROUND_S == 0)
		look_at_conditions(watch, config, is_exposed);
}
