/* SPDX-License-Identifier: BSD-3-Clause */
/* What bench_pipeline is to measure, from its command line. */
#pragma once

#include "source.h"
#include "world.h"

#define PIPELINE_ROUNDS_MAX 99

struct pipeline_options {
	struct traffic_options source;
	struct world_options world;
	uint32_t rounds;
	uint32_t bursts;      /* of each round */
	uint32_t publish;     /* times a second; 0: not at all */
	uint32_t pin_step;    /* each so many-th flow of an unstable slot has a pin; 0: none */
	uint32_t established; /* pins of flows that send nothing while it measures */
	bool stages;          /* each step, and not the worker alone */
	bool json;
};

/* 0; or -1 after it has said what is wrong, and how to do it right. */
int pipeline_options_read(int count, char **arguments, struct pipeline_options *options);
