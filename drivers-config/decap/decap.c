/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A new set of rules is a new program with new maps, which are filled before it is attached. It
 * replaces the old one in one step. The kernel frees the old program after its last packet.
 */
#include "decap/decap.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>

#include "base/netdev.h"
#include "base/netdev_upper.h"

/* A foreign program may have the name, or such a map, but not both and the magic. */
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

/* Both hooks of one interface. */
struct hooks {
	int ifindex;
	struct decap_hook xdp;
	struct decap_hook tc;
};

static void fini_hooks(struct hooks *hooks)
{
	decap_hook_fini(&hooks->xdp);
	decap_hook_fini(&hooks->tc);
}

static int find_hooks(const char *interface, struct hooks *hooks, struct error *error)
{
	int result;

	*hooks = (struct hooks){ .xdp.fd = -1, .tc.fd = -1 };
	hooks->ifindex = (int)if_nametoindex(interface);
	if (hooks->ifindex == 0)
		return error_set(error, -ENODEV, "%s: no such interface", interface);
	result = decap_hook_find_xdp(hooks->ifindex, &hooks->xdp, error);
	if (result == 0)
		result = decap_hook_find_tc(hooks->ifindex, &hooks->tc, error);
	if (result < 0) {
		fini_hooks(hooks);
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
 * Native and generic XDP exclude each other, so here the old program has to be detached first. It
 * is attached again if the kernel refuses the new one.
 */
static int put_xdp(
	const struct hooks *hooks, enum decap_mode mode, int program_fd, struct error *error)
{
	const struct decap_hook none = { .fd = -1 };
	int result;

	if (hooks->xdp.fd < 0 || hooks->xdp.mode == mode)
		return decap_hook_put(hooks->ifindex, &hooks->xdp, mode, program_fd, error);
	result = decap_hook_remove(hooks->ifindex, &hooks->xdp, error);
	if (result < 0)
		return result;
	result = decap_hook_put(hooks->ifindex, &none, mode, program_fd, error);
	if (result < 0 &&
		decap_hook_put(hooks->ifindex, &none, hooks->xdp.mode, hooks->xdp.fd, NULL) < 0)
		return error_wrap(error, result, "the decapsulator is gone");
	return result;
}

static int put_tc(const struct hooks *hooks, const struct decap_program *program,
	const struct decap_rules *rules, struct error *error)
{
	int result = decap_program_check_tc(program, rules, error);

	if (result < 0)
		return result;
	return decap_hook_put(hooks->ifindex, &hooks->tc, DECAP_MODE_TC,
		decap_program_fd(program, DECAP_MODE_TC), error);
}

/* Attaches the new program first, so that no tunnel packet passes unchecked in between. */
static int switch_to_tc(const struct hooks *hooks, const struct decap_program *program,
	const struct decap_rules *rules, struct error *error)
{
	int result;

	if (is_foreign(&hooks->tc))
		return refuse_foreign(&hooks->tc, error);
	result = put_tc(hooks, program, rules, error);
	if (result < 0 || !is_ours(&hooks->xdp))
		return result;
	return decap_hook_remove(hooks->ifindex, &hooks->xdp, error);
}

static int switch_to_xdp(const struct hooks *hooks, enum decap_mode mode,
	const struct decap_program *program, struct error *error)
{
	int result;

	if (is_foreign(&hooks->xdp))
		return refuse_foreign(&hooks->xdp, error);
	result = put_xdp(hooks, mode, decap_program_fd(program, mode), error);
	if (result < 0 || !is_ours(&hooks->tc))
		return result;
	return decap_hook_remove(hooks->ifindex, &hooks->tc, error);
}

/* auto does not bypass a foreign XDP program by using tc: it fails. */
static int switch_to_best(const struct hooks *hooks, const struct decap_program *program,
	const struct decap_rules *rules, enum decap_mode *attached, struct error *error)
{
	struct error reason;
	int result = switch_to_xdp(hooks, DECAP_MODE_XDP, program, error);

	*attached = DECAP_MODE_XDP;
	if (result == 0 || is_foreign(&hooks->xdp))
		return result;
	reason = *error;
	*attached = DECAP_MODE_TC;
	result = switch_to_tc(hooks, program, rules, error);
	if (result == 0)
		*error = reason;
	else
		error_wrap(error, result, "%s; instead", reason.message);
	return result;
}

static int switch_to(const struct hooks *hooks, enum decap_mode mode,
	const struct decap_program *program, const struct decap_rules *rules,
	enum decap_mode *attached, struct error *error)
{
	*attached = mode;
	switch (mode) {
	case DECAP_MODE_AUTO: return switch_to_best(hooks, program, rules, attached, error);
	case DECAP_MODE_TC: return switch_to_tc(hooks, program, rules, error);
	default: return switch_to_xdp(hooks, mode, program, error);
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
 * the interface they are for this host, and tunnel packets from any source would reach it.
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
	struct hooks hooks;
	struct decap_program *program;
	int result = read_mac(interface, mac, error);

	if (result == 0)
		result = refuse_upper(interface, error);
	if (result == 0)
		result = find_hooks(interface, &hooks, error);
	if (result < 0)
		return result;
	program = decap_program_create(rules, mac, error);
	if (program == NULL) {
		fini_hooks(&hooks);
		return -EIO;
	}
	result = switch_to(&hooks, mode, program, rules, attached, error);
	if (result < 0)
		error_wrap(error, result, "%s", interface);
	decap_program_destroy(program);
	fini_hooks(&hooks);
	return result;
}

static int no_decapsulator(const char *interface, struct error *error)
{
	return error_set(error, -ENOENT, "%s: no decapsulator of ours is attached", interface);
}

int decap_detach(const char *interface, struct error *error)
{
	bool in_xdp, in_tc;
	struct hooks hooks;
	int result = find_hooks(interface, &hooks, error);

	if (result < 0)
		return result;
	in_xdp = is_ours(&hooks.xdp);
	in_tc = is_ours(&hooks.tc);
	if (!in_xdp && !in_tc)
		result = no_decapsulator(interface, error);
	if (in_xdp)
		result = decap_hook_remove(hooks.ifindex, &hooks.xdp, error);
	if (result == 0 && in_tc)
		result = decap_hook_remove(hooks.ifindex, &hooks.tc, error);
	fini_hooks(&hooks);
	return result;
}

int decap_status(const char *interface, struct decap_status *status, struct error *error)
{
	const struct decap_hook *hook;
	struct hooks hooks;
	int result = find_hooks(interface, &hooks, error);

	if (result < 0)
		return result;
	hook = is_ours(&hooks.xdp) ? &hooks.xdp : &hooks.tc;
	status->mode = hook->mode;
	status->program_id = hook->id;
	if (is_ours(hook))
		result = decap_program_describe(hook->fd, &status->program, error);
	else
		result = no_decapsulator(interface, error);
	fini_hooks(&hooks);
	return result;
}
