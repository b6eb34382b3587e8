/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/live_records.h"

#include <errno.h>
#include <string.h>

static const struct address *tunnel_source(
	const struct config *config, const struct address *destination)
{
	return destination->family == ADDRESS_IPV6 ? &config->dataplane.tunnel_source_ipv6
						   : &config->dataplane.tunnel_source_ipv4;
}

static void take_neighbour(const struct live_records_source *source,
	const struct neighbour_route *neighbour, struct record_route *route)
{
	const struct port *port = source->ports[neighbour->port];

	memcpy(route->destination_mac, neighbour->mac, sizeof(route->destination_mac));
	memcpy(route->source_mac, port_mac(port)->addr_bytes, sizeof(route->source_mac));
	route->port = port_id(port);
	route->mtu = port_mtu(port);
}

static bool make_l2dsr(const struct live_records_source *source, const struct address *address,
	struct record_route *route, struct backend_record *record)
{
	struct neighbour_route neighbour;

	if (neighbours_find_on_link(source->neighbours, address, &neighbour) != 0)
		return false;
	take_neighbour(source, &neighbour, route);
	record_make_l2dsr(record, route);
	return true;
}

static bool make_ipip(const struct live_records_source *source, const struct address *address,
	struct record_route *route, struct backend_record *record)
{
	const struct address *outer = tunnel_source(source->config, address);
	struct neighbour_route neighbour;

	if (outer->family == ADDRESS_NONE ||
		neighbours_find(source->neighbours, address, &neighbour) != 0)
		return false;
	take_neighbour(source, &neighbour, route);
	record_make_ipip(record, route, outer, address);
	return true;
}

static bool make_record(const struct live_records_source *source, const struct address *address,
	enum record_mode mode, struct record_route *route, struct backend_record *record)
{
	return mode == RECORD_MODE_L2DSR ? make_l2dsr(source, address, route, record)
					 : make_ipip(source, address, route, record);
}

/* Returns whether there is a way to the backend in any mode. */
static bool make_records(const struct live_records_source *source,
	const struct live_backend *backend, struct backend_record records[RECORD_MODE_COUNT])
{
	bool any = false;

	memset(records, 0, RECORD_MODE_COUNT * sizeof(*records));
	for (unsigned int mode = 0; mode < RECORD_MODE_COUNT; mode++) {
		struct record_route route = {
			.gid = backend->gid,
			.counter = counters_backend_cell(
				state_layout(source->state)->services, backend->gid),
		};

		if (make_record(source, &backend->address, mode, &route, &records[mode])) {
			any = true;
			continue;
		}
		records[mode].gid = route.gid;
		records[mode].counter = route.counter;
	}
	return any;
}

int live_records_prepare(
	const struct live_records_source *source, struct live_backend *backend, struct error *error)
{
	struct backend_record records[RECORD_MODE_COUNT];
	uint32_t first;

	if (!make_records(source, backend, records)) {
		backend->has_new_records |= backend->records != RECORD_NONE;
		backend->records = RECORD_NONE;
		return 0;
	}
	if (backend->records != RECORD_NONE && memcmp(state_record(source->state, backend->records),
						       records, sizeof(records)) == 0)
		return 0;
	first = state_records_allocate(source->state);
	if (first == RECORD_NONE)
		return live_pool_no_room(error, "the records of another backend");
	memcpy(state_record(source->state, first), records, sizeof(records));
	backend->records = first;
	backend->has_new_records = true;
	return 0;
}

void live_records_remake(
	const struct live_records_source *source, const struct live_backend *backend)
{
	struct backend_record records[RECORD_MODE_COUNT];

	if (backend->has_new_records && backend->records != RECORD_NONE &&
		make_records(source, backend, records))
		memcpy(state_record(source->state, backend->records), records, sizeof(records));
}

void live_records_abort(struct state *state, struct live_backend *backend)
{
	if (backend->has_new_records && backend->records != RECORD_NONE)
		state_records_free(state, backend->records);
	backend->has_new_records = false;
}

static void release(void *state, uint64_t records)
{
	state_records_free(state, records);
}

void live_records_retire(struct state *state, uint32_t records, struct publish *publish)
{
	/* without memory for the note they stay taken: better than to reuse them under a worker */
	if (records != RECORD_NONE)
		publish_retire(publish, release, state, records);
}

void live_records_store(struct live_pool *pool, struct live_backend *backend, uint32_t before,
	struct publish *publish)
{
	if (!backend->has_new_records)
		return;
	atomic_store_explicit(
		&pool->record_of[backend->index], backend->records, memory_order_release);
	backend->has_new_records = false;
	live_records_retire(pool->state, before, publish);
}

int live_records_refresh(const struct live_records_source *source, struct live_pool *pool,
	struct live_backend *backend, struct publish *publish, struct error *error)
{
	struct live_backend next = *backend;
	int code = live_records_prepare(source, &next, error);

	if (code != 0 || next.records == RECORD_NONE || !next.has_new_records)
		return code;
	live_records_store(pool, &next, backend->records, publish);
	backend->records = next.records;
	return 1;
}
