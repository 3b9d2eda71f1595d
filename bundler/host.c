/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundler/host.h"

#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const host_feature_names[HOST_FEATURES] = {
	"btf", "kprobes", "uprobes", "kprobe.multi", "uprobe.multi", "fentry",
	"netfilter",
};
const char *const host_lockdown_names[3] = { "none", "integrity",
					     "confidentiality" };
const char *const host_addresses_names[4] = { "unknown", "hidden",
					      "in memory", "shown" };
const char *const host_loading_names[4] = { "unknown", "none", "disabled",
					    "allowed" };
const char *const host_level_names[3] = { "stapdev", "stapsys", "stapusr" };

struct table {
	const uint8_t *base;
	uint32_t n, stride;
};
#define AT(type, t, i) STB_ROW(type, (t).base, (t).stride, i)

struct judge {
	const struct host *h;
	const struct host_bundle *b;
	const struct stb_limits *limits;
	struct table progs, sites, builds, maps;
	void (*put)(void *arg, const struct host_check *c);
	void *arg;
	struct host_check c;	/* the one at hand */
	int code;		/* of the first failure */
};

static struct table table_of(const struct stb_set *s, uint32_t kind,
			     size_t size)
{
	struct table t = { 0 };

	t.base = s ? stb_table(s, kind, size, &t.n, &t.stride) : NULL;
	if (!t.base)
		t.n = 0;
	return t;
}

/* --- one check ------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3)))
static void begin(struct judge *j, const char *fmt, ...)
{
	va_list ap;

	memset(&j->c, 0, sizeof(j->c));
	va_start(ap, fmt);
	vsnprintf(j->c.name, sizeof(j->c.name), fmt, ap);
	va_end(ap);
}

#define WANT(j, ...) snprintf((j)->c.wanted, sizeof((j)->c.wanted), __VA_ARGS__)
#define FIND(j, ...) snprintf((j)->c.found, sizeof((j)->c.found), __VA_ARGS__)
#define ADVISE(j, ...) snprintf((j)->c.todo, sizeof((j)->c.todo), __VA_ARGS__)

static void end(struct judge *j, enum host_result result, int code)
{
	j->c.result = result;
	if (result == CHECK_NO) {
		j->c.code = code;
		if (!j->code)
			j->code = code;
	}
	j->put(j->arg, &j->c);
}

static void ok(struct judge *j)
{
	end(j, CHECK_OK, 0);
}

static const char *id_text(char to[41], const struct stb_build_id *id)
{
	for (unsigned i = 0; i < id->len && i < sizeof(id->bytes); i++)
		snprintf(to + 2 * i, 3, "%02x", id->bytes[i]);
	if (!id->len)
		strcpy(to, "none");
	return to;
}

static bool same_id(const struct stb_build_id *a, const struct stb_build_id *b)
{
	return a->len && a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

/* One more of those that will do. */
static void want_id(struct judge *j, const char *label,
		    const struct stb_build_id *id)
{
	size_t n = strlen(j->c.wanted);
	char text[41];

	snprintf(j->c.wanted + n, sizeof(j->c.wanted) - n, "%s%s%sbuild-id %s",
		 n ? " or " : "", label, *label ? ", " : "",
		 id_text(text, id));
}

/* --- who, and which kernel --------------------------------------------------------- */

static void judge_signature(struct judge *j)
{
	const char *id = j->b->key_id ? j->b->key_id : "?";

	begin(j, "signature");
	if (!j->h->nkeys) {
		WANT(j, "none: this host trusts no key");
		FIND(j, "nobody has proven who made this bundle");
		ok(j);
		return;
	}
	WANT(j, "one by a trusted key");
	switch (j->b->signature) {
	case SIGNATURE_GOOD:
		FIND(j, "key %s, which is trusted", id);
		ok(j);
		return;
	case SIGNATURE_NONE:
		FIND(j, "none");
		ADVISE(j, "sign it (stb sign), or run it with --unsigned");
		break;
	case SIGNATURE_WAIVED:
		FIND(j, "none");
		ADVISE(j, "--unsigned was given");
		end(j, CHECK_NOTE, 0);
		return;
	case SIGNATURE_STRANGER:
		FIND(j, "key %s, which is not trusted here", id);
		ADVISE(j, "put that key's .pub into /etc/stap-load/trusted.d, or "
		     "name it with --trust");
		break;
	case SIGNATURE_BROKEN:
		FIND(j, "one with key %s that does not hold", id);
		ADVISE(j, "get bundle and signature again from where they were "
		     "made");
		break;
	}
	end(j, CHECK_NO, j->b->signature == SIGNATURE_STRANGER ?
	    HOST_STRANGER : HOST_UNPROVEN);
}

const struct stb_variant *host_variant(const struct stb_set *index,
				       const struct stb_build_id *kernel)
{
	struct table t = table_of(index, STB_T_VARIANTS,
				  sizeof(struct stb_variant));

	const struct stb_variant *module = NULL;

	for (uint32_t i = 0; i < t.n; i++) {
		const struct stb_variant *v = AT(struct stb_variant, t, i);

		if (!same_id(&v->kernel, kernel))
			continue;
		if (!v->module)
			return v;
		if (!module)
			module = v;
	}
	return module;
}

/* Of a user who may not do all. */
static void judge_level(struct judge *j)
{
	uint32_t level = stb_privilege(j->b->index), mine = j->h->level;

	if (mine == STB_STAPDEV)
		return;
	begin(j, "level");
	WANT(j, "a bundle for members of %s", host_level_names[mine]);
	FIND(j, "one for %s", host_level_names[level]);
	ADVISE(j, "compile it with --privilege=%s, or ask to be added to the "
	       "group %s", host_level_names[mine], host_level_names[level]);
	end(j, level < mine ? CHECK_NO : CHECK_OK, HOST_DENIED);
}

static bool judge_kernel(struct judge *j)
{
	struct table t = table_of(j->b->index, STB_T_VARIANTS,
				  sizeof(struct stb_variant));
	char text[41];

	begin(j, "kernel");
	for (uint32_t i = 0; i < t.n; i++) {
		const struct stb_variant *v = AT(struct stb_variant, t, i);
		char label[256];

		if (j->b->variant && v != j->b->variant)
			continue;
		snprintf(label, sizeof(label), "%s: %s",
			 stb_string(j->b->index, v->name),
			 stb_string(j->b->index, v->release));
		want_id(j, label, &v->kernel);
	}
	FIND(j, "%s, build-id %s", j->h->release, id_text(text, &j->h->kernel));
	if (j->b->variant) {
		ok(j);
		return true;
	}
	ADVISE(j, "add this kernel to the manifest and compile again, or boot "
	     "one of these");
	end(j, CHECK_NO, HOST_NO_MATCH);
	return false;
}

static void judge_recall(struct judge *j)
{
	if (!j->h->recalled)
		return;
	host_recalled(j->h->recalled, j->b, &j->c);
	end(j, j->c.result, j->c.code);
}

/* --- what the kernel offers ------------------------------------------------------------ */

#define WAY(a) (1u << (a))
enum {
	KPROBES = WAY(STB_AT_KPROBE) | WAY(STB_AT_KRETPROBE),
	UPROBES = WAY(STB_AT_UPROBE) | WAY(STB_AT_URETPROBE),
	FENTRY = WAY(STB_AT_FENTRY) | WAY(STB_AT_FEXIT),
};

/* Name of the first probe attached in one of the ways; how many there are. */
static const char *first_probe(const struct judge *j, unsigned ways,
			       uint32_t *n)
{
	const char *name = NULL;

	*n = 0;
	for (uint32_t i = 0; i < j->sites.n; i++) {
		const struct stb_site *s = AT(struct stb_site, j->sites, i);

		if (s->attach > 31 || !(ways >> s->attach & 1))
			continue;
		if (!name)
			name = stb_string(j->b->meta, s->name);
		++*n;
	}
	return name;
}

static const char *probe_of(const struct judge *j, uint32_t prog)
{
	for (uint32_t i = 0; i < j->sites.n; i++) {
		const struct stb_site *s = AT(struct stb_site, j->sites, i);

		if (s->prog == prog)
			return stb_string(j->b->meta, s->name);
	}
	return "a probe";
}

/* --- rights ------------------------------------------------------------------------- */

static bool has_cap(const struct host *h, unsigned cap)
{
	return h->caps >> CAP_SYS_ADMIN & 1 || h->caps >> cap & 1;
}

static void judge_privileges(struct judge *j)
{
	static const struct {
		unsigned cap;
		const char *name, *for_what;
	} caps[] = {
		{ CAP_BPF, "CAP_BPF", "to load programs into the kernel" },
		{ CAP_PERFMON, "CAP_PERFMON", "to attach them to probe points" },
	};

	const char *probe;
	uint32_t n;

	begin(j, "privileges");
	for (size_t i = 0; i < 2; i++) {
		if (has_cap(j->h, caps[i].cap))
			continue;
		WANT(j, "%s %s", caps[i].name, caps[i].for_what);
		FIND(j, "user %u without it", j->h->uid);
		ADVISE(j, "run this as root or with CAP_BPF and CAP_PERFMON");
		end(j, CHECK_NO, HOST_DENIED);
		return;
	}
	probe = first_probe(j, UPROBES, &n);
	if (probe && !(j->h->caps >> CAP_SYS_ADMIN & 1) &&
	    j->h->features[HOST_UPROBE_MULTI] == HOST_NO) {
		snprintf(j->c.subject, sizeof(j->c.subject), "%s", probe);
		WANT(j, "CAP_SYS_ADMIN to set probes of programs, as kernels "
		     "before 6.6 want it");
		FIND(j, "user %u without it", j->h->uid);
		ADVISE(j, "run this as root");
		end(j, CHECK_NO, HOST_DENIED);
		return;
	}
	WANT(j, "CAP_BPF, CAP_PERFMON");
	FIND(j, "both");
	ok(j);
}

/* --- a kernel module ------------------------------------------------------------------ */

static void judge_loading(struct judge *j)
{
	begin(j, "module loading");
	WANT(j, "a kernel that loads modules");
	switch (j->h->loading) {
	case LOADING_ALLOWED:
		FIND(j, "one");
		ok(j);
		return;
	case LOADING_UNKNOWN:
		FIND(j, "not found out");
		ADVISE(j, "it shows when the module is loaded");
		end(j, CHECK_NOTE, 0);
		return;
	case LOADING_NONE:
		FIND(j, "one that was built without them (CONFIG_MODULES)");
		ADVISE(j, "take a bundle of --engine=bpf");
		break;
	case LOADING_DISABLED:
		FIND(j, "kernel.modules_disabled=1");
		ADVISE(j, "boot this host again, or take a bundle of "
		     "--engine=bpf");
		break;
	}
	end(j, CHECK_NO, HOST_DENIED);
}

/* The words of vermagic that a running kernel tells of itself. */
static bool fits_kernel(const char *magic, const struct host *h)
{
	size_t n = strcspn(magic, " ");

	if (strlen(h->release) != n || memcmp(h->release, magic, n))
		return false;
	return !*h->version ||
	       (!strstr(magic, " SMP ") == !strstr(h->version, "SMP ") &&
		!strstr(magic, "preempt_rt") == !strstr(h->version, "PREEMPT_RT"));
}

static void judge_vermagic(struct judge *j)
{
	struct table t = table_of(j->b->module, STB_T_MODULE,
				  sizeof(struct stb_module));
	const char *have = t.n ? stb_string(j->b->module,
			AT(struct stb_module, t, 0)->vermagic) : "";

	begin(j, "vermagic");
	WANT(j, "%s", have);
	FIND(j, "%s%s%s", j->h->release, *j->h->version ? " " : "",
	     j->h->version);
	if (fits_kernel(have, j->h)) {
		ok(j);
		return;
	}
	ADVISE(j, "compile it with this kernel's headers");
	end(j, CHECK_NO, HOST_NO_MATCH);
}

static void judge_module_signature(struct judge *j)
{
	static const char mark[] = "~Module signature appended~\n";
	struct table o = table_of(j->b->module, STB_T_OBJECT, 1);
	size_t n = sizeof(mark) - 1;
	bool is_signed = o.n > n && !memcmp(o.base + o.n - n, mark, n);

	begin(j, "module signature");
	if (j->h->sig_enforce != HOST_YES &&
	    j->h->lockdown == LOCKDOWN_NONE) {
		WANT(j, "none");
		FIND(j, is_signed ? "one" : "none");
		ok(j);
		return;
	}
	WANT(j, "one by a key of this host (%s)",
	     j->h->sig_enforce == HOST_YES ? "module.sig_enforce=1" :
	     host_lockdown_names[j->h->lockdown]);
	if (is_signed) {
		FIND(j, "one, by a key that only the kernel knows");
		ok(j);
		return;
	}
	FIND(j, "none");
	ADVISE(j, "sign it (stb sign --module-key KEY --module-cert CERT), or "
	     "take a bundle of --engine=bpf");
	end(j, CHECK_NO, HOST_DENIED);
}

static void judge_module(struct judge *j)
{
	begin(j, "privileges");
	WANT(j, "CAP_SYS_MODULE to load a kernel module");
	FIND(j, j->h->caps >> CAP_SYS_MODULE & 1 ? "it" : "user %u without it",
	     j->h->uid);
	ADVISE(j, "run this as root of the host");
	end(j, j->h->caps >> CAP_SYS_MODULE & 1 ? CHECK_OK : CHECK_NO,
	    HOST_DENIED);
	judge_loading(j);
	judge_vermagic(j);
	judge_module_signature(j);
}

/* --- its memory ------------------------------------------------------------------------- */

static bool reads_kernel(const struct bpf_insn *in)
{
	return in->code == (BPF_JMP | BPF_CALL) && !in->src_reg &&
	       (in->imm == BPF_FUNC_probe_read_kernel ||
		in->imm == BPF_FUNC_probe_read_kernel_str ||
		in->imm == BPF_FUNC_probe_read ||
		in->imm == BPF_FUNC_probe_read_str);
}

/* Does a program call a helper that reads the kernel's memory? */
static const char *first_reader(const struct judge *j)
{
	struct table insns = table_of(j->b->kcode, STB_T_INSNS, 8);

	for (uint32_t i = 0; i < j->progs.n; i++) {
		const struct stb_prog *p = AT(struct stb_prog, j->progs, i);

		for (uint32_t k = 0; k < p->insn_count; k++)
			if (reads_kernel(AT(struct bpf_insn, insns,
					    p->insn_first + k)))
				return probe_of(j, i);
	}
	return NULL;
}

static void judge_lockdown(struct judge *j)
{
	const char *probe = NULL;
	uint32_t n;

	begin(j, "lockdown");
	WANT(j, "none that forbids what the bundle does");
	FIND(j, "%s", host_lockdown_names[j->h->lockdown]);
	if (j->h->lockdown == LOCKDOWN_CONFIDENTIALITY) {
		probe = first_probe(j, KPROBES, &n);
		if (!probe)
			probe = first_reader(j);
		if (!probe && j->limits->needs & STB_NEEDS_MEMORY)
			probe = "a begin, end or timer probe";
	}
	if (!probe) {
		ok(j);
		return;
	}
	snprintf(j->c.subject, sizeof(j->c.subject), "%s", probe);
	WANT(j, "a kernel that lets its memory be read or kprobes be set");
	FIND(j, "one that is locked down for confidentiality");
	ADVISE(j, "boot it without lockdown=confidentiality");
	end(j, CHECK_NO, HOST_KERNEL);
}

static void judge_feature(struct judge *j, enum host_feature f, unsigned ways,
			  const char *without)
{
	uint32_t n;
	const char *probe = first_probe(j, ways, &n);

	if (!probe)
		return;
	begin(j, "%s", host_feature_names[f]);
	WANT(j, "%s", host_feature_names[f]);
	switch (j->h->features[f]) {
	case HOST_YES:
		FIND(j, "there");
		ok(j);
		return;
	case HOST_UNKNOWN:
		FIND(j, "not found out");
		ADVISE(j, "it shows when the probes are attached");
		end(j, CHECK_NOTE, 0);
		return;
	case HOST_NO:
		break;
	}
	snprintf(j->c.subject, sizeof(j->c.subject), "%s", probe);
	FIND(j, "none on this kernel");
	ADVISE(j, "%s", without);
	end(j, CHECK_NO, HOST_KERNEL);
}

/* What makes many sites quick, and is not needed. */
static void judge_many(struct judge *j, enum host_feature f, unsigned ways)
{
	enum { MANY = 64 };
	uint32_t n;

	first_probe(j, ways, &n);
	if (n < MANY || j->h->features[f] == HOST_UNKNOWN)
		return;
	begin(j, "%s", host_feature_names[f]);
	WANT(j, "%s for %u sites, so that they are attached at once",
	     host_feature_names[f], n);
	FIND(j, j->h->features[f] == HOST_YES ? "there" : "none");
	ADVISE(j, "they are attached one by one, which takes longer");
	end(j, j->h->features[f] == HOST_YES ? CHECK_OK : CHECK_NOTE, 0);
}

static void judge_features(struct judge *j)
{
	judge_feature(j, HOST_KPROBES, KPROBES, "it was built without "
		      "CONFIG_KPROBES, or /sys is not mounted: no such probe "
		      "can be set here");
	judge_feature(j, HOST_UPROBES, UPROBES, "it was built without "
		      "CONFIG_UPROBES, or /sys is not mounted: no such probe "
		      "can be set here");
	judge_feature(j, HOST_FENTRY, FENTRY, "it cannot attach programs to "
		      "functions (CONFIG_FUNCTION_TRACER, or lockdown)");
	judge_feature(j, HOST_NETFILTER, WAY(STB_AT_NETFILTER), "kernels "
		      "from 6.4 on have it, with CONFIG_NETFILTER_BPF_LINK");
	judge_many(j, HOST_KPROBE_MULTI, KPROBES);
	judge_many(j, HOST_UPROBE_MULTI, UPROBES);
}

static bool needs_slide(const struct judge *j)
{
	struct table symbols = table_of(j->b->meta, STB_T_SYMBOLS,
					sizeof(struct stb_symbols));

	if (j->limits->needs & STB_NEEDS_SLIDE)
		return true;
	for (uint32_t i = 0; i < symbols.n; i++)
		if (AT(struct stb_symbols, symbols, i)->kind == STB_BIN_KERNEL)
			return true;
	for (uint32_t i = 0; i < j->sites.n; i++)
		if (AT(struct stb_site, j->sites, i)->flags &
		    STB_SITE_BY_ADDRESS)
			return true;
	return false;
}

static void judge_addresses(struct judge *j)
{
	const struct host *h = j->h;

	if (!needs_slide(j))
		return;
	begin(j, "addresses");
	WANT(j, "the address of _stext");
	if (!j->b->variant->stext) {
		FIND(j, "none in the bundle: it is damaged");
		ADVISE(j, "make it again");
		end(j, CHECK_NO, HOST_DAMAGED);
		return;
	}
	switch (h->addresses) {
	case ADDRESSES_SHOWN:
		FIND(j, "it is shown");
		ok(j);
		return;
	case ADDRESSES_IN_MEMORY:
		FIND(j, "by the kernel's notes in its memory");
		end(j, j->b->variant->notes ? CHECK_OK : CHECK_NO, HOST_DENIED);
		return;
	case ADDRESSES_UNKNOWN:
		FIND(j, "not found out");
		end(j, CHECK_NOTE, 0);
		return;
	case ADDRESSES_HIDDEN:
		break;
	}
	FIND(j, "/proc/kallsyms shows none, and the kernel's notes are not "
	     "found in its memory");
	ADVISE(j, "run it with CAP_SYSLOG, or sysctl kernel.kptr_restrict=0");
	end(j, CHECK_NO, HOST_DENIED);
}

/* --- builds ---------------------------------------------------------------------------- */

static const char *path_of(const struct judge *j, uint32_t i)
{
	return stb_string(j->b->meta,
			  AT(struct stb_program_build, j->builds, i)->path);
}

static bool same_binary(const struct judge *j, uint32_t a, uint32_t b)
{
	return AT(struct stb_program_build, j->builds, a)->kind ==
	       AT(struct stb_program_build, j->builds, b)->kind &&
	       !strcmp(path_of(j, a), path_of(j, b));
}

static const struct host_build *find_build(const struct judge *j,
					   const char *path, bool is_module)
{
	for (uint32_t i = 0; i < j->h->nbuilds; i++)
		if (j->h->builds[i].is_module == is_module &&
		    !strcmp(j->h->builds[i].path, path))
			return &j->h->builds[i];
	return NULL;
}

/* What is there; is it one of those that the bundle knows? */
static void judge_id(struct judge *j, const struct host_build *found,
		     bool is_known)
{
	char text[41];

	FIND(j, "build-id %s", id_text(text, &found->id));
	if (is_known) {
		ok(j);
	} else if (found->is_module) {
		ADVISE(j, "it is not probed: add this build to the manifest and "
		     "compile again");
		end(j, CHECK_NOTE, 0);
	} else {
		ADVISE(j, "add this build to the manifest and compile again, or "
		     "install one of these");
		end(j, CHECK_NO, HOST_NO_MATCH);
	}
}

static void judge_build(struct judge *j, uint32_t row)
{
	bool is_module = AT(struct stb_program_build, j->builds, row)->kind ==
			 STB_BUILD_MODULE, is_known = false;
	const char *path = path_of(j, row);
	const struct host_build *found = find_build(j, path, is_module);
	enum host_state state = found ? found->state : is_module ? BUILD_GONE :
				BUILD_NOT_LOOKED;

	begin(j, "%s %s", is_module ? "module" : "program", path);
	for (uint32_t i = row; i < j->builds.n; i++) {
		const struct stb_program_build *b =
			AT(struct stb_program_build, j->builds, i);

		if (!same_binary(j, i, row))
			continue;
		want_id(j, "", &b->id);
		is_known |= found && same_id(&b->id, &found->id);
	}
	switch (state) {
	case BUILD_THERE:
		judge_id(j, found, is_known);
		return;
	case BUILD_GONE:
		FIND(j, is_module ? "it is not loaded" : "it is not there");
		ADVISE(j, "its probes are armed when it %s",
		     is_module ? "is" : "comes");
		end(j, CHECK_NOTE, 0);
		return;
	case BUILD_NOT_LOOKED:
		FIND(j, "not looked at");
		ADVISE(j, "name it to stap-load --describe");
		end(j, CHECK_NOTE, 0);
		return;
	case BUILD_UNREADABLE:
		FIND(j, "it cannot be read");
		ADVISE(j, "run this as a user who may read it");
		end(j, CHECK_NO, HOST_DENIED);
		return;
	}
}

static void judge_builds(struct judge *j)
{
	for (uint32_t i = 0; i < j->builds.n; i++) {
		uint32_t before = 0;

		if (AT(struct stb_program_build, j->builds, i)->kind ==
		    STB_BUILD_PATH)
			continue;	/* whatever build of it */
		while (before < i && !same_binary(j, before, i))
			before++;
		if (before == i)
			judge_build(j, i);
	}
}

static void judge_descriptors(struct judge *j)
{
	const struct host *h = j->h;
	uint32_t want = j->sites.n + 2 * j->progs.n + j->maps.n +
			j->builds.n + 64;

	if (!j->progs.n || !h->nofile || j->b->module)
		return;
	begin(j, "descriptors");
	WANT(j, "up to %u", want);
	FIND(j, "%llu, which may be raised to %llu",
	     (unsigned long long)h->nofile,
	     (unsigned long long)h->nofile_max);
	if (h->nofile_max >= want || h->caps >> CAP_SYS_RESOURCE & 1) {
		ok(j);
		return;
	}
	ADVISE(j, "\"ulimit -n %u\" before, or run with CAP_SYS_RESOURCE", want);
	end(j, CHECK_NO, HOST_AGAIN);
}

/* --- all ------------------------------------------------------------------------------- */

int host_judge(const struct host *h, const struct host_bundle *b,
	       void (*put)(void *arg, const struct host_check *c), void *arg)
{
	struct judge j = { .h = h, .b = b, .put = put, .arg = arg };
	struct table limits;

	judge_signature(&j);
	judge_recall(&j);
	judge_level(&j);
	if (!judge_kernel(&j))
		return j.code;
	limits = table_of(b->meta, STB_T_LIMITS, sizeof(*j.limits));
	j.limits = AT(struct stb_limits, limits, 0);
	j.progs = table_of(b->meta, STB_T_PROGS, sizeof(struct stb_prog));
	j.sites = table_of(b->meta, STB_T_SITES, sizeof(struct stb_site));
	j.maps = table_of(b->meta, STB_T_MAPS, sizeof(struct stb_map));
	j.builds = table_of(b->meta, STB_T_BUILDS,
			    sizeof(struct stb_program_build));
	if (b->module) {
		judge_module(&j);
	} else if (j.progs.n || j.limits->needs & STB_NEEDS_MEMORY) {
		judge_privileges(&j);
		judge_lockdown(&j);
	}
	if (!b->module)
		judge_features(&j);
	judge_addresses(&j);
	judge_builds(&j);
	judge_descriptors(&j);
	return j.code;
}

const char *host_result_name(enum host_result r)
{
	return r == CHECK_OK ? "ok" : r == CHECK_NOTE ? "note" : "no";
}

size_t host_line(const struct host_check *c, char *to, size_t size)
{
	static const char *const marks[] = { "ok  ", "--  ", "NO  " };
	int n = snprintf(to, size, "%s%s: %s%swanted %s, found %s%s%s",
			 marks[c->result], c->name, c->subject,
			 *c->subject ? ": " : "", c->wanted, c->found,
			 c->result != CHECK_OK && *c->todo ? ": " : "",
			 c->result != CHECK_OK ? c->todo : "");

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

size_t host_refusal(const struct host_check *c, char *to, size_t size)
{
	int n = snprintf(to, size, "%s: wanted %s, found %s%s%s",
			 *c->subject ? c->subject : c->name, c->wanted, c->found,
			 *c->todo ? ": " : "", c->todo);

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}
