import './allow.ts'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { cacheDir } from './cache-dir.ts'

/** A QEMU that tests run on. */
export interface TestQemu {
  /** Major and minor version, as in the names of machine types: `pc-q35-${label}`. */
  readonly label: string
  readonly major: number
  readonly emulator: string
  /** Why it is missing. All its tests are then skipped. */
  readonly missing?: string
  /** Why most of its tests are skipped in this run. */
  readonly skipMost: string | false
}

const emulators = ['/usr/bin/qemu-system-x86_64', join(cacheDir, 'qemu-10/qemu-system-x86_64')]
const emulator11 = join(cacheDir, 'qemu-11/qemu-system-x86_64')
let found: readonly TestQemu[] | undefined

/** The available QEMUs: first the distribution's (7.2 on Debian 12), then QEMU 10, which `scripts/qemu-10` unpacks. */
export function qemus(): readonly TestQemu[] {
  found ??= emulators.flatMap((emulator) => {
    const version = versionOf(emulator)
    return version === undefined ? [] : [{ ...version, emulator, skipMost: false }]
  })
  if (found.length === 0) throw new Error('There is no QEMU: run `npm run setup`')
  return found
}

/**
 * These and QEMU 11, which `scripts/qemu-11` unpacks, for restores that do not wait for memory and for a round trip. If QEMU 11 cannot be
 * downloaded, it is in the list as `missing`. Usually only short tests run on it.
 */
export function withQemu11(others: readonly TestQemu[]): readonly TestQemu[] {
  const version = versionOf(emulator11)
  const skipMost = !isLongRun() && 'long run only'
  const qemu = { label: '11', major: 11, emulator: emulator11, ...version, skipMost }
  if (version !== undefined) return [...others, qemu]
  return [...others, { ...qemu, missing: 'QEMU 11 is not there: sh scripts/qemu-11 says why' }]
}

/** Usually the newest of them, in the long run all: for tests that hardly depend on QEMU. */
export function newestQemu(): readonly TestQemu[] {
  return isLongRun() ? qemus() : qemus().slice(-1)
}

/** Usually the oldest of them, in the long run all: for faults that newer ones do not have. */
export function oldestQemu(): readonly TestQemu[] {
  return isLongRun() ? qemus() : qemus().slice(0, 1)
}

/** Whether this is `npm run test:all`. */
export function isLongRun(): boolean {
  return process.env['STASIS_LONG'] !== undefined
}

/** The version of a QEMU; `undefined` when it does not run. */
export function versionOf(emulator: string): Pick<TestQemu, 'label' | 'major'> | undefined {
  const { stdout } = spawnSync(emulator, ['--version'], { encoding: 'utf8' })
  const version = /version (?<major>\d+)\.(?<minor>\d+)/.exec(stdout ?? '')?.groups
  if (version === undefined) return undefined
  const { major = '', minor = '' } = version
  return { label: `${major}.${minor}`, major: Number(major) }
}
