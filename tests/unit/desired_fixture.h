/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * desired_fixture: the configuration in force of a node without workers, with its file, and the
 * answers to changes. Whatever goes wrong here fails the test that is running.
 */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "config_directory.h"
#include "desired/desired.h"
#include "node_fixture.h"

#define ANSWERS_MAX 16

#define POOLS                                                                                 \
	"[{'name': 'web', 'slots': 251, 'backends': [{'name': 'w1', 'address': '10.2.0.1'}, " \
	"{'name': 'w2', 'address': '10.2.0.2'}, {'name': 'w3', 'address': '10.2.0.3'}]}]"
#define SERVICES                                                                                 \
	"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': 'web', " \
	"'forward': 'ipip'}]"

/* What a change was answered, in the order of the answers. */
struct answer {
	int number; /* of the change */
	int code;
	char sentence[512];
	bool dry_run;
	bool changed;
	bool written;
	bool has_plans;
	uint64_t revision;
	char changes[256];
	uint32_t moved; /* slots of pool 0 */
	size_t backends_before, backends_after;
	size_t finding_count;
	char last_finding[128];
};

struct world;

struct asked {
	struct world *world;
	int number;
};

struct world {
	struct node *node;
	struct config_directory directory;
	struct desired *desired;
	struct asked asked[ANSWERS_MAX];
	struct answer answers[ANSWERS_MAX];
	int asked_count, answer_count;
	struct desired_change *next; /* to be submitted by the next answer, or NULL */
};

/* Everything that a refused change must leave as it was. */
struct snapshot {
	const struct config *config;
	const struct plan *plan;
	const struct tables *tables;
	char *text;
	struct stat file;
};

/* Keeps a background thread busy, as a disk that hangs does. */
struct hang {
	struct background_job job;
	atomic_bool over;
};

/* What `desired` works with, where the tables are those of `node`. */
struct desired_context context_of(const struct world *world, const struct node *node);

/* Set-up and tear-down: *state is the host before and after a test, and the world during it. */
int open_world(void **state);
int close_world(void **state);

/* Asks for a change, whose answer is added to world->answers; it is taken over. */
void submit(struct world *world, struct desired_change *change);

/* The same, and waits for the thread that edits. */
void submit_and_work(struct world *world, struct desired_change change);

/* Waits until all changes are answered. */
void wait_for_answers(struct world *world);

/* Asks and waits for the one answer. */
const struct answer *ask(struct world *world, struct desired_change change);

/* Changes: of a backend of pool "web"; of the whole; of the file. */
struct desired_change set_weight(const char *name, int weight);
struct desired_change add_backend(const char *name, const char *address);
struct desired_change apply_document(json_t *document); /* which is taken over */
struct desired_change save(void);
struct desired_change reload(void);

/* The same change with one more term. */
struct desired_change overwriting(struct desired_change change);
struct desired_change volatile_only(struct desired_change change);
struct desired_change at_revision(struct desired_change change, uint64_t revision);
struct desired_change dry(struct desired_change change);

/* The second frees the snapshot. */
struct snapshot take_snapshot(const struct world *world);
void assert_unchanged(const struct world *world, struct snapshot *before);

void assert_refused(const struct answer *answer, int code, const char *sentence);
void assert_done(const struct answer *answer);

/* A backend of pool "web", as it is in force. */
const struct config_backend *backend(const struct world *world, const char *name);

void assert_is_in_force(const struct world *world, const json_t *document);

/* The file is what is in force, with the secret. */
void assert_on_disk(const struct world *world);

/* As an editor would: sets a key of backend w3 in the file, which takes over the value. */
void edit_file(struct world *world, const char *key, json_t *value);

/* Looks at the file, and waits for what is seen. */
enum config_file_state look(struct world *world);

/* The thread does nothing else from the first to the second. */
void start_hanging(struct background *thread, struct hang *hanging);
void end_hanging(struct hang *hanging);

/* What `done` of a background job is where nothing is to be done. */
void end_hang(struct background_job *job);
