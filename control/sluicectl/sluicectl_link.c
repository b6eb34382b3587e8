/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_link.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES   65536
#define ANSWER_BYTES (80 << 20) /* more than sluiced ever sends */
#define QUESTION_ID  1

struct link {
	const char *path;
	int fd;
	long long deadline_ms;
	bool cut_off; /* sluiced hung up while we were asking */
	bool asked;   /* it was sent the whole question */
	char *answer;
	size_t length;
	size_t room;
};

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int explain_no_connection(const struct link *link, int code, struct error *error)
{
	const char *advice = "is it running?";

	if (code == EACCES)
		advice = "are you root, or in the group of the socket?";
	return error_set(error, -code, "cannot reach sluiced at %s: %s; %s", link->path,
		strerror(code), advice);
}

static int link_connect(struct link *link, struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval timeout = { LINK_TIMEOUT_MS / 1000, 0 };

	if (strlen(link->path) >= sizeof(address.sun_path))
		return error_set(error, -ENAMETOOLONG, "%s: a socket path has at most %zu bytes",
			link->path, sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, link->path);
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return error_set(error, -errno, "socket: %m");
	/* connecting blocks while the daemon's queue is full, and this bounds it */
	if (setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0)
		return error_set(error, -errno, "socket: %m");
	if (connect(link->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return explain_no_connection(link, errno, error);
	return 0;
}

/* Waits until the socket is ready for `events`. */
static int link_wait(const struct link *link, short events, struct error *error)
{
	struct pollfd ready = { .fd = link->fd, .events = events };
	long long left = link->deadline_ms - now_ms();

	while (left > 0) {
		int count = poll(&ready, 1, left);

		if (count > 0)
			return 0;
		if (count < 0 && errno != EINTR)
			return error_set(error, -errno, "poll: %m");
		left = link->deadline_ms - now_ms();
	}
	return error_set(error, -ETIMEDOUT, "sluiced at %s did not answer within %d s", link->path,
		LINK_TIMEOUT_MS / 1000);
}

/*
 * A daemon that refuses a line before its end (too long, too many clients) hangs up while we still
 * write: that is no error here, because its answer says why and is waiting to be read.
 */
static int link_send(struct link *link, const char *bytes, size_t length, struct error *error)
{
	while (length > 0) {
		int code = link_wait(link, POLLOUT, error);
		ssize_t sent;

		if (code != 0)
			return code;
		sent = send(link->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			link->cut_off = true;
			return 0;
		}
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return error_set(error, -errno, "sending to sluiced: %m");
		if (sent > 0) {
			bytes += sent;
			length -= sent;
		}
	}
	return 0;
}

static int make_room(struct link *link, struct error *error)
{
	char *larger;

	if (link->room - link->length >= READ_BYTES)
		return 0;
	if (link->room >= ANSWER_BYTES)
		return error_set(error, -EMSGSIZE, "sluiced sends an answer without an end");
	link->room = 2 * link->room + READ_BYTES;
	larger = realloc(link->answer, link->room);
	if (larger == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	link->answer = larger;
	return 0;
}

/* Reads what there is; 0 at the end of the line, 1 when there is more to come. */
static int link_read(struct link *link, struct error *error)
{
	int code = link_wait(link, POLLIN, error);
	char *start;
	ssize_t got;

	if (code == 0)
		code = make_room(link, error);
	if (code != 0)
		return code;
	start = link->answer + link->length;
	got = recv(link->fd, start, READ_BYTES, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (got < 0)
		return error_set(error, -errno, "reading from sluiced: %m");
	if (got == 0)
		return error_set(error, -ECONNRESET, "sluiced hung up without an answer");
	link->length += got;
	return memchr(start, '\n', got) != NULL ? 0 : 1;
}

static int link_receive(struct link *link, struct error *error)
{
	int code;

	do {
		code = link_read(link, error);
	} while (code > 0);
	return code;
}

static int link_exchange(struct link *link, const json_t *question, struct error *error)
{
	char *text = json_dumps(question, JSON_COMPACT);
	int code;

	if (text == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	code = link_connect(link, error);
	if (code == 0)
		code = link_send(link, text, strlen(text), error);
	if (code == 0)
		code = link_send(link, "\n", 1, error);
	link->asked = code == 0 && !link->cut_off;
	if (code == 0)
		code = link_receive(link, error);
	free(text);
	return code;
}

/* Takes the result, or the sentence of a refusal, out of an answer. */
static enum link_end open_answer(const json_t *answer, json_t **result, struct error *error)
{
	const json_t *refusal = json_object_get(answer, "error");
	const char *sentence = json_string_value(json_object_get(refusal, "message"));
	json_t *value = json_object_get(answer, "result");

	if (sentence != NULL) {
		error_set(error, -EPERM, "%s", sentence);
		*result = json_incref(json_object_get(refusal, "data"));
		return LINK_REFUSED;
	}
	if (value == NULL || json_integer_value(json_object_get(answer, "id")) != QUESTION_ID) {
		error_set(error, -EPROTO, "what answers is not sluiced");
		return LINK_LOST;
	}
	*result = json_incref(value);
	return LINK_ANSWERED;
}

/* What is behind the first line comes first. */
static void drop_line(struct link *link)
{
	const char *end = (const char *)memchr(link->answer, '\n', link->length) + 1;

	link->length -= end - link->answer;
	memmove(link->answer, end, link->length);
}

static enum link_end read_answer(const struct link *link, json_t **result, struct error *error)
{
	const char *newline = memchr(link->answer, '\n', link->length);
	json_t *answer = json_loadb(link->answer, newline - link->answer, 0, NULL);
	enum link_end end = open_answer(answer, result, error);

	json_decref(answer);
	return end;
}

static enum link_end ask(
	struct link *link, const char *method, json_t *params, json_t **result, struct error *error)
{
	json_t *question = json_pack("{s:s, s:i, s:s, s:O}", "jsonrpc", "2.0", "id", QUESTION_ID,
		"method", method, "params", params);
	enum link_end end = LINK_LOST;

	*result = NULL;
	if (question == NULL)
		error_set(error, -ENOMEM, "out of memory");
	else if (link_exchange(link, question, error) == 0)
		end = read_answer(link, result, error);
	json_decref(question);
	return end == LINK_LOST && !link->asked ? LINK_REFUSED : end;
}

static void hang_up(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	free(link->answer);
}

enum link_end link_ask(
	const char *path, const char *method, json_t *params, json_t **result, struct error *error)
{
	struct link link = { .path = path, .fd = -1, .deadline_ms = now_ms() + LINK_TIMEOUT_MS };
	enum link_end end = ask(&link, method, params, result, error);

	hang_up(&link);
	return end;
}

enum link_end link_open(const char *path, const char *method, json_t *params, struct link **link,
	json_t **result, struct error *error)
{
	struct link *opened = calloc(1, sizeof(*opened));
	enum link_end end;

	*link = NULL;
	*result = NULL;
	if (opened == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return LINK_REFUSED;
	}
	*opened =
		(struct link){ .path = path, .fd = -1, .deadline_ms = now_ms() + LINK_TIMEOUT_MS };
	end = ask(opened, method, params, result, error);
	if (end == LINK_ANSWERED) {
		drop_line(opened);
		*link = opened;
	} else {
		link_close(opened);
	}
	return end;
}

/* Waits until there is something to read, or nobody who wants it. */
static enum link_message wait_for_more(const struct link *link, int output, struct error *error)
{
	struct pollfd ready[] = {
		{ .fd = link->fd, .events = POLLIN }, { .fd = output }, /* POLLERR comes unasked */
	};
	int count;

	do {
		count = poll(ready, 2, -1);
	} while (count < 0 && errno == EINTR);
	if (count < 0) {
		error_set(error, -errno, "poll: %m");
		return LINK_HUNG_UP;
	}
	return (ready[1].revents & (POLLERR | POLLHUP)) != 0 ? LINK_NO_READER : LINK_MESSAGE;
}

static enum link_message read_message(struct link *link, json_t **message, struct error *error)
{
	const char *newline = memchr(link->answer, '\n', link->length);

	*message = json_loadb(link->answer, newline - link->answer, 0, NULL);
	drop_line(link);
	if (json_is_object(*message))
		return LINK_MESSAGE;
	json_decref(*message);
	*message = NULL;
	error_set(error, -EPROTO, "what sends this is not sluiced");
	return LINK_HUNG_UP;
}

bool link_has_next(const struct link *link)
{
	return link->length > 0 && memchr(link->answer, '\n', link->length) != NULL;
}

enum link_message link_next(struct link *link, int output, json_t **message, struct error *error)
{
	*message = NULL;
	while (!link_has_next(link)) {
		enum link_message end = wait_for_more(link, output, error);

		if (end != LINK_MESSAGE)
			return end;
		link->deadline_ms = now_ms() + LINK_TIMEOUT_MS; /* there is something to read */
		if (link_read(link, error) < 0)
			return LINK_HUNG_UP;
	}
	return read_message(link, message, error);
}

void link_close(struct link *link)
{
	if (link == NULL)
		return;
	hang_up(link);
	free(link);
}
