/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The path to a backend ends at a router, which is this test: it reads what is sent to it from a
 * tun device, and answers with an error of ICMP.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "netns.h"
#include "probe_run.h"

#define BACKEND4 "192.0.2.1"
#define BACKEND6 "2001:db8::1"
#define IPV4     20 /* bytes of the header */
#define IPV6     40
#define ICMP     8
#define QUOTED   256 /* bytes at most, of a packet that an error is about */

struct router {
	struct probe_run *run;
	int fd;
	struct event event;
	uint8_t type, code;
	uint16_t mtu; /* bytes, of the next hop; in the errors of IPv4 alone */
};

static int enter(void **state)
{
	return probe_run_enter(state);
}

static uint16_t checksum(const uint8_t *bytes, size_t length, uint32_t sum)
{
	for (size_t i = 0; i < length; i++)
		sum += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Back to the source of the packet that follows the two headers. */
static void write_ipv4(const struct router *router, uint8_t *error, size_t quoted)
{
	struct icmphdr icmp = { .type = router->type, .code = router->code };
	uint16_t total = htons((uint16_t)(IPV4 + ICMP + quoted)), sum;
	const uint8_t *about = error + IPV4 + ICMP;

	memset(error, 0, IPV4);
	error[0] = 0x45;
	memcpy(error + 2, &total, 2);
	error[8] = 64;
	error[9] = IPPROTO_ICMP;
	memcpy(error + 12, about + 16, 4);
	memcpy(error + 16, about + 12, 4);
	sum = checksum(error, IPV4, 0);
	memcpy(error + 10, &sum, 2);
	icmp.un.frag.mtu = htons(router->mtu);
	memcpy(error + IPV4, &icmp, ICMP);
	icmp.checksum = checksum(error + IPV4, ICMP + quoted, 0);
	memcpy(error + IPV4, &icmp, ICMP);
}

static void write_ipv6(const struct router *router, uint8_t *error, size_t quoted)
{
	struct icmp6_hdr icmp = { .icmp6_type = router->type, .icmp6_code = router->code };
	uint16_t payload = htons((uint16_t)(ICMP + quoted));
	const uint8_t *about = error + IPV6 + ICMP;
	uint32_t pseudo = (uint32_t)(ICMP + quoted) + IPPROTO_ICMPV6;

	memset(error, 0, IPV6);
	error[0] = 0x60;
	memcpy(error + 4, &payload, 2);
	error[6] = IPPROTO_ICMPV6;
	error[7] = 64;
	memcpy(error + 8, about + 24, 16);
	memcpy(error + 24, about + 8, 16);
	for (size_t i = 8; i < IPV6; i += 2)
		pseudo += (uint32_t)(error[i] << 8 | error[i + 1]);
	memcpy(error + IPV6, &icmp, ICMP);
	icmp.icmp6_cksum = checksum(error + IPV6, ICMP + quoted, pseudo);
	memcpy(error + IPV6, &icmp, ICMP);
}

static bool is_to_backend(const uint8_t *packet, ssize_t length)
{
	struct in6_addr backend6;
	struct in_addr backend4;

	inet_pton(AF_INET6, BACKEND6, &backend6);
	inet_pton(AF_INET, BACKEND4, &backend4);
	if (length >= IPV4 && packet[0] >> 4 == 4)
		return memcmp(packet + 16, &backend4, 4) == 0;
	return length >= IPV6 && memcmp(packet + 24, &backend6, 16) == 0;
}

static void on_packet(evutil_socket_t fd, short what, void *context)
{
	struct router *router = context;
	uint8_t packet[2048], error[IPV6 + ICMP + QUOTED];
	ssize_t got = read(fd, packet, sizeof(packet));
	size_t quoted = got < QUOTED ? (size_t)got : QUOTED;
	size_t header = packet[0] >> 4 == 4 ? IPV4 : IPV6;

	if (got <= 0 || !is_to_backend(packet, got))
		return;
	memcpy(error + header + ICMP, packet, quoted);
	if (header == IPV4)
		write_ipv4(router, error, quoted);
	else
		write_ipv6(router, error, quoted);
	assert_int_equal(write(fd, error, header + ICMP + quoted), header + ICMP + quoted);
}

static int open_router(void **state)
{
	struct ifreq request = { .ifr_name = "far", .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct router *router = calloc(1, sizeof(*router));
	void *run;

	if (probe_run_open(&run) != 0)
		return -1;
	router->run = run;
	router->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	*state = router;
	if (router->fd < 0 || ioctl(router->fd, TUNSETIFF, &request) != 0 ||
		netns_run("ip link set far up && ip address add 198.51.100.1/24 dev far &&"
			  " ip route add 192.0.2.0/24 dev far &&"
			  " ip address add 2001:db8::ff/64 dev far nodad") != 0)
		return -1;
	event_assign(&router->event, router->run->base, router->fd, EV_READ | EV_PERSIST, on_packet,
		router);
	return event_add(&router->event, NULL);
}

static int close_router(void **state)
{
	struct router *router = *state;
	void *run = router->run;

	event_del(&router->event);
	close(router->fd);
	free(router);
	return probe_run_close(&run);
}

struct error_case {
	const char *address;
	uint8_t type, code;
	uint16_t mtu;
	int error;
	const char *text;
};

static const struct error_case of_connections[] = {
	{ BACKEND4, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0, ENETUNREACH, "network is unreachable" },
	{ BACKEND4, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0, EHOSTUNREACH, "no route to host" },
	{ BACKEND4, ICMP_DEST_UNREACH, ICMP_SR_FAILED, 0, EOPNOTSUPP, "operation not supported" },
	{ BACKEND6, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN, 0, EACCES,
		"prohibited on the way" },
	{ BACKEND6, ICMP6_DST_UNREACH, 6 /* reject route */, 0, EACCES, "prohibited on the way" },
};

static void expect(struct router *router, const struct error_case *one, const char *step)
{
	struct probe_run *run = router->run;
	char sentence[PROBE_SENTENCE_SIZE];

	snprintf(sentence, sizeof(sentence), "%s: %s", step, one->text);
	router->type = one->type;
	router->code = one->code;
	router->mtu = one->mtu;
	probe_run_set_target(run, one->address, 80);
	probe_run_expect(run, PROBE_UNREACHABLE, sentence);
	assert_int_equal(run->result.detail, one->error);
}

static void connection_that_a_router_rejects_is_unreachable(void **state)
{
	struct router *router = *state;

	router->run->settings.type = CONFIG_HEALTH_TCP;
	for (size_t i = 0; i < COUNT_OF(of_connections); i++)
		expect(router, &of_connections[i], "connect");
}

static void request_that_a_router_rejects_is_unreachable(void **state)
{
	struct router *router = *state;

	router->run->settings.type = CONFIG_HEALTH_HTTP;
	router->run->settings.path = (char *)"/";
	for (size_t i = 0; i < COUNT_OF(of_connections); i++)
		expect(router, &of_connections[i], "connect");
}

static void datagram_that_a_router_rejects_is_unreachable(void **state)
{
	static const struct error_case cases[] = {
		{ BACKEND4, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1200, EMSGSIZE,
			"message too long" },
		{ BACKEND6, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN, 0, EACCES,
			"prohibited on the way" },
		{ BACKEND6, ICMP6_DST_UNREACH, 6, 0, EACCES, "prohibited on the way" },
	};
	static char much[1400];
	struct router *router = *state;

	router->run->settings.type = CONFIG_HEALTH_UDP;
	router->run->settings.send.bytes = (uint8_t *)much;
	router->run->settings.send.length = sizeof(much);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		expect(router, &cases[i], "send");
}

static void request_without_a_route_says_nothing_of_the_backend(void **state)
{
	struct router *router = *state;
	struct probe_run *run = router->run;

	run->settings.type = CONFIG_HEALTH_HTTP;
	run->settings.path = (char *)"/";
	probe_run_set_target(run, "203.0.113.1", 80);
	probe_run_expect(
		run, PROBE_LOCAL, "this node could not probe: connect: network is unreachable");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_router, close_router)
	const struct CMUnitTest tests[] = {
		TEST(connection_that_a_router_rejects_is_unreachable),
		TEST(request_that_a_router_rejects_is_unreachable),
		TEST(datagram_that_a_router_rejects_is_unreachable),
		TEST(request_without_a_route_says_nothing_of_the_backend),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
