/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A new set of rules is a new program with new maps, filled before anybody can reach it, and takes
 * the old one's place in one step. The kernel drops the old pair when its last packet is through.
 */
#include "decap/decap.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>

#include "base/netdev.h"
#include "base/netdev_upper.h"

/* The name can be anybody's and the map a coincidence, but not both with the magic in it. */
static bool is_ours(const struct decap_hook *hook)
{
	return hook->fd >= 0 &&
	       (strcmp(hook->name, DECAP_XDP_NAME) == 0 ||
		       strcmp(hook->name, DECAP_TC_NAME) == 0) &&
	       decap_program_is_ours(hook->fd);
}

static bool is_foreign(const struct decap_hook *hook)
{
	return hook->fd >= 0 && !is_ours(hook);
}

/* Both places of one interface. */
struct places {
	int ifindex;
	struct decap_hook xdp;
	struct decap_hook tc;
};

static void fini_places(struct places *places)
{
	decap_hook_fini(&places->xdp);
	decap_hook_fini(&places->tc);
}

static int find_places(const char *interface, struct places *places, struct error *error)
{
	int result;

	*places = (struct places){ .xdp.fd = -1, .tc.fd = -1 };
	places->ifindex = (int)if_nametoindex(interface);
	if (places->ifindex == 0)
		return error_set(error, -ENODEV, "%s: no such interface", interface);
	result = decap_hook_find_xdp(places->ifindex, &places->xdp, error);
	if (result == 0)
		result = decap_hook_find_tc(places->ifindex, &places->tc, error);
	if (result < 0) {
		fini_places(places);
		return error_wrap(error, result, "%s", interface);
	}
	return 0;
}

static int refuse_foreign(const struct decap_hook *hook, struct error *error)
{
	return error_set(error, -EBUSY,
		"a program that is not ours is attached to %s (\"%s\", id %u); it is left alone",
		hook->mode == DECAP_MODE_TC ? "our place in tc" : "XDP", hook->name, hook->id);
}

/*
 * Native and generic XDP exclude each other, so changing between them is the one case in which the
 * old program has to go first. It comes back when the new one is refused.
 */
static int place_xdp(
	const struct places *places, enum decap_mode mode, int program_fd, struct error *error)
{
	const struct decap_hook nobody = { .fd = -1 };
	int result;

	if (places->xdp.fd < 0 || places->xdp.mode == mode)
		return decap_hook_put(places->ifindex, &places->xdp, mode, program_fd, error);
	result = decap_hook_remove(places->ifindex, &places->xdp, error);
	if (result < 0)
		return result;
	result = decap_hook_put(places->ifindex, &nobody, mode, program_fd, error);
	if (result < 0 && decap_hook_put(places->ifindex, &nobody, places->xdp.mode, places->xdp.fd,
				  NULL) < 0)
		return error_wrap(error, result, "the decapsulator is gone");
	return result;
}

static int place_tc(const struct places *places, const struct decap_program *program,
	const struct decap_rules *rules, struct error *error)
{
	int result = decap_program_check_tc(program, rules, error);

	if (result < 0)
		return result;
	return decap_hook_put(places->ifindex, &places->tc, DECAP_MODE_TC,
		decap_program_fd(program, DECAP_MODE_TC), error);
}

/* The new program is in place first, so that no tunnel packet meets an interface without one. */
static int switch_to_tc(const struct places *places, const struct decap_program *program,
	const struct decap_rules *rules, struct error *error)
{
	int result;

	if (is_foreign(&places->tc))
		return refuse_foreign(&places->tc, error);
	result = place_tc(places, program, rules, error);
	if (result < 0 || !is_ours(&places->xdp))
		return result;
	return decap_hook_remove(places->ifindex, &places->xdp, error);
}

static int switch_to_xdp(const struct places *places, enum decap_mode mode,
	const struct decap_program *program, struct error *error)
{
	int result;

	if (is_foreign(&places->xdp))
		return refuse_foreign(&places->xdp, error);
	result = place_xdp(places, mode, decap_program_fd(program, mode), error);
	if (result < 0 || !is_ours(&places->tc))
		return result;
	return decap_hook_remove(places->ifindex, &places->tc, error);
}

/* Whoever holds XDP is not to be bypassed unasked: with a foreign program there, auto gives up. */
static int switch_to_best(const struct places *places, const struct decap_program *program,
	const struct decap_rules *rules, enum decap_mode *attached, struct error *error)
{
	struct error reason;
	int result = switch_to_xdp(places, DECAP_MODE_XDP, program, error);

	*attached = DECAP_MODE_XDP;
	if (result == 0 || is_foreign(&places->xdp))
		return result;
	reason = *error;
	*attached = DECAP_MODE_TC;
	result = switch_to_tc(places, program, rules, error);
	if (result == 0)
		*error = reason;
	else
		error_wrap(error, result, "%s; instead", reason.message);
	return result;
}

static int switch_to(const struct places *places, enum decap_mode mode,
	const struct decap_program *program, const struct decap_rules *rules,
	enum decap_mode *attached, struct error *error)
{
	*attached = mode;
	switch (mode) {
	case DECAP_MODE_AUTO: return switch_to_best(places, program, rules, attached, error);
	case DECAP_MODE_TC: return switch_to_tc(places, program, rules, error);
	default: return switch_to_xdp(places, mode, program, error);
	}
}

static int read_mac(const char *interface, uint8_t mac[DECAP_MAC_SIZE], struct error *error)
{
	static const uint8_t none[DECAP_MAC_SIZE];
	int result = netdev_mac(interface, mac);

	if (result < 0)
		return error_set(error, result, "%s: %s", interface, strerror(-result));
	if (memcmp(mac, none, sizeof(none)) == 0)
		return error_set(
			error, -EINVAL, "%s: has no MAC address, it is no Ethernet", interface);
	return 0;
}

/*
 * Frames for another MAC address pass, because they are for another host. With such a device above
 * the interface they are not, and anybody's tunnel packets would reach this host's tunnel devices.
 */
static int refuse_upper(const char *interface, struct error *error)
{
	char upper[IF_NAMESIZE];
	int result = netdev_upper_find(interface, upper);

	if (result < 0)
		return error_set(error, result, "%s: asking for the devices above it: %s",
			interface, strerror(-result));
	if (result == 0)
		return 0;
	return error_set(error, -EBUSY,
		"%s: %s above it takes frames for other MAC addresses into this host, past the "
		"decapsulator: attach to %s (--mode tc) or take it away",
		interface, upper, upper);
}

int decap_attach(const char *interface, enum decap_mode mode, const struct decap_rules *rules,
	enum decap_mode *attached, struct error *error)
{
	uint8_t mac[DECAP_MAC_SIZE];
	struct places places;
	struct decap_program *program;
	int result = read_mac(interface, mac, error);

	if (result == 0)
		result = refuse_upper(interface, error);
	if (result == 0)
		result = find_places(interface, &places, error);
	if (result < 0)
		return result;
	program = decap_program_create(rules, mac, error);
	if (program == NULL) {
		fini_places(&places);
		return -EIO;
	}
	result = switch_to(&places, mode, program, rules, attached, error);
	if (result < 0)
		error_wrap(error, result, "%s", interface);
	decap_program_destroy(program);
	fini_places(&places);
	return result;
}

static int no_decapsulator(const char *interface, struct error *error)
{
	return error_set(error, -ENOENT, "%s: no decapsulator of ours is attached", interface);
}

int decap_detach(const char *interface, struct error *error)
{
	bool in_xdp, in_tc;
	struct places places;
	int result = find_places(interface, &places, error);

	if (result < 0)
		return result;
	in_xdp = is_ours(&places.xdp);
	in_tc = is_ours(&places.tc);
	if (!in_xdp && !in_tc)
		result = no_decapsulator(interface, error);
	if (in_xdp)
		result = decap_hook_remove(places.ifindex, &places.xdp, error);
	if (result == 0 && in_tc)
		result = decap_hook_remove(places.ifindex, &places.tc, error);
	fini_places(&places);
	return result;
}

int decap_status(const char *interface, struct decap_status *status, struct error *error)
{
	const struct decap_hook *hook;
	struct places places;
	int result = find_places(interface, &places, error);

	if (result < 0)
		return result;
	hook = is_ours(&places.xdp) ? &places.xdp : &places.tc;
	status->mode = hook->mode;
	status->program_id = hook->id;
	if (is_ours(hook))
		result = decap_program_describe(hook->fd, &status->program, error);
	else
		result = no_decapsulator(interface, error);
	fini_places(&places);
	return result;
}
