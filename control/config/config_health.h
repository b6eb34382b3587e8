/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_health: how the backends of a pool are checked: what one probe does, and how often. Read
 * once and never changed; configurations share it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "json/json_key.h"
#include "packet/address.h"

#define CONFIG_STATUS_RANGES_MAX 16
#define CONFIG_COMMAND_MAX       64
#define CONFIG_QUESTION_SIZE     254 /* of a domain name in text, with the final NUL (RFC 1035) */

enum config_health_type {
	CONFIG_HEALTH_NONE, /* told by `backend set --health` */
	CONFIG_HEALTH_TCP,
	CONFIG_HEALTH_HTTP,
	CONFIG_HEALTH_HTTPS,
	CONFIG_HEALTH_GRPC,
	CONFIG_HEALTH_UDP,
	CONFIG_HEALTH_DNS,
	CONFIG_HEALTH_ICMP,
	CONFIG_HEALTH_EXTERNAL,
	CONFIG_HEALTH_TYPE_COUNT,
};

/* The way that probes take. */
enum config_health_via {
	CONFIG_HEALTH_VIA_DEFAULT, /* as CONFIG_HEALTH_VIA_VIP where that is possible */
	CONFIG_HEALTH_VIA_VIP,     /* to the VIP, encapsulated as packets of users are */
	CONFIG_HEALTH_VIA_DIRECT,  /* to the address of the backend, by the kernel's routes */
};

enum config_health_method { CONFIG_HEALTH_GET, CONFIG_HEALTH_HEAD };
enum config_health_tls { CONFIG_HEALTH_TLS_1_2, CONFIG_HEALTH_TLS_1_3 };

/* HTTP status codes, both ends included. */
struct config_status_range {
	uint16_t first, last;
};

/* Bytes as a document writes them: a text, or hex: with two digits for each byte. */
struct config_payload {
	char *text; /* NULL: none */
	uint8_t *bytes;
	size_t length;
};

struct config_question {
	char *text;                      /* "example.org A"; NULL: none */
	char name[CONFIG_QUESTION_SIZE]; /* without a final dot; "" is the root */
	uint16_t type;                   /* QTYPE, host byte order */
};

struct config_health {
	atomic_uint references; /* owners beside the first one */
	uint64_t digest;        /* of its canonical form */

	enum config_health_type type;
	enum config_health_via via;
	uint16_t port; /* host byte order; 0: that of the service */
	uint32_t interval_ms;
	uint32_t fast_interval_ms; /* while a state is being confirmed */
	uint32_t timeout_ms;       /* at most interval_ms */
	uint32_t rise, fall;       /* results in a row */
	uint32_t jitter_percent;   /* of an interval, to either side */
	bool probe_mtu;            /* packets of the largest size must arrive, too */

	/* http, https */
	enum config_health_method method;
	char *path;
	char *host;          /* NULL: the address and port */
	char *expect_status; /* as in the document */
	struct config_status_range status_ranges[CONFIG_STATUS_RANGES_MAX];
	size_t status_range_count;
	char *expect_body;  /* NULL: any */
	bool weight_header; /* X-Load-Balancing-Endpoint-Weight is obeyed */
	bool agent;         /* words in the body, or of tcp in a line that the backend sends */

	/* https, grpc with tls */
	bool verify;
	char *sni; /* NULL: as `host`, unless that is an address */
	enum config_health_tls tls_min;
	char *ca_file; /* NULL: those that the system trusts */

	/* grpc */
	bool tls;
	char *service; /* NULL: the server as a whole */

	/* udp */
	struct config_payload send, expect;

	/* dns */
	struct config_question question;
	int rcode;
	struct address expect_answer; /* ADDRESS_NONE: any */

	/* external */
	char **command;
	size_t command_count;
	char user[CONFIG_NAME_SIZE];
};

/* The keys of `pools[].health`, whose owner is struct config_health. */
extern const struct json_key config_health_keys[];

/* A pointer to one, in its owner. */
extern const struct json_kind config_kind_health;

/* Takes a reference. NULL is allowed. Any thread. */
struct config_health *config_health_ref(struct config_health *health);

/* NULL is allowed. Any thread. */
void config_health_release(struct config_health *health);

/* Whether there is anything to probe. NULL is allowed: there is not. */
bool config_health_checks(const struct config_health *health);

/* Whether a service of that protocol is what such probes speak to. */
bool config_health_fits(const struct config_health *health, enum config_protocol protocol);

/* Whether a probe needs to know a port. */
bool config_health_needs_port(const struct config_health *health);

/*
 * By pool: the first of its services that its probes fit, whose VIP and port they are sent to, or
 * CONFIG_NO_SERVICE. To be freed by free(); NULL: no memory.
 */
#define CONFIG_NO_SERVICE SIZE_MAX
size_t *config_health_services(const struct config *config);

const char *config_health_type_name(enum config_health_type type);

/* "SERVFAIL", ...; NULL: it has no name here. */
const char *config_health_rcode_name(int rcode);
