/* SPDX-License-Identifier: BSD-3-Clause */
/* state_error: the sentence for a state file that could not be opened. */
#pragma once

#include "base/error.h"
#include "state/state.h"

/* Returns refusal->code. */
int state_error(const char *path, const struct state_refusal *refusal, struct error *error);

/* What a negative errno means for the space of a state file; static text. */
const char *state_error_text(int code);
