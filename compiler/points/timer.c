/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timer.c - timer.s(N) and its like, with .randomize(M): each period is N
 * units plus a random -M to +M. jiffies are the target's.
 */
#include "family.h"

#include <string.h>

enum unit { UNIT_S, UNIT_MS, UNIT_US, UNIT_NS, UNIT_JIFFIES, UNIT_HZ };

#define SECOND INT64_C(1000000000)

/* Nanoseconds of one unit; 0: complained. */
static int64_t unit_ns(struct job *j, struct point *pt, enum unit unit)
{
	int hz = target_features(j->target)->hz;

	switch (unit) {
	case UNIT_S: return SECOND;
	case UNIT_MS: return SECOND / 1000;
	case UNIT_US: return SECOND / 1000000;
	case UNIT_NS: return 1;
	case UNIT_HZ: return SECOND;
	case UNIT_JIFFIES:
		if (hz > 0)
			return SECOND / hz;
		complain(j, pt->at, E_UNSUPPORTED, "how long a jiffy is needs "
			 "the kernel's config, which is not there");
	}
	return 0;
}

static bool expand(struct job *j, struct probe *pr, struct point *pt,
		   const struct shape *shape, struct expr **args)
{
	enum unit unit = (enum unit)shape->data;
	int64_t n = args[0]->num, ns = unit_ns(j, pt, unit);
	int64_t random = args[1] ? args[1]->num : 0;
	const char *word = shape->pattern + strlen("timer.");
	int len = (int)strcspn(word, "(");
	struct site *s;

	if (!ns)
		return false;
	if (n < 1 || (unit == UNIT_HZ ? n > SECOND : n > INT64_MAX / ns))
		return complain(j, args[0]->at, E_PROBE_ARG,
				"a timer's period must be 1 at least%s",
				n < 1 ? "" : ", and not as much as that");
	if (random < 0 || random > n)
		return complain(j, args[1]->at, E_PROBE_ARG, "randomize must "
				"be between 0 and the period");
	s = site_new(j, pr, pt, &family_timer, AT_TIMER,
		     args[1] ? arena_printf(&j->mem,
				"timer.%.*s(%jd).randomize(%jd)", len, word,
				(intmax_t)n, (intmax_t)random) :
		     arena_printf(&j->mem, "timer.%.*s(%jd)", len, word,
				  (intmax_t)n));
	s->timer_ns = (uint64_t)(unit == UNIT_HZ ? SECOND / n : n * ns);
	s->timer_random_ns = (uint64_t)(random * ns);
	return true;
}

#define UNIT(word, unit) \
	{ "timer." word "(n)", expand, unit }, \
	{ "timer." word "(n).randomize(n)", expand, unit }

static const struct shape shapes[] = {
	UNIT("s", UNIT_S), UNIT("sec", UNIT_S),
	UNIT("ms", UNIT_MS), UNIT("msec", UNIT_MS),
	UNIT("us", UNIT_US), UNIT("usec", UNIT_US),
	UNIT("ns", UNIT_NS), UNIT("nsec", UNIT_NS),
	UNIT("jiffies", UNIT_JIFFIES),
	{ "timer.hz(n)", expand, UNIT_HZ },
	{ NULL, NULL, 0 }
};

const struct family family_timer = { "timer", shapes };
