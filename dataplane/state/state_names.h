/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state_names: what the state file has counted, by name, for a process that is not its owner: a
 * metrics exporter or a post-mortem, while sluiced runs and after it has ended.
 *
 *	struct state_reader *reader;
 *	struct named_counter web;
 *	int result = state_attach(path, &reader); // state_names_error_text() tells why not
 *
 *	for (uint32_t i = 0; (result = state_names_service(reader, i, &web)) != -ERANGE; i++)
 *		if (result == 0)
 *			printf("%s %" PRIu64 "\n", web.name, web.counter.packets);
 *	state_detach(reader);
 *
 * Each function reads and validates one entry of a list and returns
 *	0        and fills in the answer;
 *	-ENOENT  this entry has no name now: go on with the next one;
 *	-ERANGE  the list ends before this entry;
 *	-EBADMSG this entry is damaged: others may be sound;
 *	-EAGAIN  the owner is writing all the time, or has been stopped: try later;
 *	-ESTALE  another owner has taken over: attach anew.
 * Numbers are sums over all workers, which go on counting meanwhile. Those of services and backends
 * start when they get their counters and survive warm restarts; all others start with the process.
 * Bytes in the file may be anything. Any process; one reader is used by one thread at a time.
 */
#pragma once

#include <stdint.h>

#include "state/counters.h"
#include "state/identity.h"
#include "state/state_header.h"

struct state_reader;

struct named_verdict {
	char name[STATE_VERDICT_NAME_SIZE]; /* as in verdict.h, of the version that wrote it */
	uint64_t packets;
};

struct named_port {
	char name[IDENTITY_NAME_SIZE];
	struct port_counter counter;
};

struct named_lcore {
	uint32_t lcore; /* that this worker runs on */
	uint64_t iterations;
	uint64_t packets;
	uint64_t bursts;
};

struct named_pool {
	char name[IDENTITY_NAME_SIZE];
	uint32_t slots;
	struct counter counter; /* the sum over its current backends */
};

/* A service or a backend. */
struct named_counter {
	char name[IDENTITY_NAME_SIZE];
	char pool[IDENTITY_NAME_SIZE]; /* of a backend; empty if the pool has no name */
	struct counter counter;
};

int state_names_verdict(
	const struct state_reader *reader, uint32_t number, struct named_verdict *verdict);
int state_names_port(const struct state_reader *reader, uint32_t index, struct named_port *port);
int state_names_lcore(
	const struct state_reader *reader, uint32_t worker, struct named_lcore *lcore);
int state_names_service(
	const struct state_reader *reader, uint32_t cell, struct named_counter *service);
int state_names_pool(const struct state_reader *reader, uint32_t number, struct named_pool *pool);
int state_names_backend(
	const struct state_reader *reader, uint32_t gid, struct named_counter *backend);

/* What state_attach() or one of these returned: half a sentence for a person. Static text. */
const char *state_names_error_text(int result);
