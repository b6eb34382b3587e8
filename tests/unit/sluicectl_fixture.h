/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sluicectl_fixture: command lines, golden reports, and a stand-in for sluiced. Whatever goes wrong
 * here fails the test that is running.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "sluicectl/sluicectl_invocation.h"

#define WORDS_MAX 24

/* Splits at single blanks; the words lie in `line`. */
size_t split(char *line, char **words);

/* Parses `text`; the words that the invocation refers to lie in `line`, which must have room. */
int parse(struct invocation *invocation, const char *text, char *line, struct error *error);

/* What `report` makes of the JSON `result` is `golden`. */
void expect_report(
	void (*report)(const json_t *result, FILE *out), const char *result, const char *golden);

/* A stand-in for sluiced: reads a line of each client in turn and says what is for that one. */
struct stand_in {
	char path[64];
	pid_t pid;
};

/* Starts one with an answer for each of `count` clients; without `read_first` it reads nothing. */
void start_with(
	struct stand_in *stand_in, const char *const *answers, size_t count, bool read_first);

/* The same for one client. */
void start(struct stand_in *stand_in, const char *answer, bool read_first);

/* Waits for it, which must have answered every client. */
void stop(struct stand_in *stand_in);
