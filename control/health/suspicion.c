/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/suspicion.h"

bool suspicion_arises(struct suspicion *suspicion, uint32_t up, uint32_t window_ms, uint64_t now_ms)
{
	if (suspicion->fallen == 0 || now_ms - suspicion->since_ms > window_ms)
		*suspicion = (struct suspicion){ .since_ms = now_ms, .up = up };
	suspicion->fallen++;
	return suspicion->fallen >= SUSPICION_LEAST && 2 * suspicion->fallen > suspicion->up;
}
