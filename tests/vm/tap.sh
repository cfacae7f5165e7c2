# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the parts of inside.sh share: lines of TAP without numbers (run.sh counts over all machines), and commands as the user
# `tester`.
failed=0

report() { # STATUS NAME [TEXT-FILE]
	if [ "$1" = 0 ]; then
		echo "ok - $2"
	else
		failed=$((failed + 1))
		echo "not ok - $2"
		[ -z "${3:-}" ] || sed 's/^/#   /' "$3"
	fi
}

skip() { # NAME REASON
	echo "ok - $1 # SKIP $2"
}

in_session() { # COMMAND...: with the user's manager, which owns a delegated cgroup
	runuser -u tester -- env HOME=/home/tester XDG_RUNTIME_DIR=/run/user/1000 \
		DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus PATH="$PATH" timeout 300 "$@"
}

without_session() { # COMMAND...: as from cron on a machine without linger
	runuser -u tester -- env -u XDG_RUNTIME_DIR HOME=/home/tester PATH="$PATH" timeout 300 "$@"
}

tell() { # STATUS WANTED: what a failed test prints
	echo "status $1, wanted $2; stdout:"
	tail -n 40 /tmp/out
	echo "stderr:"
	tail -n 20 /tmp/err
}

expect() { # NAME WANTED COMMAND...: the last line of stdout
	expect_name=$1 wanted=$2
	shift 2
	"$@" >/tmp/out 2>/tmp/err
	status=$?
	tell $status "'$wanted'" >/tmp/story
	[ "$status" = 0 ] && [ "$(tail -n 1 /tmp/out)" = "$wanted" ]
	report $? "$expect_name" /tmp/story
}

refuses() { # NAME TEXT COMMAND...: fails, and says so
	refuse_name=$1 text=$2
	shift 2
	"$@" >/tmp/out 2>/tmp/err
	status=$?
	tell $status "a failure that says '$text'" >/tmp/story
	[ "$status" != 0 ] && grep -qi -- "$text" /tmp/err
	report $? "$refuse_name" /tmp/story
}

foretold() { # KEY [OPTION...]: of doctor's prediction
	foretold_key=$1
	shift
	in_session sbx "$@" doctor --json >/tmp/told.json
	python3 -c 'import json, sys
value = json.load(open("/tmp/told.json"))["prediction"].get(sys.argv[1])
print(str(value).lower() if isinstance(value, bool) else value)' "$foretold_key"
}

store_lacks() { # ROOT: the id in doctor's line about the room there
	in_session sbx --root "$1" doctor --json >/tmp/told.json
	python3 -c 'import json
print(next(check.get("id") for check in json.load(open("/tmp/told.json"))["checks"] if check["name"] == "store"))'
}
