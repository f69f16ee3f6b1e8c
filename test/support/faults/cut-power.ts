import { readFile, rm } from 'node:fs/promises'
import { makeFaultBed } from './bed.ts'
import {
  type DiskState,
  EVERYTHING,
  NOTHING_MORE,
  type Survivors,
  afterPowerCut,
  digestOf,
  randomSurvivors,
} from './disk-model.ts'
import { Random } from '../random.ts'
import { faultEnvironment } from './fault-environment.ts'
import type { Change } from './journal.ts'
import type { PowerCut, PowerOperation } from './power-operations.ts'
import { readDisk, writeDisk } from './snapshot-disk.ts'

/** The results of one operation. */
export interface PowerRow {
  /** Recorded changes of files, syncs among them. */
  changes: number
  /** Power cuts: moments and what survived of the changes that were not synced. */
  cuts: number
  /** Different disks that they leave. */
  disks: number
  /** Disks on which the next commands were run. */
  used: number
  lost: number
}

/** How much is tried. */
export interface PowerExtent {
  readonly seed: number
  /** Random choices of survivors at each moment, besides none and all. */
  readonly choices: number
  readonly maxUsed: number
  readonly deadlineMs: number
  /** Forget the syncs: then something must be lost. */
  readonly withoutSyncs?: boolean | undefined
  readonly report: (text: string) => void
}

/** Records the changes of an operation, and looks at the disk that each power cut in it would leave. */
export async function cutPowerIn(
  operation: PowerOperation,
  emulator: string,
  extent: PowerExtent,
): Promise<PowerRow> {
  await using bed = await makeFaultBed(emulator)
  await operation.prepare(bed)
  const before = readDisk(bed.dir.path)
  const journal = `${bed.dir.path}.journal`
  const { exitCode, stderr } = await bed.run(
    operation.argv(bed),
    faultEnvironment({ journal, within: bed.dir.path }),
  )
  if (exitCode !== 0) throw new Error(`${operation.name}: ${stderr}`)
  const changes = (await readFile(journal, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Change)
    .filter(({ act }) => extent.withoutSyncs !== true || act !== 'sync-end')
  await rm(journal)
  await bed.cutPower()
  const after = readDisk(bed.dir.path)
  const row: PowerRow = { changes: changes.length, cuts: 0, disks: 0, used: 0, lost: 0 }

  const replayed = afterPowerCut(before, changes, changes.length, EVERYTHING)
  const complaint = difference(replayed, after)
  if (complaint !== undefined)
    throw new Error(`${operation.name}: the journal misses a change: ${complaint}`)

  const random = new Random(extent.seed)
  const disks = new Map<string, { readonly cut: PowerCut; readonly what: string }>()
  for (let count = 0; count <= changes.length; count += 1) {
    const choices: readonly (readonly [string, Survivors])[] = [
      ['nothing more', NOTHING_MORE],
      ['everything', EVERYTHING],
      ...Array.from(
        { length: extent.choices },
        (_, at) => [`random ${at}`, randomSurvivors(random)] as const,
      ),
    ]
    for (const [what, survivors] of choices) {
      row.cuts += 1
      const now = afterPowerCut(before, changes, count, survivors)
      const commands = new Set(
        changes
          .slice(0, count)
          .flatMap((change) => (change.act === 'command' ? [change.name] : [])),
      )
      const isComplete = count === changes.length
      const key = `${digestOf(now)} ${[...commands].join(' ')} ${isComplete}`
      if (disks.has(key)) continue
      const cut = { bed, before, after, now, commands, isComplete }
      const text = `after change ${count} of ${changes.length} (${textOf(changes[count - 1])}), surviving: ${what}`
      disks.set(key, { cut, what: text })
    }
  }
  row.disks = disks.size
  for (const { cut, what } of disks.values()) attempt(what, () => operation.look(cut))
  for (const { cut, what } of new Random(extent.seed)
    .shuffled([...disks.values()])
    .slice(0, extent.maxUsed)) {
    if (performance.now() > extent.deadlineMs) break
    writeDisk(bed.dir.path, cut.now)
    row.used += 1
    await operation.use(cut).catch((error: unknown) => lose(what, error))
    await bed.cutPower()
  }
  return row

  function attempt(what: string, look: () => void): void {
    try {
      look()
    } catch (error) {
      lose(what, error)
    }
  }

  function lose(what: string, error: unknown): void {
    row.lost += 1
    extent.report(`${operation.name}: ${what}: ${(error as Error).message.trim()}`)
  }
}

function textOf(change: Change | undefined): string {
  if (change === undefined) return 'none'
  const { act } = change
  if ('path' in change) return `${act} ${change.path}`
  if (change.act === 'command') return `command ${change.name}`
  return 'file' in change ? `${act} ${change.file}` : act
}

/** The first path that differs; `undefined` for equal disks. What QEMU writes itself, such as the output of the guest, is left out. */
function difference(one: DiskState, other: DiskState): string | undefined {
  for (const path of new Set([...one.names.keys(), ...other.names.keys()])) {
    if (path.endsWith('/serial') || /\/state\/(run|cache|log)(\/|$)/.test(path)) continue
    const [a, b] = [one.names.get(path), other.names.get(path)]
    if (a?.kind !== b?.kind) return `${path}: ${a?.kind} and not ${b?.kind}`
    if (
      a?.kind === 'file' &&
      b?.kind === 'file' &&
      one.files.get(a.file)?.equals(other.files.get(b.file) ?? Buffer.alloc(0)) !== true
    )
      return path
  }
  return undefined
}
