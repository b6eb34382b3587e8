# SPDX-License-Identifier: BSD-3-Clause
# bash completion for sluicectl; names of pools, backends and services are asked of sluiced.

# Prints column $1 of a list that sluicectl prints, without its head; nothing where sluiced is away.
_sluicectl_column()
{
	local column=$1
	shift
	sluicectl ${_sluicectl_socket:+--socket "$_sluicectl_socket"} "$@" 2>/dev/null |
		awk -v column="$column" 'NR > 1 { print $column }'
}

# Prints what may follow the words of a command, given in $1; $2 words of it name things.
_sluicectl_offer()
{
	case "$1/$2" in
	status/* | config/* | services/* | pools/* | stats/*) ;;
	backends/0) _sluicectl_column 1 pools ;;
	"backend add/0" | "backend remove/0" | "backend set/0") _sluicectl_column 1 pools ;;
	"backend remove/1" | "backend set/1") _sluicectl_column 2 backends "$_sluicectl_first" ;;
	"service remove/0") _sluicectl_column 1 services ;;
	esac
	case $1 in
	apply) echo --dry-run ;;
	"service add") echo --vip --protocol --port --pool --forward --dry-run ;;
	"service remove" | "backend remove") echo --dry-run ;;
	"backend add") echo --address --weight --state --dry-run ;;
	"backend set") echo --weight --state --dry-run ;;
	explain) echo --from --to --protocol ;;
	service) echo add remove ;;
	backend) echo add remove set ;;
	"") echo status config apply services service pools backends backend explain stats --version ;;
	esac
	echo --json --socket --help
}

# Prints the values of option $1; fails where it has none that could be listed.
_sluicectl_values()
{
	case $1 in
	--state) echo active disabled ;;
	--protocol) echo tcp udp ;;
	--forward) echo ipip l2dsr ;;
	--port) echo any ;;
	--pool) _sluicectl_column 1 pools ;;
	--vip | --address | --weight | --from | --to) ;;
	*) return 1 ;;
	esac
}

_sluicectl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command="" places=0 i word values
	local _sluicectl_socket="" _sluicectl_first=""

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--socket) _sluicectl_socket=${COMP_WORDS[++i]} ;;
		--json | --help | --version | --dry-run) ;;
		-*) ((++i)) ;;
		*)
			if [[ -z $command ]]; then
				command=$word
			elif [[ $command == service || $command == backend ]]; then
				command+=" $word"
			else
				((places++ == 0)) && _sluicectl_first=$word
			fi
			;;
		esac
	done
	if [[ $previous == --socket || ($command == apply && $places == 0 && $current != -*) ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	elif values=$(_sluicectl_values "$previous"); then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -W "$(_sluicectl_offer "$command" "$places")" -- "$current")
	fi
}

complete -F _sluicectl sluicectl
