import { readFile, readdir, readlink, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { cloneLive, destroyDomain, restoreDomain } from '../../src/index.ts'
import { checkout, stasisGuest } from '../peers/commands/stasis-commands.ts'
import type { Measurement, Scenario } from '../rounds/measurement.ts'
import { type Suite, withoutEnd } from './suite.ts'

/** Lazy clones have memory of their own, so there are few of them, and they are measured with small guests only. */
const FEW = 10
const MANY = 100
const LARGEST_LAZY_BYTES = 2 ** 30

const ONE = 'one guest, loaded'

/** Until the guests have settled. */
const SETTLE_MS = 2000

/** Guests that were made together. */
interface Clones {
  readonly guests: readonly { readonly name: string; readonly id: number }[]
  /** The memory that they share, if it is in no file of a disk. */
  readonly sharedBytes?: number
}

/** Time and memory of each of several clones of a guest, beside one loaded guest. */
export const clonesSuite: Suite = {
  ...{ rounds: 1, usesRam: true, images: () => 1 },
  about: `time and memory of each of ${FEW} and ${MANY} clones, beside one loaded guest`,
  async open(setting) {
    const guest = await stasisGuest(setting, checkout, 'stasis')
    const stateDir = guest.commands.env['STASIS_STATE_DIR'] ?? ''
    const image = join(setting.directory, 'clones')
    await guest.start()
    await guest.save(image, '--parallel-compression', 'none')
    const restored = (count: number, mode: 'map' | 'lazy'): Scenario => ({
      ...{ name: `each of ${count} clones, ${mode}`, peer: ONE },
      measure: () => measure(stateDir, () => restoreClones(image, { stateDir, mode, count })),
    })
    return withoutEnd([
      { name: ONE, measure: () => measure(stateDir, () => load(image, stateDir)) },
      ...[restored(FEW, 'map'), restored(MANY, 'map')],
      ...(setting.ramBytes > LARGEST_LAZY_BYTES ? [] : [restored(FEW, 'lazy')]),
      {
        ...{ name: `each of ${FEW} clones, clone --live`, peer: ONE },
        async measure() {
          const { name } = await restoreDomain(image, { stateDir, mode: 'load' })
          try {
            return await measure(stateDir, () => cloneWhileItRuns(name, stateDir))
          } finally {
            await destroyDomain(name, { stateDir })
          }
        },
      },
    ])
  },
}

async function load(image: string, stateDir: string): Promise<Clones> {
  return { guests: [await restoreDomain(image, { stateDir, mode: 'load' })] }
}

/** One after the other. After a failure none is left. */
async function restoreClones(
  image: string,
  how: { readonly stateDir: string; readonly mode: 'map' | 'lazy'; readonly count: number },
): Promise<Clones> {
  const { stateDir, mode, count } = how
  const guests: { readonly name: string; readonly id: number }[] = []
  try {
    for (let number = 1; number <= count; number += 1)
      guests.push(await restoreDomain(image, { stateDir, mode, clone: { name: `c${number}` } }))
    return { guests }
  } catch (error) {
    for (const { name } of guests) await destroyDomain(name, { stateDir })
    throw error
  }
}

async function cloneWhileItRuns(name: string, stateDir: string): Promise<Clones> {
  const names = Array.from({ length: FEW }, (_, index) => `c${index + 1}`)
  const { clones, sharedBytes } = await cloneLive(name, names, { stateDir })
  return { guests: clones, sharedBytes }
}

/** Time until all run, and memory of their QEMUs, both for one of them. Ends them. */
async function measure(stateDir: string, make: () => Promise<Clones>): Promise<Measurement> {
  const started = performance.now()
  const { guests, sharedBytes = 0 } = await make()
  try {
    const seconds = (performance.now() - started) / 1000
    await sleep(SETTLE_MS)
    let bytes = sharedBytes
    for (const { id } of guests) bytes += await memoryOf(id)
    return { seconds: seconds / guests.length, peakBytes: bytes / guests.length }
  } finally {
    for (const { name } of guests) await destroyDomain(name, { stateDir })
  }
}

/**
 * How much of the host's memory a process uses: its share of its mappings, page cache included (Linux proc_pid_smaps(5), Pss), and all of its
 * memory files, because a guest that does not read maps nothing of them.
 */
async function memoryOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1')
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0)
  let bytes = (kib('Pss') - kib('Pss_Shmem')) * 1024
  const directory = `/proc/${pid}/fd`
  // QEMU has opened some of them twice.
  const met = new Set<number>()
  for (const fd of await readdir(directory)) {
    const name = await readlink(`${directory}/${fd}`).catch(() => '')
    if (!name.startsWith('/memfd:')) continue
    const { ino, blocks } = await stat(`${directory}/${fd}`)
    if (!met.has(ino)) bytes += blocks * 512
    met.add(ino)
  }
  return bytes
}
