/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * embedded.h - what C in a script may use, beside the macros that the emitter
 * defines for each function (STAP_ARG_x, STAP_RETVALUE, STAP_RETURN,
 * STAP_ERROR, STAP_GLOBAL_...). Kernel C: whatever it does, it does in the
 * kernel, with preemption off where a probe fires.
 */
#ifndef STB_KMOD_EMBEDDED_H
#define STB_KMOD_EMBEDDED_H

#include "stb_config.h"

#include <linux/string.h>
#include <linux/version.h>

#define MAXSTRINGLEN RT_STRING_LEN
/* The language is that of SystemTap 4.8. */
#define STAP_VERSION(a, b) ((a) << 8 | (b))
#define STAP_COMPAT_VERSION STAP_VERSION(4, 8)
#define STAP_PRINTF(...) rt_c_printf(r, __VA_ARGS__)

/* The message of an error(), as its record: one string. */
RT_OUTLINE __printf(3, 4) void rt_c_error(struct rt_run *r, int id,
					  const char *format, ...)
{
	struct rt_state *s = r->state;
	char *text = RT_RAISE(r) + 16;
	va_list args;
	int n;

	va_start(args, format);
	n = vscnprintf(text, RT_STRING_LEN, format, args);
	va_end(args);
	*(u32 *)(RT_RAISE(r) + 8) = (u32)n;
	*(u32 *)(RT_RAISE(r) + 12) = RT_STRING_LEN;
	rt_raise(r, id, 16 + RT_STRING_LEN);
}

/* Text of the kernel's own printf, behind what was printed before. */
RT_OUTLINE __printf(2, 3) void rt_c_printf(struct rt_run *r,
					   const char *format, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vscnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (RT_HEAD(r)->state.out_n)
		rt_send(r);
	if (stb_output_text(text, (u32)n, r->task != NULL))
		rt_lost();
}

/* Memory that may not be there: *p, or an error of the function. */
#define kread(p) ({ \
	typeof(*(p)) v_ = (typeof(*(p)))0; \
	if (stb_read(&v_, sizeof(v_), (u64)(p), 0)) \
		STAP_ERROR("kernel read fault at %p", (p)); \
	v_; })
#define uread(p) ({ \
	typeof(*(p)) v_ = (typeof(*(p)))0; \
	if (stb_read(&v_, sizeof(v_), (u64)(p), 1)) \
		STAP_ERROR("user read fault at %p", (p)); \
	v_; })

/* Elements of arrays. */
#define RT_C_GET_long(n, key) rt_map_get(RT_MAP(n), key, RT_SEQ)
#define RT_C_SET_long(n, key, v) rt_map_set(RT_MAP(n), key, RT_SEQ, v)
#define RT_C_GET_string(n, key) ({ \
	char *p_ = RT_FIND(RT_MAP(n), key); \
	p_ ? p_ + RT_SEQ : ""; })
#define RT_C_SET_string(n, key, v, width) \
	rt_map_set_str(r, RT_MAP(n), key, RT_SEQ, width, v)

#ifndef STB_HAVE_STRLCPY
#define strlcpy(to, from, size) \
	({ stb_copy(to, (u32)(size), from); strlen(from); })
#endif

#endif
