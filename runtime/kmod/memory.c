// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * memory.c - memory that may not be there; whose process it is, and chance.
 */
#include "kmod.h"
#include "core.h"

#include <linux/timekeeping.h>

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
