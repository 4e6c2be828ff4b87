/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parameters given for one device, as text, and the device that runs with them.
 */
#ifndef NVMEV_PARAM_SET_H
#define NVMEV_PARAM_SET_H

#include <linux/mutex.h>

#include "settings.h"

struct nvmev_host;

struct nvmev_param_set {
	const char *name; /* of the device; the owner's */
	struct mutex lock; /* guards what follows */
	char *texts[NVMEV_NR_PARAMS]; /* as given to make the device, or NULL */
	char *changed[NVMEV_NR_PARAMS]; /* as given since then, or NULL: goes with the device */
	struct nvmev_host *host; /* while the device is there, or NULL */
};

/* All functions may sleep; those that fail have told why in the log. */

/* Nothing is given, and no device is there. The name stays the owner's. */
void nvmev_param_set_init(struct nvmev_param_set *set, const char *name);

/* Forgets the texts. No device is there. */
void nvmev_param_set_exit(struct nvmev_param_set *set);

/* Takes a text for what nvmev_param_set_start() will read, whatever it is. 0 or -ENOMEM. */
int nvmev_param_set_keep(struct nvmev_param_set *set, enum nvmev_param_id id, const char *text);

/*
 * The same with a text that has been checked by itself; an empty one takes back what was given. While the device
 * is there, changes it instead, which most parameters do not allow (-EBUSY).
 */
int nvmev_param_set_write(struct nvmev_param_set *set, enum nvmev_param_id id, const char *text);

/* Changes the device. -EBUSY if it is not there. */
int nvmev_param_set_change(struct nvmev_param_set *set, enum nvmev_param_id id, const char *text);

/* Prints what is in force, or without a device what was given, and a newline. Returns the length, below PAGE_SIZE. */
int nvmev_param_set_show(struct nvmev_param_set *set, enum nvmev_param_id id, char *buffer);

/* Makes the device, if it is not there. 0 or a negative errno. */
int nvmev_param_set_start(struct nvmev_param_set *set);

/* Takes it away, if it is there. */
void nvmev_param_set_stop(struct nvmev_param_set *set);

bool nvmev_param_set_is_on(struct nvmev_param_set *set);

#endif /* NVMEV_PARAM_SET_H */
