import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { cacheDir } from './cache-dir.ts'

/** A QEMU that tests run on. */
export interface TestQemu {
  /** Major and minor version, which is also what machine types are named by: `pc-q35-${label}`. */
  readonly label: string
  readonly major: number
  readonly emulator: string
}

const emulators = ['/usr/bin/qemu-system-x86_64', join(cacheDir, 'qemu-10/qemu-system-x86_64')]
let found: readonly TestQemu[] | undefined

/** The QEMUs that are there: the distribution's first (7.2 on Debian 12), then QEMU 10 that `scripts/qemu-10` unpacks. */
export function qemus(): readonly TestQemu[] {
  found ??= emulators.flatMap((emulator) => {
    const { stdout } = spawnSync(emulator, ['--version'], { encoding: 'utf8' })
    const version = /version (?<major>\d+)\.(?<minor>\d+)/.exec(stdout ?? '')?.groups
    if (version === undefined) return []
    const { major = '', minor = '' } = version
    return [{ label: `${major}.${minor}`, major: Number(major), emulator }]
  })
  if (found.length === 0) throw new Error('There is no QEMU: run `npm run setup`')
  return found
}

/** Every day the newest of them, in the long run all: for what hardly depends on QEMU. */
export function newestQemu(): readonly TestQemu[] {
  return isLongRun() ? qemus() : qemus().slice(-1)
}

/** Every day the oldest of them, in the long run all: for faults that newer ones do not have. */
export function oldestQemu(): readonly TestQemu[] {
  return isLongRun() ? qemus() : qemus().slice(0, 1)
}

/** Whether this is `npm run test:all`. */
export function isLongRun(): boolean {
  return process.env['STASIS_LONG'] !== undefined
}
