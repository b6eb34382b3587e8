/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_table: all commands, in the order of the help. */
#pragma once

#include <stddef.h>

#include "sluicectl/sluicectl_command.h"

#define COMMAND_COUNT 27

extern const struct command command_table[];
extern const size_t command_table_size;
