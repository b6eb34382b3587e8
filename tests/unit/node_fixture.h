/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * node_fixture: a balancer without workers and daemon. The host, once per program, has an EAL and
 * the two ports of small_config.h (net_null); a node on it has a state file, publish and
 * forwarding. Whatever goes wrong here fails the test that is running.
 */
#pragma once

#include "forwarding/forwarding.h"
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
	unsigned int readers;
	char directory[32];
	struct flow_secret secret;
	struct state *state;
	struct publish *publish;
	struct forwarding *forwarding;
	struct config *config;      /* in force; NULL before the first */
	struct state_layout layout; /* that the next process asks for */
};

/* Room for three pools of 251 slots and 32 backends in both modes. */
extern const struct state_layout node_layout;

/* With readers numbered from 0, none of which has entered. */
struct node *node_create(
	const struct node_host *host, const struct state_layout *layout, unsigned int readers);
void node_destroy(struct node *node);

/* The clock that all nodes go by: milliseconds, which tests move on. */
extern uint64_t node_clock_ms;

/* A change that has been prepared for `config`; NULL with the sentence. */
struct forwarding_change *node_prepare(
	struct node *node, const struct config *config, struct error *error);

/* Makes `config`, which it takes over, the one in force. */
void node_apply(struct node *node, struct config *config);
void node_apply_by(struct node *node, struct config *config, const struct live_terms *terms);

/* Builds the table that updates have put off, at the moment when it is due. */
void node_build(struct node *node);

/* Seconds go by, one after the other. */
void node_wait(struct node *node, unsigned int seconds);

const char *node_state_path(const struct node *node, char path[static 64]);

/*
 * Another process takes the node over: everything but the state file is made anew, and `config`,
 * which it takes over, is the first in force. Sentences about pools that start cold go to `said`.
 */
#define NODE_SAID_SIZE 512
void node_restart(struct node *node, struct config *config, char said[static NODE_SAID_SIZE]);

/* Its two halves: no process has the state file in between. */
void node_stop(struct node *node);
void node_resume(struct node *node, struct config *config, char said[static NODE_SAID_SIZE]);

/* The same as node_resume(), up to where tables are rebuilt: node_build() does that. */
void node_resume_unbuilt(
	struct node *node, struct config *config, char said[static NODE_SAID_SIZE]);

/* The same, for tests that make the first change to `config` themselves: what is before and after.
 */
void node_adopt(struct node *node, const struct config *config, char said[static NODE_SAID_SIZE]);
void node_commit(struct node *node);

/* Tries to: returns the sentence of the refusal, in `error`, and drops `config`. */
const char *node_refusal(struct node *node, struct config *config, struct error *error);
