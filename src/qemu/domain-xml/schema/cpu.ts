import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  kindOfElement,
  numberSet,
  onOff,
  valueWithoutEffect,
  whole,
  withoutEffect,
  yesNo,
} from './rule.ts'

const check = 'QEMU itself checks what the host can do'

const interconnect = {
  initiator: whole,
  target: whole,
  cache: whole,
  type: choice('access', 'read', 'write'),
}

/** `<cpu>`, in a domain and in the cookie of a save image. */
export const cpuRule: ElementRule = {
  attributes: {
    mode: kindOfElement('custom', 'host-model', 'host-passthrough', 'maximum'),
    match: valueWithoutEffect(check),
    check: valueWithoutEffect(check),
    migratable: onOff,
    deprecated_features: valueWithoutEffect('it exists only on s390'),
  },
  children: {
    arch: withoutEffect('it repeats what <os> says'),
    model: {
      attributes: { fallback: valueWithoutEffect(check), vendor_id: anyText },
      text: anyText,
    },
    vendor: withoutEffect(check),
    microcode: withoutEffect(check),
    signature: withoutEffect(check),
    counter: withoutEffect(check),
    pages: withoutEffect(check),
    topology: attributes({
      sockets: whole,
      dies: whole,
      clusters: whole,
      cores: whole,
      threads: whole,
    }),
    cache: attributes({ level: choice('3'), mode: choice('emulate', 'passthrough', 'disable') }),
    maxphysaddr: attributes({ mode: choice('emulate', 'passthrough'), bits: whole, limit: whole }),
    feature: attributes({
      name: anyText,
      policy: choice('force', 'require', 'optional', 'disable', 'forbid'),
    }),
    numa: {
      children: {
        cell: {
          attributes: {
            id: whole,
            cpus: numberSet,
            memory: whole,
            unit: anyText,
            memAccess: choice('shared', 'private'),
            discard: yesNo,
          },
          children: {
            distances: { children: { sibling: attributes({ id: whole, value: whole }) } },
            cache: {
              attributes: {
                level: whole,
                associativity: choice('none', 'direct', 'full'),
                policy: choice('none', 'writeback', 'writethrough'),
              },
              children: {
                size: attributes({ value: whole, unit: anyText }),
                line: attributes({ value: whole, unit: anyText }),
              },
            },
          },
        },
        interconnects: {
          children: {
            latency: attributes({ ...interconnect, value: whole }),
            bandwidth: attributes({ ...interconnect, value: whole, unit: anyText }),
          },
        },
      },
    },
  },
}
