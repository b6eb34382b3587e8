/* SPDX-License-Identifier: BSD-3-Clause */
/* exchange_failure: what a failure of libcurl says of the backend, in words of probes. */
#pragma once

#include <curl/curl.h>

struct exchange;

/* Sets the result of the exchange's probe, unless there is one. */
void exchange_fail(struct exchange *exchange, CURLcode code);
