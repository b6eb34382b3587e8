/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forwarding_fixture: a node without workers whose tables are held against the plan after every
 * change. Whatever goes wrong here fails the test that is running.
 */
#pragma once

#include "node_fixture.h"

#define IPIP    "ipip"
#define L2DSR   "l2dsr"
#define READERS 1

#define BOTH_FAMILIES                                                                         \
	"[{'name': 'web', 'slots': 251, 'backends': [{'name': 'w1', 'address': '10.2.0.1'}, " \
	"{'name': 'w2', 'address': 'fd00:2::2'}, {'name': 'far', 'address': '192.0.2.1'}]}, " \
	"{'name': 'near', 'slots': 257, 'backends': [{'name': 'n1', 'address': '10.2.0.1'}, " \
	"{'name': 'n9', 'address': 'fd00:2::9'}]}]"
#define EVERY_MODE                                                                                \
	"[{'name': 'a', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': 'web', "    \
	"'forward': 'ipip'}, "                                                                    \
	"{'name': 'b', 'vip': '2001:db8::10', 'protocol': 'udp', 'port': 53, 'pool': 'web', "     \
	"'forward': 'ipip'}, "                                                                    \
	"{'name': 'c', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 81, 'pool': 'near', "    \
	"'forward': 'l2dsr'}, "                                                                   \
	"{'name': 'd', 'vip': '2001:db8::10', 'protocol': 'tcp', 'port': 'any', 'pool': 'near', " \
	"'forward': 'ipip'}]"

/* Set-up and tear-down: *state is the host before and after a test, and the node during it. */
int open_node(void **state);
int close_node(void **state);

/* What is removed is cut off. */
extern const struct live_terms now;

/* Makes `config`, which it takes over, the one in force, and checks that it is followed. */
void apply(struct node *node, struct config *config);

/* All that has been removed has gone: two sweeps with a grace period before and after. */
void let_go(struct node *node);

/* No reader holds what was retired. */
void release_retired(struct node *node);

/* Every slot of every service leads to the backend that the plan says, by a right record. */
void assert_follows_plan(const struct node *node);

/* The service of a configured service. */
const struct service *find_service(const struct node *node, size_t number);

/* Its cell for the backend with this index. */
uint32_t cell_of(const struct service *service, uint32_t index);

/* The index and cell of a backend by its name in pool 0; it must own a slot. */
void find_backend(const struct node *node, const char *name, uint32_t *index, uint32_t *cell);

/* Of the slots of pool 0, for which `words` must have room. */
void copy_words(const struct node *node, uint32_t *words);

/* A pool without backends behind two services with these names. */
struct config *two_services(const char *one, const char *two);
