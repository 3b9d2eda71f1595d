# SPDX-License-Identifier: GPL-2.0-or-later
#
# awk -f docs/tapsets.awk tapsets/*.stp >docs/tapsets.md (make docs): what the library
# has, as its files' comments tell it. A file's first comment is about all of it; one
# directly above a function or an alias is about that, and about those that follow
# without an empty line between.

function flush_head() {
	if (title != "" && head != "") {
		print "\n" title "\n\n" head
		list = 0
	}
	title = head = ""
}
function say(name) {
	if (said != "" && said != told) {
		print "\n" said
		told = said
		list = 0
	}
	if (!list++)
		print ""
	print "    " name
}
function text(line) {
	sub(/^(\/\/|\/\*+|\*\/?| \*\/?) ?/, "", line)
	sub(/ *\*\/$/, "", line)
	gsub(/</, "\\&lt;", line)
	gsub(/[*_]/, "\\\\&", line)
	return line
}
FNR == 1 {
	if (!started++)
		print "# The library of tapsets\n\nMade by `make docs` from `tapsets/`. " \
			"System calls have docs/syscalls.md; `stapc -L 'ALIAS'` shows an\n" \
			"alias's variables and their types, and where it is for a kernel."
	flush_head()
	name = FILENAME
	sub(/.*\//, "", name)
	sub(/\.stp$/, "", name)
	title = "## " name
	said = head = told = ""
	in_head = 1
	depth = 0
}
/SPDX-License/ { next }
/^(\/\/|\/\*)/ || (in_comment && /^ *\*/) {
	in_comment = /^\/\*/ || in_comment
	if (/\*\//)
		in_comment = 0
	line = text($0)
	if (line == "" || line ~ /^---/)
		next
	if (in_head)
		head = head (head == "" ? "" : "\n") line
	else
		said = fresh ? line : said (said == "" ? "" : "\n") line
	fresh = 0
	next
}
/^$/ {
	if (head != "")
		in_head = 0
	fresh = 1
	if (!was_empty++)
		group_over = 1
	next
}
{ was_empty = 0; if (head != "") in_head = 0 }
/^function / || /^probe [a-z]/ {
	if (/^probe (begin|end|error|never|timer|procfs)[ (.,]/)
		next
	what = $0
	sub(/^probe /, "", what)
	sub(/^function /, "", what)
	sub(/ *\+?= *.*/, "", what)
	sub(/ *\{.*/, "", what)
	if (what ~ /^_/)
		next
	flush_head()
	if (group_over && fresh && said != "" && told == said)
		said = ""
	say(what)
	group_over = 0
	fresh = 1
}
END { flush_head() }
