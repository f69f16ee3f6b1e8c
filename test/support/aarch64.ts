import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { defineDomain, destroyDomain, startDomain } from '../../src/index.ts'
import { cacheDir } from './cache-dir.ts'
import { CounterLog } from './counter-log.ts'
import { type TestQemu, versionOf } from './qemus.ts'
import { tempDir } from './temp-dir.ts'
import type { TinyDomain } from './tiny-domain.ts'

/** The QEMUs for aarch64 that `scripts/aarch64` unpacks. Those that are not there are in the list as `missing`. */
export function aarch64Qemus(): readonly TestQemu[] {
  return [7, 10].map((major) => {
    const emulator = join(cacheDir, `qemu-${major}-aarch64/qemu-system-aarch64`)
    const version = versionOf(emulator)
    const qemu = { label: String(major), major, emulator, skipMost: false as const }
    if (version !== undefined && existsSync(kernel)) return { ...qemu, ...version }
    return { ...qemu, missing: `QEMU ${major} for aarch64 is not there: sh scripts/aarch64` }
  })
}

const kernel = join(cacheDir, 'aarch64/tiny')

const firmware = join(cacheDir, 'aarch64/firmware/usr/share/AAVMF')

/** A machine with UEFI and a device of every usual kind. `disk` is a raw file. */
export function fullAarch64Xml({ emulator }: TestQemu, disk: string): string {
  return `<domain type='qemu'><name>full</name>
  <maxMemory unit='MiB' slots='4'>1024</maxMemory><memory unit='MiB'>256</memory><vcpu>4</vcpu><iothreads>1</iothreads>
  <os><type arch='aarch64' machine='virt'>hvm</type>
    <loader readonly='yes' type='pflash'>${AARCH64_UEFI.code}</loader>
    <nvram template='${AARCH64_UEFI.variables}'/><smbios mode='sysinfo'/></os>
  <sysinfo type='smbios'><system><entry name='manufacturer'>nobody</entry></system></sysinfo>
  <features><acpi/><gic version='3'/><vmcoreinfo/><pmu state='on'/></features>
  <cpu mode='maximum'><topology sockets='2' cores='2' threads='1'/><feature policy='disable' name='pauth'/>
    <numa><cell id='0' cpus='0-1' memory='64' unit='MiB'/><cell id='1' cpus='2-3' memory='64' unit='MiB'/></numa></cpu>
  <devices>
    <emulator>${emulator}</emulator>
    <disk type='file' device='disk'><driver name='qemu' type='raw' iothread='1'/><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='scsi'/></disk>
    <disk type='file' device='cdrom'><target dev='sdb' bus='sata'/></disk>
    <controller type='usb' model='qemu-xhci' ports='15'/>
    <controller type='scsi' model='virtio-scsi'/>
    <interface type='user'><model type='virtio'/></interface>
    <interface type='user'><model type='e1000e'/></interface>
    <console type='pty'/>
    <console type='pty'><target type='virtio'/></console>
    <serial type='pty'><target type='pci-serial'/></serial>
    <channel type='null'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <input type='tablet'/><input type='keyboard'/>
    <tpm><backend type='emulator'/></tpm>
    <graphics type='vnc' port='-1'/><video/><sound model='ich9'/>
    <watchdog model='i6300esb'/><panic/><memballoon model='virtio'/>
    <rng model='virtio'><backend model='builtin'/></rng>
    <iommu model='smmuv3'/>
    <memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>
  </devices></domain>`
}

/** Code and variable store of UEFI firmware for aarch64. */
const AARCH64_UEFI: { readonly code: string; readonly variables: string } = {
  code: join(firmware, 'AAVMF_CODE.fd'),
  variables: join(firmware, 'AAVMF_VARS.fd'),
}

/** Devices of the tiny guest, as a user would define them. */
const DEVICES = `
    <controller type='scsi' model='virtio-scsi'/>
    <interface type='user'/>
    <input type='tablet'/>
    <video/>
    <memballoon model='virtio'/>
    <rng model='virtio'><backend model='builtin'/></rng>`

/** The tiny guest for aarch64, with devices besides its serial port. It ends with its scope. */
export async function startTinyAarch64(
  { emulator }: TestQemu,
  devices: string = DEVICES,
): Promise<TinyDomain> {
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const serial = dir.join('serial')
  const xml = `<domain type='qemu'><name>tiny</name><memory unit='MiB'>32</memory><vcpu>2</vcpu>
  <os><type arch='aarch64' machine='virt'>hvm</type><kernel>${kernel}</kernel></os>
  <cpu mode='custom'><model>cortex-a57</model></cpu>
  <devices>
    <emulator>${emulator}</emulator>
    <console type='file'><source path='${serial}' append='on'/></console>${devices}
  </devices></domain>`
  try {
    await defineDomain(xml, { stateDir })
    await startDomain('tiny', { stateDir })
  } catch (error) {
    await dir[Symbol.asyncDispose]()
    throw error
  }
  return {
    name: 'tiny',
    ...{ dir, stateDir, xml, runtimeDir: join(stateDir, 'run'), log: new CounterLog(serial) },
    async [Symbol.asyncDispose](): Promise<void> {
      await destroyDomain('tiny', { stateDir }).catch(() => undefined)
      await dir[Symbol.asyncDispose]()
    },
  }
}
