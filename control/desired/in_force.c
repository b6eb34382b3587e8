/* SPDX-License-Identifier: BSD-3-Clause */
#include "desired/in_force.h"

#include <errno.h>
#include <stddef.h>

#include "impact/plan_compare.h"

int in_force_init(struct in_force *in_force, struct forwarding *forwarding, struct config *config,
	struct steering *steering, struct error *error)
{
	static const struct live_terms terms = { .force = true };
	struct config *no_config;
	struct plan *no_plan;

	*in_force = (struct in_force){
		.forwarding = forwarding,
		.steering = steering,
		.change = forwarding_prepare(forwarding, config, &terms, error),
	};
	if (in_force->change == NULL)
		return -EINVAL;
	in_force_commit(in_force, config, config_digest_of(config), &no_config, &no_plan);
	plan_destroy(no_plan);
	return 0;
}

void in_force_fini(struct in_force *in_force)
{
	config_destroy(in_force->config);
	steering_destroy(in_force->steering);
}

void in_force_forget_impact(struct in_force *in_force)
{
	impact_destroy(in_force->impact);
	in_force->impact = NULL;
}

void in_force_abort(struct in_force *in_force)
{
	if (in_force->change != NULL)
		forwarding_abort(in_force->forwarding, in_force->change);
	in_force->change = NULL;
	in_force_forget_impact(in_force);
}

int in_force_find_losses(struct in_force *in_force, struct error *error)
{
	in_force->impact = forwarding_find_losses(in_force->forwarding, in_force->change);
	return in_force->impact == NULL ? error_set(error, -ENOMEM, "out of memory") : 0;
}

int in_force_check_moves(
	const struct in_force *in_force, const struct config *config, struct error *error)
{
	const struct plan *before = forwarding_plan(in_force->forwarding);
	const struct plan *after = forwarding_change_plan(in_force->change);
	int code = impact_check(in_force->impact, error);

	if (code == 0)
		code = plan_check_services(in_force->config, config, before, after, error);
	if (code == 0)
		code = plan_check(config, before, after, in_force->impact, error);
	return code;
}

void in_force_commit(struct in_force *in_force, struct config *config, struct config_digest digest,
	struct config **old_config, struct plan **old_plan)
{
	steering_withdraw(in_force->steering, in_force->config, config);
	*old_plan = forwarding_take_plan(in_force->forwarding);
	forwarding_commit(in_force->forwarding, in_force->change);
	steering_extend(in_force->steering, in_force->config, config);
	*old_config = in_force->config;
	in_force->config = config;
	in_force->digest = digest;
	in_force->change = NULL;
}
