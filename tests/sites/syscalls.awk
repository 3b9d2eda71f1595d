# SPDX-License-Identifier: GPL-2.0-or-later
#
# syscalls.awk DIFFER SYSTEMTAP OURS: see syscalls.test. Each variable that SystemTap
# has is in OURS, of its type, or is a row of DIFFER; each row of DIFFER is needed.

function standard(alias) {
	return alias ~ /\.return$/ ? "name/s retval retstr/s" : "name/s argstr/s"
}

function differs(alias, what) {
	if ((alias, what) in differ) {
		delete differ[alias, what]
		known++
		return
	}
	print "stap only, no reason: " alias " " what
	bad++
}

/^#/ { next }
FILENAME == ARGV[1] { differ[$1, $2] = $3; next }
FILENAME == ARGV[2] {
	want[$1] = standard($1) substr($0, length($1) + 1)
	next
}
{
	alias = substr($1, 9)
	there[alias]
	for (i = 2; i <= NF; i++) {
		split($i, v, ":")
		has[alias, v[1] (v[2] == "string" ? "/s" : "")]
	}
}

END {
	for (alias in want) {
		if (!(alias in there)) {
			differs(alias, "-")
			continue
		}
		both++
		n = split(want[alias], v, " ")
		for (i = 1; i <= n; i++) {
			plain = v[i]
			sub("/s$", "", plain)
			if (!((alias, v[i]) in has))
				differs(alias, plain)
		}
	}
	for (d in differ) {
		split(d, v, SUBSEP)
		print "no difference any more: " v[1] " " v[2]
		bad++
	}
	print both " aliases of both, " known " differences"
	exit bad || both < 700
}
