/* SPDX-License-Identifier: BSD-3-Clause */
/* require: what a fuzzer holds to be true of whatever comes out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What libFuzzer calls: once at the start, and for each input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what does not hold, and crashes. */
#define require(condition)                                                               \
	do {                                                                             \
		if (!(condition)) {                                                      \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, \
				#condition);                                             \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* The input, from which a fuzzer takes what it needs; behind its end there are zeroes. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t input_take8(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

static inline uint16_t input_take16(struct input *input)
{
	uint16_t low = input_take8(input);

	return low | (uint16_t)(input_take8(input) << 8);
}

/* At most `wanted` bytes: `length` is how many there are. */
static inline const uint8_t *input_take(struct input *input, size_t wanted, size_t *length)
{
	const uint8_t *bytes = input->at;

	*length = wanted < input->left ? wanted : input->left;
	input->at += *length;
	input->left -= *length;
	return bytes;
}
