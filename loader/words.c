/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/words.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { SHOWN = 32 };		/* bytes of data */

static void put_text(struct sink *to, const char *fmt, unsigned long long v)
{
	char text[96];

	snprintf(text, sizeof(text), fmt, v);
	sink_puts(to, text);
}

/* --- tables --------------------------------------------------------------- */

size_t table_length(const char *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (p[i] == '%' && p[i + 1] == '}')
			return i + 2;
	return n;
}

struct entry {
	uint64_t mask, value;
	bool has_mask;
	const char *name;
	size_t len;
};

/* A hexadecimal number; *p moves behind it. */
static uint64_t hex_at(const char **p, const char *end)
{
	uint64_t v = 0;
	unsigned digit;

	for (; *p < end; ++*p) {
		if (**p >= '0' && **p <= '9')
			digit = (unsigned)(**p - '0');
		else if (**p >= 'a' && **p <= 'f')
			digit = (unsigned)(**p - 'a') + 10;
		else
			break;
		v = v << 4 | digit;
	}
	return v;
}

/* The entry at *p, which moves to the next; false: there is none. */
static bool next_entry(const char **p, const char *end, struct entry *e)
{
	const char *comma;

	if (*p >= end)
		return false;
	e->value = hex_at(p, end);
	e->has_mask = *p < end && **p == '/';
	if (e->has_mask) {
		++*p;
		e->mask = e->value;
		e->value = hex_at(p, end);
	}
	if (*p < end && **p == ' ')
		++*p;
	comma = memchr(*p, ',', (size_t)(end - *p));
	e->name = *p;
	e->len = (size_t)((comma ? comma : end) - *p);
	*p = comma ? comma + 1 : end;
	return true;
}

static void put_flags(struct sink *to, const char *p, const char *end,
		      uint64_t v)
{
	struct entry e;
	bool any = false;

	while (next_entry(&p, end, &e)) {
		uint64_t mask = e.has_mask ? e.mask : e.value;

		if ((v & mask) != e.value || (!e.value && (!e.has_mask ||
							   (any && !v))))
			continue;
		if (any)
			sink_puts(to, "|");
		sink_put(to, e.name, e.len);
		any = true;
		v &= ~mask;
	}
	if (!any || v)
		put_text(to, !v ? "0" : any ? "|%#llx" : "%#llx", v);
}

static void put_name(struct sink *to, const char *p, const char *end,
		     uint64_t v, const char *otherwise)
{
	struct entry e;

	while (next_entry(&p, end, &e))
		if ((v & (e.has_mask ? e.mask : ~0ull)) == e.value) {
			sink_put(to, e.name, e.len);
			return;
		}
	put_text(to, v ? otherwise : "0", v);
}

static void put_bits(struct sink *to, const char *p, const char *end,
		     uint64_t v)
{
	struct entry e;
	bool any = false;

	if (__builtin_popcountll(v) >= 64 * 2 / 3) {
		sink_puts(to, "~");
		v = ~v;
	}
	sink_puts(to, "[");
	while (next_entry(&p, end, &e)) {
		if (e.value > 63 || !(v >> e.value & 1))
			continue;
		if (any)
			sink_puts(to, " ");
		sink_put(to, e.name, e.len);
		any = true;
	}
	sink_puts(to, "]");
}

size_t format_table(struct sink *to, const char *p, size_t n, int64_t v)
{
	size_t all = table_length(p, n);
	const char *end = p + (all >= 2 && p[all - 1] == '}' ? all - 2 : all);
	char kind = p < end ? *p : 'e';

	p += p < end;
	while (p < end && *p == ' ')
		p++;
	switch (kind) {
	case 'f':
		put_flags(to, p, end, (uint64_t)v);
		break;
	case 's':
		put_bits(to, p, end, (uint64_t)v);
		break;
	case 'd':
		put_name(to, p, end, (uint64_t)v, "%lld");
		break;
	case 'o':
		put_name(to, p, end, (uint64_t)v, "0%llo");
		break;
	default:
		put_name(to, p, end, (uint64_t)v, "%#llx");
	}
	return all;
}

/* --- results -------------------------------------------------------------- */

/* By number; those that are two names for one have the kernel's first. */
static const char *const errors[] = {
	[EPERM] = "PERM", [ENOENT] = "NOENT", [ESRCH] = "SRCH",
	[EINTR] = "INTR", [EIO] = "IO", [ENXIO] = "NXIO", [E2BIG] = "2BIG",
	[ENOEXEC] = "NOEXEC", [EBADF] = "BADF", [ECHILD] = "CHILD",
	[EAGAIN] = "AGAIN", [ENOMEM] = "NOMEM", [EACCES] = "ACCES",
	[EFAULT] = "FAULT", [ENOTBLK] = "NOTBLK", [EBUSY] = "BUSY",
	[EEXIST] = "EXIST", [EXDEV] = "XDEV", [ENODEV] = "NODEV",
	[ENOTDIR] = "NOTDIR", [EISDIR] = "ISDIR", [EINVAL] = "INVAL",
	[ENFILE] = "NFILE", [EMFILE] = "MFILE", [ENOTTY] = "NOTTY",
	[ETXTBSY] = "TXTBSY", [EFBIG] = "FBIG", [ENOSPC] = "NOSPC",
	[ESPIPE] = "SPIPE", [EROFS] = "ROFS", [EMLINK] = "MLINK",
	[EPIPE] = "PIPE", [EDOM] = "DOM", [ERANGE] = "RANGE",
	[EDEADLK] = "DEADLK", [ENAMETOOLONG] = "NAMETOOLONG",
	[ENOLCK] = "NOLCK", [ENOSYS] = "NOSYS", [ENOTEMPTY] = "NOTEMPTY",
	[ELOOP] = "LOOP", [ENOMSG] = "NOMSG", [EIDRM] = "IDRM",
	[ECHRNG] = "CHRNG", [EL2NSYNC] = "L2NSYNC", [EL3HLT] = "L3HLT",
	[EL3RST] = "L3RST", [ELNRNG] = "LNRNG", [EUNATCH] = "UNATCH",
	[ENOCSI] = "NOCSI", [EL2HLT] = "L2HLT", [EBADE] = "BADE",
	[EBADR] = "BADR", [EXFULL] = "XFULL", [ENOANO] = "NOANO",
	[EBADRQC] = "BADRQC", [EBADSLT] = "BADSLT", [EBFONT] = "BFONT",
	[ENOSTR] = "NOSTR", [ENODATA] = "NODATA", [ETIME] = "TIME",
	[ENOSR] = "NOSR", [ENONET] = "NONET", [ENOPKG] = "NOPKG",
	[EREMOTE] = "REMOTE", [ENOLINK] = "NOLINK", [EADV] = "ADV",
	[ESRMNT] = "SRMNT", [ECOMM] = "COMM", [EPROTO] = "PROTO",
	[EMULTIHOP] = "MULTIHOP", [EDOTDOT] = "DOTDOT", [EBADMSG] = "BADMSG",
	[EOVERFLOW] = "OVERFLOW", [ENOTUNIQ] = "NOTUNIQ", [EBADFD] = "BADFD",
	[EREMCHG] = "REMCHG", [ELIBACC] = "LIBACC", [ELIBBAD] = "LIBBAD",
	[ELIBSCN] = "LIBSCN", [ELIBMAX] = "LIBMAX", [ELIBEXEC] = "LIBEXEC",
	[EILSEQ] = "ILSEQ", [ERESTART] = "RESTART", [ESTRPIPE] = "STRPIPE",
	[EUSERS] = "USERS", [ENOTSOCK] = "NOTSOCK",
	[EDESTADDRREQ] = "DESTADDRREQ", [EMSGSIZE] = "MSGSIZE",
	[EPROTOTYPE] = "PROTOTYPE", [ENOPROTOOPT] = "NOPROTOOPT",
	[EPROTONOSUPPORT] = "PROTONOSUPPORT",
	[ESOCKTNOSUPPORT] = "SOCKTNOSUPPORT", [EOPNOTSUPP] = "OPNOTSUPP",
	[EPFNOSUPPORT] = "PFNOSUPPORT", [EAFNOSUPPORT] = "AFNOSUPPORT",
	[EADDRINUSE] = "ADDRINUSE", [EADDRNOTAVAIL] = "ADDRNOTAVAIL",
	[ENETDOWN] = "NETDOWN", [ENETUNREACH] = "NETUNREACH",
	[ENETRESET] = "NETRESET", [ECONNABORTED] = "CONNABORTED",
	[ECONNRESET] = "CONNRESET", [ENOBUFS] = "NOBUFS",
	[EISCONN] = "ISCONN", [ENOTCONN] = "NOTCONN",
	[ESHUTDOWN] = "SHUTDOWN", [ETOOMANYREFS] = "TOOMANYREFS",
	[ETIMEDOUT] = "TIMEDOUT", [ECONNREFUSED] = "CONNREFUSED",
	[EHOSTDOWN] = "HOSTDOWN", [EHOSTUNREACH] = "HOSTUNREACH",
	[EALREADY] = "ALREADY", [EINPROGRESS] = "INPROGRESS",
	[ESTALE] = "STALE", [EUCLEAN] = "UCLEAN", [ENOTNAM] = "NOTNAM",
	[ENAVAIL] = "NAVAIL", [EISNAM] = "ISNAM", [EREMOTEIO] = "REMOTEIO",
	[EDQUOT] = "DQUOT", [ENOMEDIUM] = "NOMEDIUM",
	[EMEDIUMTYPE] = "MEDIUMTYPE", [ECANCELED] = "CANCELED",
	[ENOKEY] = "NOKEY", [EKEYEXPIRED] = "KEYEXPIRED",
	[EKEYREVOKED] = "KEYREVOKED", [EKEYREJECTED] = "KEYREJECTED",
	[EOWNERDEAD] = "OWNERDEAD", [ENOTRECOVERABLE] = "NOTRECOVERABLE",
	[ERFKILL] = "RFKILL", [EHWPOISON] = "HWPOISON",
	/* the kernel's own, seen before the call is made again */
	[512] = "RESTARTSYS", [513] = "RESTARTNOINTR", [514] = "RESTARTNOHAND",
	[516] = "RESTART_RESTARTBLOCK",
};

void format_pointer(struct sink *to, int64_t v)
{
	put_text(to, v ? "%#llx" : "NULL", (unsigned long long)v);
}

void format_result(struct sink *to, int64_t v)
{
	uint64_t n = -(uint64_t)v;

	put_text(to, "%lld", (unsigned long long)v);
	if (n >= sizeof(errors) / sizeof(*errors) || !errors[n])
		return;
	sink_puts(to, " (E");
	sink_puts(to, errors[n]);
	sink_puts(to, ")");
}

/* --- strings -------------------------------------------------------------- */

static void put_byte(struct sink *to, unsigned char c, bool digit_next)
{
	static const char names[] = "tnvfr";	/* 9 .. 13 */
	char text[8];

	if (c >= 9 && c <= 13)
		snprintf(text, sizeof(text), "\\%c", names[c - 9]);
	else if (c == '"' || c == '\\')
		snprintf(text, sizeof(text), "\\%c", c);
	else if (c >= ' ' && c < 127)
		snprintf(text, sizeof(text), "%c", c);
	else
		snprintf(text, sizeof(text), digit_next ? "\\%03o" : "\\%o", c);
	sink_puts(to, text);
}

void format_quoted(struct sink *to, struct arg a, int64_t most)
{
	uint64_t n = a.s ? a.len : 0, shown;

	if (most >= 0 && (uint64_t)most < n)
		n = (uint64_t)most;
	shown = most >= 0 && n > SHOWN ? SHOWN : n;
	sink_puts(to, "\"");
	for (uint64_t i = 0; i < shown; i++)
		put_byte(to, (unsigned char)a.s[i], i + 1 < shown &&
			 a.s[i + 1] >= '0' && a.s[i + 1] <= '9');
	sink_puts(to, shown < n ? "\"..." : "\"");
}

/* --- addresses of sockets ------------------------------------------------- */

static unsigned byte_at(struct arg a, unsigned i)
{
	return i < a.len ? (unsigned char)a.s[i] : 0;
}

static unsigned pair_at(struct arg a, unsigned i)
{
	return byte_at(a, i) << 8 | byte_at(a, i + 1);
}

static void put_inet(struct sink *to, struct arg a)
{
	char text[96];

	snprintf(text, sizeof(text), "AF_INET, sin_port=htons(%u), "
		 "sin_addr=inet_addr(\"%u.%u.%u.%u\")", pair_at(a, 2),
		 byte_at(a, 4), byte_at(a, 5), byte_at(a, 6), byte_at(a, 7));
	sink_puts(to, text);
}

/* As inet_ntop() has it: the longest run of zeroes, of two at least, is "::". */
static void put_inet6_address(struct sink *to, struct arg a)
{
	int best = -1, best_n = 1;

	for (int i = 0, n; i < 8; i += n ? n : 1) {
		for (n = 0; i + n < 8 && !pair_at(a, 8 + 2 * (unsigned)(i + n));
		     n++)
			continue;
		if (n > best_n)
			best = i, best_n = n;
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			sink_puts(to, "::");
			i += best_n - 1;
			continue;
		}
		put_text(to, i && i != best + best_n ? ":%llx" : "%llx",
			 pair_at(a, 8 + 2 * (unsigned)i));
	}
}

static void put_inet6(struct sink *to, struct arg a)
{
	put_text(to, "AF_INET6, sin6_port=htons(%llu), ", pair_at(a, 2));
	put_text(to, "sin6_flowinfo=htonl(%llu), inet_pton(AF_INET6, \"",
		 (unsigned long long)pair_at(a, 4) << 16 | pair_at(a, 6));
	put_inet6_address(to, a);
	put_text(to, "\", &sin6_addr), sin6_scope_id=%llu", byte_at(a, 24) |
		 byte_at(a, 25) << 8 | byte_at(a, 26) << 16 |
		 (unsigned long long)byte_at(a, 27) << 24);
}

static void put_unix(struct sink *to, struct arg a)
{
	struct arg path = { .s = a.s + 2, .len = a.len - 2 };

	sink_puts(to, "AF_UNIX");
	if (a.len <= 2)
		return;
	sink_puts(to, ", sun_path=");
	if (!*path.s && path.len > 1) {		/* an abstract one */
		sink_puts(to, "@");
		path.s++;
		path.len--;
	} else {
		path.len = strnlen(path.s, path.len);
	}
	format_quoted(to, path, -1);
}

void format_sockaddr(struct sink *to, struct arg a)
{
	unsigned family = byte_at(a, 0) | byte_at(a, 1) << 8;

	if (!a.s || a.len < 2) {
		sink_puts(to, "{}");
		return;
	}
	sink_puts(to, "{sa_family=");
	if (family == AF_INET)
		put_inet(to, a);
	else if (family == AF_INET6)
		put_inet6(to, a);
	else if (family == AF_UNIX)
		put_unix(to, a);
	else
		put_text(to, family ? "%llu" : "AF_UNSPEC", family);
	sink_puts(to, "}");
}
