/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_choice.h"

#include "affinity/affinity.h"

const struct json_choice config_choice_idles[] = {
	{ "spin", CONFIG_IDLE_SPIN },
	{ "rest", CONFIG_IDLE_REST },
	{ NULL, 0 },
};

/* CONFIG_HOST_PATH_DEFAULT has no word: the key is absent. */
const struct json_choice config_choice_host_paths[] = {
	{ "xdp", CONFIG_HOST_PATH_XDP },
	{ "copy", CONFIG_HOST_PATH_COPY },
	{ "drop", CONFIG_HOST_PATH_DROP },
	{ "tap", JSON_CHOICE_NOT_YET },
	{ "isolate", JSON_CHOICE_NOT_YET },
	{ NULL, 0 },
};

const struct json_choice config_choice_protocols[] = {
	{ "tcp", CONFIG_PROTOCOL_TCP },
	{ "udp", CONFIG_PROTOCOL_UDP },
	{ "any", JSON_CHOICE_NOT_YET },
	{ NULL, 0 },
};

const struct json_choice config_choice_forwards[] = {
	{ "l2dsr", CONFIG_FORWARD_L2DSR },
	{ "ipip", CONFIG_FORWARD_IPIP },
	{ "l3dsr", JSON_CHOICE_NOT_YET },
	{ "gre", JSON_CHOICE_NOT_YET },
	{ "gue", JSON_CHOICE_NOT_YET },
	{ "nat", JSON_CHOICE_NOT_YET },
	{ NULL, 0 },
};

const struct json_choice config_choice_states[] = {
	{ "active", CONFIG_BACKEND_ACTIVE },
	{ "drain", CONFIG_BACKEND_DRAIN },
	{ "disabled", CONFIG_BACKEND_DISABLED },
	{ NULL, 0 },
};

const struct json_choice config_choice_builders[] = {
	{ "maglev", CONFIG_BUILDER_MAGLEV },
	{ "rendezvous", CONFIG_BUILDER_RENDEZVOUS },
	{ NULL, 0 },
};

const struct json_choice config_choice_udps[] = {
	{ "pin", CONFIG_UDP_PIN },
	{ "hash", CONFIG_UDP_HASH },
	{ "quic", CONFIG_UDP_QUIC },
	{ NULL, 0 },
};

const struct json_choice config_choice_all_downs[] = {
	{ "all", CONFIG_ALL_DOWN_ALL },
	{ "drop", CONFIG_ALL_DOWN_DROP },
	{ "withdraw", CONFIG_ALL_DOWN_WITHDRAW },
	{ NULL, 0 },
};

const struct json_choice config_choice_flows[] = {
	{ "keep", CONFIG_FLOWS_KEEP },
	{ "move", CONFIG_FLOWS_MOVE },
	{ NULL, 0 },
};

const struct json_choice config_choice_zone_states[] = {
	{ "active", CONFIG_ZONE_ACTIVE },
	{ "drain", CONFIG_ZONE_DRAIN },
	{ NULL, 0 },
};

const struct json_choice config_choice_families[] = {
	{ "ipv4", ADDRESS_IPV4 },
	{ "ipv6", ADDRESS_IPV6 },
	{ NULL, 0 },
};

static_assert((int)CONFIG_UDP_PIN == (int)AFFINITY_UDP_PIN &&
		      (int)CONFIG_UDP_HASH == (int)AFFINITY_UDP_HASH &&
		      (int)CONFIG_UDP_QUIC == (int)AFFINITY_UDP_QUIC,
	"handed to the dataplane as they are");

const char *config_host_path_name(enum config_host_path host_path)
{
	const char *name = json_choice_name(config_choice_host_paths, (int)host_path);

	return name != NULL ? name : "default";
}

const char *config_protocol_name(enum config_protocol protocol)
{
	return json_choice_name(config_choice_protocols, (int)protocol);
}

const char *config_forward_name(enum config_forward forward)
{
	return json_choice_name(config_choice_forwards, (int)forward);
}

const char *config_backend_state_name(enum config_backend_state state)
{
	return json_choice_name(config_choice_states, (int)state);
}

const char *config_builder_name(enum config_builder builder)
{
	return json_choice_name(config_choice_builders, (int)builder);
}

const char *config_all_down_name(enum config_all_down all_down)
{
	return json_choice_name(config_choice_all_downs, (int)all_down);
}

const char *config_flows_name(enum config_flows flows)
{
	return json_choice_name(config_choice_flows, (int)flows);
}

const char *config_zone_state_name(enum config_zone_state state)
{
	return json_choice_name(config_choice_zone_states, (int)state);
}

const char *config_udp_name(enum config_udp udp)
{
	return json_choice_name(config_choice_udps, (int)udp);
}
