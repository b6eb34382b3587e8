/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "probes/dns_message.h"

#define ID        0x1234
#define TYPE_A    1
#define TYPE_AAAA 28
#define HEADER    12

/* A message that is made in the test, from the query that it answers. */
struct message {
	uint8_t bytes[1024];
	size_t length;
};

static struct dns_query query;
static const struct address any = { .family = ADDRESS_NONE };

static int ask(void **state)
{
	return dns_query_write(&query, "www.example.org", TYPE_A, ID) ? 0 : -1;
}

static struct message answer_of(int flags, int rcode, int records)
{
	struct message message = { .length = query.length };

	memcpy(message.bytes, query.bytes, query.length);
	message.bytes[2] = (uint8_t)(0x80 | flags);
	message.bytes[3] = (uint8_t)(0x80 | rcode);
	message.bytes[7] = (uint8_t)records;
	return message;
}

static void add(struct message *message, const void *bytes, size_t length)
{
	memcpy(message->bytes + message->length, bytes, length);
	message->length += length;
}

#define ADD(message, text) add(message, text, sizeof(text) - 1)

static struct address parse(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static enum dns_verdict judge(
	const struct message *message, const struct address *wanted, struct dns_answer *answer)
{
	/* of its very length, so that a sanitizer sees what reads on */
	uint8_t *bytes = malloc(message->length == 0 ? 1 : message->length);
	enum dns_verdict verdict;

	memcpy(bytes, message->bytes, message->length);
	verdict = dns_answer_read(bytes, message->length, &query, wanted, answer);
	free(bytes);
	return verdict;
}

static void query_is_as_the_standard_has_it(void **state)
{
	static const uint8_t expected[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
					  "\x03www\x07"
					  "example\x03org\x00\x00\x01\x00\x01";

	assert_int_equal(query.length, sizeof(expected) - 1);
	assert_memory_equal(query.bytes, expected, query.length);
}

static void root_may_be_asked_for(void **state)
{
	assert_true(dns_query_write(&query, "", 2, ID));
	assert_int_equal(query.length, HEADER + 5);
	assert_memory_equal(query.bytes + HEADER, "\x00\x00\x02\x00\x01", 5);
}

static void name_is_as_long_as_it_may_be(void **state)
{
	char name[300];

	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	name[253] = '\0'; /* 255 bytes with the first length and the root */
	assert_true(dns_query_write(&query, name, TYPE_A, ID));
	assert_int_equal(query.length, HEADER + 255 + 4);
	name[253] = 'a';
	name[254] = '\0';
	assert_false(dns_query_write(&query, name, TYPE_A, ID));
	name[64] = '\0';
	name[63] = 'a';
	assert_false(dns_query_write(&query, name, TYPE_A, ID));
	assert_false(dns_query_write(&query, "a..b", TYPE_A, ID));
	assert_false(dns_query_write(&query, ".", TYPE_A, ID));
	assert_false(dns_query_write(&query, "a.", TYPE_A, ID));
}

static void rcode_is_read(void **state)
{
	for (int rcode = 0; rcode < 16; rcode++) {
		struct message message = answer_of(0, rcode, 0);
		struct dns_answer answer;

		assert_int_equal(judge(&message, &any, &answer), DNS_ANSWER);
		assert_int_equal(answer.rcode, rcode);
		assert_false(answer.truncated || answer.holds);
	}
}

static void case_of_the_question_does_not_matter(void **state)
{
	struct message message = answer_of(0, 0, 0);
	struct dns_answer answer;

	message.bytes[HEADER + 1] = 'W';
	assert_int_equal(judge(&message, &any, &answer), DNS_ANSWER);
}

static void another_message_is_not_the_answer(void **state)
{
	static const size_t differs_at[] = {
		0, 1,            /* id */
		HEADER + 1,      /* a letter */
		HEADER,          /* the length of a label */
		HEADER + 17 + 1, /* type */
		HEADER + 17 + 3, /* class */
		5,               /* two questions */
		2,               /* a query, not an answer */
	};
	static const uint8_t by[] = { 1, 1, 3, 1, 1, 1, 3, 0x80 };
	struct dns_answer answer;

	for (size_t i = 0; i < COUNT_OF(differs_at); i++) {
		struct message message = answer_of(0, 0, 0);

		message.bytes[differs_at[i]] ^= by[i];
		assert_int_equal(judge(&message, &any, &answer), DNS_OTHER);
	}
}

static void question_may_be_missing_where_it_was_not_understood(void **state)
{
	struct message message = answer_of(0, 1, 0);
	struct dns_answer answer;

	message.bytes[5] = 0;
	message.length = HEADER;
	assert_int_equal(judge(&message, &any, &answer), DNS_ANSWER);
	assert_int_equal(answer.rcode, 1);
	message.bytes[3] = 0x80; /* NOERROR, to whatever */
	assert_int_equal(judge(&message, &any, &answer), DNS_OTHER);
}

static void address_is_found_behind_an_alias(void **state)
{
	struct address wanted = parse("192.0.2.7"), other = parse("192.0.2.8");
	struct message message = answer_of(0, 0, 3);
	struct dns_answer answer;

	ADD(&message, "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01"
		      "b\xc0\x10");
	ADD(&message, "\x01"
		      "b\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01");
	ADD(&message, "\xc0\x2d\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07");
	assert_int_equal(judge(&message, &wanted, &answer), DNS_ANSWER);
	assert_true(answer.holds);
	assert_int_equal(judge(&message, &other, &answer), DNS_ANSWER);
	assert_false(answer.holds);
}

static void address_of_the_other_family_is_found(void **state)
{
	struct address wanted = parse("2001:db8::7");
	struct message message;
	struct dns_answer answer;

	assert_true(dns_query_write(&query, "www.example.org", TYPE_AAAA, ID));
	message = answer_of(0, 0, 1);
	ADD(&message, "\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10\x20\x01\x0d\xb8"
		      "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07");
	assert_int_equal(judge(&message, &wanted, &answer), DNS_ANSWER);
	assert_true(answer.holds);
}

static void address_counts_in_the_answer_section_only(void **state)
{
	struct address wanted = parse("192.0.2.7");
	struct message message = answer_of(0, 0, 0);
	struct dns_answer answer;

	message.bytes[11] = 1; /* an additional record */
	ADD(&message, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07");
	assert_int_equal(judge(&message, &wanted, &answer), DNS_ANSWER);
	assert_false(answer.holds);
}

/* Each of its beginnings is judged within its bytes; a sanitizer looks on. */
static void answer_that_ends_early_is_malformed(void **state)
{
	struct address wanted = parse("192.0.2.7");
	struct message message = answer_of(0, 0, 1);
	size_t question_end = message.length, whole;
	struct dns_answer answer;

	ADD(&message, "\x01"
		      "b\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07");
	whole = message.length;
	for (message.length = 0; message.length < whole; message.length++) {
		enum dns_verdict verdict = judge(&message, &wanted, &answer);

		if (message.length < 2)
			assert_int_equal(verdict, DNS_OTHER);
		else if (message.length < HEADER || message.length >= question_end)
			assert_int_equal(verdict, DNS_MALFORMED);
		else
			assert_int_equal(verdict, DNS_OTHER);
		assert_false(answer.holds);
	}
	assert_int_equal(judge(&message, &wanted, &answer), DNS_ANSWER);
	assert_true(answer.holds);
}

static void truncated_answer_is_judged_by_what_came(void **state)
{
	struct address wanted = parse("192.0.2.7");
	struct message message = answer_of(0x02, 0, 2);
	struct dns_answer answer;

	ADD(&message, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07");
	assert_int_equal(judge(&message, &wanted, &answer), DNS_ANSWER);
	assert_true(answer.truncated && answer.holds);
	wanted = parse("192.0.2.8");
	assert_int_equal(judge(&message, &wanted, &answer), DNS_ANSWER);
	assert_true(answer.truncated && !answer.holds);
}

static void pointers_in_circles_lead_nowhere(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} names[] = {
		{ "\xc0\x21", 2 },         /* to itself */
		{ "\x01\x61\xc0\x21", 4 }, /* to the label before */
		{ "\xff\xff", 2 },         /* behind the end */
	};
	struct address wanted = parse("192.0.2.7");
	struct dns_answer answer;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct message message = answer_of(0, 0, 1);

		add(&message, names[i].bytes, names[i].length);
		ADD(&message, "\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07");
		assert_int_equal(judge(&message, &wanted, &answer), DNS_ANSWER);
		assert_true(answer.holds);
	}
}

static void lengths_that_are_none_are_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} records[] = {
		{ "\x40\x61\x00", 3 }, /* neither label nor pointer */
		{ "\x3f\x61\x00", 3 }, /* a label past the end */
		{ "\xc0", 1 },         /* half a pointer */
		{ "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\xff\xff\xc0\x00\x02\x07", 16 },
	};
	struct address wanted = parse("192.0.2.7");
	struct dns_answer answer;

	for (size_t i = 0; i < COUNT_OF(records); i++) {
		struct message message = answer_of(0, 0, 1);

		add(&message, records[i].bytes, records[i].length);
		assert_int_equal(judge(&message, &wanted, &answer), DNS_MALFORMED);
	}
}

static void record_of_another_length_has_no_address(void **state)
{
	struct address wanted = parse("192.0.2.7");
	struct message message = answer_of(0, 0, 1);
	struct dns_answer answer;

	ADD(&message, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x03\xc0\x00\x02");
	assert_int_equal(judge(&message, &wanted, &answer), DNS_ANSWER);
	assert_false(answer.holds);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, ask)
	const struct CMUnitTest tests[] = {
		TEST(query_is_as_the_standard_has_it),
		TEST(root_may_be_asked_for),
		TEST(name_is_as_long_as_it_may_be),
		TEST(rcode_is_read),
		TEST(case_of_the_question_does_not_matter),
		TEST(another_message_is_not_the_answer),
		TEST(question_may_be_missing_where_it_was_not_understood),
		TEST(address_is_found_behind_an_alias),
		TEST(address_of_the_other_family_is_found),
		TEST(address_counts_in_the_answer_section_only),
		TEST(answer_that_ends_early_is_malformed),
		TEST(truncated_answer_is_judged_by_what_came),
		TEST(pointers_in_circles_lead_nowhere),
		TEST(lengths_that_are_none_are_malformed),
		TEST(record_of_another_length_has_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
