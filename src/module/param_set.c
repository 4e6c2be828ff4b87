// SPDX-License-Identifier: GPL-2.0-only
#include "param_set.h"

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"

void nvmev_param_set_init(struct nvmev_param_set *set, const char *name)
{
	memset(set, 0, sizeof(*set));
	set->name = name;
	mutex_init(&set->lock);
}

static void nvmev_forget(char *texts[NVMEV_NR_PARAMS])
{
	unsigned int id;

	for (id = 0; id < NVMEV_NR_PARAMS; id++) {
		kfree(texts[id]);
		texts[id] = NULL;
	}
}

void nvmev_param_set_exit(struct nvmev_param_set *set)
{
	nvmev_forget(set->texts);
}

/* The module's own parameters speak for themselves. */
static void nvmev_param_set_complain(const struct nvmev_param_set *set,
				     const struct nvmev_error *error)
{
	if (strcmp(set->name, NVMEV_FIRST_NAME))
		pr_err("nvmev: %s: %s\n", set->name, error->text);
	else
		pr_err("nvmev: %s\n", error->text);
}

static struct nvmev_error *nvmev_error_alloc(void)
{
	struct nvmev_error *error = kzalloc(sizeof(*error), GFP_KERNEL);

	if (error)
		nvmev_fail(error, 0, "no memory for the parameters");
	return error;
}

/* ---- Changing -------------------------------------------------------------------------------- */

static int nvmev_change_key(struct nvmev_host *host, const char *key, const char *value,
			    struct nvmev_error *error)
{
	int result = nvmev_dev_set(host->dev, key, value, error);

	if (result)
		return result;
	/* Ours is for showing. What contradicts what was given at first has replaced it. */
	memset(host->config.keys_set, 0, sizeof(host->config.keys_set));
	return nvmev_config_set(&host->config, key, value, error);
}

/* Of several, some might be refused when others have changed the device. */
static int nvmev_change_keys(struct nvmev_host *host, const char *text, struct nvmev_error *error)
{
	char *copy, *key, *value;
	int result;

	if (strchr(text, ','))
		return nvmev_fail(error, -EINVAL,
				  "keys=%.48s: while the device is there, one key=value at a time is right",
				  text);
	copy = kstrdup(text, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	result = nvmev_split_assignment(copy, &key, &value, error);
	if (!result)
		result = nvmev_change_key(host, key, value, error);
	kfree(copy);
	return result;
}

static int nvmev_change(struct nvmev_host *host, enum nvmev_param_id id, const char *text,
			struct nvmev_error *error)
{
	const struct nvmev_param *param = &nvmev_device_params[id];

	if (!host)
		return nvmev_fail(error, -EBUSY, "%s=%.48s: the device is not there", param->name,
				  text);
	if (id == NVMEV_PARAM_keys)
		return nvmev_change_keys(host, text, error);
	if (param->kind == NVMEV_PARAM_OWN)
		return nvmev_fail(error, -EBUSY, "%s=%.48s: cannot be changed while the device is there",
				  param->name, text);
	return nvmev_change_key(host, param->name, text, error);
}

/* What is done with a text. */
enum nvmev_care { NVMEV_KEEP, NVMEV_CHANGE, NVMEV_WRITE };

static int nvmev_check(struct nvmev_param_set *set, enum nvmev_param_id id, const char *text,
		       enum nvmev_care care)
{
	struct nvmev_error *error;
	int result;

	if (care == NVMEV_KEEP || (!set->host && care == NVMEV_WRITE && !*text))
		return 0;
	error = nvmev_error_alloc();
	if (!error)
		return -ENOMEM;
	if (care == NVMEV_CHANGE || set->host)
		result = nvmev_change(set->host, id, text, error);
	else
		result = nvmev_settings_check_text(id, text, error);
	if (result)
		nvmev_param_set_complain(set, error);
	kfree(error);
	return result;
}

static int nvmev_take(struct nvmev_param_set *set, enum nvmev_param_id id, const char *text,
		      enum nvmev_care care)
{
	char *copy = kstrdup(skip_spaces(text), GFP_KERNEL);
	char **place;
	int result;

	if (!copy)
		return -ENOMEM;
	strim(copy);

	mutex_lock(&set->lock);
	place = set->host ? &set->changed[id] : &set->texts[id];
	result = nvmev_check(set, id, copy, care);
	if (!result)
		swap(*place, copy);
	if (care == NVMEV_WRITE && *place && !**place) {
		kfree(*place);
		*place = NULL;
	}
	mutex_unlock(&set->lock);
	kfree(copy);
	return result;
}

int nvmev_param_set_keep(struct nvmev_param_set *set, enum nvmev_param_id id, const char *text)
{
	return nvmev_take(set, id, text, NVMEV_KEEP);
}

int nvmev_param_set_write(struct nvmev_param_set *set, enum nvmev_param_id id, const char *text)
{
	return nvmev_take(set, id, text, NVMEV_WRITE);
}

int nvmev_param_set_change(struct nvmev_param_set *set, enum nvmev_param_id id, const char *text)
{
	return nvmev_take(set, id, text, NVMEV_CHANGE);
}

/* ---- Showing --------------------------------------------------------------------------------- */

/* Prints thousandths with the decimals that it takes. */
static int nvmev_print_milli(char *buffer, u64 value)
{
	unsigned int rest = value % 1000;
	int length = scnprintf(buffer, PAGE_SIZE, "%llu", value / 1000);

	if (!rest)
		return length;
	length += scnprintf(buffer + length, PAGE_SIZE - length, ".%03u", rest);
	while (buffer[length - 1] == '0')
		length--;
	buffer[length] = '\0';
	return length;
}

static int nvmev_print(const struct nvmev_param *param, const char *text,
		       const struct nvmev_host *host, char *buffer)
{
	const void *field;
	u64 value;

	if (!host || !param->size)
		return scnprintf(buffer, PAGE_SIZE, "%s",
				 text ?: param->kind == NVMEV_PARAM_EVENT ? "none" : "");
	field = (const void *)&host->config + param->offset;
	if (param->kind == NVMEV_PARAM_TEXT)
		return scnprintf(buffer, PAGE_SIZE, "%s", (const char *)field);
	value = param->size == sizeof(u32) ? *(const u32 *)field : *(const u64 *)field;
	if (param->kind == NVMEV_PARAM_MICRO || param->kind == NVMEV_PARAM_MILLI)
		return nvmev_print_milli(buffer, value);
	return scnprintf(buffer, PAGE_SIZE, "%llu", value);
}

int nvmev_param_set_show(struct nvmev_param_set *set, enum nvmev_param_id id, char *buffer)
{
	int length;

	mutex_lock(&set->lock);
	length = nvmev_print(&nvmev_device_params[id], set->changed[id] ?: set->texts[id],
			     set->host, buffer);
	mutex_unlock(&set->lock);
	return length + scnprintf(buffer + length, PAGE_SIZE - length, "\n");
}

/* ---- The device ------------------------------------------------------------------------------ */

static int nvmev_param_set_start_locked(struct nvmev_param_set *set,
					struct nvmev_settings *settings, struct nvmev_error *error)
{
	struct nvmev_host *host;
	int result = nvmev_settings_read(settings, set->name, set->texts, error);

	if (result)
		return result;
	host = nvmev_host_create(settings, error);
	if (IS_ERR(host))
		return PTR_ERR(host);
	set->host = host;
	return 0;
}

int nvmev_param_set_start(struct nvmev_param_set *set)
{
	struct nvmev_settings *settings = kzalloc(sizeof(*settings), GFP_KERNEL);
	struct nvmev_error *error = nvmev_error_alloc();
	int result = -ENOMEM;

	if (settings && error) {
		mutex_lock(&set->lock);
		result = set->host ? 0 : nvmev_param_set_start_locked(set, settings, error);
		mutex_unlock(&set->lock);
		if (result)
			nvmev_param_set_complain(set, error);
	}
	kfree(settings);
	kfree(error);
	return result;
}

void nvmev_param_set_stop(struct nvmev_param_set *set)
{
	mutex_lock(&set->lock);
	if (set->host)
		nvmev_host_destroy(set->host);
	set->host = NULL;
	nvmev_forget(set->changed);
	mutex_unlock(&set->lock);
}

bool nvmev_param_set_is_on(struct nvmev_param_set *set)
{
	bool on;

	mutex_lock(&set->lock);
	on = set->host != NULL;
	mutex_unlock(&set->lock);
	return on;
}
