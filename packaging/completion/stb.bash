# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# bash completion of stapc, stb and stap-load. What options there are, each
# program says itself: its usage is asked once a shell.

_stb_options()	# PROGRAM WORD...: what begins with - in its usage
{
	local cache="_stb_words_${1//[^a-z]/_}"

	if [ -z "${!cache-}" ]; then
		printf -v "$cache" '%s' "$("$1" --help 2>/dev/null |
			grep -oE '(^|[][ ,|(])--?[A-Za-z]([A-Za-z-]*[A-Za-z])?=?' |
			tr -d '][ ,|(' | sort -u | tr '\n' ' ')"
	fi
	printf '%s' "${!cache}"
}

_stb_recorders()
{
	stap-load --list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_stb()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local program=${COMP_WORDS[0]} words=

	COMPREPLY=()
	case ${program##*/}:$prev in
	stap-load:--attach|stap-load:--dump|stap-load:--stop|stap-load:--rotate)
		words=$(_stb_recorders)
		;;
	stapc:--privilege)
		words='stapdev stapsys stapusr'
		;;
	stap-load:--format|stb:--format)
		words='text ndjson chrome folded'
		;;
	stapc:--dump)
		words='tokens ast lib sites typed list ir c plan'
		;;
	*)
		[ "${program##*/}" != stb ] || [ "$COMP_CWORD" != 1 ] ||
			words=$("$program" --help 2>/dev/null |
				sed -n 's/^  stb \([a-z]*\) .*/\1/p' | sort -u)
		case $cur in
		-*)	words=$(_stb_options "$program") ;;
		esac
		;;
	esac
	# shellcheck disable=SC2207
	[ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$cur"))
	[ -n "${COMPREPLY[*]-}" ] || compopt -o default 2>/dev/null || :
}

complete -F _stb stapc stb stap-load
