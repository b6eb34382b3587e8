/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "api/api_internal.h"
#include "api/api_rows.h"
#include "json/json_build.h"
#include "host/memory.h"
#include "probe/probe_path.h"
#include "steer/steer.h"
#include "version.h"

#define CONFIG_WARNINGS_MAX 100

static json_t *status_worker(const struct worker_health *health)
{
	struct json_build object = json_build_begin();

	json_build_integer(&object, "lcore", health->lcore);
	json_build_integer(&object, "cpu", health->cpu);
	json_build_text(&object, "state", health->stalled ? "stalled" : "running");
	json_build_integer(&object, "packets", health->packets);
	json_build_value(&object, "busy_percent", api_json_tenths(health->busy_percent));
	json_build_value(&object, "cycles_per_packet", api_json_tenths(health->cycles_per_packet));
	return json_build_end(&object);
}

static json_t *status_workers(const struct workers *workers)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < workers_count(workers); i++)
		json_array_append_new(list, status_worker(workers_health(workers, i)));
	return list;
}

static const char *host_path_name(enum host_path host_path)
{
	static const char *const names[] = {
		[HOST_PATH_XDP] = "xdp",
		[HOST_PATH_COPY] = "copy",
		[HOST_PATH_DROP] = "drop",
	};

	return names[host_path];
}

static json_t *status_port(const struct port *port)
{
	struct json_build object = json_build_begin();

	json_build_text(&object, "name", port_name(port));
	json_build_text(&object, "device", port_device(port));
	json_build_text(&object, "driver", port_driver(port));
	json_build_text(&object, "host_path", host_path_name(port_host_path(port)));
	json_build_integer(&object, "mtu", port_mtu(port));
	json_build_value(&object, "mac", api_json_mac(port_mac(port)->addr_bytes));
	json_build_text(&object, "link", port_link_up(port) ? "up" : "down");
	return json_build_end(&object);
}

static json_t *status_ports(const struct api *api)
{
	size_t count = desired_config(api->running.desired)->dataplane.port_count;
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, status_port(api->running.ports[i]));
	return list;
}

/* As it was worked out beforehand; what the process takes in truth, the kernel knows. */
static json_t *status_memory(const struct config *config)
{
	struct memory_part parts[MEMORY_PARTS_MAX];
	size_t count = memory_list(config, parts);
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, parts[i].key, json_integer(parts[i].bytes));
	return object;
}

static json_t *status_pools(const struct api *api)
{
	const struct plan *plan = desired_plan(api->running.desired);
	json_t *list = json_array();

	for (size_t i = 0; i < plan->pool_count; i++) {
		json_t *row = api_json_pool(&plan->pools[i]);

		json_object_update_new(
			row, api_json_unresolved(forwarding_summary(api->running.forwarding, i),
				     &plan->pools[i]));
		json_object_update_new(row, api_json_pool_health(api, i));
		json_array_append_new(list, row);
	}
	return list;
}

static void add_warning(void *context, const char *sentence)
{
	json_array_append_new(context, json_string(sentence));
}

/* Those of a large configuration may be as many as it has services. */
struct first_warnings {
	json_t *list;
	size_t count;
};

static void add_first(void *context, const char *sentence)
{
	struct first_warnings *first = context;

	if (first->count++ < CONFIG_WARNINGS_MAX)
		add_warning(first->list, sentence);
}

static void warn_of_configuration(const struct api *api, json_t *list)
{
	struct first_warnings first = { list, 0 };
	char sentence[96];

	config_warnings(desired_config(api->running.desired), add_first, &first);
	if (first.count <= CONFIG_WARNINGS_MAX)
		return;
	snprintf(sentence, sizeof(sentence),
		"warnings of the configuration: %zu more (sluiced --check tells all)",
		first.count - CONFIG_WARNINGS_MAX);
	add_warning(list, sentence);
}

static void add_condition(json_t *list, const struct condition *condition)
{
	json_t *since = api_json_time(condition->since_s);

	json_array_append_new(
		list, json_sprintf("%s (since %s)", condition->sentence, json_string_value(since)));
	json_decref(since);
}

static void warn_of_rebuilding(const struct api *api, json_t *list)
{
	char sentence[96];
	size_t pools, left = forwarding_unbuilt(api->running.forwarding, &pools);

	if (left == 0)
		return;
	snprintf(sentence, sizeof(sentence),
		"rebuilding tables: %zu of %zu pools; changes wait for the others", pools - left,
		pools);
	add_warning(list, sentence);
}

static json_t *status_warnings(const struct api *api)
{
	const struct conditions *conditions = host_watch_conditions(api->running.host_watch);
	json_t *list = json_array();

	warn_of_configuration(api, list);
	if (api->refused_reload[0] != '\0')
		add_warning(list, api->refused_reload);
	watch_warn(api->watch, list);
	api_warn_of_file(api, list);
	for (size_t i = 0; i < conditions->count; i++)
		add_condition(list, &conditions->list[i]);
	warn_of_rebuilding(api, list);
	api_warn_of_former_vips(api, list);
	return list;
}

static void add_port_reasons(json_t *list, const struct port *port)
{
	struct error error = { "" };

	if (port_check_interface(port, &error) != 0)
		json_array_append_new(
			list, json_sprintf("port %s: %s", port_name(port), error.message));
	else if (!port_link_up(port))
		json_array_append_new(list, json_sprintf("port %s: link is down", port_name(port)));
	if (port_steer(port) != NULL && !steer_is_attached(port_steer(port)))
		json_array_append_new(
			list, json_sprintf("port %s: our XDP program is no longer attached",
				      port_name(port)));
	if (port_check_queues(port, &error) != 0)
		json_array_append_new(
			list, json_sprintf("port %s: %s", port_name(port), error.message));
}

/* Why the node should get no traffic; empty while it is ready. */
static json_t *status_reasons(const struct api *api)
{
	size_t port_count = desired_config(api->running.desired)->dataplane.port_count;
	size_t unsteered = steering_unsteered(desired_steering(api->running.desired));
	json_t *list = json_array();

	for (unsigned int i = 0; i < workers_count(api->running.workers); i++) {
		const struct worker_health *health = workers_health(api->running.workers, i);

		if (health->stalled)
			json_array_append_new(list,
				json_sprintf("worker on lcore %u has stalled", health->lcore));
	}
	if (unsteered != 0)
		json_array_append_new(list, json_sprintf("%zu VIP%s not steered to the workers",
						    unsteered, unsteered == 1 ? " is" : "s are"));
	for (size_t i = 0; i < port_count; i++)
		add_port_reasons(list, api->running.ports[i]);
	if (health_doubt(api->running.health)[0] != '\0')
		json_array_append_new(list, json_sprintf("the node suspects itself: %s",
						    health_doubt(api->running.health)));
	return list;
}

static json_t *status_state(const struct api *api)
{
	enum state_start start = state_start(api->running.state);
	struct json_build object = json_build_begin();

	json_build_text(
		&object, "file", desired_config(api->running.desired)->dataplane.state_file);
	json_build_text(&object, "start", start == STATE_WARM ? "warm" : "cold");
	json_build_text(&object, "reason", state_start_text(start));
	return json_build_end(&object);
}

void api_status(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	const struct config *config = desired_config(api->running.desired);
	const struct plan *plan = desired_plan(api->running.desired);
	struct json_build answer = json_build_begin();
	json_t *reasons = status_reasons(api);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	json_build_text(&answer, "node", config->node_name);
	json_build_text(&answer, "version", SLUICE_VERSION);
	json_build_integer(&answer, "pid", getpid());
	json_build_integer(&answer, "uptime_s", now.tv_sec - api->started_s);
	json_build_flag(&answer, "ready", json_array_size(reasons) == 0);
	json_build_value(&answer, "problems", api_json_problems(api, reasons));
	json_build_value(&answer, "reasons", reasons);
	json_build_value(&answer, "configuration", api_json_configuration(api));
	json_build_value(&answer, "state", status_state(api));
	json_build_value(&answer, "memory_bytes", status_memory(config));
	json_build_value(&answer, "table_digest", api_json_table_digest(plan));
	json_build_value(&answer, "workers", status_workers(api->running.workers));
	json_build_value(&answer, "ports", status_ports(api));
	json_build_value(&answer, "pools", status_pools(api));
	json_build_value(&answer, "warnings", status_warnings(api));
	json_build_value(&answer, "former_vips", api_json_former_vips(api));
	json_build_value(&answer, "last_change",
		api->last_change == NULL ? json_null() : json_incref(api->last_change));
	rpc_call_result(call, json_build_end(&answer));
}

static json_t *stats_steer(struct steer *steer)
{
	uint64_t counts[STEER_COUNT_MAX];
	json_t *object;

	if (steer == NULL || steer_count(steer, counts) != 0)
		return NULL;
	object = json_object();
	for (unsigned int i = 0; i < STEER_COUNT_MAX; i++)
		json_object_set_new(object, steer_count_name(i), json_integer(counts[i]));
	return object;
}

static json_t *stats_driver(uint16_t port_id)
{
	struct json_build object = json_build_begin();
	struct rte_eth_stats stats = { 0 };

	rte_eth_stats_get(port_id, &stats);
	json_build_integer(&object, "rx_packets", stats.ipackets);
	json_build_integer(&object, "rx_bytes", stats.ibytes);
	json_build_integer(&object, "tx_packets", stats.opackets);
	json_build_integer(&object, "tx_bytes", stats.obytes);
	json_build_integer(&object, "rx_missed", stats.imissed);
	json_build_integer(&object, "rx_errors", stats.ierrors);
	json_build_integer(&object, "rx_no_mbuf", stats.rx_nombuf);
	json_build_integer(&object, "tx_errors", stats.oerrors);
	return json_build_end(&object);
}

static json_t *stats_port(const struct api *api, size_t index)
{
	const struct port *port = api->running.ports[index];
	struct port_counter sum = { 0 };
	json_t *driver = stats_driver(port_id(port)), *steer = stats_steer(port_steer(port));
	struct json_build object = json_build_begin();

	for (unsigned int i = 0; i < workers_count(api->running.workers); i++) {
		const struct port_counter *counter =
			&state_counters(api->running.state, i)->ports[index];

		sum.rx_packets += counter_read(&counter->rx_packets);
		sum.rx_bytes += counter_read(&counter->rx_bytes);
		sum.tx_packets += counter_read(&counter->tx_packets);
		sum.tx_bytes += counter_read(&counter->tx_bytes);
	}
	json_build_integer(&object, "rx_packets", sum.rx_packets);
	json_build_integer(&object, "rx_bytes", sum.rx_bytes);
	json_build_integer(&object, "tx_packets", sum.tx_packets);
	json_build_integer(&object, "tx_bytes", sum.tx_bytes);
	json_build_value(&object, "rx_missed", json_incref(json_object_get(driver, "rx_missed")));
	json_build_value(&object, "driver", driver);
	if (steer != NULL)
		json_build_value(&object, "steer", steer);
	return json_build_end(&object);
}

static json_t *stats_ports(const struct api *api)
{
	size_t count = desired_config(api->running.desired)->dataplane.port_count;
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, port_name(api->running.ports[i]), stats_port(api, i));
	return object;
}

static json_t *stats_verdicts(const struct api *api)
{
	json_t *object = json_object();

	for (unsigned int verdict = VERDICT_NEXT + 1; verdict < VERDICT_COUNT; verdict++) {
		uint64_t sum = 0;

		for (unsigned int i = 0; i < workers_count(api->running.workers); i++)
			sum += counter_read(
				&state_counters(api->running.state, i)->verdicts[verdict]);
		json_object_set_new(object, verdict_name(verdict), json_integer(sum));
	}
	return object;
}

static uint64_t count_copies(const struct api *api)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < workers_count(api->running.workers); i++)
		sum += counter_read(&state_counters(api->running.state, i)->copies);
	return sum;
}

static uint64_t count_uncopied(const struct api *api)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < workers_count(api->running.workers); i++)
		sum += counter_read(&state_counters(api->running.state, i)->affinity.uncopied);
	return sum;
}

/* As now, or as it was when this process began. */
typedef void count_service_t(
	const struct forwarding *forwarding, size_t service, struct counter *sum);
typedef void count_backend_t(
	const struct forwarding *forwarding, size_t pool, size_t backend, struct counter *sum);

/* The packets as of now; the rates as of the last look, a second ago at most. */
static json_t *stats_worker(const struct api *api, unsigned int worker)
{
	const struct worker_health *health = workers_health(api->running.workers, worker);
	struct worker_counters *counters = state_counters(api->running.state, worker);
	struct json_build object = json_build_begin();

	json_build_integer(&object, "lcore", health->lcore);
	json_build_integer(&object, "packets", counter_read(&counters->packets));
	json_build_integer(&object, "bursts", counter_read(&counters->bursts));
	json_build_integer(&object, "iterations", counter_read(&counters->iterations));
	json_build_value(&object, "busy_percent", api_json_tenths(health->busy_percent));
	json_build_value(&object, "cycles_per_packet", api_json_tenths(health->cycles_per_packet));
	return json_build_end(&object);
}

static json_t *stats_workers(const struct api *api)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < workers_count(api->running.workers); i++)
		json_array_append_new(list, stats_worker(api, i));
	return list;
}

static bool write_service_counter(
	struct api_rows *rows, struct rpc_answer *answer, count_service_t *count)
{
	const struct config *config = desired_config(rows->api->running.desired);
	size_t index = rows->outer++;
	struct counter sum;

	if (index >= config->service_count)
		return false;
	count(rows->api->running.forwarding, index, &sum);
	rpc_answer_value(answer, config->services[index].name, api_json_counter(&sum));
	return true;
}

static bool write_backend_counter(
	struct api_rows *rows, struct rpc_answer *answer, count_backend_t *count)
{
	const struct config *config = desired_config(rows->api->running.desired);
	char name[CONFIG_NAME_SIZE + CONFIG_MEMBER_SIZE];
	const struct config_pool *pool;
	struct counter sum;

	if (rows->outer >= config->written_pool_count) /* these are counted wherever they serve */
		return false;
	pool = &config->pools[rows->outer];
	if (rows->inner >= pool->backend_count) {
		rows->outer++;
		rows->inner = 0;
		return true;
	}
	count(rows->api->running.forwarding, rows->outer, rows->inner, &sum);
	snprintf(name, sizeof(name), "%s/%s", pool->name, pool->backends[rows->inner++].name);
	rpc_answer_value(answer, name, api_json_counter(&sum));
	return true;
}

/* Those to VIPs; null if the kernel does not say. */
static json_t *stats_probe_packets(const struct api *api)
{
	uint64_t counts[PROBE_COUNT_MAX];
	struct json_build object;

	if (health_count_packets(api->running.health, counts) < 0)
		return json_null();
	object = json_build_begin();
	for (unsigned int count = 0; count < PROBE_COUNT_MAX; count++)
		json_build_integer(&object, probe_count_name(count), (int64_t)counts[count]);
	return json_build_end(&object);
}

static json_t *stats_checks(const struct api *api)
{
	const struct checker_load load = health_load(api->running.health);
	struct json_build object = json_build_begin();

	json_build_integer(&object, "targets", load.targets);
	json_build_integer(&object, "probes", load.probes);
	json_build_integer(&object, "untried", load.untried);
	json_build_integer(&object, "under_way", load.flights);
	json_build_integer(&object, "waiting", load.waiting);
	json_build_integer(&object, "late_ms", load.late_ms);
	json_build_integer(&object, "cpu_time_ms", load.cpu_time_ms);
	json_build_value(&object, "packets", stats_probe_packets(api));
	return json_build_end(&object);
}

static bool write_pool_counts(struct api_rows *rows, struct rpc_answer *answer)
{
	const struct config *config = desired_config(rows->api->running.desired);
	size_t pool = rows->outer++;
	struct health_pool_report report;

	if (pool >= config->written_pool_count)
		return false;
	health_describe_pool(rows->api->running.health, pool, &report);
	rpc_answer_value(answer, config->pools[pool].name, api_json_pool_counts(&report));
	return true;
}

/* All but the long lists. */
static void write_node_stats(const struct api *api, struct rpc_answer *answer)
{
	rpc_answer_open_object(answer, NULL);
	rpc_answer_value(answer, "ports", stats_ports(api));
	rpc_answer_value(answer, "verdicts", stats_verdicts(api));
	rpc_answer_value(answer, "copies", json_integer(count_copies(api)));
	rpc_answer_value(answer, "uncopied", json_integer(count_uncopied(api)));
	rpc_answer_value(answer, "pins", api_json_pins(api));
	rpc_answer_value(answer, "workers", stats_workers(api));
	rpc_answer_value(answer, "checks", stats_checks(api));
}

/* The long lists, in this order: first health as it is, then counters since ever, then those at the
 * start of the process. */
enum stats_part {
	STATS_NODE,
	STATS_POOLS,
	STATS_SERVICES,
	STATS_BACKENDS,
	STATS_BASELINE,
	STATS_BASELINE_SERVICES,
	STATS_BASELINE_BACKENDS,
	STATS_PARTS,
};

/* One row of a list; false: it has no more. */
static bool write_stats_row(struct api_rows *rows, struct rpc_answer *answer)
{
	switch (rows->part) {
	case STATS_POOLS: return write_pool_counts(rows, answer);
	case STATS_SERVICES: return write_service_counter(rows, answer, forwarding_count_service);
	case STATS_BACKENDS: return write_backend_counter(rows, answer, forwarding_count_backend);
	case STATS_BASELINE_SERVICES:
		return write_service_counter(rows, answer, forwarding_baseline_service);
	case STATS_BASELINE_BACKENDS:
		return write_backend_counter(rows, answer, forwarding_baseline_backend);
	default: return false;
	}
}

static void open_stats_part(struct api_rows *rows, struct rpc_answer *answer)
{
	static const char *const keys[STATS_PARTS] = {
		[STATS_POOLS] = "pools",
		[STATS_SERVICES] = "services",
		[STATS_BACKENDS] = "backends",
		[STATS_BASELINE] = "baseline",
		[STATS_BASELINE_SERVICES] = "services",
		[STATS_BASELINE_BACKENDS] = "backends",
	};

	if (rows->part == STATS_NODE)
		write_node_stats(rows->api, answer);
	else
		rpc_answer_open_object(answer, keys[rows->part]);
	rows->opened = true;
}

static bool write_stats(struct api_rows *rows, struct rpc_answer *answer)
{
	if (rows->part == STATS_PARTS)
		return false;
	if (!rows->opened)
		open_stats_part(rows, answer);
	if (write_stats_row(rows, answer))
		return true;
	/* these two hold what follows */
	if (rows->part != STATS_NODE && rows->part != STATS_BASELINE)
		rpc_answer_close(answer);
	rows->part++;
	rows->outer = rows->inner = 0;
	rows->opened = false;
	return true;
}

void api_stats_get(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const struct api_rows_kind kind = { .write = write_stats };

	api_rows_answer(api, &kind, NULL, call);
}
