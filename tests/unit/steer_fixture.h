/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer_fixture: a port with the XDP program in a network namespace of its own, frames to put into
 * the program, and what other processes may leave on an interface. Needs root. Whatever goes wrong
 * here fails the test that is running.
 */
#pragma once

#include "unit.h"

#include <bpf/libbpf.h>

#include "steer/steer.h"

#define VIP4       "203.0.113.10"
#define VIP4_LOCAL "203.0.113.11" /* on the loopback: the kernel answers its ping */
#define VIP4_BLACK "203.0.113.12" /* has a blackhole route */
#define VIP6       "2001:db8::10"
#define VIP6_LOCAL "2001:db8::11"
#define VIP6_BLACK "2001:db8::12"
#define OWN4       "10.2.0.10"
#define OWN6       "fd00:2::10"
#define ELSEWHERE4 "198.51.100.1" /* not ours, reached by the default route */
#define ELSEWHERE6 "2001:db8:1::1"

#define TCP    6
#define UDP    17
#define GRE    47
#define ICMP   1
#define ICMPV6 58

#define WORKER .expected = STEER_COUNT_TO_WORKER
#define HOST   .expected = STEER_COUNT_HOST
#define LOOPED .expected = STEER_COUNT_LOOPED

extern const uint8_t own_mac[6];
extern const uint8_t other_mac[6];
extern const uint8_t group_mac[6];
extern const uint8_t broadcast_mac[6];

/* Where claims have their locks; made by make_network(). */
extern char run_directory[32];

/* A port as the driver would leave it: the object loaded, its program attached, maybe a socket. */
struct port {
	struct bpf_object *object;
	int program;
	struct steer *steer;
	unsigned int ifindex;
	int socket;
	void *umem;
};

struct frame {
	uint8_t bytes[512];
	size_t length;
};

/* One line of a table of frames: what is not said is zero, which means the plainest. */
struct row {
	const char *name;
	const uint8_t *mac;      /* destination; own_mac where NULL */
	const char *tags;        /* VLAN tags: 'c' 802.1Q, 's' 802.1ad */
	uint16_t type;           /* EtherType where the destination does not imply it */
	const char *destination; /* IPv4 or IPv6 */
	uint8_t protocol;
	uint16_t fragment;       /* IPv4: flags and offset */
	const char *extensions;  /* IPv6: 'h'op-by-hop, 'd'estination, 'r'outing, 'f'ragment */
	uint8_t extension_units; /* length field of each extension header */
	uint8_t options;         /* IPv4: so many words of no operation */
	uint8_t icmp_type;       /* first byte behind the IP headers; 0: one that is no error */
	size_t length;           /* cut or grown to this; 0: as it is */
	enum steer_count expected;
};

void build(struct frame *frame, const struct row *row);

/* The steps of a port; open_ready_port() does all of them with every VIP and without a socket. */
struct steer *claim(const char *interface);
void prepare(struct steer *steer, unsigned int queues);
void attach_object(struct port *port, const char *interface);
struct port open_port(const char *interface);
void add_vip(struct steer *steer, const char *text);
struct port open_ready_port(const char *interface);
void close_port(struct port *port);

/* An AF_XDP socket on queue 0, as far as the kernel wants one for a map: rings, memory, bound. */
void open_socket(struct port *port);
void close_socket(struct port *port);

/* Runs the program on a frame; returns its action. */
uint32_t run_program(const struct port *port, const struct frame *frame, uint32_t queue);

/* The frame must get its action and be counted once, under the expected name alone. */
void check_row_on_queue(const struct port *port, const struct row *row, uint32_t queue);
void check_rows(const struct port *port, const struct row *rows, size_t count);

/* Claims in this process once more and lets go at once. Returns the code of steer_claim(). */
int claim_again(const char *interface, struct error *error);

/* The id of the XDP program on an interface; 0: none. */
uint32_t attached_program(const char *interface);

/* Switches CAP_SYS_ADMIN of this thread off, and on again: it stays permitted. */
void set_sys_admin(bool on);

/* What a process that is killed while it works leaves behind: the program, and a lock let go. */
void leave_a_stale_program(const char *interface);

void attach_foreign_program(const char *interface);
void detach_any_program(const char *interface);

/* As counted by tc itself, so filters other than ours count as well. */
int count_filters(const char *interface);

/* Set-up and tear-down of a group of tests. */
int make_network(void **state);
int remove_files(void **state);

/* Set-up and tear-down of a test: *state is its struct port. */
int set_up_port(void **state);
int tear_down_port(void **state);

#define WITH_PORT(test) cmocka_unit_test_setup_teardown(test, set_up_port, tear_down_port)
