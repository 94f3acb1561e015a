import { applet, type Program, program } from '../program.ts';

/** A script for a shell of Debian; what it prints natively is the oracle, since qemu cannot start guest children. */
const script = (shell: string, name: string, text: string): Program => ({
  ...program(shell, { native: true }),
  name: `${shell}: ${name}`,
  argv: [shell, '-c', text.trim()],
});
const bash = (name: string, text: string): Program => script('bash', name, text);
const dash = (name: string, text: string): Program => script('dash', name, text);
const native = (line: string, options: { readonly stdin?: string; readonly unordered?: boolean } = {}): Program =>
  program(line, { native: true, ...options });

const C_PROJECT = `
for i in 1 2 3 4; do echo "int f$i(int x) { return x * $i; }" > f$i.c; done
cat > main.c <<'EOF'
#include <stdio.h>
int f1(int), f2(int), f3(int), f4(int);
int main(void) { printf("%d\\n", f1(1) + f2(2) + f3(3) + f4(4)); return 7; }
EOF
cat > Makefile <<'EOF'
OBJS = main.o f1.o f2.o f3.o f4.o
prog: $(OBJS)
	gcc -static -o $@ $(OBJS)
%.o: %.c
	gcc -O1 -pipe -c $<
EOF
make -s -j2 && ls && make && ./prog; echo $?`;

const GIT = `
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1000000000 +0000'
git init -q -b main repo && cd repo && echo one > f && git add f && git commit -q -m first && echo two >> f
git commit -qam second && git log --oneline && git status -s && git diff HEAD~1 && git clone -q . ../clone && cd ../clone && git log --format=%s && git fsck`;

const PYTHON = `
import os, queue, signal, subprocess, sys, threading
print(subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout)
print(subprocess.check_output("seq 3 | tac", shell=True))
print(subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE).communicate(b"xyz"))
q = queue.Queue()
ts = [threading.Thread(target=lambda: [q.put(1) for _ in range(100)]) for _ in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]; print(q.qsize())
pid = os.fork()
if pid == 0: os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
try: subprocess.run(["sleep", "5"], timeout=0.2)
except subprocess.TimeoutExpired as e: print("timeout", e.cmd)
print(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
got = []
signal.signal(signal.SIGALRM, lambda *a: got.append("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.2)
signal.pause(); signal.setitimer(signal.ITIMER_REAL, 0); print(got[:1])`;

const MULTIPROCESSING = `
import multiprocessing
def f(x): return x * x
def inc(v):
    for _ in range(50):
        with v.get_lock(): v.value += 1
ctx = multiprocessing.get_context("fork")
with ctx.Pool(2) as pool: print(pool.map(f, range(10)))
v = ctx.Value("i", 0)
ps = [ctx.Process(target=inc, args=(v,)) for _ in range(3)]
[p.start() for p in ps]; [p.join() for p in ps]; print(v.value)
q = ctx.Queue(); p = ctx.Process(target=q.put, args=("from child",)); p.start(); print(q.get()); p.join()`;

const EVENTS = `
import asyncio, os, selectors, select, socket, tempfile
s = selectors.DefaultSelector(); r, w = os.pipe(); s.register(r, selectors.EVENT_READ, "pipe"); print(type(s).__name__, s.select(0.01))
os.write(w, b"x"); print([(k.data, e) for k, e in s.select()]); s.close()
a, b = socket.socketpair(); a.settimeout(5); b.sendall(b"over"); print(a.recv(10), a.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
socket.send_fds(a, [b"fd"], [w]); m, fds, f, _ = socket.recv_fds(b, 10, 3); os.read(r, 1); os.write(fds[0], b"same"); print(m, os.read(r, 9))
async def main():
    p = await asyncio.create_subprocess_exec("/bin/sh", "-c", "read x; echo got $x; exit 3", stdin=-1, stdout=-1)
    out = await p.communicate(b"line\\n"); print(out, p.returncode)
    a, b = socket.socketpair(); r, w = await asyncio.open_connection(sock=a); w.write(b"x" * 300000); b.setblocking(False); n = 0
    while n < 300000: n += len(await asyncio.get_running_loop().sock_recv(b, 65536))
    print(n); w.close(); b.close()
    async def shout(r, w): w.write((await r.readline()).upper()); await w.drain(); w.close()
    with tempfile.TemporaryDirectory() as d:
        server = await asyncio.start_unix_server(shout, d + "/s")
        async def client(i):
            r, w = await asyncio.open_unix_connection(d + "/s"); w.write(b"hello %d\\n" % i); got = await r.read(); w.close(); return got
        print(await asyncio.gather(*map(client, range(5)))); server.close(); await server.wait_closed()
    print(await asyncio.gather(*(asyncio.sleep(i / 100, i) for i in (3, 1, 2))), await asyncio.to_thread(len, "four"))
asyncio.run(main())`;

const PERL = `
$|=1; $SIG{CHLD} = "DEFAULT"; my $p = fork; if (!$p) { print "child\\n"; exit 4 } waitpid($p, 0); print $? >> 8, "\\n";
pipe(R, W); if (!fork) { close R; print W "via pipe\\n"; exit } close W; print <R>; wait;
print \`echo backtick\`; open(F, "seq 5|"); print <F>; close F; system("sh", "-c", "exit 3"); print $? >> 8, "\\n";
open(my $o, "|-", "tr a-z A-Z"); print $o "upper\\n"; close $o; local $SIG{ALRM} = sub { print "alarm\\n" }; alarm 1; select(undef, undef, undef, 3);
kill 0, $$ and print "alive\\n"; exec "echo", "last";`;

const SYSV = `
use IPC::SysV qw(IPC_PRIVATE IPC_CREAT); use IPC::Msg; use IPC::Semaphore; use IPC::SharedMem; $| = 1;
my $q = IPC::Msg->new(IPC_PRIVATE, IPC_CREAT | 0600) or die; $q->snd(3, "hi there"); my $b; print $q->rcv($b, 100, 0, 0), " $b\n"; $q->remove;
my $s = IPC::Semaphore->new(IPC_PRIVATE, 4, 0600 | IPC_CREAT) or die; $s->setall(1, 2, 3, 4); print join(",", $s->getall), "\n";
my $h = IPC::SharedMem->new(IPC_PRIVATE, 100, 0600) or die; $h->write("shared", 3, 6);
if (!fork) { $s->op(0, -1, 0, 0, -1, 0); $h->write("CHILD", 3, 5); print "child\n"; exit } print $s->getval(1), "\n" if 0; $s->op(0, 1, 0); wait; print $h->read(3, 6), "\n"; $h->remove; $s->remove;`;

/** Programs that start children or threads. */
// biome-ignore format: one program per line
export const CHILDREN: readonly Program[] = [
  bash('pipelines', 'for i in 3 1 2; do echo $i; done | sort | while read x; do echo got $x; done; seq 1 1000 | sort -n | tail -1 | tr 0-9 a-j | wc -c'),
  bash('twenty commands in one pipeline', `seq 1 2000${' | cat'.repeat(18)} | md5sum`),
  bash('substitution and subshells', 'a=$(echo sub; exit 3); echo "$a $?"; (exit 5); echo $?; x=1; (x=2; echo $x); echo $x; echo $(echo $(echo $(echo deep)))'),
  bash('a thousand substitutions', 'for ((i=0;i<1000;i++)); do x=$(echo $i); [ "$x" = $i ] || echo bad $i; done; echo $x'),
  bash('here-documents', 'cat <<EOF\nhere $(echo inner) $((6*7))\nEOF\ntr a-z A-Z <<<"string"; cat <<-"EOF"\n\tquoted $x\n\tEOF'),
  bash('process substitution', 'cat <(echo one) <(echo two); diff <(seq 1 5) <(seq 2 6); echo $?; echo to | tee >(tr a-z A-Z > up) > /dev/null; until [ -s up ]; do sleep 0.02; done; cat up'),
  bash('background jobs', 'sleep 0.1 & wait $!; echo $?; { sleep 0.05; exit 7; } & { sleep 0.4; exit 8; } & wait -n; echo n $?; wait -n; echo n $?; wait; (exit 3) & wait %1; echo $?; wait 999999; echo $?'),
  bash('traps', "trap 'echo usr1' USR1; trap 'echo exit' EXIT; kill -USR1 $$; (trap 'echo sub' EXIT; exit 1); trap 'echo chld' CHLD; /bin/true; trap - CHLD; sh -c 'kill -USR1 $PPID'; echo after; exit 4"),
  bash('killed children', "sh -c 'kill -TERM $$'; echo $?; sh -c 'kill -KILL $$'; echo $?; (kill -INT $BASHPID; echo not); echo $?; sh -c 'kill -PIPE $$'; echo $?"),
  bash('set -e and pipefail', 'set -e; false || echo or; if false; then :; fi; ! true; (set +e; false; echo on); set -o pipefail; false | true || echo pf $?; f() { false; echo in; }; f || echo f; false; echo never'),
  bash('job control', "set -m; sleep 5 & kill -STOP %1; sleep 0.1; jobs | tr -s ' '; kill -CONT %1; kill %1; wait %1; echo $?; (sleep 0.2; exit 9) & wait; echo $!> /dev/null; sh -c 'kill -STOP $$; exit 6' & sleep 0.3; fg %1 > /dev/null; echo $?"),
  bash('coproc and read -t', 'coproc C { while read x; do echo "re $x"; done; }; echo a >&${C[1]}; read y <&${C[0]}; echo $y; kill $C_PID; read -t 0.1 z < <(sleep 1); echo $?'),
  bash('exec and descriptors', 'exec 3> out; echo x >&3; exec 3>&-; cat out; exec 4< <(seq 3); read a <&4; read b <&4; echo $a$b; (exec echo replaced; echo never); echo x 2>&1 >&5; echo $?; { echo a; echo b >&2; } 2>&1 | sort'),
  bash('programs that run others', "timeout 0.3 sleep 5; echo $?; timeout -s KILL 0.2 sleep 5; echo $?; env -i A=1 env; nice -n 5 nice; seq 8 | xargs -P4 -n1 sh -c 'echo job $0' | sort; find dir -exec echo {} +; echo a b | xargs -n1 echo; nohup echo nohup 2> /dev/null; setsid echo setsid; stdbuf -o0 echo unbuffered"),
  bash('a script by its #! line', 'printf "#!/bin/bash\\necho arguments \\$0 \\$*\\n" > s; chmod +x s; ./s 1 2; printf "#!/usr/bin/env -S sh -e\\necho env \\$#\\n" > t; chmod +x t; ./t a; echo echo plain > p; chmod +x p; ./p; echo > e; chmod 600 e; ./e; echo $?; ./nosuch; echo $?; /; echo $?; printf "#!/nosuch\\n" > n; chmod +x n; ./n; echo $?'),
  bash('/proc of processes', 'sleep 5 & p=$!; sleep 0.1; cat /proc/$p/comm; tr "\\0" " " < /proc/$p/cmdline; echo; [ "$(readlink /proc/$p/cwd)" = "$PWD" ] && echo same; ls /proc/$p/fd | grep -c ^[012]$; ls /proc/$p/task | wc -l; cut -d" " -f3 /proc/$p/stat; kill -STOP $p; sleep 0.1; grep State /proc/$p/status; kill -9 $p; wait $p; [ -d /proc/$p ] || echo gone'),
  bash('limits and times', 'ulimit -n 50; sh -c "ulimit -n"; (ulimit -f 1; ulimit -f); times | wc -l; umask 077; sh -c umask; cd dir; sh -c "basename $PWD"; X=1 sh -c "echo \\$X"'),
  bash('compressors', 'xz -T2 -c data.bin | xz -dc | cmp - data.bin && zstd -q -c data.bin | zstd -dc | cmp - data.bin && tar -czf x.tgz dir text.txt && tar -tzf x.tgz && tar -cJf x.txz dir && tar -xJOf x.txz dir/inner.txt'),
  bash('ends with a child behind', '(sleep 0.3; echo late) & echo first'),
  { ...bash('reads the input in children', 'read a; sed -n 1q; cat | wc -l; echo $a'), stdin: 'first\nsecond\nthird\n' },
  dash('pipelines and subshells', 'echo a b | { read x y; echo $y $x; }; (exit 3) || echo $?; x=$(seq 3 | tail -1); echo $x; sleep 0.05 & wait; trap "echo t" TERM; kill $$; echo end; echo one | cat | cat; false | true; echo $?'),
  native('find . -name *.txt -exec wc -l {} ;', { unordered: true }),
  native('xargs -n 2 echo', { stdin: '1 2 3 4 5' }),
  native('make -f - all', { stdin: 'all: a b\n\t@echo all $^\na b:\n\t@echo made $@ | tr a-z A-Z\n' }),
  { ...bash('make builds a program', C_PROJECT) },
  { ...bash('git', GIT) },
  { ...program('python3', { native: true }), name: 'python3: subprocess, threads, signals', argv: ['python3', '-c', PYTHON.trim()] },
  { ...program('python3', { native: true }), name: 'python3: multiprocessing', argv: ['python3', '-c', MULTIPROCESSING.trim()] },
  { ...program('python3', { native: true }), name: 'python3: selectors, asyncio, sockets', argv: ['python3', '-c', EVENTS.trim()] },
  { ...program('perl', { native: true }), name: 'perl: fork and pipes', argv: ['perl', '-e', PERL.trim()] },
  { ...program('perl', { native: true }), name: 'perl: System V IPC', argv: ['perl', '-e', SYSV.trim()] },
  bash('System V IPC tools', "a=$(ipcmk -M 4096 | grep -o '[0-9]*$'); b=$(ipcmk -S 3 | grep -o '[0-9]*$'); ipcs -m -i $a | grep -o bytes=[0-9]*; ipcs -s -i $b | grep nsems; ipcrm -m $a -s $b; echo $?; ipcs -m -i $a 2>&1 | grep -c found"),
  bash('tail follows a file', 'echo one > t; : > out; tail -F t > out 2>&1 & until grep -q one out; do sleep 0.02; done; echo two >> t; until grep -q two out; do sleep 0.02; done; mv t u; until grep -q such out; do sleep 0.02; done; echo three > t; until grep -q three out; do sleep 0.02; done; kill $!; cat out'),
  bash('a terminal by script', "script -qc 'tty | tr 0-9 N | tr -s N; stty size; stty -a | head -1; stty -echo; stty raw; stty -a | tail -2; test -t 1 && echo tty; exit 5' log < /dev/null; echo $?"),
  bash('a session in screen', "export SCREENDIR=$PWD/s HOME=$PWD TERM=xterm; mkdir -m 700 s; screen -dmS test sh -c 'echo $TERM > out; read x; echo got $x > out2; sleep 9'; until [ -s out ]; do sleep 0.05; done; cat out; screen -ls | grep -c test; screen -S test -X stuff 'hello\\n'; until [ -s out2 ]; do sleep 0.05; done; cat out2; screen -S test -X quit; while [ -n \"$(ls s)\" ]; do sleep 0.05; done; screen -ls > l; echo $?; cut -c1-15 l"),
  applet("sh -c 'for i in 1 2 3; do echo $i; done | while read x; do echo got $x; done; (exit 3); echo $?; echo $(echo sub)'"),
  applet("sh -c 'trap \"echo usr1\" USR1; (kill -USR1 $$) ; sleep 0 ; { echo a; exit 4; } & wait $!; echo $?'"),
  applet('xargs echo', { stdin: 'a b c' }), applet('nice -n 3 true'),
];
