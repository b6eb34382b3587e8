/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the table of pins costs: lookups in bursts as a worker does them, puts during a flood, and
 * a sweep of the table of default size. Cycles are thread CPU time at the rate of the TSC, so that
 * time given to other threads of a shared machine does not count; caches they have emptied do. Of
 * several rounds the fastest is shown, and the one in the middle. --json for programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <rte_cycles.h>

#include "affinity/pins.h"
#include "affinity/pins_sweep.h"
#include "random.h"
#include "affinity/slots.h"

#define PINS          1000000
#define SWEPT_BUCKETS 131072 /* 8 MB */
#define SLOT_COUNT    65537
#define BACKENDS      100
#define BURST         32
#define ROUNDS        15
#define HUGE_PAGE     (UINT64_C(2) << 20)
#define NOW           5
#define FIGURES_MAX   16

struct clock {
	uint64_t tsc;
	uint64_t wall_ns;
};

struct figure {
	const char *name;
	const char *unit;
	double least;
	double median;
};

static struct figure figures[FIGURES_MAX];
static size_t figure_count;

struct bench {
	struct pins pins;
	const uint64_t *hashes; /* of flows with pins, where it is about those */
	struct pins_sweep_rules rules;
	struct pins_sweep sweep;
	uint64_t sink; /* keeps results from being optimized away */
};

static uint64_t nanoseconds(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct clock read_clock(void)
{
	return (struct clock){ rte_rdtsc(), nanoseconds(CLOCK_MONOTONIC) };
}

/* TSC cycles in a nanosecond, from the start of the program until now. */
static double cycles_per_ns(const struct clock *start)
{
	struct clock now = read_clock();

	return (double)(now.tsc - start->tsc) / (now.wall_ns - start->wall_ns);
}

static uint64_t *make_hashes(uint64_t seed)
{
	uint64_t *hashes = malloc(PINS * sizeof(*hashes));

	if (!hashes)
		abort();
	for (size_t i = 0; i < PINS; i++)
		hashes[i] = random_next(&seed);
	return hashes;
}

static void make_pins(struct pins *pins, uint32_t bucket_count, int advice)
{
	uint64_t size = (pins_memory(bucket_count) + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	void *memory = aligned_alloc(HUGE_PAGE, size);

	if (!memory)
		abort();
	madvise(memory, size, advice); /* a kernel without huge pages: then both are the same */
	memset(memory, 0, size);
	pins_init(pins, memory, bucket_count);
}

static void fill(struct pins *pins, const uint64_t *hashes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pins_put(pins, hashes[i], hashes[i] % BACKENDS, PIN_ESTABLISHED, NOW);
}

static void run_nothing(struct bench *bench)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < PINS; i++)
		sum += bench->hashes[i];
	bench->sink += sum;
}

static void run_lookup(struct bench *bench)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + BURST <= PINS; i += BURST) {
		for (size_t j = i; j < i + BURST; j++)
			pins_prefetch(&bench->pins, bench->hashes[j]);
		for (size_t j = i; j < i + BURST; j++) {
			uint32_t position;
			uint64_t pin = pins_find(&bench->pins, bench->hashes[j], &position);

			if (likely(pin != 0))
				pins_continue(&bench->pins, position, pin, PIN_ESTABLISHED, NOW);
			sum += pin_gid(pin);
		}
	}
	bench->sink += sum;
}

static void run_puts(struct bench *bench)
{
	for (size_t i = 0; i + BURST <= PINS; i += BURST) {
		for (size_t j = i; j < i + BURST; j++)
			pins_prefetch(&bench->pins, bench->hashes[j]);
		for (size_t j = i; j < i + BURST; j++) {
			uint32_t position;
			uint64_t hash = bench->hashes[j];

			if (pins_find(&bench->pins, hash, &position) == 0)
				bench->sink += pins_put(
					&bench->pins, hash, hash % BACKENDS, PIN_PROBATION, NOW);
		}
	}
}

/* A judge as the slots want it: a pin may go when its slot says the same. */
static bool judge(void *context, uint64_t pin, uint32_t slot, uint32_t idle_seconds)
{
	const _Atomic uint32_t *slots = context;
	uint32_t word = slot_load(&slots[slot]);
	uint32_t backend = pin_gid(pin);

	if (slot_home(word) != backend)
		return true;
	if (slot_cur(word) == backend)
		return (word & SLOT_GUARD) != 0;
	return (word & SLOT_OBSERVE) != 0;
}

static void run_sweep(struct bench *bench)
{
	pins_sweep_begin(&bench->sweep, &bench->pins, &bench->rules);
	while (!pins_sweep_run(&bench->sweep, 4096, NOW, judge))
		;
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

/* Nanoseconds of the fastest round and of the one in the middle. */
static void measure(struct bench *bench, void (*run)(struct bench *), double results[static 2])
{
	double times[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t before = nanoseconds(CLOCK_THREAD_CPUTIME_ID);

		run(bench);
		times[i] = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - before;
	}
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	results[0] = times[0];
	results[1] = times[ROUNDS / 2];
}

static void note(const char *name, const char *unit, double least, double median)
{
	if (figure_count == FIGURES_MAX)
		abort();
	figures[figure_count++] = (struct figure){ name, unit, least, median };
}

/* What a lookup takes beyond reading the hash. */
static void note_lookup(struct bench *bench, const char *what, void (*run)(struct bench *),
	const struct clock *start)
{
	double nothing[2], something[2];

	measure(bench, run_nothing, nothing);
	measure(bench, run, something);
	for (unsigned int i = 0; i < 2; i++)
		something[i] = (something[i] - nothing[i]) * cycles_per_ns(start) / PINS;
	note(what, "cycles", something[0], something[1]);
}

static void bench_lookups(
	const uint64_t *present, const uint64_t *absent, const struct clock *start)
{
	static const struct {
		int advice;
		const char *hit;
		const char *miss;
		const char *flood;
	} pages[] = {
		{ MADV_NOHUGEPAGE, "hit, 4 KB pages", "miss, 4 KB pages", "flood, 4 KB pages" },
		{ MADV_HUGEPAGE, "hit, 2 MB pages", "miss, 2 MB pages", "flood, 2 MB pages" },
	};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct bench bench = { .hashes = present };

		make_pins(&bench.pins, pins_bucket_count(PINS), pages[i].advice);
		fill(&bench.pins, present, PINS);
		note_lookup(&bench, pages[i].hit, run_lookup, start);
		bench.hashes = absent;
		note_lookup(&bench, pages[i].miss, run_lookup, start);
		pins_set_flood(&bench.pins, true);
		note_lookup(&bench, pages[i].flood, run_puts, start);
		free((void *)bench.pins.words);
	}
}

static void bench_sweep(const uint64_t *present)
{
	static _Atomic uint32_t slots[SLOT_COUNT];
	static uint8_t seen[SLOT_COUNT];
	struct pins_sweep_pool pools[BACKENDS];
	struct bench bench = {
		.rules = { .pool_of = pools, .gid_count = BACKENDS, .context = slots }
	};
	double results[2];

	for (uint32_t i = 0; i < SLOT_COUNT; i++)
		slots[i] = slot_pack(BACKENDS, BACKENDS + 1);
	for (uint32_t i = 0; i < BACKENDS; i++)
		pools[i] = (struct pins_sweep_pool){ seen, SLOT_COUNT };
	for (uint32_t i = 0; i < PIN_CLASS_COUNT; i++)
		bench.rules.idle_limit_seconds[i] = UINT32_MAX;
	make_pins(&bench.pins, SWEPT_BUCKETS, MADV_NOHUGEPAGE);
	fill(&bench.pins, present, SWEPT_BUCKETS * PINS_FILL);
	measure(&bench, run_sweep, results);
	note("sweep of 8 MB, three quarters full", "ms", results[0] / 1e6, results[1] / 1e6);
	free((void *)bench.pins.words);
}

static void show(void)
{
	for (size_t i = 0; i < figure_count; i++)
		printf("%-46s %6.2f %s (%.2f)\n", figures[i].name, figures[i].least,
			figures[i].unit, figures[i].median);
}

static void show_json(void)
{
	printf("{");
	for (size_t i = 0; i < figure_count; i++)
		printf("%s\n  \"%s\": {\"unit\": \"%s\", \"least\": %.3f, \"median\": %.3f}",
			i == 0 ? "" : ",", figures[i].name, figures[i].unit, figures[i].least,
			figures[i].median);
	printf("}\n");
}

int main(int argc, char **argv)
{
	struct clock start = read_clock();
	uint64_t *present = make_hashes(1);
	uint64_t *absent = make_hashes(UINT64_C(1) << 40);
	double megabytes = pins_memory(pins_bucket_count(PINS)) / 1e6;

	note("memory of a million pins, three quarters full", "MB", megabytes, megabytes);
	bench_lookups(present, absent, &start);
	bench_sweep(present);
	free(present);
	free(absent);
	if (argc > 1 && strcmp(argv[1], "--json") == 0)
		show_json();
	else
		show();
	return 0;
}
