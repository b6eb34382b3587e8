/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer_program: the compiled steer.bpf.c, which is part of the executable, as a file. DPDK's
 * af_xdp driver wants a path (xdp_prog=); a file in memory gives it one that cannot be missing, or
 * be of another version than the executable.
 */
#pragma once

#include "base/error.h"

#define STEER_PROGRAM_PATH_SIZE 32

/* Makes the file and writes its path. Returns a descriptor that keeps it alive, or -errno. */
int steer_program_open(char path[static STEER_PROGRAM_PATH_SIZE], struct error *error);
