# SPDX-License-Identifier: GPL-2.0-or-later
#
# agree.awk LEFT STAPC STAP: see agree. LEFT is what `stapc -v -l` left out, and
# why. Prints a row for each reason: how many, who has it, one of them.

# "name@file:line", of a module's "module:name@file:line"; or the whole point
# where it has no argument
function place(s,	of) {
	of = ""
	if (match(s, /^module\("[^"]*"\)/)) {
		of = substr(s, 9, RLENGTH - 10) ":"
		s = substr(s, RLENGTH + 1)
	}
	sub(/^process\("[^"]*"\)/, "", s)
	if (match(s, /"[^"]*"/))
		return of substr(s, RSTART + 1, RLENGTH - 2)
	return s
}

FILENAME == ARGV[1] {
	if (!/^left out: /)
		next
	sub(/^left out: /, "")
	why = $0
	sub(/^.*: it |^.*: the |^.*: /, "", why)
	sub(/ 0x[0-9a-f]+$/, "", why)
	name = $0
	sub(/: .*/, "", name)
	left[place(name)] = why
	next
}

FILENAME == ARGV[2] {
	stapc[$0]
	where = place($0)
	if (sub(/^[^@]*@/, "", where))
		declared[where]
	next
}
{ stap[$0] }


function reason(s,	p, p1) {
	p = place(s)
	if (p in left)
		return left[p]
	if (p ~ /\.cold(\.[0-9]+)?$/)
		return "a part of a function (.cold), no function"
	if (p ~ /^__SC[TK]__/)
		return "a static call, no function"
	if (p ~ /\.S:[0-9]+$|@<unknown source>$/)
		return "assembler: notrace"
	if (p ~ /:__pfx_/)
		return "the padding before a function (__pfx_)"
	if (p !~ /@/)
		return "a symbol that DWARF does not name"
	if (s ~ /^process.*\.statement/)
		return "has its address with another line, which is listed"
	p1 = p
	if (s ~ /^process/ && sub(/^[^@]*@/, "", p1) && p1 in declared)
		return "another name of a function that is listed"
	if (p ~ /^~?_Guard@/)
		return "of a class within a function, inlined"
	if (s ~ /^process.*\.plt\(""\)/)
		return "a call without a name"
	if (s ~ /^kernel\.statement/)
		return "has its address with another line, which is listed"
	return ""
}

function ours(s) {
	if (s ~ /^process.*\.plt\(/)
		return "called through .plt.got, its address being taken, too"
	if (s ~ /^process.*\.function\(/)
		return "of assembler, or what an IFUNC calls: under the symbol's name"
	if (s ~ /\.statement\(/)
		return "lines that ':*' of SystemTap passes over"
	return "on SystemTap's own list of what not to probe"
}

function count(why, who, s) {
	n[who, why]++
	if (!((who, why) in example) || s < example[who, why])
		example[who, why] = s
	if (!((who, why) in seen)) {
		seen[who, why]
		row[++rows] = who SUBSEP why
	}
}

END {
	for (s in stap)
		if (s in stapc)
			both++
		else
			count(reason(s), "stap", s)
	for (s in stapc)
		if (!(s in stap))
			count(ours(s), "stapc", s)
	printf "%7d  both\n", both
	for (i = 1; i <= rows; i++) {
		split(row[i], k, SUBSEP)
		printf "%7d  %s only: %s  (%s)\n", n[k[1], k[2]], k[1],
			k[2] == "" ? "NO REASON" : k[2], example[k[1], k[2]]
		bad += k[2] == "" ? n[k[1], k[2]] : 0
		if (k[2] ~ /^has its address/ && n[k[1], k[2]] > both / 50)
			bad++
	}
	exit !both || bad > 0
}
