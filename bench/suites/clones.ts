import { readFile, readdir, readlink, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { FILL_FROM } from '../content/fill-guest.ts'
import { cloneLive, destroyDomain, restoreDomain, suspendDomain } from '../../src/index.ts'
import { checkout, stasisGuest } from '../peers/commands/stasis-commands.ts'
import type { Measurement, Scenario } from '../rounds/measurement.ts'
import { type BenchSetting, filledBytes } from '../setting.ts'
import { type Suite, withoutEnd } from './suite.ts'

/** So few share the processors while they run. */
const FEW = 10
/** So many are stopped: each is as soon as it runs, before the next one is made. */
const MANY = 100

const ONE = 'one guest, loaded'

/** What a QEMU needs beside the content of its guest. */
const PROCESS_BYTES = 40 * 2 ** 20

/** Memory of the host that stays free. */
const SPARE_BYTES = 2 * 2 ** 30

/** Until the guests have settled. */
const SETTLE_MS = 2000

/** Guests that were made together. */
interface Clones {
  readonly guests: readonly { readonly name: string; readonly id: number }[]
  /** How long that took. */
  readonly madeMs: number
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
    const live = (count: number): Scenario => ({
      ...{ name: `each of ${count} clones, clone --live`, peer: ONE },
      async measure() {
        const { name } = await restoreDomain(image, { stateDir, mode: 'load' })
        try {
          return await measure(stateDir, () => cloneWhileItRuns(name, { stateDir, count }))
        } finally {
          await destroyDomain(name, { stateDir })
        }
      },
    })
    return withoutEnd([
      { name: ONE, measure: () => measure(stateDir, () => load(image, stateDir)) },
      ...[restored(FEW, 'map'), restored(MANY, 'map')],
      ...[FEW, MANY]
        .filter((count) => fits(count, setting))
        .map((count) => restored(count, 'lazy')),
      ...[live(FEW), live(MANY)],
    ])
  },
}

/** Lazy clones have memory of their own. */
function fits(count: number, { ramBytes }: BenchSetting): boolean {
  const needed = count * (filledBytes({ ramBytes }) - FILL_FROM + PROCESS_BYTES)
  if (needed < freemem() - SPARE_BYTES) return true
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  console.error(
    `without ${count} lazy clones: ${gib(needed)} of memory, ${gib(freemem())} are free`,
  )
  return false
}

async function load(image: string, stateDir: string): Promise<Clones> {
  const started = performance.now()
  const guest = await restoreDomain(image, { stateDir, mode: 'load' })
  return { guests: [guest], madeMs: performance.now() - started }
}

/** How clones are made. */
interface CloneSetting {
  readonly stateDir: string
  readonly count: number
}

/** One after the other. After a failure none is left. */
async function restoreClones(
  image: string,
  { stateDir, mode, count }: CloneSetting & { readonly mode: 'map' | 'lazy' },
): Promise<Clones> {
  const guests: { readonly name: string; readonly id: number }[] = []
  let madeMs = 0
  try {
    for (let number = 1; number <= count; number += 1) {
      const started = performance.now()
      guests.push(await restoreDomain(image, { stateDir, mode, clone: { name: `c${number}` } }))
      madeMs += performance.now() - started
      if (count > FEW) await suspendDomain(`c${number}`, { stateDir })
    }
    return { guests, madeMs }
  } catch (error) {
    for (const { name } of guests) await destroyDomain(name, { stateDir })
    throw error
  }
}

async function cloneWhileItRuns(name: string, { stateDir, count }: CloneSetting): Promise<Clones> {
  const names = Array.from({ length: count }, (_, index) => `c${index + 1}`)
  const resumeAs = count > FEW ? 'paused' : undefined
  const { clones, sharedBytes, totalMs } = await cloneLive(name, names, { stateDir, resumeAs })
  return { guests: clones, sharedBytes, madeMs: totalMs }
}

/** Time until all ran, and memory of their QEMUs, both for one of them. Ends them. */
async function measure(stateDir: string, make: () => Promise<Clones>): Promise<Measurement> {
  const { guests, madeMs, sharedBytes = 0 } = await make()
  try {
    await sleep(SETTLE_MS)
    let bytes = sharedBytes
    for (const { id } of guests) bytes += await memoryOf(id)
    return { seconds: madeMs / 1000 / guests.length, peakBytes: bytes / guests.length }
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
