// SPDX-License-Identifier: GPL-2.0-only
/*
 * More devices than the module's parameters describe: each directory in /sys/kernel/config/nvmev is one.
 * Its files are the parameters of param_list.h, and `power`: 1 makes the device of what was written
 * to the others, 0 takes it away, as rmdir does.
 *
 * On most kernels configfs is a module, which insmod does not load. nvmev does without it then: references
 * to it are weak.
 */
#include <linux/configfs.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"
#include "param_set.h"

extern int configfs_register_subsystem(struct configfs_subsystem *subsys) __weak;
extern void configfs_unregister_subsystem(struct configfs_subsystem *subsys) __weak;
extern void config_group_init(struct config_group *group) __weak;
extern void config_item_init_type_name(struct config_item *item, const char *name,
				       const struct config_item_type *type) __weak;
extern void config_item_put(struct config_item *item) __weak;

#define NVMEV_TEXT_MAX 4095u

struct nvmev_config_device {
	struct config_item item;
	struct nvmev_param_set params;
	char name[NVMEV_NAME_MAX + 1];
};

static struct nvmev_param_set *nvmev_params_of(struct config_item *item)
{
	return &container_of(item, struct nvmev_config_device, item)->params;
}

/* ---- Files of a device ----------------------------------------------------------------------- */

#define NVMEV_PARAM_ATTRIBUTE(key, ...) \
	static ssize_t nvmev_##key##_show(struct config_item *item, char *page) \
	{ \
		return nvmev_param_set_show(nvmev_params_of(item), NVMEV_PARAM_##key, page); \
	} \
	static ssize_t nvmev_##key##_store(struct config_item *item, const char *page, size_t count) \
	{ \
		return nvmev_param_store(item, NVMEV_PARAM_##key, page, count); \
	} \
	CONFIGFS_ATTR(nvmev_, key);

static ssize_t nvmev_param_store(struct config_item *item, enum nvmev_param_id id, const char *page,
				 size_t count)
{
	struct nvmev_param_set *params = nvmev_params_of(item);
	int result;

	/* configfs takes as much at once: the rest would come as a text of its own. */
	if (count >= NVMEV_TEXT_MAX) {
		pr_err("nvmev: %s: %s: less than %u characters at once are right\n", params->name,
		       nvmev_device_params[id].name, NVMEV_TEXT_MAX);
		return -EFBIG;
	}
	result = nvmev_param_set_write(params, id, page);
	return result ? result : count;
}

NVMEV_DEVICE_PARAMS(NVMEV_PARAM_ATTRIBUTE)

static ssize_t nvmev_power_show(struct config_item *item, char *page)
{
	return scnprintf(page, PAGE_SIZE, "%d\n", nvmev_param_set_is_on(nvmev_params_of(item)));
}

static ssize_t nvmev_power_store(struct config_item *item, const char *page, size_t count)
{
	struct nvmev_param_set *params = nvmev_params_of(item);
	int result = 0;
	bool on;

	if (kstrtobool(page, &on)) {
		pr_err("nvmev: %s: power=%.*s: 0 or 1 is right\n", params->name,
		       (int)min_t(size_t, strcspn(page, "\n"), 48), page);
		return -EINVAL;
	}
	if (on)
		result = nvmev_param_set_start(params);
	else
		nvmev_param_set_stop(params);
	return result ? result : count;
}
CONFIGFS_ATTR(nvmev_, power);

#define NVMEV_ATTRIBUTE_ADDRESS(key, ...) &nvmev_attr_##key,
static struct configfs_attribute *nvmev_device_attributes[] = {
	&nvmev_attr_power,
	NVMEV_DEVICE_PARAMS(NVMEV_ATTRIBUTE_ADDRESS)
	NULL,
};

static void nvmev_device_release(struct config_item *item)
{
	struct nvmev_config_device *device = container_of(item, struct nvmev_config_device, item);

	nvmev_param_set_exit(&device->params);
	kfree(device);
}

static struct configfs_item_operations nvmev_device_operations = {
	.release = nvmev_device_release,
};

static const struct config_item_type nvmev_device_type = {
	.ct_item_ops = &nvmev_device_operations,
	.ct_attrs = nvmev_device_attributes,
	.ct_owner = THIS_MODULE,
};

/* ---- The directory of all -------------------------------------------------------------------- */

/* A name becomes that of threads and files, and what Identify tells. */
static int nvmev_check_name(const char *name)
{
	size_t length;

	for (length = 0; name[length]; length++) {
		if (!isascii(name[length]) || (!isalnum(name[length]) && !strchr("._-", name[length])))
			break;
	}
	if (name[length] || length > NVMEV_NAME_MAX) {
		pr_err("nvmev: device '%.48s': a name of up to %zu letters, digits, '.', '_', '-' is right\n",
		       name, NVMEV_NAME_MAX);
		return -EINVAL;
	}
	if (!strcmp(name, NVMEV_FIRST_NAME)) {
		pr_err("nvmev: device '%s': that is the one of the module's parameters, another name is right\n",
		       name);
		return -EEXIST;
	}
	return 0;
}

static struct config_item *nvmev_make_item(struct config_group *group, const char *name)
{
	struct nvmev_config_device *device;
	int result = nvmev_check_name(name);

	if (result)
		return ERR_PTR(result);
	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return ERR_PTR(-ENOMEM);
	strscpy(device->name, name, sizeof(device->name));
	nvmev_param_set_init(&device->params, device->name);
	config_item_init_type_name(&device->item, name, &nvmev_device_type);
	return &device->item;
}

static void nvmev_drop_item(struct config_group *group, struct config_item *item)
{
	nvmev_param_set_stop(nvmev_params_of(item));
	config_item_put(item);
}

static struct configfs_group_operations nvmev_group_operations = {
	.make_item = nvmev_make_item,
	.drop_item = nvmev_drop_item,
};

static ssize_t nvmev_types_show(struct config_item *item, char *page)
{
	return scnprintf(page, PAGE_SIZE, "%s\n", nvmev_type_names());
}
CONFIGFS_ATTR_RO(nvmev_, types);

static ssize_t nvmev_profiles_show(struct config_item *item, char *page)
{
	return scnprintf(page, PAGE_SIZE, "%s\n", nvmev_profile_names());
}
CONFIGFS_ATTR_RO(nvmev_, profiles);

static struct configfs_attribute *nvmev_group_attributes[] = {
	&nvmev_attr_types,
	&nvmev_attr_profiles,
	NULL,
};

static const struct config_item_type nvmev_group_type = {
	.ct_group_ops = &nvmev_group_operations,
	.ct_attrs = nvmev_group_attributes,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem nvmev_subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "nvmev",
			.ci_type = &nvmev_group_type,
		},
	},
	.su_mutex = __MUTEX_INITIALIZER(nvmev_subsystem.su_mutex),
};

int nvmev_configfs_init(void)
{
	if (!configfs_register_subsystem) {
		pr_info("nvmev: configfs is not loaded: no devices but that of the module's parameters\n");
		return 0;
	}
	config_group_init(&nvmev_subsystem.su_group);
	return configfs_register_subsystem(&nvmev_subsystem);
}

void nvmev_configfs_exit(void)
{
	if (configfs_register_subsystem)
		configfs_unregister_subsystem(&nvmev_subsystem);
}
