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

/** Code and variable store of UEFI firmware for aarch64. */
export const AARCH64_UEFI: { readonly code: string; readonly variables: string } = {
  code: join(firmware, 'AAVMF_CODE.fd'),
  variables: join(firmware, 'AAVMF_VARS.fd'),
}

/** The tiny guest for aarch64, with a device of each usual kind, as a user would define it. It ends with its scope. */
export async function startTinyAarch64({ emulator }: TestQemu): Promise<TinyDomain> {
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const serial = dir.join('serial')
  const xml = `<domain type='qemu'><name>tiny</name><memory unit='MiB'>32</memory><vcpu>2</vcpu>
  <os><type arch='aarch64' machine='virt'>hvm</type><kernel>${kernel}</kernel></os>
  <cpu mode='custom'><model>cortex-a57</model></cpu>
  <devices>
    <emulator>${emulator}</emulator>
    <controller type='scsi' model='virtio-scsi'/>
    <interface type='user'/>
    <console type='file'><source path='${serial}' append='on'/></console>
    <input type='tablet'/>
    <video/>
    <memballoon model='virtio'/>
    <rng model='virtio'><backend model='builtin'/></rng>
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
