/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/format.h"
#include "loader/bulk.h"
#include "loader/encode.h"
#include "loader/files.h"
#include "loader/history.h"
#include "loader/rights.h"
#include "loader/words.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What printf still has to read. */
struct input {
	const char *p, *end;
	unsigned depth;		/* of groups */
	const struct arg *args;
	uint32_t nargs;
	const struct namer *names;
};

struct buckets {
	const uint64_t *v;
};

#define PRINT_API
enum { PRINT_GROUP = 2048, PRINT_DEPTH = 16 };
#include "runtime/print.h"

static struct arg take_arg(struct input *in)
{
	struct arg none = { 0 };

	if (!in->nargs)
		return none;
	in->nargs--;
	return *in->args++;
}

static uint64_t bucket_count(const struct buckets *b, int i)
{
	return b->v[i];
}

/* --- addresses ------------------------------------------------------------- */

enum { ADDRESS_TEXT = 1024 };

static enum stb_sym_style style_of(struct directive d)
{
	return d.precision >= 0 && d.precision <= STB_SYM_BRIEF ?
		(enum stb_sym_style)d.precision : STB_SYM_DATA;
}

/* Where nobody knows any names. */
static bool put_number(const struct namer *n, struct sink *to, uint64_t addr,
		       enum stb_sym_style style)
{
	struct directive d = { .flags = SPECIAL, .width = -1, .precision = -1,
			       .what = 'x' };

	if (style == STB_SYM_MODULE)
		return false;
	number(to, d, 16, false, (int64_t)addr);
	return true;
}

static bool put_user_number(const struct namer *n, struct sink *to,
			    struct stb_user_addr at, enum stb_sym_style style)
{
	return put_number(n, to, at.addr, style);
}

static const struct namer *sure(const struct namer *names)
{
	static const struct namer numbers = { .put = put_number,
					      .put_user = put_user_number };

	return names && names->put ? names : &numbers;
}

/* %A */
static void address(struct sink *to, const struct namer *names,
		    struct directive d, uint64_t addr)
{
	struct sink text = { .buf = (char[ADDRESS_TEXT]){ 0 },
			     .cap = ADDRESS_TEXT };

	names->put(names, &text, addr, style_of(d));
	d.precision = -1;
	padded(to, d, text.buf, (int64_t)text.n);
}

/* %K: from a record, so at any address */
static void stack(struct sink *to, const struct namer *names,
		  struct directive d, struct arg a)
{
	uint64_t addr;

	for (uint64_t i = 0; a.s && a.len - i >= 8 && i < a.len; i += 8) {
		memcpy(&addr, a.s + i, 8);
		if (!addr)
			return;
		names->put(names, to, addr, style_of(d));
	}
}

/* %U: an address and its place */
static void user_address(struct sink *to, const struct namer *names,
			 struct directive d, uint64_t addr, uint64_t place)
{
	struct sink text = { .buf = (char[ADDRESS_TEXT]){ 0 },
			     .cap = ADDRESS_TEXT };

	names->put_user(names, &text, (struct stb_user_addr){ addr, place },
			style_of(d));
	d.precision = -1;
	padded(to, d, text.buf, (int64_t)text.n);
}

/* %Y */
static void user_stack(struct sink *to, const struct namer *names,
		       struct directive d, struct arg a)
{
	struct stb_user_addr at;

	for (uint64_t i = 0; a.s && a.len - i >= sizeof(at) && i < a.len;
	     i += sizeof(at)) {
		memcpy(&at, a.s + i, sizeof(at));
		if (!at.addr)
			return;
		names->put_user(names, to, at, style_of(d));
	}
}

static uint64_t hexadecimal(const char *s, size_t n)
{
	uint64_t v = 0;
	size_t i = n > 2 && s[0] == '0' && (s[1] | 32) == 'x' ? 2 : 0;

	for (; i < n; i++) {
		char c = s[i] | 32;

		if (s[i] >= '0' && s[i] <= '9')
			v = v << 4 | (uint64_t)(s[i] - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	return v;
}

static const char *next_word(const char *p, const char *end, size_t *n)
{
	while (p < end && *p == ' ')
		p++;
	for (*n = 0; p + *n < end && p[*n] != ' ';)
		++*n;
	return p;
}

struct naming {
	const struct namer *names;
	enum stb_sym_style style;
	uint64_t place;		/* of a process's addresses */
};

/* Each number by put(); behind it, unless the style is a line of its own. */
static void each_address(struct sink *to, const char *s, size_t n,
			 void (*put)(const struct naming *how, struct sink *to,
				     uint64_t addr), const struct naming *how)
{
	struct sink line = { .buf = (char[ADDRESS_TEXT]){ 0 },
			     .cap = ADDRESS_TEXT };
	bool whole = how->style == STB_SYM_FULL || how->style == STB_SYM_FULLER;
	const char *end = s + n;

	for (s = next_word(s, end, &n); n; s = next_word(s + n, end, &n)) {
		line.n = 0;
		if (!whole) {
			sink_puts(&line, " ");
			sink_put(&line, s, n);
			sink_puts(&line, " : ");
		}
		put(how, &line, hexadecimal(s, n));
		if (!whole)
			sink_puts(&line, "\n");
		if (!to->full && to->cap - to->n < line.n)
			return;
		sink_put(to, line.buf, line.n);
	}
}

static void name_address(const struct naming *n, struct sink *to, uint64_t addr)
{
	n->names->put(n->names, to, addr, n->style);
}

void format_addresses(struct sink *to, const struct namer *names,
		      const char *s, size_t n, enum stb_sym_style style)
{
	struct naming how = { sure(names), style, 0 };

	each_address(to, s, n, name_address, &how);
}

static void name_user_address(const struct naming *n, struct sink *to,
			      uint64_t addr)
{
	n->names->put_user(n->names, to, (struct stb_user_addr){ addr,
			   n->place }, n->style);
}

void format_user_addresses(struct sink *to, const struct namer *names,
			   const char *s, size_t n, int64_t pid,
			   enum stb_sym_style style)
{
	struct naming how = { sure(names), style, pid ?
		(uint64_t)STB_PLACE_PID << STB_PLACE_ADDR | (uint32_t)pid : 0 };

	each_address(to, s, n, name_user_address, &how);
}

static void skip_own(char what, struct input *in)
{
	if (what == '{')
		in->p += table_length(in->p, in->end - in->p);
	else if (what == 'U' || what == 'T')
		take_arg(in);
}

/* a flat switch */
static bool convert_own(struct sink *to, struct directive d, struct input *in)
{
	struct arg arg;

	switch (d.what) {
	case 'A':
		address(to, in->names, d, (uint64_t)take_arg(in).num);
		return true;
	case 'K':
		stack(to, in->names, d, take_arg(in));
		return true;
	case 'H':
		arg = take_arg(in);
		format_addresses(to, in->names, arg.s ? arg.s : "",
				 arg.s ? arg.len : 0, style_of(d));
		return true;
	case 'U':
		arg = take_arg(in);
		user_address(to, in->names, d, (uint64_t)arg.num,
			     (uint64_t)take_arg(in).num);
		return true;
	case 'Y':
		user_stack(to, in->names, d, take_arg(in));
		return true;
	case 'T':
		arg = take_arg(in);
		format_user_addresses(to, in->names, arg.s ? arg.s : "",
				      arg.s ? arg.len : 0, take_arg(in).num,
				      style_of(d));
		return true;
	case '{':
		in->p += format_table(to, in->p, in->end - in->p,
				      number_of(d, in));
		return true;
	case 'P':
		format_pointer(to, take_arg(in).num);
		return true;
	case 'E':
		format_result(to, take_arg(in).num);
		return true;
	case 'S':
		arg = take_arg(in);
		arg.len = (uint64_t)cut(d, arg);
		format_sockaddr(to, arg);
		return true;
	case 'q':
		format_quoted(to, take_arg(in), d.precision);
		return true;
	default:
		return false;
	}
}

void format_text(struct sink *to, const struct namer *names, const char *text,
		 size_t text_len, const struct arg *args, uint32_t nargs)
{
	struct input in = { text, text + text_len, 0, args, nargs,
			    sure(names) };

	run(to, &in);
}

/* --- charts -------------------------------------------------------------- */

void format_hist_log(struct sink *to, const uint64_t *buckets, uint32_t n)
{
	struct chart c = { .from = { buckets }, .n = n, .log = true };

	chart(to, &c);
}

void format_hist_linear(struct sink *to, const uint64_t *buckets, uint32_t n,
			int64_t lo, int64_t step)
{
	struct chart c = { .from = { buckets }, .n = n, .lo = lo,
			   .step = step };

	chart(to, &c);
}

/* --- output -------------------------------------------------------------- */

static bool in_a_hurry(const struct output *o)
{
	return o->stops && *o->stops > 1;
}

/* write(2), interrupted by what the session lets interrupt it. In a hurry only
   what there is room for: a signal may have come just before. */
static ssize_t write_some(struct output *o, int fd, const char *p, size_t n)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	sigset_t old;
	ssize_t done;

	if (o->mask)
		sigprocmask(SIG_SETMASK, o->mask, &old);
	if (in_a_hurry(o) && n > PIPE_BUF)
		n = PIPE_BUF;
	if (in_a_hurry(o) && poll(&room, 1, 0) <= 0) {
		errno = EINTR;
		done = -1;
	} else {
		done = write(fd, p, n);
	}
	if (o->mask) {
		int error = errno;

		sigprocmask(SIG_SETMASK, &old, NULL);
		errno = error;
	}
	return done;
}

enum { MOST_CUT = 65536 };	/* what is longer is no line of text */

/* Is that failure one to try again after? */
static bool passing(struct output *o, int fd, int error)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };

	if (error == EAGAIN && !in_a_hurry(o)) {
		ppoll(&wait, 1, NULL, o->mask);
		return true;
	}
	return error == EINTR && !in_a_hurry(o);
}

/* How much of the file is whole lines. */
static void note_written(struct files *f, const char *p, size_t n)
{
	const char *end = memrchr(p, '\n', n);

	f->size += n;
	if (end)
		f->lines = f->size - n + (uint64_t)(end + 1 - p);
}

/* No line ends in its middle, where text has lines at all. */
static void cut_line(struct output *o)
{
	struct files *f = o->files;
	struct stat st;

	if (!output_has_lines(o) && f->size - f->lines > MOST_CUT)
		return;
	if (!fstat(o->fd, &st) && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size > f->lines && !ftruncate(o->fd, (off_t)f->lines))
		f->size = (uint64_t)lseek(o->fd, (off_t)f->lines, SEEK_SET);
}

static void cannot_write(struct output *o, int fd, int error)
{
	if (fd == STDERR_FILENO || o->broken)
		return;
	if (fd == o->fd && o->files)
		cut_line(o);
	if (o->detached) {
		o->stuck = error;
		return;
	}
	o->broken = true;
	o->error = error;
}

void output_write(struct output *o, int fd, const char *p, size_t n)
{
	while (n && (!o->stuck || fd == STDERR_FILENO)) {
		ssize_t done = write_some(o, fd, p, n);

		if (done < 0 && passing(o, fd, errno))
			continue;
		if (done < 0) {
			cannot_write(o, fd, errno);
			return;
		}
		if (fd == o->fd && o->files)
			note_written(o->files, p, (size_t)done);
		p += done;
		n -= done;
	}
}

static void out_full(struct sink *s)
{
	struct output *o = (struct output *)s;

	if (o->history)
		history_put(o->history, s->buf, s->n);
	if (!o->broken && o->fd >= 0)
		output_write(o, o->fd, s->buf, s->n);
	if (o->files)
		o->files->written += s->n;
	s->n = 0;
}

static void err_full(struct sink *s)
{
	struct output *o = (void *)((char *)s - offsetof(struct output, err));

	if (o->history)
		history_put(o->history, s->buf, s->n);
	if (o->warnings)
		history_put(o->warnings, s->buf, s->n);
	else if (!o->detached)
		output_write(o, STDERR_FILENO, s->buf, s->n);
	else if (!o->broken && o->fd >= 0)
		output_write(o, o->fd, s->buf, s->n);
	s->n = 0;
}

/* MESSAGE_SIZE: what is longer, which one byte more tells, is cut, and said to
   be. */
enum { COMMAND_SIZE = 4096, HEAD_SIZE = 1024, MESSAGE_SIZE = 1 << 20 };

static void folded_line(void *arg, const char *line, size_t n)
{
	sink_put(&((struct output *)arg)->out, line, n);
}

void output_form(struct output *o, enum form form)
{
	o->form = form;
	if (form == FORM_TEXT && !o->bulk)
		return;
	o->text = (struct sink){ zalloc(MESSAGE_SIZE + 1), 0, MESSAGE_SIZE + 1,
				 NULL };
	if (form != FORM_FOLDED)
		return;
	o->fold = zalloc(sizeof(*o->fold));
	fold_init(o->fold, folded_line, o);
}

/* To the file alone: what a recorder keeps has no heads. */
static void head_full(struct sink *s)
{
	struct output *o = (void *)((char *)s - offsetof(struct output, head));

	if (!o->broken && o->fd >= 0)
		output_write(o, o->fd, s->buf, s->n);
	if (o->files)
		o->files->written += s->n;
	s->n = 0;
}

void output_init(struct output *o, int fd)
{
	*o = (struct output){
		.out = { zalloc(32768), 0, 32768, out_full },
		.err = { zalloc(1024), 0, 1024, err_full },
		.command = { zalloc(COMMAND_SIZE), 0, COMMAND_SIZE - 1, NULL },
		.head = { zalloc(HEAD_SIZE), 0, HEAD_SIZE, head_full },
		.fd = fd,
	};
}

void output_start(struct output *o)
{
	/* files are emptied when there is something to put into them */
	if (o->bulk ? !bulk_start(o->bulk) :
	    o->files && ftruncate(o->fd, 0) && errno != EINVAL)
		o->broken = true, o->error = errno;
	if (o->bulk && o->form == FORM_NDJSON) {
		encode_head(o, output_line(o), 0);
		output_line_end(o);
		return;
	}
	encode_head(o, &o->head, o->files ? o->files->number - 1 : 0);
	head_full(&o->head);
}

/* Ends the present file and begins the next. */
static bool next_file(struct output *o)
{
	int next = files_create(o->files);

	if (next < 0)
		return false;
	o->stuck = 0;		/* there may be room for its tail */
	encode_tail(o, &o->head);
	head_full(&o->head);
	if (!files_turn(o->files, next, o->fd))
		return false;
	o->stuck = 0;
	o->files->told = false;
	output_start(o);
	return true;
}

/* It is full, and there is no next one; it will be tried again. A recorder has
   its memory, another session's output is nowhere else. */
static void no_next_file(struct output *o)
{
	o->files->written = 0;
	if (o->detached)
		o->stuck = errno;
	else if (!o->files->told)
		say("the next file of output: %s: the present one goes on",
		    strerror(errno));
	o->files->told = true;
}

bool output_next_file(struct output *o)
{
	if (o->out.n)
		out_full(&o->out);
	return o->files && next_file(o);
}

struct sink *output_line(struct output *o)
{
	return o->bulk ? bulk_line(o->bulk) : &o->out;
}

void output_line_end(struct output *o)
{
	if (o->bulk)
		bulk_line_end(o);
}

bool output_is_full(const struct output *o)
{
	return o->files && o->files->max && o->files->written >= o->files->max;
}

void output_flush(struct output *o)
{
	if (o->bulk)
		bulk_flush(o);
	if (o->out.n)
		out_full(&o->out);
	if (output_is_full(o) && !next_file(o))
		no_next_file(o);
}

/* Does what comes out of that channel go through the encoder? */
static bool is_encoded(const struct output *o, enum stb_channel channel)
{
	switch (channel) {
	case STB_OUT:
	case STB_LOG:
	case STB_VALUE:
		return o->form != FORM_TEXT || o->bulk;
	case STB_ERROR:
	case STB_WARN:
		return output_has_lines(o);
	case STB_SYSTEM:
	case STB_SWITCH:
		break;
	}
	return false;
}

struct sink *output_begin(struct output *o, enum stb_channel channel)
{
	if (is_encoded(o, channel)) {
		o->text.n = 0;
		return &o->text;
	}
	if (channel == STB_OUT || channel == STB_LOG)
		return &o->out;
	output_flush(o);
	if (channel == STB_SYSTEM || channel == STB_SWITCH) {
		o->command.n = 0;
		return &o->command;
	}
	if (channel == STB_ERROR)
		sink_puts(&o->err, "ERROR: ");
	if (channel == STB_WARN)
		sink_puts(&o->err, "WARNING: ");
	return &o->err;
}

/* STB_SYSTEM and STB_SWITCH are no output. */
static void act(struct output *o, enum stb_channel channel)
{
	if (channel == STB_SYSTEM) {
		o->command.buf[o->command.n < COMMAND_SIZE ? o->command.n :
			       COMMAND_SIZE - 1] = 0;
		runner_run(o->shell, o->command.buf);
	} else if (o->files && !output_next_file(o)) {
		say("the next file of output: %s", strerror(errno));
	}
}

static void end_message(struct output *o, enum stb_channel channel,
			const struct printed *p, const struct charted *c)
{
	struct sink *s = &o->err;

	o->messages++;
	if (channel == STB_SYSTEM || channel == STB_SWITCH) {
		act(o, channel);
		return;
	}
	if (is_encoded(o, channel) && o->form == FORM_TEXT) {
		if (channel == STB_LOG)
			sink_put(&o->text, "\n", 1);
		bulk_end(o, o->text.buf, o->text.n);
		return;
	}
	if (is_encoded(o, channel)) {
		encode_message(o, output_line(o), channel, p, c);
		output_line_end(o);
		return;
	}
	if (channel == STB_LOG)
		sink_put(&o->out, "\n", 1);
	if (channel == STB_OUT || channel == STB_LOG)
		return;
	if (!s->n || s->buf[s->n - 1] != '\n')
		sink_put(s, "\n", 1);
	err_full(s);
}

void output_end(struct output *o, enum stb_channel channel)
{
	end_message(o, channel, NULL, NULL);
}

void output_end_chart(struct output *o, const struct charted *c)
{
	end_message(o, STB_OUT, NULL, c);
}

void output_print(struct output *o, const struct stb_set *meta,
		  const struct stb_format *f, const struct arg *args,
		  uint32_t nargs)
{
	const char *text = stb_string(meta, f->text);
	bool value = f->channel == STB_VALUE;
	enum stb_channel channel = value ? STB_OUT :
				   (enum stb_channel)f->channel;
	struct printed p = { args, nargs, value ? text : NULL };

	format_text(output_begin(o, channel), &o->names, text, f->text_len,
		    args, nargs);
	end_message(o, channel, &p, NULL);
}
