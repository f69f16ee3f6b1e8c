import { readFile, readdir, readlink, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { destroyDomain, restoreDomain } from '../../src/index.ts'
import { checkout, stasisGuest } from '../peers/commands/stasis-commands.ts'
import type { Measurement } from '../rounds/measurement.ts'
import { type Suite, withoutEnd } from './suite.ts'

const CLONES = 10

/** Until the guests have settled. */
const SETTLE_MS = 2000

/** How much memory ten clones of a guest use, mapped from one file, beside one loaded guest. */
export const clonesSuite: Suite = {
  ...{ rounds: 1, usesRam: true, images: () => 1 },
  about: 'the memory of ten clones that are mapped from one file, beside one loaded guest',
  async open(setting) {
    const guest = await stasisGuest(setting, checkout, 'stasis')
    const stateDir = guest.commands.env['STASIS_STATE_DIR'] ?? ''
    const image = join(setting.directory, 'clones')
    await guest.start()
    await guest.save(image, '--parallel-compression', 'none')
    return withoutEnd([
      { name: 'one guest, loaded', measure: () => loadOne(image, stateDir) },
      { name: `${CLONES} clones, mapped`, measure: () => mapClones(image, stateDir) },
    ])
  },
}

async function loadOne(image: string, stateDir: string): Promise<Measurement> {
  const started = performance.now()
  const { id, name } = await restoreDomain(image, { stateDir, mode: 'load' })
  const seconds = (performance.now() - started) / 1000
  await sleep(SETTLE_MS)
  const peakBytes = await memoryOf(id)
  await destroyDomain(name, { stateDir })
  return { seconds, peakBytes }
}

/** `seconds` until all of them run, `peakBytes` of their QEMUs together. */
async function mapClones(image: string, stateDir: string): Promise<Measurement> {
  const clones: { readonly name: string; readonly id: number }[] = []
  try {
    const started = performance.now()
    for (let number = 1; number <= CLONES; number += 1)
      clones.push(
        await restoreDomain(image, { stateDir, mode: 'map', clone: { name: `c${number}` } }),
      )
    const seconds = (performance.now() - started) / 1000
    await sleep(SETTLE_MS)
    let peakBytes = 0
    for (const { id } of clones) peakBytes += await memoryOf(id)
    return { seconds, peakBytes }
  } finally {
    for (const clone of clones) await destroyDomain(clone.name, { stateDir })
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
