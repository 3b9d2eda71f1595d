// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text.c - strings, and memory that may not be there. Strings of a script end
 * with a NUL within their room, which is a multiple of 8 bytes.
 */
#include "kmod.h"
#include "core.h"

#include <linux/string.h>
#include <linux/timekeeping.h>

u32 stb_copy(char *dst, u32 cap, const char *src)
{
	u32 n = (u32)strnlen(src, cap - 1);

	memmove(dst, src, n);
	dst[n] = 0;
	return n;
}

int stb_strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a - (unsigned char)*b;
}

u32 stb_strlen(const char *s)
{
	return (u32)strlen(s);
}

s64 stb_find(const char *s, const char *what)
{
	const char *at = strstr(s, what);

	return at ? at - s : -1;
}

/* --- numbers ------------------------------------------------------------------ */

static u64 digit(char c)
{
	if (c >= '0' && c <= '9')
		return (u64)(c - '0');
	c |= 32;
	return c >= 'a' && c <= 'z' ? (u64)(c - 'a') + 10 : 99;
}

/* As the kernel's simple_strtol(): base 0 looks at the prefix, what is no digit
   ends the number, and what is too large wraps. */
s64 stb_strtol(const char *s, u64 base)
{
	bool minus = *s == '-', hex;
	u64 v = 0;

	s += minus;
	hex = s[0] == '0' && (s[1] | 32) == 'x' && digit(s[2]) < 16;
	if (base == 0)
		base = hex ? 16 : *s == '0' ? 8 : 10;
	if (base == 16 && hex)
		s += 2;
	while (digit(*s) < base && digit(*s) < 36)
		v = v * base + digit(*s++);
	return (s64)(minus ? -v : v);
}

/* --- making other strings -------------------------------------------------------- */

static u32 put(char *dst, u32 cap, u32 at, const char *s, u32 n)
{
	if (n > cap - 1 - at)
		n = cap - 1 - at;
	memcpy(dst + at, s, n);
	return at + n;
}

void stb_replace_in(char *to, u32 room, char *dst, u32 cap, const char *s,
		    const char *old, const char *new)
{
	u32 at = 0, old_len = (u32)strlen(old), new_len = (u32)strlen(new);
	const char *hit;

	while (old_len && (hit = strstr(s, old))) {
		at = put(to, room, at, s, (u32)(hit - s));
		at = put(to, room, at, new, new_len);
		s = hit + old_len;
	}
	at = put(to, room, at, s, (u32)strlen(s));
	to[at] = 0;
	stb_copy(dst, cap, to);
}

void stb_change_case(char *dst, u32 cap, const char *s, int upper)
{
	u32 i;

	for (i = 0; i + 1 < cap && s[i]; i++) {
		char c = s[i];

		if (upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z')
			c ^= 32;
		dst[i] = c;
	}
	dst[i] = 0;
}

/* --- who, and by chance ------------------------------------------------------------ */

s64 stb_ppid(void)
{
	s64 pid;

	rcu_read_lock();
	pid = rcu_dereference(current->real_parent)->tgid;
	rcu_read_unlock();
	return pid;
}

/* xorshift64*; two that draw at once may draw the same. */
s64 stb_random(s64 n)
{
	static u64 seed;
	u64 s = READ_ONCE(seed);

	if (!s)
		s = ktime_get_mono_fast_ns() | 1;
	s ^= s >> 12;
	s ^= s << 25;
	s ^= s >> 27;
	WRITE_ONCE(seed, s);
	return n > 0 ? (s64)(s * 0x2545f4914f6cdd1dull % (u64)n) : 0;
}

/* --- memory ---------------------------------------------------------------------- */

/* Are they in the kernel's half? The kernel itself asks for what the processor can
   do, not for the page tables that there are, and warns of what it then meets. */
static bool is_kernels(u64 address, u64 size)
{
	return (s64)address >> __VIRTUAL_MASK_SHIFT == -1 &&
	       address + size > address;
}

static long stb_poke(void *to, const void *from, u64 size)
{
	long error = -EFAULT;

	if (!is_kernels((u64)to, size))
		return error;
	pagefault_disable();
	switch (size) {
	case 1: __put_kernel_nofault(to, from, u8, out); break;
	case 2: __put_kernel_nofault(to, from, u16, out); break;
	case 4: __put_kernel_nofault(to, from, u32, out); break;
	case 8: __put_kernel_nofault(to, from, u64, out); break;
	default: goto out;
	}
	error = 0;
out:
	pagefault_enable();
	return error;
}

long stb_read(void *dst, u64 size, u64 address, int user)
{
	if (user)
		return copy_from_user_nofault(dst, (void __user *)address,
					      size);
	return !is_kernels(address, size) ? -EFAULT :
		copy_from_kernel_nofault(dst, (void *)address, size);
}

/* Guru mode. Of the kernel's memory what may be written: a number in its data;
   what is read-only there is so for us, too. */
long stb_write(const void *src, u64 size, u64 address, int user)
{
	if (user)
		return copy_to_user_nofault((void __user *)address, src, size);
	return stb_poke((void *)address, src, size);
}

/* By words that lie in one page, so that what is behind the NUL does not
   matter. */
long stb_read_str(char *dst, u64 cap, u64 address, int user)
{
	u64 n = 0, part, i;
	char word[8];

	while (n + 1 < cap) {
		part = 8 - ((address + n) & 7);
		if (part > cap - 1 - n)
			part = cap - 1 - n;
		if (stb_read(word, part, address + n, user))
			return -EFAULT;
		for (i = 0; i < part; i++) {
			dst[n] = word[i];
			if (!word[i])
				return (long)n;
			n++;
		}
	}
	dst[n] = 0;
	return (long)n;
}
