/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * in_force: the configuration in force, and the one change to it that is being prepared. The event
 * loop's thread. The work thread may read it during an edit, because nothing is committed then.
 */
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "config/config_digest.h"
#include "forwarding/forwarding.h"
#include "impact/impact.h"
#include "plan/plan.h"
#include "steering/steering.h"

struct in_force {
	struct forwarding *forwarding; /* borrowed */
	struct steering *steering;
	struct config *config;
	struct config_digest digest;      /* of `config` */
	struct forwarding_change *change; /* being prepared, or NULL */
	struct impact *impact;            /* of that change */
};

/*
 * Puts `config` in force, and takes over `config` and `steering`. On failure, -errno with the
 * sentence, both are still the caller's and nothing is to be cleaned up.
 */
int in_force_init(struct in_force *in_force, struct forwarding *forwarding, struct config *config,
	struct steering *steering, struct error *error);
void in_force_fini(struct in_force *in_force);

/* Gives up the change that is being prepared, if there is one. */
void in_force_abort(struct in_force *in_force);

/* Finds whose connections the change breaks, while the live tables are still the old ones. */
int in_force_find_losses(struct in_force *in_force, struct error *error);

/* Whether the change to `config` moves no more than is allowed without force: 0, or -errno. */
int in_force_check_moves(
	const struct in_force *in_force, const struct config *config, struct error *error);

/*
 * Makes `config`, for which the change was prepared, the one in force. The old configuration and
 * plan become the caller's. The impact stays until in_force_forget_impact().
 */
void in_force_commit(struct in_force *in_force, struct config *config, struct config_digest digest,
	struct config **old_config, struct plan **old_plan);
void in_force_forget_impact(struct in_force *in_force);
