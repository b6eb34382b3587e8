/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/certificate.h"

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S     86400
#define DATE_SIZE 16

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, "certificate has expired" },
	{ X509_V_ERR_CERT_NOT_YET_VALID, "certificate is not valid yet" },
	{ X509_V_ERR_HOSTNAME_MISMATCH, "certificate is for another name" },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, "certificate is for another address" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "certificate is self-signed" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "certificate is of an issuer that is not trusted" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "certificate is of an unknown issuer" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "certificate is of an unknown issuer" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "certificate is of an unknown issuer" },
	{ X509_V_ERR_CERT_REVOKED, "certificate is revoked" },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, "certificate has a key that is too weak" },
	{ X509_V_ERR_CA_KEY_TOO_SMALL, "certificate is of an issuer whose key is too weak" },
	{ X509_V_ERR_CA_MD_TOO_WEAK, "certificate has a signature that is too weak" },
	{ X509_V_ERR_INVALID_PURPOSE, "certificate is not one of a server" },
};

const char *certificate_error_text(int error)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return texts[i].text;
	return "certificate is not valid";
}

/* "certificate", or which one above it. */
static const char *which(int depth)
{
	return depth == 0 ? "certificate" : "certificate of its issuer";
}

/* "2026-11-02", in UTC; false: it is no date. */
static bool read_date(const ASN1_TIME *moment, char date[static DATE_SIZE], int32_t *day)
{
	struct tm fields;

	if (moment == NULL || ASN1_TIME_to_tm(moment, &fields) != 1 ||
		strftime(date, DATE_SIZE, "%F", &fields) == 0)
		return false;
	*day = (int32_t)(timegm(&fields) / DAY_S);
	return true;
}

static bool describe_expired(X509_STORE_CTX *context, struct certificate_fault *fault)
{
	X509 *certificate = X509_STORE_CTX_get_current_cert(context);
	char date[DATE_SIZE];

	if (certificate == NULL ||
		!read_date(X509_get0_notAfter(certificate), date, &fault->detail))
		return false;
	fault->reason = PROBE_EXPIRED;
	snprintf(fault->sentence, sizeof(fault->sentence), "%s expired on %s",
		which(X509_STORE_CTX_get_error_depth(context)), date);
	return true;
}

static bool describe_early(X509_STORE_CTX *context, struct certificate_fault *fault)
{
	X509 *certificate = X509_STORE_CTX_get_current_cert(context);
	char date[DATE_SIZE];
	int32_t day;

	if (certificate == NULL || !read_date(X509_get0_notBefore(certificate), date, &day))
		return false;
	snprintf(fault->sentence, sizeof(fault->sentence), "%s is not valid before %s",
		which(X509_STORE_CTX_get_error_depth(context)), date);
	return true;
}

static void describe_subject(
	const struct certificate_subject *subject, struct certificate_fault *fault)
{
	char text[ADDRESS_TEXT_SIZE];
	const char *name = subject->name;

	if (name[0] == '\0')
		name = address_format(&subject->address, text);
	snprintf(fault->sentence, sizeof(fault->sentence), "certificate is not for %.100s", name);
}

/* What OpenSSL calls it, where we have no words of our own. */
static void describe_other(int error, struct certificate_fault *fault)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error) {
			snprintf(fault->sentence, sizeof(fault->sentence), "%s", texts[i].text);
			return;
		}
	snprintf(fault->sentence, sizeof(fault->sentence), "certificate: %s",
		X509_verify_cert_error_string(error));
}

static void describe(X509_STORE_CTX *context, const struct certificate_subject *subject,
	struct certificate_fault *fault)
{
	int error = X509_STORE_CTX_get_error(context);

	fault->reason = PROBE_CERTIFICATE;
	fault->detail = error;
	if (error == X509_V_ERR_CERT_HAS_EXPIRED && describe_expired(context, fault))
		return;
	if (error == X509_V_ERR_CERT_NOT_YET_VALID && describe_early(context, fault))
		return;
	if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
		describe_subject(subject, fault);
	else
		describe_other(error, fault);
}

static int set_subject(X509_STORE_CTX *context, const struct certificate_subject *subject)
{
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

	X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (subject->name[0] != '\0')
		return X509_VERIFY_PARAM_set1_host(parameters, subject->name, 0);
	return X509_VERIFY_PARAM_set1_ip(
		parameters, subject->address.bytes, address_length(&subject->address));
}

int certificate_verify(X509_STORE_CTX *context, const struct certificate_subject *subject,
	struct certificate_fault *fault)
{
	if (set_subject(context, subject) != 1) {
		X509_STORE_CTX_set_error(context, X509_V_ERR_OUT_OF_MEM);
		fault->reason = PROBE_LOCAL;
		fault->detail = ENOMEM;
		snprintf(fault->sentence, sizeof(fault->sentence), "certificate: out of memory");
		return 0;
	}
	if (X509_verify_cert(context) == 1)
		return 1;
	if (X509_STORE_CTX_get_error(context) == X509_V_OK) /* it could not even be tried */
		X509_STORE_CTX_set_error(context, X509_V_ERR_UNSPECIFIED);
	describe(context, subject, fault);
	return 0;
}
