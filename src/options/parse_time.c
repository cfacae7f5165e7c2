/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time as Docker takes them: RFC 3339 ("2026-11-03T10:00:00.5Z", also without zone, seconds or
 * time of day), unix seconds with a fraction, or a Go duration before now. Durations are Go's
 * ("1h30m", "1.5s", "300ms"). Nanoseconds in int64_t: years 1678 to 2262. Pure; a time without
 * zone is local.
 */
#include "options/options.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/own.h"

#define NS_PER_SECOND 1000000000LL

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits after a '.' as nanoseconds; more than nine are cut. */
static int64_t read_fraction(const char **s)
{
	int64_t scale = NS_PER_SECOND, ns = 0;

	for (; is_digit(**s); (*s)++) {
		scale /= 10;
		ns += (**s - '0') * scale;
	}
	return ns;
}

static int to_ns(int64_t seconds, int64_t fraction, int64_t *ret)
{
	int64_t ns;

	if (__builtin_mul_overflow(seconds, NS_PER_SECOND, &ns) ||
		__builtin_add_overflow(ns, fraction, &ns))
		return -ERANGE;
	*ret = ns;
	return 0;
}

/* ---- durations ---- */

static int64_t read_unit(const char **s)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "\xc2\xb5s", 1000 }, /* µ, both code points */
		{ "\xce\xbcs", 1000 },
		{ "ms", 1000000 },
		{ "s", NS_PER_SECOND },
		{ "m", 60 * NS_PER_SECOND },
		{ "h", 3600 * NS_PER_SECOND },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(*s, units[i].name, len) == 0) {
			*s += len;
			return units[i].ns;
		}
	}
	return 0;
}

/* One "1.5h"; adds it to *sum. */
static int read_part(const char **s, int64_t *sum)
{
	int64_t whole = 0, fraction = 0, unit, ns;

	if (!is_digit(**s) && !(**s == '.' && is_digit((*s)[1])))
		return -EINVAL;
	for (; is_digit(**s); (*s)++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
			__builtin_add_overflow(whole, **s - '0', &whole))
			return -ERANGE;
	if (**s == '.') {
		(*s)++;
		fraction = read_fraction(s);
	}
	unit = read_unit(s);
	if (unit == 0)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, unit, &ns))
		return -ERANGE;
	ns += (int64_t)((double)fraction / (double)NS_PER_SECOND * (double)unit);
	return ns < 0 || __builtin_add_overflow(*sum, ns, sum) ? -ERANGE : 0;
}

static int read_duration(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	int64_t sum = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (strcmp(s, "0") == 0) {
		*ret = 0;
		return 0;
	}
	do {
		TRY(read_part(&s, &sum));
	} while (*s);
	*ret = negative ? -sum : sum;
	return 0;
}

int parse_duration(const char *value, int64_t *ret, struct err *err)
{
	int r = read_duration(value, ret);

	return r < 0 ? err_set(err, r, "time: invalid duration \"%s\"", value) : 0;
}

/* ---- points in time ---- */

/* Exactly n digits within [low, high]. */
static int read_number(const char **s, int n, int high, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (!is_digit(**s))
			return -EINVAL;
		value = value * 10 + (**s - '0');
	}
	if (value > high)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int expect(const char **s, char c)
{
	if (**s != c)
		return -EINVAL;
	(*s)++;
	return 0;
}

static int read_date(const char **s, struct tm *tm)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month;

	TRY(read_number(s, 4, 9999, &year));
	TRY(expect(s, '-'));
	TRY(read_number(s, 2, 12, &month));
	TRY(expect(s, '-'));
	TRY(read_number(s, 2, 31, &tm->tm_mday));
	if (month == 0 || tm->tm_mday == 0 || tm->tm_mday > days[month - 1])
		return -EINVAL;
	if (month == 2 && tm->tm_mday == 29 && (year % 4 || (year % 100 == 0 && year % 400)))
		return -EINVAL;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	return 0;
}

/* "T10", "T10:20", "T10:20:30", "T10:20:30.5" or nothing. */
static int read_clock(const char **s, struct tm *tm, int64_t *fraction)
{
	if (**s != 'T' && **s != 't')
		return 0;
	(*s)++;
	TRY(read_number(s, 2, 23, &tm->tm_hour));
	if (**s != ':')
		return 0;
	(*s)++;
	TRY(read_number(s, 2, 59, &tm->tm_min));
	if (**s != ':')
		return 0;
	(*s)++;
	TRY(read_number(s, 2, 60, &tm->tm_sec));
	if (s[0][0] == '.' && is_digit(s[0][1])) {
		(*s)++;
		*fraction = read_fraction(s);
	}
	return 0;
}

/* "Z", "+02:00" or nothing (local time) → seconds since the epoch. */
static int read_zone(const char **s, struct tm *tm, int64_t *ret)
{
	int sign, hours, minutes;

	if (!**s) {
		tm->tm_isdst = -1;
		*ret = mktime(tm);
		return 0;
	}
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		*ret = timegm(tm);
		return 0;
	}
	if (**s != '+' && **s != '-')
		return -EINVAL;
	sign = *(*s)++ == '-' ? -1 : 1;
	TRY(read_number(s, 2, 23, &hours));
	TRY(expect(s, ':'));
	TRY(read_number(s, 2, 59, &minutes));
	*ret = timegm(tm) - sign * (hours * 3600 + minutes * 60);
	return 0;
}

static int read_rfc3339(const char *s, int64_t *ret)
{
	struct tm tm = { 0 };
	int64_t fraction = 0, seconds;

	TRY(read_date(&s, &tm));
	TRY(read_clock(&s, &tm, &fraction));
	TRY(read_zone(&s, &tm, &seconds));
	return *s ? -EINVAL : to_ns(seconds, fraction, ret);
}

static int read_unix(const char *s, int64_t *ret)
{
	int64_t seconds = 0, fraction = 0;

	if (!is_digit(*s))
		return -EINVAL;
	for (; is_digit(*s); s++)
		if (__builtin_mul_overflow(seconds, 10, &seconds) ||
			__builtin_add_overflow(seconds, *s - '0', &seconds))
			return -ERANGE;
	if (*s == '.') {
		s++;
		fraction = read_fraction(&s);
	}
	return *s ? -EINVAL : to_ns(seconds, fraction, ret);
}

int parse_time(const char *value, int64_t now, int64_t *ret, struct err *err)
{
	int64_t ns;

	if (read_unix(value, &ns) < 0 && read_rfc3339(value, &ns) < 0) {
		if (read_duration(value, &ns) < 0 || __builtin_sub_overflow(now, ns, &ns))
			return err_set(err, -EINVAL,
				"\"%s\" is neither a time (2026-11-03T10:00:00Z, 1793700000) nor a "
				"duration before now (10m, 1h30m)",
				value);
	}
	*ret = ns;
	return 0;
}
