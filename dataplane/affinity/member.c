/* SPDX-License-Identifier: BSD-3-Clause */
#include "affinity/member.h"

const char *member_state_name(enum member_state state)
{
	static const char *const names[MEMBER_STATE_COUNT] = {
#define MEMBER_STATE_NAME(upper, lower) [MEMBER_##upper] = #lower,
		MEMBER_STATE_TABLE(MEMBER_STATE_NAME)
#undef MEMBER_STATE_NAME
	};

	return names[state];
}
