/* SPDX-License-Identifier: BSD-3-Clause */
/* certificate: what is wrong with the certificate of a backend. Any thread. */
#pragma once

#include <openssl/x509.h>

#include "packet/address.h"
#include "probes/probe_reason.h"

#define CERTIFICATE_NAME_SIZE 256

/* Who a certificate must be for. */
struct certificate_subject {
	char name[CERTIFICATE_NAME_SIZE]; /* a DNS name; "": the address */
	struct address address;
};

struct certificate_fault {
	enum probe_reason reason; /* PROBE_NONE: there is none */
	int32_t detail;
	char sentence[PROBE_SENTENCE_SIZE]; /* with bytes of the peer: not clean */
};

/*
 * Verifies the chain of `context`, as X509_verify_cert() does, and that its first certificate is
 * for `subject`. Returns 1, or 0 with the fault.
 */
int certificate_verify(X509_STORE_CTX *context, const struct certificate_subject *subject,
	struct certificate_fault *fault);

/*
 * A sentence for X509_V_ERR_... of OpenSSL, without names and dates: "certificate is self-signed".
 * Any number is allowed.
 */
const char *certificate_error_text(int error);
