/* SPDX-License-Identifier: BSD-3-Clause */
#include "state/state_names.h"

#include <errno.h>
#include <string.h>

#include "state/state_reader.h"

static const struct state_layout *layout_of(const struct state_reader *reader)
{
	return &state_reader_header(reader)->layout;
}

int state_names_verdict(
	const struct state_reader *reader, uint32_t number, struct named_verdict *verdict)
{
	const struct state_header *header = state_reader_header(reader);

	if (number >= header->verdicts)
		return -ERANGE;
	if (number == VERDICT_NEXT)
		return -ENOENT; /* no packet ends there */
	if (!identity_is_name(header->verdict_names[number], STATE_VERDICT_NAME_SIZE))
		return -EBADMSG;
	if (state_reader_generation(reader) == 0)
		return -ESTALE;
	memset(verdict, 0, sizeof(*verdict));
	memcpy(verdict->name, header->verdict_names[number], sizeof(verdict->name));
	for (uint32_t i = 0; i < header->layout.workers; i++)
		verdict->packets +=
			counter_read(&state_reader_counters(reader, i)->verdicts[number]);
	return 0;
}

int state_names_port(const struct state_reader *reader, uint32_t index, struct named_port *port)
{
	const struct state_header *live = state_reader_live_header(reader);
	int result;

	if (index >= layout_of(reader)->ports)
		return -ERANGE;
	memset(port, 0, sizeof(*port));
	result = state_reader_copy_row(
		reader, live->port_names[index], sizeof(port->name), port->name);
	if (result != 0)
		return result;
	if (port->name[0] == '\0')
		return -ENOENT;
	if (!identity_is_name(port->name, sizeof(port->name)))
		return -EBADMSG;
	for (uint32_t i = 0; i < layout_of(reader)->workers; i++) {
		const struct port_counter *counter =
			&state_reader_counters(reader, i)->ports[index];

		port->counter.rx_packets += counter_read(&counter->rx_packets);
		port->counter.rx_bytes += counter_read(&counter->rx_bytes);
		port->counter.tx_packets += counter_read(&counter->tx_packets);
		port->counter.tx_bytes += counter_read(&counter->tx_bytes);
	}
	return 0;
}

int state_names_lcore(const struct state_reader *reader, uint32_t worker, struct named_lcore *lcore)
{
	const struct state_header *live = state_reader_live_header(reader);
	const struct worker_counters *counters = state_reader_counters(reader, worker);
	uint16_t number;
	int result;

	if (counters == NULL)
		return -ERANGE;
	result = state_reader_copy_row(reader, &live->lcores[worker], sizeof(number), &number);
	if (result != 0)
		return result;
	if (number == 0)
		return -ENOENT;
	lcore->lcore = number - 1;
	lcore->iterations = counter_read(&counters->iterations);
	lcore->packets = counter_read(&counters->packets);
	lcore->bursts = counter_read(&counters->bursts);
	return 0;
}

/* A torn row may have an old or a new baseline; a baseline above the sum gives 0. */
static uint64_t since(uint64_t sum, uint64_t baseline)
{
	return sum > baseline ? sum - baseline : 0;
}

/* Sums up a service or backend, by the cell of its counters in the blocks of the workers. */
static struct counter sum_up(
	const struct state_reader *reader, uint32_t cell, const struct counter *baseline)
{
	struct counter sum = { 0 };

	for (uint32_t i = 0; i < layout_of(reader)->workers; i++) {
		const struct counter *counter = &state_reader_counters(reader, i)->counters[cell];

		sum.packets += counter_read(&counter->packets);
		sum.bytes += counter_read(&counter->bytes);
		sum.new_flows += counter_read(&counter->new_flows);
	}
	sum.packets = since(sum.packets, baseline->packets);
	sum.bytes = since(sum.bytes, baseline->bytes);
	sum.new_flows = since(sum.new_flows, baseline->new_flows);
	return sum;
}

int state_names_service(
	const struct state_reader *reader, uint32_t cell, struct named_counter *service)
{
	const struct identity_service *row = state_reader_service_row(reader, cell);
	struct identity_service copy;
	int result;

	if (row == NULL)
		return -ERANGE;
	result = state_reader_copy_row(reader, row, sizeof(copy), &copy);
	if (result != 0)
		return result;
	if (!identity_is_used(&copy.used))
		return -ENOENT;
	if (!identity_service_is_sound(&copy))
		return -EBADMSG;
	memset(service, 0, sizeof(*service));
	memcpy(service->name, copy.name, sizeof(service->name));
	service->counter = sum_up(reader, counters_service_cell(cell), &copy.baseline);
	return 0;
}

static int copy_pool(const struct state_reader *reader, uint32_t number, struct identity_pool *copy)
{
	const struct identity_pool *row = state_reader_pool_row(reader, number);
	int result;

	if (row == NULL)
		return -ERANGE;
	result = state_reader_copy_row(reader, row, sizeof(*copy), copy);
	if (result != 0)
		return result;
	if (!identity_is_used(&copy->used))
		return -ENOENT;
	return identity_pool_is_sound(copy, layout_of(reader)) ? 0 : -EBADMSG;
}

/* Validates only what is reported here: times matter only to a process that adopts the row. */
static int copy_backend(
	const struct state_reader *reader, uint32_t gid, struct identity_backend *copy)
{
	const struct identity_backend *row = state_reader_backend_row(reader, gid);
	int result;

	if (row == NULL)
		return -ERANGE;
	result = state_reader_copy_row(reader, row, sizeof(*copy), copy);
	if (result != 0)
		return result;
	if (!identity_is_used(&copy->used))
		return -ENOENT;
	return copy->pool < layout_of(reader)->pools &&
			       identity_is_name(copy->name, sizeof(copy->name))
		       ? 0
		       : -EBADMSG;
}

static struct counter sum_up_backend(
	const struct state_reader *reader, uint32_t gid, const struct identity_backend *row)
{
	return sum_up(
		reader, counters_backend_cell(layout_of(reader)->services, gid), &row->baseline);
}

int state_names_pool(const struct state_reader *reader, uint32_t number, struct named_pool *pool)
{
	struct identity_backend backend;
	struct identity_pool copy;
	int result = copy_pool(reader, number, &copy);

	if (result != 0)
		return result;
	memset(pool, 0, sizeof(*pool));
	memcpy(pool->name, copy.name, sizeof(pool->name));
	pool->slots = copy.slots;
	for (uint32_t gid = 0; (result = copy_backend(reader, gid, &backend)) != -ERANGE; gid++) {
		struct counter counter;

		if (result == -EAGAIN || result == -ESTALE)
			return result;
		if (result != 0 || backend.pool != number)
			continue;
		counter = sum_up_backend(reader, gid, &backend);
		pool->counter.packets += counter.packets;
		pool->counter.bytes += counter.bytes;
		pool->counter.new_flows += counter.new_flows;
	}
	return 0;
}

int state_names_backend(
	const struct state_reader *reader, uint32_t gid, struct named_counter *backend)
{
	struct identity_backend copy;
	struct identity_pool pool;
	int result = copy_backend(reader, gid, &copy);

	if (result != 0)
		return result;
	memset(backend, 0, sizeof(*backend));
	memcpy(backend->name, copy.name, sizeof(backend->name));
	result = copy_pool(reader, copy.pool, &pool);
	if (result == -EAGAIN || result == -ESTALE)
		return result;
	if (result == 0)
		memcpy(backend->pool, pool.name, sizeof(backend->pool));
	backend->counter = sum_up_backend(reader, gid, &copy);
	return 0;
}

const char *state_names_error_text(int result)
{
	switch (result) {
	case -EINVAL: return "is no state file, or is damaged";
	case -EBADMSG: return "is damaged: it has a name that cannot be one";
	case -EPROTONOSUPPORT: return "is of another version of sluice";
	case -EAGAIN: return "is being written; try again";
	case -ESTALE: return "has been replaced by a later start; open it again";
	case -ENOENT: return "is not there, or has no name at this place";
	case -ERANGE: return "has no such place";
	default: return strerror(-result);
	}
}
