/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spin.c - one thread waits, another one spins.
 */
#include <pthread.h>
#include <unistd.h>
static void *spin(void *arg)
{
	for (volatile long i = 0; ; i++)
		;
	return arg;
}
int main(void)
{
	pthread_t t;

	pthread_create(&t, NULL, spin, NULL);
	if (write(1, "there\n", 6) < 0)
		return 1;
	pause();
}
