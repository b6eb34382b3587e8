/* SPDX-License-Identifier: BSD-3-Clause */
/* decap_host: checks what a backend needs besides the decapsulator. Changes nothing. */
#pragma once

#include <stdio.h>

#include "decap/decap_program.h"

/*
 * Writes one line for each thing that is missing, with the command that sets it: every VIP has to
 * be on an interface that does not answer ARP for it; arp_ignore and arp_announce of `interface`.
 */
void decap_host_print_hints(FILE *out, const char *interface, const struct decap_rules *rules);
