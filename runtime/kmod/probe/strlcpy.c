/* SPDX-License-Identifier: GPL-2.0-or-later */
/* strlcpy(): until 6.8. */
#include <linux/string.h>

size_t stb_try(char *to, const char *from, size_t n);
size_t stb_try(char *to, const char *from, size_t n)
{
	return strlcpy(to, from, n);
}
