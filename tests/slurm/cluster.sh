# Sourced by test.sh: a Slurm of two pretend nodes on this machine, as root, without systemd, in a folder of its own.
#   cluster_start FOLDER    sets SLURM_CONF        cluster_stop

await() { # COMMAND...: until it succeeds, for 20 seconds
  for _ in $(seq 200); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  echo "waited in vain for: $*" >&2
  return 1
}

cluster_start() {
  home=$1
  host=$(hostname -s)
  half=$(awk '/MemTotal/ {print int($2 / 1024 * 0.45)}' /proc/meminfo)
  mkdir -p "$home/munge" "$home/socket" "$home/state" "$home/spool/n1" "$home/spool/n2"
  # munged insists on a private key and on parents that nobody else can write
  chmod 0755 "$home" "$home/socket"
  chmod 0700 "$home/munge"
  head -c 128 /dev/urandom >"$home/munge/key"
  chmod 0400 "$home/munge/key"
  munged --key-file="$home/munge/key" --socket="$home/socket/munge" --pid-file="$home/munge/pid" \
    --log-file="$home/munge/log" --seed-file="$home/munge/seed" --num-threads=2
  await munge -S "$home/socket/munge" -n

  cat >"$home/slurm.conf" <<CONF
ClusterName=pretend
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=26817
AuthType=auth/munge
CredType=cred/munge
# a requeued job waits until its old credential has expired
AuthInfo=socket=$home/socket/munge,cred_expire=5
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool/%n
SlurmctldPidFile=$home/ctld.pid
SlurmdPidFile=$home/slurmd.%n.pid
SlurmctldLogFile=$home/ctld.log
SlurmdLogFile=$home/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=512
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
MailProg=/bin/true
ReturnToService=2
SchedulerParameters=sched_interval=2,batch_sched_delay=0
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=26818 CPUs=1 RealMemory=$half State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=26819 CPUs=1 RealMemory=$half State=UNKNOWN
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
  export SLURM_CONF="$home/slurm.conf"
  slurmctld -c
  slurmd -N n1 -c
  slurmd -N n2 -c
  await sh -c 'test "$(sinfo -h -N -t idle | wc -l)" -eq 2'
}

cluster_stop() {
  scancel --user=root 2>/dev/null || true
  for _ in $(seq 50); do
    if [ -z "$(squeue -h 2>/dev/null)" ]; then break; fi
    sleep 0.2
  done
  for pid in "$home"/slurmd.*.pid "$home/ctld.pid" "$home/munge/pid"; do
    if [ -s "$pid" ]; then kill "$(cat "$pid")" 2>/dev/null || true; fi
  done
  # they write their last words into the folder that is removed next
  for _ in $(seq 50); do
    if ! pgrep -f "$home/" >/dev/null && ! ls "$home"/*.pid >/dev/null 2>&1; then break; fi
    sleep 0.1
  done
}
