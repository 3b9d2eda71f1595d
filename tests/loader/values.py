# SPDX-License-Identifier: GPL-2.0-or-later
#
# values.py - run by gdb, inside of a session of values.test that probes the same
# places: the variables of functions at the first hit of each, told as $$vars tells
# them. The file has lines "@NUMBER ADDRESS FUNCTION ..." in the order in which they
# are hit; for each a line "#NUMBER NAME=VALUE ..." is printed. Breakpoints are the
# processor's, four at a time: they stop before the breakpoint of the probe there.

import gdb

NUMBERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_BOOL,
           gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_PTR)
WHOLES = {gdb.TYPE_CODE_STRUCT: "{...}", gdb.TYPE_CODE_UNION: "{...}",
          gdb.TYPE_CODE_ARRAY: "[...]"}


def said(frame, symbol):
    type = symbol.type.strip_typedefs()
    if type.code in WHOLES:
        return WHOLES[type.code]
    try:
        value = symbol.value(frame)
        if value.is_optimized_out:
            return "?"
        if type.code not in NUMBERS:
            return "(other)"
        number = int(value) & 0xffffffffffffffff
        if not number and "synthetic pointer" in str(value):
            return "?"      # what it points to has no address
        return "%#x" % number
    except gdb.error as e:
        return "?" if "optimized out" in str(e) else "(error)"


def scopes(pc, name):
    """Blocks at pc of the function of that name, inlined or not, without those of
    what is inlined into it. None: gdb has another one there."""
    chain, block = [], gdb.block_for_pc(pc)
    while block and not block.is_static and not block.is_global:
        chain.append(block)
        if block.function:
            if block.function.name == name:
                return chain
            if not block.superblock.is_static:
                chain = []
        block = block.superblock
    return None


def variables(frame, pc, name):
    names, blocks = {}, scopes(pc, name)
    if blocks is None:
        return "elsewhere"
    for block in blocks:
        for s in block:
            if s.is_argument or s.is_variable or s.is_constant:
                names.setdefault(s.name, said(frame, s))
    return " ".join("%s=%s" % v for v in names.items())


def watch(seen):
    places = {}
    with open(seen, errors="replace") as f:
        for line in f:
            if line.startswith("@"):
                number, address, name = line.split()[:3]
                places.setdefault(int(address, 16), (number[1:], name))
    waiting = list(places)
    armed = {}
    gdb.execute("starti", to_string=True)
    most = 1        # main, before the others
    while waiting or armed:
        while waiting and len(armed) < most:
            at = waiting.pop(0)
            armed[at] = gdb.Breakpoint("*%#x" % at,
                                       type=gdb.BP_HARDWARE_BREAKPOINT)
        gdb.execute("continue", to_string=True)
        if not gdb.selected_inferior().pid:
            break
        most = 4
        frame = gdb.newest_frame()
        pc = frame.pc()
        if pc in armed:
            number, name = places[pc]
            print("#%s %s" % (number, variables(frame, pc, name)), flush=True)
            armed.pop(pc).delete()
    if gdb.selected_inferior().pid:
        gdb.execute("kill")
