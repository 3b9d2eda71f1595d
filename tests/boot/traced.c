/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traced.c - which functions the kernel's function tracer saw, and how often:
 * reads the pages of a trace_pipe_raw (argument 1) until there are no more, and
 * prints "HITS NAME" by the names of /proc/kallsyms.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 4096, SLOTS = 1 << 18, FUNCTION = 1 /* TRACE_FN */ };
enum { PADDING = 29, TIME_EXTEND, TIME_STAMP };

static struct slot {
	uint64_t ip, hits;
} slots[SLOTS];

/* The slot of an address, or the one that it would have. */
static struct slot *slot_of(uint64_t ip)
{
	uint64_t i = ip * 0x9e3779b97f4a7c15 >> 46;

	while (slots[i].ip && slots[i].ip != ip)
		i = (i + 1) % SLOTS;
	return &slots[i];
}

static void hit(uint64_t ip)
{
	struct slot *s = slot_of(ip);

	s->ip = ip;
	s->hits++;
}

/* Behind a time and the number of bytes: a word, of which 5 bits say what. */
static void read_page(const unsigned char *page)
{
	uint64_t size, at, n, ip;
	uint32_t head;
	uint16_t type;

	memcpy(&size, page + 8, sizeof size);
	size &= (1 << 30) - 1;
	for (at = 16; at + 4 <= PAGE && at < 16 + size; at += n) {
		memcpy(&head, page + at, sizeof head);
		n = 4 + 4 * (uint64_t)(head & 31);
		if ((head & 31) >= TIME_EXTEND) {
			n = 8;
		} else if (!(head & 31) || (head & 31) == PADDING) {
			memcpy(&head, page + at + 4, sizeof head);
			n = 4 + (uint64_t)head;
		} else if (at + n <= PAGE && n >= 28) {
			memcpy(&type, page + at + 4, sizeof type);
			memcpy(&ip, page + at + 12, sizeof ip);
			if (type == FUNCTION)
				hit(ip);
		}
	}
}

/* The tracer's call is a function's first instruction or behind its endbr64. */
static void print_hits(FILE *symbols)
{
	unsigned long addr;
	char name[128];
	struct slot *s;

	while (fscanf(symbols, "%lx %*c %127s%*[^\n]", &addr, name) == 2) {
		s = slot_of(addr);
		if (!s->ip)
			s = slot_of(addr + 4);
		if (s->ip)
			printf("%ju %s\n", (uintmax_t)s->hits, name);
	}
}

int main(int argc, char **argv)
{
	static unsigned char page[PAGE];
	FILE *symbols = fopen("/proc/kallsyms", "r");
	int fd = open(argc == 2 ? argv[1] : "", O_RDONLY | O_NONBLOCK);

	while (read(fd, page, PAGE) == PAGE)
		read_page(page);
	if (fd < 0 || !symbols)
		return 1;
	print_hits(symbols);
	return 0;
}
