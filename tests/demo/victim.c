/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * victim.c - the program that `make demo` and the boot tests probe: stripped
 * where it runs, its debuginfo is only where the bundle is made. It takes
 * orders: a struct passed by pointer, a return value, and some file reading.
 *
 * flags: -static
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct item {
	int price;
	unsigned char quantity : 5;
	unsigned char express : 1;
	char label[16];
};

struct order {
	long id;
	const char *customer;
	struct item items[2];
	struct order *previous;
};

__attribute__((noinline)) long order_total(const struct order *order, int rate)
{
	long sum = 0;
	for (int i = 0; i < 2; i++)
		sum += (long)order->items[i].price * order->items[i].quantity;
	return sum * (100 + rate) / 100;
}

static void read_something(const char *path, size_t size)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return;
	if (read(fd, buf, size) < 0)
		perror(path);
	close(fd);
}

int main(int argc, char **argv)
{
	static const char *const who[] = { "ada", "brian", "grace" };
	long rounds = argc > 1 ? atol(argv[1]) : 5;
	long pause_ms = argc > 2 ? atol(argv[2]) : 200;
	struct order orders[2] = { 0 };
	long total = 0;

	for (long i = 0; i < rounds; i++) {
		struct order *o = &orders[i & 1];
		o->id = i + 1;
		o->customer = who[i % 3];
		o->previous = i ? &orders[(i + 1) & 1] : NULL;
		o->items[0] = (struct item){ 250, 2, 1, "lamp" };
		o->items[1] = (struct item){ 99, (unsigned)(i % 8), 0, "bolt" };
		total += order_total(o, 20);
		read_something("/etc/passwd", 64 + (size_t)i);
		read_something("/proc/self/stat", 100);
		nanosleep(&(struct timespec){ pause_ms / 1000,
					      pause_ms % 1000 * 1000000 }, NULL);
	}
	printf("victim: total %ld\n", total);
	return 0;
}
