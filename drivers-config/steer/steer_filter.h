/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer_filter: one BPF filter of tc at the ingress (clsact) of an interface, by its handle at
 * STEER_LOOP_PREFERENCE, over rtnetlink. Its name, which the kernel keeps and tells to anybody,
 * is how a later process knows it for ours, and what it reads there of the XDP program beside it:
 * programs cannot be opened by their ids without CAP_SYS_ADMIN, and files in /run/sluice may be
 * gone. Needs CAP_NET_ADMIN. Control thread.
 */
#pragma once

#include <stdint.h>

#define STEER_FILTER_NAME_SIZE 64

struct steer_filter {
	uint32_t id; /* of its program; 0: there is no such filter */
	char name[STEER_FILTER_NAME_SIZE];
};

/* Fills in what stands at `handle`. 0 (also for nothing, without clsact) or -errno. */
int steer_filter_query(int ifindex, uint32_t handle, struct steer_filter *filter);

/* Puts a program there under that name, in place of what was, with no packet in between. */
int steer_filter_attach(int ifindex, uint32_t handle, int program, const char *name);
