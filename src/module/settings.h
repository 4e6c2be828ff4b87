/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a device is made from, and how it comes from the texts of its parameters.
 */
#ifndef NVMEV_SETTINGS_H
#define NVMEV_SETTINGS_H

#include <linux/types.h>

#include <nvmev/host.h>

#include "param_list.h"

#define NVMEV_PATH_LEN 256
#define NVMEV_MAX_THREADS (NVMEV_MAX_DISPATCHERS + NVMEV_MAX_WORKERS)

/* Characters of a device's name: as many as a serial number has. */
#define NVMEV_NAME_MAX (sizeof_field(struct nvmev_config, serial) - 1)

/* The device of the module's parameters. Others have theirs from configfs, which is their serial number, too, unless given. */
#define NVMEV_FIRST_NAME "nvmev0"

struct nvmev_settings {
	char name[NVMEV_NAME_MAX + 1];
	struct nvmev_config config;
	u64 memmap_start; /* bytes; the range is given when memmap_size is not 0 */
	u64 memmap_size; /* bytes */
	char memmap_text[128]; /* the two as they were given, for messages */
	char state_file[NVMEV_PATH_LEN]; /* empty: none */
	u64 keep_state; /* bytes at the end of the reserved range, for the device's state; 0: none */
	unsigned int nr_cpus; /* entries of cpus[]; 0: threads run anywhere */
	unsigned int cpus[NVMEV_MAX_THREADS];
};

/* One of the parameters of param_list.h. */
struct nvmev_param {
	const char *name;
	enum nvmev_param_kind kind;
	size_t offset, size; /* in struct nvmev_config; size 0: nowhere */
	int (*read)(struct nvmev_settings *settings, const char *text, struct nvmev_error *error);
};

extern const struct nvmev_param nvmev_device_params[NVMEV_NR_PARAMS];

/*
 * Makes *settings for the device `name` of the texts given, those that are not NULL. 0 or a negative errno
 * with *error. May sleep.
 */
int nvmev_settings_read(struct nvmev_settings *settings, const char *name,
			char *const texts[NVMEV_NR_PARAMS], struct nvmev_error *error);

/*
 * Takes a `key=value` apart, in place, and the spaces around the two away. 0, or -EINVAL with *error, which calls it an entry
 * of the parameter `keys`.
 */
int nvmev_split_assignment(char *assignment, char **key, char **value, struct nvmev_error *error);

/* Whether a text is right for a parameter, whatever the others are. Likewise. */
int nvmev_settings_check_text(enum nvmev_param_id id, const char *text, struct nvmev_error *error);

#endif /* NVMEV_SETTINGS_H */
