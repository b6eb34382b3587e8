/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "plan/serving.h"

#define BACKENDS_MAX 64
#define OWN          0 /* zone "a" */
#define DRAINED      2 /* zone "z" */

static const bool drained_zones[] = { false, false, true };

/*
 * A pool in letters, a word for each backend: U, D or I for up, down or initial; then, as far as
 * they are not the usual: the zone a (the node's own), b or z (drained); the group 1 or 2; `off`
 * by '-'; '*' for a weight of 10.
 */
static size_t parse(const char *text, struct serving_backend *backends)
{
	size_t count = 0;

	for (; *text != '\0'; text++) {
		struct serving_backend *backend = &backends[count - (count > 0)];

		switch (*text) {
		case 'U':
		case 'D':
		case 'I':
			assert_true(count < BACKENDS_MAX);
			backends[count++] = (struct serving_backend){
				.active = true,
				.status = *text == 'U'   ? HEALTH_UP
					  : *text == 'D' ? HEALTH_DOWN
							 : HEALTH_INITIAL,
				.zone = ZONES_NONE,
				.weight = 1,
			};
			break;
		case 'a': backend->zone = OWN; break;
		case 'b': backend->zone = OWN + 1; break;
		case 'z': backend->zone = DRAINED; break;
		case '1': backend->group = 1; break;
		case '2': backend->group = 2; break;
		case '-': backend->active = false; break;
		case '*': backend->weight = 10; break;
		default: assert_int_equal(*text, ' ');
		}
	}
	return count;
}

static const struct config_threshold half[] = {
	{ .number = 50, .is_percent = true },
	{ .number = 50, .is_percent = true },
};

#define COUNT(threshold, n)   .threshold = { .number = (n) }
#define PERCENT(threshold, n) .threshold = { .number = (n), .is_percent = true }
#define ZONES                 .own_zone = OWN, .drained = drained_zones
#define ZONAL                 ZONES, .cross_zone = false, PERCENT(zone_below, 50), .group_count = 1
#define POOL                  ZONES, .cross_zone = true, .group_count = 1
#define GROUPS                ZONES, .cross_zone = true, .group_below = half, .group_count = 3

static const struct row {
	const char *name, *backends;
	struct serving_policy policy;
	const char *verdicts; /* S, R or F */
	enum serving_mode mode;
	bool withdrawn;
} rows[] = {
	{ "all up", "U U U", { POOL }, "SSS", SERVING_MODE_NORMAL, false },
	{ "one down", "U D U", { POOL }, "SFS", SERVING_MODE_NORMAL, false },
	{ "one not known yet", "U I U", { POOL }, "SRS", SERVING_MODE_NORMAL, false },
	{ "nothing known yet", "I I D", { POOL }, "SSF", SERVING_MODE_UNCHECKED, false },
	{ "nobody", "", { POOL }, "", SERVING_MODE_EMPTY, false },
	{ "nobody active", "U- D- I-", { POOL }, "SFS", SERVING_MODE_EMPTY, false },
	{ "one that drains counts as none", "D U-", { POOL }, "SS", SERVING_MODE_ALL_DOWN, false },

	{ "all down", "D D", { POOL }, "SS", SERVING_MODE_ALL_DOWN, false },
	{ "all down, drop", "D D", { POOL, .all_down = CONFIG_ALL_DOWN_DROP }, "FF",
		SERVING_MODE_ALL_DOWN, false },
	{ "all down, withdraw", "D D", { POOL, .all_down = CONFIG_ALL_DOWN_WITHDRAW }, "FF",
		SERVING_MODE_ALL_DOWN, true },
	{ "nobody active, withdraw", "U-", { POOL, .all_down = CONFIG_ALL_DOWN_WITHDRAW }, "S",
		SERVING_MODE_EMPTY, true },
	{ "not known is not down", "I D", { POOL, .all_down = CONFIG_ALL_DOWN_WITHDRAW }, "SF",
		SERVING_MODE_UNCHECKED, false },

	{ "fail open, just not", "U U D", { POOL, COUNT(fail_open_below, 2) }, "SSF",
		SERVING_MODE_NORMAL, false },
	{ "fail open", "U D D", { POOL, COUNT(fail_open_below, 2) }, "SSS", SERVING_MODE_FAIL_OPEN,
		false },
	{ "fail open takes in initial ones", "U D I", { POOL, COUNT(fail_open_below, 2) }, "SSS",
		SERVING_MODE_FAIL_OPEN, false },
	{ "a small pool can have what it is asked for", "U U", { POOL, COUNT(fail_open_below, 9) },
		"SS", SERVING_MODE_NORMAL, false },
	{ "initial ones are no failure", "U I I I", { POOL, PERCENT(fail_open_below, 50) }, "SRRR",
		SERVING_MODE_NORMAL, false },
	{ "fail open, half", "U D", { POOL, PERCENT(fail_open_below, 50) }, "SF",
		SERVING_MODE_NORMAL, false },
	{ "fail open, less than half", "U D D", { POOL, PERCENT(fail_open_below, 50) }, "SSS",
		SERVING_MODE_FAIL_OPEN, false },
	{ "fail open leaves old flows of those that are off alone", "U D D-",
		{ POOL, COUNT(fail_open_below, 2) }, "SSF", SERVING_MODE_FAIL_OPEN, false },

	{ "withdraw, just not", "U U D", { POOL, COUNT(withdraw_below, 2) }, "SSF",
		SERVING_MODE_NORMAL, false },
	{ "withdraw", "U D D", { POOL, COUNT(withdraw_below, 2) }, "SFF", SERVING_MODE_NORMAL,
		true },
	{ "withdraw while nothing is known", "I I", { POOL, COUNT(withdraw_below, 1) }, "SS",
		SERVING_MODE_UNCHECKED, true },
	{ "a new backend withdraws nothing", "U U I I I", { POOL, PERCENT(withdraw_below, 60) },
		"SSRRR", SERVING_MODE_NORMAL, false },
	{ "two thresholds", "U D D D",
		{ POOL, COUNT(fail_open_below, 2), COUNT(withdraw_below, 1) }, "SSSS",
		SERVING_MODE_FAIL_OPEN, false },

	{ "own zone first", "Ua Ua Ub", { ZONAL }, "SSR", SERVING_MODE_NORMAL, false },
	{ "own zone at half", "Ua Da Ub", { ZONAL }, "SFR", SERVING_MODE_NORMAL, false },
	{ "own zone below half", "Ua Da Da Ub", { ZONAL }, "SFFS", SERVING_MODE_ZONE_FAILOVER,
		false },
	{ "own zone below half by weight", "Ua Ua Da* Ub", { ZONAL }, "SSFS",
		SERVING_MODE_ZONE_FAILOVER, false },
	{ "own zone above half by weight", "Ua* Da Da Ub", { ZONAL }, "SFFR", SERVING_MODE_NORMAL,
		false },
	{ "own zone down", "Da Da Ub Ub", { ZONAL }, "FFSS", SERVING_MODE_ZONE_FAILOVER, false },
	{ "own zone not known", "Ia Ub", { ZONAL }, "RS", SERVING_MODE_ZONE_FAILOVER, false },
	{ "own zone by number", "Ua Da Ub", { ZONES, COUNT(zone_below, 2), .group_count = 1 },
		"SFS", SERVING_MODE_ZONE_FAILOVER, false },
	{ "no backend in the own zone", "Ub Ub", { ZONAL }, "SS", SERVING_MODE_NORMAL, false },
	{ "without a zone is near", "Ua U Ub", { ZONAL }, "SSR", SERVING_MODE_NORMAL, false },
	{ "a node without a zone", "Ua Ub",
		{ .own_zone = ZONES_NONE, PERCENT(zone_below, 50), .group_count = 1 }, "SS",
		SERVING_MODE_NORMAL, false },
	{ "fail open knows no zones", "Da Da Db", { ZONAL }, "SSS", SERVING_MODE_ALL_DOWN, false },

	{ "a drained zone rests", "Ua Ub Uz", { POOL }, "SSR", SERVING_MODE_NORMAL, false },
	{ "a drained zone fails", "Ua Ub Dz", { POOL }, "SSF", SERVING_MODE_NORMAL, false },
	{ "a drained zone is counted out", "Ua Da Dz Dz", { POOL, PERCENT(fail_open_below, 50) },
		"SFFF", SERVING_MODE_NORMAL, false },
	{ "a drained zone is all there is", "Da Uz Uz", { POOL }, "FSS", SERVING_MODE_DRAINED_ZONE,
		false },
	{ "a drained zone that is up comes before what is not known", "Ia Uz", { POOL }, "RS",
		SERVING_MODE_DRAINED_ZONE, false },
	{ "a drained zone helps before all is opened", "Ua Da Da Uz Uz",
		{ POOL, PERCENT(fail_open_below, 50) }, "SFFSS", SERVING_MODE_DRAINED_ZONE, false },
	{ "a drained zone does not help enough", "Ua Da Da Da Uz Dz",
		{ POOL, PERCENT(fail_open_below, 50) }, "SSSSSS", SERVING_MODE_FAIL_OPEN, false },
	{ "all drained, and nothing known", "Iz Iz", { POOL }, "SS", SERVING_MODE_UNCHECKED,
		false },
	{ "all drained, and all down", "Dz Dz", { POOL }, "SS", SERVING_MODE_ALL_DOWN, false },
	{ "all down is met outside of drained zones", "Da Dz", { POOL }, "SF",
		SERVING_MODE_ALL_DOWN, false },

	{ "a backup waits", "U U U1 U1", { GROUPS }, "SSRR", SERVING_MODE_NORMAL, false },
	{ "a backup at half waits", "U D U1 D1", { GROUPS }, "SFRF", SERVING_MODE_NORMAL, false },
	{ "a backup steps in", "U D D U1 U1", { GROUPS }, "RFFSS", SERVING_MODE_BACKUP, false },
	{ "a weak backup is passed over", "D U1 D1 D1 U2", { GROUPS }, "FRFFS", SERVING_MODE_BACKUP,
		false },
	{ "the last backup needs but one", "D D1 U2 D2 D2", { GROUPS }, "FFSFF",
		SERVING_MODE_BACKUP, false },
	{ "all are weak", "U D D U1 D1 D1 D2", { GROUPS }, "SFFRFFF", SERVING_MODE_NORMAL, false },
	{ "a backup is not opened", "D D D1 D2", { GROUPS }, "SSFF", SERVING_MODE_ALL_DOWN, false },
	{ "a backup is all there is", "U- D1", { GROUPS }, "RS", SERVING_MODE_ALL_DOWN, false },
	{ "a backup that serves is not withdrawn", "D D U1 U1",
		{ GROUPS, PERCENT(withdraw_below, 50) }, "FFSS", SERVING_MODE_BACKUP, false },
	{ "a zone that is drained gives to the backup", "Uz Uz U1", { GROUPS }, "RRS",
		SERVING_MODE_BACKUP, false },
};

static char letter_of(enum serving_verdict verdict)
{
	return "SRF"[verdict];
}

static void each_pool_serves_as_its_policy_says(void **state)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct serving_backend backends[BACKENDS_MAX];
		enum serving_verdict verdicts[BACKENDS_MAX];
		char letters[BACKENDS_MAX + 1] = "", sentence[SERVING_SENTENCE_SIZE];
		size_t count = parse(rows[i].backends, backends);
		struct serving_outcome outcome =
			serving_decide(&rows[i].policy, backends, count, verdicts);

		for (size_t k = 0; k < count; k++)
			letters[k] = letter_of(verdicts[k]);
		serving_describe(&rows[i].policy, &outcome, sentence);
		if (strcmp(letters, rows[i].verdicts) != 0 || outcome.mode != rows[i].mode ||
			outcome.withdrawn != rows[i].withdrawn) {
			print_error("%s: %s, %s%s (%s)\n", rows[i].name, letters,
				serving_mode_name(outcome.mode),
				outcome.withdrawn ? ", withdrawn" : "", sentence);
			failed++;
		}
	}
	assert_int_equal(failed, 0);
}

static void the_outcome_is_said_with_its_figures(void **state)
{
	static const struct {
		const char *backends;
		struct serving_policy policy;
		const char *sentence;
	} sayings[] = {
		{ "U D U", { POOL }, "2 of 3 backends are up" },
		{ "U D D", { POOL, COUNT(fail_open_below, 2) },
			"1 of 3 backends is up, fewer than 2 (fail_open_below): all take new flows" },
		{ "D D", { POOL }, "0 of 2 backends are up: all take new flows (all_down is all)" },
		{ "D", { POOL, .all_down = CONFIG_ALL_DOWN_DROP },
			"0 of 1 backend is up: new flows are dropped (all_down is drop)" },
		{ "D D", { POOL, .all_down = CONFIG_ALL_DOWN_WITHDRAW },
			"0 of 2 backends are up: new flows are dropped, and this node is not to "
			"announce its VIPs (all_down is withdraw)" },
		{ "I I D", { POOL },
			"0 of 3 backends are up yet: those that are not known to be down take new "
			"flows" },
		{ "", { POOL }, "it has no active backend" },
	};

	for (size_t i = 0; i < COUNT_OF(sayings); i++) {
		struct serving_backend backends[BACKENDS_MAX];
		enum serving_verdict verdicts[BACKENDS_MAX];
		size_t count = parse(sayings[i].backends, backends);
		char sentence[SERVING_SENTENCE_SIZE];
		struct serving_outcome outcome =
			serving_decide(&sayings[i].policy, backends, count, verdicts);

		assert_string_equal(serving_describe(&sayings[i].policy, &outcome, sentence),
			sayings[i].sentence);
	}
}

/* Properties. */

static unsigned int draw(unsigned int *random, unsigned int limit)
{
	return rand_r(random) % limit;
}

static struct config_threshold draw_threshold(unsigned int *random)
{
	if (draw(random, 2) == 0)
		return (struct config_threshold){ .number = draw(random, 6) };
	return (struct config_threshold){ .number = draw(random, 101), .is_percent = true };
}

struct world {
	struct serving_policy policy;
	struct config_threshold group_below[3];
	struct serving_backend backends[BACKENDS_MAX];
	size_t count;
};

static void draw_world(struct world *world, unsigned int *random)
{
	world->policy = (struct serving_policy){
		.fail_open_below = draw_threshold(random),
		.withdraw_below = draw_threshold(random),
		.all_down = draw(random, 3),
		.cross_zone = draw(random, 2),
		.zone_below = draw_threshold(random),
		.own_zone = draw(random, 4) == 0 ? ZONES_NONE : draw(random, 3),
		.drained = draw(random, 3) == 0 ? NULL : drained_zones,
		.group_below = world->group_below,
		.group_count = 1 + draw(random, 3),
	};
	for (size_t i = 0; i < COUNT_OF(world->group_below); i++)
		world->group_below[i] = draw_threshold(random);
	world->count = draw(random, 13);
	for (size_t i = 0; i < world->count; i++)
		world->backends[i] = (struct serving_backend){
			.active = draw(random, 5) != 0,
			.status = draw(random, HEALTH_STATUS_COUNT),
			.group = draw(random, world->policy.group_count),
			.zone = draw(random, 4) == 0 ? ZONES_NONE : draw(random, 3),
			.weight = 1 + draw(random, 100),
		};
}

static bool is_in_drained_zone(const struct world *world, const struct serving_backend *backend)
{
	return world->policy.drained != NULL && backend->zone == DRAINED;
}

/* How many active ones have that status; `open`: outside of drained zones alone. */
static size_t count_active(const struct world *world, enum health_status status, bool open)
{
	size_t count = 0;

	for (size_t i = 0; i < world->count; i++)
		count += world->backends[i].active && world->backends[i].status == status &&
			 !(open && is_in_drained_zone(world, &world->backends[i]));
	return count;
}

static void assert_sound(const struct world *world, const struct serving_outcome *outcome,
	const enum serving_verdict *verdicts)
{
	size_t up = count_active(world, HEALTH_UP, false);
	size_t initial = count_active(world, HEALTH_INITIAL, false);
	size_t all = up + initial + count_active(world, HEALTH_DOWN, false);
	bool is_open =
		outcome->mode == SERVING_MODE_FAIL_OPEN || outcome->mode == SERVING_MODE_ALL_DOWN;
	size_t serving = 0;

	assert_true(outcome->up <= outcome->known && outcome->known <= outcome->active);
	assert_int_equal(outcome->mode == SERVING_MODE_EMPTY, all == 0);
	for (size_t i = 0; i < world->count; i++) {
		const struct serving_backend *backend = &world->backends[i];
		bool serves = verdicts[i] == SERVING_SERVES;
		enum health_status status = backend->status;

		serving += backend->active && serves;
		/* what is down serves only where checks are not believed, and never rests */
		if (status == HEALTH_DOWN)
			assert_true(verdicts[i] == SERVING_FAILED || (serves && is_open));
		else
			assert_true(verdicts[i] != SERVING_FAILED);
		if (status == HEALTH_INITIAL && backend->active && serves && !is_open)
			assert_int_equal(up, 0);
		if (is_in_drained_zone(world, backend) && backend->active && serves && !is_open &&
			outcome->mode != SERVING_MODE_DRAINED_ZONE)
			assert_int_equal(outcome->mode, SERVING_MODE_UNCHECKED);
	}
	assert_int_equal(outcome->serving, serving);
	if (up + initial > 0 || (all > 0 && world->policy.all_down == CONFIG_ALL_DOWN_ALL))
		assert_true(serving > 0);
	if (count_active(world, HEALTH_UP, true) > 0)
		assert_true(outcome->mode <= SERVING_MODE_DRAINED_ZONE ||
			    outcome->mode == SERVING_MODE_FAIL_OPEN);
}

/* The order of the list is not to matter: nodes may have it in another one. */
static void assert_order_does_not_matter(struct world *world, const struct serving_outcome *outcome,
	const enum serving_verdict *verdicts, unsigned int *random)
{
	size_t from[BACKENDS_MAX];
	struct world shuffled = *world;
	enum serving_verdict again[BACKENDS_MAX];
	struct serving_outcome other;

	shuffled.policy.group_below = shuffled.group_below;
	for (size_t i = 0; i < world->count; i++)
		from[i] = i;
	for (size_t left = world->count; left > 1; left--) {
		size_t place = draw(random, left), held = from[left - 1];

		from[left - 1] = from[place];
		from[place] = held;
	}
	for (size_t i = 0; i < world->count; i++)
		shuffled.backends[i] = world->backends[from[i]];
	other = serving_decide(&shuffled.policy, shuffled.backends, shuffled.count, again);
	assert_memory_equal(&other, outcome, sizeof(other));
	for (size_t i = 0; i < world->count; i++)
		assert_int_equal(again[i], verdicts[from[i]]);
}

/* One more that is up never leaves nobody, and never makes the node withdraw. */
static void assert_one_more_does_no_harm(
	const struct world *world, const struct serving_outcome *outcome, unsigned int *random)
{
	struct world better = *world;
	enum serving_verdict verdicts[BACKENDS_MAX];
	struct serving_backend *backend;
	struct serving_outcome other;

	if (world->count == 0)
		return;
	better.policy.group_below = better.group_below;
	backend = &better.backends[draw(random, better.count)];
	if (!backend->active)
		return;
	backend->status = HEALTH_UP;
	other = serving_decide(&better.policy, better.backends, better.count, verdicts);
	assert_sound(&better, &other, verdicts);
	assert_true(other.serving > 0);
	if (better.policy.group_count == 1 && better.policy.drained == NULL)
		assert_true(!other.withdrawn || outcome->withdrawn);
}

static void whatever_happens_what_can_serve_serves(void **state)
{
	unsigned int modes[SERVING_MODE_COUNT] = { 0 };
	unsigned int random = 1;

	for (int i = 0; i < 200000; i++) {
		enum serving_verdict verdicts[BACKENDS_MAX];
		struct serving_outcome outcome;
		struct world world;

		memset(&world, 0, sizeof(world));
		draw_world(&world, &random);
		outcome = serving_decide(&world.policy, world.backends, world.count, verdicts);
		modes[outcome.mode]++;
		assert_sound(&world, &outcome, verdicts);
		assert_order_does_not_matter(&world, &outcome, verdicts, &random);
		assert_one_more_does_no_harm(&world, &outcome, &random);
	}
	for (enum serving_mode mode = 0; mode < SERVING_MODE_COUNT; mode++)
		assert_true(modes[mode] > 100);
}

/* Zones, as a configuration names them. */

static void zones_are_numbered_once_each(void **state)
{
	struct config_backend backends[] = {
		{ .name = "w1", .zone = "ams1" },
		{ .name = "w2", .zone = "ams2" },
		{ .name = "w3", .zone = "ams1" },
		{ .name = "w4" },
	};
	struct config_zone listed[] = {
		{ .name = "ams2", .state = CONFIG_ZONE_DRAIN },
		{ .name = "ams3", .state = CONFIG_ZONE_ACTIVE },
	};
	struct config_pool pool = { .backends = backends, .backend_count = COUNT_OF(backends) };
	struct config config = {
		.node_zone = "ams1",
		.zones = listed,
		.zone_count = COUNT_OF(listed),
		.pools = &pool,
		.pool_count = 1,
	};
	struct zones *zones = zones_create(&config);

	assert_non_null(zones);
	assert_int_equal(zones_count(zones), 3);
	assert_int_equal(zones_own(zones), zones_find(zones, "ams1"));
	assert_string_equal(zones_name(zones, zones_find(zones, "ams3")), "ams3");
	assert_true(zones_drained(zones)[zones_find(zones, "ams2")]);
	assert_false(zones_drained(zones)[zones_find(zones, "ams1")]);
	assert_false(zones_drained(zones)[zones_find(zones, "ams3")]);
	assert_int_equal(zones_find(zones, ""), ZONES_NONE);
	assert_int_equal(zones_find(zones, "ams9"), ZONES_NONE);
	zones_destroy(zones);
}

static void a_configuration_without_zones_has_none(void **state)
{
	const struct config config = { .node_name = "edge-1" };
	struct zones *zones = zones_create(&config);

	assert_non_null(zones);
	assert_int_equal(zones_count(zones), 0);
	assert_int_equal(zones_own(zones), ZONES_NONE);
	zones_destroy(zones);
}

static void a_pool_by_itself_is_one_group(void **state)
{
	const struct config_pool pool = {
		.fail_open_below = { 3, false },
		.withdraw_below = { 20, true },
		.all_down = CONFIG_ALL_DOWN_DROP,
		.cross_zone = false,
		.zone_below = { 60, true },
	};
	const struct config config = { .node_zone = "ams1" };
	struct zones *zones = zones_create(&config);
	struct serving_policy policy;

	assert_non_null(zones);
	policy = serving_policy_of(&pool, zones);
	assert_int_equal(policy.fail_open_below.number, 3);
	assert_true(policy.withdraw_below.is_percent);
	assert_int_equal(policy.all_down, CONFIG_ALL_DOWN_DROP);
	assert_false(policy.cross_zone);
	assert_int_equal(policy.zone_below.number, 60);
	assert_int_equal(policy.own_zone, 0);
	assert_int_equal(policy.group_count, 1);
	zones_destroy(zones);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pool_serves_as_its_policy_says),
		cmocka_unit_test(the_outcome_is_said_with_its_figures),
		cmocka_unit_test(whatever_happens_what_can_serve_serves),
		cmocka_unit_test(zones_are_numbered_once_each),
		cmocka_unit_test(a_configuration_without_zones_has_none),
		cmocka_unit_test(a_pool_by_itself_is_one_group),
	};

	return cmocka_run_group_tests_name("serving", tests, NULL, NULL);
}
