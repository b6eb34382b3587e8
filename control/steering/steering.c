/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/steering.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/events.h"
#include "base/plural.h"
#include "steer/steer.h"
#include "steering/vips_note.h"

#define NOTE_SUFFIX     ".vips"
#define RETRY_PAUSE_MAX 64 /* seconds */

/* Addresses, sorted or not, without repetition. */
struct vips {
	struct address *list;
	size_t count;
};

struct steering {
	struct port *const *ports;
	size_t port_count;
	bool is_needed; /* some port has an XDP program */
	struct former_vips former;
	struct vips_note *note;
	bool is_note_lost; /* what the previous process left could not be read, or not all of it */

	struct vips unsteered;
	unsigned int retry_pause_s; /* 0: try at once */
	unsigned int retry_in_s;
};

static int compare_vips(const void *a, const void *b)
{
	return address_compare(a, b);
}

/* The VIPs of a configuration, sorted; none for NULL. 0 or -ENOMEM. */
static int collect_vips(const struct config *config, struct vips *vips)
{
	size_t count = config == NULL ? 0 : config->service_count;

	*vips = (struct vips){ .list = calloc(count + 1, sizeof(*vips->list)) };
	if (vips->list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		vips->list[i] = config->services[i].vip;
	qsort(vips->list, count, sizeof(*vips->list), compare_vips);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !address_equal(&vips->list[i], &vips->list[i - 1]))
			vips->list[vips->count++] = vips->list[i];
	return 0;
}

/* Of both; without memory of neither. */
static int collect_both(
	const struct config *before, const struct config *after, struct vips *old, struct vips *new)
{
	if (collect_vips(before, old) != 0)
		return -ENOMEM;
	if (collect_vips(after, new) == 0)
		return 0;
	free(old->list);
	return -ENOMEM;
}

static bool has_vip(const struct vips *vips, const struct address *vip)
{
	return vips->count > 0 &&
	       bsearch(vip, vips->list, vips->count, sizeof(*vip), compare_vips) != NULL;
}

typedef int steer_change_t(struct steer *steer, const uint8_t bytes[static 16], uint8_t family);

/* On all ports. 0, or the last failure. */
static int change_vip(
	const struct steering *steering, const struct address *vip, steer_change_t *change)
{
	int result = 0;

	for (size_t i = 0; i < steering->port_count; i++) {
		struct steer *steer = port_steer(steering->ports[i]);
		int code = steer == NULL ? 0 : change(steer, vip->bytes, vip->family);

		if (code != 0)
			result = code;
	}
	return result;
}

static void publish_former(const struct former_vip *former, const char *what)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(&former->vip, text);
	events_publish(EVENT(STEERING, INFO, VIP, text), "%s %s", text, what);
}

/* The maps of the loop filter have to hold the VIPs in use as well. */
static void limit_former(struct steering *steering, size_t in_use)
{
	size_t room = in_use < STEER_VIPS_MAX ? STEER_VIPS_MAX - in_use : 0;
	size_t most = room < FORMER_VIPS_MAX ? room : FORMER_VIPS_MAX;
	size_t more = steering->former.count > most ? steering->former.count - most : 0;
	char text[ADDRESS_TEXT_SIZE];

	if (more == 0)
		return;
	events_publish(EVENT(STEERING, WARNING, NODE, NULL),
		"the %zu oldest former VIP%s (%s first) %s filtered no longer: too many have ceased "
		"to be VIPs since",
		more, plural(more), address_format(&steering->former.list[0].vip, text),
		more == 1 ? "is" : "are");
	for (size_t i = 0; i < more; i++)
		change_vip(steering, &steering->former.list[i].vip, steer_release);
	former_vips_drop_oldest(&steering->former, more);
}

static bool has_steer(struct port *const *ports, size_t port_count)
{
	for (size_t i = 0; i < port_count; i++)
		if (port_steer(ports[i]) != NULL)
			return true;
	return false;
}

static struct vips_note *create_note(const char *state_file, struct background *disk, char **path)
{
	struct vips_note *note;

	if (asprintf(path, "%s" NOTE_SUFFIX, state_file) < 0)
		return NULL;
	note = vips_note_create(*path, disk);
	if (note == NULL)
		free(*path);
	return note;
}

struct steering *steering_create(struct port *const *ports, size_t port_count,
	const char *state_file, struct background *disk)
{
	struct steering *steering = calloc(1, sizeof(*steering));
	struct error error = { "" };
	char *path;

	if (steering == NULL || (steering->note = create_note(state_file, disk, &path)) == NULL) {
		free(steering);
		return NULL;
	}
	steering->ports = ports;
	steering->port_count = port_count;
	steering->is_needed = has_steer(ports, port_count);
	if (steering->is_needed &&
		former_vips_load(&steering->former, path, time(NULL), &error) != 0) {
		events_publish(EVENT(STEERING, WARNING, NODE, NULL),
			"former VIPs are not known: %s", error.message);
		steering->is_note_lost = true;
	}
	free(path);
	return steering;
}

bool steering_is_note_lost(const struct steering *steering)
{
	return steering->is_note_lost;
}

void steering_begin(struct steering *steering)
{
	if (!steering->is_needed)
		vips_note_forget(steering->note);
}

void steering_destroy(struct steering *steering)
{
	if (steering == NULL)
		return;
	vips_note_destroy(steering->note);
	former_vips_fini(&steering->former);
	free(steering->unsteered.list);
	free(steering);
}

static void withdraw(const struct steering *steering, const struct address *vip)
{
	char text[ADDRESS_TEXT_SIZE];
	int code = change_vip(steering, vip, steer_remove);

	address_format(vip, text);
	if (code != 0 && code != -ENOENT)
		events_publish(EVENT(STEERING, ERROR, VIP, text), "cannot stop steering VIP %s: %s",
			text, strerror(-code));
}

/* Removes from `old` those that are in `new`. */
static void subtract(struct vips *old, const struct vips *new)
{
	size_t left = 0;

	for (size_t i = 0; i < old->count; i++)
		if (!has_vip(new, &old->list[i]))
			old->list[left++] = old->list[i];
	old->count = left;
}

void steering_withdraw(
	struct steering *steering, const struct config *before, const struct config *after)
{
	struct vips old, new;

	if (!steering->is_needed)
		return;
	if (collect_both(before, after, &old, &new) != 0) {
		events_publish(EVENT(STEERING, ERROR, NODE, NULL),
			"out of memory: VIPs that are gone stay steered to the workers");
		return;
	}
	subtract(&old, &new);
	for (size_t i = 0; i < old.count; i++)
		withdraw(steering, &old.list[i]);
	if (former_vips_extend(&steering->former, old.list, old.count, time(NULL)) != 0) {
		events_publish(EVENT(STEERING, ERROR, NODE, NULL),
			"out of memory: packets to VIPs that are gone are not filtered");
		for (size_t i = 0; i < old.count; i++)
			change_vip(steering, &old.list[i], steer_release);
	}
	free(old.list);
	free(new.list);
}

static void publish_unsteered(const struct address *vip, int code)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(vip, text);
	events_publish(EVENT(STEERING, ERROR, VIP, text),
		"VIP %s cannot be steered to the workers: %s", text, strerror(-code));
}

/* Adds the VIPs of `vips` that are not in `others` to the maps, and keeps the rest. */
static void extend(struct steering *steering, const struct vips *vips, const struct vips *others)
{
	struct vips failed = { .list = calloc(vips->count + 1, sizeof(struct address)) };
	char text[ADDRESS_TEXT_SIZE];
	int failure = 0;

	for (size_t i = 0; i < vips->count; i++) {
		int code = has_vip(others, &vips->list[i])
				   ? 0
				   : change_vip(steering, &vips->list[i], steer_add);

		if (code != 0 && failed.list == NULL)
			publish_unsteered(&vips->list[i], code);
		if (code == 0 || failed.list == NULL)
			continue;
		failure = code;
		failed.list[failed.count++] = vips->list[i];
	}
	if (failed.count > steering->unsteered.count)
		events_publish(EVENT(STEERING, ERROR, NODE, NULL),
			"%zu VIP%s cannot be steered to the workers, the last is %s: %s",
			failed.count, plural(failed.count),
			address_format(&failed.list[failed.count - 1], text), strerror(-failure));
	else if (failed.count == 0 && steering->unsteered.count > 0)
		events_publish(EVENT(STEERING, INFO, NODE, NULL),
			"all VIPs are steered to the workers again");
	free(steering->unsteered.list);
	steering->unsteered = failed;
}

/* Without memory for lists. Adding a VIP again does no harm. */
static void extend_unlisted(const struct steering *steering, const struct config *config)
{
	for (size_t i = 0; i < config->service_count; i++) {
		const struct address *vip = &config->services[i].vip;
		int code = change_vip(steering, vip, steer_add);

		if (code != 0)
			publish_unsteered(vip, code);
	}
}

/* VIPs that could not be steered so far are tried again with every new configuration. */
void steering_extend(
	struct steering *steering, const struct config *before, const struct config *after)
{
	struct vips old, new, known = { 0 };

	if (!steering->is_needed)
		return;
	if (collect_both(before, after, &old, &new) != 0) {
		extend_unlisted(steering, after);
		return;
	}
	former_vips_subtract(&steering->former, new.list, new.count);
	limit_former(steering, new.count);
	for (size_t i = 0; before == NULL && i < steering->former.count; i++)
		change_vip(steering, &steering->former.list[i].vip, steer_add_former);
	extend(steering, &new, steering->unsteered.count == 0 ? &old : &known);
	steering->retry_pause_s = steering->retry_in_s = 0;
	vips_note_update(steering->note, &steering->former, new.list, new.count);
	free(old.list);
	free(new.list);
}

size_t steering_unsteered(const struct steering *steering)
{
	return steering->unsteered.count;
}

void steering_retry(struct steering *steering)
{
	const struct vips none = { 0 };
	struct vips again = steering->unsteered;

	if (again.count == 0 || steering->retry_in_s-- > 0)
		return;
	steering->unsteered = (struct vips){ .count = again.count };
	extend(steering, &again, &none);
	free(again.list);
	steering->retry_pause_s = steering->retry_pause_s == 0 ? 1 : 2 * steering->retry_pause_s;
	if (steering->retry_pause_s > RETRY_PAUSE_MAX)
		steering->retry_pause_s = RETRY_PAUSE_MAX;
	steering->retry_in_s = steering->retry_pause_s;
}

size_t steering_former_count(const struct steering *steering)
{
	return steering->former.count;
}

const struct former_vip *steering_former(const struct steering *steering, size_t index)
{
	return &steering->former.list[index];
}

uint64_t steering_former_drops(const struct steering *steering, size_t index)
{
	const struct address *vip = &steering->former.list[index].vip;
	uint64_t sum = 0;

	for (size_t i = 0; i < steering->port_count; i++) {
		const struct steer *steer = port_steer(steering->ports[i]);
		uint64_t drops;

		if (steer != NULL && steer_drops_of(steer, vip->bytes, vip->family, &drops) == 0)
			sum += drops;
	}
	return sum;
}

int steering_release(
	struct steering *steering, const struct address *vip, const struct config *config)
{
	int index = former_vips_find(&steering->former, vip);
	struct vips in_use;

	if (index < 0)
		return index;
	publish_former(&steering->former.list[index], "is filtered no longer, on request");
	change_vip(steering, &steering->former.list[index].vip, steer_release);
	former_vips_remove(&steering->former, (size_t)index);
	if (collect_vips(config, &in_use) == 0)
		vips_note_update(steering->note, &steering->former, in_use.list, in_use.count);
	free(in_use.list);
	return 0;
}
