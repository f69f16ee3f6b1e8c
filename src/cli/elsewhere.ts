import { UsageError } from '../errors.ts'

/** Verbs of virsh that Stasis does not have: their purpose there, and a replacement. */
interface Elsewhere {
  /** Names, separated by spaces; `x-*` is every verb that begins with `x-`. */
  readonly verbs: string
  /** Continues "With it virsh …". */
  readonly does: string
  readonly instead?: string
}

/** All of virsh 9.0 and 11.3 (`virsh help`). */
const ELSEWHERE: readonly Elsewhere[] = [
  {
    verbs:
      'attach-device attach-disk attach-interface detach-device detach-device-alias detach-disk detach-interface update-device update-memory-device',
    does: 'changes the devices of a running machine',
    instead: '`stasis edit` changes them for the next start, `stasis change-media` changes a CD',
  },
  {
    verbs: 'blockcommit blockcopy blockjob blockpull blockresize domblkthreshold domblkerror',
    does: 'works on the layers of a disk while the domain runs',
    instead: '`qemu-img` works on them while the domain is off',
  },
  {
    verbs: 'blkdeviotune domiftune domthrottlegroup*',
    does: 'limits the transfers of a running machine',
    instead: '`stasis edit` changes the limits for the next start',
  },
  {
    verbs:
      'blkiotune memtune numatune schedinfo cpu-stats vcpupin emulatorpin iothreadpin iothreadset iothreadinfo perf',
    does: 'shares out the host among domains, or counts for that',
    instead: 'systemd and taskset do that for any process; `stasis domid` is the pid of QEMU',
  },
  {
    verbs:
      'iothreadadd iothreaddel setmaxmem setmem setvcpu setvcpus set-lifecycle-action metadata',
    does: 'changes a single setting of a domain',
    instead: '`stasis edit` changes the definition, for the next start',
  },
  {
    verbs: 'dump',
    does: 'writes the memory of a guest to a core file, for debuggers',
    instead: '`stasis save` keeps a guest to continue it later',
  },
  {
    verbs: 'migrate migrate-*',
    does: 'moves a running domain to another host',
    instead: '`stasis save`, and `stasis restore` on the other host, do it with a pause',
  },
  {
    verbs: 'domif-setlink domif-getlink',
    does: 'plugs the cable of a network card in and out',
    instead: '`stasis qemu-monitor-command DOMAIN --hmp set_link net0 off` does it',
  },
  ...agent('domfsinfo', 'lists the file systems of a guest', 'guest-get-fsinfo'),
  ...agent('domfstrim', 'trims the file systems of a guest', 'guest-fstrim'),
  ...agent('guestinfo', 'asks a guest about itself', 'guest-get-osinfo'),
  ...agent('guestvcpus', 'switches processors in a guest', 'guest-get-vcpus'),
  ...agent('set-user-password', 'sets a password in a guest', 'guest-set-user-password'),
  ...agent('get-user-sshkeys', 'lists SSH keys in a guest', 'guest-ssh-get-authorized-keys'),
  ...agent('set-user-sshkeys', 'sets SSH keys in a guest', 'guest-ssh-add-authorized-keys'),
  {
    verbs: 'guest-agent-timeout',
    does: 'sets how long to wait for guest agents',
    instead: '`stasis qemu-agent-command --timeout` does it for one command',
  },
  {
    verbs: 'qemu-attach domxml-from-native',
    does: 'describes a QEMU that others started',
    instead: '`stasis attach` takes it over through its monitor',
  },
  {
    verbs: 'qemu-monitor-event',
    does: 'shows the events of QEMU itself',
    instead: '`stasis event` shows those of domains',
  },
  {
    verbs:
      'domlaunchsecinfo domsetlaunchsecstate domdirtyrate-calc dom-fd-associate domdisplay-reload',
    does: 'asks a running QEMU for something special',
    instead: '`stasis qemu-monitor-command` reaches all of QEMU',
  },
  {
    verbs: 'send-process-signal lxc-enter-namespace',
    does: 'reaches into containers',
  },
  {
    verbs:
      'snapshot-create snapshot-edit checkpoint-create checkpoint-create-as checkpoint-dumpxml checkpoint-edit checkpoint-info checkpoint-parent backup-*',
    does: 'keeps states of disks',
    instead:
      '`stasis checkpoint` keeps memory and disks of one instant, `stasis snapshot-create-as` does it by the options of virsh',
  },
  {
    verbs: 'net-* nwfilter-* iface-*',
    does: 'looks after the networks of the host',
    instead: 'Stasis uses them as they are: see --network of `stasis start`',
  },
  {
    verbs: 'pool-* vol-* find-storage-pool-sources find-storage-pool-sources-as',
    does: 'looks after storage',
    instead: 'Disks are files and devices for Stasis: see `stasis domblklist`',
  },
  {
    verbs: 'nodedev-* secret-*',
    does: 'looks after devices and secrets of the host',
  },
  {
    verbs:
      'capabilities domcapabilities cpu-baseline cpu-compare cpu-models hypervisor-* maxvcpus allocpages freecell freepages node-memory-tune nodecpumap nodecpustats nodeinfo nodememstats nodesevinfo nodesuspend hostname sysinfo uri',
    does: 'describes or tunes the host',
    instead: '`stasis doctor` says whether this host is fit, `stasis version` which QEMU it has',
  },
]

function agent(verbs: string, does: string, command: string): readonly Elsewhere[] {
  return [{ verbs, does, instead: `\`stasis qemu-agent-command DOMAIN ${command}\` does it` }]
}

/** The error for a verb that only virsh has; `undefined` for any other word. */
export function elsewhereError(verb: string): UsageError | undefined {
  const found = ELSEWHERE.find(({ verbs }) => verbs.split(' ').some((name) => matches(name, verb)))
  if (found === undefined) return undefined
  return new UsageError(
    'BAD_ARGUMENT',
    `Stasis has no '${verb}': with it virsh ${found.does}`,
    found.instead === undefined ? {} : { hint: found.instead },
  )
}

function matches(name: string, verb: string): boolean {
  return name.endsWith('*') ? verb.startsWith(name.slice(0, -1)) : name === verb
}
