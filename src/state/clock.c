/* SPDX-License-Identifier: Apache-2.0 */
/* Times as records and logs hold them: RFC 3339 with nanoseconds, in UTC when written. Pure. */
#include "state/state.h"

#include <errno.h>

#define NS 1000000000LL

int64_t state_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail with this clock */
	return (int64_t)ts.tv_sec * NS + ts.tv_nsec;
}

void state_time_format(int64_t ns, bool fixed, char ret[STATE_TIME_MAX])
{
	time_t seconds = (time_t)(ns / NS);
	long rest = (long)(ns % NS);
	char frac[16];
	struct tm tm;
	int n;

	if (rest < 0) {
		rest += NS;
		seconds--;
	}
	(void)gmtime_r(&seconds, &tm); /* fails beyond year 2^31, out of int64 ns */
	n = snprintf(frac, sizeof(frac), ".%09ld", rest);
	while (!fixed && n > 1 && frac[n - 1] == '0')
		frac[--n] = '\0';
	snprintf(ret, STATE_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, n > 1 ? frac : "");
}

/* Exactly `digits` decimal digits at *p, then `after` (0: anything). -1 if not so. */
static int number(const char **p, int digits, char after)
{
	int n = 0;

	for (int i = 0; i < digits; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		n = n * 10 + (**p - '0');
	}
	if (after && *(*p)++ != after)
		return -1;
	return n;
}

static int parse_fraction(const char **p, int64_t *ret)
{
	int64_t ns = 0, unit = NS / 10;

	if (**p != '.')
		return 0;
	if (*++*p < '0' || **p > '9')
		return -EINVAL;
	for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		ns += (**p - '0') * unit;
	*ret = ns;
	return 0;
}

/* "Z", "+02:00" → seconds east of Greenwich */
static int parse_zone(const char *p, int64_t *ret)
{
	int sign = *p == '-' ? -1 : 1, hours, minutes;

	if ((*p == 'Z' || *p == 'z') && p[1] == '\0') {
		*ret = 0;
		return 0;
	}
	if (*p != '+' && *p != '-')
		return -EINVAL;
	p++;
	hours = number(&p, 2, ':');
	minutes = hours < 0 ? -1 : number(&p, 2, 0);
	if (minutes < 0 || hours > 23 || minutes > 59 || *p)
		return -EINVAL;
	*ret = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int state_time_parse(const char *text, int64_t *ret)
{
	int part[6], most[] = { 9999, 12, 31, 23, 59, 60 };
	const char after[] = { '-', '-', 0, ':', ':', 0 };
	int64_t ns = 0, zone = 0;
	struct tm tm = { 0 };

	for (int i = 0; i < 6; i++) {
		part[i] = number(&text, i ? 2 : 4, after[i]);
		if (part[i] < 0 || part[i] > most[i])
			return -EINVAL;
		if (i == 2 && *text != 'T' && *text != 't' && *text != ' ')
			return -EINVAL;
		text += i == 2;
	}
	if (parse_fraction(&text, &ns) < 0 || parse_zone(text, &zone) < 0 || !part[1] || !part[2])
		return -EINVAL;
	tm.tm_year = part[0] - 1900;
	tm.tm_mon = part[1] - 1;
	tm.tm_mday = part[2];
	tm.tm_hour = part[3];
	tm.tm_min = part[4];
	tm.tm_sec = part[5];
	if (part[0] < 1678 || part[0] > 2261)
		return -EINVAL; /* what int64 nanoseconds can hold */
	*ret = ((int64_t)timegm(&tm) - zone) * NS + ns;
	return 0;
}
