/* SPDX-License-Identifier: BSD-3-Clause */
/* probe_text: makes one printable line of what may contain a peer's bytes. Any thread. */
#pragma once

/*
 * Replaces by '?' each byte of `text` that is a control character or not of valid UTF-8 (RFC 3629).
 * A character that is cut off at the end is removed.
 */
void probe_text_clean(char *text);
