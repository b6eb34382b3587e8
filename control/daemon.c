/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of start is the order of dependence, with two points that matter to traffic: tables are
 * published before the XDP maps name a VIP (desired.h), and an interface is claimed before its
 * driver hears of it (port.h). The stop is the same backwards: the socket goes first, the ports
 * before the tables that their workers read.
 */
#include "daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api.h"
#include "common/clock.h"
#include "common/background.h"
#include "config/config_file.h"
#include "desired/desired.h"
#include "host/eal.h"
#include "host/feasible.h"
#include "forwarding/forwarding.h"
#include "common/group.h"
#include "common/events.h"
#include "common/loop.h"
#include "maglev/maglev.h"
#include "mempools.h"
#include "base/plural.h"
#include "port.h"
#include "common/process.h"
#include "tables/publish.h"
#include "state/state.h"
#include "common/state_error.h"
#include "steer/steer.h"
#include "forwarding/turns.h"
#include "health/health.h"
#include "version.h"
#include "host/host_watch.h"
#include "host/mac_watch.h"
#include "host/state_tidy.h"
#include "host/workers.h"

#define FILES_WANTED     256 /* 64 clients, and what DPDK and a port with its queues take */
#define HOLDER_TRIES     250 /* of 20 ms */
#define HOLDER_TRIES_MIN 5   /* until a signal is delivered, there is no sign that it was sent */

struct daemon {
	struct event_base *base;
	struct event *terminate, *interrupt, *hangup, *look_timer, *reclaim_timer;
	const char *path; /* of the configuration */
	struct config_file_version version;
	struct config *config; /* until `desired` owns it */
	struct background *work, *disk;
	struct background *adopter; /* until that is over */
	struct background_job adoption;
	int adopted; /* its outcome: 0 or a negative errno with `adoption_error` */
	struct error adoption_error;
	struct state *state;
	bool stopping;  /* told to, perhaps while starting */
	bool committed; /* the state file is ours */
	bool eal_started;
	struct mempools *mempools;
	struct port *ports[CONFIG_PORTS_MAX]; /* in the order of the configuration */
	size_t port_count;
	gid_t group; /* who may read */
	struct flow_secret secret;
	struct publish *publish;
	struct forwarding *forwarding;
	struct health *health;
	struct desired *desired;
	struct workers *workers;
	struct turns *turns;
	struct host_watch *host_watch;
	struct mac_watch mac_watch;
	struct state_tidy *tidy;
	struct api *api;
};

static void on_stop_signal(evutil_socket_t signal_number, short what, void *context)
{
	struct daemon *daemon = context;

	const char *name = signal_number == SIGTERM ? "SIGTERM" : "SIGINT";

	events_publish(EVENT(NODE, INFO, NODE, NULL, .cause = name), "stopping on %s", name);
	daemon->stopping = true;
	event_base_loopbreak(daemon->base);
}

static void on_reloaded(void *context, const struct desired_outcome *outcome)
{
	struct daemon *daemon = context;

	if (outcome->code != 0)
		api_note_refused_reload(daemon->api, outcome);
	else
		api_note_reload(daemon->api, outcome);
}

static void on_hangup(evutil_socket_t signal_number, short what, void *context)
{
	struct daemon *daemon = context;
	struct desired_change change = {
		.source = DESIRED_FILE,
		.done = on_reloaded,
		.context = daemon,
	};

	if (daemon->api != NULL) /* while starting, the file has only just been read */
		desired_submit(daemon->desired, &change);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;

	workers_look(daemon->workers);
	host_watch_look(daemon->host_watch, desired_config(daemon->desired),
		desired_file(daemon->desired).is_exposed);
	mac_watch_look(&daemon->mac_watch, desired_config(daemon->desired));
	steering_retry(desired_steering(daemon->desired));
	desired_look(daemon->desired);
	health_look(daemon->health);
}

static void on_reclaim(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;

	publish_reclaim(daemon->publish);
}

static int add_timer(struct daemon *daemon, struct event **event, event_callback_fn callback,
	unsigned int period_ms)
{
	struct timeval period = { period_ms / 1000, period_ms % 1000 * 1000 };

	*event = event_new(daemon->base, -1, EV_PERSIST, callback, daemon);
	if (*event == NULL || event_priority_set(*event, LOOP_TIMERS) != 0)
		return -ENOMEM;
	return event_add(*event, &period);
}

static int add_signal(
	struct daemon *daemon, struct event **event, int signal_number, event_callback_fn callback)
{
	*event = evsignal_new(daemon->base, signal_number, callback, daemon);
	if (*event == NULL || event_priority_set(*event, LOOP_TIMERS) != 0)
		return -ENOMEM;
	return event_add(*event, NULL);
}

/* First of all: a signal during the start is served, in daemon_run(), when the start is over. */
static int start_signals(struct daemon *daemon, struct error *error)
{
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error, and no end */
	daemon->base = loop_create();
	if (daemon->base == NULL ||
		add_signal(daemon, &daemon->terminate, SIGTERM, on_stop_signal) != 0 ||
		add_signal(daemon, &daemon->interrupt, SIGINT, on_stop_signal) != 0 ||
		add_signal(daemon, &daemon->hangup, SIGHUP, on_hangup) != 0)
		return error_set(error, -ENOMEM, "cannot set up the event loop");
	return 0;
}

static int start_timers(struct daemon *daemon, struct error *error)
{
	daemon->host_watch = host_watch_create(daemon->ports, daemon->port_count, daemon->path);
	if (daemon->host_watch == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	host_watch_look(daemon->host_watch, desired_config(daemon->desired),
		desired_file(daemon->desired).is_exposed);
	daemon->mac_watch = (struct mac_watch){
		.ports = daemon->ports,
		.port_count = daemon->port_count,
		.workers = daemon->workers,
		.forwarding = daemon->forwarding,
	};
	if (add_timer(daemon, &daemon->look_timer, on_look, 1000) != 0 ||
		add_timer(daemon, &daemon->reclaim_timer, on_reclaim, 100) != 0)
		return error_set(error, -ENOMEM, "cannot set up the event loop");
	daemon->turns = turns_create(daemon->base, daemon->forwarding, error);
	return daemon->turns == NULL ? -ENOMEM : 0;
}

static void publish_config_warning(void *context, const char *sentence)
{
	events_publish(EVENT(CONFIGURATION, WARNING, NODE, NULL), "%s", sentence);
}

/* Without a free descriptor a connection to the control socket waits, and no message says why. */
static void raise_files(void)
{
	unsigned long files = process_raise_files();

	if (files < FILES_WANTED)
		events_publish(EVENT(NODE, WARNING, NODE, NULL),
			"this process may have %lu files open (RLIMIT_NOFILE): with fewer than %u "
			"the start may fail, or clients of the control socket wait",
			files, FILES_WANTED);
}

static int load_config(struct daemon *daemon, const char *path, struct error *error)
{
	json_t *document;

	daemon->path = path;
	document = config_file_load(path, &daemon->version, error);
	if (document == NULL)
		return -EINVAL;
	daemon->config = config_read(document, NULL, error);
	json_decref(document);
	if (daemon->config == NULL)
		return error_wrap(error, -EINVAL, "%s", path);
	if (feasible_check(daemon->config, path, error) != 0 ||
		group_find(daemon->config->group, &daemon->group, error) != 0)
		return error_wrap(error, -EINVAL, "%s", path);
	config_warnings(daemon->config, publish_config_warning, NULL);
	return 0;
}

/* Identifies the hash key that a state file was made with, and reveals nothing of the key. */
static uint64_t fingerprint(const struct flow_secret *secret)
{
	static const char text[] = "state file";

	return maglev_key_hash(secret, text, sizeof(text));
}

/* Waits for a killed predecessor, which releases its memory first and its files last. */
static int open_state_file(const struct daemon *daemon, const struct state_layout *layout,
	struct state **state, struct state_refusal *refusal)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };
	const char *path = daemon->config->dataplane.state_file;
	int code;

	for (int tries = 0; tries < HOLDER_TRIES; tries++) {
		code = state_open(path, layout, fingerprint(&daemon->secret), state, refusal);
		if (code == 0 || refusal->reason != STATE_REFUSED_HELD)
			break;
		if (tries >= HOLDER_TRIES_MIN && !process_is_ending(refusal->holder))
			break;
		nanosleep(&pause, NULL);
	}
	return code;
}

/* A node that already runs with a published key goes on: its connections depend on it. */
static int check_secret(const struct daemon *daemon, struct error *error)
{
	if (feasible_check_secret(daemon->config, error) == 0)
		return 0;
	if (state_start(daemon->state) != STATE_WARM)
		return error_wrap(error, -EINVAL, "%s", daemon->path);
	events_publish(EVENT(CONFIGURATION, WARNING, NODE, NULL),
		"%s; this node has run with it, and starts with it once more: make a new one at the "
		"next occasion when connections may break",
		error->message);
	error->message[0] = '\0';
	return 0;
}

/* Asked beforehand, because the kernel would kill this process for taking what is not there. */
static int check_memory(struct daemon *daemon, struct error *error)
{
	int code = feasible_check_memory(daemon->config, error);

	return code == 0 ? 0 : error_wrap(error, code, "%s", daemon->path);
}

static int open_state(struct daemon *daemon, struct error *error)
{
	const struct config *config = daemon->config;
	struct state_refusal refusal;
	struct state_layout layout;

	flow_secret_generate(&daemon->secret, config->hash_key);
	forwarding_layout(config, config->dataplane.worker_count, &layout);
	if (open_state_file(daemon, &layout, &daemon->state, &refusal) != 0)
		return state_error(config->dataplane.state_file, &refusal, error);
	if (daemon->group != GROUP_NONE && state_set_group(daemon->state, daemon->group) != 0)
		return error_set(error, -errno,
			"control.group: cannot give the state file %s to group \"%s\": %m",
			config->dataplane.state_file, config->group);
	if (check_secret(daemon, error) != 0)
		return -EINVAL;
	events_publish(EVENT(NODE, INFO, NODE, NULL), "%s start: %s",
		state_start(daemon->state) == STATE_WARM ? "warm" : "cold",
		state_start_text(state_start(daemon->state)));
	if (state_pins_lost(daemon->state) != 0)
		events_publish(EVENT(PINS, WARNING, NODE, NULL),
			"the state file %s has no space for %" PRIu64
			" pins beside the table of dataplane.pins: they are given up",
			config->dataplane.state_file, state_pins_lost(daemon->state));
	return 0;
}

static uint16_t largest_mtu(const struct config *config)
{
	uint16_t largest = 0;

	for (size_t i = 0; i < config->dataplane.port_count; i++)
		if (config->dataplane.ports[i].mtu > largest)
			largest = config->dataplane.ports[i].mtu;
	return largest;
}

static int start_dpdk(struct daemon *daemon, struct error *error)
{
	const struct config_dataplane *dataplane = &daemon->config->dataplane;
	uint16_t mtu = largest_mtu(daemon->config);
	int code;

	code = eal_start(daemon->config, mempools_memory(dataplane->mbufs, mtu), error);
	if (code != 0)
		return code;
	daemon->eal_started = true;
	daemon->mempools = mempools_create(dataplane->mbufs, mtu, error);
	return daemon->mempools == NULL ? -ENOMEM : 0;
}

static int port_host_path_of(enum config_host_path host_path)
{
	switch (host_path) {
	case CONFIG_HOST_PATH_XDP: return HOST_PATH_XDP;
	case CONFIG_HOST_PATH_COPY: return HOST_PATH_COPY;
	case CONFIG_HOST_PATH_DROP: return HOST_PATH_DROP;
	default: return PORT_HOST_PATH_DEFAULT;
	}
}

static int open_ports(struct daemon *daemon, struct error *error)
{
	const struct config_dataplane *dataplane = &daemon->config->dataplane;
	int code = 0;

	for (size_t i = 0; code == 0 && i < dataplane->port_count; i++) {
		const struct config_port *config = &dataplane->ports[i];
		struct port_options options = {
			.name = config->name,
			.device = config->device,
			.mtu = config->mtu,
			.queues = dataplane->worker_count,
			.host_path = port_host_path_of(config->host_path),
		};
		struct port *port = port_open(&options, daemon->mempools, error);

		if (port == NULL)
			return -EINVAL;
		daemon->ports[daemon->port_count++] = port;
	}
	return code;
}

/* In the thread that adopts. */
static void publish_cold_pool(const char *sentence)
{
	events_publish(EVENT(POOL, WARNING, NODE, NULL), "%s", sentence);
}

/* After EAL has bound the control thread to its CPU, which these share. */
static int start_background(struct daemon *daemon, struct error *error)
{
	daemon->work = background_create(daemon->base, error);
	if (daemon->work != NULL)
		daemon->disk = background_create(daemon->base, error);
	return daemon->disk == NULL ? -ENOMEM : 0;
}

static int create_desired(struct daemon *daemon, struct error *error)
{
	struct desired_context context = {
		.path = daemon->path,
		.forwarding = daemon->forwarding,
		.health = daemon->health,
		.ports = daemon->ports,
		.work = daemon->work,
		.disk = daemon->disk,
	};

	daemon->desired = desired_create(&context, daemon->config, &daemon->version, error);
	if (daemon->desired == NULL)
		return -EINVAL;
	daemon->config = NULL;
	return 0;
}

/*
 * The arrays of a pool are as wide as indices go and mostly never touched. Once malloc() has freed
 * a large document, it takes them from what it has, and calloc() zeroes them; a mapping of its own
 * is zero as it comes and takes no page until then.
 */
static void take_arrays_from_kernel(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 10);
}

/*
 * For as long as the process lives. A threshold that was set is not adapted any more, and these are
 * where malloc() would have brought its own, at most, by freeing documents: they come and go, and
 * each would be mapped, zeroed page by page and unmapped again.
 */
static void take_arrays_from_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

static void adopt(struct background_job *job)
{
	struct daemon *daemon = job->context;

	daemon->adopted = forwarding_adopt(
		daemon->forwarding, daemon->config, publish_cold_pool, &daemon->adoption_error);
}

static void adoption_is_over(struct background_job *job)
{
}

/*
 * Adopts the state of the previous process in a thread of its own, beside the start of EAL: both
 * take equally long, EAL mostly waits, and neither needs the other. The thread may use all CPUs,
 * also those of the workers, which are still idle.
 */
static int begin_adoption(struct daemon *daemon, struct error *error)
{
	const struct config_dataplane *dataplane = &daemon->config->dataplane;

	take_arrays_from_kernel();
	daemon->publish = publish_create(dataplane->worker_count);
	if (daemon->publish != NULL)
		daemon->forwarding = forwarding_create(daemon->state, daemon->publish,
			&daemon->secret, daemon->ports, dataplane->port_count, clock_ms);
	if (daemon->forwarding == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	daemon->adopter = background_create(daemon->base, error);
	if (daemon->adopter == NULL)
		return -ENOMEM;
	daemon->adoption = (struct background_job){
		.work = adopt,
		.done = adoption_is_over,
		.context = daemon,
	};
	background_run(daemon->adopter, &daemon->adoption);
	return 0;
}

static int end_adoption(struct daemon *daemon, struct error *error)
{
	background_destroy(daemon->adopter); /* waits for it */
	daemon->adopter = NULL;
	if (daemon->adopted != 0)
		*error = daemon->adoption_error;
	return daemon->adopted;
}

/* Before the first commit, which it is to follow. */
static int start_health(struct daemon *daemon, struct error *error)
{
	const struct health_context context = {
		.base = daemon->base,
		.forwarding = daemon->forwarding,
		.state = daemon->state,
		.checks = true,
		.ports = daemon->ports,
		.port_count = daemon->port_count,
	};

	daemon->health = health_create(&context, error);
	return daemon->health == NULL ? -ENOMEM : 0;
}

/* Turns what was adopted into what the configuration asks for. */
static int publish_config(struct daemon *daemon, struct error *error)
{
	size_t unsteered;

	if (create_desired(daemon, error) != 0)
		return -EINVAL;
	take_arrays_from_heap();
	unsteered = steering_unsteered(desired_steering(daemon->desired));
	if (unsteered != 0)
		return error_set(error, -ENOMEM, "%zu VIP%s cannot be steered to the workers",
			unsteered, plural(unsteered));
	return 0;
}

/* From here on the state file is ours: an earlier failure leaves the old one as it was. */
static int commit_state(struct daemon *daemon, struct error *error)
{
	struct state_refusal refusal;

	if (state_commit(daemon->state, &refusal) != 0)
		return state_error(
			desired_config(daemon->desired)->dataplane.state_file, &refusal, error);
	daemon->committed = true;
	config_file_tidy(
		daemon->path); /* no other process writes it: that one would have the state file */
	return 0;
}

static int start_workers(struct daemon *daemon, struct error *error)
{
	daemon->workers = workers_start(desired_config(daemon->desired), daemon->ports,
		daemon->publish, daemon->state, error);
	if (daemon->workers == NULL)
		return -EINVAL;
	for (size_t i = 0; i < daemon->port_count; i++) {
		struct steer *steer = port_steer(daemon->ports[i]);
		int code = steer == NULL ? 0 : steer_set_ready(steer);

		if (code != 0)
			return error_set(error, code, "port %s: cannot open the host path: %s",
				port_name(daemon->ports[i]), strerror(-code));
	}
	return 0;
}

/* Packets flow by now, so that they need not wait for it. */
static int tidy_up(struct daemon *daemon, struct error *error)
{
	daemon->tidy = state_tidy_start(daemon->base, daemon->state, error);
	return daemon->tidy == NULL ? -ENOMEM : 0;
}

static int start_api(struct daemon *daemon, struct error *error)
{
	struct api_context context = {
		.desired = daemon->desired,
		.forwarding = daemon->forwarding,
		.health = daemon->health,
		.workers = daemon->workers,
		.ports = daemon->ports,
		.state = daemon->state,
		.work = daemon->work,
		.host_watch = daemon->host_watch,
		.group = daemon->group,
	};

	daemon->api = api_create(daemon->base, &context, error);
	return daemon->api == NULL ? -EINVAL : 0;
}

static void publish_ready(const struct daemon *daemon)
{
	const struct config *config = desired_config(daemon->desired);

	const char *version = SLUICE_VERSION;
	size_t pools, left = forwarding_unbuilt(daemon->forwarding, &pools);

	if (left != 0) /* whose digest follows when it is done */
		events_publish(EVENT(NODE, INFO, NODE, NULL),
			"sluiced %s ready: node %s, workers %u, ports %zu, services %zu, pools %zu, "
			"of which %zu have their tables rebuilt",
			version, config->node_name, workers_count(daemon->workers),
			daemon->port_count, config->service_count, pools, left);
	else
		events_publish(EVENT(NODE, INFO, NODE, NULL),
			"sluiced %s ready: node %s, workers %u, ports %zu, services %zu, pools %zu, "
			"table digest %016lx",
			version, config->node_name, workers_count(daemon->workers),
			daemon->port_count, config->service_count, pools,
			(unsigned long)desired_plan(daemon->desired)->digest);
}

/*
 * A stop signal ends the start between two steps, so that it does not wait for a slow one. After
 * the last step the control socket is there, and the signal is a clean stop, by daemon_run().
 */
static int check_signals(struct daemon *daemon, struct error *error)
{
	loop_run_ready(daemon->base);
	return daemon->stopping ? error_set(error, -EINTR, "told to stop while starting") : 0;
}

struct daemon *daemon_start(const char *config_path, struct error *error)
{
	static int (*const steps[])(struct daemon * daemon, struct error * error) = {
		check_memory,
		open_state,
		begin_adoption,
		start_dpdk,
		open_ports,
		end_adoption,
		start_background,
		start_health,
		publish_config,
		commit_state,
		start_workers,
		tidy_up,
		start_timers,
		start_api,
	};
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int code;

	if (daemon == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	code = start_signals(daemon, error);
	if (code == 0)
		code = events_open(daemon->base, error);
	raise_files();
	if (code == 0)
		code = load_config(daemon, config_path, error);
	for (unsigned int i = 0; code == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
		code = check_signals(daemon, error);
		if (code == 0)
			code = steps[i](daemon, error);
	}
	if (code == 0) {
		steering_begin(desired_steering(daemon->desired));
		publish_ready(daemon);
		return daemon;
	}
	daemon_stop(daemon);
	return NULL;
}

struct event_base *daemon_loop(const struct daemon *daemon)
{
	return daemon->base;
}

int daemon_run(struct daemon *daemon)
{
	return event_base_dispatch(daemon->base) < 0;
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

static void stop_events(struct daemon *daemon)
{
	free_event(daemon->reclaim_timer);
	free_event(daemon->look_timer);
	free_event(daemon->hangup);
	free_event(daemon->interrupt);
	free_event(daemon->terminate);
}

void daemon_stop(struct daemon *daemon)
{
	if (daemon == NULL)
		return;
	background_destroy(daemon->adopter);
	if (daemon->state != NULL)
		state_end_tidying(daemon->state);
	desired_finish(daemon->desired); /* a change that is being written is still made */
	if (daemon->work != NULL)
		background_finish(
			daemon->work); /* and documents that are being printed are answered */
	turns_destroy(daemon->turns);
	if (daemon->api != NULL) /* sends these answers */
		loop_run_ready(daemon->base);
	if (daemon->work != NULL)
		background_finish(daemon->work); /* and what was requested meanwhile */
	api_destroy(daemon->api);
	stop_events(daemon);
	host_watch_destroy(daemon->host_watch);
	workers_stop(daemon->workers);
	while (daemon->port_count > 0)
		port_close(daemon->ports[--daemon->port_count]);
	health_destroy(daemon->health);
	desired_destroy(daemon->desired);
	state_tidy_finish(daemon->tidy);
	background_destroy(daemon->work);
	background_destroy(daemon->disk);
	publish_destroy(daemon->publish);
	forwarding_destroy(daemon->forwarding);
	mempools_destroy(daemon->mempools);
	if (daemon->eal_started)
		eal_stop();
	if (daemon->committed)
		state_close(daemon->state); /* for the next process to go on from */
	else if (daemon->state != NULL)
		state_discard(daemon->state);
	config_destroy(daemon->config);
	events_close();
	if (daemon->base != NULL)
		event_base_free(daemon->base);
	free(daemon);
}
