/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main lcore is the control thread: it floats over the CPUs without a worker. A worker that is
 * named by its CPU gets the lcore of that number.
 */
#include "host/eal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#define ARGUMENT_SIZE   8192 /* a list of all CPUs fits */
#define MAIN_LCORE      0u
#define MEMORY_FLOOR_MB 64 /* for rings and the like beside the packet buffers */

struct lcores {
	cpu_set_t allowed;
	unsigned int count;
	unsigned int lcore[CONFIG_WORKERS_MAX];
	unsigned int cpu[CONFIG_WORKERS_MAX];
	cpu_set_t main_cpus;
};

static int add(struct eal_arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int add(struct eal_arguments *arguments, const char *format, ...)
{
	char *text = NULL;
	va_list values;
	int length;

	va_start(values, format);
	length = vasprintf(&text, format, values);
	va_end(values);
	if (length < 0 || arguments->count == EAL_ARGUMENTS_MAX)
		return -ENOMEM;
	arguments->list[arguments->count++] = text;
	return 0;
}

static bool user_says(const struct config *config, const char *option)
{
	size_t length = strlen(option);

	for (size_t i = 0; i < config->dataplane.eal_count; i++)
		if (strncmp(config->dataplane.eal[i], option, length) == 0)
			return true;
	return false;
}

/* What is made from dataplane.workers and `argument` would set as well, or NULL. */
static const char *find_reserved(const char *argument)
{
	static const char *const reserved[] = { "-l", "-c", "--lcores", "--main-lcore", "-s",
		"-S" };

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strncmp(argument, reserved[i], strlen(reserved[i])) == 0)
			return reserved[i];
	return NULL;
}

int eal_check(const struct config *config, struct findings *findings)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < config->dataplane.eal_count; i++) {
		const char *option = find_reserved(config->dataplane.eal[i]);

		if (option != NULL)
			result = findings_add(findings,
				"dataplane.eal[%zu]: %s is made from dataplane.workers", i, option);
	}
	return result;
}

/* The CPU of the worker with this number: from the end, so that CPU 0 is left to the rest. */
static unsigned int nth_cpu_from_end(const cpu_set_t *allowed, unsigned int number)
{
	unsigned int skip = number % CPU_COUNT(allowed);

	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, allowed) && skip-- == 0)
			return cpu;
	return 0;
}

static int choose_cpus(const struct config *config, struct lcores *lcores, struct error *error)
{
	const struct config_dataplane *dataplane = &config->dataplane;

	lcores->count = dataplane->worker_count;
	if (dataplane->workers_by_number && dataplane->idle == CONFIG_IDLE_SPIN &&
		lcores->count > (unsigned int)CPU_COUNT(&lcores->allowed))
		return error_set(error, -EINVAL,
			"dataplane.workers: %u would share the %d CPUs that this process may use, "
			"and a worker that spins needs one for itself: configure %d, or \"idle\": "
			"\"rest\", with which workers share CPUs",
			lcores->count, CPU_COUNT(&lcores->allowed), CPU_COUNT(&lcores->allowed));
	for (unsigned int i = 0; i < lcores->count; i++) {
		unsigned int cpu = dataplane->workers_by_number
					   ? nth_cpu_from_end(&lcores->allowed, i)
					   : dataplane->worker_cpus[i];

		if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &lcores->allowed))
			return error_set(error, -EINVAL,
				"dataplane.workers[%u]: CPU %u is not one that this process may use",
				i, cpu);
		lcores->cpu[i] = cpu;
		lcores->lcore[i] = i + 1;
		CPU_CLR(cpu, &lcores->main_cpus);
	}
	if (CPU_COUNT(&lcores->main_cpus) == 0)
		lcores->main_cpus = lcores->allowed;
	return 0;
}

static int choose_lcores(const struct config *config, struct lcores *lcores, struct error *error)
{

	memset(lcores, 0, sizeof(*lcores));
	if (sched_getaffinity(0, sizeof(lcores->allowed), &lcores->allowed) != 0)
		return error_set(
			error, -errno, "cannot tell the CPUs of this process: %s", strerror(errno));
	lcores->main_cpus = lcores->allowed;
	return choose_cpus(config, lcores, error);
}

int eal_check_cpus(const struct config *config, struct error *error)
{
	struct lcores lcores;

	return choose_lcores(config, &lcores, error);
}

/* --lcores in EAL's own notation: "0@(0,2),1@1". */
static void format_lcores(const struct lcores *lcores, char text[static ARGUMENT_SIZE])
{
	int used = snprintf(text, ARGUMENT_SIZE, "%u@(", MAIN_LCORE);
	const char *comma = "";

	for (int cpu = 0; cpu < CPU_SETSIZE && used < ARGUMENT_SIZE; cpu++)
		if (CPU_ISSET(cpu, &lcores->main_cpus)) {
			used += snprintf(text + used, ARGUMENT_SIZE - used, "%s%d", comma, cpu);
			comma = ",";
		}
	if (used < ARGUMENT_SIZE)
		used += snprintf(text + used, ARGUMENT_SIZE - used, ")");
	for (unsigned int i = 0; i < lcores->count && used < ARGUMENT_SIZE; i++)
		used += snprintf(text + used, ARGUMENT_SIZE - used, ",%u@%u", lcores->lcore[i],
			lcores->cpu[i]);
}

/* "0000:3b:00.0" or "3b:00.0" rather than the name of a vdev. */
static bool is_pci(const char *device)
{
	return memchr(device, ':', strcspn(device, ",")) != NULL;
}

/* EAL opens only cards that a port or the user names: the others belong to the host. */
static int add_pci(const struct config *config, struct eal_arguments *arguments)
{
	static const char *const options[] = { "--no-pci", "-a", "--allow", "-b", "--block" };
	bool any = false;
	int code = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (user_says(config, options[i]))
			return 0;
	for (size_t i = 0; i < config->dataplane.port_count; i++)
		if (is_pci(config->dataplane.ports[i].device)) {
			code |= add(arguments, "-a%s", config->dataplane.ports[i].device);
			any = true;
		}
	return any ? code : add(arguments, "--no-pci");
}

static bool has_hugepages(void)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "re");
	unsigned long count = 0;

	if (file == NULL)
		return false;
	if (fscanf(file, "%lu", &count) != 1)
		count = 0;
	fclose(file);
	return count > 0;
}

/* Memory that programs may still take, including page cache that can be dropped; 0: not known. */
static uint64_t available_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[128];

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %lu kB", &kib) == 1)
			break;
	fclose(file);
	return (uint64_t)kib << 10;
}

/*
 * Without hugepages EAL touches all of its memory: where that is more than there is, the kernel
 * kills the process.
 */
static int check_memory(const struct config *config, uint64_t memory_bytes, struct error *error)
{
	uint64_t available = available_memory();

	if (!user_says(config, "--no-huge") || available == 0 || memory_bytes < available)
		return 0;
	return error_set(error, -ENOMEM,
		"dataplane.mbufs: %u need %lu MiB, and %lu MiB are available",
		config->dataplane.mbufs, (unsigned long)(memory_bytes >> 20),
		(unsigned long)(available >> 20));
}

int eal_compose(const struct config *config, uint64_t memory_bytes, struct eal_arguments *arguments,
	struct error *error)
{
	char lcore_text[ARGUMENT_SIZE];
	struct lcores lcores;
	int code;

	code = choose_lcores(config, &lcores, error);
	if (code != 0)
		return code;
	format_lcores(&lcores, lcore_text);
	code |= add(arguments, "sluiced");
	code |= add(arguments, "--lcores=%s", lcore_text);
	code |= add(arguments, "--main-lcore=%u", MAIN_LCORE);
	if (!user_says(config, "--log-level")) {
		code |= add(arguments, "--log-level=5"); /* warnings and worse */
		code |= add(arguments, "--log-level=lib.telemetry:4");
	}
	if (!user_says(config, "--file-prefix"))
		code |= add(arguments, "--file-prefix=sluice-%s", config->node_name);
	/* leave nothing behind, in a hugetlbfs or beside the runtime directory, however we end */
	if (user_says(config, "--no-huge") && !user_says(config, "--no-shconf"))
		code |= add(arguments, "--no-shconf");
	else if (!user_says(config, "--no-huge") && !user_says(config, "--in-memory") &&
		 !user_says(config, "--huge"))
		code |= add(arguments, "--in-memory");
	code |= add_pci(config, arguments);
	/* without hugepages EAL takes all of its memory at once, 64 MiB unless told */
	if (user_says(config, "--no-huge") && !user_says(config, "-m"))
		code |= add(arguments, "-m%lu",
			(unsigned long)(MEMORY_FLOOR_MB + (memory_bytes >> 20) * 5 / 4));
	for (size_t i = 0; i < config->dataplane.eal_count; i++)
		code |= add(arguments, "%s", config->dataplane.eal[i]);
	return code == 0 ? 0 : error_set(error, -ENOMEM, "out of memory");
}

void eal_arguments_fini(struct eal_arguments *arguments)
{
	for (int i = 0; i < arguments->count; i++)
		free(arguments->list[i]);
	arguments->count = 0;
}

/*
 * For an unknown argument, EAL prints its whole usage on stdout: sixty lines that bury its error on
 * stderr.
 */
static int init_quietly(int count, char **list)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int kept, result;

	fflush(stdout);
	kept = nowhere < 0 ? -1 : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (kept >= 0)
		dup2(nowhere, STDOUT_FILENO);
	result = rte_eal_init(count, list);
	fflush(stdout);
	if (kept >= 0) {
		dup2(kept, STDOUT_FILENO);
		close(kept);
	}
	if (nowhere >= 0)
		close(nowhere);
	return result;
}

int eal_start(const struct config *config, uint64_t memory_bytes, struct error *error)
{
	struct eal_arguments arguments = { 0 };
	char *list[EAL_ARGUMENTS_MAX + 1]; /* EAL reorders it */
	int code;

	code = check_memory(config, memory_bytes, error);
	if (code == 0)
		code = eal_compose(config, memory_bytes, &arguments, error);
	if (code == 0) {
		memcpy(list, arguments.list, sizeof(list));
		if (init_quietly(arguments.count, list) < 0) /* rte_errno may be 0 even so */
			code = error_set(error, rte_errno == 0 ? -EIO : -rte_errno,
				"DPDK did not start: %s (its own words are above)%s",
				rte_errno == 0 ? "it does not say why" : rte_strerror(rte_errno),
				has_hugepages() || user_says(config, "--no-huge")
					? ""
					: "; no hugepages are reserved: sysctl -w vm.nr_hugepages=512, "
					  "or \"--no-huge\" in dataplane.eal");
	}
	eal_arguments_fini(&arguments);
	return code;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
