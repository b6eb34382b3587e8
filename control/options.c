/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/suggestion.h"
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

static enum options_result refuse(const char *word, const char *why)
{
	fprintf(stderr, "sluiced: %s: %s\n%s", word, why, help);
	return OPTIONS_EXIT_USAGE;
}

static enum options_result refuse_option(const struct option *names, const char *word)
{
	struct suggestion suggestion = { 0 };
	char why[64] = "there is no such option";

	for (; strncmp(word, "--", 2) == 0 && names->name != NULL; names++)
		suggestion_offer(&suggestion, word + 2, names->name);
	if (suggestion.meant != NULL)
		snprintf(why, sizeof(why), "there is no such option; did you mean --%s?",
			suggestion.meant);
	return refuse(word, why);
}

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

	opterr = 0;
	*options = (struct options){ .config_path = OPTIONS_CONFIG_DEFAULT };
	while ((option = getopt_long(argc, argv, ":c:Vh", names, NULL)) != -1) {
		switch (option) {
		case 'c': options->config_path = optarg; break;
		case 'C': options->check = true; break;
		case 'S': options->schema = true; break;
		case 'V': printf("sluiced %s\n", SLUICE_VERSION); return OPTIONS_EXIT_OK;
		case 'h': fputs(help, stdout); return OPTIONS_EXIT_OK;
		case ':': return refuse(argv[optind - 1], "a value is missing");
		default: return refuse_option(names, argv[optind - 1]);
		}
	}
	if (optind != argc)
		return refuse(argv[optind], "unexpected argument");
	if (options->check && options->schema)
		return refuse("--check", "goes without --schema, which reads no configuration");
	return OPTIONS_RUN;
}
