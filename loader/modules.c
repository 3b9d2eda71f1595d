/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modules.c - kernel modules that are probed. In: rows of builds that are of
 * modules. Out: their build_state, and their sites armed while that very build
 * is loaded.
 *
 * A module's build-id is in /sys, whoever may see addresses. The kernel tells
 * of modules that came (when their initialisation is over) and went by uevents
 * on a netlink socket; where some of them were lost, all are looked at. Kprobes
 * do not keep a module: what is left of one that went is closed, and set anew
 * when it comes again.
 */
#include "loader/loader.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *module_at(const struct loader *l, uint32_t row)
{
	return stb_string(&l->meta, ROW(struct stb_program_build, l->builds,
					row)->path);
}

/* --- which build is loaded --------------------------------------------------- */

/* Each loading of a module gets a folder of its own. */
static uint64_t node_of(const struct loader *l, uint32_t row)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/module/%s", module_at(l, row));
	return stat(path, &st) ? 0 : st.st_ino;
}

static bool is_going(const char *name)
{
	char path[128], state[16];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	return read_small(path, state, sizeof(state)) > 0 &&
	       !strncmp(state, "going", 5);
}

/* The kernel tells that one goes when not much of its folder is left. */
static bool is_whole(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	return !access(path, F_OK) && !is_going(name);
}

static enum build_state look_at_module(struct loader *l, uint32_t row)
{
	const char *name = module_at(l, row);
	uint8_t notes[4096], id[20] = { 0 };
	enum build_state state;
	char path[128], text[41];
	size_t len = 0;
	long n;

	snprintf(path, sizeof(path), "/sys/module/%s/notes/.note.gnu.build-id",
		 name);
	n = read_small(path, notes, sizeof(notes));
	if (n > 0)
		len = find_build_id(notes, n, 4, id, sizeof(id));
	if (!is_whole(name))
		return BUILD_ABSENT;
	state = match_build(l, row, id, len);
	if (state == BUILD_HERE)
		checked(l, "module: %s, build-id %s", name,
			hex(text, id, len));
	if (state == BUILD_UNKNOWN && !l->told_modules[row]) {
		say_mismatch(l, row, id, len);
		say("module %s is not probed", name);
		for (uint32_t i = 0; i < l->builds.n; i++)
			if (is_module(l, i) && !strcmp(module_at(l, i), name))
				l->told_modules[i] = 1;
	}
	return state;
}

/* "a, b and 3 more": of those that are not loaded. */
static void say_absent(const struct loader *l)
{
	enum { NAMED = 4 };
	char text[NAMED * 66 + 1] = "";
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->builds.n; i++) {
		if (!is_module(l, i) || l->build_state[i] != BUILD_ABSENT)
			continue;
		if (n++ < NAMED)
			snprintf(text + strlen(text),
				 sizeof(text) - strlen(text), "%s%s",
				 n > 1 ? ", " : "", module_at(l, i));
	}
	if (!n)
		return;
	if (n > NAMED)
		say("module %s and %u more: not loaded; their probes are "
		    "armed when they are", text, n - NAMED);
	else
		say("module %s: not loaded; probes are armed when it is", text);
}

void check_modules(struct loader *l)
{
	l->told_modules = zalloc(l->builds.n);
	l->module_nodes = zalloc(l->builds.n * sizeof(*l->module_nodes));
	for (uint32_t i = 0; i < l->builds.n; i++)
		if (is_module(l, i)) {
			l->module_nodes[i] = node_of(l, i);
			l->build_state[i] = look_at_module(l, i);
		}
	say_absent(l);
}

/* --- they come and go -------------------------------------------------------- */

static void module_goes(struct loader *l, uint32_t row)
{
	if (l->build_state[row] == BUILD_HERE) {
		disarm_build(l, row);
		say("module %s went: its probes wait for it",
		    module_at(l, row));
	}
	l->build_state[row] = BUILD_ABSENT;
	if (!is_whole(module_at(l, row)))
		l->told_modules[row] = 0;
}

/* Whatever was missed: what is there now is what is probed. */
static void look_again(struct loader *l, uint32_t row)
{
	uint64_t node = node_of(l, row);

	if (l->build_state[row] == BUILD_HERE &&
	    node == l->module_nodes[row] && is_whole(module_at(l, row)))
		return;
	module_goes(l, row);
	l->module_nodes[row] = node;
	l->build_state[row] = look_at_module(l, row);
	if (l->build_state[row] == BUILD_HERE)
		arm_module(l, row);
}

void await_modules(struct loader *l)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int room = 1 << 20;
	bool any = false;

	for (uint32_t i = 0; i < l->builds.n; i++)
		any = any || is_module(l, i);
	if (!any)
		return;
	l->module_fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC |
			      SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (l->module_fd < 0 || bind(l->module_fd, (void *)&addr,
				     sizeof(addr))) {
		say("cannot wait for modules: netlink: %s", strerror(errno));
		if (l->module_fd >= 0)
			close(l->module_fd);
		l->module_fd = -1;
		return;
	}
	setsockopt(l->module_fd, SOL_SOCKET, SO_RCVBUFFORCE, &room,
		   sizeof(room));
	/* some may have come before we could hear of it */
	for (uint32_t i = 0; i < l->builds.n; i++)
		if (is_module(l, i))
			look_again(l, i);
}

/* "add@/module/NAME" and variables behind it, of which none is needed. */
static void take_event(struct loader *l, const char *text)
{
	static const char came[] = "add@/module/", went[] = "remove@/module/";
	bool add = !strncmp(text, came, sizeof(came) - 1);
	const char *name;

	if (!add && strncmp(text, went, sizeof(went) - 1))
		return;
	name = text + (add ? sizeof(came) : sizeof(went)) - 1;
	for (uint32_t i = 0; i < l->builds.n; i++) {
		if (is_module(l, i) && !strcmp(module_at(l, i), name))
			look_again(l, i);
	}
}

void modules_changed(struct loader *l)
{
	char text[8192];
	struct sockaddr_nl from;
	socklen_t size;
	ssize_t n;

	for (;;) {
		size = sizeof(from);
		n = recvfrom(l->module_fd, text, sizeof(text) - 1, 0,
			     (void *)&from, &size);
		if (n < 0 && errno == ENOBUFS) {
			for (uint32_t i = 0; i < l->builds.n; i++)
				if (is_module(l, i))
					look_again(l, i);
			continue;
		}
		if (n < 0)
			return;
		text[n] = 0;
		if (!from.nl_pid)	/* the kernel's own */
			take_event(l, text);
	}
}
