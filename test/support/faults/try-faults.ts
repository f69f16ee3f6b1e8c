import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { type FaultBed, makeFaultBed } from './bed.ts'
import { FAULTS_OF, mustSurvive } from './errors.ts'
import { faultEnvironment } from './fault-environment.ts'
import { type Operation, lookAt } from './operations.ts'
import { type Place, readPlaces, sourceLines } from './places.ts'
import type { Fault } from './plan.ts'

/** Documented exit codes of a command that could not do its work; 70 is a fault of Stasis. */
const REFUSALS: ReadonlySet<number> = new Set([3, 4, 5, 6, 7])

/** The results of one operation. */
export interface Row {
  /** Places that can fail. */
  places: number
  /** Places that were made to fail. */
  failed: number
  /** Places of lines and kinds of paths that were made to fail in another operation, and therefore not here. */
  elsewhere: number
  /** Faults that were made, of which a place can have several. */
  faults: number
  survived: number
  refused: number
  /** Planned faults whose place the operation did not reach again. */
  unreached: number
  lost: number
}

/** How much is tried. */
export interface Extent {
  /** Only the most usual error of each place. */
  readonly oneEach: boolean
  readonly deadlineMs: number
  /** Chooses and orders the trials. */
  readonly choose: (trials: readonly Trial[]) => readonly Trial[]
  /** Keys of places that were made to fail in other operations, if they are left out here. */
  readonly known?: Set<string> | undefined
  readonly report: (text: string) => void
}

/** A fault to make. */
export interface Trial {
  readonly place: Place
  readonly fault: Fault
  readonly nth: number
}

/** The places of an operation: what it comes by when nothing fails. */
export async function placesOf(operation: Operation, bed: FaultBed): Promise<readonly Place[]> {
  const { dir } = bed
  const record = `${dir.path}.places`
  // The first time also makes what is only made once, such as a cache of probes.
  const { exitCode, stderr } = await bed.run(
    operation.argv(bed),
    faultEnvironment({ record, within: dir.path }),
  )
  if (exitCode !== 0) throw new Error(`${operation.name} without a fault: ${stderr}`)
  await operation.done(bed, lookAt(bed))
  const places = await readPlaces(record)
  await rm(record)
  return places.filter(({ call }) => FAULTS_OF[call] !== undefined)
}

/** Makes the places of an operation fail in turn, and looks at the guest, the images and the records after each. */
export async function tryFaults(
  operation: Operation,
  emulator: string,
  extent: Extent,
): Promise<Row> {
  const row: Row = {
    places: 0,
    failed: 0,
    elsewhere: 0,
    faults: 0,
    survived: 0,
    refused: 0,
    unreached: 0,
    lost: 0,
  }
  let bed = await makeFaultBed(emulator)
  try {
    await operation.prepare(bed)
    const places = await placesOf(operation, bed)
    let isReady = await operation.again(bed)
    row.places = places.length
    const fresh = places.filter(({ key }) => extent.known?.has(key) !== true)
    row.elsewhere = places.length - fresh.length
    const failed = new Set<string>()
    const missed: Trial[] = []
    const attempt = async (trial: Trial): Promise<boolean> => {
      if (!isReady) {
        await bed[Symbol.asyncDispose]()
        bed = await makeFaultBed(emulator)
        await operation.prepare(bed)
      }
      const result = await tryOne(operation, bed, trial)
      isReady = result.isReady
      if (result.outcome === 'unreached') return false
      failed.add(trial.place.key)
      extent.known?.add(trial.place.key)
      row.faults += 1
      row[result.outcome] += 1
      if (result.outcome === 'lost')
        extent.report(`${operation.name}: ${textOf(trial)}\n    ${result.text}`)
      return true
    }
    for (const trial of extent.choose(trialsOf(fresh, extent.oneEach))) {
      if (performance.now() > extent.deadlineMs) break
      if (!(await attempt(trial))) missed.push(trial)
    }
    // Some places are only reached for the first time on a bed.
    for (const trial of missed) {
      if (performance.now() > extent.deadlineMs) break
      isReady = false
      if (!(await attempt(trial))) row.unreached += 1
    }
    row.failed = failed.size
    return row
  } finally {
    await bed[Symbol.asyncDispose]()
  }
}

function trialsOf(places: readonly Place[], oneEach: boolean): readonly Trial[] {
  return places.flatMap((place) => {
    const [first = 'EIO', ...others] = FAULTS_OF[place.call] ?? []
    const one = [{ place, fault: first, nth: 1 }]
    if (oneEach) return one
    const more = others.map((fault) => ({ place, fault, nth: 1 }))
    // A monitor can be lost at each of its messages; elsewhere the last time is the other end of a loop.
    const times =
      place.call === 'receive'
        ? Array.from({ length: Math.min(place.count, 40) }, (_, at) => at + 1)
        : [1, place.count]
    const later = [...new Set(times)]
      .filter((nth) => nth > 1)
      .map((nth) => ({ place, fault: first, nth }))
    return [...one, ...more, ...later]
  })
}

interface Result {
  readonly outcome: 'survived' | 'refused' | 'lost' | 'unreached'
  readonly text: string
  readonly isReady: boolean
}

async function tryOne(
  operation: Operation,
  bed: FaultBed,
  { place, fault, nth }: Trial,
): Promise<Result> {
  const before = lookAt(bed)
  const fired = `${bed.dir.path}.fired`
  await rm(fired, { force: true })
  const env = faultEnvironment({
    fault: `${place.call}:${fault}:${nth}:@${place.key}`,
    fired,
    within: bed.dir.path,
  })
  const { exitCode, stderr } = await bed.run(operation.argv(bed), env)
  const hasFired = existsSync(fired)
  const what = hasFired ? await readFile(fired, 'utf8') : ''
  await rm(fired, { force: true })
  try {
    if (exitCode !== 0 && !REFUSALS.has(exitCode)) throw new Error(`exit code ${exitCode}`)
    if (/^\s+at .*:\d+:\d+/m.test(stderr)) throw new Error('a stack trace')
    await (exitCode === 0 ? operation.done : operation.refused)(bed, before)
    if (exitCode !== 0 && hasFired && mustSurvive(place.call, fault))
      throw new Error('it is an ordinary course of the call, and must be survived')
    let isReady = await operation.again(bed)
    if (isReady && bed.litter().length > 0) {
      // The next command removes what could not be removed.
      await bed.must(...operation.argv(bed))
      await operation.done(bed, before)
      isReady = await operation.again(bed)
      const left = bed.litter()
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`)
    }
    if (!hasFired) return { outcome: 'unreached', text: '', isReady }
    return { outcome: exitCode === 0 ? 'survived' : 'refused', text: '', isReady }
  } catch (error) {
    const text = `${what.trim()}: exit code ${exitCode}: ${(error as Error).message.trim()}\n    ${stderr.trim()}`
    return { outcome: 'lost', text, isReady: false }
  }
}

function textOf({ place, fault, nth }: Trial): string {
  return `${place.call}:${fault}:${nth} ${place.path} at ${sourceLines(place.lines)}`
}
