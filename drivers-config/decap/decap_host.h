/* SPDX-License-Identifier: BSD-3-Clause */
/* decap_host: what a backend needs beside the decapsulator. Looked up, never changed. */
#pragma once

#include <stdio.h>

#include "decap/decap_program.h"

/*
 * Writes one line for each thing that is missing, with the command that would mend it: every VIP on
 * an interface that does not answer ARP for it, arp_ignore and arp_announce for `interface`.
 */
void decap_host_print_hints(FILE *out, const char *interface, const struct decap_rules *rules);
