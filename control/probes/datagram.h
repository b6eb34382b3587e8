/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * datagram: what probes share that send a request in one packet and wait for answers: a connected
 * socket, and the request again where no answer comes, because packets may be lost. For the types
 * only. It is the first member of their attempt.
 */
#pragma once

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe;

/* How often the request is sent, at equal distances within the timeout. */
#define DATAGRAM_SENDS 3

struct datagram {
	int fd; /* valid if `open` */
	bool open;
	int send_error; /* of the last one, 0: it was sent */
	struct event readable;
	struct event again;
	unsigned int sent;
	const void *request; /* the type's, until stop */
	size_t length;

	/* Takes an answer, and finishes the probe if that settles it. */
	void (*receive)(struct probe *probe, const uint8_t *bytes, size_t length);
	void (*before_send)(struct probe *probe); /* may be NULL */
};

/*
 * Takes what probe_socket_open() has returned, connects it to this port of the target, and sends
 * the request for the first time. Where any of that fails, the probe is finished.
 */
void datagram_start(struct probe *probe, int fd, const char *step, uint16_t port);

/* For probe_type.stop. */
void datagram_stop(struct probe *probe);

/*
 * Time is up: takes what has come by now. True: the probe is finished by that, or because the
 * request has never left this node.
 */
bool datagram_late(struct probe *probe);
