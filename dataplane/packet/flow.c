/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/flow.h"

void flow_secret_generate(struct flow_secret *secret, const uint8_t key[static FLOW_HASH_KEY_SIZE])
{
	XXH_errorcode code =
		XXH3_generateSecret(secret->bytes, sizeof(secret->bytes), key, FLOW_HASH_KEY_SIZE);

	assert(code == XXH_OK); /* it only refuses a NULL or too small a secret */
	(void)code;
}
