/* SPDX-License-Identifier: BSD-3-Clause */
#include "impact/impact.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/lookup.h"
#include "base/plural.h"

struct impact_index {
	struct lookup *pools;    /* by name, among those of the impact */
	struct lookup *services; /* by the name of their pool, in `shares` */
	double *shares;          /* of the services of a pool together */
};

static void destroy_index(struct impact_index *index)
{
	if (index == NULL)
		return;
	lookup_destroy(index->pools);
	lookup_destroy(index->services);
	free(index->shares);
	free(index);
}

struct impact *impact_create(void)
{
	return calloc(1, sizeof(struct impact));
}

void impact_destroy(struct impact *impact)
{
	if (impact == NULL)
		return;
	free(impact->services);
	free(impact->backends);
	free(impact->pools);
	destroy_index(impact->index);
	free(impact);
}

/* Lists grow by doubling: their room is the power of two that is not below their count. */
static void *add(void **list, size_t *count, size_t size)
{
	void *larger = *list;

	if ((*count & (*count - 1)) == 0) {
		larger = reallocarray(*list, *count == 0 ? 1 : 2 * *count, size);
		if (larger == NULL)
			return NULL;
		*list = larger;
	}
	return memset((char *)larger + (*count)++ * size, 0, size);
}

struct impact_service *impact_add_service(struct impact *impact)
{
	return add((void **)&impact->services, &impact->service_count, sizeof(*impact->services));
}

struct impact_backend *impact_add_backend(struct impact *impact)
{
	return add((void **)&impact->backends, &impact->backend_count, sizeof(*impact->backends));
}

struct impact_pool *impact_add_pool(struct impact *impact)
{
	return add((void **)&impact->pools, &impact->pool_count, sizeof(*impact->pools));
}

/* Adds up what the services of each pool have of it. */
static int add_shares(struct impact_index *index, const struct impact *impact)
{
	for (size_t i = 0; i < impact->service_count; i++) {
		size_t first = i;

		if (lookup_add(index->services, impact->services[i].pool, i, &first) == -ENOMEM)
			return -ENOMEM;
		index->shares[first] += impact->services[i].pool_share;
	}
	return 0;
}

static int add_pools(struct impact_index *index, const struct impact *impact)
{
	size_t earlier;

	for (size_t i = 0; i < impact->pool_count; i++)
		if (lookup_add(index->pools, impact->pools[i].name, i, &earlier) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

int impact_make_index(struct impact *impact)
{
	struct impact_index *index = calloc(1, sizeof(*index));

	impact->index = index;
	if (index == NULL)
		return -ENOMEM;
	index->pools = lookup_create();
	index->services = lookup_create();
	index->shares = calloc(impact->service_count + 1, sizeof(*index->shares));
	if (index->pools == NULL || index->services == NULL || index->shares == NULL)
		return -ENOMEM;
	return add_pools(index, impact) != 0 ? -ENOMEM : add_shares(index, impact);
}

const struct impact_pool *impact_find_pool(const struct impact *impact, const char *pool)
{
	size_t found;

	if (impact == NULL || lookup_find(impact->index->pools, pool, &found) != 0)
		return NULL;
	return &impact->pools[found];
}

double impact_pool_share(const struct impact *impact, const char *pool)
{
	const struct impact_index *index = impact->index;
	size_t found;

	if (lookup_find(index->services, pool, &found) != 0)
		return 0;
	return index->shares[found] < 1 ? index->shares[found] : 1;
}

const char *impact_change_name(enum claim_change change)
{
	static const char *const names[] = {
		[CLAIM_KEPT] = "kept",
		[CLAIM_GONE] = "gone",
		[CLAIM_POOL] = "pool",
		[CLAIM_FORWARD] = "forward",
		[CLAIM_PART] = "part",
		[CLAIM_CLIENTS] = "clients",
	};

	return names[change];
}

static void describe_change(const struct impact_service *service, char *text, size_t size)
{
	switch (service->change) {
	case CLAIM_GONE:
		snprintf(text, size, "no service claims %s any more", service->claim);
		return;
	case CLAIM_POOL:
		snprintf(text, size,
			"another pool moves every flow of %s to other backends (service %s)",
			service->claim, service->taker);
		return;
	case CLAIM_FORWARD:
		snprintf(text, size, "another mode takes %s to its backends (service %s)",
			service->claim, service->taker);
		return;
	case CLAIM_PART:
		snprintf(text, size, "service %s takes a part of %s to other backends",
			service->taker, service->claim);
		return;
	case CLAIM_CLIENTS:
		snprintf(text, size,
			"another split moves some clients of %s to other backends (service %s)",
			service->claim, service->taker);
		return;
	case CLAIM_KEPT: break;
	}
	snprintf(text, size, "it keeps %s", service->claim);
}

const char *impact_describe(
	const struct impact_service *service, char text[static IMPACT_TEXT_SIZE])
{
	char change[IMPACT_TEXT_SIZE / 2 + 64];

	describe_change(service, change, sizeof(change));
	snprintf(text, IMPACT_TEXT_SIZE,
		"%s; it has had %" PRIu64 " packet%s and %" PRIu64 " new flow%s so far", change,
		service->counted.packets, plural(service->counted.packets),
		service->counted.new_flows, plural(service->counted.new_flows));
	return text;
}

uint32_t impact_in_s(const struct impact *impact)
{
	uint32_t in_s = UINT32_MAX;

	if (impact == NULL || impact->service_count != 0 || impact->backend_count == 0)
		return 0;
	for (size_t i = 0; i < impact->backend_count; i++)
		if (impact->backends[i].in_s < in_s)
			in_s = impact->backends[i].in_s;
	return in_s;
}

int impact_check(const struct impact *impact, struct error *error)
{
	char text[IMPACT_TEXT_SIZE];

	for (size_t i = 0; i < impact->service_count; i++) {
		const struct impact_service *service = &impact->services[i];

		if (service->counted.packets != 0)
			return error_set(error, -EPERM,
				"service \"%s\" would lose its connections: %s: needs force",
				service->name, impact_describe(service, text));
	}
	return 0;
}
