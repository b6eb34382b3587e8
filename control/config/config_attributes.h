/* SPDX-License-Identifier: BSD-3-Clause */
/* config_attributes: who may do what with a file, handed on to the one that takes its place. */
#pragma once

/*
 * Copies owner, group and mode, or fails with -errno; then the extended attributes (ACL, security
 * label, the user's own) as far as the file system and our rights allow it. Descriptors.
 */
int config_attributes_copy(int from, int to);
