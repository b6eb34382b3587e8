/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer_program: the compiled steer.bpf.c as a file. DPDK's af_xdp driver needs a path (xdp_prog=).
 * The object is part of the executable and is written to a file in memory, so that it cannot be
 * missing or of another version.
 */
#pragma once

#include "base/error.h"

#define STEER_PROGRAM_PATH_SIZE 32

/* Makes the file and writes its path. Returns a descriptor that keeps it alive, or -errno. */
int steer_program_open(char path[static STEER_PROGRAM_PATH_SIZE], struct error *error);
