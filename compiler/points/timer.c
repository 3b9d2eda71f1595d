/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timer.c - timer.s(N) and its like, with .randomize(M): each period is N
 * units plus a random -M to +M. jiffies are the target's. And timer.profile,
 * which hits on every CPU, in whatever runs there: the kernel's cpu-clock.
 */
#include "family.h"

#include <string.h>

enum { SOFTWARE = 1, CPU_CLOCK = 0 };	/* of perf_event_open(2) */
enum { MAX_PROFILE_HZ = 100000 };	/* the clock's period is 10 us at least */

enum unit { UNIT_S, UNIT_MS, UNIT_US, UNIT_NS, UNIT_JIFFIES, UNIT_HZ };

#define SECOND INT64_C(1000000000)
#define MAX_PERIOD (INT64_MAX / 4)	/* as readers of bundles have it */

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
	if (n < 1 || (unit == UNIT_HZ ? n > SECOND : n > MAX_PERIOD / ns))
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

/* timer.profile is by the kernel's ticks, .hz(N) and .freq.hz(N) are not. */
static bool expand_profile(struct job *j, struct probe *pr, struct point *pt,
			   const struct shape *shape, struct expr **args)
{
	struct site_event *e = NEW(&j->mem, struct site_event);
	const char *name = shape->pattern;
	struct site *s;

	if (!event_possible(j, pt))
		return false;
	if (args[0] && (args[0]->num < 1 || args[0]->num > MAX_PROFILE_HZ))
		return complain(j, args[0]->at, E_PROBE_ARG, "the frequency "
				"must be between 1 and %d hz", MAX_PROFILE_HZ);
	e->type = SOFTWARE;
	e->config = CPU_CLOCK;
	e->rate = (uint64_t)(args[0] ? SECOND / args[0]->num :
			     unit_ns(j, pt, UNIT_JIFFIES));
	if (!e->rate)
		return false;
	if (args[0])
		name = arena_printf(&j->mem, "%.*s(%jd)",
				    (int)strcspn(name, "("), name,
				    (intmax_t)args[0]->num);
	s = site_new(j, pr, pt, &family_timer, AT_PERF_EVENT, name);
	s->event = e;
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
	{ "timer.profile", expand_profile, 0 },
	{ "timer.profile.tick", expand_profile, 0 },
	{ "timer.profile.hz(n)", expand_profile, 0 },
	{ "timer.profile.freq.hz(n)", expand_profile, 0 },
	{ NULL, NULL, 0 }
};

const struct family family_timer = { "timer", shapes };
