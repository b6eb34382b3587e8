/* SPDX-License-Identifier: BSD-3-Clause */
/* main of sluiced: starts everything in order, runs the event loop, unwinds in reverse. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "check.h"
#include "config/config_schema.h"
#include "daemon.h"
#include "common/log.h"
#include "options.h"

int main(int argc, char **argv)
{
	struct daemon *daemon;
	struct options options;
	struct error error = { "" };
	int status;

	switch (options_read(argc, argv, &options)) {
	case OPTIONS_EXIT_OK: return 0;
	case OPTIONS_EXIT_USAGE: return 2;
	default: break;
	}
	if (options.schema)
		return config_schema_print(stdout) == 0 ? 0 : 1;
	if (options.check)
		return check_run(options.config_path);
	daemon = daemon_start(options.config_path, &error);
	if (daemon == NULL) {
		log_failure(error.message);
		return 1;
	}
	status = daemon_run(daemon);
	daemon_stop(daemon);
	return status;
}
