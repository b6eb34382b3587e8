/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer_filter: one BPF filter of tc at the ingress (clsact) of an interface, by its handle at
 * STEER_LOOP_PREFERENCE, over rtnetlink. Any process can read the name of a filter. A later process
 * recognises ours by it, and finds the id of the XDP program in it: opening programs by id needs
 * CAP_SYS_ADMIN, and the files in /run/sluice may be gone. Needs CAP_NET_ADMIN. Control thread.
 */
#pragma once

#include <stdint.h>

#define STEER_FILTER_NAME_SIZE 64

struct steer_filter {
	uint32_t id; /* of its program; 0: there is no such filter */
	char name[STEER_FILTER_NAME_SIZE];
};

/* Fills in the filter at `handle`. 0 (also if there is none, or no clsact) or -errno. */
int steer_filter_query(int ifindex, uint32_t handle, struct steer_filter *filter);

/* Attaches a program there under that name. Replaces the previous one without missing a packet. */
int steer_filter_attach(int ifindex, uint32_t handle, int program, const char *name);
