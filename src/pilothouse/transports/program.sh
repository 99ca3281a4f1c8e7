# What runs on the machine for one operation. The launcher puts the variables ph_token, ph_folder, ph_work and
# ph_mode (run or reap) and the functions files, settings, operate and collect in front. Names begin with ph_
# because a variable that the login exports would otherwise reach the operation changed.
# Channels: 1 output, 3 orders from the engine (its end means the engine is gone), 4 control. Where output and control
# are one stream, ph_sign tells control lines apart and collected files are fetched from their copies.
ph_umask=$(umask)
umask 077
exec 3<&0 4>&2 </dev/null 2>/dev/null
ph_pidfile=$ph_folder/.$ph_token.pid
ph_rcfile=$ph_folder/.$ph_token.rc
say() { printf '%s%s\n' "$ph_sign" "$*" >&4; }
fail() { say "error $*"; exit 1; }
nap() { sleep 0.1 || sleep 1; }

# The folder: ours alone, or refused. Only a folder we made (or found empty) is ever removed.
enter() {
  if [ ! -e "$ph_folder" ] && [ ! -L "$ph_folder" ]; then
    ph_why=$(mkdir -m 700 "$ph_folder" 2>&1) && : >"$ph_folder/.pilothouse" && ph_new=1
  fi
  if [ -L "$ph_folder" ]; then fail "$ph_folder is a symbolic link, so the private folder is refused; remove it"; fi
  [ -d "$ph_folder" ] || fail "cannot make the private folder $ph_folder: $ph_why"
  [ -O "$ph_folder" ] || fail "$ph_folder belongs to another user, so the private folder is refused; remove it"
  if [ ! -e "$ph_folder/.pilothouse" ]; then
    chmod 700 "$ph_folder"
    if [ -z "$(ls -A "$ph_folder")" ]; then : >"$ph_folder/.pilothouse"; fi
  fi
  [ -x "$ph_folder" ] && [ -w "$ph_folder" ] || fail "the private folder $ph_folder cannot be used by $(id -un)"
}
ours() { [ -d "$ph_folder" ] && [ ! -L "$ph_folder" ] && [ -O "$ph_folder" ]; }
discard() {
  cd /
  if ours && [ -f "$ph_folder/.pilothouse" ]; then rm -rf "$ph_folder"
  else rm -f "$ph_folder/.$ph_token".*; fi
}
# forget: the store of kept files goes as soon as the engine is gone or wants nothing more.
forget() { if [ -n "$ph_store" ]; then rm -rf "$ph_store"; fi; }

# look PID: its state and what tells it from a later process with the same number.
look() {
  ph_state= ph_born=
  if [ -r /proc/self/stat ]; then
    { read -r ph_line <"/proc/$1/stat"; } || return 1
    set -- ${ph_line##*') '}
    ph_state=$1 ph_born=${20}
    { read -r ph_line </proc/sys/kernel/random/boot_id; } && ph_born=$ph_born-$ph_line
  else
    ph_state=$(ps -o stat= -p "$1") || return 1
    ph_born=$(ps -o lstart= -p "$1" | tr -s ' ' -)
  fi
}
# members GROUP: everything alive in the process group or session, in $ph_found; and what left both for a session
# of its own, known by the operation's mark in its environment.
members() {
  ph_found=
  if [ -r /proc/self/stat ]; then
    for ph_entry in /proc/[0-9]*/stat; do
      { read -r ph_line <"$ph_entry"; } || continue
      set -- "$1" ${ph_line##*') '}
      case $2 in Z | X | x) continue ;; esac
      ph_entry=${ph_entry#/proc/}
      ph_entry=${ph_entry%/stat}
      if [ "$4" = "$1" ] || [ "$5" = "$1" ] || [ "$ph_entry" = "$1" ]; then ph_found="$ph_found $ph_entry"; fi
    done
    for ph_entry in $(grep -lszx "PILOTHOUSE_OPERATION=$ph_token:$1" /proc/[0-9]*/environ); do
      ph_entry=${ph_entry#/proc/}
      ph_found="$ph_found ${ph_entry%/environ}"
    done
  else
    ph_found=$(ps -A -o pid= -o pgid= -o stat= | while read -r p q s; do
      case $s in Z*) ;; *) if [ "$q" = "$1" ] || [ "$p" = "$1" ]; then echo "$p"; fi ;; esac
    done)
  fi
}
send() { kill -s "$1" -- "-$2" || kill -s "$1" "$2"; }
# finish GROUP: TERM, after two seconds KILL; fails when something is left after five.
finish() {
  send TERM "$1"
  send CONT "$1"
  ph_tries=0
  while members "$1"; [ -n "$ph_found" ]; do
    if [ $ph_tries -eq 0 ]; then kill -s TERM $ph_found; fi
    if [ $ph_tries -ge 20 ]; then send KILL "$1"; kill -s KILL $ph_found; fi
    if [ $ph_tries -ge 50 ]; then return 1; fi
    ph_tries=$((ph_tries + 1))
    nap
  done
}
# terminate GROUP: end it, unless its leader ended by itself: then 1. It is halted first, so that there is no doubt
# whether an exit was the operation's own; the flag tells whoever waits for it that it was not.
terminate() {
  send STOP "$1"
  ph_tries=0
  while look "$1" || ph_state=X; do
    case $ph_state in
      T* | t*) break ;;
      Z* | X* | x*) send CONT "$1"; return 1 ;;
    esac
    ph_tries=$((ph_tries + 1))
    if [ $ph_tries -gt 120 ]; then break; elif [ $ph_tries -gt 100 ]; then nap; fi
  done
  : >"$ph_folder/.$ph_token.$1.stop"
  if finish "$1"; then return 0; fi
  return 2
}
# kept: the exit code an earlier or present attempt left.
kept() { ph_code= && { read -r ph_code <"$ph_rcfile"; } && [ -n "$ph_code" ]; }
await_kept() {
  ph_tries=0
  until kept; do
    if [ $ph_tries -ge 10 ]; then return 1; fi
    ph_tries=$((ph_tries + 1))
    nap
  done
}
await_group() {
  ph_tries=0
  until { read -r ph_group ph_mark <"$ph_pidfile"; } && [ -n "$ph_mark" ]; do
    if [ $ph_tries -ge 20 ]; then return 1; fi
    ph_tries=$((ph_tries + 1))
    nap
  done
}
# previous: the recorded group, if it is this token's and not a stranger with a recycled number.
previous() {
  ph_group= ph_mark=
  { read -r ph_group ph_mark <"$ph_pidfile"; } && [ -n "$ph_mark" ] || return 1
  if look "$ph_group"; then [ "$ph_born" = "$ph_mark" ]; return; fi
  [ -n "$(grep -lszx "PILOTHOUSE_OPERATION=$ph_token:$ph_group" /proc/[0-9]*/environ)" ]
}

# sweep: folders like this one that were left a week ago or earlier, and in which nothing lives.
sweep() {
  find "${ph_folder%/*}"/autoexec-* -prune -type d -mtime +6 | while read -r ph_old; do
    if [ ! -O "$ph_old" ] || [ ! -f "$ph_old/.pilothouse" ]; then continue; fi
    for ph_entry in "$ph_old"/.*.pid; do
      if { read -r ph_group ph_mark <"$ph_entry"; } && look "$ph_group" && [ "$ph_born" = "$ph_mark" ]; then continue 2; fi
    done
    rm -rf "$ph_old"
  done
}

# hand NUMBER FILE: send one collected file.
hand() {
  ph_copy=$ph_folder/.$ph_token.$1.copy
  if [ -f "$2" ] && cat <"$2" >"$ph_copy"; then
    ph_size=$(wc -c <"$ph_copy")
    say "file $1 $((ph_size))"
    if [ -n "$ph_sign" ]; then return; fi
    cat "$ph_copy" >&4
  fi
  rm -f "$ph_copy"
}
deliver() {
  if [ "$ph_code" = 0 ]; then collect; fi
  say "exit $ph_code"
}
ended() { printf '\036%s end\n' "$ph_token"; }
started() { printf '\036%s start\n' "$ph_token"; printf '\036%s start\n' "$ph_token" >&4; }

lost() {
  forget
  await_group || return
  if kept; then return; fi
  terminate "$ph_group"
  if [ $? -eq 1 ] && ! await_kept; then finish "$ph_group"; fi
}
abort() {
  forget
  if ! kept && await_group; then
    terminate "$ph_group"
    case $? in 0) say killed ;; 2) say stuck ;; esac
  fi
  discard
}
listen() {
  trap '' PIPE
  while read -r ph_order; do
    case $ph_order in
      settle) rm -f "$ph_pidfile" "$ph_rcfile" "$ph_folder/.$ph_token".*.copy "$ph_folder/.$ph_token.orders"; return ;;
      'settle clean') discard; say settled; return ;;
      abort) abort; return ;;
    esac
  done
  lost
}
reap() {
  forget
  if ours && ! kept && previous; then
    terminate "$ph_group"
    case $? in
      0) say "pid $ph_group"; say killed ;;
      1) members "$ph_group"; if [ -n "$ph_found" ]; then finish "$ph_group"; say killed; else say gone; fi ;;
      2) say stuck ;;
    esac
  else
    say gone
  fi
  discard
}
# own: run by the operation's own process, last thing before it becomes the operation.
own() {
  { read -r ph_group ph_line </proc/self/stat; } || ph_group=$(exec sh -c 'echo $PPID')
  look "$ph_group"
  printf '%s\n' "$ph_group ${ph_born:-unknown}" >"$ph_pidfile" || fail "cannot write to $ph_folder; is the disk full?"
  say "pid $ph_group"
}
# The operation's PATH may lack setsid, so it is looked for before the settings.
ph_setsid=/usr/bin/setsid
if [ ! -x "$ph_setsid" ]; then ph_setsid=$(command -v setsid); fi
own_session() {
  if [ -x "$ph_setsid" ]; then exec "$ph_setsid" "$@" 2>&1 3<&- 4>&-; fi
  if command -v perl >/dev/null; then
    exec perl -MPOSIX -e 'POSIX::setsid(); exec {$ARGV[0]} @ARGV or exit 127' "$@" 2>&1 3<&- 4>&-
  fi
  exec "$@" 2>&1 3<&- 4>&-
}

started
if [ "$ph_mode" = reap ]; then reap; exit 0; fi
ph_new=
enter
case $ph_new$ph_folder in 1*/autoexec-*) sweep 3<&- 4>&- >/dev/null & ;; esac
if [ "$ph_mode" = prepare ]; then
  ph_orders=$ph_folder/.$ph_token.orders
  rm -f "$ph_orders"
  mkfifo "$ph_orders" || fail "cannot make a named pipe in $ph_folder; is its file system mounted for that?"
  say ready
  exit 0
fi
if ! kept && previous; then
  terminate "$ph_group"
  if [ $? -eq 1 ] && ! await_kept; then finish "$ph_group"; fi
fi
case $ph_work in /*) ;; *) ph_work=$ph_folder/$ph_work; mkdir -p "$ph_work" || fail "cannot make the work folder $ph_work" ;; esac
cd "$ph_work" || fail "cannot enter the work folder $ph_work"
if kept; then
  listen <&3 &
  say adopted
  ended
  deliver
else
  if [ -e "$ph_pidfile" ] || [ -e "$ph_rcfile" ]; then rm -f "$ph_pidfile" "$ph_rcfile"; fi
  (cd "$ph_folder" && files) || fail "cannot write the operation's files below $ph_folder; is the disk full?"
  listen <&3 &
  # The trap is gone with the exec; it is there because ksh93 makes no process of a subshell without one.
  (
    trap : USR1
    own
    umask "$ph_umask"
    settings
    export "PILOTHOUSE_OPERATION=$ph_token:$ph_group"
    operate
  )
  ph_code=$?
  trap '' PIPE
  if [ "$ph_code" -gt 255 ]; then ph_code=$((ph_code % 256 + 128)); fi
  # A failure with nobody to hear it may be the broken connection's doing: it is not kept.
  if { read -r ph_group ph_mark <"$ph_pidfile"; } && [ ! -e "$ph_folder/.$ph_token.$ph_group.stop" ]; then
    if [ "$ph_code" = 0 ]; then printf '%s\n' "$ph_code" >"$ph_rcfile"; fi
    if ended; then
      if [ "$ph_code" != 0 ]; then printf '%s\n' "$ph_code" >"$ph_rcfile"; fi
      deliver
    fi
  fi
fi
wait
