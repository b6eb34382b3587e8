# SPDX-License-Identifier: BSD-3-Clause
"""What rpc.discover says of the methods, held against what the control socket accepts and refuses."""
import jsonschema

from lib import frames
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import backend, service
from lib.worlds import world

NEW_BACKEND = backend("web-9", "10.2.0.29")
NOT_FOUND = -32001
CLIENT = {"source": "10.1.0.99", "source_port": 4000, "destination": frames.VIP[4],
          "destination_port": 80}

# Calls that are granted, for each method; what changes things is tried dry. CONFIG stands for the
# configuration in use.
CONFIG = object()
GRANTED = {
    "status": [{}],
    "config.get": [{}, {"revision": True}],
    "config.save": [{"overwrite": True}],
    "config.apply": [{"config": CONFIG, "now": True, "overwrite": True},
                     {"config": CONFIG, "deadline_s": 60, "volatile": True, "force": True}],
    "config.reload": [{"force": True}],
    "service.list": [{}],
    "service.add": [{"service": service("more", "203.0.113.77", 80)}],
    "service.set": [{"name": "www", "vip": "203.0.113.78", "protocol": "udp", "port": "any",
                     "pool": "web", "forward": "ipip", "udp": "hash", "force": True},
                    {"name": "www", "pools": [{"pool": "web", "weight": 3}],
                     "split": [{"family": "ipv6", "pool": "web"}], "force": True}],
    "service.remove": [{"name": "dns", "volatile": True}],
    "vip.release": [{"vip": "203.0.113.79"}],
    "pool.list": [{}],
    "pool.add": [{"pool": {"name": "more"}}],
    "pool.remove": [{"name": "idle"}],
    "backend.list": [{}, {"pool": "web"}],
    "backend.add": [{"pool": "web", "backend": NEW_BACKEND}],
    "backend.set": [{"pool": "web", "name": "web-1", "weight": 50, "state": "drain",
                     "deadline_s": 60},
                    {"pool": "web", "name": "web-1", "health": "up", "instance": "7f3a",
                     "weight_percent": 50, "force": True}],
    "backend.remove": [{"pool": "web", "name": "web-1", "now": True},
                       {"pool": "web", "name": "web-1", "deadline_s": 60}],
    "health.list": [{}, {"pool": "web", "problems": True}],
    "zone.drain": [{"name": "ams1", "force": True}],
    "zone.restore": [{"name": "ams1"}],
    "zone.rehearse": [{"name": "ams1"}],
    "pins.list": [{}],
    "explain": [{**CLIENT, "protocol": "udp", "length": 100, "icmp_error": True}],
    "stats.get": [{}],
    "events.list": [{"since": 1, "limit": 10000, "kinds": ["node", "health"], "level": "warning",
                     "name": "web/web-1"}],
    "events.subscribe": [{"since": 1, "epoch": "0" * 16, "last": 0, "kinds": ["node", "health"],
                          "level": "warning", "name": "no such name"}],
    "rpc.discover": [{}],
}

# One of each type, and some at the edge: where the schema refuses one, so must the socket.
STRANGE = [None, 0.5, -1, 10 ** 9, "", "no such word", [], [1], {}, {"no": "such key"}, True]


def discover(rig, question):
    """What question(daemon, methods by name) returns; there is a pool that no service uses."""
    setting = world()
    setting["pools"].append({"name": "idle", "slots": 251, "backends": []})
    setting["pools"][0]["backends"][-1]["zone"] = "ams1"

    def ask(daemon):
        document = daemon.call("rpc.discover")
        return question(daemon, {method["name"]: method for method in document["methods"]})

    return rig.run([], ask=ask, **setting).asked


def examples(daemon, methods, name):
    """Its granted calls, dry where it can be; the first with all that changes can be told."""
    configuration = daemon.call("config.get", revision=True)
    known = {param["name"] for param in methods[name]["params"]}
    for number, call in enumerate(GRANTED[name]):
        call = {key: configuration["config"] if value is CONFIG else value
                for key, value in call.items()}
        if "dry_run" in known:
            call["dry_run"] = True
        if number == 0:
            terms = {"force": True, "volatile": "overwrite" not in call,
                     "if_revision": configuration["revision"]}
            call.update({key: value for key, value in terms.items() if key in known})
        yield call


def schemas(method):
    return {param["name"]: param["schema"] for param in method["params"]}


def accepts(schema, value):
    return jsonschema.Draft202012Validator(schema).is_valid(value)


@case
def the_methods_that_are_discovered_are_all_that_there_are(rig):
    def question(daemon, methods):
        return list(methods.values()), list(methods), daemon.refused("no.such.method"), \
            daemon.call_as_reader("rpc.discover")

    described, names, refused, told = discover(rig, question)
    require_equal(refused.split("there are ")[-1].split(", "), names, "methods")
    require_equal(sorted(names), sorted(GRANTED), "methods that this test has a call for")
    require_equal(told["methods"], described, "what a reader is told")
    require(told["openrpc"].startswith("1."), told["openrpc"])
    for method in described:
        require(method["summary"].endswith("."), f"{method['name']} has no sentence")
        for param in method["params"]:
            what = f"{method['name']} {param['name']}"
            require(param["summary"].endswith("."), f"{what} has no sentence")
            jsonschema.Draft202012Validator.check_schema(param["schema"])


@case
def calls_that_fit_what_is_discovered_are_granted(rig):
    def question(daemon, methods):
        for name, method in methods.items():
            known, used = schemas(method), set()
            for call in examples(daemon, methods, name):
                for key, value in call.items():
                    require(key in known, f"{name} has no {key}")
                    require(accepts(known[key], value), f"the schema of {name} {key}: {value}")
                if "if_revision" in call:  # an earlier update may have changed it
                    call["if_revision"] = daemon.call("config.get", revision=True)["revision"]
                answer = daemon.ask(name, call)
                if name == "events.subscribe":  # a connection for this alone
                    daemon.hang_up()
                granted = "result" in answer or (
                    name == "vip.release" and answer["error"]["code"] == NOT_FOUND)
                require(granted, f"{name} {call}: {answer}")
                used |= set(call)
                kind = {"object": dict, "array": list}[method["result"]["schema"]["type"]]
                require(isinstance(answer.get("result", {}), kind), f"{name} answers {answer}")
            require_equal(sorted(used), sorted(known), f"parameters of {name} that are tried")

    discover(rig, question)


@case
def calls_that_do_not_fit_are_refused_and_named(rig):
    def question(daemon, methods):
        for name, method in methods.items():
            call = next(examples(daemon, methods, name))
            refused = daemon.refused(name, **call, zzzz=1)
            require_equal(refused, "zzzz: unknown key", f"{name} with a key too much")
            for param in method["params"]:
                judge_param(daemon, name, call, param)

    discover(rig, question)


def judge_param(daemon, name, call, param):
    """Without it, misspelt, and with strange values."""
    key, others = param["name"], {**call}
    others.pop(param["name"], None)
    if param["required"]:
        require_equal(daemon.refused(name, **others), f"{key}: missing", f"{name} without {key}")
    wrong = f"{key}x"
    require_equal(daemon.refused(name, **call, **{wrong: 1}),
                  f"{wrong}: unknown key (did you mean \"{key}\"?)", f"{name} with {wrong}")
    for value in STRANGE:
        if not accepts(param["schema"], value):
            refused = daemon.refused(name, **{**call, key: value})
            require(key in refused or is_of_configuration(refused), f"{name} {key}: {refused}")


def is_of_configuration(sentence):
    """It names a place in the configuration as it would be."""
    return sentence.split(":")[0].split("[")[0].split(".")[0] in (
        "document", "pools", "services", "node", "dataplane", "no")
