/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python.h - what tapsets/python.stp asks of an interpreter: for each fact a
 * built-in __py_NAME(), which functions get from the probe that calls them
 * (context.c), and a constant __py_NAME of the probe's place (points/python.c).
 * __py_frame() is no constant: where the interpreter's frame is.
 */
#ifndef STB_PYTHON_H
#define STB_PYTHON_H

#include "stap.h"

/* Name, type, and the member whose offset it is; without one the type's size. A
   member of a member that is a bit-field: its bits from the type's first. */
#define PYTHON_FACTS(F) \
	F("f_code", "_PyInterpreterFrame", "f_code") \
	F("f_globals", "_PyInterpreterFrame", "f_globals") \
	F("previous", "_PyInterpreterFrame", "previous") \
	F("prev_instr", "_PyInterpreterFrame", "prev_instr") \
	F("localsplus", "_PyInterpreterFrame", "localsplus") \
	F("co_name", "PyCodeObject", "co_name") \
	F("co_filename", "PyCodeObject", "co_filename") \
	F("co_firstlineno", "PyCodeObject", "co_firstlineno") \
	F("co_linetable", "PyCodeObject", "co_linetable") \
	F("co_code", "PyCodeObject", "co_code_adaptive") \
	F("co_flags", "PyCodeObject", "co_flags") \
	F("co_argcount", "PyCodeObject", "co_argcount") \
	F("co_kwonlyargcount", "PyCodeObject", "co_kwonlyargcount") \
	F("co_nlocalsplus", "PyCodeObject", "co_nlocalsplus") \
	F("co_names", "PyCodeObject", "co_localsplusnames") \
	F("co_kinds", "PyCodeObject", "co_localspluskinds") \
	F("ob_type", "PyObject", "ob_type") \
	F("ob_size", "PyVarObject", "ob_size") \
	F("tp_name", "PyTypeObject", "tp_name") \
	F("tp_flags", "PyTypeObject", "tp_flags") \
	F("length", "PyASCIIObject", "length") \
	F("ascii_bit", "PyASCIIObject", "state.ascii") \
	F("kind_bit", "PyASCIIObject", "state.kind") \
	F("ascii", "PyASCIIObject", NULL) \
	F("compact", "PyCompactUnicodeObject", NULL) \
	F("tuple_items", "PyTupleObject", "ob_item") \
	F("list_items", "PyListObject", "ob_item") \
	F("bytes", "PyBytesObject", "ob_sval") \
	F("digits", "PyLongObject", "ob_digit") \
	F("double", "PyFloatObject", "ob_fval") \
	F("cell", "PyCellObject", "ob_ref") \
	F("ma_keys", "PyDictObject", "ma_keys") \
	F("ma_values", "PyDictObject", "ma_values") \
	F("dk_bytes", "PyDictKeysObject", "dk_log2_index_bytes") \
	F("dk_kind", "PyDictKeysObject", "dk_kind") \
	F("dk_entries", "PyDictKeysObject", "dk_nentries") \
	F("dk_indices", "PyDictKeysObject", "dk_indices")

/* python.c: in the body of a probe of Python's functions $x and $$vars are
   Python's: they become calls of tapsets/python.stp. */
void python_words(struct job *j, struct probe *pr);

#endif
