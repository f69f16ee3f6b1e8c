import { cpuRule } from './cpu.ts'
import { devicesRule } from './devices.ts'
import { clockRule, featuresRule } from './features.ts'
import { launchSecurityRule } from './launch-security.ts'
import { memoryBackingRule } from './memory.ts'
import { osRule, sysinfoRule } from './os.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  holding,
  kindOfElement,
  numberSet,
  refused,
  uuid,
  valueWithoutEffect,
  whole,
  withoutEffect,
  yesNo,
} from './rule.ts'

const hostOnly = 'it shares out the host and changes nothing for the guest'
const described = 'it describes the domain to people and programs'
const overridden = 'it hands options to QEMU that this program cannot check'

/** `<cputune>` */
const cpuTune: ElementRule = {
  children: {
    vcpupin: attributes({ vcpu: whole, cpuset: numberSet }),
    emulatorpin: attributes({ cpuset: numberSet }),
    iothreadpin: attributes({ iothread: whole, cpuset: numberSet }),
    ...Object.fromEntries(
      ['shares', 'vcpusched', 'iothreadsched', 'emulatorsched', 'cachetune', 'memorytune']
        .concat(
          ['', 'global_', 'emulator_', 'iothread_'].flatMap((of) => [`${of}period`, `${of}quota`]),
        )
        .map((name) => [name, withoutEffect(hostOnly)]),
    ),
  },
}

const throttleLimits: Readonly<Record<string, ElementRule>> = {
  group_name: holding(anyText),
  ...Object.fromEntries(
    [
      'bytes_sec',
      'iops_sec',
      'bytes_sec_max',
      'iops_sec_max',
      'bytes_sec_max_length',
      'iops_sec_max_length',
    ]
      .flatMap((limit) => ['total', 'read', 'write'].map((kind) => `${kind}_${limit}`))
      .map((limit) => [limit, holding(whole)]),
  ),
  size_iops_sec: holding(whole),
}

/** Everything that a `<domain>` may contain, from https://libvirt.org/formatdomain.html (libvirt 11.3). */
export const domainRule: ElementRule = {
  attributes: {
    type: kindOfElement('qemu', 'kvm'),
    id: valueWithoutEffect('libvirt numbers running domains with it'),
  },
  children: {
    name: holding(anyText),
    uuid: holding(uuid),
    genid: holding(anyText),
    title: withoutEffect(described),
    description: withoutEffect(described),
    metadata: withoutEffect(described),
    memory: {
      attributes: {
        unit: anyText,
        dumpCore: { kind: 'on-off' },
      },
      text: whole,
    },
    currentMemory: { attributes: { unit: anyText }, text: whole },
    maxMemory: { attributes: { unit: anyText, slots: whole }, text: whole },
    memoryBacking: memoryBackingRule,
    memtune: withoutEffect(hostOnly),
    blkiotune: withoutEffect(hostOnly),
    numatune: {
      children: {
        memory: attributes({
          mode: choice('strict', 'preferred', 'interleave', 'restrictive'),
          nodeset: numberSet,
          placement: valueWithoutEffect('libvirt asks another program for nodes that have room'),
        }),
        memnode: attributes({
          cellid: whole,
          mode: choice('strict', 'preferred', 'interleave', 'restrictive'),
          nodeset: numberSet,
        }),
      },
    },
    cputune: cpuTune,
    resource: withoutEffect(hostOnly),
    throttlegroups: { children: { throttlegroup: { children: throttleLimits } } },
    iothreads: holding(whole),
    iothreadids: {
      children: {
        iothread: {
          attributes: {
            id: whole,
            thread_pool_min: valueWithoutEffect(hostOnly),
            thread_pool_max: valueWithoutEffect(hostOnly),
          },
          children: { poll: withoutEffect(hostOnly) },
        },
      },
    },
    defaultiothread: withoutEffect(hostOnly),
    vcpu: {
      attributes: {
        placement: anyText,
        cpuset: numberSet,
        current: whole,
      },
      text: whole,
    },
    vcpus: {
      children: {
        vcpu: attributes({ id: whole, enabled: yesNo, hotpluggable: yesNo, order: whole }),
      },
    },
    sysinfo: sysinfoRule,
    os: osRule,
    features: featuresRule,
    cpu: cpuRule,
    clock: clockRule,
    on_poweroff: holding(choice('destroy', 'preserve')),
    on_reboot: holding(choice('destroy', 'restart', 'preserve')),
    on_crash: holding(
      choice('destroy', 'restart', 'preserve', 'coredump-destroy', 'coredump-restart'),
    ),
    on_lockfailure: withoutEffect('this program does not use a lock manager'),
    pm: {
      children: {
        'suspend-to-mem': attributes({ enabled: yesNo }),
        'suspend-to-disk': attributes({ enabled: yesNo }),
      },
    },
    perf: withoutEffect('it counts events on the host'),
    devices: devicesRule,
    seclabel: withoutEffect(
      'this program does not confine QEMU with SELinux, AppArmor or other users',
    ),
    launchSecurity: launchSecurityRule,
    keywrap: refused('it exists only on s390'),
    bootloader: refused('it exists only on Xen'),
    idmap: withoutEffect('it exists only in containers'),
    'qemu:commandline': {
      children: {
        'qemu:arg': attributes({ value: anyText }),
        'qemu:env': refused('QEMU has an environment of its own'),
      },
    },
    'qemu:override': refused(overridden),
    'qemu:capabilities': refused(overridden),
    'qemu:deprecation': withoutEffect('it only decides how libvirt reports old features'),
  },
}
