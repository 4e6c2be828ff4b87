// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module parameters.
 *
 * While the module loads, parameters are only kept as text: errors are found when the device is
 * made of them, so that each gives one line in the log. Most are keys of the core's configuration
 * and read by the core's parser, the one for profiles. Some can be written while the device runs.
 */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"

struct nvmev_tunables nvmev_tunables = {
	.idle_spin = 200,
	.idle_poll = 90,
	.wake_early = 20,
	.min_free = 0,
};

/* What a parameter stands for. */
enum nvmev_param_kind {
	NVMEV_PARAM_TEXT, /* a key of the core: text */
	NVMEV_PARAM_NUMBER, /* ... a number as it stands in the configuration */
	NVMEV_PARAM_MICRO, /* ... a number of us, ns in the configuration */
	NVMEV_PARAM_MILLI, /* ... a factor, thousandths in the configuration */
	NVMEV_PARAM_EVENT, /* ... something that is to happen; shown as given */
	NVMEV_PARAM_OWN, /* this module's, text */
	NVMEV_PARAM_TUNABLE, /* this module's, in nvmev_tunables */
};

struct nvmev_param {
	const char *name;
	enum nvmev_param_kind kind;
	size_t offset, size; /* in struct nvmev_config or nvmev_tunables */
	unsigned int min, max; /* of tunables */
	const char *unit; /* of tunables */
	char *text; /* as given, or NULL */
};

/* Guards all texts, and what follows. */
static DEFINE_MUTEX(nvmev_params_lock);
static struct nvmev_host *nvmev_params_host;
static bool nvmev_params_were_read;

static const struct kernel_param_ops nvmev_param_ops;

/* ---- The parameters -------------------------------------------------------------------------- */

#define NVMEV_CONFIG(field) \
	offsetof(struct nvmev_config, field), sizeof_field(struct nvmev_config, field)
#define NVMEV_NOWHERE 0, 0
#define NVMEV_LIVE 0644
#define NVMEV_FIXED 0444

/* clang-format off */
/* X(name, kind, where, permissions, description), in the order in which they are applied */
#define NVMEV_DEVICE_PARAMS(X) \
	X(profile, OWN, NVMEV_NOWHERE, NVMEV_FIXED, \
	  "name of an embedded profile, which the other parameters override (none)") \
	X(state_file, OWN, NVMEV_NOWHERE, NVMEV_FIXED, \
	  "path of the file in which the device's state survives; made if it is not there (none)") \
	X(keep_state, OWN, NVMEV_NOWHERE, NVMEV_FIXED, \
	  "of the reserved memory, what keeps the device's state beside its data: MiB, or with suffix " \
	  "K, M, G, T (none)") \
	X(keys, OWN, NVMEV_NOWHERE, NVMEV_FIXED, \
	  "other keys of a profile, such as channels=4,victim=fifo; they override it, too (none)") \
	X(memmap_start, OWN, NVMEV_NOWHERE, NVMEV_FIXED, \
	  "start of the memory that memmap= reserved at boot: GiB, or with suffix K, M, G, T (none)") \
	X(memmap_size, OWN, NVMEV_NOWHERE, NVMEV_FIXED, \
	  "its size: MiB, or with suffix K, M, G, T (none)") \
	X(cpus, OWN, NVMEV_NOWHERE, NVMEV_FIXED, \
	  "CPUs of the threads, such as 1,3,17-19: the first dispatch, the others complete; " \
	  "one does both (any CPU)") \
	X(medium, OWN, NVMEV_NOWHERE, NVMEV_FIXED, \
	  "where data are: reserved (memmap_*), pages (memory when first written), none, " \
	  "or auto: reserved if given, else pages (auto)") \
	X(type, TEXT, NVMEV_CONFIG(type), NVMEV_FIXED, \
	  "device type: nvm, conv, zns, kv or ocssd (nvm)") \
	X(namespaces, TEXT, NVMEV_CONFIG(namespaces), NVMEV_FIXED, \
	  "namespaces with FTLs of their own, such as conv:8G,nvm:1G:lba_size=4096 (one of type)") \
	X(capacity, NUMBER, NVMEV_CONFIG(capacity), NVMEV_FIXED, \
	  "bytes, or with suffix K, M, G, T (the reserved range, else half of the memory)") \
	X(lba_size, NUMBER, NVMEV_CONFIG(lba_size), NVMEV_FIXED, \
	  "bytes of a logical block: 512 or 4096 (512)") \
	X(serial, TEXT, NVMEV_CONFIG(serial), NVMEV_FIXED, \
	  "serial number, up to 20 characters (NVMEV00000000001)") \
	X(model, TEXT, NVMEV_CONFIG(model), NVMEV_FIXED, \
	  "model name, up to 40 characters (NVMeVirt)") \
	X(read_latency, MICRO, NVMEV_CONFIG(read_time), NVMEV_LIVE, \
	  "us: time that an I/O unit takes to read, another unit for read_time (10)") \
	X(write_latency, MICRO, NVMEV_CONFIG(write_time), NVMEV_LIVE, \
	  "us: time that an I/O unit takes to write, another unit for write_time (10)") \
	X(read_delay, NUMBER, NVMEV_CONFIG(read_delay), NVMEV_LIVE, \
	  "ns: fixed time that each read takes besides (0)") \
	X(read_time, NUMBER, NVMEV_CONFIG(read_time), NVMEV_LIVE, \
	  "ns: time that an I/O unit takes to read (10000)") \
	X(read_trailing, NUMBER, NVMEV_CONFIG(read_trailing), NVMEV_LIVE, \
	  "ns: time that a read keeps its I/O units busy after completion (0)") \
	X(write_delay, NUMBER, NVMEV_CONFIG(write_delay), NVMEV_LIVE, \
	  "ns: fixed time that each write takes besides (0)") \
	X(write_time, NUMBER, NVMEV_CONFIG(write_time), NVMEV_LIVE, \
	  "ns: time that an I/O unit takes to write (10000)") \
	X(write_trailing, NUMBER, NVMEV_CONFIG(write_trailing), NVMEV_LIVE, \
	  "ns: time that a write keeps its I/O units busy after completion (0)") \
	X(time_scale, MILLI, NVMEV_CONFIG(time_scale_milli), NVMEV_LIVE, \
	  "factor on all modelled time, such as 1, 20 or 0.5 (1)") \
	X(zone_fault, EVENT, NVMEV_NOWHERE, NVMEV_LIVE, \
	  "ZONE:STATE, what is to become of a zone: read-only, offline, full, ... (none)") \
	X(io_unit_size, NUMBER, NVMEV_CONFIG(io_unit_size), NVMEV_FIXED, \
	  "bytes that an I/O unit serves at once (4096)") \
	X(nr_io_units, NUMBER, NVMEV_CONFIG(nr_io_units), NVMEV_FIXED, \
	  "count: I/O units that work in parallel (8)") \
	X(controllers, NUMBER, NVMEV_CONFIG(controllers), NVMEV_FIXED, \
	  "count: controllers of the NVM subsystem, a PCI function each (1)") \
	X(ana, TEXT, NVMEV_NOWHERE, NVMEV_LIVE, \
	  "ANA states of controllers, such as 1:optimized+2:inaccessible (all are optimized)") \
	X(queues, NUMBER, NVMEV_CONFIG(queues), NVMEV_FIXED, \
	  "count: I/O queue pairs offered (128)") \
	X(queue_entries, NUMBER, NVMEV_CONFIG(queue_entries), NVMEV_FIXED, \
	  "count: entries of the largest queue (1024)") \
	X(mdts, NUMBER, NVMEV_CONFIG(mdts), NVMEV_FIXED, \
	  "power of two: largest transfer, in pages of 4 KiB (7)") \
	X(inflight, NUMBER, NVMEV_CONFIG(inflight), NVMEV_FIXED, \
	  "count: commands that a worker can hold (4096)") \
	X(cmb, NUMBER, NVMEV_CONFIG(cmb_size), NVMEV_FIXED, \
	  "bytes, or with suffix K, M, G: Controller Memory Buffer, BAR 2 (none)") \
	X(pmr, NUMBER, NVMEV_CONFIG(pmr_size), NVMEV_FIXED, \
	  "bytes, or with suffix K, M, G: Persistent Memory Region, BAR 4 (none)") \
	X(dispatchers, NUMBER, NVMEV_CONFIG(dispatchers), NVMEV_FIXED, \
	  "count: threads that fetch commands (1)")

/* X(name, smallest, largest, unit, description) */
#define NVMEV_TUNABLE_PARAMS(X) \
	X(idle_spin, 0, 1000000, "us", "us: how long a thread looks for more work before it sleeps (200)") \
	X(idle_poll, 10, 10000000, "us", "us: how often a sleeping dispatcher has doorbells looked at (90)") \
	X(wake_early, 0, 1000000, "us", "us: how long before a completion is due its thread wakes (20)") \
	X(min_free, 0, UINT_MAX >> 1, "MiB", \
	  "MiB: memory that medium=pages leaves to the system; 0: a sixteenth of all (0)")

#define NVMEV_DEFINE_DEVICE_PARAM(key, kind_, where, permissions, description) \
	static struct nvmev_param nvmev_param_##key = { #key, NVMEV_PARAM_##kind_, where }; \
	module_param_cb(key, &nvmev_param_ops, &nvmev_param_##key, permissions); \
	MODULE_PARM_DESC(key, description);
NVMEV_DEVICE_PARAMS(NVMEV_DEFINE_DEVICE_PARAM)

#define NVMEV_DEFINE_TUNABLE_PARAM(key, min_, max_, unit_, description) \
	static struct nvmev_param nvmev_param_##key = { \
		#key, NVMEV_PARAM_TUNABLE, offsetof(struct nvmev_tunables, key), \
		sizeof_field(struct nvmev_tunables, key), min_, max_, unit_, \
	}; \
	module_param_cb(key, &nvmev_param_ops, &nvmev_param_##key, NVMEV_LIVE); \
	MODULE_PARM_DESC(key, description);
NVMEV_TUNABLE_PARAMS(NVMEV_DEFINE_TUNABLE_PARAM)

#define NVMEV_PARAM_ADDRESS(key, ...) &nvmev_param_##key,
static struct nvmev_param *const nvmev_params[] = {
	NVMEV_DEVICE_PARAMS(NVMEV_PARAM_ADDRESS)
	NVMEV_TUNABLE_PARAMS(NVMEV_PARAM_ADDRESS)
};

/* clang-format on */

/* ---- Applying -------------------------------------------------------------------------------- */

static bool nvmev_is_key(const struct nvmev_param *param)
{
	return param->kind != NVMEV_PARAM_OWN && param->kind != NVMEV_PARAM_TUNABLE;
}

static int nvmev_set_tunable(const struct nvmev_param *param, const char *text,
			     struct nvmev_error *error)
{
	unsigned int *tunable = (void *)&nvmev_tunables + param->offset;
	unsigned int value;

	/* kstrtouint() would take a sign. */
	if (!isdigit(*text) || kstrtouint(text, 0, &value))
		return nvmev_fail(error, -EINVAL, "%s=%.48s: a whole number of %s is right",
				  param->name, text, param->unit);
	if (value < param->min || value > param->max)
		return nvmev_fail(error, -ERANGE, "%s=%s is out of range: %u to %u %s is right",
				  param->name, text, param->min, param->max, param->unit);
	WRITE_ONCE(*tunable, value);
	return 0;
}

static int nvmev_read_profile(struct nvmev_config *config, struct nvmev_error *error)
{
	const char *name = nvmev_param_profile.text;
	const char *text;
	size_t length;

	if (!name)
		return 0;
	text = nvmev_profile_text(name, &length);
	if (!text)
		return nvmev_fail(error, -EINVAL, "profile=%.48s is unknown: one of %s is right",
				  name, nvmev_profile_names());
	return nvmev_config_load(config, name, text, length, error);
}

/* One `key=value`, taken apart in place. */
static int nvmev_read_key(struct nvmev_config *config, char *assignment, struct nvmev_error *error)
{
	char *value = strchr(assignment, '=');

	if (!value)
		return nvmev_fail(error, -EINVAL, "keys=%.48s: key=value, with commas between, is right",
				  assignment);
	*value++ = '\0';
	return nvmev_config_set(config, assignment, value, error);
}

static int nvmev_read_keys(struct nvmev_config *config, struct nvmev_error *error)
{
	char *text, *rest, *assignment;
	int result = 0;

	if (!nvmev_param_keys.text)
		return 0;
	text = kstrdup(nvmev_param_keys.text, GFP_KERNEL);
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

static int nvmev_read_state_file(struct nvmev_settings *settings, struct nvmev_error *error)
{
	const char *path = nvmev_param_state_file.text;

	if (!path)
		return 0;
	if (path[0] != '/')
		return nvmev_fail(error, -EINVAL, "state_file=%.48s: an absolute path is right", path);
	if (strscpy(settings->state_file, path, sizeof(settings->state_file)) < 0)
		return nvmev_fail(error, -ENAMETOOLONG,
				  "state_file=%.48s...: a path of less than %zu characters is right",
				  path, sizeof(settings->state_file));
	return 0;
}

static int nvmev_read_size(const struct nvmev_param *param, u64 unit, u64 *bytes,
			   struct nvmev_error *error)
{
	int result = nvmev_parse_size(param->text, unit, bytes);

	if (result)
		nvmev_fail(error, result,
			   "%s=%.48s: a size such as 512M or 16G, or a number of %s, is right",
			   param->name, param->text, unit == SZ_1G ? "GiB" : "MiB");
	return result;
}

static int nvmev_read_memmap(struct nvmev_settings *settings, struct nvmev_error *error)
{
	const struct nvmev_param *start = &nvmev_param_memmap_start;
	const struct nvmev_param *size = &nvmev_param_memmap_size;
	int result;

	if (!start->text && !size->text)
		return 0;
	if (!start->text || !size->text)
		return nvmev_fail(error, -EINVAL, "%s=%.48s: with %s it is right",
				  start->text ? start->name : size->name, start->text ?: size->text,
				  start->text ? size->name : start->name);
	result = nvmev_read_size(start, SZ_1G, &settings->memmap_start, error);
	if (!result)
		result = nvmev_read_size(size, SZ_1M, &settings->memmap_size, error);
	if (!result && !settings->memmap_size)
		result = nvmev_fail(error, -EINVAL, "%s=%.48s: 1M or more is right", size->name,
				    size->text);
	if (!result)
		snprintf(settings->memmap_text, sizeof(settings->memmap_text),
			 "memmap_start=%.48s memmap_size=%.48s", start->text, size->text);
	return result;
}

static int nvmev_read_keep_state(struct nvmev_settings *settings, struct nvmev_error *error)
{
	const struct nvmev_param *param = &nvmev_param_keep_state;
	int result;

	if (!param->text)
		return 0;
	result = nvmev_read_size(param, SZ_1M, &settings->keep_state, error);
	if (result || !settings->keep_state)
		return result;
	if (settings->config.medium != NVMEV_MEDIUM_RESERVED)
		return nvmev_fail(error, -EINVAL, "keep_state=%.48s: with memmap_start and memmap_size it is right",
				  param->text);
	if (settings->state_file[0])
		return nvmev_fail(error, -EINVAL, "keep_state=%.48s contradicts state_file: one of them is right",
				  param->text);
	if (!PAGE_ALIGNED(settings->keep_state) || settings->keep_state < SZ_64K ||
	    settings->keep_state >= settings->memmap_size)
		return nvmev_fail(error, -ERANGE,
				  "keep_state=%.48s: a multiple of %lu bytes, at least 64K and less than memmap_size, is right",
				  param->text, PAGE_SIZE);
	return 0;
}

static int nvmev_read_medium(struct nvmev_settings *settings, struct nvmev_error *error)
{
	const char *text = nvmev_param_medium.text;
	bool memmap = settings->memmap_size != 0;
	int result;

	if (!text || !strcmp(text, "auto")) {
		if (memmap)
			settings->config.medium = NVMEV_MEDIUM_RESERVED;
		return 0;
	}
	result = nvmev_config_set(&settings->config, "medium", text, error);
	if (result)
		return nvmev_fail(
			error, result,
			"medium=%.48s is unknown: one of auto, reserved, pages, none is right",
			text);
	if (settings->config.medium == NVMEV_MEDIUM_RESERVED && !memmap)
		return nvmev_fail(error, -EINVAL,
				  "medium=reserved: with memmap_start and memmap_size it is right");
	if (settings->config.medium != NVMEV_MEDIUM_RESERVED && memmap)
		return nvmev_fail(error, -EINVAL,
				  "medium=%s contradicts memmap_size=%.48s: one of them is right",
				  text, nvmev_param_memmap_size.text);
	return 0;
}

static int nvmev_read_all(struct nvmev_settings *settings, struct nvmev_error *error)
{
	unsigned int i;
	int result;

	nvmev_config_init(&settings->config);
	result = nvmev_read_profile(&settings->config, error);
	if (!result)
		result = nvmev_read_keys(&settings->config, error);
	if (!result)
		result = nvmev_read_memmap(settings, error);
	if (!result)
		result = nvmev_read_medium(settings, error);
	if (!result)
		result = nvmev_read_state_file(settings, error);
	if (!result)
		result = nvmev_read_keep_state(settings, error);
	if (!result && nvmev_param_cpus.text)
		result = nvmev_cpus_parse(nvmev_param_cpus.text, settings, error);
	for (i = 0; i < ARRAY_SIZE(nvmev_params) && !result; i++) {
		const struct nvmev_param *param = nvmev_params[i];

		if (!param->text)
			continue;
		if (nvmev_is_key(param))
			result = nvmev_config_set(&settings->config, param->name, param->text,
						  error);
		else if (param->kind == NVMEV_PARAM_TUNABLE)
			result = nvmev_set_tunable(param, param->text, error);
	}
	return result;
}

int nvmev_params_read(struct nvmev_settings *settings, struct nvmev_error *error)
{
	int result;

	mutex_lock(&nvmev_params_lock);
	nvmev_params_were_read = true;
	result = nvmev_read_all(settings, error);
	mutex_unlock(&nvmev_params_lock);
	return result;
}

void nvmev_params_attach(struct nvmev_host *host)
{
	mutex_lock(&nvmev_params_lock);
	nvmev_params_host = host;
	mutex_unlock(&nvmev_params_lock);
}

/* ---- Writing and reading through sysfs ------------------------------------------------------- */

static int nvmev_change_key(struct nvmev_host *host, const struct nvmev_param *param,
			    const char *text, struct nvmev_error *error)
{
	int result = nvmev_dev_set(host->dev, param->name, text, error);

	if (result)
		return result;
	/* Ours is for showing. What contradicts what was given at first has replaced it. */
	memset(host->config.keys_set, 0, sizeof(host->config.keys_set));
	return nvmev_config_set(&host->config, param->name, text, error);
}

static int nvmev_change(const struct nvmev_param *param, const char *text)
{
	struct nvmev_error *error = kzalloc(sizeof(*error), GFP_KERNEL);
	int result;

	if (!error)
		return -ENOMEM;
	if (param->kind == NVMEV_PARAM_TUNABLE)
		result = nvmev_set_tunable(param, text, error);
	else if (nvmev_params_host)
		result = nvmev_change_key(nvmev_params_host, param, text, error);
	else
		result = nvmev_fail(error, -EBUSY, "%s=%.48s: the device is not there", param->name,
				    text);
	if (result)
		pr_err("nvmev: %s\n", error->text);
	kfree(error);
	return result;
}

static int nvmev_param_set(const char *value, const struct kernel_param *kp)
{
	struct nvmev_param *param = kp->arg;
	char *copy = kstrdup(skip_spaces(value), GFP_KERNEL);
	int result = 0;

	if (!copy)
		return -ENOMEM;
	strim(copy);

	mutex_lock(&nvmev_params_lock);
	if (nvmev_params_were_read)
		result = nvmev_change(param, copy);
	if (!result)
		swap(param->text, copy);
	mutex_unlock(&nvmev_params_lock);
	kfree(copy);
	return result;
}

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

/* The value that is in force. */
static int nvmev_param_print(const struct nvmev_param *param, const struct nvmev_host *host,
			     char *buffer)
{
	const void *field = NULL;
	u64 value;

	if (param->kind == NVMEV_PARAM_TUNABLE)
		field = (const void *)&nvmev_tunables + param->offset;
	else if (nvmev_is_key(param) && param->size && host)
		field = (const void *)&host->config + param->offset;

	if (!field)
		return scnprintf(buffer, PAGE_SIZE, "%s",
				 param->text ?: param->kind == NVMEV_PARAM_EVENT ? "none" : "");
	if (param->kind == NVMEV_PARAM_TEXT)
		return scnprintf(buffer, PAGE_SIZE, "%s", (const char *)field);
	value = param->size == sizeof(u32) ? *(const u32 *)field : *(const u64 *)field;
	if (param->kind == NVMEV_PARAM_MICRO || param->kind == NVMEV_PARAM_MILLI)
		return nvmev_print_milli(buffer, value);
	return scnprintf(buffer, PAGE_SIZE, "%llu", value);
}

static int nvmev_param_get(char *buffer, const struct kernel_param *kp)
{
	int length;

	mutex_lock(&nvmev_params_lock);
	length = nvmev_param_print(kp->arg, nvmev_params_host, buffer);
	mutex_unlock(&nvmev_params_lock);
	length += scnprintf(buffer + length, PAGE_SIZE - length, "\n");
	return length;
}

static void nvmev_param_free(void *arg)
{
	struct nvmev_param *param = arg;

	kfree(param->text);
	param->text = NULL;
}

static const struct kernel_param_ops nvmev_param_ops = {
	.set = nvmev_param_set,
	.get = nvmev_param_get,
	.free = nvmev_param_free,
};
