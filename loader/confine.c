/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine.c - what a session may still ask of the kernel once its probes are
 * armed: a filter of system calls by number. Who finds a fault in what reads
 * records or answers clients can run no program with it, open no connection,
 * change no user and load no module. A call that is not in the list ends the
 * session with a message that names it, and a kernel without seccomp goes
 * without.
 */
#include "loader/rights.h"
#include "loader/loader.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

/* A sanitizer's runtime makes system calls of its own. */
#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = true };
#elif defined(__has_feature)
enum { SANITIZED = __has_feature(address_sanitizer) };
#else
enum { SANITIZED = false };
#endif

static const uint16_t allowed[] = {
	/* most often first: records out, and to sleep */
	SYS_write, SYS_ppoll, SYS_bpf, SYS_read, SYS_clock_gettime,
	SYS_clock_getres,
	SYS_writev, SYS_readv, SYS_pread64, SYS_pwrite64, SYS_lseek,
	SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_accept4,
	SYS_setsockopt, SYS_getsockopt, SYS_shutdown,
	/* files: output, and what is asked of /proc and /sys */
	SYS_openat, SYS_close, SYS_fcntl, SYS_ioctl, SYS_flock, SYS_dup3,
	SYS_dup, SYS_getdents64, SYS_fstat, SYS_readlinkat, SYS_unlinkat,
	SYS_mkdirat, SYS_mknodat, SYS_fchmodat, SYS_fchmod, SYS_ftruncate,
	SYS_faccessat, SYS_umask, SYS_chdir, SYS_fsync, SYS_inotify_add_watch,
	SYS_inotify_rm_watch, SYS_pipe2,
	/* after init, out of an initramfs */
	SYS_fchdir, SYS_chroot,
	/* probes that come and go; helpers that detach */
	SYS_perf_event_open, SYS_membarrier, SYS_clone, SYS_wait4, SYS_kill,
	SYS_prctl, SYS_getppid,
	/* memory */
	SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_process_vm_readv,
	/* signals, time, who and where */
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_rt_sigtimedwait, SYS_rt_sigpending, SYS_tkill, SYS_tgkill,
	SYS_nanosleep, SYS_clock_nanosleep, SYS_gettimeofday, SYS_futex,
	SYS_restart_syscall, SYS_sched_yield, SYS_sched_setscheduler,
	SYS_sched_getscheduler, SYS_sched_getaffinity, SYS_getpid, SYS_gettid,
	SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrandom,
	SYS_prlimit64, SYS_uname, SYS_sysinfo, SYS_getcpu,
	SYS_exit, SYS_exit_group, SYS_set_tid_address,
	/* rights that are taken up for some of these */
	SYS_capget, SYS_capset,
#ifdef __x86_64__
	SYS_poll, SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink,
	SYS_unlink, SYS_rmdir, SYS_mkdir, SYS_mknod, SYS_rename, SYS_chmod,
	SYS_dup2, SYS_pipe, SYS_getrlimit, SYS_time, SYS_inotify_init1,
#endif
#ifdef SYS_newfstatat
	SYS_newfstatat,
#endif
#ifdef SYS_statx
	SYS_statx,
#endif
#ifndef SYS_rename
	SYS_renameat,
#endif
	SYS_renameat2,
};

#define STEP(code, k) (struct sock_filter)BPF_STMT(code, k)
#define JUMP(code, k, t, f) (struct sock_filter)BPF_JUMP(code, k, t, f)
#define FIELD(f) (uint32_t)offsetof(struct seccomp_data, f)
enum { MAX_STEPS = 2 * COUNT_OF(allowed) + 32 };

/* Memory that is code: mapped so, or made so. What is loaded falls through. */
static uint32_t no_code(struct sock_filter *f, uint32_t call)
{
	f[0] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
	f[1] = STEP(BPF_LD | BPF_W | BPF_ABS, FIELD(args[2]));
	f[2] = JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
	f[3] = STEP(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	f[4] = STEP(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return 5;
}

static uint32_t make_filter(struct sock_filter *f)
{
	uint32_t n = 0;

	f[n++] = STEP(BPF_LD | BPF_W | BPF_ABS, FIELD(arch));
	f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	f[n++] = STEP(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	f[n++] = STEP(BPF_LD | BPF_W | BPF_ABS, FIELD(nr));
	for (uint32_t i = 0; i < COUNT_OF(allowed); i++) {
		f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
		f[n++] = STEP(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	n += no_code(f + n, SYS_mmap);
	n += no_code(f + n, SYS_mprotect);
	f[n++] = STEP(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	return n;
}

static void on_refused(int sig, siginfo_t *info, void *context)
{
	die(EXIT_OURS, "system call %d is none that a session makes: please "
	    "report it", info->si_syscall);
}

void confine(const struct loader *l)
{
	struct sigaction a = { .sa_sigaction = on_refused,
			       .sa_flags = SA_SIGINFO };
	struct sock_filter f[MAX_STEPS];
	struct sock_fprog p = { .filter = f };

	if (SANITIZED || !ARCH)
		return;
	p.len = (unsigned short)make_filter(f);
	sigaction(SIGSYS, &a, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) {
		if (l->opt.verbose)
			say("system calls are not filtered: this kernel has no "
			    "seccomp filter: %s", strerror(errno));
		return;
	}
	checked(l, "system calls: %zu of the kernel's can be made from now on",
		COUNT_OF(allowed) + 2);
}
