/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stb.h - the bundle on disk, and its one reader (read.c), shared by bundler,
 * loader and fuzzers. docs/stb-format.md is the specification; this header is
 * its C. All integers little-endian, all structs fixed-width and packed by
 * construction; every offset is checked by read.c before it is used.
 *
 *	+--------+ 0
 *	| header |  64 bytes
 *	+--------+ toc_offset (64)
 *	| toc    |  toc_count entries, one per section, each with a digest
 *	+--------+
 *	| section|  one zstd frame each, raw size and BLAKE2b-256 of the stored
 *	| ...    |  bytes in the table; equal sections are stored once
 *	+--------+
 *
 * A decompressed section is a *table set*: struct stb_tables, descriptors,
 * then the tables, each 8-aligned, in ascending order. Sections are 8-aligned
 * too; what lies between two of them is zero.
 */
#ifndef STB_STB_H
#define STB_STB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STB_MAGIC "\177STB\r\n\032\n"
#define STB_MAJOR 1	/* a reader refuses a newer major */
#define STB_MINOR 0
#define STB_DIGEST_SIZE 32	/* BLAKE2b, no key */
#define STB_MAX_RAW (256u << 20)	/* raw size of one section */
#define STB_FREE_RAW (16u << 20)	/* ... however well it is compressed; */
#define STB_MAX_RATIO 256		/* above, raw bytes a stored one */
/* Raw size of all sections, and of all that one variant's rows of SYMBOLS name;
   above STB_MAX_RAW no more than that ratio to the file, either. */
#define STB_MAX_ALL (16ull << 30)
#define STB_MAX_FILE_SIZE (2ull << 30)	/* what programs read of a file */
#define STB_MAX_SECTIONS 65536
#define STB_MAX_MAPS 1024

struct stb_header {
	uint8_t magic[8];
	uint16_t major, minor;
	uint32_t flags;			/* unknown bits: refuse */
	uint32_t toc_offset;
	uint32_t toc_count;
	uint32_t toc_entry_size;	/* >= sizeof(struct stb_toc) */
	uint32_t reserved;
	uint8_t toc_digest[STB_DIGEST_SIZE];	/* the bundle's id: BLAKE2b of
					   the 32 bytes above, then the table */
};
_Static_assert(sizeof(struct stb_header) == 64, "stb_header");

enum stb_section_kind {
	STB_SEC_INDEX = 1,	/* variants, builds, provenance */
	STB_SEC_META = 2,	/* per variant: tables of the script */
	STB_SEC_KCODE = 3,	/* kernel BPF code */
	STB_SEC_UCODE = 4,	/* loader-run code */
	STB_SEC_SCRIPT = 5,	/* source text, for show */
	STB_SEC_SYMBOLS = 6,	/* names of one binary's addresses */
	STB_SEC_MODULE = 8,	/* a kernel module */
};				/* section 0 is the INDEX */
#define STB_MAY_IGNORE 1u	/* toc flag: unknown kind is no error */

struct stb_toc {
	uint32_t kind;
	uint32_t flags;
	uint64_t offset;	/* in the file */
	uint64_t size;		/* stored */
	uint64_t raw_size;
	uint8_t digest[STB_DIGEST_SIZE];
};
_Static_assert(sizeof(struct stb_toc) == 64, "stb_toc");

/*
 * A self-running file is a stap-load, zeroes up to a page, a bundle with what
 * is attached to it, and this, its last bytes.
 */
#define STB_SELF_MAGIC "STBRUN\r\n"
struct stb_self {
	uint64_t offset;	/* of the bundle in the file */
	uint8_t magic[8];
};
_Static_assert(sizeof(struct stb_self) == 16, "stb_self");

/* A table set: this header, `count` descriptors, then the tables, 8-aligned. */
struct stb_tables {
	uint32_t count;
	uint32_t reserved;
};
struct stb_table {
	uint32_t kind;
	uint32_t entry_size;	/* 1 (bytes) or a multiple of 8; readers take
				   the part of a row that they know */
	uint32_t offset;	/* from the start of the set */
	uint32_t count;
};
_Static_assert(sizeof(struct stb_tables) == 8, "stb_tables");
_Static_assert(sizeof(struct stb_table) == 16, "stb_table");

/* Strings are u32 offsets into the set's STB_T_STRINGS; 0 is "". */
typedef uint32_t stb_str;

enum stb_table_kind {
	STB_T_STRINGS = 1,	/* bytes, each string NUL-terminated */
	/* index */
	STB_T_BUNDLE = 10, STB_T_VARIANTS,
	/* meta */
	STB_T_LIMITS = 20, STB_T_MAPS, STB_T_GLOBALS, STB_T_FORMATS,
	STB_T_BUILDS, STB_T_PROGS, STB_T_SITES, STB_T_HANDLERS,
	STB_T_GLOBALS_IMAGE,	/* bytes: the globals region's initial values,
				   what is missing up to globals_size is 0 */
	STB_T_EVENTS = 32, STB_T_FILES,
	STB_T_SYMBOLS = 36,	/* binaries whose symbols are packed */
	/* code; RODATA and BTF are bytes, BTF and FUNC_INFO kernel code's */
	STB_T_INSNS = 40, STB_T_RELOCS, STB_T_RODATA, STB_T_BTF,
	STB_T_FUNC_INFO,
	/* script */
	STB_T_SOURCE = 60,	/* bytes */
	/* symbols; all but RANGES are bytes: struct stb_sym_range tells */
	STB_T_SYM_RANGES = 70, STB_T_SYM_ADDRS, STB_T_SYM_NAMES,
	STB_T_SYM_FILES, STB_T_SYM_LINES,
	STB_T_SYM_LOADS, STB_T_SYM_RULES, STB_T_SYM_UNWIND,
	/* module; OBJECT is bytes */
	STB_T_MODULE = 90, STB_T_VERSIONS, STB_T_OBJECT,
};

struct stb_bundle {		/* one */
	stb_str script;		/* script name, no path of the build host */
	stb_str compiler;	/* "stapc 0.1" */
	uint64_t epoch;		/* SOURCE_DATE_EPOCH, or 0 */
	uint32_t generation;	/* a host's policy may refuse older ones; 0:
				   none was given. Not in rows of 16 bytes */
	uint32_t privilege;	/* enum stb_privilege: proven by the compiler */
};
enum stb_privilege { STB_STAPDEV, STB_STAPSYS, STB_STAPUSR };
_Static_assert(sizeof(struct stb_bundle) == 24, "stb_bundle");
#define STB_BUNDLE_FIRST 16	/* bytes of the row in format 1.0 */

struct stb_build_id {
	uint8_t len;		/* 0: unknown */
	uint8_t bytes[20];
	uint8_t reserved[3];
};

struct stb_variant {
	stb_str name;		/* the manifest's label */
	stb_str release;
	struct stb_build_id kernel;
	uint32_t meta, kcode, ucode;	/* toc numbers; 0: none (0 is INDEX) */
	uint32_t script;
	uint32_t notes;		/* from stext to the kernel's ELF notes, 0: not
				   known; a loader may look for them */
	uint32_t module;	/* section of a kernel module, which is all of
				   its code then: no kcode, no ucode */
	uint64_t stext;		/* link-time address of _stext, 0: not needed */
};
_Static_assert(sizeof(struct stb_variant) == 64, "stb_variant");

struct stb_limits {		/* one */
	uint32_t string_len;	/* MAXSTRINGLEN, with the NUL */
	uint32_t max_errors, max_skipped;
	uint32_t max_action_user, max_nesting;
	uint32_t globals_size;	/* bytes of the shared globals region */
	uint32_t frame_size;	/* bytes of one kernel frame, 0: none */
	uint32_t frame_levels;
	uint32_t user_stack;	/* bytes the loader's VM needs for frames */
	uint32_t needs;		/* STB_NEEDS_* */
};
_Static_assert(sizeof(struct stb_limits) == 40, "stb_limits");
#define STB_NEEDS_SLIDE 1u	/* KASLR slide in the shared state */
#define STB_NEEDS_MEMORY 2u	/* loader handlers read the kernel's */
#define STB_NEEDS_MODULES 4u	/* sites in kernel modules */
#define STB_NEEDS_PROGRAMS 8u	/* sites with semaphores, or for some processes
				   only */
#define STB_NEEDS_PROCESSES 16u	/* the loader fills maps for handlers that look
				   at the process */
#define STB_NEEDS_MODULE 32u	/* a loader that loads the variant's module:
				   programs and handlers are in there, by their
				   rows, and have no instructions */
#define STB_NEEDS_CONDITIONS 64u	/* handlers that are conditions */

enum stb_map_type {		/* kernel map type is the loader's business */
	STB_MAP_HASH = 1,	/* shared by all CPUs */
	STB_MAP_PERCPU_HASH,	/* aggregates */
	STB_MAP_PERCPU_ARRAY,	/* scalar aggregates: one entry, key u32 0;
				   frames: frame_levels entries */
	STB_MAP_RINGBUF,
	STB_MAP_GLOBALS,	/* the mmap-able array of one struct */
	STB_MAP_RODATA,		/* frozen array */
	STB_MAP_LOADER,		/* lives in the loader only; same layout */
	STB_MAP_PAGES = 16,	/* an array of as many as the loader needs:
				   runtime/abi.h, struct stb_build */
};
#define STB_MAPF_HIDDEN 1u	/* no script variable: no display, no seq */
#define STB_MAPF_WRAP 2u	/* % : evicts the oldest */
#define STB_MAPF_INTERNAL 4u	/* runtime's: frames, levels, ring */
/*
 * Hidden ones that the loader fills. TASKS: by tid, STB_TASK_* of runtime/abi.h.
 * FILES: the same from STB_TASK_FILE on, by the number of the program's inode and
 * its device's as the kernel has it (major << 20 | minor).
 */
#define STB_MAPF_TASKS 16u
#define STB_MAPF_FILES 32u
#define STB_MAPF_ADDED 8u	/* kernel handlers do nothing but += and -= */
#define STB_MAPF_BUILDS 64u	/* a hash of struct stb_build, for the loader to
				   fill */
#define STB_MAPF_NAMES 128u	/* PAGES have the names of symbols, too */

/*
 * Ids that no plan may use. The bundler adds the two rows (INTERNAL, key_size
 * 4, one entry) where the kernel's code needs them. In the user's code (UCODE)
 * these are the only targets: GLOBALS is the globals region, RODATA the
 * STB_T_RODATA table of UCODE itself. Its maps are numbers in service calls.
 */
#define STB_MAP_ID_GLOBALS 0xffff0000u
#define STB_MAP_ID_RODATA 0xffff0001u

/*
 * Key: the parts in order, longs 8 bytes, strings zero-padded to the width
 * that follows their 's' in `keys`, a multiple of 8 ("s" alone: string_len).
 * Value: u64 seq (time of insertion, CLOCK_MONOTONIC ns; absent in hidden
 * maps), then the long, the string up to value_size, or runtime/abi.h's stat.
 * A scalar aggregate has no keys; its key is a u32 0.
 */
struct stb_map {
	uint32_t id;		/* what relocations name */
	stb_str name;
	uint32_t type, flags;
	uint32_t key_size, value_size, max_entries;
	stb_str keys;		/* "ls16": types of the parts */
	uint32_t value;		/* 'l', 's', 'x' stats, 0 internal */
	uint32_t stat_ops;	/* 1u << ST_* used (abi.h) */
	int64_t hist_lo, hist_hi, hist_step;	/* linear */
};
_Static_assert(sizeof(struct stb_map) == 64, "stb_map");

struct stb_global {		/* a scalar in the globals region */
	stb_str name;
	uint32_t type;		/* 'l' or 's' */
	uint32_t offset, size;	/* long: 8; string: its room, NUL included,
				   a multiple of 8 */
};
_Static_assert(sizeof(struct stb_global) == 16, "stb_global");

/*
 * STB_SYSTEM: commands for the shell; STB_SWITCH: the next file of output;
 * STB_VALUE: a global or an element of an array, shown at the end. Its text is
 * NAME or NAME[KEY,...] with a directive for each key, then =VALUE, or of an
 * aggregate " @OP=%d" for each of what is known of it, or " @count=0x0".
 */
enum stb_channel { STB_OUT = 0, STB_ERROR, STB_WARN, STB_LOG, STB_SYSTEM,
		   STB_SWITCH, STB_VALUE };
struct stb_format {		/* index is the id in records */
	stb_str text;		/* printf directives, SystemTap's */
	stb_str args;		/* "lsl"; 'h' histogram print, see abi.h */
	uint32_t channel;
	uint32_t text_len;	/* may hold NULs */
};
_Static_assert(sizeof(struct stb_format) == 16, "stb_format");

enum stb_build_kind { STB_BUILD_PROGRAM, STB_BUILD_MODULE,
		      STB_BUILD_PATH };	/* a program, whatever build of it */
struct stb_program_build {
	stb_str path;		/* a module: its name */
	struct stb_build_id id;
	uint32_t kind;		/* STB_BUILD_* */
};
_Static_assert(sizeof(struct stb_program_build) == 32, "stb_program_build");

enum stb_prog_type {
	STB_PROG_KPROBE = 1,	/* also uprobes: pt_regs */
	STB_PROG_FENTRY, STB_PROG_FEXIT, STB_PROG_RAW_TP,
	STB_PROG_PERF_EVENT = 16, STB_PROG_NETFILTER,
	STB_PROG_TASKS = 32,	/* an iterator, btf_id its FUNC */
};
struct stb_prog {		/* kernel BPF program */
	stb_str name;
	uint32_t type;
	uint32_t btf_id;	/* fentry/fexit: FUNC in vmlinux BTF */
	uint32_t insn_first, insn_count;	/* in STB_T_INSNS, 8 bytes each */
	uint32_t reloc_first, reloc_count;
	uint32_t func_first, func_count;	/* in STB_T_FUNC_INFO */
	uint32_t reserved;
};
_Static_assert(sizeof(struct stb_prog) == 40, "stb_prog");

enum stb_reloc_kind {
	STB_REL_MAP = 1,	/* ld_imm64: map fd of map id `target` */
	STB_REL_MAP_VALUE,	/* ld_imm64: address in map `target` + addend */
};
struct stb_reloc {
	uint32_t insn;		/* within the program (UCODE: the code) */
	uint32_t kind;
	uint32_t target;
	uint32_t addend;
};
_Static_assert(sizeof(struct stb_reloc) == 16, "stb_reloc");

struct stb_func_info {
	uint32_t insn;		/* within the program; the first is 0 */
	uint32_t type_id;
};
_Static_assert(sizeof(struct stb_func_info) == 8, "stb_func_info");

enum stb_attach {
	STB_AT_KPROBE = 1, STB_AT_KRETPROBE, STB_AT_FENTRY, STB_AT_FEXIT,
	STB_AT_RAW_TP, STB_AT_UPROBE, STB_AT_URETPROBE,
	STB_AT_PERF_EVENT = 16, STB_AT_NETFILTER,
	STB_AT_TASKS = 32,	/* each task there is when the session begins */
};
#define STB_SITE_BY_ADDRESS 1u	/* symbol is not unique: use addr + slide */
#define STB_SITE_OPTIONAL 2u
#define STB_SITE_IN_MODULE 4u	/* symbol is that of the module `build` */
#define STB_SITE_ABSOLUTE 8u	/* with BY_ADDRESS: addr as it is, no slide */
#define STB_SITE_WITH_TARGET 64u	/* attached where there is a -c or -x alone */
#define STB_SITE_IN_TASKS 128u	/* a breakpoint in processes of `build`, whose
				   file's start was linked to `offset` */
#define STB_SITE_SEMAPHORE 32u	/* uprobes: maxactive is where in the file */
struct stb_site {
	stb_str name;		/* canonical probe point */
	uint32_t prog;		/* index in STB_T_PROGS */
	uint32_t attach, flags;
	stb_str symbol;		/* kernel symbol, or tracepoint name */
	uint32_t build;		/* index in STB_T_BUILDS (uprobes, and sites in
				   modules) */
	uint64_t addr;		/* link-time */
	uint64_t offset;	/* from symbol; uprobes: in the file */
	uint64_t cookie;
	uint32_t maxactive;	/* or the semaphore: STB_SITE_SEMAPHORE */
	uint32_t event;		/* row of EVENTS (perf_event, netfilter) */
};
_Static_assert(sizeof(struct stb_site) == 56, "stb_site");

#define STB_EVENT_HZ 1u		/* rate is times a second */
#define STB_EVENT_TARGET 2u	/* of the target's processes, not of CPUs */
struct stb_event {		/* what a site that is no place in code is */
	uint32_t type;		/* perf_event_attr's, on each CPU; or of
				   netfilter the family, in config the hook,
				   in rate the priority */
	uint32_t flags;
	uint64_t config;
	uint64_t rate;		/* events from one hit to the next */
	uint32_t access;	/* breakpoints: perf_event_attr.bp_type */
	uint32_t length;	/* bytes at the site's addr */
};
_Static_assert(sizeof(struct stb_event) == 32, "stb_event");
enum { STB_EVENT_BREAKPOINT = 5 };	/* type */

enum stb_when {
	STB_BEGIN = 1, STB_END, STB_ON_ERROR, STB_TIMER,
	STB_READ = 16, STB_WRITE,	/* of a file that the loader serves */
	STB_CONDITION = 24,	/* says whether a program's sites are to be
				   attached */
	/* in a kernel handler's stead where nothing else fits: none yet */
};
struct stb_handler {		/* run by the loader */
	stb_str name;
	uint32_t when;
	int64_t order;
	uint64_t period_ns;	/* at most STB_MAX_PERIOD */
	uint64_t random_ns;	/* at most the period */
	uint32_t entry;		/* first instruction in UCODE's INSNS */
	uint32_t file;		/* row of FILES (read, write); condition: of
				   PROGS */
};
_Static_assert(sizeof(struct stb_handler) == 40, "stb_handler");
#define STB_MAX_PERIOD (INT64_MAX / 4)	/* 73 years: sums of times fit */

enum stb_binary { STB_BIN_KERNEL = 1, STB_BIN_MODULE, STB_BIN_PROGRAM };
struct stb_symbols {		/* META: what has a section of symbols */
	stb_str name;		/* "kernel", a module's, a program's path */
	uint32_t kind;		/* enum stb_binary */
	struct stb_build_id id;
	uint32_t section;
	uint32_t reserved;
};
_Static_assert(sizeof(struct stb_symbols) == 40, "stb_symbols");

/*
 * A SYMBOLS section has the names of one binary's addresses, link-time ones,
 * in ascending order and each once. Numbers are LEB128.
 *
 *	RANGES	rows: parts of the binary that are loaded as a whole, ascending
 *	ADDRS	each symbol: its address less that of the one before; of the
 *		first, less that of the first range
 *	NAMES	each symbol, in the same order: its name and NUL
 *	FILES	each source file: its name and NUL
 *	LINES	each address where the line changes: (difference of addresses
 *		as above) * 2, + 1 if the number of a file follows, else the
 *		file is that of before; the difference of lines, signed. Line
 *		0: none is known from there on
 *
 * A symbol reaches to the next one, or to the end of its range.
 */
struct stb_sym_range {
	uint64_t addr, size;
	stb_str section;	/* of the ELF file, ".text" */
	uint32_t reserved;
};
_Static_assert(sizeof(struct stb_sym_range) == 24, "stb_sym_range");

/*
 * Of a program there may be, too:
 *
 *	LOADS	rows: what of the file is mapped where
 *	RULES	rows of struct stb_unwind_rule (runtime/abi.h)
 *	UNWIND	rows of struct stb_unwind_row, ascending: from which address on,
 *		counted from the lowest of LOADS, which rule holds
 */
struct stb_sym_load {
	uint64_t addr, size;	/* link-time; what of it is in the file */
	uint64_t offset;	/* in the file */
	uint64_t id;		/* link-time address of the build-id's bytes, or
				   0 */
};
_Static_assert(sizeof(struct stb_sym_load) == 32, "stb_sym_load");

#define STB_FILE_INPUT "__stdin"	/* no file: standard input */
struct stb_file {
	stb_str path;		/* below the session's folder */
	uint32_t mode;		/* permissions, at most 0777 */
	uint32_t max_size;	/* most bytes that can be read */
	uint32_t reserved;
};
_Static_assert(sizeof(struct stb_file) == 16, "stb_file");

/*
 * --- a kernel module --------------------------------------------------------
 * What its own sections say, so that it need not be looked into.
 */
struct stb_module {		/* one */
	stb_str name;		/* of the module, at most 55 bytes */
	stb_str vermagic;	/* begins with the kernel's release */
	stb_str srcversion;	/* "" where it has none */
	stb_str compiler;	/* "GCC: (Debian 12.2.0-14) 12.2.0" */
};
_Static_assert(sizeof(struct stb_module) == 16, "stb_module");
struct stb_version {		/* what it takes from the kernel */
	stb_str symbol;
	uint32_t crc;		/* CONFIG_MODVERSIONS; the compiler has compared
				   it with the kernel of that build-id */
};
_Static_assert(sizeof(struct stb_version) == 8, "stb_version");
enum { STB_MAX_MODULE_NAME = 55 };

/*
 * --- the reader (read.c) -------------------------------------------------
 * Bounded and allocation-free: it works on a mapped file and on buffers that
 * the caller gives for decompression; it needs about 128 KB of stack. Errors
 * stick in stb_reader.error: after the first one every call fails.
 */
enum stb_error {
	STB_OK,
	STB_E_TRUNCATED,	/* ends before what the table says */
	STB_E_MAGIC,		/* not a bundle */
	STB_E_NEWER,		/* needs a newer reader */
	STB_E_DIGEST,		/* bytes were changed */
	STB_E_TOC,		/* table of contents makes no sense */
	STB_E_ZSTD,		/* not one whole frame of the size promised */
	STB_E_TABLE,		/* a section's tables make no sense */
	STB_E_SECTION,		/* no such section */
	STB_E_TOO_BIG,		/* larger than the limits above */
	STB_E_VALUE,		/* well-formed, but a row makes no sense */
};
const char *stb_error_text(enum stb_error e);	/* one clause, for people */

struct stb_reader {
	const uint8_t *data;
	size_t size;
	const struct stb_header *header;
	uint64_t strings;	/* bytes of those that rows name, of the index,
				   one variant or one module */
	enum stb_error error;
	uint64_t error_at;	/* file offset, section number or row */
	const char *error_in;	/* what error_at counts: "file offset",
				   "section", "site"... */
};

struct stb_set {		/* a decompressed section */
	const uint8_t *data;
	size_t size;
	const struct stb_table *tables;
	uint32_t count;
	const char *strings;	/* ends in NUL */
	size_t strings_size;	/* >= 1 */
};

/* A self-running file: narrows data and size to the bundle in it. false: it is
   none, they are as they were. */
bool stb_unwrap(const void **data, size_t *size);
/* Checks header, table of contents and its digest. false: r->error.
   data must be 8-aligned (a mapping is). */
bool stb_open(struct stb_reader *r, const void *data, size_t size);
/* NULL and error when there are not so many. */
const struct stb_toc *stb_toc_at(struct stb_reader *r, uint32_t i);
uint32_t stb_toc_count(const struct stb_reader *r);
/* Raw size of section i (<= STB_MAX_RAW) as the table states it; 0 and error if
   it is not there. */
size_t stb_section_size(struct stb_reader *r, uint32_t i);
/* Does the section's digest hold, and is the padding behind it zero? */
bool stb_section_verify(struct stb_reader *r, uint32_t i);
/* Verifies the digest and decompresses section i into buf (raw size bytes,
   8-aligned); then checks its table set's descriptors and string table. */
bool stb_section_read(struct stb_reader *r, uint32_t i, void *buf, size_t size,
		      struct stb_set *set);
/* Table of that kind with entries of at least `known` bytes: *count entries,
   *stride apart. NULL: not there (count 0). Entries are 8-aligned. */
const void *stb_table(const struct stb_set *s, uint32_t kind, size_t known,
		      uint32_t *count, uint32_t *stride);
#define STB_ROW(type, base, stride, i) \
	((const type *)((const uint8_t *)(base) + (size_t)(stride) * (i)))
/* NUL-terminated, always; "" when out of range. */
const char *stb_string(const struct stb_set *s, stb_str off);
/* The index: one bundle row, variants whose sections exist and are of the
   right kinds. */
bool stb_validate_index(struct stb_reader *r, const struct stb_set *index);
/* The bundle's generation, 0 where it has none. */
uint32_t stb_generation(const struct stb_set *index);
/* Its privilege level, STB_STAPDEV where it has none. */
uint32_t stb_privilege(const struct stb_set *index);
/*
 * Everything that can be checked of a variant's three sets without a kernel:
 * indices in range, relocations inside their programs, handler entries inside
 * the code, offsets inside the globals region, keys equal to their sizes.
 * kcode, ucode: NULL where the variant has none.
 */
bool stb_validate(struct stb_reader *r, const struct stb_set *meta,
		  const struct stb_set *kcode, const struct stb_set *ucode);

/* The same for the section of its module, where it has one. */
bool stb_validate_module(struct stb_reader *r, const struct stb_set *s,
			 uint32_t section);

/*
 * --- symbols (read_sym.c) --------------------------------------------------
 * One step over ADDRS and NAMES, or over LINES; what the caller starts with is
 * all zero but for the pointers and addr, the first range's. False: the end,
 * or (bad) bytes that make no sense, which a validated section has not.
 */
struct stb_sym_walk {
	const uint8_t *p, *end;		/* ADDRS or LINES */
	const char *name, *names_end;	/* NAMES: of the symbol just read */
	uint64_t addr;
	uint32_t file;			/* lines */
	int64_t line;
	bool bad, started;
};
bool stb_next_symbol(struct stb_sym_walk *w);
bool stb_next_line(struct stb_sym_walk *w);
/* All that was said above of a section's tables. */
bool stb_validate_symbols(struct stb_reader *r, const struct stb_set *s,
			  uint32_t section);

#endif
