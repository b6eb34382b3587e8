/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * node_fixture: a balancer without workers and daemon. The host, once per program, has an EAL and
 * the two ports of small_config.h (net_null); a node on it has a state file, publish and
 * forwarding. Whatever goes wrong here fails the test that is running.
 */
#pragma once

#include "forwarding.h"
#include "small_config.h"

#define NODE_PORTS 2

/* cmocka's group setup and teardown; *state is the host. */
int node_host_start(void **state);
int node_host_stop(void **state);

struct node_host {
	struct mempools *mempools;
	struct port *ports[NODE_PORTS];
};

struct node {
	const struct node_host *host;
	char directory[32];
	struct flow_secret secret;
	struct state *state;
	struct publish *publish;
	struct forwarding *forwarding;
	struct config *config; /* in force, with its plan; NULL before the first */
	struct plan *plan;
};

/* Room for three pools of 251 slots and 32 backends in both modes. */
extern const struct state_layout node_layout;

/* With readers numbered from 0, none of which has entered. */
struct node *node_create(
	const struct node_host *host, const struct state_layout *layout, unsigned int readers);
void node_destroy(struct node *node);

/* A change that has been prepared for `config`, its plan in *plan; NULL with the sentence. */
struct forwarding_change *node_prepare(
	struct node *node, const struct config *config, struct plan **plan, struct error *error);

/* Makes `config`, which it takes over, the one in force. */
void node_apply(struct node *node, struct config *config);

/* Tries to: returns the sentence of the refusal, in `error`, and drops `config`. */
const char *node_refusal(struct node *node, struct config *config, struct error *error);
