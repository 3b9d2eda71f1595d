/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker TASKS N: each of them makes N calls that nobody else makes, all at once. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long tasks = atol(argv[1]), n = atol(argv[2]);

	for (long i = 0; i < tasks; i++)
		if (!fork()) {
			while (n--)
				syscall(SYS_sched_get_priority_max, 0);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}
