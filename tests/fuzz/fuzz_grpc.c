/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes are what a backend answers to a probe of gRPC: its message, its grpc-status; and what a
 * document names: a service, a host.
 *
 * The input: which of them (1 byte), and the bytes, which are read from a buffer of their own.
 */
#include <string.h>

#include "probes/grpc_health.h"
#include "probes/probe_tls.h"
#include "require.h"

#define SERVICE_MAX 300 /* bytes: their length takes two bytes */

static void read_message(const char *text, size_t length)
{
	const char *fault = "";
	int32_t serving;
	int code = grpc_answer_read((const uint8_t *)text, length, &serving, &fault);

	require((code == 0) == (fault == NULL));
	if (code == 0)
		require(length >= 5 && text[0] == 0);
}

/* The request is a message as the answer is, but for a field that the answer does not have. */
static void write_message(const char *text, size_t length)
{
	char service[SERVICE_MAX + 1] = "";
	uint8_t request[GRPC_REQUEST_SIZE(SERVICE_MAX)];
	const char *fault;
	int32_t serving;
	size_t written;

	memcpy(service, text, length < SERVICE_MAX ? length : SERVICE_MAX);
	written = grpc_request_write(service, request);
	require(written <= GRPC_REQUEST_SIZE(strlen(service)));
	require(written >= 5 + strlen(service));
	require(memcmp(request + written - strlen(service), service, strlen(service)) == 0);
	if (service[0] == '\0')
		require(grpc_answer_read(request, written, &serving, &fault) == 0);
	else /* its field 1 is of bytes */
		require(grpc_answer_read(request, written, &serving, &fault) < 0);
}

static void read_status(const char *text, size_t length)
{
	int32_t status = grpc_status_read(text, length);

	require(status >= -1);
	if (status >= 0)
		require(length > 0 && text[0] >= '0' && text[0] <= '9');
}

static char *copy_text(const char *text, size_t length)
{
	char *copy = malloc(length + 1);

	require(copy != NULL);
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

/* A configured name, but it is read by us. */
static void read_name(const char *text, size_t length)
{
	const struct address address = { { 127, 0, 0, 1 }, ADDRESS_IPV4 };
	struct probe_tls tls = { .verify = true };
	char *name = copy_text(text, length);

	probe_tls_name(&tls, NULL, name, &address);
	require(strlen(tls.subject.name) < sizeof(tls.subject.name));
	require(tls.subject.name[0] != '\0' || tls.subject.address.family != ADDRESS_NONE);
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *text, size_t length) = {
		read_message,
		write_message,
		read_status,
		read_name,
	};
	struct input input = { data, size };
	uint8_t which = input_take8(&input);
	char *text = malloc(input.left);

	require(text != NULL || input.left == 0);
	if (input.left > 0)
		memcpy(text, input.at, input.left);
	readers[which % (sizeof(readers) / sizeof(readers[0]))](text, input.left);
	free(text);
	return 0;
}
