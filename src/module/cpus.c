// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of CPUs such as 1,3,17-19, in which order counts.
 */
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "device.h"

static int nvmev_cpus_add(const char *text, unsigned int cpu, struct nvmev_settings *settings,
			  struct nvmev_error *error)
{
	unsigned int i;

	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return nvmev_fail(error, -ENODEV,
				  "cpus=%s: there is no CPU %u, of 0 to %u are right", text, cpu,
				  cpumask_last(cpu_possible_mask));
	if (!cpu_online(cpu))
		return nvmev_fail(error, -ENODEV,
				  "cpus=%s: CPU %u is offline, CPUs of %*pbl are right", text, cpu,
				  cpumask_pr_args(cpu_online_mask));
	for (i = 0; i < settings->nr_cpus; i++) {
		if (settings->cpus[i] == cpu)
			return nvmev_fail(error, -EINVAL,
					  "cpus=%s: CPU %u stands there twice, once is right", text,
					  cpu);
	}
	if (settings->nr_cpus == NVMEV_MAX_THREADS)
		return nvmev_fail(error, -EINVAL, "cpus=%s: too many, at most %u are right", text,
				  NVMEV_MAX_THREADS);
	settings->cpus[settings->nr_cpus++] = cpu;
	return 0;
}

/* Parses "3" or "3-7" up to the end of the string. */
static bool nvmev_cpus_parse_range(char *item, unsigned int *first, unsigned int *last)
{
	char *dash = strchr(item, '-');

	if (dash)
		*dash++ = '\0';
	/* kstrtouint() would take a sign. */
	if (!isdigit(*item) || kstrtouint(item, 10, first))
		return false;
	*last = *first;
	return !dash || (isdigit(*dash) && !kstrtouint(dash, 10, last) && *first <= *last);
}

int nvmev_cpus_parse(const char *text, struct nvmev_settings *settings, struct nvmev_error *error)
{
	const char *at = text;
	char item[24];
	unsigned int first, last;
	int result;

	settings->nr_cpus = 0;
	do {
		size_t length = strcspn(at, ",");

		if (length < sizeof(item)) {
			memcpy(item, at, length);
			item[length] = '\0';
		}
		if (length >= sizeof(item) || !nvmev_cpus_parse_range(item, &first, &last))
			return nvmev_fail(
				error, -EINVAL,
				"cpus=%s: '%.*s' is neither a CPU nor a range, a list such as 1,3,17-19 is right",
				text, (int)length, at);
		do {
			result = nvmev_cpus_add(text, first, settings, error);
			if (result)
				return result;
		} while (first++ != last);
		at += length;
	} while (*at++ == ',');
	return 0;
}
