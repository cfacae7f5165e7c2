/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes as Docker's units.RAMInBytes reads them: 512, 64m, 1.5g, 10KiB, 2 GB; powers of 1024. Pure. */
#include "options/options.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Exponent of 1024 for the unit, -1 if it is none. */
static int unit_power(const char *unit)
{
	static const char letters[] = "kmgtp";
	const char *found;
	int power = 0;

	if (unit[0] == ' ' && unit[1])
		unit++;
	if (!*unit || strcasecmp(unit, "b") == 0)
		return 0;
	found = strchr(letters, *unit | 0x20);
	if (!found)
		return -1;
	power = (int)(found - letters) + 1;
	unit++;
	if (*unit == 'i' || *unit == 'I')
		unit++;
	return !*unit || strcasecmp(unit, "b") == 0 ? power : -1;
}

int parse_size(const char *value, int64_t *ret, struct err *err)
{
	const char *s = value;
	double number = 0, scale = 1;
	int power;

	if (*s < '0' || *s > '9')
		return err_set(err, -EINVAL, "invalid size: '%s'", value);
	while (*s >= '0' && *s <= '9')
		number = number * 10 + (*s++ - '0');
	if (s[0] == '.' && s[1] >= '0' && s[1] <= '9')
		for (s++; *s >= '0' && *s <= '9'; s++)
			number += (*s - '0') * (scale /= 10);
	power = unit_power(s);
	if (power < 0)
		return err_set(err, -EINVAL, "invalid size: '%s'", value);
	while (power-- > 0)
		number *= 1024;
	if (number >= 9.2e18)
		return err_set(err, -ERANGE, "invalid size: '%s' is too large", value);
	*ret = (int64_t)number;
	return 0;
}
