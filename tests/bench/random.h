/* SPDX-License-Identifier: BSD-3-Clause */
/* random: the same numbers in every run, for what has to be repeatable. */
#pragma once

#include <stdint.h>

/* SplitMix64 (S. Vigna). Any state is a good one to start from. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Between 0 and 1, neither of them. */
static inline double random_uniform(uint64_t *state)
{
	return ((random_next(state) >> 11) + 0.5) / 9007199254740992.0;
}
