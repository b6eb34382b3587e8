/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl_fixture.h"

#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

size_t split(char *line, char **words)
{
	size_t count = 0;

	for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
		words[count++] = word;
	return count;
}

int parse(struct invocation *invocation, const char *text, char *line, struct error *error)
{
	char *words[WORDS_MAX];

	strcpy(line, text);
	return invocation_parse(invocation, split(line, words), words, error);
}

void expect_report(
	void (*report)(const json_t *result, FILE *out), const char *result, const char *golden)
{
	json_t *value = json_loads(result, JSON_DECODE_ANY, NULL);
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(value);
	report(value, out);
	fclose(out);
	assert_string_equal(text, golden);
	free(text);
	json_decref(value);
}

static void answer_once(int listener, const char *answer, bool read_first)
{
	int fd = accept(listener, NULL, NULL);
	char byte = 0;

	while (read_first && byte != '\n')
		if (read(fd, &byte, 1) != 1)
			_exit(1);
	if (write(fd, answer, strlen(answer)) != (ssize_t)strlen(answer))
		_exit(1);
	close(fd);
}

void start_with(
	struct stand_in *stand_in, const char *const *answers, size_t count, bool read_first)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(stand_in->path, sizeof(stand_in->path), "/tmp/sluicectl-%d.sock", (int)getpid());
	strcpy(address.sun_path, stand_in->path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	stand_in->pid = fork();
	if (stand_in->pid == 0) {
		for (size_t i = 0; i < count; i++)
			answer_once(listener, answers[i], read_first);
		_exit(0);
	}
	close(listener);
}

void start(struct stand_in *stand_in, const char *answer, bool read_first)
{
	start_with(stand_in, &answer, 1, read_first);
}

void stop(struct stand_in *stand_in)
{
	int status;

	assert_int_equal(waitpid(stand_in->pid, &status, 0), stand_in->pid);
	assert_int_equal(status, 0);
	unlink(stand_in->path);
}
