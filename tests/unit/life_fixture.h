/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * life_fixture: a node with one pool "web" of 251 slots and the service "www" for it, whose clocks
 * are short (drains end after 600 s, W 90, Q 6, H 60, G 4, grace 10 s), and what has become of its
 * backends and slots.
 */
#pragma once

#include "node_fixture.h"

#define LIFE_SLOTS 251

#define W1 "{'name': 'w1', 'address': '10.2.0.1'}"
#define W2 "{'name': 'w2', 'address': '10.2.0.2'}"
#define W3 "{'name': 'w3', 'address': '10.2.0.3'}"

#define W2_DRAIN "{'name': 'w2', 'address': '10.2.0.2', 'state': 'drain'}"
#define W3_DRAIN "{'name': 'w3', 'address': '10.2.0.3', 'state': 'drain'}"

/* cmocka's setup and teardown: *state is the host before and after a test, and the node during it.
 */
int life_open(void **state);
int life_close(void **state);

/* `options` are further members of the pool, each with a comma after it. */
struct config *life_config(const char *options, const char *backends);
void life_apply(struct node *node, const char *backends);

/* By name; NULL and MEMBER_NONE where no backend has it. */
const struct live_backend *life_find(const struct node *node, const char *name);
enum member_state life_of(const struct node *node, const char *name);

const struct service *life_service(const struct node *node);

/* Slots of which cur, home or both are that backend, and all that are tracked. */
struct life_share {
	unsigned int cur, home, tracked;
};
struct life_share life_share(const struct node *node, const char *name);

/* A backend of forwarding_backends(), by its index in the pool. */
struct forwarding_handle life_handle(const struct node *node, size_t backend);

/*
 * An update of that backend, as a health checker sends it. A table that waits for more updates is
 * built before this returns, with the clock as it is.
 */
void life_tell(struct node *node, size_t backend, const struct forwarding_update *update);
void life_fail(struct node *node, size_t backend);
void life_pass(struct node *node, size_t backend);

/* A forwarding_report_t that counts its calls in an unsigned int. */
void life_count_report(void *context, const struct forwarding_effect *effect);

/* A worker's packet of a new flow for each slot, with a pin where it needs one. */
void life_begin_flows(struct node *node, struct affinity_counters *counters);
