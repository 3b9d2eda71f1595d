/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base.c - arenas, growing text and arrays, dictionaries, files, spans, die()
 * and bug(). See base.h for who owns what; complain() is in complain.c.
 */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

const char *argv0 = "stapc";

/* --- memory ------------------------------------------------------------ */

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(16) char data[];
};

enum { CHUNK = 64 * 1024 };

/* Out of memory dies here and nowhere else. */
static struct chunk *new_chunk(struct arena *a, size_t size)
{
	const char *fail = getenv("STB_FAIL_ALLOC");
	struct chunk *c = NULL;

	a->nchunks++;
	if (size < SIZE_MAX - sizeof(*c) &&
	    !(fail && strtoull(fail, NULL, 10) == a->nchunks))
		c = calloc(1, sizeof(*c) + size);
	if (!c)
		die("out of memory (%zu bytes wanted)", size);
	c->size = size;
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct chunk *c = a->head;
	void *p;

	if (size > SIZE_MAX / 2)
		die("out of memory (%zu bytes wanted)", size);
	size = (size + 15) & ~(size_t)15;
	if (!c || c->size - c->used < size) {
		struct chunk *old = c;

		c = new_chunk(a, size > CHUNK / 4 ? size : CHUNK);
		if (old && size > CHUNK / 4) {
			/* a big piece goes behind: the open chunk stays open */
			c->next = old->next;
			old->next = c;
		} else {
			c->next = old;
			a->head = c;
		}
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

void arena_free(struct arena *a)
{
	struct chunk *c = a->head, *next;

	for (; c; c = next) {
		next = c->next;
		free(c);
	}
	a->head = NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	if (n)
		memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	int n;
	char *p;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		bug("bad format \"%s\"", fmt);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

void vec_grow(struct arena *a, void **v, size_t n, size_t *cap, size_t size)
{
	size_t want;
	void *p;

	if (n < *cap)
		return;
	want = *cap ? *cap * 2 : 8;
	if (want > SIZE_MAX / 2 / size)
		die("out of memory (%zu items wanted)", want);
	p = arena_alloc(a, want * size);
	if (n)
		memcpy(p, *v, n * size);
	*v = p;
	*cap = want;
}

/* --- growing text ------------------------------------------------------- */

static void text_reserve(struct text *t, size_t more)
{
	size_t want = t->cap ? t->cap : 128;
	char *p;

	if (t->n + more < t->cap)
		return;
	while (want <= t->n + more)
		want *= 2;
	p = arena_alloc(t->mem, want);
	if (t->n)
		memcpy(p, t->s, t->n);
	t->s = p;
	t->cap = want;
}

void text_add(struct text *t, const char *s, size_t n)
{
	text_reserve(t, n);
	if (n)
		memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = 0;
}

void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_putc(struct text *t, char c)
{
	text_add(t, &c, 1);
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		bug("bad format \"%s\"", fmt);
	text_reserve(t, (size_t)n);
	vsnprintf(t->s + t->n, (size_t)n + 1, fmt, ap);
	t->n += (size_t)n;
	va_end(ap);
}

void text_quote(struct text *t, const char *s, size_t n)
{
	static const char plain[] = "\a\b\f\n\r\t\v\"\\";
	static const char names[] = "abfnrtv\"\\";
	const char *p;
	size_t i;

	text_putc(t, '"');
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		p = c ? strchr(plain, c) : NULL;
		if (p)
			text_printf(t, "\\%c", names[p - plain]);
		else if (c == '?' && i + 1 < n && s[i + 1] == '?')
			text_puts(t, "\\?");	/* no trigraphs */
		else if (c >= ' ' && c < 0x7f)
			text_putc(t, (char)c);
		else
			text_printf(t, "\\%03o", c);
	}
	text_putc(t, '"');
}

/* --- dictionaries -------------------------------------------------------- */

struct dict_slot {
	const char *key;
	void *value;
};

static size_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return (size_t)(h ^ h >> 29);
}

static struct dict_slot *find_slot(struct dict_slot *slots, size_t cap,
				   const char *key)
{
	size_t i = hash(key) & (cap - 1);

	while (slots[i].key && strcmp(slots[i].key, key))
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static void dict_grow(struct dict *d)
{
	size_t i, cap = d->cap ? d->cap * 2 : 16;
	struct dict_slot *slots = NEW_ARRAY(d->mem, struct dict_slot, cap);

	for (i = 0; i < d->cap; i++)
		if (d->slots[i].key)
			*find_slot(slots, cap, d->slots[i].key) = d->slots[i];
	d->slots = slots;
	d->cap = cap;
}

void **dict_at(struct dict *d, const char *key)
{
	struct dict_slot *s;

	if (d->n * 4 >= d->cap * 3)
		dict_grow(d);
	s = find_slot(d->slots, d->cap, key);
	if (!s->key) {
		s->key = key;
		d->n++;
	}
	return &s->value;
}

void *dict_get(const struct dict *d, const char *key)
{
	return d->cap ? find_slot(d->slots, d->cap, key)->value : NULL;
}

void *dict_nth(const struct dict *d, size_t i)
{
	return d->slots[i].key ? d->slots[i].value : NULL;
}

/* --- words --------------------------------------------------------------- */

/* [..] at p against c: the end of the class, NULL if it does not match. */
static const char *match_class(const char *p, char c)
{
	bool negate = p[1] == '!' || p[1] == '^', hit = false;
	const char *q = p + 1 + negate, *first = q;

	for (; *q && (*q != ']' || q == first); q++) {
		if (q[1] == '-' && q[2] && q[2] != ']') {
			hit |= c >= q[0] && c <= q[2];
			q += 2;
		} else {
			hit |= c == *q;
		}
	}
	if (!*q)		/* no end: a '[' is just a '[' */
		return c == '[' ? p + 1 : NULL;
	return hit != negate ? q + 1 : NULL;
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool glob_match(const char *p, const char *s)
{
	const char *star = NULL, *retry = NULL, *end;

	while (*s) {
		if (*p == '*') {
			star = ++p;
			retry = s;
			continue;
		}
		if (*p == '[') {
			end = match_class(p, *s);
		} else {
			if (*p == '\\' && p[1])
				end = p[1] == *s ? p + 2 : NULL;
			else
				end = *p && (*p == '?' || *p == *s) ?
					p + 1 : NULL;
		}
		if (end) {
			p = end;
			s++;
		} else if (star) {
			p = star;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

unsigned edit_distance(const char *a, const char *b, unsigned cap)
{
	unsigned row[65], diag, up, i, j, best;
	size_t la = strlen(a), lb = strlen(b);

	if (lb > 64 || la > lb + cap || lb > la + cap)
		return cap + 1;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diag = row[0];
		row[0] = best = i;
		for (j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = diag + (a[i - 1] != b[j - 1]);
			if (up + 1 < row[j])
				row[j] = up + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			if (row[j] < best)
				best = row[j];
			diag = up;
		}
		if (best > cap)
			return cap + 1;
	}
	return row[lb] > cap ? cap + 1 : row[lb];
}

/* --- files --------------------------------------------------------------- */

#define MOST_OF_A_FILE (INT64_C(2) << 30)

char *read_file(struct arena *a, const char *path, size_t *size)
{
	struct text t = { .mem = a };
	struct stat st;
	char buf[16384];
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0)
		goto out;
	if (S_ISDIR(st.st_mode) || st.st_size > MOST_OF_A_FILE) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
		goto out;
	}
	text_reserve(&t, st.st_size > 0 ? (size_t)st.st_size : 0);
	while (t.n <= MOST_OF_A_FILE &&
	       ((n = read(fd, buf, sizeof(buf))) > 0 ||
		(n < 0 && errno == EINTR)))
		if (n > 0)
			text_add(&t, buf, (size_t)n);
	if (n > 0) {
		errno = EFBIG;
		n = -1;
	}
out:
	err = errno;
	close(fd);
	errno = err;
	if (n < 0)
		return NULL;
	if (size)
		*size = t.n;
	return t.s;
}

static bool write_all(int fd, const char *p, size_t size)
{
	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			size -= (size_t)n;
		}
	}
	return true;
}

/* As the file that it takes the place of, where we may. */
static void take_rights(int fd, const struct stat *was)
{
	if (fchown(fd, was->st_uid, was->st_gid) &&
	    fchown(fd, (uid_t)-1, was->st_gid))
		return;		/* ours, with the rights of a new one */
	fchmod(fd, was->st_mode & 0777);
}

static bool write_to(const char *path, int flags, const struct stat *was,
		     const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0666);
	bool ok;

	if (fd >= 0 && was)
		take_rights(fd, was);
	ok = fd >= 0 && write_all(fd, data, size);
	if (fd >= 0 && close(fd) < 0)
		ok = false;
	return ok;
}

bool write_file(const char *path, const void *data, size_t size)
{
	char *real = realpath(path, NULL), *tmp;
	const char *to = real ? real : path;
	struct arena mem = { 0 };
	struct stat was;
	bool there = !stat(to, &was), ok;
	int err;

	tmp = arena_printf(&mem, "%s.%d.tmp", to, (int)getpid());
	if (there && !S_ISREG(was.st_mode)) {
		ok = write_to(to, 0, NULL, data, size);
	} else {
		unlink(tmp);	/* of another process of this number */
		ok = write_to(tmp, O_CREAT | O_EXCL, there ? &was : NULL, data,
			      size) && !rename(tmp, to);
	}
	err = errno;
	if (!ok)
		unlink(tmp);
	free(real);
	arena_free(&mem);
	errno = err;
	return ok;
}

/* --- spans and failing ----------------------------------------------------- */

void span_line_col(struct span s, unsigned *line, unsigned *col)
{
	uint32_t i, start = 0;
	unsigned n = 1;

	for (i = 0; s.src && i < s.off && i < s.src->size; i++)
		if (s.src->text[i] == '\n') {
			n++;
			start = i + 1;
		}
	*line = n;
	*col = s.off - start + 1;
}

int written(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "%s: stdout: %s\n", argv0, strerror(errno));
	return 73;
}

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", argv0);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void bug_at(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: bug: %s:%d: ", argv0, file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\nThis is a fault of stb itself, not of the script: "
	      "please report it.\n", stderr);
	exit(70);
}

pid_t fork_child(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork: %m");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}
