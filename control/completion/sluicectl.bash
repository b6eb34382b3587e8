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

# Prints the VIPs that are none any more and still guarded.
_sluicectl_former_vips()
{
	sluicectl ${_sluicectl_socket:+--socket "$_sluicectl_socket"} status 2>/dev/null |
		awk '/is no VIP any more and still guarded/ { print $2 }'
}

# Prints what may follow the words of a command, given in $1; $2 words of it name things.
_sluicectl_offer()
{
	case "$1/$2" in
	status/* | config/* | services/* | pools/* | pins/* | stats/*) ;;
	"vip release/0") _sluicectl_former_vips ;;
	backends/0) _sluicectl_column 1 pools ;;
	"backend add/1") ;;
	backend\ */0 | "pool remove/0") _sluicectl_column 1 pools ;;
	backend\ */1) _sluicectl_column 2 backends "$_sluicectl_first" ;;
	"service remove/0" | "service set/0") _sluicectl_column 1 services ;;
	esac
	case $1 in
	status) echo --quiet ;;
	backends) echo --all ;;
	apply) echo --now --deadline --force --volatile --overwrite --if-revision --dry-run --all ;;
	"config save") echo --overwrite --if-revision --dry-run ;;
	"backend remove") echo --now --deadline --force --volatile --if-revision --dry-run --all ;;
	"service add" | "service set") echo --vip --protocol --port --pool --forward --udp --force --volatile --if-revision --dry-run --all ;;
	reload) echo --force --dry-run --all ;;
	"service remove" | "backend activate" | "pool remove") echo --force --volatile --if-revision --dry-run --all ;;
	"pool add") echo --slots --builder --drain-deadline --max-disruption --force --volatile --if-revision --dry-run --all ;;
	"backend add") echo --address --key --weight --state --force --volatile --if-revision --dry-run --all ;;
	"backend drain") echo --deadline --wait --force --volatile --if-revision --dry-run --all ;;
	"backend set") echo --weight --state --health --instance --deadline --force --volatile --if-revision --dry-run --all ;;
	explain) echo --from --to --protocol --length --icmp-error ;;
	service) echo add set remove ;;
	pool) echo add remove ;;
	config) echo save ;;
	vip) echo release ;;
	backend) echo add remove drain activate set ;;
	"") echo status config apply services service vip pools backends backend explain pins stats help --version ;;
	esac
	echo --json --socket --help
}

# Prints the values of option $1; fails where it has none that could be listed.
_sluicectl_values()
{
	case $1 in
	--state) echo active drain disabled ;;
	--health) echo up down ;;
	--udp) echo pin hash quic ;;
	--protocol) echo tcp udp ;;
	--forward) echo ipip l2dsr ;;
	--port) echo any ;;
	--pool) _sluicectl_column 1 pools ;;
	--builder) echo maglev rendezvous ;;
	--vip | --address | --key | --weight | --instance | --deadline | --from | --to | --length | --if-revision) ;;
	--slots | --drain-deadline | --max-disruption) ;;
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
		--json | --help | --version | --now | --force | --volatile | --overwrite | --dry-run | --all | --wait | --quiet | --icmp-error) ;;
		-*) ((++i)) ;;
		*)
			if [[ -z $command ]]; then
				command=$word
			elif [[ $command == config || $command == service || $command == vip || $command == backend ]]; then
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
