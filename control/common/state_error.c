/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/state_error.h"

#include <errno.h>
#include <string.h>

const char *state_error_text(int code)
{
	return code == -EFBIG ? "it would be larger than this process may write (RLIMIT_FSIZE)"
			      : strerror(-code);
}

int state_error(const char *path, const struct state_refusal *refusal, struct error *error)
{
	const char *text = state_refusal_text(refusal->reason);

	switch (refusal->reason) {
	case STATE_REFUSED_HELD:
		return error_set(error, refusal->code,
			"state file %s: %s: process %d has it; stop that first, or give this one a "
			"state_file of its own",
			path, text, refusal->holder);
	case STATE_REFUSED_OWNER:
	case STATE_REFUSED_DIRECTORY_OWNER:
		return error_set(error, refusal->code, "state file %s: %s (user %u)", path, text,
			refusal->owner);
	case STATE_REFUSED_MODE:
	case STATE_REFUSED_DIRECTORY_MODE:
		return error_set(error, refusal->code, "state file %s: %s (%04o)", path, text,
			refusal->mode);
	case STATE_REFUSED_SPACE:
	case STATE_REFUSED_MEMORY:
		return error_set(error, refusal->code, "state file %s: %s: %s (%lu MiB wanted)",
			path, text, state_error_text(refusal->code),
			(unsigned long)(refusal->bytes >> 20));
	default:
		return error_set(error, refusal->code, "state file %s: %s: %s", path, text,
			state_error_text(refusal->code));
	}
}
