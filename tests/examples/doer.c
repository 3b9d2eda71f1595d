/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doer.c - doer WHAT [N|PATH]: does one thing that the examples tell of, a known number
 * of times, and says nothing. Exits with 1, and the reason, where it cannot.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long must(long ret, const char *what)
{
	if (ret < 0) {
		perror(what);
		exit(1);
	}
	return ret;
}

static void nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* open, read, write, close: the calls themselves, N times each */
static void calls(const char *n)
{
	char c = 0;

	for (long i = atol(n); i; i--) {
		int fd = must(syscall(SYS_open, "/root/known", O_RDONLY), "known");

		must(syscall(SYS_read, fd, &c, 1), "read");
		must(syscall(SYS_close, fd), "close");
		fd = must(syscall(SYS_open, "/dev/null", O_WRONLY), "null");
		must(syscall(SYS_write, fd, &c, 1), "write");
		must(syscall(SYS_close, fd), "close");
	}
}

static void opens(const char *path)
{
	must(syscall(SYS_open, path, O_RDONLY), path);
}

/* as many calls that fail with EBADF */
static void fails(const char *n)
{
	for (long i = atol(n); i; i--)
		syscall(SYS_fsync, -1);
}

/* four requests in one call: pwrite, pread, pwritev, preadv of 4096 bytes */
static void aio(const char *path)
{
	static char page[4][4096] __attribute__((aligned(4096)));
	struct iovec iov[2] = { { page[2], 4096 }, { page[3], 4096 } };
	struct iocb cb[4] = { 0 }, *at[4];
	struct io_event done[4];
	aio_context_t ctx = 0;
	int fd = must(open(path, O_RDWR | O_CREAT, 0600), path);
	const int op[] = { IOCB_CMD_PWRITE, IOCB_CMD_PREAD, IOCB_CMD_PWRITEV,
			   IOCB_CMD_PREADV };

	for (int i = 0; i < 4; i++) {
		at[i] = &cb[i];
		cb[i].aio_fildes = fd;
		cb[i].aio_lio_opcode = op[i];
		cb[i].aio_offset = i * 4096;
		cb[i].aio_buf = i < 2 ? (long)page[i] : (long)&iov[i - 2];
		cb[i].aio_nbytes = i < 2 ? 4096 : 1;
	}
	must(syscall(SYS_io_setup, 8, &ctx), "io_setup");
	must(syscall(SYS_io_submit, ctx, 4, at), "io_submit");
	must(syscall(SYS_io_getevents, ctx, 4, 4, done, NULL), "io_getevents");
}

/* a child waits N times for a word of shared memory, 50 ms each */
static void futex_on(int *word, const char *n)
{
	for (long i = atol(n); i; i--) {
		*word = 0;
		if (!must(fork(), "fork")) {
			syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL);
			_exit(0);
		}
		nap(50);
		*word = 1;
		syscall(SYS_futex, word, FUTEX_WAKE, 1);
		wait(NULL);
	}
}

static void futex(const char *n)
{
	futex_on(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0), n);
}

/* the same in the file /tmp/shared */
static void futexfile(const char *n)
{
	int fd = must(open("/tmp/shared", O_RDWR | O_CREAT, 0600), "shared");

	must(ftruncate(fd, 4096), "ftruncate");
	futex_on(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), n);
}

/* N operations on semaphores 0 and 2 of a set */
static void sem(const char *n)
{
	struct sembuf ops[2] = { { 0, 1, 0 }, { 2, 1, 0 } };
	int id = must(semget(IPC_PRIVATE, 3, 0600), "semget");

	for (long i = atol(n); i; i--)
		must(syscall(SYS_semop, id, ops, 2), "semop");
	semctl(id, 0, IPC_RMID);
}

/* N pages of its own, each touched for the first time */
static void pages(const char *n)
{
	long size = atol(n) * 4096;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(madvise(p, size, MADV_NOHUGEPAGE), "madvise");
	for (long i = 0; i < size; i += 4096)
		p[i] = 1;
}

/* a page of 2 MB */
static void huge(const char *n)
{
	char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p = (char *)(((long)p + (2 << 20) - 1) & -(2L << 20));
	must(madvise(p, 2 << 20, MADV_HUGEPAGE), "madvise");
	*p = 1;
	if (!strcmp(n, "split"))
		must(munmap(p + 4096, 4096), "munmap");
	if (!strcmp(n, "cow") && !must(fork(), "fork")) {
		*p = 2;
		_exit(0);
	}
	wait(NULL);
}

/* more memory than there is, N times */
static void hoard(const char *n)
{
	for (long i = atol(n); i; i--)
		if (mmap(NULL, 1L << 44, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
			exit(1);
}

/* opens until there are no more, N at most, and waits to be woken */
static void nofile(const char *n)
{
	struct rlimit r = { atol(n), atol(n) };

	setrlimit(RLIMIT_NOFILE, &r);
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	nap(100);
	nap(100);
}

/* what times out after 10 ms: each thing as often as stands there */
static void timeouts(const char *n)
{
	struct timespec t = { 0, 10000000 };
	struct timeval v = { 0, 10000 };
	struct itimerval it = { { 0, 0 }, { 0, 10000 } };
	struct epoll_event ev;
	int ep = epoll_create(1), word = 0;
	sigset_t set;

	(void)n;
	signal(SIGALRM, SIG_IGN);
	for (int i = 0; i < 2; i++)
		syscall(SYS_poll, NULL, 0, 10);
	for (int i = 0; i < 3; i++) {
		v.tv_usec = 10000;
		syscall(SYS_select, 0, NULL, NULL, NULL, &v);
	}
	for (int i = 0; i < 4; i++)
		syscall(SYS_epoll_wait, ep, &ev, 1, 10);
	setitimer(ITIMER_REAL, &it, NULL);
	nap(30);
	for (int i = 0; i < 5; i++)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t);
	for (int i = 0; i < 5; i++)
		syscall(SYS_nanosleep, &t, NULL);
	sigemptyset(&set);
	for (int i = 0; i < 7; i++)
		syscall(SYS_rt_sigtimedwait, &set, NULL, &t, 8);
	nap(1500);
}

static void naps(const char *n)
{
	struct timespec t = { 0, 20000000 };

	for (long i = atol(n); i; i--)
		syscall(SYS_nanosleep, &t, NULL);
}

/* N ms of the processor */
static void spin(const char *n)
{
	clock_t until = clock() + atol(n) * (CLOCKS_PER_SEC / 1000);

	while (clock() < until)
		;
}

static void sync_it(const char *n)
{
	int fd = must(open("/tmp/synced", O_RDWR | O_CREAT, 0600), "synced");

	for (long i = atol(n); i; i--)
		must(fsync(fd), "fsync");
}

static int tcp_pair(int pair[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(4321),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, l = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(bind(l, (void *)&at, sizeof(at)), "bind");
	must(listen(l, 1), "listen");
	pair[0] = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(connect(pair[0], (void *)&at, sizeof(at)), "connect");
	pair[1] = must(accept(l, NULL, NULL), "accept");
	return l;
}

/* N times 100 bytes over a connection to itself at port 4321 */
static void tcp(const char *n)
{
	int s[2], l = tcp_pair(s);
	char buf[100] = "hello";

	for (long i = atol(n); i; i--) {
		must(send(s[0], buf, 100, 0), "send");
		must(recv(s[1], buf, 100, MSG_WAITALL), "recv");
	}
	close(s[0]);
	close(s[1]);
	close(l);
}

/* sends until nobody takes it, and takes it later */
static void stuff(const char *n)
{
	static char buf[1 << 20];
	int s[2], l = tcp_pair(s);

	(void)n;
	(void)l;
	if (!must(fork(), "fork")) {
		nap(200);
		for (long left = 16 << 20, got; left > 0; left -= got)
			got = must(read(s[1], buf, sizeof(buf)), "read");
		_exit(0);
	}
	for (int i = 0; i < 16; i++)
		must(send(s[0], buf, sizeof(buf), 0), "send");
	wait(NULL);
}

/* N datagrams of 50 bytes to itself at port 4322 */
static void udp(const char *n)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(4322),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int in = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	int out = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	char buf[50] = "datagram";

	must(bind(in, (void *)&at, sizeof(at)), "bind");
	for (long i = atol(n); i; i--) {
		must(sendto(out, buf, 50, 0, (void *)&at, sizeof(at)), "sendto");
		must(recv(in, buf, 50, 0), "recv");
	}
}

/* N datagrams there that nobody takes */
static void sends(const char *n)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(4322),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int out = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	for (long i = atol(n); i; i--)
		sendto(out, "a datagram of fifty bytes with nothing in it at all", 50, 0, (void *)&at, sizeof(at));
}

static int terminal(int *m)
{
	*m = must(open("/dev/pts/ptmx", O_RDWR | O_NOCTTY), "ptmx");
	grantpt(*m);
	unlockpt(*m);
	return must(open(ptsname(*m), O_RDWR | O_NOCTTY), "pts");
}

/* a line that is typed at a terminal, and read, and written there */
static void pty(const char *text)
{
	char line[100];
	int m, s = terminal(&m);

	must(write(m, text, strlen(text)), "write");
	must(write(m, "\n", 1), "write");
	must(write(s, line, must(read(s, line, sizeof(line)), "read")), "write");
	nap(100);
}

/* COMMAND on a terminal of 24 by 80 for two seconds: what it writes there */
static void term(const char *command)
{
	struct winsize size = { 24, 80, 0, 0 };
	char buf[4096];
	ssize_t n;
	int m, s = terminal(&m);

	ioctl(s, TIOCSWINSZ, &size);
	if (!must(fork(), "fork")) {
		close(m);
		setsid();
		ioctl(s, TIOCSCTTY, 0);
		dup2(s, 1);
		dup2(s, 2);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	close(s);
	while ((n = read(m, buf, sizeof(buf))) > 0)
		must(write(1, buf, n), "write");
	wait(NULL);
}

/* asks for more of the processor than is given to all */
static void nice_it(const char *n)
{
	must(setpriority(PRIO_PROCESS, 0, -atoi(n)), "setpriority");
}

static void traced(const char *n)
{
	(void)n;
	exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? 3 : 0);
}

/* a child that is sent SIGUSR1 N times, and then killed */
static void killing(const char *n)
{
	pid_t child = must(fork(), "fork");

	if (!child) {
		signal(SIGUSR1, SIG_IGN);
		for (;;)
			pause();
	}
	nap(50);
	for (long i = atol(n); i; i--)
		kill(child, SIGUSR1);
	kill(child, SIGKILL);
	wait(NULL);
}

/* N children, each of which exits with 3 */
static void forks(const char *n)
{
	for (long i = atol(n); i; i--) {
		if (!must(fork(), "fork"))
			_exit(3);
		wait(NULL);
	}
}

static const struct {
	const char *what;
	void (*do_it)(const char *arg);
} verbs[] = {
	{ "calls", calls }, { "opens", opens }, { "fails", fails }, { "aio", aio },
	{ "futex", futex }, { "futexfile", futexfile }, { "sem", sem },
	{ "pages", pages }, { "huge", huge }, { "hoard", hoard },
	{ "nofile", nofile }, { "timeouts", timeouts }, { "naps", naps },
	{ "spin", spin }, { "sync", sync_it }, { "tcp", tcp }, { "stuff", stuff },
	{ "udp", udp }, { "sends", sends }, { "pty", pty }, { "term", term },
	{ "nice", nice_it }, { "traced", traced },
	{ "killing", killing }, { "forks", forks },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].what)) {
			verbs[i].do_it(argc > 2 ? argv[2] : "1");
			return 0;
		}
	fprintf(stderr, "doer: what is %s?\n", argc > 1 ? argv[1] : "to do");
	return 1;
}
