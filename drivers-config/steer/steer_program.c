/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer/steer_program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "steer.skel.h"

int steer_program_open(char path[static STEER_PROGRAM_PATH_SIZE], struct error *error)
{
	size_t size;
	const void *object = steer_bpf__elf_bytes(&size);
	int fd = memfd_create("steer.bpf.o", MFD_CLOEXEC);

	if (fd < 0)
		return error_set(error, -errno, "no file in memory for the XDP program: %s",
			strerror(errno));
	if (write(fd, object, size) != (ssize_t)size) {
		close(fd);
		return error_set(error, -EIO, "cannot write the XDP program to a file in memory");
	}
	snprintf(path, STEER_PROGRAM_PATH_SIZE, "/proc/self/fd/%d", fd);
	return fd;
}
