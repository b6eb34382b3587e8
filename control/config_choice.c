/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_choice.h"

#include "affinity.h"

static const struct json_choice idles[] = {
	{ "spin", CONFIG_IDLE_SPIN },
	{ "rest", CONFIG_IDLE_REST },
	{ NULL, 0 },
};

/* CONFIG_HOST_PATH_DEFAULT has no word: the key is absent. */
static const struct json_choice host_paths[] = {
	{ "xdp", CONFIG_HOST_PATH_XDP },
	{ "copy", CONFIG_HOST_PATH_COPY },
	{ "drop", CONFIG_HOST_PATH_DROP },
	{ "tap", JSON_CHOICE_NOT_YET },
	{ "isolate", JSON_CHOICE_NOT_YET },
	{ NULL, 0 },
};

static const struct json_choice protocols[] = {
	{ "tcp", CONFIG_PROTOCOL_TCP },
	{ "udp", CONFIG_PROTOCOL_UDP },
	{ "any", JSON_CHOICE_NOT_YET },
	{ NULL, 0 },
};

static const struct json_choice forwards[] = {
	{ "l2dsr", CONFIG_FORWARD_L2DSR },
	{ "ipip", CONFIG_FORWARD_IPIP },
	{ "l3dsr", JSON_CHOICE_NOT_YET },
	{ "gre", JSON_CHOICE_NOT_YET },
	{ "gue", JSON_CHOICE_NOT_YET },
	{ "nat", JSON_CHOICE_NOT_YET },
	{ NULL, 0 },
};

static const struct json_choice states[] = {
	{ "active", CONFIG_BACKEND_ACTIVE },
	{ "drain", CONFIG_BACKEND_DRAIN },
	{ "disabled", CONFIG_BACKEND_DISABLED },
	{ NULL, 0 },
};

static const struct json_choice builders[] = {
	{ "maglev", CONFIG_BUILDER_MAGLEV },
	{ "rendezvous", CONFIG_BUILDER_RENDEZVOUS },
	{ NULL, 0 },
};

static const struct json_choice udps[] = {
	{ "pin", CONFIG_UDP_PIN },
	{ "hash", CONFIG_UDP_HASH },
	{ "quic", CONFIG_UDP_QUIC },
	{ NULL, 0 },
};

static_assert((int)CONFIG_UDP_PIN == (int)AFFINITY_UDP_PIN &&
		      (int)CONFIG_UDP_HASH == (int)AFFINITY_UDP_HASH &&
		      (int)CONFIG_UDP_QUIC == (int)AFFINITY_UDP_QUIC,
	"handed to the dataplane as they are");

int config_choice_read_idle(const struct json_place *place, void *field, struct error *error)
{
	enum config_idle *idle = field;
	int value = 0;
	int result = json_read_choice(place, idles, "spin or rest", &value, error);

	*idle = (enum config_idle)value;
	return result;
}

int config_choice_read_host_path(const struct json_place *place, void *field, struct error *error)
{
	enum config_host_path *host_path = field;
	int value = CONFIG_HOST_PATH_DEFAULT;
	int result = json_read_choice(
		place, host_paths, "a host path (xdp, copy or drop)", &value, error);

	*host_path = (enum config_host_path)value;
	return result;
}

int config_choice_read_protocol(const struct json_place *place, void *field, struct error *error)
{
	enum config_protocol *protocol = field;
	int value = 0;
	int result = json_read_choice(place, protocols, "a protocol (tcp or udp)", &value, error);

	*protocol = (enum config_protocol)value;
	return result;
}

int config_choice_read_forward(const struct json_place *place, void *field, struct error *error)
{
	enum config_forward *forward = field;
	int value = 0;
	int result = json_read_choice(
		place, forwards, "a forwarding mode (l2dsr or ipip)", &value, error);

	*forward = (enum config_forward)value;
	return result;
}

int config_choice_read_state(const struct json_place *place, void *field, struct error *error)
{
	enum config_backend_state *state = field;
	int value = 0;
	int result = json_read_choice(place, states, "active, drain or disabled", &value, error);

	*state = (enum config_backend_state)value;
	return result;
}

int config_choice_read_builder(const struct json_place *place, void *field, struct error *error)
{
	enum config_builder *builder = field;
	int value = 0;
	int result = json_read_choice(
		place, builders, "a builder (maglev or rendezvous)", &value, error);

	*builder = (enum config_builder)value;
	return result;
}

int config_choice_read_udp(const struct json_place *place, void *field, struct error *error)
{
	enum config_udp *udp = field;
	int value = 0;
	int result = json_read_choice(place, udps, "pin, hash or quic", &value, error);

	*udp = (enum config_udp)value;
	return result;
}

const char *config_idle_name(enum config_idle idle)
{
	return json_choice_name(idles, (int)idle);
}

const char *config_host_path_name(enum config_host_path host_path)
{
	const char *name = json_choice_name(host_paths, (int)host_path);

	return name != NULL ? name : "default";
}

const char *config_protocol_name(enum config_protocol protocol)
{
	return json_choice_name(protocols, (int)protocol);
}

const char *config_forward_name(enum config_forward forward)
{
	return json_choice_name(forwards, (int)forward);
}

const char *config_backend_state_name(enum config_backend_state state)
{
	return json_choice_name(states, (int)state);
}

const char *config_builder_name(enum config_builder builder)
{
	return json_choice_name(builders, (int)builder);
}

const char *config_udp_name(enum config_udp udp)
{
	return json_choice_name(udps, (int)udp);
}
