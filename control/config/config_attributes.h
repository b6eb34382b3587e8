/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_attributes: copies owner, rights and extended attributes of a file to the one that
 * replaces it.
 */
#pragma once

/*
 * Copies owner, group and mode, or fails with -errno; then the extended attributes (ACL, security
 * label, the user's own) as far as the file system and our rights allow it. Descriptors.
 */
int config_attributes_copy(int from, int to);
