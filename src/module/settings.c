// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the texts of a device's parameters to its settings: each by itself, in the order of the list, then
 * against each other.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "device.h"

/* ---- Parameters that are the module's own ---------------------------------------------------- */

#define NVMEV_PROFILE_MAX SZ_64K

/* Reads the file at `path` into *text, the caller's to kvfree(). 0 or a negative errno with *error. */
static int nvmev_read_file(const char *path, char **text, size_t *length, struct nvmev_error *error)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	loff_t at = 0;
	ssize_t got;

	if (IS_ERR(file))
		return nvmev_fail(error, PTR_ERR(file),
				  "profile=%.200s cannot be opened (%ld): the path of a file is right", path,
				  PTR_ERR(file));
	if (!S_ISREG(file_inode(file)->i_mode)) {
		filp_close(file, NULL);
		return nvmev_fail(error, -EINVAL, "profile=%.200s is no regular file", path);
	}
	*text = kvmalloc(NVMEV_PROFILE_MAX, GFP_KERNEL);
	got = *text ? kernel_read(file, *text, NVMEV_PROFILE_MAX, &at) : -ENOMEM;
	filp_close(file, NULL);
	if (got >= 0 && got < NVMEV_PROFILE_MAX) {
		*length = got;
		return 0;
	}
	kvfree(*text);
	if (got >= 0)
		return nvmev_fail(error, -EFBIG, "profile=%.200s: less than %u bytes are right", path,
				  NVMEV_PROFILE_MAX);
	return nvmev_fail(error, got, "profile=%.200s cannot be read (%zd)", path, got);
}

static int nvmev_read_own_profile(struct nvmev_config *config, const char *path,
				  struct nvmev_error *error)
{
	size_t length;
	char *text;
	int result = nvmev_read_file(path, &text, &length, error);

	if (result)
		return result;
	result = nvmev_config_load(config, path, text, length, error);
	kvfree(text);
	return result;
}

static int nvmev_read_profile(struct nvmev_settings *settings, const char *name,
			      struct nvmev_error *error)
{
	size_t length;
	const char *text;

	if (name[0] == '/')
		return nvmev_read_own_profile(&settings->config, name, error);
	text = nvmev_profile_text(name, &length);
	if (!text)
		return nvmev_fail(error, -EINVAL,
				  "profile=%.48s is unknown: one of %s, or the absolute path of a file is right",
				  name, nvmev_profile_names());
	return nvmev_config_load(&settings->config, name, text, length, error);
}

int nvmev_split_assignment(char *assignment, char **key, char **value, struct nvmev_error *error)
{
	char *equals = strchr(assignment, '=');

	if (!equals)
		return nvmev_fail(error, -EINVAL, "keys=%.48s: key=value, with commas between, is right",
				  assignment);
	*equals = '\0';
	*key = strim(assignment);
	*value = strim(equals + 1);
	return 0;
}

static int nvmev_read_key(struct nvmev_config *config, char *assignment, struct nvmev_error *error)
{
	char *key, *value;
	int result = nvmev_split_assignment(assignment, &key, &value, error);

	return result ? result : nvmev_config_set(config, key, value, error);
}

static int nvmev_read_keys(struct nvmev_settings *settings, const char *keys,
			   struct nvmev_error *error)
{
	struct nvmev_config *config = &settings->config;
	char *text, *rest, *assignment;
	int result = 0;

	if (strchr(keys, '\n'))
		return nvmev_fail(error, -EINVAL,
				  "keys: one line is right, key=value with commas between; profile=PATH reads a file");
	text = kstrdup(keys, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	rest = text;
	while (!result && (assignment = strsep(&rest, ",")))
		result = nvmev_read_key(config, assignment, error);
	kfree(text);
	/* What comes after overrides, in whichever terms. */
	memset(config->keys_set, 0, sizeof(config->keys_set));
	return result;
}

static int nvmev_read_state_file(struct nvmev_settings *settings, const char *path,
				 struct nvmev_error *error)
{
	if (path[0] != '/')
		return nvmev_fail(error, -EINVAL, "state_file=%.48s: an absolute path is right", path);
	if (strscpy(settings->state_file, path, sizeof(settings->state_file)) < 0)
		return nvmev_fail(error, -ENAMETOOLONG,
				  "state_file=%.48s...: a path of less than %zu characters is right",
				  path, sizeof(settings->state_file));
	return 0;
}

static int nvmev_read_size(const char *name, const char *text, u64 unit, u64 *bytes,
			   struct nvmev_error *error)
{
	int result = nvmev_parse_size(text, unit, bytes);

	if (result)
		nvmev_fail(error, result,
			   "%s=%.48s: a size such as 512M or 16G, or a number of %s, is right", name,
			   text, unit == SZ_1G ? "GiB" : "MiB");
	return result;
}

static int nvmev_read_memmap_start(struct nvmev_settings *settings, const char *text,
				   struct nvmev_error *error)
{
	return nvmev_read_size("memmap_start", text, SZ_1G, &settings->memmap_start, error);
}

static int nvmev_read_memmap_size(struct nvmev_settings *settings, const char *text,
				  struct nvmev_error *error)
{
	int result = nvmev_read_size("memmap_size", text, SZ_1M, &settings->memmap_size, error);

	if (!result && !settings->memmap_size)
		result = nvmev_fail(error, -EINVAL, "memmap_size=%.48s: 1M or more is right", text);
	return result;
}

static int nvmev_read_keep_state(struct nvmev_settings *settings, const char *text,
				 struct nvmev_error *error)
{
	return nvmev_read_size("keep_state", text, SZ_1M, &settings->keep_state, error);
}

static bool nvmev_is_auto(const char *medium)
{
	return !medium || !strcmp(medium, "auto");
}

static int nvmev_read_medium(struct nvmev_settings *settings, const char *text,
			     struct nvmev_error *error)
{
	int result;

	if (nvmev_is_auto(text))
		return 0;
	result = nvmev_config_set(&settings->config, "medium", text, error);
	if (result)
		nvmev_fail(error, result,
			   "medium=%.48s is unknown: one of auto, reserved, pages, none is right",
			   text);
	return result;
}

static int nvmev_read_cpus(struct nvmev_settings *settings, const char *text,
			   struct nvmev_error *error)
{
	return nvmev_cpus_parse(text, settings, error);
}

/* ---- All of them ----------------------------------------------------------------------------- */

#define NVMEV_CONFIG(field) \
	.offset = offsetof(struct nvmev_config, field), .size = sizeof_field(struct nvmev_config, field)
#define NVMEV_NOWHERE .size = 0
#define NVMEV_READER(key) .read = nvmev_read_##key

#define NVMEV_PARAM_ROW(key, kind_, where, ...) \
	[NVMEV_PARAM_##key] = { .name = #key, .kind = NVMEV_PARAM_##kind_, where },
const struct nvmev_param nvmev_device_params[NVMEV_NR_PARAMS] = {
	NVMEV_DEVICE_PARAMS(NVMEV_PARAM_ROW)
};

static int nvmev_settings_read_one(struct nvmev_settings *settings, const struct nvmev_param *param,
				   const char *text, struct nvmev_error *error)
{
	if (param->read)
		return param->read(settings, text, error);
	return nvmev_config_set(&settings->config, param->name, text, error);
}

static void nvmev_settings_init(struct nvmev_settings *settings, const char *name)
{
	nvmev_config_init(&settings->config);
	settings->config.shadow_doorbells = nvmev_driver_resets_shadow_doorbells();
	strscpy(settings->name, name, sizeof(settings->name));
	/* Drives with the same serial number would be one NVM subsystem to their host. */
	if (strcmp(name, NVMEV_FIRST_NAME))
		strscpy(settings->config.serial, name, sizeof(settings->config.serial));
}

/* ---- Against each other ---------------------------------------------------------------------- */

static int nvmev_check_memmap(struct nvmev_settings *settings, char *const texts[],
			      struct nvmev_error *error)
{
	const char *start = texts[NVMEV_PARAM_memmap_start];
	const char *size = texts[NVMEV_PARAM_memmap_size];

	if (!start && !size)
		return 0;
	if (!start || !size)
		return nvmev_fail(error, -EINVAL, "%s=%.48s: with %s it is right",
				  start ? "memmap_start" : "memmap_size", start ?: size,
				  start ? "memmap_size" : "memmap_start");
	snprintf(settings->memmap_text, sizeof(settings->memmap_text),
		 "memmap_start=%.48s memmap_size=%.48s", start, size);
	return 0;
}

static int nvmev_check_medium(struct nvmev_settings *settings, char *const texts[],
			      struct nvmev_error *error)
{
	const char *text = texts[NVMEV_PARAM_medium];
	bool memmap = settings->memmap_size != 0;

	if (nvmev_is_auto(text)) {
		if (memmap)
			settings->config.medium = NVMEV_MEDIUM_RESERVED;
		return 0;
	}
	if (settings->config.medium == NVMEV_MEDIUM_RESERVED && !memmap)
		return nvmev_fail(error, -EINVAL,
				  "medium=reserved: with memmap_start and memmap_size it is right");
	if (settings->config.medium != NVMEV_MEDIUM_RESERVED && memmap)
		return nvmev_fail(error, -EINVAL,
				  "medium=%s contradicts memmap_size=%.48s: one of them is right",
				  text, texts[NVMEV_PARAM_memmap_size]);
	return 0;
}

static int nvmev_check_keep_state(struct nvmev_settings *settings, char *const texts[],
				  struct nvmev_error *error)
{
	const char *text = texts[NVMEV_PARAM_keep_state];

	if (!settings->keep_state)
		return 0;
	if (settings->config.medium != NVMEV_MEDIUM_RESERVED)
		return nvmev_fail(error, -EINVAL,
				  "keep_state=%.48s: with memmap_start and memmap_size it is right",
				  text);
	if (settings->state_file[0])
		return nvmev_fail(error, -EINVAL,
				  "keep_state=%.48s contradicts state_file: one of them is right", text);
	if (!PAGE_ALIGNED(settings->keep_state) || settings->keep_state < SZ_64K ||
	    settings->keep_state >= settings->memmap_size)
		return nvmev_fail(error, -ERANGE,
				  "keep_state=%.48s: a multiple of %lu bytes, at least 64K and less than memmap_size, is right",
				  text, PAGE_SIZE);
	return 0;
}

/* ---- What others call ------------------------------------------------------------------------ */

int nvmev_settings_read(struct nvmev_settings *settings, const char *name,
			char *const texts[NVMEV_NR_PARAMS], struct nvmev_error *error)
{
	unsigned int id;
	int result = 0;

	nvmev_settings_init(settings, name);
	for (id = 0; id < NVMEV_NR_PARAMS && !result; id++) {
		if (texts[id])
			result = nvmev_settings_read_one(settings, &nvmev_device_params[id],
							 texts[id], error);
	}
	if (!result)
		result = nvmev_check_memmap(settings, texts, error);
	if (!result)
		result = nvmev_check_medium(settings, texts, error);
	if (!result)
		result = nvmev_check_keep_state(settings, texts, error);
	return result;
}

int nvmev_settings_check_text(enum nvmev_param_id id, const char *text, struct nvmev_error *error)
{
	struct nvmev_settings *settings = kzalloc(sizeof(*settings), GFP_KERNEL);
	int result;

	if (!settings)
		return -ENOMEM;
	nvmev_settings_init(settings, NVMEV_FIRST_NAME);
	result = nvmev_settings_read_one(settings, &nvmev_device_params[id], text, error);
	kfree(settings);
	return result;
}
