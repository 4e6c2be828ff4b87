// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is small of what the core asks of its host.
 */
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/printk.h>

#include "device.h"

struct nvmev_function *nvmev_host_function(struct nvmev_host *host, unsigned int controller)
{
	return &host->functions[controller];
}

void nvmev_host_critical_begin(struct nvmev_host *host)
{
	preempt_disable();
}

void nvmev_host_critical_end(struct nvmev_host *host)
{
	preempt_enable();
}

void nvmev_host_log(struct nvmev_host *host, enum nvmev_log_level level, const char *format, ...)
{
	const char *name = host ? host->name : "core";
	struct va_format text;
	va_list args;

	va_start(args, format);
	text.fmt = format;
	text.va = &args;
	switch (level) {
	case NVMEV_LOG_ERROR:
		pr_err("nvmev: %s: %pV\n", name, &text);
		break;
	case NVMEV_LOG_WARNING:
		pr_warn("nvmev: %s: %pV\n", name, &text);
		break;
	case NVMEV_LOG_NOTICE:
		pr_notice("nvmev: %s: %pV\n", name, &text);
		break;
	case NVMEV_LOG_INFO:
		pr_info("nvmev: %s: %pV\n", name, &text);
		break;
	case NVMEV_LOG_DEBUG:
		pr_debug("nvmev: %s: %pV\n", name, &text);
		break;
	}
	va_end(args);
}

int nvmev_fail(struct nvmev_error *error, int result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vscnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return result;
}
