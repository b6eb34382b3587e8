/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <getopt.h>
#include <stdio.h>

#include "version.h"

static const char help[] =
	"usage: sluiced [-c FILE] [--check | --schema]\n"
	"\n"
	"  -c, --config FILE   configuration (default " OPTIONS_CONFIG_DEFAULT ")\n"
	"      --check         judge the configuration, print its canonical form, and end\n"
	"      --schema        print the JSON Schema of configurations\n"
	"  -V, --version       print the version\n"
	"  -h, --help          print this\n"
	"\n"
	"SIGHUP reads the configuration again; SIGTERM and SIGINT stop. See sluiced(8), sluicectl(1),\n"
	"sluice.json(5).\n";

enum options_result options_read(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'C' },
		{ "schema", no_argument, NULL, 'S' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){ .config_path = OPTIONS_CONFIG_DEFAULT };
	while ((option = getopt_long(argc, argv, "c:Vh", names, NULL)) != -1) {
		switch (option) {
		case 'c': options->config_path = optarg; break;
		case 'C': options->check = true; break;
		case 'S': options->schema = true; break;
		case 'V': printf("sluiced %s\n", SLUICE_VERSION); return OPTIONS_EXIT_OK;
		case 'h': fputs(help, stdout); return OPTIONS_EXIT_OK;
		default: fputs(help, stderr); return OPTIONS_EXIT_USAGE;
		}
	}
	if (optind == argc)
		return OPTIONS_RUN;
	fprintf(stderr, "sluiced: unexpected argument \"%s\"\n%s", argv[optind], help);
	return OPTIONS_EXIT_USAGE;
}
