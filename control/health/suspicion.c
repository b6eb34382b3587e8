/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/suspicion.h"

bool suspicion_arises(struct suspicion *suspicion, uint32_t up, uint32_t window_ms, uint64_t now_ms)
{
	if (now_ms < suspicion->quiet_until_ms)
		return false;
	if (suspicion->fallen == 0 || now_ms - suspicion->since_ms > window_ms) {
		suspicion->since_ms = now_ms;
		suspicion->up = up;
		suspicion->fallen = 0;
	}
	suspicion->fallen++;
	if (suspicion->fallen < SUSPICION_LEAST || 2 * suspicion->fallen <= suspicion->up)
		return false;
	suspicion->has_arisen = true;
	suspicion->window_ms = window_ms;
	return true;
}

void suspicion_dispel(struct suspicion *suspicion, uint64_t now_ms)
{
	if (suspicion->has_arisen)
		*suspicion = (struct suspicion){
			.quiet_until_ms = now_ms + suspicion->window_ms,
		};
}
