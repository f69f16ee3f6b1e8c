import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import {
  StasisError,
  domainInfo,
  managedSaveDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../../src/index.ts'
import { removeImage } from '../../../src/image/remove-image.ts'
import type { TestQemu } from '../qemus.ts'
import { type Footprint, assertNoGrowth, footprintOf, processesOf } from './footprint.ts'
import { type Turn, turnsFor } from './turns.ts'
import { type WorkingGuest, startWorkingGuest } from './working-guest.ts'

/** A round that went well. */
export interface Round {
  readonly number: number
  readonly turn: Turn
  /** The mode that was used: `load` where the asked one is not possible with the format. */
  readonly mode: string
  readonly saveMs: number
  readonly restoreMs: number
  readonly footprint: Footprint
}

/** What a soak test found. */
export interface SoakResult {
  readonly rounds: readonly Round[]
  /** Turns of the disk writer, by the log on its disk. */
  readonly diskTurns: number
}

/** The first rounds load code and make files that stay. */
const WARM_UP = 3

/**
 * Saves and restores one working guest again and again, formats and modes in turn, and checks after each round what the guest found, that its time
 * goes on, and that nothing grows; and its file system in the end.
 * @throws AssertionError
 */
export async function soak(
  qemu: Pick<TestQemu, 'emulator' | 'major'>,
  options: {
    readonly rounds: number
    readonly seed: number
    readonly seconds?: number | undefined
    readonly onRound?: (round: Round) => void
  },
): Promise<SoakResult> {
  const { seconds = Infinity, onRound } = options
  const deadlineMs = performance.now() + seconds * 1000
  await using guest = await startWorkingGuest(qemu.emulator)
  const turns = turnsFor(qemu.major, options.seed)
  const rounds: Round[] = []
  let counts = await guest.check()
  let checkedMs = performance.now()
  for (let number = 1; number <= options.rounds && performance.now() < deadlineMs; number += 1) {
    const turn = turns[(number - 1) % turns.length] as Turn
    try {
      const { mode, saveMs, restoreMs, image } = await saveAndRestore(guest, turn, number)
      const now = await guest.check()
      const elapsed = (performance.now() - checkedMs) / 1000
      assert.ok(now.ticks > counts.ticks, 'the guest ticks on')
      assert.ok(now.uptimeSeconds > counts.uptimeSeconds, "the guest's clock goes on")
      assert.ok(now.uptimeSeconds - counts.uptimeSeconds < elapsed + 1, 'no time was added')
      checkedMs = performance.now()
      counts = now
      await onlyQemuLeft(guest)
      const { id = 0 } = await domainInfo(guest.name, { stateDir: guest.stateDir })
      const footprint = await footprintOf(guest.dir.path, id)
      const round = { number, turn, mode, saveMs, restoreMs, footprint }
      rounds.push(round)
      const first = rounds[WARM_UP]
      if (first !== undefined) assertNoGrowth(first.footprint, footprint, number)
      onRound?.(round)
      // A mapped image is in use until the guest is saved again, but its name may go.
      if (image !== undefined) await removeImage(image)
    } catch (cause) {
      throw new Error(`Round ${number} (${turn.name}) failed`, { cause })
    }
  }
  const diskTurns = await guest.shutDown()
  assert.deepEqual(await processesOf(guest.dir.path), [], 'no process is left')
  return { rounds, diskTurns }
}

async function saveAndRestore(
  guest: WorkingGuest,
  { save, managed, mode }: Turn,
  number: number,
): Promise<Pick<Round, 'mode' | 'saveMs' | 'restoreMs'> & { readonly image?: string | undefined }> {
  const { name, stateDir } = guest
  const options = { ...save, stateDir }
  const image = managed ? undefined : guest.dir.join(`image${number}`)
  const began = performance.now()
  if (image === undefined) await managedSaveDomain(name, options)
  else await saveDomain(name, image, options)
  const saved = performance.now()
  const restore = async (way: Turn['mode']): Promise<string> => {
    if (image === undefined) await startDomain(name, { stateDir, mode: way })
    else await restoreDomain(image, { stateDir, mode: way, wait: 'memory' })
    return way
  }
  const used = await restore(mode).catch(async (error: unknown) => {
    // Not every format can be mapped or loaded behind the guest. The refusal must cost nothing.
    const refused = ['IMAGE_INCOMPATIBLE', 'QEMU_LACKS_FEATURE'] as const
    if (mode === 'load' || !refused.some((code) => StasisError.is(error, code))) throw error
    return restore('load')
  })
  return { mode: used, saveMs: saved - began, restoreMs: performance.now() - saved, image }
}

/** After a lazy restore its page server and its supervisor end by themselves. */
async function onlyQemuLeft({ dir }: WorkingGuest): Promise<void> {
  const deadline = performance.now() + 60_000
  let left = await processesOf(dir.path)
  while (left.length > 1 && performance.now() < deadline) {
    await delay(200)
    left = await processesOf(dir.path)
  }
  assert.equal(left.length, 1, `processes ${left.join(', ')}: only QEMU is left`)
}
