// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module parameters: those of the device that the module comes with, and what is the same for all devices.
 *
 * While the module loads, parameters are only kept as text: errors are found when the device is
 * made of them, so that each gives one line in the log. Some can be written while the device runs.
 */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"
#include "param_set.h"

struct nvmev_tunables nvmev_tunables = {
	.idle_spin = 200,
	.idle_poll = 90,
	.wake_early = 20,
	.min_free = 0,
	.nr_devices = 1,
};

/* Of the device that the module comes with. */
static struct nvmev_param_set nvmev_first = {
	.name = NVMEV_FIRST_NAME,
	.lock = __MUTEX_INITIALIZER(nvmev_first.lock),
};

/* Guards the texts of tunables, and what follows. */
static DEFINE_MUTEX(nvmev_params_lock);
static bool nvmev_params_were_read;

/* ---- Parameters of the device ---------------------------------------------------------------- */

static int nvmev_param_write(const char *value, const struct kernel_param *kp)
{
	enum nvmev_param_id id = (unsigned long)kp->arg;

	if (READ_ONCE(nvmev_params_were_read))
		return nvmev_param_set_change(&nvmev_first, id, value);
	return nvmev_param_set_keep(&nvmev_first, id, value);
}

static int nvmev_param_read(char *buffer, const struct kernel_param *kp)
{
	return nvmev_param_set_show(&nvmev_first, (unsigned long)kp->arg, buffer);
}

/* The kernel calls it for each of them, at the end. */
static void nvmev_param_free(void *arg)
{
	nvmev_param_set_exit(&nvmev_first);
}

static const struct kernel_param_ops nvmev_param_ops = {
	.set = nvmev_param_write,
	.get = nvmev_param_read,
	.free = nvmev_param_free,
};

#define NVMEV_DEFINE_DEVICE_PARAM(key, kind, where, permissions, description) \
	module_param_cb(key, &nvmev_param_ops, (void *)NVMEV_PARAM_##key, permissions); \
	MODULE_PARM_DESC(key, description);
NVMEV_DEVICE_PARAMS(NVMEV_DEFINE_DEVICE_PARAM)

/* ---- Tunables -------------------------------------------------------------------------------- */

struct nvmev_tunable {
	const char *name;
	unsigned int *value;
	unsigned int min, max;
	const char *unit;
	char *text; /* as given, or NULL */
};

static const struct kernel_param_ops nvmev_tunable_ops;

/* clang-format off */
/* X(name, smallest, largest, unit, permissions, description) */
#define NVMEV_TUNABLES(X) \
	X(idle_spin, 0, 1000000, "us", NVMEV_LIVE, "us: how long a thread looks for more work before it sleeps (200)") \
	X(idle_poll, 10, 10000000, "us", NVMEV_LIVE, "us: how often a sleeping dispatcher has doorbells looked at (90)") \
	X(wake_early, 0, 1000000, "us", NVMEV_LIVE, "us: how long before a completion is due its thread wakes (20)") \
	X(min_free, 0, UINT_MAX >> 1, "MiB", NVMEV_LIVE, \
	  "MiB: memory that medium=pages leaves to the system; 0: a sixteenth of all (0)") \
	X(nr_devices, 0, 1, "devices", NVMEV_FIXED, \
	  "count: devices made of these parameters, 0 or 1; others come through configfs (1)")

#define NVMEV_DEFINE_TUNABLE(key, min_, max_, unit_, permissions, description) \
	static struct nvmev_tunable nvmev_tunable_##key = { \
		.name = #key, \
		.value = &nvmev_tunables.key, \
		.min = min_, \
		.max = max_, \
		.unit = unit_, \
	}; \
	module_param_cb(key, &nvmev_tunable_ops, &nvmev_tunable_##key, permissions); \
	MODULE_PARM_DESC(key, description);
NVMEV_TUNABLES(NVMEV_DEFINE_TUNABLE)

#define NVMEV_TUNABLE_ADDRESS(key, ...) &nvmev_tunable_##key,
static struct nvmev_tunable *const nvmev_all_tunables[] = {
	NVMEV_TUNABLES(NVMEV_TUNABLE_ADDRESS)
};
/* clang-format on */

static int nvmev_tunable_apply(const struct nvmev_tunable *tunable, const char *text)
{
	unsigned int value;

	/* kstrtouint() would take a sign. */
	if (!isdigit(*text) || kstrtouint(text, 0, &value)) {
		pr_err("nvmev: %s=%.48s: a whole number of %s is right\n", tunable->name, text,
		       tunable->unit);
		return -EINVAL;
	}
	if (value < tunable->min || value > tunable->max) {
		pr_err("nvmev: %s=%s is out of range: %u to %u %s is right\n", tunable->name, text,
		       tunable->min, tunable->max, tunable->unit);
		return -ERANGE;
	}
	WRITE_ONCE(*tunable->value, value);
	return 0;
}

static int nvmev_tunable_set(const char *value, const struct kernel_param *kp)
{
	struct nvmev_tunable *tunable = kp->arg;
	char *copy = kstrdup(skip_spaces(value), GFP_KERNEL);
	int result = 0;

	if (!copy)
		return -ENOMEM;
	strim(copy);

	mutex_lock(&nvmev_params_lock);
	if (nvmev_params_were_read)
		result = nvmev_tunable_apply(tunable, copy);
	if (!result)
		swap(tunable->text, copy);
	mutex_unlock(&nvmev_params_lock);
	kfree(copy);
	return result;
}

static int nvmev_tunable_get(char *buffer, const struct kernel_param *kp)
{
	const struct nvmev_tunable *tunable = kp->arg;

	return scnprintf(buffer, PAGE_SIZE, "%u\n", READ_ONCE(*tunable->value));
}

static void nvmev_tunable_free(void *arg)
{
	struct nvmev_tunable *tunable = arg;

	kfree(tunable->text);
	tunable->text = NULL;
}

static const struct kernel_param_ops nvmev_tunable_ops = {
	.set = nvmev_tunable_set,
	.get = nvmev_tunable_get,
	.free = nvmev_tunable_free,
};

/* ---- Life ------------------------------------------------------------------------------------ */

static int nvmev_tunables_read(void)
{
	unsigned int i;
	int result = 0;

	mutex_lock(&nvmev_params_lock);
	for (i = 0; i < ARRAY_SIZE(nvmev_all_tunables) && !result; i++) {
		if (nvmev_all_tunables[i]->text)
			result = nvmev_tunable_apply(nvmev_all_tunables[i], nvmev_all_tunables[i]->text);
	}
	WRITE_ONCE(nvmev_params_were_read, true);
	mutex_unlock(&nvmev_params_lock);
	return result;
}

int nvmev_params_start(void)
{
	int result = nvmev_tunables_read();

	if (!result && nvmev_tunables.nr_devices)
		result = nvmev_param_set_start(&nvmev_first);
	return result;
}

void nvmev_params_stop(void)
{
	nvmev_param_set_stop(&nvmev_first);
}
