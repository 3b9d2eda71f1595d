/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unused.c - what the static libraries name and this program never needs,
 * given here so that 270 KB of it stay out.
 *
 * Of libsodium only BLAKE2b and the verifying half of Ed25519 are wanted. There
 * is no secret in the loader, so nothing of this needs constant time.
 * Of libzstd the frames before 0.8 are not: read.c takes those of the current
 * format alone, and has looked at the magic number before it calls.
 */
#include "loader/sys.h"

#include <string.h>

void sodium_misuse(void);
void sodium_memzero(void *p, size_t n);
int sodium_memcmp(const void *a, const void *b, size_t n);
int sodium_is_zero(const unsigned char *p, size_t n);

void sodium_misuse(void)
{
	die(EXIT_OURS, "libsodium was called in a wrong way: please report it");
}

void sodium_memzero(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}

int sodium_memcmp(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n) ? -1 : 0;
}

int sodium_is_zero(const unsigned char *p, size_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return !n;
}

#define OLD(name) \
	_Noreturn void name(void); \
	void name(void) \
	{ \
		die(EXIT_OURS, "libzstd took a frame for an old one: please " \
		    "report it"); \
	}
#define OLD_VERSION(v) \
	OLD(ZBUFFv##v##_createDCtx) \
	OLD(ZBUFFv##v##_freeDCtx) \
	OLD(ZBUFFv##v##_decompressContinue) \
	OLD(ZBUFFv##v##_decompressInitDictionary) \
	OLD(ZSTDv##v##_createDCtx) \
	OLD(ZSTDv##v##_freeDCtx) \
	OLD(ZSTDv##v##_decompress_usingDict) \
	OLD(ZSTDv##v##_findFrameSizeInfoLegacy) \
	OLD(ZSTDv##v##_getFrameParams)
OLD_VERSION(05)
OLD_VERSION(06)
OLD_VERSION(07)
