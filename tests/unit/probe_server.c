/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe_server.h"

#include "unit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACK_SIZE (256 << 10) /* bytes: there may be hundreds of threads */

struct probe_server {
	int listener;
	uint16_t port;
	probe_serve_t *serve;
	void *context;
	pthread_t thread;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	unsigned int connections;
	unsigned int busy;
};

struct connection {
	struct probe_server *server;
	int fd;
};

union endpoint {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

static void *serve(void *argument)
{
	struct connection *connection = argument;
	struct probe_server *server = connection->server;

	server->serve(connection->fd, server->context);
	close(connection->fd);
	free(connection);
	pthread_mutex_lock(&server->lock);
	server->busy--;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

static void begin(struct probe_server *server, int fd)
{
	struct connection *connection = malloc(sizeof(*connection));
	pthread_attr_t attributes;
	pthread_t thread;

	assert_non_null(connection);
	*connection = (struct connection){ server, fd };
	pthread_mutex_lock(&server->lock);
	server->connections++;
	server->busy++;
	pthread_mutex_unlock(&server->lock);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, serve, connection) != 0)
		abort();
	pthread_attr_destroy(&attributes);
}

/* Until the listener is shut down. */
static void *listen_on(void *argument)
{
	struct probe_server *server = argument;
	int fd;

	while ((fd = accept(server->listener, NULL, NULL)) >= 0)
		begin(server, fd);
	return NULL;
}

static int bind_loopback(int family, uint16_t *port)
{
	union endpoint endpoint = { .any.sa_family = (sa_family_t)family };
	socklen_t length = family == AF_INET ? sizeof(endpoint.ipv4) : sizeof(endpoint.ipv6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (family == AF_INET)
		endpoint.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		endpoint.ipv6.sin6_addr = in6addr_loopback;
	assert_int_equal(bind(fd, &endpoint.any, length), 0);
	assert_int_equal(getsockname(fd, &endpoint.any, &length), 0);
	*port = ntohs(family == AF_INET ? endpoint.ipv4.sin_port : endpoint.ipv6.sin6_port);
	return fd;
}

struct probe_server *probe_server_start(int family, probe_serve_t *serve_one, void *context)
{
	struct probe_server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	server->serve = serve_one;
	server->context = context;
	server->listener = bind_loopback(family, &server->port);
	assert_int_equal(listen(server->listener, 1024), 0);
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
	assert_int_equal(pthread_create(&server->thread, NULL, listen_on, server), 0);
	return server;
}

uint16_t probe_server_port(const struct probe_server *server)
{
	return server->port;
}

unsigned int probe_server_connections(struct probe_server *server)
{
	unsigned int connections;

	pthread_mutex_lock(&server->lock);
	connections = server->connections;
	pthread_mutex_unlock(&server->lock);
	return connections;
}

void probe_server_stop(struct probe_server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	pthread_mutex_lock(&server->lock);
	while (server->busy > 0)
		pthread_cond_wait(&server->changed, &server->lock);
	pthread_mutex_unlock(&server->lock);
	pthread_mutex_destroy(&server->lock);
	pthread_cond_destroy(&server->changed);
	free(server);
}

struct probe_port probe_port_claim(int family)
{
	struct probe_port claimed;

	claimed.fd = bind_loopback(family, &claimed.port);
	return claimed;
}

void probe_port_release(struct probe_port *port)
{
	close(port->fd);
}

void probe_server_wait(int fd)
{
	char bytes[4096];

	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
}

/* A head of a request, which ends with an empty line. */
static void read_request(int fd, char *request, size_t size)
{
	size_t length = 0;
	ssize_t got;

	request[0] = '\0';
	while (length + 1 < size && strstr(request, "\r\n\r\n") == NULL) {
		got = recv(fd, request + length, size - 1 - length, 0);
		if (got <= 0)
			return;
		length += (size_t)got;
		request[length] = '\0';
	}
}

/* False: the client is gone. */
static bool send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

void probe_script_serve(int fd, void *context)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	struct probe_script *script = context;
	size_t length = script->answer_length;
	char request[sizeof(script->request)];

	if (!script->speaks_first) {
		read_request(fd, request, sizeof(request));
		memcpy(script->request, request, sizeof(request));
	}
	if (length == 0 && script->answer != NULL)
		length = strlen(script->answer);
	for (size_t i = 0; i < script->repeat || i == 0; i++)
		if (!send_all(fd, script->answer, length))
			break;
	if (script->end == PROBE_SCRIPT_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	else if (script->end == PROBE_SCRIPT_WAIT)
		probe_server_wait(fd);
}
