/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "base/claim.h"
#include "device.h"
#include "base/netdev.h"
#include "steer/steer.h"
#include "steer/steer_program.h"

#define DESCRIPTORS    1024
#define DEVICE_SIZE    1280 /* 1,023 bytes from the configuration, and what is added */
#define QUEUE_ATTEMPTS 3    /* each failure costs the driver some mbufs for good */
#define QUEUE_RETRY_US 300000
#define INTERFACE_SIZE 16
#define PAGE           4096 /* of what AF_XDP puts frames in */

struct port {
	char name[64];
	char *device;
	char interface[INTERFACE_SIZE]; /* "" unless the driver sits on a kernel network device */
	unsigned int interface_index;   /* of that, when it was opened */
	const struct quirk *quirk;
	enum host_path host_path;
	uint16_t id;
	uint16_t mtu;
	uint16_t queues;
	bool probed; /* by us, so we remove it */
	bool started;
	bool unfinished_checksums;
	struct rte_ether_addr mac;
	char driver[32];
	struct steer *steer; /* with HOST_PATH_XDP only; program_fd then keeps its file open */
	int program_fd;
	char program_path[STEER_PROGRAM_PATH_SIZE];
};

static int choose_host_path(struct port *port, int wanted, struct error *error)
{
	static const char *const names[] = { "xdp", "copy", "drop" };

	port->host_path =
		wanted == PORT_HOST_PATH_DEFAULT ? port->quirk->host_path : (enum host_path)wanted;
	if (port->host_path == HOST_PATH_DROP || port->host_path == port->quirk->host_path)
		return 0;
	return error_set(error, -ENOTSUP, "host path %s needs %s, which %s is not",
		names[port->host_path],
		port->host_path == HOST_PATH_XDP ? "an AF_XDP device (net_af_xdp)"
						 : "an AF_PACKET device (net_af_packet)",
		port->device);
}

/* What only the kernel knows of the interface of a vdev. */
static int check_interface(
	const struct quirk *quirk, const char *interface, uint16_t wanted, struct error *error)
{
	uint16_t mtu;
	int code = netdev_mtu(interface, &mtu);

	if (code != 0)
		return error_set(error, code, "interface %s: %s", interface, strerror(-code));
	if (quirk->mtu_max != 0 && wanted > quirk->mtu_max)
		return error_set(error, -EINVAL,
			"an mtu of %u is more than the %u that %s can take", wanted, quirk->mtu_max,
			quirk->driver);
	if (mtu < wanted)
		return error_set(error, -EINVAL,
			"an mtu of %u is configured, but interface %s has %u (ip link set %s mtu %u)",
			wanted, interface, mtu, interface, wanted);
	return 0;
}

static int inspect_interface(struct port *port, struct error *error)
{
	char kernel_driver[NETDEV_DRIVER_SIZE];
	int code;

	if (!port->quirk->kernel_interface)
		return 0;
	if (!device_argument(port->device, "iface=", port->interface, sizeof(port->interface)))
		return error_set(error, -EINVAL, "device %s needs iface=", port->device);
	port->interface_index = if_nametoindex(port->interface);
	code = check_interface(port->quirk, port->interface, port->mtu, error);
	if (code != 0)
		return code;
	if (netdev_driver(port->interface, kernel_driver) == 0)
		port->unfinished_checksums = port->quirk->host_path == HOST_PATH_COPY ||
					     strcmp(kernel_driver, "veth") == 0;
	return 0;
}

/* Must come before DPDK touches the interface: steer.h says why. */
static int claim_interface(struct port *port, struct error *error)
{
	char program[8];
	int code;

	if (port->host_path != HOST_PATH_XDP)
		return 0;
	if (device_argument(port->device, "xdp_prog=", program, sizeof(program)))
		return error_set(error, -EINVAL,
			"the device brings its own xdp_prog, which host path xdp would replace");
	code = steer_claim(&port->steer, port->interface, CLAIM_DIRECTORY, error);
	if (code == 0)
		code = steer_check_queues(port->steer, port->queues, error);
	if (code != 0)
		return code;
	port->program_fd = steer_program_open(port->program_path, error);
	return port->program_fd < 0 ? port->program_fd : 0;
}

/* The device string with the arguments that are added to it. */
static int compose_device(const struct port *port, char *text, size_t size, struct error *error)
{
	const struct quirk *quirk = port->quirk;
	char queues[32], program[STEER_PROGRAM_PATH_SIZE + 16];
	int code = 0;

	if ((size_t)snprintf(text, size, "%s", port->device) >= size)
		code = -ENAMETOOLONG;
	snprintf(queues, sizeof(queues), "queue_count=%u", port->queues);
	snprintf(program, sizeof(program), "xdp_prog=%s", port->program_path);
	if (code == 0 && quirk->arguments != NULL && device_lacks(port->device, quirk->arguments))
		code = device_append(text, size, quirk->arguments);
	if (code == 0 && quirk->queues_by_argument && port->queues > 1 &&
		device_lacks(port->device, queues))
		code = device_append(text, size, queues);
	if (code == 0 && port->steer != NULL)
		code = device_append(text, size, program);
	if (code == 0)
		return 0;
	return error_set(error, code,
		"its device string is too long: with what sluice adds it has %zu bytes at most",
		size - 1);
}

static int probe(struct port *port, struct error *error)
{
	char name[RTE_ETH_NAME_MAX_LEN], device[DEVICE_SIZE];
	int code;

	device_name(port->device, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, &port->id) == 0)
		return 0; /* EAL arguments made it */
	code = compose_device(port, device, sizeof(device), error);
	if (code != 0)
		return code;
	code = rte_dev_probe(device);
	if (code == 0)
		code = rte_eth_dev_get_port_by_name(name, &port->id);
	if (code != 0)
		return error_set(error, code, "DPDK cannot open device %s: %s", port->device,
			strerror(-code));
	port->probed = true;
	return 0;
}

static int check_queues(
	const struct port *port, const struct rte_eth_dev_info *info, struct error *error)
{
	uint16_t offered = RTE_MIN(info->max_rx_queues, info->max_tx_queues);

	if (offered >= port->queues)
		return 0;
	return error_set(error, -EINVAL,
		"%u workers need %u queues, but the device has %u (one queue for each worker): %s",
		port->queues, port->queues, offered, port->quirk->too_few_queues);
}

/* A driver without an MTU refuses to set one. The length of received packets is checked anyway. */
static int set_mtu(struct port *port, const struct rte_eth_dev_info *info, struct error *error)
{
	uint16_t present = 0;
	int code;

	if (port->quirk->host_path == HOST_PATH_XDP && port->mtu > mempools_mtu_in_page())
		return error_set(error, -EINVAL,
			"an mtu of %u is more than the %u whose buffers AF_XDP can use", port->mtu,
			mempools_mtu_in_page());
	if (info->max_mtu != 0 && port->mtu > info->max_mtu)
		return error_set(error, -EINVAL, "an mtu of %u is more than the %u of the device",
			port->mtu, info->max_mtu);
	if (port->quirk->kernel_interface)
		return 0;
	if (rte_eth_dev_get_mtu(port->id, &present) == 0 && present == port->mtu)
		return 0;
	code = rte_eth_dev_set_mtu(port->id, port->mtu);
	if (code == 0 || code == -ENOTSUP)
		return 0;
	return error_set(
		error, code, "the device refuses an mtu of %u: %s", port->mtu, strerror(-code));
}

/*
 * An AF_XDP frame must fit in a page. For a longer buffer or a larger MTU of the interface, the
 * kernel says only "Invalid argument".
 */
static int refuse_queues(
	const struct port *port, const struct rte_mempool *pool, int code, struct error *error)
{
	uint16_t mtu = 0, most = mempools_mtu_in_page();

	if (port->quirk->host_path == HOST_PATH_XDP &&
		rte_mempool_calc_obj_size(pool->elt_size, 0, NULL) > PAGE)
		return error_set(error, code,
			"the largest mtu of all ports makes buffers longer than a page, which AF_XDP "
			"cannot use: it is %u at most",
			most);
	if (port->quirk->host_path == HOST_PATH_XDP && netdev_mtu(port->interface, &mtu) == 0 &&
		mtu > most)
		return error_set(error, code,
			"cannot set up its queues: %s; interface %s has an MTU of %u, and XDP of "
			"most drivers takes what fits in a page: ip link set %s mtu %u (at most %u)",
			strerror(-code), port->interface, mtu, port->interface, port->mtu, most);
	return error_set(error, code,
		"cannot set up its queues: %s (the driver's own words are above)", strerror(-code));
}

static int set_up_queues(struct port *port, const struct mempools *mempools, struct error *error)
{
	int socket = rte_eth_dev_socket_id(port->id);
	struct rte_mempool *pool = mempools_get(mempools, socket);
	uint16_t receive = DESCRIPTORS, transmit = DESCRIPTORS;
	int code;

	code = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &receive, &transmit);
	for (uint16_t queue = 0; code == 0 && queue < port->queues; queue++) {
		code = rte_eth_tx_queue_setup(port->id, queue, transmit, socket, NULL);
		if (code == 0)
			code = rte_eth_rx_queue_setup(port->id, queue, receive, socket, NULL, pool);
	}
	if (code != 0)
		return refuse_queues(port, pool, code, error);
	return 0;
}

uint64_t port_transmit_offloads(const struct mempools *mempools)
{
	/* a packet may leave by another port than it came by, so its buffer may be of any pool */
	return mempools_count(mempools) == 1 ? RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE : 0;
}

static int configure(struct port *port, const struct mempools *mempools, struct error *error)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = { 0 };
	int code;

	code = rte_eth_dev_info_get(port->id, &info);
	if (code != 0)
		return error_set(error, code, "tells nothing of itself: %s", strerror(-code));
	snprintf(port->driver, sizeof(port->driver), "%s", info.driver_name);
	code = check_queues(port, &info, error);
	if (code != 0)
		return code;
	if (port->queues > 1 && (info.flow_type_rss_offloads & RTE_ETH_RSS_IP) != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	conf.txmode.offloads = info.tx_offload_capa & port_transmit_offloads(mempools);
	code = rte_eth_dev_configure(port->id, port->queues, port->queues, &conf);
	if (code != 0)
		return error_set(error, code, "cannot be configured for %u queues: %s",
			port->queues, strerror(-code));
	return set_mtu(port, &info, error);
}

static int start(struct port *port, struct error *error)
{
	int code = rte_eth_dev_start(port->id);

	if (code != 0)
		return error_set(error, code, "cannot be started: %s", strerror(-code));
	port->started = true;
	code = rte_eth_macaddr_get(port->id, &port->mac);
	if (code != 0)
		return error_set(error, code, "has no MAC address: %s", strerror(-code));
	return 0;
}

/*
 * The driver attaches the XDP program with the first receive queue, so a stale one is detached just
 * before. The kernel releases a queue a moment after its process ended, so a restart tries again.
 */
static int set_up_steered_queues(
	struct port *port, const struct mempools *mempools, struct error *error)
{
	int code = -EBUSY;

	for (unsigned int attempt = 0; code != 0 && attempt < QUEUE_ATTEMPTS; attempt++) {
		if (attempt > 0)
			rte_delay_us_sleep(QUEUE_RETRY_US);
		code = steer_prepare(port->steer, port->queues, error);
		if (code != 0)
			return code;
		code = set_up_queues(port, mempools, error);
	}
	return code;
}

static int bring_up(struct port *port, const struct mempools *mempools, struct error *error)
{
	int code = configure(port, mempools, error);

	if (code == 0)
		code = port->steer != NULL ? set_up_steered_queues(port, mempools, error)
					   : set_up_queues(port, mempools, error);
	if (code == 0)
		code = start(port, error);
	if (code == 0 && port->steer != NULL)
		code = steer_attach(port->steer, port->mac.addr_bytes, error);
	return code;
}

struct port *port_open(
	const struct port_options *options, const struct mempools *mempools, struct error *error)
{
	struct port *port = calloc(1, sizeof(*port));
	int code;

	if (port == NULL || (port->device = strdup(options->device)) == NULL) {
		free(port);
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	snprintf(port->name, sizeof(port->name), "%s", options->name);
	port->mtu = options->mtu;
	port->queues = options->queues;
	port->program_fd = -1;
	port->quirk = quirk_find(port->device);
	code = choose_host_path(port, options->host_path, error);
	if (code == 0)
		code = inspect_interface(port, error);
	if (code == 0)
		code = claim_interface(port, error);
	if (code == 0)
		code = probe(port, error);
	if (code == 0)
		code = bring_up(port, mempools, error);
	if (code == 0)
		return port;
	error_wrap(error, code, "port %s", port->name);
	port_close(port);
	return NULL;
}

void port_close(struct port *port)
{
	struct rte_eth_dev_info info;

	if (port == NULL)
		return;
	if (port->started)
		rte_eth_dev_stop(port->id);
	if (port->probed && rte_eth_dev_info_get(port->id, &info) == 0) {
		rte_eth_dev_close(port->id);
		rte_dev_remove(info.device);
	}
	steer_destroy(port->steer);
	if (port->program_fd >= 0)
		close(port->program_fd);
	free(port->device);
	free(port);
}

const char *port_name(const struct port *port)
{
	return port->name;
}

const char *port_device(const struct port *port)
{
	return port->device;
}

const char *port_driver(const struct port *port)
{
	return port->driver;
}

const char *port_interface(const struct port *port)
{
	return port->interface;
}

uint16_t port_id(const struct port *port)
{
	return port->id;
}

uint16_t port_mtu(const struct port *port)
{
	return port->mtu;
}

enum host_path port_host_path(const struct port *port)
{
	return port->host_path;
}

const struct rte_ether_addr *port_mac(const struct port *port)
{
	return &port->mac;
}

static int read_mac(const struct port *port, struct rte_ether_addr *mac)
{
	return port->interface[0] != '\0' ? netdev_mac(port->interface, mac->addr_bytes)
					  : rte_eth_macaddr_get(port->id, mac);
}

int port_follow_mac(struct port *port)
{
	int code = port->steer == NULL ? 0 : steer_follow_mac(port->steer);
	struct rte_ether_addr mac;

	if (code >= 0)
		code = read_mac(port, &mac);
	if (code < 0)
		return code;
	if (rte_is_same_ether_addr(&mac, &port->mac))
		return 0;
	port->mac = mac;
	return 1;
}

bool port_link_up(const struct port *port)
{
	struct rte_eth_link link;
	bool up;

	/* drivers of kernel interfaces always report their link as up */
	if (port->interface[0] != '\0')
		return netdev_link(port->interface, &up) == 0 && up;
	return rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

int port_check_interface(const struct port *port, struct error *error)
{
	unsigned int index;
	char name[IF_NAMESIZE];

	if (port->interface[0] == '\0')
		return 0;
	index = if_nametoindex(port->interface);
	if (index == port->interface_index)
		return 0;
	if (if_indextoname(port->interface_index, name) != NULL)
		return error_set(error, -ENODEV,
			"interface %s is named %s now, and its traffic goes on: name it %s again, or "
			"change the configuration and restart sluiced",
			port->interface, name, port->interface);
	if (index != 0)
		return error_set(error, -ENODEV,
			"interface %s was deleted and made anew: restart sluiced to use it",
			port->interface);
	return error_set(error, -ENODEV,
		"interface %s is gone: restart sluiced when it is there again", port->interface);
}

int port_check_queues(const struct port *port, struct error *error)
{
	return port->steer == NULL ? 0 : steer_check_queues(port->steer, port->queues, error);
}

bool port_has_unfinished_checksums(const struct port *port)
{
	return port->unfinished_checksums;
}

struct steer *port_steer(const struct port *port)
{
	return port->steer;
}

int port_check_device_interface(const char *device, uint16_t mtu, struct error *error)
{
	const struct quirk *quirk = quirk_find(device);
	char interface[INTERFACE_SIZE];

	if (!quirk->kernel_interface ||
		!device_argument(device, "iface=", interface, sizeof(interface)))
		return 0;
	return check_interface(quirk, interface, mtu, error);
}

int port_check_device_queues(const char *device, uint16_t queues, struct error *error)
{
	char interface[INTERFACE_SIZE];
	struct netdev_queues present;

	if (quirk_find(device)->host_path != HOST_PATH_XDP ||
		!device_argument(device, "iface=", interface, sizeof(interface)) ||
		netdev_rx_queues(interface, &present) != 0)
		return 0;
	return steer_check_interface_queues(interface, queues, error);
}

uint32_t port_mbufs_held(const char *device, uint16_t queues)
{
	if (quirk_find(device)->holds_no_mbufs)
		return 0;
	/* AF_XDP keeps as many in its fill ring as in the receive ring, so count both twice */
	return 4u * DESCRIPTORS * queues;
}
