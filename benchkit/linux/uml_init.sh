# The first process inside user-mode Linux. What stands before this text in the file that is started defines
# the function `job`. Consoles: tty1 and tty2 carry the job's stdout and stderr, tty3 what we and the host say to
# each other: a signal's name comes in, "began", "status N" or "trouble WORDS" goes out.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

told() {
    echo "$*" >/dev/tty3
    sleep 3600 # the host ends all of this; a kernel whose first process ends would panic
}

mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run || told "trouble mounting /proc, /sys and /run"
# Private, because locks and process ids of the host mean nothing in here: its folders would look abandoned.
mkdir -p /dev/shm /dev/pts && mount -t tmpfs tmpfs /dev/shm && mkdir -m 1777 /dev/shm/tmp || told "trouble mounting /dev/shm"
mount -t devpts devpts /dev/pts
ln -s /proc/self/fd /dev/fd
ip link set lo up
for tty in 1 2 3; do stty raw -echo </dev/tty$tty; done

# modprobe does not find this folder.
modules=/usr/lib/uml/modules/$(uname -r)/kernel
for module in net/sched/sch_netem drivers/net/veth net/sched/sch_tbf net/sched/sch_htb net/sched/sch_fq net/ipv4/tcp_bbr; do
    said=$(insmod "$modules/$module.ko" 2>&1) || told "trouble loading $module: $said"
done

mkdir /dev/job
mkfifo /dev/job/out /dev/job/err
cat /dev/job/out >/dev/tty1 & out=$!
cat /dev/job/err >/dev/tty2 & err=$!
while read -r signal; do
    until [ -s /dev/job/pid ]; do sleep 0.05; done
    kill -s "$signal" "$(cat /dev/job/pid)"
done </dev/tty3 &
echo began >/dev/tty3

# In the foreground: a shell has what it starts in the background ignore Ctrl-C. `job` ends in exec, which keeps the
# process id; $$ would be ours.
(read -r pid _ </proc/self/stat && echo "$pid" >/dev/job/pid && job) >/dev/job/out 2>/dev/job/err </dev/null
status=$?
(sleep 2; kill "$out" "$err") 2>/dev/null & # what a job leaves running may hold them open
wait "$out" "$err"
sync
told "status $status"
