/* SPDX-License-Identifier: BSD-3-Clause */
#include "decap/decap_hook.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

/*
 * Where our filter stands in tc. The priority is early, yet leaves room for filters in front of it.
 * It is the number of one of the two protocols taken off, so that it is recognised in `tc filter
 * show`.
 */
#define TC_PRIORITY 41
#define TC_HANDLE   1

static const char *const mode_names[] = {
	[DECAP_MODE_AUTO] = "auto",
	[DECAP_MODE_XDP] = "xdp",
	[DECAP_MODE_XDPGENERIC] = "xdpgeneric",
	[DECAP_MODE_TC] = "tc",
};

const char *decap_mode_name(enum decap_mode mode)
{
	return mode_names[mode];
}

int decap_mode_parse(const char *name, enum decap_mode *mode)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (strcmp(name, mode_names[i]) == 0) {
			*mode = (enum decap_mode)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int open_program(struct decap_hook *hook, struct error *error)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int result;

	hook->fd = bpf_prog_get_fd_by_id(hook->id);
	if (hook->fd < 0) {
		result = -errno;
		hook->fd = -1;
		return error_set(
			error, result, "opening BPF program %u: %s", hook->id, strerror(-result));
	}
	if (bpf_obj_get_info_by_fd(hook->fd, &info, &size) < 0) {
		result = -errno;
		decap_hook_fini(hook);
		return error_set(error, result, "asking about BPF program %u: %s", hook->id,
			strerror(-result));
	}
	snprintf(hook->name, sizeof(hook->name), "%s", info.name);
	return 0;
}

int decap_hook_find_xdp(int ifindex, struct decap_hook *hook, struct error *error)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int result = bpf_xdp_query(ifindex, 0, &query);

	*hook = (struct decap_hook){ .mode = DECAP_MODE_XDP, .fd = -1 };
	if (result < 0)
		return error_set(error, result, "asking for XDP programs: %s", strerror(-result));
	if (query.attach_mode == XDP_ATTACHED_NONE)
		return 0;
	if (query.attach_mode == XDP_ATTACHED_SKB)
		hook->mode = DECAP_MODE_XDPGENERIC;
	hook->id = query.prog_id;
	if (hook->id == 0) /* several at once: in the driver and in the NIC itself */
		hook->id = query.drv_prog_id != 0 ? query.drv_prog_id : query.hw_prog_id;
	return open_program(hook, error);
}

int decap_hook_find_tc(int ifindex, struct decap_hook *hook, struct error *error)
{
	LIBBPF_OPTS(bpf_tc_hook, ingress, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int result = bpf_tc_query(&ingress, &options);

	*hook = (struct decap_hook){ .mode = DECAP_MODE_TC, .fd = -1 };
	if (result == -ENOENT || result == -EINVAL) /* no such filter; no clsact */
		return 0;
	if (result < 0)
		return error_set(error, result, "asking for tc filters: %s", strerror(-result));
	hook->id = options.prog_id;
	return open_program(hook, error);
}

void decap_hook_fini(struct decap_hook *hook)
{
	if (hook->fd >= 0)
		close(hook->fd);
	hook->fd = -1;
}

static __u32 xdp_flags(enum decap_mode mode)
{
	return mode == DECAP_MODE_XDPGENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

static int put_xdp(int ifindex, const struct decap_hook *old, enum decap_mode mode, int program_fd,
	struct error *error)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, options);
	__u32 flags = xdp_flags(mode);
	int result;

	if (old->fd >= 0)
		options.old_prog_fd = old->fd;
	else
		flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
	result = bpf_xdp_attach(ifindex, program_fd, flags, &options);
	if (result < 0)
		return error_set(error, result, "attaching to %s XDP: %s",
			mode == DECAP_MODE_XDPGENERIC ? "generic" : "native", strerror(-result));
	return 0;
}

static int put_tc(int ifindex, const struct decap_hook *old, int program_fd, struct error *error)
{
	LIBBPF_OPTS(bpf_tc_hook, ingress, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .priority = TC_PRIORITY,
		.prog_fd = program_fd, .flags = old->fd >= 0 ? BPF_TC_F_REPLACE : 0);
	int result = bpf_tc_hook_create(&ingress);

	if (result < 0 && result != -EEXIST)
		return error_set(error, result, "adding clsact: %s", strerror(-result));
	result = bpf_tc_attach(&ingress, &options);
	if (result < 0)
		return error_set(error, result, "attaching to tc: %s", strerror(-result));
	return 0;
}

int decap_hook_put(int ifindex, const struct decap_hook *old, enum decap_mode mode, int program_fd,
	struct error *error)
{
	if (mode == DECAP_MODE_TC)
		return put_tc(ifindex, old, program_fd, error);
	return put_xdp(ifindex, old, mode, program_fd, error);
}

int decap_hook_remove(int ifindex, const struct decap_hook *hook, struct error *error)
{
	LIBBPF_OPTS(bpf_tc_hook, ingress, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = hook->fd);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int result;

	if (hook->mode == DECAP_MODE_TC)
		result = bpf_tc_detach(&ingress, &filter);
	else
		result = bpf_xdp_detach(ifindex, xdp_flags(hook->mode), &options);
	if (result < 0)
		return error_set(error, result, "detaching: %s", strerror(-result));
	return 0;
}
