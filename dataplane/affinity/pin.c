/* SPDX-License-Identifier: BSD-3-Clause */
#include "affinity/pin.h"

#include <assert.h>

static_assert(PIN_CLASS_COUNT == 8, "three bits");

#define STAMP_BITS ((uint64_t)PIN_TICK_MASK << 4)
#define CLASS_BITS (UINT64_C(7) << 1)

uint64_t pin_restamp(uint64_t pin, uint16_t now)
{
	uint64_t mask = pin_tick_mask(pin_class(pin));

	return (pin & ~(mask << 4)) | (now & mask) << 4;
}

/* Bit 0 is kept, unless it meant that a packet was noted. */
static uint64_t become(uint64_t pin, enum pin_class class, uint16_t now)
{
	if (pin_class(pin) == PIN_PROBATION)
		pin &= ~PIN_NOTED;
	return pin_restamp((pin & ~(STAMP_BITS | CLASS_BITS)) | (uint64_t) class << 1, now);
}

static uint64_t refresh(uint64_t pin, uint16_t now)
{
	return pin_age(pin, now) == 0 ? pin : pin_restamp(pin, now);
}

static uint64_t become_after(uint64_t pin, uint32_t ticks, enum pin_class class, uint16_t now)
{
	return pin_age(pin, now) < ticks ? pin : become(pin, class, now);
}

uint64_t pin_continue(uint64_t pin, enum pin_class established, uint16_t now)
{
	switch (pin_class(pin)) {
	case PIN_PROBATION:
	case PIN_TRIAL: return become(pin, established, now);
	case PIN_OBSERVED: return become_after(pin, 1, established, now);
	case PIN_FINISHED: return become_after(pin, PIN_REVIVE_TICKS, established, now);
	default: return refresh(pin, now);
	}
}

uint64_t pin_continue_in_flood(uint64_t pin, enum pin_class established, uint16_t now)
{
	switch (pin_class(pin)) {
	case PIN_PROBATION:
		if ((pin & PIN_NOTED) == 0)
			return pin_restamp(pin | PIN_NOTED, now);
		return become_after(pin, 1, PIN_TRIAL, now);
	case PIN_OBSERVED: return become_after(pin, 1, PIN_TRIAL, now);
	case PIN_FINISHED: return become_after(pin, PIN_REVIVE_TICKS, established, now);
	default: return refresh(pin, now);
	}
}

uint64_t pin_finish(uint64_t pin, uint16_t now)
{
	switch (pin_class(pin)) {
	case PIN_PROBATION:
	case PIN_OBSERVED:
	case PIN_ESTABLISHED:
	case PIN_TRIAL: return become(pin, PIN_FINISHED, now);
	default: return pin;
	}
}

uint64_t pin_finish_in_flood(uint64_t pin, uint16_t now)
{
	switch (pin_class(pin)) {
	case PIN_ESTABLISHED: return become(pin, PIN_FINISHED, now);
	case PIN_TRIAL: return (become(pin, PIN_PROBATION, now) & ~PIN_REMOTE) | PIN_NOTED;
	default: return pin;
	}
}

uint64_t pin_reopen(uint64_t pin, uint16_t now)
{
	return pin_class(pin) == PIN_FINISHED ? become(pin, PIN_ESTABLISHED, now) : pin;
}

uint64_t pin_wait(uint64_t pin, uint16_t now)
{
	return become(pin, PIN_OBSERVED, now);
}

uint64_t pin_reclaim(uint64_t pin, uint16_t home_gid, uint16_t now)
{
	const uint64_t gid_bits = UINT64_C(0xffff) << 16;

	return become((pin & ~gid_bits) | (uint64_t)home_gid << 16, PIN_OBSERVED, now);
}
