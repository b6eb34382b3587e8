/* SPDX-License-Identifier: BSD-3-Clause */
#include "observe/service_rates.h"

#include <stdlib.h>
#include <string.h>

#include "plan/finder.h"

struct named_rate {
	char name[CONFIG_NAME_SIZE];
	struct rate rate;
};

struct service_rates {
	struct named_rate *list;
	size_t count;
	struct finder by_name; /* of the names as they are */
};

static void name_at(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	_Static_assert(CONFIG_NAME_SIZE <= FINDER_KEY_SIZE, "a name is a key");
	memcpy(key, ((const struct named_rate *)list)[index].name, CONFIG_NAME_SIZE);
}

static void forget_names(struct service_rates *rates)
{
	finder_fini(&rates->by_name);
	rates->by_name = (struct finder){ rates->list, rates->count, name_at, NULL };
}

struct service_rates *service_rates_create(void)
{
	struct service_rates *rates = calloc(1, sizeof(*rates));

	if (rates != NULL)
		forget_names(rates);
	return rates;
}

void service_rates_destroy(struct service_rates *rates)
{
	if (rates == NULL)
		return;
	finder_fini(&rates->by_name);
	free(rates->list);
	free(rates);
}

bool service_rates_fit(struct service_rates *rates, size_t count)
{
	struct named_rate *list;

	if (rates->count == count)
		return true;
	list = reallocarray(rates->list, count + 1, sizeof(*list));
	if (list == NULL)
		return false;
	if (count > rates->count)
		memset(&list[rates->count], 0, (count - rates->count) * sizeof(*list));
	rates->list = list;
	rates->count = count;
	forget_names(rates);
	return true;
}

void service_rates_follow(struct service_rates *rates, size_t number,
	const char name[static CONFIG_NAME_SIZE], const struct counter *sum, uint64_t now_ms)
{
	struct named_rate *service = &rates->list[number];

	if (strcmp(service->name, name) != 0) {
		memset(service, 0, sizeof(*service));
		memcpy(service->name, name, sizeof(service->name));
		forget_names(rates);
	}
	rate_follow(&service->rate, sum, now_ms);
}

const struct rate *service_rates_find(struct service_rates *rates, const char *name, size_t hint)
{
	size_t index = finder_find(&rates->by_name, name, hint);

	if (index == FINDER_NONE || !rates->list[index].rate.is_known)
		return NULL;
	return &rates->list[index].rate;
}
