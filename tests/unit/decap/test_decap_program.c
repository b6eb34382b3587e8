/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decapsulator's programs on frames built here (BPF_PROG_TEST_RUN): what comes out, byte by
 * byte, and under which verdict it was counted. Needs root.
 */
#include "unit.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "decap/decap_address.h"
#include "decap/decap_program.h"
#include "tunnel_fixture.h"

#define DROPPED        -1 /* instead of a code point of ECN */
#define EXTENSIONS_MAX 8  /* that the program looks at */

/* How a mix comes to a program. tc never has the tag in the frame. */
static const struct {
	enum decap_mode mode;
	bool tagged;
} ways[] = {
	{ DECAP_MODE_XDP, false },
	{ DECAP_MODE_XDP, true },
	{ DECAP_MODE_TC, false },
};

/* Every mix in every way is a case, numbered from 0. */
#define CASE_COUNT (COUNT_OF(ways) * TUNNEL_MIX_COUNT)

static struct tunnel_shape case_shape(size_t number)
{
	struct tunnel_shape shape = tunnel_mixes[number % TUNNEL_MIX_COUNT];

	shape.tagged = ways[number / TUNNEL_MIX_COUNT].tagged;
	return shape;
}

static enum decap_mode case_mode(size_t number)
{
	return ways[number / TUNNEL_MIX_COUNT].mode;
}

static struct decap_program *load(const struct decap_rules *rules)
{
	struct error error = { "" };
	struct decap_program *program = decap_program_create(rules, tunnel_backend_mac, &error);

	if (program == NULL)
		fail_msg("%s", error.message);
	return program;
}

static struct decap_program *load_usual(void)
{
	struct decap_rules rules = tunnel_rules();

	return load(&rules);
}

static void read_verdicts(int fd, uint64_t verdicts[DECAP_VERDICT_COUNT])
{
	static struct decap_description description;

	assert_int_equal(decap_program_describe(fd, &description, NULL), 0);
	memcpy(verdicts, description.verdicts, sizeof(description.verdicts));
}

/* The one verdict that was counted in between. */
static enum decap_verdict find_verdict(
	const uint64_t before[DECAP_VERDICT_COUNT], const uint64_t after[DECAP_VERDICT_COUNT])
{
	enum decap_verdict found = DECAP_VERDICT_NEXT;

	for (int verdict = 0; verdict < DECAP_VERDICT_COUNT; verdict++) {
		if (after[verdict] == before[verdict])
			continue;
		assert_int_equal(after[verdict], before[verdict] + 1);
		assert_int_equal(found, DECAP_VERDICT_NEXT);
		found = (enum decap_verdict)verdict;
	}
	assert_int_not_equal(found, DECAP_VERDICT_NEXT);
	return found;
}

static bool has_passed(enum decap_mode mode, uint32_t answer)
{
	uint32_t pass = mode == DECAP_MODE_TC ? (uint32_t)TC_ACT_UNSPEC : XDP_PASS;
	uint32_t drop = mode == DECAP_MODE_TC ? TC_ACT_SHOT : XDP_DROP;

	assert_true(answer == pass || answer == drop);
	return answer == pass;
}

/* Runs the program and leaves in `frame` what comes out of it. */
static bool run_frame(
	const struct decap_program *program, enum decap_mode mode, struct tunnel_frame *frame)
{
	uint8_t output[2 * TUNNEL_FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->bytes,
		.data_size_in = (uint32_t)frame->length, .data_out = output,
		.data_size_out = sizeof(output));

	assert_int_equal(bpf_prog_test_run_opts(decap_program_fd(program, mode), &run), 0);
	assert_true(run.data_size_out <= TUNNEL_FRAME_MAX);
	memcpy(frame->bytes, output, run.data_size_out);
	frame->length = run.data_size_out;
	return has_passed(mode, run.retval);
}

/* Runs the program; the verdict that it counted, and whether the frame passed. */
static enum decap_verdict try_frame(const struct decap_program *program, enum decap_mode mode,
	struct tunnel_frame *frame, bool *passed)
{
	uint64_t before[DECAP_VERDICT_COUNT], after[DECAP_VERDICT_COUNT];
	int fd = decap_program_fd(program, mode);

	read_verdicts(fd, before);
	*passed = run_frame(program, mode, frame);
	read_verdicts(fd, after);
	return find_verdict(before, after);
}

/* Runs the program, and checks that the verdict was counted and executed. */
static enum decap_verdict classify_frame(
	const struct decap_program *program, enum decap_mode mode, struct tunnel_frame *frame)
{
	bool passed;
	enum decap_verdict verdict = try_frame(program, mode, frame, &passed);

	assert_int_equal(passed, verdict <= DECAP_VERDICT_OTHER_HOST);
	return verdict;
}

static void assert_verdict(enum decap_verdict verdict, enum decap_verdict expected)
{
	assert_string_equal(decap_verdict_name(verdict), decap_verdict_name(expected));
}

static void assert_frames_equal(
	const struct tunnel_frame *frame, const struct tunnel_frame *expected)
{
	assert_int_equal(frame->length, expected->length);
	assert_memory_equal(frame->bytes, expected->bytes, expected->length);
}

/* Checksums are computed anew over what came out, not taken from what was expected. */
static void assert_inner_checksums(const struct tunnel_frame *plain)
{
	const uint8_t *ip = plain->bytes + plain->outer;

	if (ip[0] >> 4 == 4)
		assert_int_equal(tunnel_sum(0, ip, IPV4_SIZE), 0xffff);
	assert_int_equal(tunnel_sum_udp(ip), 0xffff);
}

static void check_ecn(const struct decap_program *program, enum decap_mode mode,
	const struct tunnel_shape *shape, int expected)
{
	struct tunnel_frame frame = tunnel_build(shape);
	struct tunnel_frame plain = tunnel_build_plain(shape);
	enum decap_verdict verdict = classify_frame(program, mode, &frame);

	if (expected == DROPPED) {
		assert_verdict(verdict, DECAP_VERDICT_ECN);
		return;
	}
	assert_verdict(verdict, DECAP_VERDICT_DECAPSULATED);
	tunnel_set_inner_ecn(&plain, (uint8_t)expected);
	assert_frames_equal(&frame, &plain);
	frame.outer = plain.outer;
	assert_inner_checksums(&frame);
}

static void congestion_marks_leave_the_tunnel_by_rfc_6040_figure_4(void **state)
{
	/* [inner][outer], in the order of the code points */
	static const int figure_4[4][4] = {
		[NOT_ECT] = { [NOT_ECT] = NOT_ECT,
			[ECT_0] = NOT_ECT,
			[ECT_1] = NOT_ECT,
			[CE] = DROPPED },
		[ECT_0] = { [NOT_ECT] = ECT_0, [ECT_0] = ECT_0, [ECT_1] = ECT_1, [CE] = CE },
		[ECT_1] = { [NOT_ECT] = ECT_1, [ECT_0] = ECT_1, [ECT_1] = ECT_1, [CE] = CE },
		[CE] = { [NOT_ECT] = CE, [ECT_0] = CE, [ECT_1] = CE, [CE] = CE },
	};
	struct decap_program *program = load_usual();

	for (size_t i = 0; i < CASE_COUNT * 16; i++) {
		struct tunnel_shape shape = case_shape(i / 16);

		shape.inner_ecn = i / 4 % 4;
		shape.outer_ecn = i % 4;
		check_ecn(program, case_mode(i / 16), &shape,
			figure_4[shape.inner_ecn][shape.outer_ecn]);
	}
	decap_program_destroy(program);
}

/* The identification runs through all values, and with it the checksum (RFC 1624, section 3). */
static void checksum_stays_right_whatever_it_was(void **state)
{
	struct decap_program *program = load_usual();

	for (uint32_t id = 0; id <= UINT16_MAX; id++) {
		struct tunnel_shape shape = { .outer = 4,
			.inner = 4,
			.outer_ecn = CE,
			.inner_ecn = ECT_0,
			.id = (uint16_t)id };
		struct tunnel_frame frame = tunnel_build(&shape);

		assert_true(run_frame(program, DECAP_MODE_XDP, &frame));
		assert_int_equal(frame.bytes[ETH_HLEN + 1], TUNNEL_INNER_DSCP | CE);
		assert_int_equal(tunnel_sum(0, frame.bytes + ETH_HLEN, IPV4_SIZE), 0xffff);
		assert_int_not_equal(tunnel_get16(frame.bytes + ETH_HLEN + 10), 0xffff);
	}
	decap_program_destroy(program);
}

/* One thing wrong with a packet that would otherwise be let through. */
struct flaw {
	const char *name;
	int outer; /* 4 or 6: only in packets of that kind; 0: all */
	int inner;
	void (*make)(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner);
	enum decap_verdict verdict;
};

static void strange_ipv4_source(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	outer[15] ^= 1; /* 10.2.0.11 */
	tunnel_write_checksum(outer);
}

static void strange_ipv6_source(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	outer[8 + 7] ^= 1; /* fd00:2:0:1::10, the last bit of the prefix */
}

static void strange_ipv4_vip(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	inner[19] ^= 1;
}

static void strange_ipv6_vip(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	inner[39] ^= 1;
}

static void wrong_checksum(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	outer[10] ^= 0x80;
}

static void more_fragments(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	outer[6] |= 0x20;
	tunnel_write_checksum(outer);
}

static void last_fragment(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	outer[7] = 1;
	tunnel_write_checksum(outer);
}

static void outer_options(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	outer[0] = 0x46;
	memset(inner, 1, 4); /* no operation */
	tunnel_write_checksum(outer);
}

static void outer_short_header(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	outer[0] = 0x44;
	tunnel_write_checksum(outer);
}

static void outer_ipv4_version(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	outer[0] = 0x55;
	tunnel_write_checksum(outer);
}

static void outer_ipv6_version(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	outer[0] = (uint8_t)(0x50 | (outer[0] & 15));
}

static void outer_length_below_header(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	tunnel_put16(outer + 2, IPV4_SIZE - 1);
	tunnel_write_checksum(outer);
}

static void outer_ipv4_length_beyond_frame(
	struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	tunnel_put16(outer + 2, tunnel_get16(outer + 2) + 1);
	tunnel_write_checksum(outer);
}

static void outer_ipv6_length_beyond_frame(
	struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	tunnel_put16(outer + 4, tunnel_get16(outer + 4) + 1);
}

static void outer_ipv4_empty(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	tunnel_put16(outer + 2, IPV4_SIZE);
	tunnel_write_checksum(outer);
	memset(inner, 0, IPV4_SIZE); /* what is there is padding, and not to be judged */
}

static void outer_ipv6_empty(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	tunnel_put16(outer + 4, 0);
	memset(inner, 0, IPV4_SIZE);
}

static void inner_version(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	inner[0] ^= 0x10;
}

static void inner_short_header(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	inner[0] = 0x44;
}

static void inner_length_below_header(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	inner[0] = 0x46;
	tunnel_put16(inner + 2, 23);
}

static void inner_ipv4_reaches_into_padding(
	struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	tunnel_put16(inner + 2, tunnel_get16(inner + 2) + 1);
	frame->length += 20;
}

static void inner_ipv6_reaches_into_padding(
	struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	tunnel_put16(inner + 4, tunnel_get16(inner + 4) + 1);
	frame->length += 20;
}

/* Puts 8 bytes between the outer IPv6 header and what it carries. */
static void insert_extension(struct tunnel_frame *frame, uint8_t *outer, uint8_t type)
{
	uint8_t *extension = outer + IPV6_SIZE;
	size_t rest = frame->length - frame->outer - IPV6_SIZE;

	memmove(extension + 8, extension, rest);
	memset(extension, 0, 8);
	extension[0] = outer[6];
	outer[6] = type;
	tunnel_put16(outer + 4, tunnel_get16(outer + 4) + 8);
	frame->length += 8;
}

static void ipv6_fragment(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	insert_extension(frame, outer, IPPROTO_FRAGMENT);
}

static void ipv6_fragment_behind_options(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	insert_extension(frame, outer, IPPROTO_FRAGMENT);
	insert_extension(frame, outer, IPPROTO_HOPOPTS);
}

static void ipv6_options(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	insert_extension(frame, outer, IPPROTO_DSTOPTS);
	insert_extension(frame, outer, IPPROTO_ROUTING);
}

/* One more than the program looks at; what is behind them is for it to guess. */
static void ipv6_chain_beyond_the_limit(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	for (int i = 0; i < EXTENSIONS_MAX + 1; i++)
		insert_extension(frame, outer, IPPROTO_DSTOPTS);
}

static void ipv6_chain_of_the_limit(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	for (int i = 0; i < EXTENSIONS_MAX; i++)
		insert_extension(frame, outer, IPPROTO_DSTOPTS);
}

static void ipv6_options_behind_fragment(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	insert_extension(frame, outer, IPPROTO_DSTOPTS);
	insert_extension(frame, outer, IPPROTO_FRAGMENT);
}

/* The chain goes on behind the end of the frame. */
static void ipv6_chain_cut_short(struct tunnel_frame *frame, uint8_t *outer, uint8_t *inner)
{
	insert_extension(frame, outer, IPPROTO_DSTOPTS);
	insert_extension(frame, outer, IPPROTO_DSTOPTS);
	frame->length = frame->outer + IPV6_SIZE + 8 + 7;
}

static const struct flaw flaws[] = {
	{ "source", 4, 0, strange_ipv4_source, DECAP_VERDICT_UNKNOWN_SOURCE },
	{ "source", 6, 0, strange_ipv6_source, DECAP_VERDICT_UNKNOWN_SOURCE },
	{ "vip", 0, 4, strange_ipv4_vip, DECAP_VERDICT_UNKNOWN_VIP },
	{ "vip", 0, 6, strange_ipv6_vip, DECAP_VERDICT_UNKNOWN_VIP },
	{ "checksum", 4, 0, wrong_checksum, DECAP_VERDICT_CHECKSUM },
	{ "first fragment", 4, 0, more_fragments, DECAP_VERDICT_FRAGMENT },
	{ "last fragment", 4, 0, last_fragment, DECAP_VERDICT_FRAGMENT },
	{ "fragment", 6, 0, ipv6_fragment, DECAP_VERDICT_FRAGMENT },
	{ "options, fragment", 6, 0, ipv6_fragment_behind_options, DECAP_VERDICT_FRAGMENT },
	{ "fragment, options", 6, 0, ipv6_options_behind_fragment, DECAP_VERDICT_FRAGMENT },
	{ "options", 6, 0, ipv6_options, DECAP_VERDICT_MALFORMED },
	{ "eight options", 6, 0, ipv6_chain_of_the_limit, DECAP_VERDICT_MALFORMED },
	{ "nine options", 6, 0, ipv6_chain_beyond_the_limit, DECAP_VERDICT_MALFORMED },
	{ "options cut short", 6, 0, ipv6_chain_cut_short, DECAP_VERDICT_MALFORMED },
	{ "options", 4, 0, outer_options, DECAP_VERDICT_MALFORMED },
	{ "short header", 4, 0, outer_short_header, DECAP_VERDICT_MALFORMED },
	{ "version", 4, 0, outer_ipv4_version, DECAP_VERDICT_MALFORMED },
	{ "version", 6, 0, outer_ipv6_version, DECAP_VERDICT_MALFORMED },
	{ "below header", 4, 0, outer_length_below_header, DECAP_VERDICT_MALFORMED },
	{ "beyond frame", 4, 0, outer_ipv4_length_beyond_frame, DECAP_VERDICT_TRUNCATED },
	{ "beyond frame", 6, 0, outer_ipv6_length_beyond_frame, DECAP_VERDICT_TRUNCATED },
	{ "empty", 4, 0, outer_ipv4_empty, DECAP_VERDICT_TRUNCATED },
	{ "empty", 6, 0, outer_ipv6_empty, DECAP_VERDICT_TRUNCATED },
	{ "inner version", 0, 0, inner_version, DECAP_VERDICT_MALFORMED },
	{ "inner short header", 0, 4, inner_short_header, DECAP_VERDICT_MALFORMED },
	{ "inner below header", 0, 4, inner_length_below_header, DECAP_VERDICT_MALFORMED },
	{ "into padding", 0, 4, inner_ipv4_reaches_into_padding, DECAP_VERDICT_TRUNCATED },
	{ "into padding", 0, 6, inner_ipv6_reaches_into_padding, DECAP_VERDICT_TRUNCATED },
};

static void check_flaw(const struct decap_program *program, enum decap_mode mode,
	const struct tunnel_shape *shape, const struct flaw *flaw)
{
	struct tunnel_frame frame = tunnel_build(shape);
	enum decap_verdict verdict;

	if ((flaw->outer != 0 && flaw->outer != shape->outer) ||
		(flaw->inner != 0 && flaw->inner != shape->inner))
		return;
	flaw->make(&frame, frame.bytes + frame.outer, frame.bytes + frame.inner);
	verdict = classify_frame(program, mode, &frame);
	if (verdict != flaw->verdict)
		fail_msg("%s, %d in %d, %s: %s instead of %s", flaw->name, shape->inner,
			shape->outer, decap_mode_name(mode), decap_verdict_name(verdict),
			decap_verdict_name(flaw->verdict));
}

static void what_is_not_allowed_is_dropped_for_its_reason(void **state)
{
	struct decap_program *program = load_usual();

	for (size_t i = 0; i < COUNT_OF(flaws) * CASE_COUNT; i++) {
		struct tunnel_shape shape = case_shape(i % CASE_COUNT);

		check_flaw(program, case_mode(i % CASE_COUNT), &shape, &flaws[i / CASE_COUNT]);
	}
	decap_program_destroy(program);
}

/* With pass_unknown: what the flaw makes unknown passes as it came, the rest is dropped as before.
 */
static void check_flaw_beside_other_tunnels(const struct decap_program *program,
	enum decap_mode mode, const struct tunnel_shape *shape, const struct flaw *flaw,
	bool stranger)
{
	struct tunnel_frame frame = tunnel_build(shape), result;
	enum decap_verdict expected = stranger ? DECAP_VERDICT_UNKNOWN_SOURCE : flaw->verdict;
	bool passed;

	if ((flaw->outer != 0 && flaw->outer != shape->outer) ||
		(flaw->inner != 0 && flaw->inner != shape->inner))
		return;
	if (stranger)
		frame.bytes[frame.outer + (shape->outer == 4 ? 12 : 8)] ^= 0x40;
	flaw->make(&frame, frame.bytes + frame.outer, frame.bytes + frame.inner);
	result = frame;
	assert_verdict(try_frame(program, mode, &result, &passed), expected);
	assert_int_equal(passed,
		expected == DECAP_VERDICT_UNKNOWN_SOURCE || expected == DECAP_VERDICT_UNKNOWN_VIP);
	if (passed)
		assert_frames_equal(&result, &frame);
}

static void what_is_unknown_passes_as_it_came_where_that_is_asked_for(void **state)
{
	struct decap_rules rules = tunnel_rules();
	struct decap_program *program;

	rules.pass_unknown = true;
	program = load(&rules);
	for (size_t i = 0; i < COUNT_OF(flaws) * CASE_COUNT; i++) {
		struct tunnel_shape shape = case_shape(i % CASE_COUNT);
		enum decap_mode mode = case_mode(i % CASE_COUNT);
		const struct flaw *flaw = &flaws[i / CASE_COUNT];

		check_flaw_beside_other_tunnels(program, mode, &shape, flaw, false);
		check_flaw_beside_other_tunnels(program, mode, &shape, flaw, true);
	}
	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct tunnel_shape shape = case_shape(i);
		struct tunnel_frame frame = tunnel_build(&shape);

		assert_verdict(
			classify_frame(program, case_mode(i), &frame), DECAP_VERDICT_DECAPSULATED);
	}
	decap_program_destroy(program);
}

static void outer_destination_counts_once_one_is_configured(void **state)
{
	struct decap_rules rules = tunnel_rules();
	struct decap_program *program;

	tunnel_add_local(&rules, "10.2.0.21");
	tunnel_add_local(&rules, "fd00:2::22");
	program = load(&rules);
	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct tunnel_shape shape = case_shape(i);
		struct tunnel_frame frame = tunnel_build(&shape);

		assert_verdict(classify_frame(program, case_mode(i), &frame),
			shape.outer == 4 ? DECAP_VERDICT_DECAPSULATED
					 : DECAP_VERDICT_UNKNOWN_LOCAL);
	}
	decap_program_destroy(program);
}

/* Judges a frame that has to come out as it went in. */
static void check_untouched(const struct decap_program *program, enum decap_mode mode,
	const struct tunnel_frame *frame, enum decap_verdict expected)
{
	struct tunnel_frame result = *frame;

	assert_verdict(classify_frame(program, mode, &result), expected);
	assert_frames_equal(&result, frame);
}

static void tunnel_packet_for_another_mac_address_is_left_alone(void **state)
{
	struct decap_program *program = load_usual();

	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct tunnel_shape shape = case_shape(i);
		struct tunnel_frame frame = tunnel_build(&shape);
		enum decap_mode mode = case_mode(i);

		frame.bytes[5] ^= 1;
		check_untouched(program, mode, &frame, DECAP_VERDICT_OTHER_HOST);
		memset(frame.bytes, 0xff, DECAP_MAC_SIZE);
		assert_verdict(classify_frame(program, mode, &frame), DECAP_VERDICT_DECAPSULATED);
	}
	decap_program_destroy(program);
}

/* The bytes that follow in a plain packet would be a chain of any kind: see the flaws. */
static bool is_extension(int number)
{
	return number == IPPROTO_HOPOPTS || number == IPPROTO_ROUTING ||
	       number == IPPROTO_FRAGMENT || number == IPPROTO_DSTOPTS;
}

static void check_not_tunnel(
	const struct decap_program *program, enum decap_mode mode, const struct tunnel_shape *shape)
{
	struct tunnel_frame frame = tunnel_build_plain(shape);
	uint8_t *ip = frame.bytes + frame.outer;
	uint8_t *protocol = shape->inner == 4 ? ip + 9 : ip + 6;

	for (int number = 0; number <= UINT8_MAX; number++) {
		*protocol = (uint8_t)number;
		if (number != IPIP_PROTOCOL && number != IPV6_PROTOCOL &&
			(shape->inner == 4 || !is_extension(number)))
			check_untouched(program, mode, &frame, DECAP_VERDICT_NOT_TUNNEL);
	}
	*protocol = IPPROTO_UDP;
	for (uint32_t type = 0; type <= UINT16_MAX; type += 0x101) {
		tunnel_put16(ip - 2, type);
		if (type != ETH_P_IP && type != ETH_P_IPV6)
			check_untouched(program, mode, &frame, DECAP_VERDICT_NOT_TUNNEL);
	}
}

static void extension_headers_before_anything_but_a_tunnel_pass(void **state)
{
	static const uint8_t chains[][2] = {
		{ IPPROTO_DSTOPTS, EXTENSIONS_MAX },
		{ IPPROTO_HOPOPTS, 1 },
		{ IPPROTO_FRAGMENT, 1 },
	};
	static const enum decap_mode modes[] = { DECAP_MODE_XDP, DECAP_MODE_TC };
	const struct tunnel_shape shape = { .inner = 6 };
	struct decap_program *program = load_usual();

	for (size_t i = 0; i < COUNT_OF(chains) * COUNT_OF(modes); i++) {
		const uint8_t *chain = chains[i / COUNT_OF(modes)];
		struct tunnel_frame frame = tunnel_build_plain(&shape);

		for (uint8_t j = 0; j < chain[1]; j++)
			insert_extension(&frame, frame.bytes + frame.outer, chain[0]);
		check_untouched(
			program, modes[i % COUNT_OF(modes)], &frame, DECAP_VERDICT_NOT_TUNNEL);
	}
	decap_program_destroy(program);
}

static void what_is_no_tunnel_passes_byte_for_byte(void **state)
{
	struct decap_program *program = load_usual();

	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct tunnel_shape shape = tunnel_mixes[i % TUNNEL_MIX_COUNT];

		shape.tagged = shape.outer == 4; /* the inner family alone matters here */
		check_not_tunnel(program, case_mode(i), &shape);
	}
	decap_program_destroy(program);
}

/* Makes the outer header own up to a shorter packet. */
static void admit_length(struct tunnel_frame *frame, int family)
{
	uint8_t *ip = frame->bytes + frame->outer;

	if (family == 4) {
		tunnel_put16(ip + 2, (uint32_t)(frame->length - frame->outer));
		tunnel_write_checksum(ip);
	} else {
		tunnel_put16(ip + 4, (uint32_t)(frame->length - frame->outer - IPV6_SIZE));
	}
}

static void check_cut(const struct decap_program *program, enum decap_mode mode,
	const struct tunnel_shape *shape, size_t length)
{
	struct tunnel_frame cut = tunnel_build(shape), owned;
	size_t outer_end = cut.outer + (shape->outer == 4 ? IPV4_SIZE : IPV6_SIZE);

	cut.length = length;
	if (length < outer_end) {
		check_untouched(program, mode, &cut, DECAP_VERDICT_NOT_TUNNEL);
		return;
	}
	owned = cut;
	admit_length(&owned, shape->outer);
	assert_verdict(classify_frame(program, mode, &cut), DECAP_VERDICT_TRUNCATED);
	assert_verdict(classify_frame(program, mode, &owned), DECAP_VERDICT_TRUNCATED);
}

/*
 * For a test run of tc, newer kernels want the whole network header. What is shorter comes by wire:
 * see headers_cut_short_pass_tc_unopened in test_decap.c.
 */
static size_t shortest_frame(enum decap_mode mode, const struct tunnel_shape *shape)
{
	if (mode == DECAP_MODE_XDP)
		return ETH_HLEN;
	return ETH_HLEN + (shape->outer == 4 ? IPV4_SIZE : IPV6_SIZE);
}

static void packet_cut_at_any_length_is_never_opened(void **state)
{
	struct decap_program *program = load_usual();

	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct tunnel_shape shape = case_shape(i);
		enum decap_mode mode = case_mode(i);
		struct tunnel_frame whole = tunnel_build(&shape);

		for (size_t length = shortest_frame(mode, &shape); length < whole.length; length++)
			check_cut(program, mode, &shape, length);
		assert_verdict(classify_frame(program, mode, &whole), DECAP_VERDICT_DECAPSULATED);
	}
	decap_program_destroy(program);
}

/* Below an Ethernet header there is nothing to judge: the kernel never gives it to a program. */
static void kernel_itself_refuses_less_than_an_ethernet_header(void **state)
{
	struct decap_program *program = load_usual();
	struct tunnel_frame frame = tunnel_build(&tunnel_mixes[0]);

	for (size_t i = 0; i < COUNT_OF(ways) * ETH_HLEN; i++) {
		int fd = decap_program_fd(program, ways[i / ETH_HLEN].mode);
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame.bytes,
			.data_size_in = i % ETH_HLEN);

		assert_int_equal(bpf_prog_test_run_opts(fd, &run), -EINVAL);
	}
	decap_program_destroy(program);
}

static void padding_behind_a_short_packet_may_stay(void **state)
{
	struct decap_program *program = load_usual();

	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct tunnel_shape shape = case_shape(i);
		struct tunnel_frame frame = tunnel_build(&shape);
		struct tunnel_frame plain = tunnel_build_plain(&shape);

		frame.length += 20;
		plain.length += 20;
		assert_verdict(
			classify_frame(program, case_mode(i), &frame), DECAP_VERDICT_DECAPSULATED);
		assert_frames_equal(&frame, &plain);
	}
	decap_program_destroy(program);
}

/* In tc the first tag is beside the frame, so one in it is the second. */
static void second_vlan_tag_is_left_to_the_host(void **state)
{
	struct decap_program *program = load_usual();

	for (size_t i = 0; i < TUNNEL_MIX_COUNT; i++) {
		struct tunnel_shape shape = tunnel_mixes[i];
		struct tunnel_frame frame;

		shape.tagged = true;
		frame = tunnel_build(&shape);
		check_untouched(program, DECAP_MODE_TC, &frame, DECAP_VERDICT_NOT_TUNNEL);
	}
	decap_program_destroy(program);
}

static void prefixes_are_strict(void **state)
{
	static const struct {
		const char *text;
		const char *canonical; /* NULL: refused */
	} rows[] = {
		{ "10.2.0.10", "10.2.0.10" },
		{ "10.2.0.10/32", "10.2.0.10" },
		{ "10.2.0.0/24", "10.2.0.0/24" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "FD00:0002::/64", "fd00:2::/64" },
		{ "fd00:2::10/128", "fd00:2::10" },
		{ "10.2.0.10/24", NULL },
		{ "10.2.0.0/33", NULL },
		{ "10.2.0.0/", NULL },
		{ "10.2.0.0/+8", NULL },
		{ "10.2.0.0/8x", NULL },
		{ "10.2.0.0/4294967296", NULL },
		{ "fd00:2::/129", NULL },
		{ "fd00:2::1/127", NULL },
		{ "balancer", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[DECAP_PREFIX_TEXT_SIZE];
		struct decap_prefix prefix;
		int result = decap_prefix_parse(rows[i].text, &prefix, NULL);

		assert_int_equal(result, rows[i].canonical == NULL ? -EINVAL : 0);
		if (result == 0)
			assert_string_equal(decap_prefix_format(&prefix, text), rows[i].canonical);
	}
}

static int check_root(void **state)
{
	if (geteuid() == 0)
		return 0;
	fprintf(stderr, "this test loads BPF programs: it must run as root\n");
	return -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(congestion_marks_leave_the_tunnel_by_rfc_6040_figure_4),
		cmocka_unit_test(checksum_stays_right_whatever_it_was),
		cmocka_unit_test(what_is_not_allowed_is_dropped_for_its_reason),
		cmocka_unit_test(what_is_unknown_passes_as_it_came_where_that_is_asked_for),
		cmocka_unit_test(outer_destination_counts_once_one_is_configured),
		cmocka_unit_test(tunnel_packet_for_another_mac_address_is_left_alone),
		cmocka_unit_test(what_is_no_tunnel_passes_byte_for_byte),
		cmocka_unit_test(extension_headers_before_anything_but_a_tunnel_pass),
		cmocka_unit_test(packet_cut_at_any_length_is_never_opened),
		cmocka_unit_test(kernel_itself_refuses_less_than_an_ethernet_header),
		cmocka_unit_test(padding_behind_a_short_packet_may_stay),
		cmocka_unit_test(second_vlan_tag_is_left_to_the_host),
		cmocka_unit_test(prefixes_are_strict),
	};

	return cmocka_run_group_tests_name("decap_program", tests, check_root, NULL);
}
