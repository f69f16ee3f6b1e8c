import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  kindOfElement,
  onOff,
  refused,
  signed,
  valueWithoutEffect,
  whole,
  withoutEffect,
  yesNo,
} from './rule.ts'

const state: ElementRule = attributes({ state: onOff })
const otherMachine = 'it exists only on other architectures'

/** `<features>`: features of the virtual hardware and of the hypervisor. */
export const featuresRule: ElementRule = {
  children: {
    acpi: {},
    apic: attributes({ eoi: onOff }),
    pae: withoutEffect('guests of 64 bits always have it'),
    hap: withoutEffect('KVM always uses it where the host has it'),
    viridian: refused('it exists only on Xen; use <hyperv>'),
    privnet: refused('it exists only in containers'),
    hyperv: {
      attributes: { mode: choice('custom', 'passthrough') },
      children: {
        relaxed: state,
        vapic: state,
        spinlocks: attributes({ state: onOff, retries: whole }),
        vpindex: state,
        runtime: state,
        synic: state,
        stimer: { attributes: { state: onOff }, children: { direct: state } },
        reset: state,
        vendor_id: attributes({ state: onOff, value: anyText }),
        frequencies: state,
        reenlightenment: state,
        tlbflush: {
          attributes: { state: onOff },
          children: { direct: state, extended: state },
        },
        ipi: state,
        evmcs: state,
        avic: state,
        emsr_bitmap: state,
        xmm_input: state,
      },
    },
    kvm: {
      children: {
        hidden: state,
        'hint-dedicated': state,
        'poll-control': state,
        'pv-ipi': state,
        'dirty-ring': attributes({ state: onOff, size: whole }),
      },
    },
    pvspinlock: state,
    pmu: state,
    vmport: state,
    ps2: state,
    smm: {
      attributes: { state: onOff },
      children: { tseg: { attributes: { unit: anyText }, text: whole } },
    },
    ioapic: attributes({ driver: choice('kvm', 'qemu') }),
    vmcoreinfo: state,
    tcg: { children: { 'tb-cache': { attributes: { unit: anyText }, text: whole } } },
    capabilities: refused('it exists only in containers'),
    gic: attributes({ version: choice('2', '3', 'host') }),
    hpt: refused(otherMachine),
    htm: refused(otherMachine),
    ras: state,
    'nested-hv': refused(otherMachine),
    'async-teardown': attributes({ enabled: yesNo }),
  },
}

/** `<clock>`: the start of the guest's clock, and its timers. */
export const clockRule: ElementRule = {
  attributes: {
    offset: choice('utc', 'localtime', 'variable', 'absolute', 'timezone'),
    adjustment: signed,
    basis: choice('utc', 'localtime'),
    start: whole,
    timezone: anyText,
  },
  children: {
    timer: {
      attributes: {
        name: kindOfElement('rtc', 'pit', 'hpet', 'tsc', 'kvmclock', 'hypervclock', 'armvtimer'),
        present: yesNo,
        track: choice('guest', 'wall', 'realtime'),
        tickpolicy: choice('delay', 'catchup', 'discard', 'merge'),
        frequency: whole,
        mode: valueWithoutEffect('QEMU does not have this choice'),
      },
      children: { catchup: withoutEffect('QEMU does not have these limits') },
    },
  },
}
