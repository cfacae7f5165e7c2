/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and sizes for people, worded and rounded as Docker's users know them. */
#include "commands/output.h"

#include "base/own.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

void units_duration(int64_t s, char ret[UNITS_MAX])
{
	int64_t hours = (s + HOUR / 2) / HOUR; /* rounded, unlike the others */

	if (s < 1)
		snprintf(ret, UNITS_MAX, "Less than a second");
	else if (s == 1)
		snprintf(ret, UNITS_MAX, "1 second");
	else if (s < MINUTE)
		snprintf(ret, UNITS_MAX, "%d seconds", (int)s);
	else if (s < 2 * MINUTE)
		snprintf(ret, UNITS_MAX, "About a minute");
	else if (s < HOUR)
		snprintf(ret, UNITS_MAX, "%d minutes", (int)(s / MINUTE));
	else if (hours == 1)
		snprintf(ret, UNITS_MAX, "About an hour");
	else if (hours < 48)
		snprintf(ret, UNITS_MAX, "%d hours", (int)hours);
	else if (hours < 24 * 14)
		snprintf(ret, UNITS_MAX, "%d days", (int)(hours / 24));
	else if (hours < 24 * 60)
		snprintf(ret, UNITS_MAX, "%d weeks", (int)(hours / 24 / 7));
	else if (hours < 24 * 365 * 2)
		snprintf(ret, UNITS_MAX, "%d months", (int)(hours / 24 / 30));
	else
		snprintf(ret, UNITS_MAX, "%lld years", (long long)(s / DAY / 365));
}

void units_size(int64_t bytes, int digits, char ret[UNITS_MAX])
{
	static const char *const names[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double size = (double)bytes;
	size_t i = 0;

	while (size >= 1000 && i + 1 < ARRAY_SIZE(names)) {
		size /= 1000;
		i++;
	}
	snprintf(ret, UNITS_MAX, "%.*g%s", digits, size, names[i]);
}

void units_binary(int64_t bytes, char ret[UNITS_MAX])
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double size = (double)bytes;
	size_t i = 0;

	while (size >= 1024 && i + 1 < ARRAY_SIZE(names)) {
		size /= 1024;
		i++;
	}
	snprintf(ret, UNITS_MAX, "%.4g%s", size, names[i]);
}

void units_local_time(int64_t ns, char ret[UNITS_MAX])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm = { 0 };

	(void)localtime_r(&seconds, &tm); /* fails beyond year 2^31, out of int64 ns */
	if (strftime(ret, UNITS_MAX, "%Y-%m-%d %H:%M:%S %z %Z", &tm) == 0)
		ret[0] = '\0';
}
