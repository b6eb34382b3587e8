/* SPDX-License-Identifier: BSD-3-Clause */
#include "state/identity.h"

#include <string.h>

#include "maglev/factor.h"
#include "affinity/member.h"
#include "affinity/slots.h"
#include "state/state_header.h"

bool identity_is_name(const char *text, size_t size)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._:-/";

	return memchr(text, '\0', size) != NULL && text[0] != '\0' &&
	       text[strspn(text, allowed)] == '\0';
}

static bool is_name(const char text[IDENTITY_NAME_SIZE])
{
	return identity_is_name(text, IDENTITY_NAME_SIZE);
}

bool identity_pool_is_sound(const struct identity_pool *row, const struct state_layout *layout)
{
	return identity_is_used(&row->used) && is_name(row->name) && row->slots != 0 &&
	       row->slots <= layout->slot_words &&
	       row->first_word <= layout->slot_words - row->slots;
}

static bool is_address(const struct address *address)
{
	return address->family == ADDRESS_IPV4 || address->family == ADDRESS_IPV6;
}

static bool is_flag(uint8_t flag)
{
	return flag <= 1;
}

static bool has_sound_times(const struct identity_backend *row, uint32_t now_s)
{
	return row->changed_s <= now_s && row->instance_s <= now_s && row->health_s <= now_s &&
	       row->ramp_s <= now_s;
}

bool identity_backend_is_sound(
	const struct identity_backend *row, const struct state_layout *layout, uint32_t now_s)
{
	return identity_is_used(&row->used) && row->pool < layout->pools &&
	       row->index < SLOT_BACKEND_MAX && row->state > MEMBER_NONE &&
	       row->state < MEMBER_STATE_COUNT && is_flag(row->healthy) && is_flag(row->rests) &&
	       is_flag(row->joining) && row->weight <= UINT16_MAX && row->share != 0 &&
	       row->share <= FACTOR_ONE && row->steps != 0 && row->steps <= FACTOR_DYNAMIC_STEPS &&
	       has_sound_times(row, now_s) && is_address(&row->address) && is_name(row->name) &&
	       is_name(row->key);
}

bool identity_service_is_sound(const struct identity_service *row)
{
	return identity_is_used(&row->used) && is_name(row->name);
}
