/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decap_maps: what the BPF programs (decap.bpf.c) and their user (decap.c) share. Uses only the
 * kernel's own types.
 */
#pragma once

#include <linux/types.h>

/* Names of the programs and their maps. The kernel cuts names to 15 characters. */
#define DECAP_XDP_NAME      "sluice_decap"
#define DECAP_TC_NAME       "sluice_decap_tc"
#define DECAP_CONFIG_NAME   "decap_config"
#define DECAP_SOURCES_NAME  "decap_sources"
#define DECAP_VIPS_NAME     "decap_vips"
#define DECAP_LOCALS_NAME   "decap_locals"
#define DECAP_VERDICTS_NAME "decap_verdicts"

#define DECAP_SOURCES_MAX 256
#define DECAP_VIPS_MAX    1024
#define DECAP_LOCALS_MAX  64

/*
 * X(NAME, name in JSON, what happened): every frame gets exactly one. The first three pass, and
 * with `pass_unknown` also those for unknown addresses; the others are dropped. Packets that the
 * kernel merged before tc (GRO) count as one.
 */
#define DECAP_VERDICT_TABLE(X)                                                                \
	X(DECAPSULATED, decapsulated, "taken out of its tunnel and given to this host")       \
	X(NOT_TUNNEL, not_tunnel, "no tunnel traffic: passed untouched")                      \
	X(OTHER_HOST, other_host, "tunnel traffic for another MAC address: passed untouched") \
	X(MALFORMED, malformed, "a header field that contradicts its protocol, or options")   \
	X(TRUNCATED, truncated, "shorter than its headers say")                               \
	X(CHECKSUM, checksum, "the checksum of the outer IPv4 header is wrong")               \
	X(FRAGMENT, fragment, "a piece of a tunnel packet: the MTU on its way is too small")  \
	X(UNKNOWN_LOCAL, unknown_local, "the outer destination is none of the configured")    \
	X(UNKNOWN_SOURCE, unknown_source, "the outer source is none of the configured")       \
	X(UNKNOWN_VIP, unknown_vip, "the inner destination is none of the configured")        \
	X(ECN, ecn, "met congestion, but the inner packet cannot say so (RFC 6040)")          \
	X(NOT_STRIPPED, not_stripped, "the kernel would not show the headers or strip one")

enum decap_verdict {
#define DECAP_VERDICT_ENUM(upper, lower, text) DECAP_VERDICT_##upper,
	DECAP_VERDICT_TABLE(DECAP_VERDICT_ENUM)
#undef DECAP_VERDICT_ENUM
		DECAP_VERDICT_COUNT,
	DECAP_VERDICT_NEXT = DECAP_VERDICT_COUNT, /* undecided: go on to the next step */
};

/* Key of `decap_vips` and `decap_locals`. No padding: the kernel compares every byte. */
struct decap_address {
	__u32 family;   /* 4 or 6 */
	__u8 bytes[16]; /* network byte order; IPv4 in the first four, the rest zero */
};

/* Key of `decap_sources`: a prefix matches the family first, then the address. */
struct decap_prefix {
	__u32 bits; /* length of the prefix, including those of the family */
	struct decap_address address;
};

#define DECAP_FAMILY_BITS 32
#define DECAP_PREFIX_BITS (8 * sizeof(struct decap_address)) /* of a whole IPv6 address */

#define DECAP_MAGIC   0x736c756963656463ULL
#define DECAP_VERSION 2 /* of the maps; a program of another version can be replaced, not shown */

/* The one element of `decap_config`; the magic marks our programs. */
struct decap_config {
	__u64 magic;
	__u32 version;
	__u32 locals;      /* in `decap_locals`; 0: any outer destination is allowed */
	__u8 mac[6];       /* of the interface */
	__u8 pass_unknown; /* 1: packets from or for an unknown address go to the host */
	__u8 pad;
};
