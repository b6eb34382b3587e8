/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steering: keeps the VIPs that XDP programs send to the workers in step with the services. A VIP
 * is removed from the maps before its table is, and added after its table: a packet never reaches a
 * worker that does not know its VIP. Packets to a removed VIP are filtered (steer.h), and it is
 * listed as a former one. Without an AF_XDP port there is nothing to do. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/background.h"
#include "config/config.h"
#include "steering/former_vips.h"
#include "port.h"

struct steering;

/*
 * For these ports, which are borrowed. The former VIPs of the previous process are read from a file
 * beside `state_file`; where that fails, there are none, which is logged. `disk` writes that file
 * (borrowed). NULL for no memory.
 */
struct steering *steering_create(struct port *const *ports, size_t port_count,
	const char *state_file, struct background *disk);

void steering_destroy(struct steering *steering); /* NULL is allowed */

/*
 * To be called before and after the commit of `after` over `before` (NULL for none yet). A VIP that
 * could not be set on some port is logged, counted as unsteered and tried again. Without memory
 * removed VIPs stay steered, and their packets find no service; new ones are steered.
 */
void steering_withdraw(
	struct steering *steering, const struct config *before, const struct config *after);
void steering_extend(
	struct steering *steering, const struct config *before, const struct config *after);

/*
 * The start has succeeded. Where no port has an XDP program, the file of former VIPs is not kept up
 * to date any more, and it is removed; a start that fails leaves it to the next one.
 */
void steering_begin(struct steering *steering);

/* VIPs in use that some XDP program does not know: their packets go to the kernel. */
size_t steering_unsteered(const struct steering *steering);

/* Once a second: tries those again, less and less often while it fails. */
void steering_retry(struct steering *steering);

/*
 * Whether the file of former VIPs could not be read at the start, or not whole: VIPs that left the
 * configuration before are perhaps not filtered.
 */
bool steering_is_note_lost(const struct steering *steering);

/* Former VIPs whose packets are still filtered, the oldest first. */
size_t steering_former_count(const struct steering *steering);
const struct former_vip *steering_former(const struct steering *steering, size_t index);

/* Packets to it that all ports have dropped since it was first a VIP of this process. */
uint64_t steering_former_drops(const struct steering *steering, size_t index);

/*
 * Filters packets to a former VIP no longer. -ENOENT where it is none. `config` is that in force.
 */
int steering_release(
	struct steering *steering, const struct address *vip, const struct config *config);
